"""Tidy: one file repaired and rewritten, with everything that was done, proposed, or left wrong."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any, cast

from bmad_provisioner.digest import Plain
from bmad_provisioner.engine.task import Inputs, Output
from bmad_provisioner.errors import TaskError
from bmad_provisioner.finding import Finding, Severity

if TYPE_CHECKING:
    from bmad_provisioner.kinds.code.repair.model import Fix
    from bmad_provisioner.kinds.code.rewriting import Rewritten

# Repair and passes are imported by the worker that needs them: most files of most runs are known.
# ruff: noqa: PLC0415

PATIENCE = 20.0
"""Seconds that the passes may be at one file; the one that is at work then is left out of it."""
STOPPED = "it was not done after"
_ENOUGH = 3
"""A pass that had to be stopped so often is left out of all files by the process that stopped it."""
_stopped: dict[str, int] = {}


class _OutOfTimeError(BaseException):
    """Raised in the midst of a pass: no `except Exception` of a stranger holds it."""


def tidy(inputs: Inputs) -> Output:
    """Return the file as it should be, where that is another one than stands there."""
    path, known = str(inputs.args["path"]), _known(inputs)
    data = before = inputs.read(path)
    findings: list[Finding] = []
    if known.get("trouble"):
        data, found = _repaired(inputs, path, before, known)
        findings += found
    if not known.get("broken") or data != before:
        try:
            data, found = _rewritten(inputs, path, data, known)
            findings += found
        except TaskError as error:
            findings.append(Finding(path, "code-broken", error.message, Severity.WARNING))
    fleeting = any(one.rule == "code-quarantined" or (one.rule == "code-left-out" and STOPPED in one.message) for one in findings)
    stands = inputs.files[path]
    executable = stands is not None and stands.executable
    if inputs.args["verified"]:
        # Told of a file that stays, too: once what is told stands there, nothing that the verification hears has changed.
        entry = inputs.keep(data, executable)
        said: list[Plain] = [entry.digest, entry.executable]
        facts: dict[str, Plain] = {"entry": said} if data == before else {"entry": said, "foreseen": {path: said}}
        return Output({}, tuple(findings), facts, {path: entry} if data != before else {}, fleeting=fleeting)
    files = {path: inputs.keep(data, executable)} if data != before else {}
    return Output(files, tuple(findings), fleeting=fleeting)


def _known(inputs: Inputs) -> Mapping[str, Any]:
    """Return what the index says of this file: nothing where it is healthy and nobody takes a name from it."""
    said = [value for output in inputs.needs.values() for value in output.facts.values()]
    return cast("Mapping[str, Any]", said[0]) if said else {}


def _repaired(inputs: Inputs, path: str, data: bytes, known: Mapping[str, Any]) -> tuple[bytes, list[Finding]]:
    from bmad_provisioner.kinds.code.packing import heard
    from bmad_provisioner.kinds.code.repair.repair import repair

    wanted = frozenset(map(str, cast("Sequence[str]", inputs.args["repair"])))
    done = repair(data, heard(known["knows"]), wanted, cast("float", inputs.args["sure"]))
    found = [_told(path, fix, Severity.INFO, "repaired") for fix in done.fixes]
    found += [_told(path, fix, Severity.WARNING, "could be repaired") for fix in done.proposals]
    rule = "code-broken" if known["broken"] and done.data == data else "code-fault"
    found += [Finding(path, rule, fault.message, Severity.WARNING, fault.line) for fault in done.left]
    return done.data, found


def _told(path: str, fix: Fix, severity: Severity, how: str) -> Finding:
    shown = f"{fix.before.strip()!r} -> {fix.after.strip()!r}" if len(fix.before) + len(fix.after) < 200 else ""
    message = f"{how}: {fix.reason} ({fix.kind}, {fix.confidence:.0%} sure)" + (f": {shown}" if shown else "")
    return Finding(path, "code-repair", message, severity, fix.line)


def _rewritten(inputs: Inputs, path: str, data: bytes, known: Mapping[str, Any]) -> tuple[bytes, list[Finding]]:
    from bmad_provisioner.kinds.code.load import load
    from bmad_provisioner.kinds.code.rewrite import rewrite

    named = known.get("passes") or inputs.args["passes"]
    passes = load([str(name) for name, _ in cast("Sequence[tuple[str, str]]", named)])
    asked = {"python": inputs.args["python"], "path": path, "wanted": known.get("wanted", []), "own": known.get("own", [])}
    findings: list[Finding] = []
    while True:
        barred = [one for one in passes if _stopped.get(one.name, 0) >= _ENOUGH]
        passes = tuple(one for one in passes if one not in barred)
        findings += [_left_out(path, "code-quarantined", one.name, "it had to be stopped too often") for one in barred]
        at_work: list[str] = []
        try:
            with _limit(PATIENCE):
                done = rewrite(data, passes, asked, at_work.append)
            return done.data, findings + _notes(path, done)
        except _OutOfTimeError:
            # Several are at work where LibCST visits for all of them at once.
            guilty = at_work[-1].split(", ") if at_work else []
            for name in guilty:
                _stopped[name] = _stopped.get(name, 0) + 1
                findings.append(_left_out(path, "code-left-out", name, f"{STOPPED} {PATIENCE:g} s"))
            passes = tuple(one for one in passes if guilty and one.name not in guilty)


def _notes(path: str, done: Rewritten) -> list[Finding]:
    found = [Finding(path, "code-rewritten", f"{note.rule}: {note.message}", Severity.INFO, note.line) for note in done.notes]
    return found + [_left_out(path, "code-left-out", failure.rule, failure.reason) for failure in done.failures]


def _left_out(path: str, rule: str, name: str, reason: str) -> Finding:
    return Finding(path, rule, f"pass `{name}` was left out: {reason}", Severity.WARNING)


@contextmanager
def _limit(seconds: float) -> Iterator[None]:
    """Raise _OutOfTimeError in the midst of what takes longer; only where this is a main thread, as in a worker process."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise _OutOfTimeError

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
