"""Process clues: what is behind the time and the memory of a command or a function, each with its line, share and evidence.

What samples tell is only said where they are enough to tell it.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from bmad_provisioner.kinds.performance.clue import CAPACITY, HEAVY, TIME, Clue, chains, passes, place, top
from bmad_provisioner.kinds.performance.exports.profiles import Frame, Stacks
from bmad_provisioner.kinds.performance.looked import Doubled
from bmad_provisioner.kinds.performance.memory import Memory
from bmad_provisioner.kinds.performance.order import FUNCTION, Target
from bmad_provisioner.kinds.performance.processes import Ran, Witnessed
from bmad_provisioner.kinds.performance.profiling import Hot, Profile, hot, is_ours
from bmad_provisioner.kinds.performance.quantities import told_seconds, told_size
from bmad_provisioner.kinds.performance.scaling import STEEP, exponent
from bmad_provisioner.kinds.performance.testimony import Line, Seen, busy, waits

FEW = 30
"""Looks that are too few to say anything by."""
PART = 0.25
"""The least part of the whole that is worth a word."""
LARGE = 50e6
"""Bytes at the peak that a line has to hold to be worth a word."""
_BRIEF = 0.001
"""Seconds of a call below which it hardly waits, or hardly grows: of a whole process they are `HEAVY`."""
_LITTLE = 0.15
"""The part of the time that a function has to take for anybody to mind what it does."""
_KEPT, _STILL = 256.0, 0.6
"""Bytes that a call leaves behind which are no noise, and the part of the first calls' that the later ones still leave."""
_IMPORTING, _STARTING = "_find_and_load", "subprocess.py"


@dataclass(frozen=True, slots=True)
class Examined:
    """All that was found out about a command or a function: its runs, where they spend their time, what becomes of it when
    its arguments are doubled, its memory, and what a witness told."""

    target: Target
    ran: tuple[Ran, ...]
    profile: Profile = field(default_factory=Profile)
    scaled: tuple[Doubled, ...] = ()
    memory: Memory = field(default_factory=Memory)
    inside: Witnessed = field(default_factory=Witnessed)

    @property
    def name(self) -> str:
        """What was run."""
        return self.target.python if self.target.sort == FUNCTION else shlex.join(self.target.command)[:80]

    @property
    def _good(self) -> list[Ran]:
        return [one for one in self.ran if not one.problem]

    @property
    def seconds(self) -> float:
        """What a run, or a call, takes by the clock at least, since load of the machine only adds; 0 where none came to its end."""
        return min((one.seconds for one in self._good), default=0.0)

    @property
    def cpu(self) -> float:
        """What it takes of the processor at least."""
        return min((one.cpu for one in self._good), default=0.0)

    @property
    def peak(self) -> int:
        """The bytes that it held at most."""
        return max((one.peak for one in self._good), default=0)

    @property
    def at_work(self) -> float:
        """The part of its time in which it is at work."""
        return min(1.0, self.cpu / self.seconds) if self.seconds else 0.0


def process_clues(examined: Examined) -> Iterator[Clue]:
    """Yield what is behind the time and the memory of a command or a function; nothing of one that always fails."""
    if not examined.seconds:
        return
    steep = list(_steep(examined))
    yield from steep
    yield from _heavy(examined, {(one.line.path, one.line.function) for one in steep if one.line})
    yield from _waits(examined)
    yield from _memory(examined)


def _steep(examined: Examined) -> Iterator[Clue]:
    """Yield what grows faster than what is asked for; a line only once, whatever makes it grow."""
    said, found = set[Line | None](), [one for one in hot(examined.profile.busy) if one.looks >= FEW]
    for doubled in sorted(examined.scaled, key=lambda one: -max(one.costs)):
        steepness = exponent(doubled.sizes, doubled.costs)
        if steepness < STEEP or max(doubled.costs) < _BRIEF:
            continue
        line, at = _steepest(doubled, found)
        if line in said:
            continue
        said.add(line)
        share, looks = (at.own * examined.at_work, at.looks) if at else (_beyond(doubled), 0)
        costs = " -> ".join(told_seconds(cost) for cost in doubled.costs)
        evidence = (
            f"`{doubled.name}` doubled {'twice' if len(doubled.costs) > 2 else 'once'}: {costs}, as its power of {steepness:.1f}"
        )
        yield Clue(
            "superlinear", examined.name, line, share, looks, TIME, evidence, "a set, a dict or a sort instead of a loop in a loop"
        )


