"""Libraries: the same graphs as each peer would have them written. Runs in the environment of the peers; imports are not timed."""

# ruff: noqa: PLC0415 - each peer is imported only where it is the one that is measured

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from child import Work
from shapes import WORKERS, Node

Run = Callable[[], None]
_WORK: dict[str, Any] = {}
"""The work and the needs of the tasks, for peers that want functions and classes of a module."""


def _last(nodes: list[Node]) -> list[str]:
    needed = {need for node in nodes for need in node.needs}
    return [node.name for node in nodes if node.name not in needed]


def doit(nodes: list[Node], folder: Path, work: Work, *, options: Iterable[str] = ()) -> Run:
    from doit.cmd_base import ModuleTaskLoader
    from doit.doit_cmd import DoitMain
    from doit.tools import run_once

    def act(name: str) -> bool:
        return bool(work(name))

    def tasks() -> Any:
        for node in nodes:
            needs = [f"bench:{need}" for need in node.needs]
            yield {"name": node.name, "actions": [(act, [node.name])], "task_dep": needs, "uptodate": [run_once]}

    config = {"dep_file": str(folder / "doit.db"), "reporter": "zero", "verbosity": 0}

    def run() -> None:
        if DoitMain(ModuleTaskLoader({"task_bench": tasks, "DOIT_CONFIG": config})).run(["run", *options]):
            raise SystemExit("doit failed")

    return run


def _step(name: str, *_heard: str) -> str:
    return str(_WORK["work"](name))


def joblib(nodes: list[Node], folder: Path, work: Work) -> Run:
    from joblib import Memory

    _WORK["work"] = work
    step = Memory(folder, verbose=0).cache(_step)

    def run() -> None:
        said: dict[str, str] = {}
        for node in nodes:
            said[node.name] = step(node.name, *(said[need] for need in node.needs))

    return run


def luigi(nodes: list[Node], folder: Path, work: Work) -> Run:
    library: Any = import_module("luigi")
    needs = {node.name: node.needs for node in nodes}

    class Step(library.Task):
        name = library.Parameter()

        def requires(self) -> list[Any]:
            return [Step(name=need) for need in needs[self.name]]

        def output(self) -> Any:
            return library.LocalTarget(str(folder / "made" / self.name))

        def run(self) -> None:
            with self.output().open("w") as file:
                file.write(work(self.name))

    workers = WORKERS if any(node.units for node in nodes) else 1

    def run() -> None:
        asked = [Step(name=name) for name in _last(nodes)]
        if not library.build(asked, local_scheduler=True, workers=workers, log_level="ERROR"):
            raise SystemExit("luigi failed")

    return run


def dask(nodes: list[Node], _folder: Path, work: Work) -> Run:
    from dask.threaded import get

    def step(name: str, *_heard: str) -> str:
        return work(name)

    def run() -> None:
        get({node.name: (partial(step, node.name), *node.needs) for node in nodes}, _last(nodes), num_workers=WORKERS)

    return run


def parsl(nodes: list[Node], folder: Path, work: Work) -> Run:
    library: Any = import_module("parsl")
    executor = library.executors.ThreadPoolExecutor(max_threads=WORKERS)
    library.load(library.config.Config(executors=[executor], run_dir=str(folder / "runs"), initialize_logging=False))
    logging.disable()

    @library.python_app
    def step(name: str, *_heard: str) -> str:
        return work(name)

    def run() -> None:
        said: dict[str, Any] = {}
        for node in nodes:
            said[node.name] = step(node.name, *(said[need] for need in node.needs))
        for name in _last(nodes):
            said[name].result()

    return run


def hamilton(nodes: list[Node], folder: Path, work: Work) -> Run:
    from hamilton import driver

    names = {node.name: node.name.replace("-", "_") for node in nodes}
    text = "WORK = None\n\n"
    for node in nodes:
        asked = ", ".join(f"{names[need]}: str" for need in node.needs)
        text += f'def {names[node.name]}({asked}) -> str:\n    return WORK("{node.name}")\n\n'
    (folder / "bench_nodes.py").write_text(text)
    sys.path.insert(0, str(folder))
    module = import_module("bench_nodes")
    module.WORK = work  # type: ignore[attr-defined]
    logging.disable()

    def run() -> None:
        made = driver.Builder().with_modules(module).with_cache(path=str(folder / "cache")).build()
        made.execute([names[name] for name in _last(nodes)])

    return run


def redun(nodes: list[Node], folder: Path, work: Work) -> Run:
    from redun import Scheduler, task
    from redun.config import Config

    logging.disable()

    @task(namespace="bench", version="1")
    def step(name: str, _heard: list[str]) -> str:
        return work(name)

    scheduler = Scheduler(config=Config({"backend": {"db_uri": f"sqlite:///{folder}/redun.db"}}))
    scheduler.load()

    def run() -> None:
        said: dict[str, Any] = {}
        for node in nodes:
            said[node.name] = step(node.name, [said[need] for need in node.needs])
        scheduler.run([said[name] for name in _last(nodes)])

    return run


ROWS = {
    "doit": doit,
    "doit, 4 threads": partial(doit, options=("-n", str(WORKERS), "-P", "thread")),
    "joblib.Memory": joblib,
    "luigi": luigi,
    "dask, threaded": dask,
    "parsl, threads": parsl,
    "hamilton, cached": hamilton,
    "redun": redun,
}
