"""Spawn: start a command in its own process group, each of its processes bounded in what it may reserve."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from shutil import which

from bmad_provisioner.engine.watch import MARK
from bmad_provisioner.errors import TaskError

_LEAST = 2 * 1024 * 1024 * 1024
"""`RLIMIT_DATA` counts what is reserved for writing, used or not. Claude Code (made with bun) reserves 72 GB, makes do with
less where it is refused, and does not start below 768 MiB (measured), though it holds 200 MiB."""
_BOUND = 'ulimit -d "$0" 2>/dev/null; exec "$@"'
"""Takes KiB and the command, whose place its own process makes free: so id, exit code and signals are the command's."""


def spawn(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], mark: str, memory: int | None = None
) -> subprocess.Popen[bytes]:
    """Start a command in a process group of its own, with pipes; raises TaskError when it cannot be started.

    It carries `mark`, after the marks that we carry ourselves, so that whoever started us finds it too. Each process of
    its family may reserve no more than well above the `memory` (bytes) that all may use; Linux only.
    """
    if not folder.is_dir():
        raise TaskError(f"`{folder}` is not a folder", hint="a command is run in a folder that is there")
    program = _program(command, folder, environment)
    words = list(command) if program is None or memory is None else _bounded(program, command, memory)
    try:
        return subprocess.Popen(  # noqa: S603 - the command is the document's to choose
            words,
            cwd=folder,
            env={MARK: os.environ.get(MARK, "") + mark, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            process_group=0,
        )
    except (OSError, ValueError, IndexError) as error:
        raise _refusal(command, program, error) from error


def _bounded(program: str, command: Sequence[str], memory: int) -> list[str]:
    """Return the command with its bound in place before it starts.

    One that comes later may come while Claude Code reserves its heap, which then crashes: in one start of four (measured).
    A shell sets it within a millisecond; `preexec_fn` would copy our page tables: 30 ms from a parent of 600 MB.
    """
    if sys.platform != "linux":
        return list(command)
    return ["/bin/sh", "-c", _BOUND, str(max(2 * memory, _LEAST) // 1024), program, *command[1:]]


def _program(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> str | None:
    """Return the path of what a command would run, found as the system does from its folder; `None` where there is none."""
    name = command[0] if command else ""
    if "/" in name:
        return which((folder / name).absolute())
    places = (str((folder / place).absolute()) for place in os.get_exec_path(environment))
    return which(name, path=os.pathsep.join(places))


def _refusal(command: Sequence[str], program: str | None, error: Exception) -> TaskError:
    name = command[0] if command else ""
    if isinstance(error, FileNotFoundError) and program is None:
        hint = f"is `{name}` spelt right?" if "/" in name else f"install `{name}`, or put its folder on PATH"
        return TaskError(f"command `{name}` is not there", hint=hint, started=False)
    if isinstance(error, PermissionError):
        hint = f"make it executable: chmod +x {name}"
        return TaskError(f"command `{name}` may not be executed", hint=hint, started=False)
    reason = getattr(error, "strerror", None) or str(error)
    hint = "run it by hand in the same folder"
    return TaskError(f"command `{name}` does not start: {reason.lower()}", hint=hint, started=False)