def _steepest(doubled: Doubled, found: Sequence[Hot]) -> tuple[Line | None, Hot | None]:
    """Return the line that most of the largest is spent at, and what the profile says of its function, if anything.

    The witness sees the right function, but of its lines only those where the interpreter lets go.
    """
    work = Counter[Line]()
    for line, spent in busy(doubled.largest.seen).items():
        work[Line(line.path, line.number, _named(line.function))] += spent  # type: ignore[assignment]
    seen = top(work)
    for one in found:
        if seen is None or (one.line.path, one.line.function) == (seen.path, seen.function):
            return one.line, one
    known = {line: spent for line, spent in work.items() if line.number and seen and line.function == seen.function}
    return top(known), None


def _beyond(doubled: Doubled) -> float:
    """Return the part of the usual cost that is more than its line: c of a + bn + cn^2 by three costs, or by two without a."""
    first, second, *third = doubled.costs
    more = (third[0] - 3 * second + 2 * first) / 6 if third else (second - 2 * first) / 2
    return max(0.0, min(1.0, more / first))


def _heavy(examined: Examined, said: set[tuple[str, str]]) -> Iterator[Clue]:
    """Yield the function of the project that most of the work is done in, or for, unless more was said of it."""
    found = hot(examined.profile.busy)
    if not found or found[0].looks < FEW or found[0].own < PART or (found[0].line.path, found[0].line.function) in said:
        return
    hottest, part = found[0], found[0].own * examined.at_work
    if part < _LITTLE:
        return
    each = "call" if examined.target.sort == FUNCTION else "run"
    evidence = f"{told_seconds(examined.cpu)} of the processor for each {each}, {hottest.own:.0%} of it here"
    is_import = _imports(examined.profile.busy, hottest) > 0.5
    remedy = (
        "import it where it is used: `python -X importtime` tells what each module takes"
        if is_import
        else "do less, or keep the result"
    )
    yield Clue("slow-handler", examined.name, hottest.line, part, hottest.looks, TIME, evidence, remedy)


def _imports(stacks: Stacks, hottest: Hot) -> float:
    """Return the part of what is counted to a line that is importing."""
    at = {stack: weight for stack, weight in stacks.items() if (inner := _inner(stack)) and _at(inner, hottest.line)}
    return sum(weight for stack, weight in at.items() if any(one.name == _IMPORTING for one in stack)) / (sum(at.values()) or 1.0)


def _inner(stack: Sequence[Frame]) -> Frame | None:
    return next((frame for frame in reversed(stack) if is_ours(frame)), None)


def _at(frame: Frame, line: Line) -> bool:
    return (frame.path, frame.line) == (line.path, line.number)


def _named(function: str) -> str:
    """Return the function that what has no name of its own is written in."""
    return function.partition(".<locals>.<")[0]


def _waits(examined: Examined) -> Iterator[Clue]:
    """Yield what it waits for: programs that it started, and else whatever leaves the processor idle."""
    children = _children(examined.profile)
    yield from _for_children(examined, children)
    idle = examined.seconds - examined.cpu
    if idle < (_BRIEF if examined.target.sort == FUNCTION else HEAVY) or examined.at_work > 0.5:
        return
    evidence = f"{told_seconds(idle)} of {told_seconds(examined.seconds)} are waiting"
    seen = [one for one in waits(examined.inside.said.seen) if one.lines[-1] not in children]
    if len(seen) >= FEW:  # what awaits is on no stack, but the witness sees it
        often, line = _in_a_row(examined.inside, seen), place(chains(seen), examined.inside.repeated)
        looks, part = len(examined.inside.said.looks), min(1.0, idle / examined.seconds)
    else:
        found = _idle(examined.profile, children)
        often, line = sum(many >= 0.1 * found.total() for many in found.values()), top(found)
        looks, part = found.total(), found.total() / max(1, _lines(examined.profile.every).total())
    if looks >= FEW and part >= PART:
        yield _wait(examined, line, part, looks, (evidence, "ask for less, or keep the answer"), often)


