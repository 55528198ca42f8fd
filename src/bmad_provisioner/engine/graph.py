"""Graph: tasks checked once for names, needs and circles."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from bmad_provisioner.engine.task import Task
from bmad_provisioner.errors import PlanError


class Graph:
    """An immutable set of tasks, in an order in which each comes after all that it needs."""

    def __init__(self, tasks: Iterable[Task]) -> None:
        self._tasks: dict[str, Task] = {}
        for task in tasks:
            if task.name in self._tasks:
                raise PlanError(f"two tasks are named `{task.name}`")
            self._tasks[task.name] = task
        self._wanted_by: dict[str, list[str]] = {}
        self._order = self._sorted()

    def __iter__(self) -> Iterator[Task]:
        return iter(self._order)

    def __len__(self) -> int:
        return len(self._order)

    def __getitem__(self, name: str) -> Task:
        return self._tasks[name]

    def __contains__(self, name: object) -> bool:
        return name in self._tasks

    def wanted_by(self, name: str) -> Sequence[str]:
        """Return the tasks that need `name`."""
        return self._wanted_by.get(name, ())

    def ahead(self, seconds: Callable[[Task], float]) -> dict[str, float]:
        """Return, for each task, the length of the longest path from its start to the end of the graph."""
        paths: dict[str, float] = {}
        for task in reversed(self._order):
            paths[task.name] = seconds(task) + max([paths[other] for other in self.wanted_by(task.name)], default=0.0)
        return paths

    def _sorted(self) -> tuple[Task, ...]:
        """Order the tasks by their needs (Kahn's algorithm), keeping the given order where it is free."""
        missing = {name: len(task.waits) for name, task in self._tasks.items()}
        for task in self._tasks.values():
            for need in task.waits:
                if need not in self._tasks:
                    raise PlanError(f"task `{task.name}` needs `{need}`, which does not exist")
                self._wanted_by.setdefault(need, []).append(task.name)
        ready = [name for name, count in missing.items() if count == 0]
        order = []
        for name in ready:
            order.append(self._tasks[name])
            for other in self.wanted_by(name):
                missing[other] -= 1
                if missing[other] == 0:
                    ready.append(other)
        if len(order) < len(self._tasks):
            circle = sorted(name for name, count in missing.items() if count > 0)
            raise PlanError(f"tasks need each other in a circle: {', '.join(f'`{name}`' for name in circle)}")
        return tuple(order)
