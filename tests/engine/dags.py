"""Dags: random graphs whose tasks note when they start and end, what must come of them, and a judge of those notes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from bmad_provisioner.blobs import Blobs
from bmad_provisioner.engine.cache import Cache
from bmad_provisioner.engine.disk import DiskCache
from bmad_provisioner.engine.graph import Graph
from bmad_provisioner.engine.lanes import Lanes, Local, Sequential
from bmad_provisioner.engine.policy import Policy
from bmad_provisioner.engine.ready import Capacity
from bmad_provisioner.engine.run import Means, Outcome, Ways, run
from bmad_provisioner.engine.task import Action, Inputs, Lane, Output, Priority, Resources, Task
from bmad_provisioner.errors import PlanError, TaskError
from bmad_provisioner.event import Event
from engine.work import Files

SIDE = (Lane.IO, Lane.CPU, Lane.ALONE)
"""The lanes whose tasks take room; those of `here` run between the steps of the scheduler."""


def note(path: str, mark: str, name: str) -> None:
    """Append one line to the notes; threads and processes share the file."""
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(handle, f"{mark}{name}\n".encode())
    os.close(handle)


def work(inputs: Inputs) -> Output:
    """Say the own word and all that was heard, unless told to be deaf; fail, or fail at first, if told so."""
    args: Any = inputs.args
    note(args["notes"], "+", args["name"])
    time.sleep(args["pause"])
    try:
        if args["fail"]:
            raise PlanError("it fails as asked")
        if inputs.turn.number <= args["heals"]:
            raise TaskError("it fails at first", heals=True)
        heard = [] if args["deaf"] else [str(output.facts["word"]) for output in inputs.needs.values()]
        word = "+".join([args["name"], *sorted(heard)])
        kept = {f"{args['name']}.txt": inputs.keep(word.encode())}
        return Output(kept, facts={"word": "deaf" if args["deaf"] else word})
    finally:
        note(args["notes"], "-", args["name"])


WORK = {lane: Action(f"work {lane.value}", "1", work, lane) for lane in Lane}
CALLS = {lane: Action(f"call {lane.value}", "1", work, lane, external=True) for lane in Lane}
"""The same work, of the kind whose every result is committed before anything else starts."""


def dag_task(notes: Path | str, name: str, lane: Lane = Lane.IO, needs: Sequence[str] = (), **more: Any) -> Task:
    """Return a task; what `work` does not ask for goes to the task."""
    asked = {"fail": False, "heals": 0, "deaf": False, "pause": 0.0}
    args = {key: more.pop(key, value) for key, value in asked.items()}
    action = more.pop("action", WORK[lane])
    return Task(name, action, {"name": name, "notes": str(notes), **args}, (), tuple(needs), **more)


@st.composite
def graphs(
    draw: st.DrawFn, notes: Path | str, lanes: Sequence[Lane] = (Lane.IO, Lane.HERE, Lane.ALONE), most: int = 9
) -> list[Task]:
    """Draw tasks that need only others before them, given in any order."""
    tasks = []
    for number in range(draw(st.integers(1, most))):
        lane = draw(st.sampled_from(lanes))
        needs = draw(st.lists(st.integers(0, number - 1), unique=True, max_size=3)) if number else []
        tasks.append(
            dag_task(
                notes,
                f"t{number}",
                lane,
                [f"t{need}" for need in needs],
                fail=draw(st.integers(0, 9)) == 0,
                heals=0 if lane is Lane.HERE else draw(st.sampled_from([0, 0, 1, 2])),
                deaf=draw(st.booleans()),
                pause=draw(st.sampled_from([0.0, 0.001, 0.003])),
                priority=draw(st.sampled_from(Priority)),
                resources=Resources(draw(st.integers(0, 5)), draw(st.integers(0, 5)) / 2),
                policy=Policy(retries=draw(st.integers(0, 2)), base=0.0),
            )
        )
    return draw(st.permutations(tasks))


capacities = st.builds(
    Capacity, st.integers(1, 4), st.integers(3, 8), st.integers(3, 8).map(lambda half: half / 2), st.integers(1, 2)
)


@dataclass
class Place:
    """Where graphs are run on the real clock; `events` is what was heard the last time."""

    blobs: Blobs = field(default_factory=lambda: Blobs(None))
    cache: Cache | None = None
    events: list[Event] = field(default_factory=list)

    def run(self, tasks: Iterable[Task], ways: Ways | None = None) -> dict[str, Outcome]:
        self.events.clear()
        cache = self.cache or DiskCache(self.blobs)
        means = Means(Files(), cache, self.blobs.keep, self.blobs.get, self.events.append, time.monotonic)
        return run(Graph(tasks), means, hold=False, ways=ways)


def one_by_one() -> Ways:
    return Ways(lanes=(Sequential,))


def side_by_side(capacity: Capacity, lanes: Callable[[], Lanes] | None = None) -> Ways:
    return Ways(capacity, lanes=(lanes or (lambda: Local(capacity.processes)),))


def said(outcomes: dict[str, Outcome]) -> dict[str, Any]:
    """Return what each task said or why it did not, without how it came to be known."""
    return {name: one.output.plain() if one.output else (one.status.value, one.error) for name, one in outcomes.items()}


def expected(tasks: Iterable[Task]) -> tuple[dict[str, str], dict[str, int]]:
    """Return how each task must end, and how often it must be tried."""
    endings: dict[str, str] = {}
    tries: dict[str, int] = {}
    for task in Graph(tasks):
        heals: Any = task.args["heals"]
        if any(endings[need] != "done" for need in task.needs):
            endings[task.name], tries[task.name] = "skipped", 0
        elif task.args["fail"]:
            endings[task.name], tries[task.name] = "failed", 1
        else:
            endings[task.name] = "done" if heals <= task.policy.retries else "failed"
            tries[task.name] = min(heals, task.policy.retries) + 1
    return endings, tries


def notes_of(path: Path) -> list[tuple[str, str]]:
    """Return what the tasks noted, in order: `+` or `-`, and who."""
    return [(line[0], line[1:]) for line in path.read_text().splitlines()] if path.exists() else []


def judge(tasks: Sequence[Task], notes: Sequence[tuple[str, str]], capacity: Capacity) -> None:
    """Fail where a task ran before its needs had ended, twice at once, or beyond the capacity."""
    by_name = {task.name: task for task in tasks}
    ended: set[str] = set()
    running: set[str] = set()
    for mark, name in notes:
        task = by_name[name]
        if mark == "-":
            running.discard(name)
            ended.add(name)
            continue
        assert set(task.needs) <= ended, f"{name} started before what it needs had ended"
        assert name not in running, f"{name} ran twice at once"
        if task.action.lane in SIDE:
            running.add(name)
            _fits([by_name[other] for other in running], capacity)


def _fits(running: Sequence[Task], capacity: Capacity) -> None:
    if len(running) == 1:
        return
    assert all(task.action.lane is not Lane.ALONE for task in running)
    assert len(running) <= capacity.slots
    assert sum(task.resources.memory for task in running) <= capacity.memory
    assert sum(task.resources.cpu for task in running) <= capacity.cpu + 1e-6
    assert sum(task.action.lane is Lane.CPU for task in running) <= capacity.processes
