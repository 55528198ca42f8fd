"""Capacity clues: what keeps a service from answering many at once, and what it holds on to until there is no more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from bmad_provisioner.kinds.performance.clue import CAPACITY, NO_WITNESS, Clue, chains, name, passes, place, top, usual, waited
from bmad_provisioner.kinds.performance.looked import Looked
from bmad_provisioner.kinds.performance.quantities import told_size
from bmad_provisioner.kinds.performance.testimony import Line, Seen, waits

GAIN, IDLE = 2.5, 0.5
"""How many times as fast as one a crowd is served at most, and the part of a processor that is busy with it, where one
waits for the other."""
_LEAST = 0.008
_AT_ONCE = 2.5
"""Requests past a gate at the same time, from which it is no lock: it lets several in."""
_GATES = frozenset(
    {"threading.py", "locks.py", "queue.py", "queues.py", "_synchronization.py", "synchronize.py", "lock.py", "_sync.py"}
)
"""Files of the standard library, and of others that do the same, in which one waits for another thread or task."""


def crowded(looked: Looked) -> Iterator[Clue]:
    """Yield what many wait for at once: each other (lock), or something that stops the event loop for all (blocking)."""
    if len(looked.crowds) < 2 or not looked.crowds[0].rate or waited(looked) < _LEAST:
        return
    alone, many = looked.crowds[0], looked.crowds[-1]
    gain = many.rate / alone.rate
    if gain > min(max(GAIN, 1.3 * looked.processes), many.many / 2) or many.busy > IDLE:
        return
    if looked.cpu is not None and looked.cpu > 0.5 * usual(looked):
        return
    evidence = f"{many.many} at once are served {gain:.1f} times as fast as one, with {many.busy:.0%} of a processor busy"
    part = 1 - 1 / many.many
    if not looked.witnessed:
        remedy = "let nobody wait for another: hold locks for less, wait without stopping others"
        yield Clue("lock", name(looked), None, part, 0, CAPACITY, f"{evidence}; {NO_WITNESS}", remedy)
        return
    found = _gate(looked) or _stop(looked)
    if found is not None:
        kind, line, looks = found
        remedy = (
            "hold the lock for less, or not while waiting"
            if kind == "lock"
            else "let nothing wait in the event loop: `await` it, or use a thread"
        )
        yield Clue(kind, name(looked), line, part, looks, CAPACITY, evidence, remedy)


def _gate(looked: Looked) -> tuple[str, Line, int] | None:
    """Return where most of a crowd stands at a time, waiting for each other: in a lock, or in a call that nothing is seen of."""
    asking = {one.line for one in looked.inside.heard if one.what == "sql"}
    seen = [one for one in waits(looked.crowded.seen) if _is_gate(one) and (one.leaf[0] in _GATES or one.lines[-1] not in asking)]
    together = passes(looked.crowded.looks, seen)
    line = place(chains(seen), shared=looked.shared)
    if line is None:
        return None
    counts = [len({one.who for one in each if line in one.lines}) for each in together.values()]
    crowd = looked.crowds[-1].many
    looks = len(looked.crowded.looks)
    if _let_in(looked, line) > _AT_ONCE:
        return None
    if sum(counts) >= 0.25 * crowd * 0.5 * looks and sum(count >= 2 for count in counts) >= 0.4 * looks:
        return "lock", line, looks
    return None


def _let_in(looked: Looked, gate: Line) -> float:
    """Return how many, on average, are past a gate and wait for something else: of a pool that is full there are several."""
    others = [one for one in waits(looked.crowded.seen) if gate not in one.lines and not _is_gate(one)]
    together = [len({one.who for one in each}) for each in passes(looked.crowded.looks, others).values()]
    return sum(together) / len(together) if together else 0.0


def _is_gate(one: Seen) -> bool:
    """Whether it waits for another thread or task: in a file that is known for it, or in C called by the project itself."""
    file, number, _ = one.leaf
    if file in _GATES:
        return True
    inner = one.lines[-1]
    return one.ran is not None and inner.path.rpartition("/")[2] == file and inner.number == number


def _stop(looked: Looked) -> tuple[str, Line, int] | None:
    """Return the line in which the thread of an event loop waits most of the time."""
    seen = [one for one in waits(looked.crowded.seen) if one.loop and one.ran is not None and one.leaf[0] not in _GATES]
    looks = len(looked.crowded.looks)
    line = top(Counter(one.lines[-1] for one in seen))
    return ("blocking", line, looks) if line is not None and len(seen) >= 0.5 * looks else None


def growth(looked: Looked) -> Iterator[Clue]:
    """Yield what is left behind by each request, and never let go."""
    found = looked.growth
    if found is None:
        return
    least = 0.0 if looked.ask.method in ("GET", "HEAD") else 2000 + 20 * len(looked.ask.body)  # what is posted is meant to stay
    lines = {line: each for line, each in found.lines.items() if each > least}
    if lines or not found.lines:
        line = place({(one,): each for one, each in lines.items()})
        evidence = (
            f"each request leaves {told_size(sum(lines.values()) or found.second)} behind, after {found.asked} requests still"
        )
        evidence += "" if looked.witnessed else f"; {NO_WITNESS}"
        yield Clue("leak", name(looked), line, 1.0, 0, CAPACITY, evidence, "let go of what no later request needs")