def _wait(examined: Examined, line: Line | None, part: float, looks: int, said: tuple[str, str], often: float) -> Clue:
    evidence, remedy = said
    if often < 1.5:
        return Clue("slow-wait", examined.name, line, part, looks, TIME, evidence, remedy)
    evidence += f", {often:.0f} times one after the other"
    return Clue("sequential-io", examined.name, line, part, looks, TIME, evidence, _TOGETHER)


_TOGETHER = "wait for them together: `asyncio.gather`, a thread pool; or ask once"


def _children(profile: Profile) -> Counter[Line]:
    """Count the looks that found a line waiting for a program that it started."""
    return _lines({stack: weight for stack, weight in profile.every.items() if any(one.path.endswith(_STARTING) for one in stack)})


def _for_children(examined: Examined, children: Counter[Line]) -> Iterator[Clue]:
    looks = _lines(examined.profile.every).total()
    if looks < FEW or children.total() < PART * looks:
        return
    part = children.total() / looks
    said = f"{part:.0%} of its time it waits for programs that it started", "start fewer of them, or do it in the process"
    often = sum(many >= 0.1 * looks for many in children.values())
    yield _wait(examined, top(children), part, looks, said, often)


def _lines(stacks: Stacks) -> Counter[Line]:
    """Count looks by the innermost line of the project."""
    found = Counter[Line]()
    for stack, weight in stacks.items():
        inner = _inner(stack)
        if inner is not None:
            found[Line(inner.path, inner.line, _named(inner.name))] += round(weight)
    return found


def _idle(profile: Profile, children: Counter[Line]) -> Counter[Line]:
    """Count the looks that found a line waiting for something else than a thread or a program, which have their own reasons."""
    every = _lines({stack: weight for stack, weight in profile.every.items() if not stack[-1].path.endswith("threading.py")})
    return Counter({line: many for line, many in (every - _lines(profile.busy)).items() if line not in children})


def _in_a_row(inside: Witnessed, seen: Sequence[Seen]) -> float:
    """Return how many waits of a run, or a call, follow each other; 1 where one is most of it, or where they are together."""
    line = top(Counter(one.lines[-1] for one in seen))
    together = [len({one.who for one in each if one.lines[-1] == line}) for each in passes(inside.said.looks, seen).values()]
    if sum(together) >= 1.5 * sum(map(bool, together)):
        return 1.0
    turns = Counter((one.who, one.turn, one.lines[-1]) for one in seen)
    lines, usual = Counter(one.lines[-1] for one in seen), len(seen) / inside.calls
    if max(turns.values()) > 0.7 * usual:
        return 1.0
    long = (turn for turn, many in turns.items() if many >= 0.04 * usual and lines[turn[-1]] >= 0.1 * len(seen))
    return sum(1 for _ in long) / inside.calls


def _memory(examined: Examined) -> Iterator[Clue]:
    held = examined.memory.held
    whole, found = sum(held.values()), hot(held)
    if found and found[0].own >= PART and found[0].own * whole >= LARGE:
        size = found[0].own * whole
        evidence = f"holds {told_size(size)} of the {told_size(whole)} at the peak"
        share = min(1.0, size / max(examined.peak, whole))
        remedy = "keep less of it at a time: a generator, parts, or a smaller type"
        yield Clue("peak-memory", examined.name, found[0].line, share, 0, CAPACITY, evidence, remedy)
    growth = examined.memory.growth
    if growth is not None and growth.second >= _KEPT and growth.second >= _STILL * growth.first:
        evidence = f"each call leaves {told_size(growth.second)} behind, the later ones as well"
        yield Clue("leak", examined.name, top(growth.lines), 1.0, 0, CAPACITY, evidence, "let go of what no later call needs")
