"""Meter: run one command and say what its whole process tree cost, its memory too."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_EVERY = 20
"""Milliseconds between looks at the memory."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Wall and CPU seconds, peak bytes of the tree (proportional set size), exit code (`-1`: stopped), what it printed."""

    wall: float
    cpu: float
    memory: int
    code: int
    said: str


def measure(
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    *,
    seconds: float = 60,
    kill_when: Callable[[], bool] | None = None,
) -> Sample:
    """Run `command`; it is stopped after `seconds`, or as soon as `kill_when` holds, with all its children."""
    log = folder / "said.txt"
    sink = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    moves = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0), (os.POSIX_SPAWN_DUP2, sink, 1), (os.POSIX_SPAWN_DUP2, sink, 2)]
    before = Path.cwd()
    os.chdir(folder)
    start = time.perf_counter()
    child = os.posix_spawnp(command[0], command, environment, file_actions=moves, setpgroup=0)
    os.chdir(before)
    os.close(sink)
    handle = os.pidfd_open(child)
    peak, is_late = 0, False
    while not select.select([handle], [], [], _EVERY / 1000)[0]:
        peak = max(peak, sum(map(_proportional, _tree(child))))
        if (kill_when is not None and kill_when()) or time.perf_counter() - start > seconds:
            is_late = True
            os.killpg(child, signal.SIGKILL)
    _, status, used = os.wait4(child, 0)
    wall = time.perf_counter() - start
    os.close(handle)
    code = -1 if is_late else os.waitstatus_to_exitcode(status)
    return Sample(wall, used.ru_utime + used.ru_stime, peak, code, log.read_text(encoding="utf-8", errors="replace"))


def _tree(root: int) -> Iterator[int]:
    yield root
    try:
        for thread in os.listdir(f"/proc/{root}/task"):
            for child in Path(f"/proc/{root}/task/{thread}/children").read_text().split():
                yield from _tree(int(child))
    except OSError:
        return


def _proportional(process: int) -> int:
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    except (OSError, StopIteration):
        return 0
