"""Work: tasks, a view and means for the tests of the engine; what ran is noted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from bmad_provisioner.blobs import Blobs
from bmad_provisioner.digest import Entry, digest
from bmad_provisioner.engine.cache import Cache
from bmad_provisioner.engine.disk import DiskCache
from bmad_provisioner.engine.graph import Graph
from bmad_provisioner.engine.run import Means, Outcome, Ways, run
from bmad_provisioner.engine.task import Action, Inputs, Output, Task
from bmad_provisioner.errors import PlanError
from bmad_provisioner.event import Event, TaskStarted
from bmad_provisioner.finding import Finding


def _say(inputs: Inputs) -> Output:
    """Say a word: the own one, all that was read, and (unless told to be deaf) all that was heard."""
    if inputs.args.get("fail"):
        raise PlanError("it fails as asked")
    heard = [] if inputs.args.get("deaf") else [str(output.facts["word"]) for output in inputs.needs.values()]
    read = [inputs.read(path).decode() for path, entry in inputs.files.items() if entry is not None]
    word = "+".join([str(inputs.args.get("word", "")), *read, *sorted(heard)])
    files = {f"{inputs.args['name']}.txt": inputs.keep(word.encode())} if inputs.args.get("file", True) else {}
    return Output(files, (Finding("x", "said", word),), {"word": word})


SAY = Action("say", "1", _say)
LOUDER = Action("say", "2", _say)
ASK = Action("ask", "1", _say, external=True)


def task(name: str, *, needs: tuple[str, ...] = (), reads: tuple[str, ...] = (), action: Action = SAY, **args: Any) -> Task:
    return Task(name, action, {"name": name, "word": name, **args}, reads, needs)


@dataclass
class Files:
    """A view of files in memory."""

    files: dict[str, bytes] = field(default_factory=dict)

    def entry(self, path: str) -> Entry | None:
        return Entry(digest(self.files[path])) if path in self.files else None

    def read(self, path: str) -> bytes:
        return self.files[path]


@dataclass
class Shop:
    """A place where graphs are run; `started` are the tasks that ran the last time."""

    files: dict[str, bytes] = field(default_factory=dict)
    blobs: Blobs = field(default_factory=lambda: Blobs(None))
    cache: Cache | None = None
    started: list[str] = field(default_factory=list)

    def run(self, *tasks: Task, hold: bool = False, ways: Ways | None = None) -> dict[str, Outcome]:
        self.started = []
        cache = self.cache or DiskCache(self.blobs)
        ticks = iter(range(1_000_000))
        means = Means(Files(self.files), cache, self.blobs.keep, self.blobs.get, self._hear, lambda: float(next(ticks)))
        return run(Graph(tasks), means, hold=hold, ways=ways)

    def _hear(self, event: Event) -> None:
        if isinstance(event, TaskStarted):
            self.started.append(event.task)


def statuses(outcomes: dict[str, Outcome]) -> dict[str, str]:
    return {name: outcome.status.value for name, outcome in outcomes.items()}


@st.composite
def dags(draw: st.DrawFn) -> list[Task]:
    """Draw tasks that need only others before them, given in any order."""
    count = draw(st.integers(0, 8))
    tasks = []
    for number in range(count):
        needs = draw(st.lists(st.integers(0, number - 1), unique=True, max_size=3)) if number else []
        word = draw(st.sampled_from(["red", "blue", ""]))
        deaf = draw(st.booleans())
        tasks.append(task(f"t{number}", needs=tuple(f"t{need}" for need in needs), reads=("f",), word=word, deaf=deaf))
    return draw(st.permutations(tasks))
