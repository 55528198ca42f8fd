"""Preload: build `crashpoint.c`, run this interpreter under it, and run functions in forked children that it breaks."""

from __future__ import annotations

import ctypes
import errno
import gc
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
SOURCE = Path(__file__).with_name("crashpoint.c")
CACHE = REPOSITORY / ".cache" / "crash"

MODES = {"count": 0, "before": 1, "after": 2, "torn": 3, "fail": 4, "sticky": 5, "short": 6, "save": 7}
NO_RENAMEAT2, ONLY_ROOM = 1, 2
STYLES = {"in place": 0, "by rename": 1, "removed": 2}
KILLED = -int(signal.SIGKILL)


@dataclass(frozen=True)
class Fault:
    """Which call breaks, how; `portable` takes `renameat2` away; `save` is what "the user" does at that call."""

    at: int = -1
    mode: str = "count"
    number: int = errno.EIO
    portable: bool = False
    save: tuple[str, bytes, str] | None = None

    @property
    def flags(self) -> int:
        room = self.number == errno.ENOSPC and self.mode in ("fail", "sticky")
        return NO_RENAMEAT2 * self.portable | ONLY_ROOM * room

    def __str__(self) -> str:
        what = errno.errorcode[self.number] if self.mode in ("fail", "sticky") else ""
        return f"{self.mode} {what} at {self.at}{' portable' if self.portable else ''} {self.save or ''}".replace("  ", " ").strip()


@dataclass(frozen=True)
class Run:
    """How a child ended: its exit code (`KILLED` when it was killed), what it said, how many calls it made."""

    code: int
    said: str = ""
    calls: int = 0
    met: bool = False
    log: tuple[tuple[str, ...], ...] = field(default=(), repr=False)

    @property
    def killed(self) -> bool:
        return self.code == KILLED


def library() -> Path:
    """Return the compiled library, made when its source is new."""
    name = hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:16]
    ready = CACHE / f"crashpoint-{name}.so"
    if not ready.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        making = ready.with_suffix(f".{os.getpid()}")
        subprocess.run(["gcc", "-O2", "-Wall", "-shared", "-fPIC", "-o", str(making), str(SOURCE), "-ldl"], check=True)
        making.rename(ready)
    return ready


def under_preload() -> None:
    """Run this program again with the library preloaded, unless it is already."""
    wanted = str(library())
    if os.environ.get("LD_PRELOAD") == wanted:
        return
    more = {"LD_PRELOAD": wanted, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0"}
    os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **more})


def work_folder() -> Path:
    """Return a new folder, in memory where there is such a file system."""
    memory = Path("/dev/shm")
    return Path(tempfile.mkdtemp(prefix="bmadp-crash-", dir=memory if memory.is_dir() else None)).resolve()


def warmed_up() -> None:
    """Call once after all imports: children then share the memory."""
    gc.collect()
    gc.freeze()


def forked(function: Callable[[], object], root: Path | str, fault: Fault = Fault(), *, log: bool = False) -> Run:
    """Run `function` in a forked child with `fault` armed below `root`; its return value (an int) is the exit code."""
    reader, writer = os.pipe()
    logged = tempfile.TemporaryFile(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) if log else None  # noqa: SIM115 - closed below
    child = os.fork()
    if child == 0:
        os.close(reader)
        _child(function, str(root), fault, writer, logged.fileno() if logged else -1)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        data = pipe.read()
    _, status = os.waitpid(child, 0)
    lines: tuple[tuple[str, ...], ...] = ()
    if logged:
        logged.seek(0)
        lines = tuple(tuple(line.split("\t")) for line in logged.read().decode("utf-8", "surrogateescape").splitlines())
        logged.close()
    if os.WIFSIGNALED(status):
        return Run(-os.WTERMSIG(status), f"signal {os.WTERMSIG(status)}", fault.at, True, lines)
    body = json.loads(data) if data else {"said": "no answer", "calls": 0, "met": False}
    return Run(os.WEXITSTATUS(status), body["said"], body["calls"], body["met"], lines)


def _child(function: Callable[[], object], root: str, fault: Fault, writer: int, log: int) -> None:
    code, said = 3, ""
    preloaded = ctypes.CDLL(None)
    silent = os.open(os.devnull, os.O_WRONLY)
    told = os.memfd_create("stderr")
    os.dup2(silent, 1)
    os.dup2(told, 2)
    if fault.save:
        path, data, style = fault.save
        preloaded.crash_save(path.encode(), data, ctypes.c_long(len(data)), STYLES[style])
    preloaded.crash_arm(root.encode(), ctypes.c_long(fault.at), MODES[fault.mode], fault.number, fault.flags, log)
    try:
        result = function()
        code, said = (result, "") if isinstance(result, int) else (0, "")
    except BaseException as error:  # noqa: BLE001 - told to the parent
        code, said = getattr(error, "exit_code", 3), f"{type(error).__name__}: {error}"
    finally:
        preloaded.crash_disarm()
        said = said or os.pread(told, 4000, 0).decode("utf-8", "replace")
        preloaded.crash_calls.restype = preloaded.crash_met.restype = ctypes.c_long
        body = {"said": said[:500], "calls": preloaded.crash_calls(), "met": bool(preloaded.crash_met())}
        os.write(writer, json.dumps(body).encode())
        os._exit(code)


def environment(root: Path, fault: Fault, counter: Path, base: Mapping[str, str]) -> dict[str, str]:
    """Return the environment in which an exec'd program (any, with its children) is broken."""
    return {
        **base,
        "LD_PRELOAD": str(library()),
        "CRASH_ROOT": str(root),
        "CRASH_AT": str(fault.at),
        "CRASH_MODE": str(MODES[fault.mode]),
        "CRASH_ERRNO": str(fault.number),
        "CRASH_FLAGS": str(fault.flags),
        "CRASH_COUNTER": str(counter),
    }


def counted(counter: Path) -> tuple[int, bool]:
    """Return how many calls an exec'd program made, and whether it was broken."""
    data = counter.read_bytes()[:16]
    return int.from_bytes(data[:8], sys.byteorder), bool(int.from_bytes(data[8:16], sys.byteorder))
