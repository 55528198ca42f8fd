"""Time clues: what one request spends its time on: statements, loops that grow, waits, a first answer, work of the processor."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bmad_provisioner.kinds.performance.clue import (
    HEAVY,
    NO_WITNESS,
    START,
    TIME,
    Chain,
    Clue,
    chains,
    name,
    passes,
    place,
    share,
    top,
    usual,
    waited,
)
from bmad_provisioner.kinds.performance.looked import Looked
from bmad_provisioner.kinds.performance.quantities import told_seconds
from bmad_provisioner.kinds.performance.scaling import exponent, is_steep
from bmad_provisioner.kinds.performance.testimony import Heard, Line, Seen, shape, waits

MANY = 10
"""Statements of one shape in one request."""
COLD, COLD_TIMES = 0.15, 4.0
"""Seconds more than usual, and how many times the usual, that make a first answer worth a word."""
LONG, BUSY = 0.15, 0.05
"""Seconds of a single wait, and of work of the processor, from which they are worth a word."""
_TOGETHER = 1.5
"""Waits under way at the same time, on average, that make them waits together."""
_READS = ("select", "with", "update", "delete", "show", "call")


def clues(looked: Looked) -> Iterator[Clue]:
    """Yield what is behind the time of a request."""
    for each in (_repeated, _whole_tables, _steep, _waits, _cold, _heavy):
        yield from each(looked)


def _statements(looked: Looked, statement: str) -> list[Heard]:
    return [one for one in looked.inside.heard if one.what == "sql" and shape(one.about) == statement]


def _repeated(looked: Looked) -> Iterator[Clue]:
    for statement, count in looked.inside.statements().most_common(5):
        each = count / max(len(looked.asked), 1)
        if each < MANY or not statement.lower().startswith(_READS):
            continue
        behind = Counter(one.lines for one in _statements(looked, statement))
        line = place(behind, looked.repeated, looked.shared)
        part, looks = share(looked, line)
        inner = behind.most_common(1)[0][0][-1:]
        asked_at = f", asked in {inner[0].path}:{inner[0].number}" if inner and inner[0] != line else ""
        evidence = f"{each:.0f} statements of one shape in one request{asked_at}: `{statement[:120]}`"
        yield Clue("n-plus-one", name(looked), line, part, looks, TIME, evidence, "ask once for all of them: a join, or `IN (...)`")


def _whole_tables(looked: Looked) -> Iterator[Clue]:
    for scan in looked.scans:
        asked = _statements(looked, shape(scan.statement))
        line = place(Counter(one.lines for one in asked), shared=looked.shared)
        part, looks = share(looked, line)
        evidence = f"reads all {scan.rows:,} rows of `{scan.table}`, {scan.saved:.0%} less work with an index: "
        evidence += f"`{shape(scan.statement)[:120]}`"
        yield Clue("missing-index", name(looked), line, part, looks, TIME, evidence, scan.remedy)


def _steep(looked: Looked) -> Iterator[Clue]:
    for doubled in looked.doubled:
        steepness = exponent(doubled.sizes, doubled.costs)
        if not is_steep(doubled.sizes, doubled.costs) or max(doubled.costs) < HEAVY:
            continue
        line = place(chains(doubled.largest.seen, "ran"), looked.repeated, looked.shared)
        part, looks = share(looked, line)
        costs = " -> ".join(told_seconds(cost) for cost in doubled.costs)
        evidence = (
            f"`{doubled.name}` {' -> '.join(f'{size:g}' for size in doubled.sizes)} takes {costs}: its power of {steepness:.1f}"
        )
        evidence += "" if looked.witnessed else f"; {NO_WITNESS}"
        remedy = "a set, a dict or a sort instead of a loop in a loop"
        yield Clue("superlinear", name(looked), line, part if looks else 1 - 4 ** (1 - steepness), looks, TIME, evidence, remedy)


@dataclass(frozen=True, slots=True)
class _Wait:
    """Looks that found one and the same wait."""

    chain: Chain
    looks: int


def _waits(looked: Looked) -> Iterator[Clue]:
    """Yield waits that follow each other, or one long one: of the time in which the processor had nothing to do."""
    idle, whole = waited(looked), usual(looked)
    if looked.cpu is None or idle < HEAVY or looked.cpu > 0.5 * whole:
        return
    evidence = f"{told_seconds(idle)} of {told_seconds(whole)} are waiting"
    if not looked.witnessed:
        if idle >= LONG:
            yield Clue("slow-wait", name(looked), None, min(idle / whole, 1.0), 0, TIME, f"{evidence}; {NO_WITNESS}", _ASK_LESS)
        return
    seen = waits(looked.inside.seen)
    if _are_together(looked, seen):
        return
    several = _one_after_the_other(looked, seen)
    if len(several) >= 2:
        found: Counter[Chain] = Counter()
        for one in several:
            found[one.chain] += one.looks
        line = place(found, looked.repeated, looked.shared)
        evidence += f", {len(several)} times one after the other"
        kind, remedy = "sequential-io", "wait for them together (`asyncio.gather`, a thread pool), or ask once"
    elif idle >= LONG:
        line, kind, remedy = place(chains(seen), frozenset()), "slow-wait", _ASK_LESS
    else:
        return
    looks = len(looked.inside.looks)
    if line is not None and looks:
        yield Clue(kind, name(looked), line, min(idle / whole, 1.0), looks, TIME, evidence, remedy)


_ASK_LESS = "ask for less, or keep the answer"


def _are_together(looked: Looked, seen: Sequence[Seen]) -> bool:
    """Whether several waits are under way at the same time in the line where most of the waiting is."""
    line = top(Counter(one.lines[-1] for one in seen))
    together = [len({one.who for one in each if one.lines[-1] == line}) for each in passes(looked.inside.looks, seen).values()]
    some = [count for count in together if count]
    return bool(some) and sum(some) / len(some) >= _TOGETHER


def _one_after_the_other(looked: Looked, seen: Sequence[Seen]) -> list[_Wait]:
    """Return the waits of a usual answer, where there are several and none of them is most of the waiting."""
    answers = [_waits_of([one for one in seen if answer.began <= one.time < answer.ended]) for answer in looked.asked]
    answers.sort(key=len)
    if not answers:
        return []
    middle = answers[len(answers) // 2]
    total = sum(one.looks for one in middle)
    return middle if all(one.looks <= 0.7 * total for one in middle) else middle[:1]


def _waits_of(seen: Sequence[Seen]) -> list[_Wait]:
    """Return the waits of the thread or task that waits most often: of two at the same time one waits for the other. What
    also waits when nobody asks is only taken where nothing else waits twice."""
    found: dict[tuple[bool, int], dict[tuple[int, Line], list[Seen]]] = {}
    for one in seen:
        found.setdefault((not one.stays, one.who), {}).setdefault((one.turn, one.lines[-1]), []).append(one)
    best: tuple[tuple[bool, int, int], list[_Wait]] = ((False, 0, 0), [])
    for (own, _), each in found.items():
        total = sum(len(looks) for looks in each.values())
        some = [_Wait(looks[0].lines, len(looks)) for looks in each.values() if len(looks) >= max(1, 0.04 * total)]
        best = max(best, ((own and len(some) > 1, len(some), total), some), key=lambda one: one[0])
    return best[1]


def _cold(looked: Looked) -> Iterator[Clue]:
    """Yield what the first answer waited for, where it was slow after both starts, and what it did is not done later."""
    whole = usual(looked)
    first = min(one.seconds for one in (looked.first, looked.again) if one is not None)
    if first - whole < COLD or first < COLD_TIMES * whole or looked.first.status != looked.plain[-1].status:
        return
    evidence = f"the first answer after a start takes {told_seconds(first)}, later ones {told_seconds(whole)}"
    part = (first - whole) / first
    remedy = "fill it before the first request"
    if not looked.witnessed:
        yield Clue("cold-cache", name(looked), None, part, 0, START, f"{evidence}; {NO_WITNESS}", remedy)
        return
    later = Counter(one.lines[-1].function for one in looked.inside.seen if one.lines)
    more: dict[Chain, float] = {
        chain: amount for chain, amount in chains(looked.cold.seen).items()
        if later[chain[-1].function] / max(len(looked.asked), 1) < 0.5 * amount
    }  # fmt: skip
    line = place(more, shared=looked.shared)
    if line is not None and sum(more.values()) >= 0.4 * len(looked.cold.looks):
        yield Clue("cold-cache", name(looked), line, part, len(looked.cold.looks), START, evidence, remedy)


def _heavy(looked: Looked) -> Iterator[Clue]:
    """Yield the function that the processor is busy with, where an answer takes long because of it."""
    if looked.cpu is None or looked.cpu < BUSY:
        return
    evidence, remedy = f"{told_seconds(looked.cpu)} of the processor for each answer", "do less, or keep the result"
    if not looked.witnessed:
        yield Clue(
            "slow-handler", name(looked), None, min(looked.cpu / usual(looked), 1.0), 0, TIME, f"{evidence}; {NO_WITNESS}", remedy
        )
        return
    found = chains(looked.inside.seen, "ran")
    line = place(found, looked.repeated, looked.shared)
    if line is None:
        return
    at_it = _of_function(found, line) / sum(found.values())
    if at_it >= 0.25:
        part = at_it * min(looked.cpu / min(one.seconds for one in looked.plain), 1.0)
        yield Clue(
            "slow-handler", name(looked), line, part, len(looked.inside.looks), TIME, f"{evidence}, {at_it:.0%} of it here", remedy
        )


def _of_function(found: Mapping[Chain, float], line: Line) -> float:
    return sum(
        amount for chain, amount in found.items() if any((one.path, one.function) == (line.path, line.function) for one in chain)
    )
