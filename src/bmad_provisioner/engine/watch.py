"""Watch: every process that a child started, found, measured and killed, also when we ourselves are gone.

Run as a script this is the guard: it waits for the end of its standard input, which is our end, and then kills what
we started. So it imports little, and nothing of ours. Linux only: elsewhere there is no `/proc`, and a child's process
group is all that can be found.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

MARK = "BMADP_CHILD"
"""The variable that every child carries, and what it starts too; its value is the marks of all who had a part in it."""

_PATIENCE = 2.0
"""Seconds until a killed process has to be gone; one that the kernel holds longer is left to it."""


class Process(NamedTuple):
    """One line of the process table: times in clock ticks (`started` since boot), `resident` in pages."""

    pid: int
    parent: int
    group: int
    spent: int
    started: int
    resident: int
    alive: bool


def table() -> dict[int, Process]:
    """Return every living process by its id; empty where there is no `/proc`."""
    try:
        names = os.listdir("/proc")
    except OSError:
        return {}
    found = (_process(name) for name in names if name.isdigit())
    return {process.pid: process for process in found if process is not None and process.alive}


def _process(name: str) -> Process | None:
    words = _read(f"/proc/{name}/stat", 1024).rpartition(b")")[2].split()
    if not words:
        return None
    spent, alive = int(words[11]) + int(words[12]), words[0] not in (b"Z", b"X")
    return Process(int(name), int(words[1]), int(words[2]), spent, int(words[19]), int(words[21]), alive)


def _read(path: str, most: int) -> bytes:
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(file, most)
    except OSError:
        return b""
    finally:
        os.close(file)


class Recent:
    """The process table, read once for all who ask at about the same time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._table: dict[int, Process] = {}
        self._began = self._ended = 0.0

    def table(self, age: float) -> dict[int, Process]:
        """Return a table at most `age` seconds old, or older where reading it takes more than a twentieth of the time."""
        with self._lock:
            now = time.monotonic()
            if now - self._ended > max(age, 20 * (self._ended - self._began)):
                self._began, self._table = now, table()
                self._ended = time.monotonic()
            return self._table


def carriers(processes: Mapping[int, Process], mark: bytes, since: int = 0) -> list[Process]:
    """Return who carries the mark, of those that started at `since` (clock ticks since boot) or later."""
    return [p for p in processes.values() if p.started >= since and mark in _read(f"/proc/{p.pid}/environ", 1 << 20)]


def resident(processes: Sequence[Process], most: int | None) -> int:
    """Return the bytes that processes hold; memory they share counts once only where the sum is more than `most`.

    What is shared has to be asked of each process's page table, which takes milliseconds: whoever forks meanwhile is asked
    again, since what was one process's then is counted with it and with those it is shared by now.
    """
    page = os.sysconf("SC_PAGE_SIZE")
    simple = sum(page * process.resident for process in processes)
    if most is None or simple <= most:
        return simple
    held = sum(_proportional(process.pid, page) for process in processes)
    return held if held <= most else min(held, sum(_proportional(process.pid, page) for process in processes))


def _proportional(pid: int, page: int) -> int:
    """Return the bytes a process holds, its share of what it shares; all of it where that is not told, 0 where it is gone."""
    words = _read(f"/proc/{pid}/smaps_rollup", 4096).split()
    if b"Pss:" in words:
        return 1024 * int(words[words.index(b"Pss:") + 1])
    now = _process(str(pid))
    return page * now.resident if now is not None else 0


def signal_all(processes: Iterable[Process], number: signal.Signals) -> None:
    """Send a signal to each that is still there and ours."""
    for process in processes:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(process.pid, number)


