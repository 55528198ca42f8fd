"""Ready: which task goes next, and whether there is room for it."""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heappop, heappush

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

    def fits(self, task: Task) -> bool:
        """Return whether `task` may start now."""
        if not self._running:
            return True
        if self.full or task.action.lane is Lane.ALONE:
            return False
        wanted = self.of(task)
        return (
            (task.action.lane is not Lane.CPU or self._computing < self._capacity.processes)
            and self._memory + wanted.memory <= self._capacity.memory
            and self._cpu + wanted.cpu <= self._capacity.cpu + _ROUNDING
        )

    def take(self, task: Task) -> None:
        """Occupy what `task` needs."""
        self._count(task, 1)
        self._closed = task.action.lane is Lane.ALONE

    def give(self, task: Task) -> None:
        """Free what `task` needed."""
        self._count(task, -1)
        self._closed = False

    def _count(self, task: Task, sign: int) -> None:
        self._running += sign
        self._computing += sign * (task.action.lane is Lane.CPU)
        wanted = self.of(task)
        self._memory += sign * wanted.memory
        self._cpu += sign * wanted.cpu


_Place = tuple[int, float, int]
_Shape = tuple[Lane, Resources]


class Ready:
    """Tasks whose needs are met: by priority, then by the longest path still ahead of them, then as they came.

    A task there is no room for lets smaller ones pass for a while. Delayed tasks come back when their time has come.
    Tasks that want the same room stand in one line: if there is none for its first, there is none for the others.
    """

    def __init__(self) -> None:
        self._lines: dict[_Shape, list[tuple[_Place, Task]]] = {}
        self._delayed: list[tuple[float, _Place, Task]] = []
        self._passed: dict[str, int] = {}
        self._count = 0

    def __bool__(self) -> bool:
        return bool(self._lines or self._delayed)

    def push(self, task: Task, ahead: float) -> None:
        """Add a task; `ahead` is the length of the longest path from its start, in seconds."""
        self._line_up(self._place(task, ahead), task)

    def delay(self, task: Task, ahead: float, until: float) -> None:
        """Add a task that must not start before `until`, on the clock that `pop` is asked with."""
        heappush(self._delayed, (until, self._place(task, ahead), task))

    def _place(self, task: Task, ahead: float) -> _Place:
        self._count += 1
        return task.priority, -ahead, self._count

    def _line_up(self, place: _Place, task: Task) -> None:
        heappush(self._lines.setdefault((task.action.lane, task.resources), []), (place, task))

    @property
    def wakes(self) -> float | None:
        """The time at which the next delayed task comes back."""
        return self._delayed[0][0] if self._delayed else None

    def pop(self, room: Room, now: float) -> Task | None:
        """Return the next task that fits, or `None`."""
        while self._delayed and self._delayed[0][0] <= now:
            self._line_up(*heappop(self._delayed)[1:])
        if room.full:
            return None
        overtaken: list[str] = []
        for shape in self._in_order():
            task = self._lines[shape][0][1]
            if room.fits(task):
                for name in overtaken:
                    self._passed[name] = self._passed.get(name, 0) + 1
                return self._take(shape)
            if task.action.lane is Lane.ALONE or self._passed.get(task.name, 0) >= _PATIENCE:
                break
            overtaken.append(task.name)
        return None

    def _in_order(self) -> list[_Shape]:
        """Return the lines, by who is first in them."""
        lines = self._lines
        return sorted(lines, key=lambda shape: lines[shape][0][0]) if len(lines) > 1 else list(lines)

    def _take(self, shape: _Shape) -> Task:
        line = self._lines[shape]
        _place, task = heappop(line)
        if not line:
            del self._lines[shape]
        return task
