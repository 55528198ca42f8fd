"""Run: walk a graph, skipping what the cache knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

from bmad_provisioner.digest import Digest, Entry
from bmad_provisioner.engine.cache import Cache
from bmad_provisioner.engine.graph import Graph
from bmad_provisioner.engine.task import Inputs, Output, Task, View, components, key
from bmad_provisioner.errors import BmadpError, PlanError
from bmad_provisioner.event import Listener, TaskFinished, TaskStarted


class Status(str, Enum):
    """How a task ended."""

    DONE = "done"
    CACHED = "cached"
    HELD = "held"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one task ended, what it said, and why it ran: the parts of its key that are not as the last time."""

    task: str
    status: Status
    output: Output | None = None
    because: tuple[str, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True)
class Means:
    """What a run is handed: where it reads, keeps and remembers, whom it tells, and its clock (seconds).

    With `refresh` external tasks are asked again, whatever the cache knows.
    """

    view: View
    cache: Cache
    keep: Callable[..., Entry]
    fetch: Callable[[Digest], bytes]
    emit: Listener
    clock: Callable[[], float]
    refresh: bool = False


def run(graph: Graph, means: Means, *, hold: bool) -> dict[str, Outcome]:
    """Run every task whose needs succeed and return how each ended, in order.

    With `hold`, external tasks that the cache does not know are held back, and so is all that needs them.
    """
    outcomes: dict[str, Outcome] = {}
    for task in graph:
        outcomes[task.name] = _blocked(task, outcomes) or _run(task, means, outcomes, hold=hold)
    return outcomes


def _blocked(task: Task, outcomes: Mapping[str, Outcome]) -> Outcome | None:
    states = {outcomes[need].status for need in task.needs}
    if states & {Status.FAILED, Status.SKIPPED}:
        return Outcome(task.name, Status.SKIPPED)
    return Outcome(task.name, Status.HELD) if Status.HELD in states else None


def _run(task: Task, means: Means, outcomes: Mapping[str, Outcome], *, hold: bool) -> Outcome:
    needs = {name: output for name in task.needs if (output := outcomes[name].output) is not None}
    parts = components(task, means.view, needs)
    name = key(parts)
    known = None if means.refresh and task.action.external else means.cache.get(name)
    if known is not None:
        return Outcome(task.name, Status.CACHED, known)
    because = changed(means.cache.trace(task.name), parts)
    if hold and task.action.external:
        return Outcome(task.name, Status.HELD, because=because)
    means.emit(TaskStarted(task.name, task.action.name))
    start = means.clock()
    outcome = _ask(task, means, needs, because)
    means.emit(TaskFinished(task.name, task.action.name, outcome.status.value, means.clock() - start))
    if outcome.output is not None:
        means.cache.put(name, outcome.output)
        means.cache.remember(task.name, parts)
    return outcome


def _ask(task: Task, means: Means, needs: Mapping[str, Output], because: tuple[str, ...]) -> Outcome:
    def read(path: str) -> bytes:
        if path not in task.reads:
            raise PlanError(f"task `{task.name}` reads `{path}`, which it does not declare")
        return means.view.read(path)

    files = {path: means.view.entry(path) for path in task.reads}
    inputs = Inputs(task.args, files, needs, read, means.keep, lambda entry: means.fetch(entry.digest))
    try:
        output = task.action.function(inputs)
    except BmadpError as error:
        return Outcome(task.name, Status.FAILED, because=because, error=error.message)
    return Outcome(task.name, Status.DONE, output, because)


def changed(before: Mapping[str, Digest], now: Mapping[str, Digest]) -> tuple[str, ...]:
    """Return why a key is not what it was, one phrase a part."""
    if not before:
        return ("it never ran here",)
    phrases = [f"{part} {'changed' if part in before else 'is new'}" for part in now if before.get(part) != now[part]]
    phrases += [f"{part} is gone" for part in before if part not in now]
    return tuple(phrases) or ("its output is no longer cached",)
