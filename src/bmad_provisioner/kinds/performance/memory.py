"""Memory: what holds the memory of a command or a function at its peak, and what calls of a function leave behind."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory
from typing import Any

from bmad_provisioner.engine.child import Ending, run_child
from bmad_provisioner.engine.task import Turn
from bmad_provisioner.errors import TaskError
from bmad_provisioner.kinds.performance.exports.profiles import Frame, Stacks
from bmad_provisioner.kinds.performance.looked import Growth
from bmad_provisioner.kinds.performance.measured import Missing
from bmad_provisioner.kinds.performance.order import FUNCTION, Target
from bmad_provisioner.kinds.performance.processes import Launch, launch, told
from bmad_provisioner.kinds.performance.profiling import is_ours, placed
from bmad_provisioner.kinds.performance.sources import Sources
from bmad_provisioner.kinds.performance.testimony import Line

_PYTHON = re.compile(r"python[\d.]*$")
_WITH_VALUE = ("-X", "-W")
_WHAT = "which lines hold the memory"
_FEW = 5
"""Calls in a window that are too few to tell what each of them leaves behind."""


@dataclass(frozen=True, slots=True)
class Memory:
    """The stacks that hold memory at the peak, each with its bytes; what a function leaves behind; and what is left out."""

    held: Stacks = field(default_factory=dict)
    growth: Growth | None = None
    missing: tuple[Missing, ...] = ()


def memory(target: Target, folder: Path, turn: Turn, seconds: float = 1.0) -> Memory:
    """Look into the memory of a command or a function, in runs of their own: by memray in the Python that runs it.

    Where that has no memray, tracemalloc tells of a function what it can. Calls of a function are watched for so many seconds.
    """
    with TemporaryDirectory(prefix="bmadp-") as scratch:
        how = launch(target, folder, Path(scratch), "busy", seconds=0.0)
        held = _by_memray(how, folder, turn, Path(scratch))
    missing = (held,) if isinstance(held, Missing) else ()
    stacks = {} if isinstance(held, Missing) else held
    if target.sort != FUNCTION:
        return Memory(stacks, None, missing)
    own, growth = _by_tracemalloc(target, folder, turn, seconds)
    return Memory(stacks or own, growth, missing)


def _by_memray(how: Launch, folder: Path, turn: Turn, scratch: Path) -> Stacks | Missing:
    python = split(how.command, folder, how.environment)
    if python is None:
        return Missing("memray", "it looks into Python only, started as `python ...` or by a script that names it", _WHAT)
    run = partial(run_child, folder=folder, environment=how.environment, turn=turn, most=1 << 16)
    before, rest = python
    with suppress(TaskError):  # said by whoever runs it to measure it
        if run([*before, "-c", "import memray"]).code:
            return Missing("memray", f"install it where the program runs: `{before[0]} -m pip install memray`", _WHAT)
        kept, out = str(scratch / "memray.bin"), scratch / "memray.json"
        run([*before, "-m", "memray", "run", "--quiet", "--force", "--aggregate", "--output", kept, *rest])
        ended = run([*before, "-m", "memray", "transform", "speedscope", "--force", "--output", str(out), kept])
        if ended.ending is Ending.EXITED and out.is_file():
            return placed(_held(json.loads(out.read_text("utf-8"))), folder)
    return Missing("memray", "the program did not come to its end under it", _WHAT)


def split(command: Sequence[str], folder: Path, given: Mapping[str, str]) -> tuple[list[str], list[str]] | None:
    """Split a command into the Python that runs it, with its flags, and the program; `None` where it is no Python's."""
    if not _PYTHON.fullmatch(Path(command[0]).name):
        return _script(command, folder, given)
    at = 1
    while at < len(command) and command[at].startswith("-") and command[at] not in ("-m", "-c", "-"):
        at += 2 if command[at] in _WITH_VALUE else 1
    return list(command[:at]), list(command[at:])


def _script(command: Sequence[str], folder: Path, given: Mapping[str, str]) -> tuple[list[str], list[str]] | None:
    """Split a command that is a script of Python, as its first line says."""
    name = command[0]
    found = which(str(folder / name)) if "/" in name else which(name, path=given.get("PATH"))
    if found is None:
        return None
    with open(found, "rb") as file:
        first = file.readline(500).decode("utf-8", "replace")
    words = first[2:].split() if first.startswith("#!") else []
    while words and (Path(words[0]).name == "env" or words[0] == "-S"):
        del words[0]
    return (words, [found, *command[1:]]) if words and _PYTHON.fullmatch(Path(words[0]).name) else None


def _held(told: Mapping[str, Any]) -> dict[tuple[Frame, ...], float]:
    """Return the stacks of the memory at its peak in what memray wrote for speedscope."""
    frames = [Frame(one["name"], one.get("file", ""), one.get("line", 0)) for one in told["shared"]["frames"]]
    found: dict[tuple[Frame, ...], float] = {}
    for profile in told["profiles"]:
        if profile["unit"] == "bytes":
            for sample, weight in zip(profile["samples"], profile["weights"], strict=True):
                stack = tuple(frames[at] for at in sample)
                found[stack] = found.get(stack, 0.0) + weight
    return found


def _by_tracemalloc(target: Target, folder: Path, turn: Turn, seconds: float) -> tuple[Stacks, Growth | None]:
    with TemporaryDirectory(prefix="bmadp-") as scratch:
        how = launch(target, folder, Path(scratch), "weigh", seconds=seconds)
        run_child(how.command, folder=folder, environment=how.environment, turn=turn, most=1 << 16)
        report = told(target, Path(scratch))
    if "held" not in report:
        return {}, None
    stacks = _named(report["held"], folder)
    if report["calls"] < _FEW:
        return stacks, None
    first, second = report["left"]
    return stacks, Growth(first, second, _lines(_named(report["grown"], folder)), 2 * report["calls"])


def _named(rows: Iterable[Sequence[Any]], folder: Path) -> Stacks:
    """Return the stacks of what tracemalloc tells, which knows lines but not what function they are in."""
    stacks: dict[tuple[Frame, ...], float] = {}
    for places, weight in rows:
        stack = tuple(Frame("", path, line) for path, line in places)
        stacks[stack] = stacks.get(stack, 0.0) + weight
    sources = Sources(folder)
    found = placed(stacks, folder)
    return {tuple(_with_name(frame, sources) for frame in stack): weight for stack, weight in found.items()}


def _with_name(frame: Frame, sources: Sources) -> Frame:
    name = sources.line(frame.path, frame.line).function if is_ours(frame) else ""
    return replace(frame, name=name or ("<module>" if is_ours(frame) else Path(frame.path).name))


def _lines(stacks: Stacks) -> dict[Line, float]:
    """Return what was kept by the innermost line of the project."""
    found: dict[Line, float] = {}
    for stack, weight in stacks.items():
        inner = next((frame for frame in reversed(stack) if is_ours(frame)), None)
        if inner is not None:
            line = Line(inner.path, inner.line, inner.name)
            found[line] = found.get(line, 0.0) + weight
    return found
