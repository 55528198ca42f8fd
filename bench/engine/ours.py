"""Ours: the engine, equipped as `bmadp run` equips it, for tasks that ask the outside world, that do not, and without a cache."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from child import Work
from shapes import WORKERS, Node

from bmad_provisioner.blobs import Blobs
from bmad_provisioner.digest import Entry
from bmad_provisioner.engine.breaker import Breakers
from bmad_provisioner.engine.cache import MemoryCache
from bmad_provisioner.engine.circuits import DiskStore
from bmad_provisioner.engine.eviction import Bounded
from bmad_provisioner.engine.graph import Graph
from bmad_provisioner.engine.history import DiskHistory
from bmad_provisioner.engine.lanes import Local
from bmad_provisioner.engine.levels import Levels
from bmad_provisioner.engine.means import Means, Ways
from bmad_provisioner.engine.ready import Capacity
from bmad_provisioner.engine.run import Status, run
from bmad_provisioner.engine.task import NEVER, Action, Inputs, Keeping, Lane, Output, Task


class _Nothing:
    """A view of no files."""

    def entry(self, path: str) -> Entry | None:
        return None

    def read(self, path: str) -> bytes:
        raise KeyError(path)


def _engine(nodes: list[Node], folder: Path, work: Work, *, external: bool = True, level: str = "disk") -> Callable[[], None]:
    """Return a run of tasks in threads; an external one asks the outside world, so its result survives us before the next."""
    blobs = Blobs(folder / "blobs.sqlite")
    cache = MemoryCache() if level == NEVER else Levels(blobs, memory=Bounded(64 << 20))
    means = Means(_Nothing(), cache, blobs.keep, blobs.get, lambda _event: None)
    ways = Ways(Capacity(WORKERS), (Local,), Breakers(DiskStore(blobs)), history=DiskHistory(blobs))
    blobs.relax()

    def do(inputs: Inputs) -> Output:
        return Output(facts={"said": work(str(inputs.args["name"]))})

    action, keeping = Action("bench", "1", do, Lane.IO, external), Keeping(level=level)

    def go() -> None:
        tasks = [Task(node.name, action, {"name": node.name}, needs=node.needs, keeping=keeping) for node in nodes]
        ended = run(Graph(tasks), means, hold=False, ways=ways)
        if not all(one.status in (Status.DONE, Status.CACHED) for one in ended.values()):
            raise SystemExit("not every task succeeded")
        blobs.commit()

    return go


ROWS = {
    "bmadp": _engine,
    "bmadp, asks nobody": partial(_engine, external=False),
    "bmadp, no cache": partial(_engine, external=False, level=NEVER),
}
