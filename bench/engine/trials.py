"""Trials: each way of doing each task, what one round of it costs, and whether it did the work."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import commands
from commands import Program
from meter import Sample, measure
from places import BIN, environment
from shapes import SHAPES, TEAM

_HERE = Path(__file__).parent
FLOORS = ("graphlib", "threads", "asyncio", "SQLite, at the end", "SQLite, each")
OURS = ("bmadp", "bmadp, asks nobody", "bmadp, no cache")
_LIBRARIES = (
    "dask, threaded",
    "doit",
    "doit, 4 threads",
    "hamilton, cached",
    "joblib.Memory",
    "luigi",
    "parsl, threads",
    "redun",
)
FORGET = frozenset({"graphlib", "threads", "asyncio", "bmadp, no cache", "dask, threaded", "parsl, threads"})
"""Who remembers nothing."""
_ENDED, _LATER = 5, 0.1
"""`kill -9` comes when so many agents have ended, and so many seconds later: the sixth is at work then."""
PROGRAMS, FILES, PLAIN = "programs", "files", "python -c pass"
SIZES = {"1 MB": 1 << 20, "64 MB": 64 << 20, "256 MB": 256 << 20}


@dataclass(frozen=True, slots=True)
class Reading:
    """One step: wall and CPU seconds, peak bytes, what went wrong; `repeated` counts agents that were executed again."""

    wall: float
    cpu: float
    memory: int
    fault: str = ""
    repeated: int = 0


@dataclass(frozen=True, slots=True)
class Trial:
    """One way (`name`) of doing one thing (`part`)."""

    part: str
    name: str
    round: Callable[[Path], Mapping[str, Reading]]


def trials() -> Iterator[Trial]:
    """Return all that can be tried here."""
    rows = [(name, "floors", sys.executable) for name in FLOORS] + [(name, "ours", sys.executable) for name in OURS]
    if (BIN / "python").exists():
        rows += [(name, "libraries", str(BIN / "python")) for name in _LIBRARIES]
    for shape in SHAPES:
        for name, module, python in rows:
            yield Trial(shape, name, partial(_graph, [python, str(_HERE / "child.py"), module, name, shape], shape))
    for program in (*commands.PROGRAMS, commands.SAMPLE):
        if program.is_here:
            yield Trial(PROGRAMS, program.name, partial(_program, program))
    yield Trial(PROGRAMS, PLAIN, _start)
    for name, size in SIZES.items():
        program = Program(name, commands.big(size), commands.RUN)
        yield Trial(FILES, name, lambda folder, program=program: {"first": _first(program, folder)})


def _graph(command: list[str], shape: str, folder: Path) -> Mapping[str, Reading]:
    """Run one graph in a process of its own, and once more in another where the first one's results are remembered."""
    name, count = command[3], len(SHAPES[shape])
    remembers = name not in FORGET and not any(node.units for node in SHAPES[shape])
    readings = {}
    for step, wanted in (("cold", count), ("cached", 0))[: 1 + remembers]:
        sample = measure([*command, str(folder)], folder, environment(folder))
        readings[step] = _inside(sample, wanted)
        if readings[step].fault:
            break
    return readings


def _inside(sample: Sample, wanted: int) -> Reading:
    if sample.code:
        return _spent(sample)
    said = json.loads(sample.said.splitlines()[-1])
    # luigi's tasks are done by children of its own, which count for themselves
    fault = "" if said["ran"] in (wanted, 0) else f"did {said['ran']} of {wanted} tasks"
    return Reading(said["wall"], said["cpu"], max(sample.memory, said["memory"]), fault)


def _program(program: Program, folder: Path) -> Mapping[str, Reading]:
    """Run the eight agents, run them again, and in another folder kill all after some agents have ended and go on."""
    readings = {"first": _first(program, folder / "whole")}
    done = _done(folder / "whole")
    readings["again"] = _spent(measure(program.command, folder / "whole", environment(folder)))
    repeated = len(_done(folder / "whole")) - len(done)
    if program is commands.SAMPLE:
        return readings
    if len(done) != len(TEAM) or repeated:
        readings["again"] = Reading(0, 0, 0, f"{len(done)} agents, {repeated} repeated")
    return {**readings, "killed": _killed(program, folder / "killed")}


def _start(folder: Path) -> Mapping[str, Reading]:
    return {"again": _spent(measure([sys.executable, "-c", "pass"], folder, environment(folder)))}


def _first(program: Program, folder: Path) -> Reading:
    folder.mkdir(exist_ok=True)
    program.prepare(folder)
    return _spent(measure(program.command, folder, environment(folder)))


def _killed(program: Program, folder: Path) -> Reading:
    seen: list[float] = []

    def is_time() -> bool:
        if not seen and len(_done(folder)) >= _ENDED:
            seen.append(time.perf_counter())
        return bool(seen) and time.perf_counter() - seen[0] > _LATER

    folder.mkdir()
    program.prepare(folder)
    measure(program.command, folder, environment(folder), kill_when=is_time)
    ended = _done(folder)
    sample = measure(program.command, folder, environment(folder))
    again = _done(folder)[len(ended) :]
    fault = f"then exit {sample.code}" if sample.code else ""
    return Reading(sample.wall, sample.cpu, sample.memory, fault, sum(name in again for name in ended))


def _done(folder: Path) -> list[str]:
    notes = commands.notes(folder)
    return notes.read_text().split() if notes.exists() else []


def _spent(sample: Sample) -> Reading:
    fault = "" if not sample.code else "over 60 s" if sample.code < 0 else f"exit {sample.code}"
    return Reading(sample.wall, sample.cpu, sample.memory, fault)
