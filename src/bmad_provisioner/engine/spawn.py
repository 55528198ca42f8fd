"""Spawn: start a command in its own process group, and bound it from outside."""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from shutil import which

from bmad_provisioner.engine.watch import MARK
from bmad_provisioner.errors import TaskError

_LEAST = 2 * 1024 * 1024 * 1024
"""`RLIMIT_DATA` counts what is reserved for writing, used or not. Programs made with bun (claude, opencode) reserve 72 GB,
make do with less where they are refused, and do not start below 768 MiB (measured), though they hold 200 MiB."""


def spawn(command: Sequence[str], folder: Path, environment: Mapping[str, str], mark: str) -> subprocess.Popen[bytes]:
    """Start a command in a process group of its own, with pipes; raises TaskError when it cannot be started.

    It carries `mark`, after the marks that we carry ourselves, so that whoever started us finds it too.
    """
    if not folder.is_dir():
        raise TaskError(f"`{folder}` is not a folder", hint="a command is run in a folder that is there")
    try:
        return subprocess.Popen(  # noqa: S603 - the command is the document's to choose
            list(command),
            cwd=folder,
            env={MARK: os.environ.get(MARK, "") + mark, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            process_group=0,
        )
    except (OSError, ValueError, IndexError) as error:
        raise _refusal(command, folder, environment, error) from error


def _refusal(command: Sequence[str], folder: Path, environment: Mapping[str, str], error: Exception) -> TaskError:
    name = command[0] if command else ""
    place = folder / name if "/" in name else name
    if isinstance(error, FileNotFoundError) and which(place, path=environment.get("PATH")) is None:
        return TaskError(f"command `{name}` is not there", hint=f"install `{name}`, or put its folder on PATH")
    if isinstance(error, PermissionError):
        return TaskError(f"command `{name}` may not be executed", hint=f"make it executable: chmod +x {name}")
    reason = getattr(error, "strerror", None) or str(error)
    return TaskError(f"command `{name}` does not start: {reason.lower()}", hint="run it by hand in the same folder")


def limit(pid: int, memory: int) -> None:
    """Bound what each process of a family may reserve for writing, well above the `memory` all may use; Linux only."""
    if sys.platform != "linux":
        return
    most = max(2 * memory, _LEAST)
    with contextlib.suppress(ProcessLookupError, PermissionError, ValueError):
        resource.prlimit(pid, resource.RLIMIT_DATA, (most, most))
