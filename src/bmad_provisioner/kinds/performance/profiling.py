"""Profiling: where a process spends its time, as py-spy sees it from outside; nothing that is profiled is timed."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import ceil
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory

from bmad_provisioner.characters import scrubbed
from bmad_provisioner.engine.child import Ending, environment, run_child
from bmad_provisioner.engine.task import Turn
from bmad_provisioner.kinds.performance.exports.profiles import Frame, Stacks, read_collapsed, within
from bmad_provisioner.kinds.performance.measured import Missing
from bmad_provisioner.kinds.performance.order import FUNCTION, Target
from bmad_provisioner.kinds.performance.processes import SCRIPT, launch
from bmad_provisioner.kinds.performance.testimony import Line

RATE = 500
"""Looks a second into a process that ends by itself: it may be over soon."""
_ENOUGH, _SOON, _AGAIN = 200, 1.0, 5
"""Looks that are enough; a process that is over within such seconds, with fewer of them, is run again: at most so often in all."""
_SLACK = 30.0
"""Seconds more than it looks that a profiler may take."""
_OUTSIDE = frozenset(("site-packages", "dist-packages", ".venv", "venv", ".tox", ".nox"))
"""Folders in a project that hold what others wrote."""
_AROUND = ("runpy.py", "<frozen runpy>", f"memray{os.sep}__main__.py", f"memray{os.sep}commands{os.sep}")
"""Files of what runs a program, which stand before its first frame."""
_CALLS = ("_kept_busy", "_warm")
"""What calls a function in the process that is there for it; before that it is imported."""
_WHAT = "which lines the time goes to"


@dataclass(frozen=True, slots=True)
class Profile:
    """What was found by so many looks a second: the stacks at work, and those at work or waiting; each weighs its looks."""

    busy: Stacks = field(default_factory=dict)
    every: Stacks = field(default_factory=dict)
    rate: int = RATE
    missing: tuple[Missing, ...] = ()


@dataclass(frozen=True, slots=True)
class Hot:
    """A function of the project at its hottest line: the part of `looks` that found it innermost of the project's
    functions, and the part that found it at all."""

    line: Line
    own: float
    total: float
    looks: int


def tool(name: str) -> str | None:
    """Return where a tool is: beside our own Python, or on PATH; `None` where it is not installed."""
    beside = Path(sys.executable).with_name(name)
    return str(beside) if os.access(beside, os.X_OK) else which(name)


def profiled(target: Target, folder: Path, turn: Turn, seconds: float) -> Profile:
    """Profile a command for at most so many seconds, or a function that is called for so long; in runs of their own."""
    with TemporaryDirectory(prefix="bmadp-") as scratch:
        how = launch(target, folder, Path(scratch), "busy", seconds=seconds)
        patience = seconds + _SLACK if target.sort == FUNCTION else seconds
        return profile_process(how.command, folder, how.environment, turn, patience)


def profile_process(command: Sequence[str], folder: Path, env: Mapping[str, str], turn: Turn, seconds: float) -> Profile:
    """Run a command in `folder` to see what is at work, and again to see what waits as well, each for at most so many seconds.

    One that is over soon is run several times.
    """
    found = Profile()
    for idle in (False, True):
        began, stacks = time.monotonic(), Counter[tuple[Frame, ...]]()
        for _ in range(_AGAIN):
            one = _record(["--", *command], folder, env, turn, seconds, RATE, idle=idle)
            if one.missing:
                return replace(found, missing=one.missing)
            stacks.update(one.every if idle else one.busy)
            if stacks.total() >= _ENOUGH or time.monotonic() - began > _SOON:
                break
        found = replace(found, every=stacks) if idle else replace(found, busy=stacks)
    return found


def profile_pid(pid: int, seconds: float, rate: int, turn: Turn, idle: bool, folder: Path) -> Profile:
    """Look into a process that runs, and all it started, for so many seconds; `idle`: into what waits as well."""
    return _record(["--pid", str(pid)], folder, environment(), turn, seconds, rate, idle=idle)


def _record(
    whom: Sequence[str], folder: Path, env: Mapping[str, str], turn: Turn, seconds: float, rate: int, *, idle: bool
) -> Profile:
    spy = tool("py-spy")
    if spy is None:
        return Profile(rate=rate, missing=(Missing("py-spy", "install it: `pip install py-spy`", _WHAT),))
    with TemporaryDirectory(prefix="bmadp-") as scratch:
        out = Path(scratch) / "stacks.txt"
        how = ["--nonblocking", "--full-filenames", "--subprocesses", *(["--idle"] if idle else [])]
        many = ["--rate", str(rate), "--duration", str(max(1, ceil(seconds)))]
        words = [spy, "record", "--format", "raw", "--output", str(out), *how, *many, *whom]
        bounds = Turn(seconds=min(seconds + _SLACK, turn.seconds or seconds + _SLACK), stopped=turn.stopped)
        ended = run_child(words, folder=folder, environment=env, turn=bounds, most=1 << 20)
        if not out.is_file():
            said = ended.ending.value if ended.ending is not Ending.EXITED else ended.stderr.decode("utf-8", "replace")
            return Profile(rate=rate, missing=(refused(said),))
        stacks = placed(read_collapsed(out.read_text("utf-8", "replace")), folder)
    return Profile(every=stacks, rate=rate) if idle else Profile(stacks, rate=rate)


def refused(said: str) -> Missing:
    """Return what is missing where py-spy said so much and no more."""
    if "ermission" in said or "not permitted" in said or "ptrace" in said:
        how = "looking into processes is forbidden here: run as root, or give the container the capability SYS_PTRACE"
    elif "No python processes" in said or "Failed to find python" in said:
        how = "it found no Python there: programs in other languages need a profiler of their own"
    else:
        last = next((line for line in said.splitlines() if line.strip()), "nothing")
        how = f"it said: {scrubbed(last.removeprefix('Error: ').strip())[:200]}"
    return Missing("py-spy", how, _WHAT)


def placed(stacks: Stacks, folder: Path) -> dict[tuple[Frame, ...], float]:
    """Return stacks with the files of the project named from its root, and without the frames of what ran it.

    Where we called a function, what was done before it was called is left out.
    """
    roots = tuple(dict.fromkeys(f"{root}{os.sep}" for root in (folder, folder.absolute(), folder.resolve())))
    inner = _called if any(frame.path == str(SCRIPT) for stack in stacks for frame in stack) else _run
    found: dict[tuple[Frame, ...], float] = {}
    for stack, weight in stacks.items():
        frames = tuple(replace(frame, path=_path(frame.path, roots)) for frame in inner(stack))
        if frames:
            found[frames] = found.get(frames, 0.0) + weight
    return found


def _called(stack: tuple[Frame, ...]) -> tuple[Frame, ...]:
    """Return the frames of the function that we called, and of the threads and processes that it started."""
    calling = [at for at, frame in enumerate(stack) if frame.path == str(SCRIPT)]
    if calling:
        return stack[calling[-1] + 1 :] if any(stack[at].name.endswith(_CALLS) for at in calling) else ()
    inner = _run(stack)
    is_child = sum(map(_is_process, stack)) > 1
    return inner if is_child or (inner and inner[0].path.endswith("threading.py")) else ()


def _run(stack: tuple[Frame, ...]) -> tuple[Frame, ...]:
    """Return the frames of the program alone."""
    frames = [frame for frame in stack if not _is_process(frame)]
    first = next((at for at, frame in enumerate(frames) if not _is_around(frame)), len(frames))
    return tuple(frames[first:])


def _is_process(frame: Frame) -> bool:
    return not frame.path and frame.name.startswith("process ")


def _is_around(frame: Frame) -> bool:
    return frame.path.endswith(_AROUND[:2]) or any(part in frame.path for part in _AROUND[2:])


def _path(path: str, roots: Iterable[str]) -> str:
    """Return a path from the root of the project where it is in there and its own, else as it is."""
    for root in roots:
        inside = os.path.normpath(path.removeprefix(root)) if path.startswith(root) or not os.path.isabs(path) else ""
        if inside and os.path.isfile(root + inside):
            return path if _OUTSIDE.intersection(inside.split(os.sep)) else inside
    return path


def is_ours(frame: Frame) -> bool:
    """Whether a frame that was `placed` is of the project."""
    return bool(frame.path) and not frame.path.startswith((os.sep, "<"))


def ours(stacks: Stacks) -> set[str]:
    """Return the files of the project in stacks that were `placed`."""
    return {frame.path for stack in stacks for frame in stack if is_ours(frame)}


def hot(stacks: Stacks, paths: Collection[str] | None = None) -> tuple[Hot, ...]:
    """Return the functions of some files (left out: of all of the project), those first that most looks found at work.

    What a library does is counted to the line of the project that had it done, what a comprehension does to its function.
    """
    looks = sum(stacks.values())
    at_work: dict[_Function, Counter[int]] = defaultdict(Counter)
    at_all: dict[_Function, Counter[int]] = defaultdict(Counter)
    total = Counter[_Function]()
    for stack, weight in within(stacks, ours(stacks) if paths is None else paths).items():
        functions, count = list(_functions(stack)), round(weight)
        at_work[functions[-1]][stack[-1].line] += count
        for function, line in {(function, frame.line) for function, frame in zip(functions, stack, strict=True)}:
            at_all[function][line] += count
        total.update(dict.fromkeys(functions, count))
    found = [
        Hot(Line(*_place(one, at_work.get(one) or at_all[one])), at_work[one].total() / looks, total[one] / looks, round(looks))
        for one in list(total)
    ]
    return tuple(sorted(found, key=lambda one: (-one.own, -one.total, one.line)))


_Function = tuple[str, str]


def _functions(stack: Iterable[Frame]) -> Iterator[_Function]:
    """Yield the path and name of each function of a stack; what is written inside another without a name has the name of that."""
    before = ("", "")
    for frame in stack:
        name = frame.name.partition(".<locals>.<")[0]
        nameless = name.startswith("<") and name != "<module>" and frame.path == before[0]
        before = before if nameless else (frame.path, name)
        yield before


def _place(function: _Function, lines: Mapping[int, int]) -> tuple[str, int, str]:
    return function[0], min(lines, key=lambda number: (-lines[number], number)), function[1]
