"""Clue: one thing that is slow or large, with its line, its share and its evidence; and what all that find clues ask of a look."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from statistics import median

from bmad_provisioner.kinds.performance.looked import Looked
from bmad_provisioner.kinds.performance.testimony import Line, Seen

TIME, CAPACITY, BYTES, START, PAGE = "time", "capacity", "bytes", "start", "page"
"""What a remedy saves: seconds of an answer, how many can be served, what travels, seconds after a start, what visitors of a page
wait for or see move."""
HEAVY = 0.03
"""Seconds below which nobody minds where they go."""
KEPT = 4000.0
"""Bytes a request that are no noise of the allocator."""
NO_WITNESS = "where is not known: no witness could be put into the process"
Chain = tuple[Line, ...]


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


def name(looked: Looked) -> str:
    """Return how a request is called."""
    return f"{looked.ask.method} {looked.ask.path}"


def usual(looked: Looked) -> float:
    """Return the seconds that an answer usually takes."""
    return median(one.seconds for one in looked.plain)


def waited(looked: Looked) -> float:
    """Return the seconds of an answer in which nothing of the service could have run: the load of the machine is no part of it."""
    return looked.idle if looked.idle is not None else min(one.seconds for one in looked.plain) - (looked.cpu or 0.0)


def share(looked: Looked, line: Line | None) -> tuple[float, int]:
    """Return the part of the looks that found a line at work or waiting, itself or in what it called, and how many looks."""
    looks = looked.inside.looks
    if line is None or not looks:
        return 0.0, 0
    at = {
        _look(looks, one.time)
        for one in looked.inside.seen
        if any((a.path, a.number) == (line.path, line.number) for a in one.lines)
    }
    return min(len(at) / len(looks), 1.0), len(looks)


def _look(looks: Sequence[float], time: float) -> int:

    return bisect_right(looks, time)


def passes(looks: Sequence[float], seen: Iterable[Seen]) -> Mapping[int, list[Seen]]:
    """Return what was seen together, at one look."""
    found: dict[int, list[Seen]] = {}
    for one in seen:
        found.setdefault(_look(looks, one.time), []).append(one)
    return found


def top(found: Mapping[Line, float]) -> Line | None:
    """Return the line with the most in the function with the most."""
    functions: Counter[tuple[str, str]] = Counter()
    for line, amount in found.items():
        functions[(line.path, line.function)] += amount  # type: ignore[assignment]
    if not functions:
        return None
    most = max(functions, key=lambda one: (functions[one], one))
    return min((line for line in found if (line.path, line.function) == most), key=lambda line: (-found[line], line))


def place(chains: Mapping[Chain, float], repeated: Set[Line] = frozenset(), shared: Set[Line] = frozenset()) -> Line | None:
    """Return the line that is to blame for something that lines, from the outside in, led to, each so many times.

    From the innermost line outwards it is the first that a loop or a recursion repeats; where there is neither, the function
    that calls from several of its lines; and else the innermost line. Lines that are `shared` by other requests are only
    taken where there is nothing else: who asks is to blame, not what all ask by.
    """
    innermost = top(_innermost(chains))
    some = {chain: amount for chain, amount in chains.items() if chain and chain[-1] == innermost}
    if innermost is None or not some:
        return None
    chain = max(some, key=lambda one: (some[one], len(one), one))
    for line in reversed(chain):
        if (line in repeated or chain.count(line) > 1) and line not in shared:
            return line
    for depth in range(len(chain) - 1, -1, -1):
        level: Counter[Line] = Counter()
        for one, amount in some.items():
            if len(one) > depth and one[:depth] == chain[:depth] and one[depth].function == chain[depth].function:
                level[one[depth]] += amount  # type: ignore[assignment]
        if len(level) > 1:
            return top(level)
    return next((line for line in reversed(chain) if line not in shared), innermost)


def _innermost(chains: Mapping[Chain, float]) -> Mapping[Line, float]:
    found: Counter[Line] = Counter()
    for chain, amount in chains.items():
        if chain:
            found[chain[-1]] += amount  # type: ignore[assignment]
    return found


def chains(seen: Iterable[Seen], of: str = "looks") -> Mapping[Chain, float]:
    """Count looks, or add up the processor seconds (`ran`), by the lines that were seen."""
    found: Counter[Chain] = Counter()
    for one in seen:
        if one.lines:
            found[one.lines] += 1 if of == "looks" else (one.ran or 0.0)  # type: ignore[assignment]
    return {chain: amount for chain, amount in found.items() if amount > 0}
