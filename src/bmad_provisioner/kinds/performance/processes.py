"""Processes: commands and Python functions, each run in a process of its own, and what that took."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlencode

from bmad_provisioner.characters import scrubbed
from bmad_provisioner.digest import Plain
from bmad_provisioner.engine.child import Ended, Ending, environment, run_child
from bmad_provisioner.engine.task import Turn
from bmad_provisioner.errors import TaskError
from bmad_provisioner.kinds.performance import testimony
from bmad_provisioner.kinds.performance.looked import Doubled
from bmad_provisioner.kinds.performance.order import FUNCTION, Ask, Target
from bmad_provisioner.kinds.performance.scaling import STEEP, exponent, numbers
from bmad_provisioner.kinds.performance.sources import Sources
from bmad_provisioner.kinds.performance.testimony import Line, Testimony

_KEPT = 1 << 16
"""Bytes kept of what a process prints: only its last words are of use."""
_FACTORS = (1.0, 2.0, 4.0)
_LONG, _LONGEST = 5.0, 60.0
"""Processor seconds of a call from which it is not doubled again; seconds that a call with more to do may take at all."""
_LOOKED_INTO = 0.5
"""Seconds for which a function is called while the witness is there."""


@dataclass(frozen=True, slots=True)
class Ran:
    """One process: seconds of the clock and of the processor, bytes held at its most, its exit code (negative: the signal),
    and what went wrong.

    Of a function both times are those of one call: the least over all batches of `repeats` calls.
    """

    seconds: float
    cpu: float
    peak: int
    code: int = 0
    problem: str = ""
    repeats: int = 0


@dataclass(frozen=True, slots=True)
class Launch:
    """How a target is started."""

    command: tuple[str, ...]
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Witnessed:
    """What the witness told of so many calls, or of one run; and of the lines it saw, those in the body of a loop."""

    said: Testimony = field(default_factory=Testimony)
    calls: int = 1
    repeated: frozenset[Line] = frozenset()


def once(target: Target, folder: Path, turn: Turn, repeats: int = 0) -> Ran:
    """Run a command or a function in `folder` to its end.

    `repeats` calls of a function are measured in its process; 0: as many as fill a fifth of a second, after one that is not.
    Raises TaskError where it cannot be started, imported, or called with its arguments.
    """
    with TemporaryDirectory(prefix="bmadp-") as scratch:
        ended = _run(launch(target, folder, Path(scratch), "time", repeats=repeats), target, folder, turn)
        report = told(target, Path(scratch))
    problem = _problem(ended, turn, report)
    if problem or target.sort != FUNCTION:
        code = -ended.code if ended.ending is Ending.SIGNALLED else ended.code or int(bool(problem))
        return Ran(ended.seconds, ended.cpu, ended.peak, code, problem, repeats)
    return Ran(report["seconds"], report["cpu"], max(report["peak"], ended.peak), 0, "", report["repeats"])


def runs(target: Target, folder: Path, turn: Turn, times: int, repeats: int = 0) -> tuple[Ran, ...]:
    """Run a target so many times, a function with the same number of calls each time; failed runs are kept.

    Raises TaskError where all fail, and where the time of the turn is over before they are done.
    """
    began, found = time.monotonic(), list[Ran]()
    for _ in range(times):
        ran = once(target, folder, _rest(turn, began, f"`{target.name}`: {len(found)} of {times} runs"), repeats)
        repeats = repeats or ran.repeats
        found.append(ran)
    if found and all(ran.problem for ran in found):
        hint = "run it by hand in a copy of the project: what it reads has to be in `inputs`, variables it needs in `env`"
        raise TaskError(f"`{target.name}` fails every time: {found[-1].problem}", hint=hint)
    return tuple(found)


def _rest(turn: Turn, began: float, done: str) -> Turn:
    """Return the turn with the time that is left of it."""
    if turn.seconds is None:
        return turn
    left = turn.seconds - (time.monotonic() - began)
    if left <= 0:
        raise TaskError(f"{done} took all of the {turn.seconds:g} s", hint="give it more time, or measure with `quick: true`")
    return replace(turn, seconds=left)


def launch(target: Target, folder: Path, scratch: Path, way: str, **plan: Plain) -> Launch:
    """Return how a target is started in `folder`; `scratch` is where a function's process finds its plan and leaves its report.

    The way of a function is `time` (`repeats` calls), or for about so many `seconds` `busy` (looked at) or `weigh` (its memory).
    Raises TaskError where there is no Python to call a function with.
    """
    if target.sort != FUNCTION:
        return Launch(target.command, environment(target.env, PYTHONHASHSEED="0"))
    told = {"function": target.python, "args": dict(target.args), "way": way, **plan}
    (scratch / "plan.json").write_text(json.dumps(told), "utf-8")
    given = environment(target.env, PYTHONHASHSEED="0", PYTHONPATH=os.pathsep.join(_places(folder)))
    return Launch((_python(given), str(SCRIPT), str(scratch)), given)


SCRIPT = Path(str(resources.files(__package__).joinpath("calling", "call.py")))
"""What calls a function in a process of its own."""


def _places(folder: Path) -> Iterator[str]:
    yield str(folder)
    if (folder / "src").is_dir():
        yield str(folder / "src")


def _python(given: Mapping[str, str]) -> str:
    found = which("python3", path=given.get("PATH")) or which("python", path=given.get("PATH"))
    if found is None:
        raise TaskError(
            "there is no `python3` on PATH to call a function with", hint="activate the environment of the project first"
        )
    return found


def _run(how: Launch, target: Target, folder: Path, turn: Turn) -> Ended:
    ended = run_child(how.command, folder=folder, environment=how.environment, turn=turn, most=_KEPT)
    if ended.ending is Ending.STOPPED:
        raise TaskError(f"`{target.name}` was stopped")
    return ended


def told(target: Target, scratch: Path) -> dict[str, Any]:
    """Return the report of a function's process, empty where it left none; raises TaskError where it could not be called."""
    report: dict[str, Any] = {}
    with suppress(OSError, ValueError):
        report = json.loads((scratch / "report.json").read_text("utf-8"))
    if "wrong" in report:
        raise TaskError(f"`{target.name}`: {scrubbed(report['wrong'])}", hint=scrubbed(report["hint"]))
    return report