class Family:
    """What descends from one child: by parent, by process group, or by the mark it carries.

    A process that was seen once stays in the family when its parent dies or when it leaves the group.
    """

    def __init__(self, pid: int, mark: str) -> None:
        self.pid, self.mark = pid, mark.encode()
        first = _process(str(pid))
        self._since = first.started if first else 0
        self._known: dict[int, int] = {}
        self._spent: dict[int, int] = {}

    @property
    def spent(self) -> float:
        """Processor seconds of all that were ever seen, as of when each was seen last."""
        return sum(self._spent.values()) / os.sysconf("SC_CLK_TCK")

    def members(self, processes: Mapping[int, Process]) -> list[Process]:
        """Return those who live, of whom the table tells the descent."""
        heirs: dict[int, list[Process]] = {}
        for process in processes.values():
            heirs.setdefault(process.parent, []).append(process)
        found = {p.pid: p for p in processes.values() if self._is_known(p)}
        queue = list(found)
        while queue:
            fresh = [heir for heir in heirs.get(queue.pop(), ()) if heir.pid not in found]
            found.update((heir.pid, heir) for heir in fresh)
            queue.extend(heir.pid for heir in fresh)
        self._remember(found)
        return list(found.values())

    def everyone(self) -> list[Process]:
        """Return those who live, also those whose parents died before anybody looked."""
        processes = table()
        found = {p.pid: p for p in (*self.members(processes), *carriers(processes, self.mark, self._since))}
        self._remember(found)
        return list(found.values())

    def send(self, number: signal.Signals) -> bool:
        """Send a signal to everyone, once; say whether there was anyone.

        They are found first: an orphan that has neither the group nor the mark could not be found any more.
        """
        found = self.everyone()
        reached = not os.path.isdir("/proc/self")
        try:
            os.killpg(self.pid, number)
        except (ProcessLookupError, PermissionError):
            reached = False
        signal_all((process for process in found if process.group != self.pid), number)
        return bool(found) or reached

    def kill(self) -> None:
        """Kill everyone, and those they start meanwhile, until nobody is left."""
        end = time.monotonic() + _PATIENCE
        while self.send(signal.SIGKILL) and time.monotonic() < end:
            time.sleep(0.002)

    def _is_known(self, process: Process) -> bool:
        return self.pid in (process.pid, process.group) or self._known.get(process.pid) == process.started

    def _remember(self, found: Mapping[int, Process]) -> None:
        self._known.update((p.pid, p.started) for p in found.values())
        self._spent.update((p.pid, p.spent) for p in found.values())


class Guard:
    """A process that outlives us by a moment: it kills what we started when its pipe from us closes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._owner = 0
        self._name = ""
        self._number = 0
        self._pipe = -1
        self._living: set[int] = set()

    def mark(self) -> str:
        """Return a new mark: what carries it dies with us, from now on."""
        with self._lock:
            if self._owner != os.getpid():
                self._owner, self._name, self._pipe = os.getpid(), os.urandom(8).hex(), -1
                self._living.clear()
                self._start()
            self._number += 1
            return f"{self._name}.{self._number}/"

    def born(self, pid: int) -> None:
        """Say that a child lives."""
        with self._lock:
            self._living.add(pid)
            self._tell(f"+{pid}\n")

    def gone(self, pid: int) -> None:
        """Say that a child is gone; before it is reaped, after which another may get its id."""
        with self._lock:
            self._living.discard(pid)
            self._tell(f"-{pid}\n")

    def _tell(self, text: str) -> None:
        if self._pipe < 0:
            return
        try:
            os.write(self._pipe, text.encode())
        except BrokenPipeError:
            os.close(self._pipe)
            self._start()

    def _start(self) -> None:
        """Start the guard; where it cannot be started, nobody guards."""
        self._pipe = -1
        theirs, ours = os.pipe()
        command = [sys.executable or "", "-I", "-S", __file__, f"{self._name}."]
        streams = [(os.POSIX_SPAWN_OPEN, stream, os.devnull, os.O_WRONLY, 0) for stream in (1, 2)]
        try:
            os.posix_spawn(command[0], command, {}, file_actions=[(os.POSIX_SPAWN_DUP2, theirs, 0), *streams], setpgroup=0)
        except OSError:
            os.close(ours)
            return
        finally:
            os.close(theirs)
        self._pipe = ours
        with contextlib.suppress(BrokenPipeError):
            os.write(ours, "".join(f"+{pid}\n" for pid in self._living).encode())


def guard(lines: Iterable[str], mark: str) -> None:
    """Read who lives until the other end is gone; then kill every family that is left.

    Whoever carries the mark has one too: the end may have come between a start and the word of it.
    """
    living: set[int] = set()
    for line in lines:
        change: Callable[[int], None] = living.add if line[0] == "+" else living.discard
        change(int(line[1:]))
    living.update(process.pid for process in carriers(table(), mark.encode()))
    families = [Family(pid, mark) for pid in living]
    for family in families:
        family.everyone()  # before any loses those it is known by
    for family in families:
        family.kill()


if __name__ == "__main__":
    for _number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(_number, signal.SIG_IGN)
    os.chdir("/")
    guard(sys.stdin, sys.argv[1])
