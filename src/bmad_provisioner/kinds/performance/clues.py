"""Clues: what is behind the time, the processor and the bytes of a request, each with its line, its share and its evidence.

A clue is only taken up where it weighs something by itself: a request that is quick has a hottest line too.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from statistics import median

from bmad_provisioner.kinds.performance.looked import Looked
from bmad_provisioner.kinds.performance.quantities import told_seconds, told_size
from bmad_provisioner.kinds.performance.scaling import STEEP, exponent
from bmad_provisioner.kinds.performance.testimony import Line, Seen, busy, shape, waiting

TIME, CAPACITY, BYTES, START = "time", "capacity", "bytes", "start"
"""What a remedy saves: seconds of an answer, how many can be served, what travels, seconds after a start."""
MANY = 10
"""Statements of one shape in one request."""
HEAVY = 0.03
"""Seconds below which nobody minds where they go."""
COLD, COLD_TIMES = 0.15, 4.0
"""Seconds more than usual, and how many times the usual, that make a first answer worth a word."""
KEPT = 4000.0
"""Bytes a request that are no noise of the allocator."""
_PACKED = 20_000
_TEXT = ("text/", "application/json", "application/javascript", "application/xml", "image/svg")
_LOCKS = frozenset({"acquire", "__enter__", "wait", "get", "result"})


@dataclass(frozen=True, slots=True)
class Clue:
    """One thing that is slow or large: its kind, the request, the line, its part of the whole (0 to 1) with the number of
    looks behind it (0: it was counted, not sampled), what it would save, and what was seen."""

    kind: str
    request: str
    line: Line | None
    share: float
    looks: int
    lane: str
    evidence: str
    remedy: str = ""


def clues(looked: Looked) -> Iterator[Clue]:
    """Yield what is behind one request; what the witness saw counts only where it changed no answer."""
    if not looked.plain or not any(one.status for one in looked.plain):
        return
    yield from _packing(looked)
    yield from _growth(looked)
    if looked.same:
        for each in (_repeated, _whole_tables, _steep, _waits, _crowded, _cold, _heavy):
            yield from each(looked)


def _name(looked: Looked) -> str:
    return f"{looked.ask.method} {looked.ask.path}"


def _usual(looked: Looked) -> float:
    return median(one.seconds for one in looked.plain)


def _per_request(looked: Looked) -> int:
    return max(len(looked.asked), 1)


def _at(seen: Iterable[Seen], fits: Callable[[Line], bool]) -> int:
    return sum(bool(one.lines) and fits(one.lines[-1]) for one in seen)


def _share(looked: Looked, line: Line | None) -> tuple[float, int]:
    """Return the part of the looks that found a line at work or waiting, and how many looks there were."""
    looks = len(looked.inside.seen)
    if line is None or not looks:
        return 0.0, 0
    return _at(looked.inside.seen, lambda one: (one.path, one.function) == (line.path, line.function)) / looks, looks


def _repeated(looked: Looked) -> Iterator[Clue]:
    for statement, count in looked.inside.statements().most_common(3):
        each = count / _per_request(looked)
        if each < MANY:
            continue
        behind = Counter(one.line for one in looked.inside.heard if one.what == "sql" and shape(one.about) == statement)
        line = behind.most_common(1)[0][0]
        share, looks = _share(looked, line)
        yield Clue(
            "n-plus-one", _name(looked), line, max(share, 0.0), looks, TIME,
            f"{each:.0f} statements of one shape in one request: `{statement[:120]}`", "ask once for all of them: a join, or `IN (...)`",
        )  # fmt: skip


def _whole_tables(looked: Looked) -> Iterator[Clue]:
    for scan in looked.scans:
        asked = [one for one in looked.inside.heard if one.what == "sql" and shape(one.about) == shape(scan.statement)]
        line = Counter(one.line for one in asked).most_common(1)[0][0] if asked else None
        share, looks = _share(looked, line)
        evidence = f"reads all {scan.rows:,} rows of `{scan.table}`: `{shape(scan.statement)[:120]}`"
        yield Clue("missing-index", _name(looked), line, share, looks, TIME, evidence, scan.remedy)


def _steep(looked: Looked) -> Iterator[Clue]:
    for doubled in looked.doubled:
        steepness = exponent(doubled.sizes, doubled.costs)
        if steepness < STEEP or max(doubled.costs) < HEAVY:
            continue
        line = _top(busy(doubled.largest.seen))
        share, looks = _share(looked, line)
        evidence = f"`{doubled.name}` doubled twice: {' -> '.join(told_seconds(cost) for cost in doubled.costs)}, as its power of {steepness:.1f}"
        yield Clue("superlinear", _name(looked), line, share, looks, TIME, evidence, "a set, a dict or a sort instead of a loop in a loop")


def _top(found: object) -> Line | None:
    rows = sorted(found.items(), key=lambda item: (-item[1], item[0])) if isinstance(found, dict) else []
    return rows[0][0] if rows else None


def _waits(looked: Looked) -> Iterator[Clue]:
    """Yield waits that follow each other: of the clock, the part in which the processor had nothing to do."""
    usual = _usual(looked)
    if usual - looked.cpu < HEAVY or looked.cpu > 0.5 * usual:
        return
    sql = {one.line for one in looked.inside.heard if one.what == "sql"}
    found = {line: count for line, count in waiting(looked.inside.seen).items() if line not in sql}
    looks = max(len(looked.inside.seen), 1)
    line = _top(found)
    if line is None or found[line] / looks < 0.2:
        return
    events = [one for one in looked.inside.heard if one.what != "sql" and one.line is not None]
    each = len([one for one in events if one.line == line]) / _per_request(looked)
    places = [one for one, count in found.items() if count / looks >= 0.1]
    in_a_row = each >= 2 or len(places) >= 2
    share = sum(found[one] for one in places) / looks if in_a_row else found[line] / looks
    evidence = f"{told_seconds(usual - looked.cpu)} of {told_seconds(usual)} are waiting" + (
        f", {max(each, len(places)):.0f} times one after the other" if in_a_row else ""
    )
    kind = "sequential-io" if in_a_row else "slow-wait"
    remedy = "wait for them together (`asyncio.gather`, a thread pool), or ask once" if in_a_row else "ask for less, or keep the answer"
    yield Clue(kind, _name(looked), line, min(share, 1.0), looks, TIME, evidence, remedy)


def _crowded(looked: Looked) -> Iterator[Clue]:
    if len(looked.crowds) < 2 or not looked.crowds[0].rate:
        return
    alone, many = looked.crowds[0], looked.crowds[-1]
    gain = many.rate / alone.rate
    if gain > 2.5 or many.busy > 0.5 or _usual(looked) < 0.005:
        return
    found = waiting(looked.crowded.seen)
    line = _top(dict(found))
    at = [one for one in looked.crowded.seen if one.lines and one.lines[-1] == line]
    is_lock = len({one.who for one in at}) >= 3
    evidence = f"{many.many} at once are served {gain:.1f} times as fast as one, with {many.busy:.0%} of a processor busy"
    kind = "lock" if is_lock else "blocking"
    remedy = "hold the lock for less, or not while waiting" if is_lock else "let nothing wait in the event loop: `await` it, or use a thread"
    yield Clue(kind, _name(looked), line, 1 - 1 / many.many, len(at), CAPACITY, evidence, remedy)


def _cold(looked: Looked) -> Iterator[Clue]:
    usual, first = _usual(looked), looked.first.seconds
    if first - usual < COLD or first < COLD_TIMES * usual:
        return
    looks = len(looked.cold.seen)
    line = _top(dict(Counter(one.lines[-1] for one in looked.cold.seen if one.lines)))
    if line is None or _at(looked.cold.seen, lambda one: one.function == line.function) / looks < 0.4:
        return
    evidence = f"the first answer after a start takes {told_seconds(first)}, later ones {told_seconds(usual)}"
    yield Clue("cold-cache", _name(looked), line, (first - usual) / first, looks, START, evidence, "fill it before the first request")


def _heavy(looked: Looked) -> Iterator[Clue]:
    """Yield the function that the processor is busy with, where an answer takes long because of it."""
    if looked.cpu < HEAVY:
        return
    found = busy(looked.inside.seen)
    total = sum(found.values())
    line = _top(dict(found))
    if line is None or total <= 0:
        return
    share = sum(spent for one, spent in found.items() if (one.path, one.function) == (line.path, line.function)) / total
    if share >= 0.25:
        evidence = f"{told_seconds(looked.cpu)} of the processor for each answer, {share:.0%} of it here"
        yield Clue("slow-handler", _name(looked), line, share, len(looked.inside.seen), TIME, evidence, "do less, or keep the result")


def _packing(looked: Looked) -> Iterator[Clue]:
    answer = looked.plain[-1]
    kind = answer.headers.get("content-type", "")
    if answer.headers.get("content-encoding") or not kind.startswith(_TEXT):
        return
    saved = len(answer.body) - len(zlib.compress(answer.body, 6))
    if saved >= _PACKED:
        share = saved / len(answer.body)
        evidence = f"{told_size(len(answer.body))} of {kind.partition(';')[0]} travel as they are; packed they are {told_size(len(answer.body) - saved)}"
        yield Clue("no-compression", _name(looked), None, share, 0, BYTES, evidence, "compress answers (gzip) where the client takes it")


def _growth(looked: Looked) -> Iterator[Clue]:
    growth = looked.growth
    if growth is None or growth.second < KEPT or growth.second < 0.3 * growth.first:
        return
    line = _top(dict(growth.lines))
    evidence = f"each request leaves {told_size(growth.second)} behind, also after the first hundreds"
    yield Clue("leak", _name(looked), line, 1.0, 0, CAPACITY, evidence, "let go of what no later request needs")