def _problem(ended: Ended, turn: Turn, report: Mapping[str, Any]) -> str:
    """Return what went wrong, or nothing."""
    if "problem" in report:
        return scrubbed(report["problem"])[-300:]
    if ended.ending is Ending.EXITED and not ended.code:
        return ""
    lines = [line.strip() for line in ended.stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    how = {
        Ending.TIMED_OUT: f"it took longer than {turn.seconds or 0:g} s",
        Ending.OUT_OF_MEMORY: "it needed more memory than it may have",
        Ending.SIGNALLED: f"it was ended by signal {ended.code}",
    }.get(ended.ending, f"it ended with exit code {ended.code}")
    return ": ".join([how, *([scrubbed(" | ".join(lines[-2:]))[-300:]] if lines else [])])


def scaled(target: Target, folder: Path, turn: Turn) -> tuple[Doubled, ...]:
    """Return what becomes of a function when one of its arguments is doubled, and doubled again: a number, a text or a list.

    Costs are processor seconds of a call. Where they grow faster than the argument, a witness looks into the largest.
    Arguments of which the function cannot take more are left out. A command has none.
    """
    if target.sort != FUNCTION:
        return ()
    began = time.monotonic()
    usual = once(target, folder, turn)
    if usual.problem:
        return ()
    found = (
        _doubled(target, folder, _rest(turn, began, f"doubling of `{target.name}`"), name, usual) for name in _sizes(target.args)
    )
    return tuple(one for one in found if one is not None)


def _sizes(args: Mapping[str, Plain]) -> list[str]:
    """Return the names of arguments that may say how much there is to do."""
    plain = {
        name: "1" for name, value in args.items() if isinstance(value, int | float) and not isinstance(value, bool) and value > 0
    }
    named = set(numbers(Ask(f"/?{urlencode(plain)}")))
    return [name for name, value in args.items() if name in named or (isinstance(value, str | list) and value)]


def _doubled(target: Target, folder: Path, turn: Turn, name: str, usual: Ran) -> Doubled | None:
    costs = [usual.cpu]
    for factor in _FACTORS[1:]:
        if costs[-1] > _LONG:
            break
        with suppress(TaskError):  # it does not take that
            ran = once(_more(target, name, factor), folder, _short(turn))
            costs += [] if ran.problem else [ran.cpu]
    sizes = _FACTORS[: len(costs)]
    if len(costs) < 2:
        return None
    steep = exponent(sizes, costs) >= STEEP
    return Doubled(
        name, sizes, tuple(costs), witnessed(_more(target, name, sizes[-1]), folder, _short(turn)).said if steep else Testimony()
    )


def _more(target: Target, name: str, factor: float) -> Target:
    value = target.args[name]
    grown: Plain = value * int(factor)  # type: ignore[operator]
    return replace(target, args={**target.args, name: grown})


def _short(turn: Turn) -> Turn:
    return replace(turn, seconds=min(_LONGEST, _LONGEST if turn.seconds is None else turn.seconds))


def witnessed(target: Target, folder: Path, turn: Turn) -> Witnessed:
    """Return what the witness saw and heard in a run of its own, which is not timed; it says nothing of what is no Python."""
    with TemporaryDirectory(prefix="bmadp-") as scratch:
        place = Path(scratch)
        how = launch(target, folder, place, "busy", seconds=_LOOKED_INTO)
        more = testimony.environment(place, folder, how.environment.get("PYTHONPATH", ""))
        _run(Launch(how.command, {**how.environment, **more}), target, folder, turn)
        said, calls = _numbered(testimony.read(place)), int(told(target, place).get("calls", 1))
    sources = Sources(folder)
    lines = {line for one in said.seen for line in one.lines}
    return Witnessed(said, calls, frozenset(line for line in lines if sources.is_repeated(line)))


def _numbered(said: Testimony) -> Testimony:
    """Return a testimony with 0 for lines that have no number: Python 3.11 knows none for some jumps."""
    seen = (replace(one, lines=tuple(replace(line, number=line.number or 0) for line in one.lines)) for one in said.seen)
    return Testimony(tuple(seen), said.heard, said.looks)
