"""Ready: which task goes next, and whether there is room for it."""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heappop, heappush

from bmad_provisioner.engine.attempt import Attempt
from bmad_provisioner.engine.task import Lane, Resources, Task

_PATIENCE = 16
"""How often others may overtake a task there is no room for; after that they wait for it."""

_ROUNDING = 1e-6
"""Processors: less than this over the capacity is the rounding of binary fractions."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """What a run may occupy at once: slots, bytes of memory, processors of the profile, and worker processes that compute.

    `each` is what a task occupies that does not say so itself.
    """

    slots: int = 4
    memory: int = 1 << 62
    cpu: float = 1e9
    processes: int = 2
    each: Resources = Resources()


class Room:
    """How much of a capacity is taken. A task that is larger than all of it runs while nothing else does."""

    def __init__(self, capacity: Capacity) -> None:
        self._capacity = capacity
        self._memory, self._cpu, self._running, self._computing, self._closed = 0, 0.0, 0, 0, False

    def of(self, task: Task) -> Resources:
        """Return what `task` occupies: what it says, else what each does; and never less than its floor."""
        own, each, floor = task.resources, self._capacity.each, task.floor
        return Resources(max(own.memory or each.memory, floor.memory), max(own.cpu or each.cpu, floor.cpu))

    @property
    def full(self) -> bool:
        """Whether no task of any kind fits."""
        return self._closed or self._running >= self._capacity.slots

    def fits(self, one: Attempt) -> bool:
        """Return whether a task may start now."""
        if not self._running:
            return True
        lane = one.task.action.lane
        if self.full or lane is Lane.ALONE:
            return False
        return (
            (lane is not Lane.CPU or self._computing < self._capacity.processes)
            and self._memory + one.wanted.memory <= self._capacity.memory
            and self._cpu + one.wanted.cpu <= self._capacity.cpu + _ROUNDING
        )

    def take(self, one: Attempt) -> None:
        """Occupy what a task wants."""
        self._count(one, 1)
        self._closed = one.task.action.lane is Lane.ALONE

    def give(self, one: Attempt) -> None:
        """Free what a task occupied."""
        self._count(one, -1)
        self._closed = False

    def _count(self, one: Attempt, sign: int) -> None:
        self._running += sign
        self._memory += sign * one.wanted.memory
        self._cpu += sign * one.wanted.cpu
        if one.task.action.lane is Lane.CPU:
            self._computing += sign


_Place = tuple[int, float, int]
_Shape = tuple[Lane, int, float]
_Line = list[tuple[_Place, Attempt]]


class Ready:
    """Tasks whose needs are met: by priority, then by the longest path still ahead of them, then as they came.

    A task there is no room for lets smaller ones pass for a while. Delayed tasks come back when their time has come.
    Tasks that want the same room stand in one line: if there is none for its first, there is none for the others.
    """

    def __init__(self) -> None:
        self._lines: dict[_Shape, _Line] = {}
        self._delayed: list[tuple[float, _Place, Attempt]] = []
        self._passed: dict[str, int] = {}
        self._count = 0

    def __bool__(self) -> bool:
        return bool(self._lines or self._delayed)

    def push(self, one: Attempt) -> None:
        """Add a task."""
        self._line_up(self._place(one), one)

    def delay(self, one: Attempt, until: float) -> None:
        """Add a task that must not start before `until`, on the clock that `pop` is asked with."""
        heappush(self._delayed, (until, self._place(one), one))

    def _place(self, one: Attempt) -> _Place:
        self._count += 1
        return one.task.priority, -one.ahead, self._count

    def _line_up(self, place: _Place, one: Attempt) -> None:
        shape = one.task.action.lane, one.wanted.memory, one.wanted.cpu
        heappush(self._lines.setdefault(shape, []), (place, one))

    @property
    def wakes(self) -> float | None:
        """The time at which the next delayed task comes back."""
        return self._delayed[0][0] if self._delayed else None

    def pop(self, room: Room, now: float) -> Attempt | None:
        """Return the next task that fits, or `None`."""
        while self._delayed and self._delayed[0][0] <= now:
            self._line_up(*heappop(self._delayed)[1:])
        if room.full:
            return None
        overtaken: list[str] = []
        for shape, line in self._in_order():
            one = line[0][1]
            if room.fits(one):
                for name in overtaken:
                    self._passed[name] = self._passed.get(name, 0) + 1
                heappop(line)
                if not line:
                    del self._lines[shape]
                return one
            if one.task.action.lane is Lane.ALONE or self._passed.get(one.task.name, 0) >= _PATIENCE:
                break
            overtaken.append(one.task.name)
        return None

    def _in_order(self) -> list[tuple[_Shape, _Line]]:
        """Return the lines, by who is first in them."""
        lines = list(self._lines.items())
        return sorted(lines, key=lambda each: each[1][0][0]) if len(lines) > 1 else lines
