"""Child: run a command in its own process group, within bounds of time, memory and output, and leave nothing of it behind.

Memory is bounded twice: what each process may reserve, by the kernel (`spawn`), and what the whole tree holds, looked at
twenty times a second. What the child leaves running is ended with it, and all of it ends when we do (`watch.Guard`).
"""

from __future__ import annotations

import contextlib
import os
import resource
import selectors
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from math import inf
from pathlib import Path
from typing import IO, cast

from bmad_provisioner.engine.spawn import spawn
from bmad_provisioner.engine.task import Turn
from bmad_provisioner.engine.watch import Family, Guard, Recent, resident

MOST = 32 * 1024 * 1024
"""Bytes kept of each of stdout and stderr, unless a caller says otherwise."""

_GRACE = 2.0
"""Seconds between asking to end (SIGTERM) and ending (SIGKILL)."""
_LINGER = 0.5
"""The same, for what a child that ended by itself left running."""
_DRAIN = 1.0
"""Seconds to wait for the end of an output whose writers are dead."""
_TICK = 0.05
"""Seconds between two looks at the tree and at `Turn.stopped`."""
_CHUNK = 1 << 16
_EXHAUSTED = (b"MemoryError", b"bad_alloc", b"heap out of memory", b"OutOfMemoryError", b"annot allocate memory")
_PASSED = ("PATH", "HOME", "LANG", "TMPDIR", "TZ", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
_PREFIXES = ("LC_", "SSL_CERT_")

_guard = Guard()
_recent = Recent()


class Ending(str, Enum):
    """How a child came to its end."""

    EXITED = "exited"
    SIGNALLED = "signalled"
    TIMED_OUT = "timed out"
    OUT_OF_MEMORY = "out of memory"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Ended:
    """What is left of a child.

    `code` is its exit code, or the number of the signal that ended it. Of an output that was longer than the bound, the
    first half and the last half of the bound are here, and `cut` counts the bytes dropped in between. `seconds` is wall time;
    `peak` (bytes) and `cpu` (seconds) are those of the whole tree as far as it was seen: 0 where it was gone too soon.
    """

    ending: Ending
    code: int
    stdout: bytes
    stderr: bytes
    cut: int
    seconds: float
    peak: int
    cpu: float


def environment(allow: Iterable[str] = (), **more: str) -> dict[str, str]:
    """Return the environment of a child: what a program needs to run, the variables allowed by name, and `more`.

    So no key or token of ours reaches a child that was not given it.
    """
    allowed = {*_PASSED, *(name.lower() for name in _PASSED if name.endswith("PROXY")), *allow}
    passed = {name: value for name, value in os.environ.items() if name in allowed or name.startswith(_PREFIXES)}
    return passed | {"TERM": "dumb"} | more


def run_child(
    command: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    turn: Turn,
    stdin: bytes = b"",
    most: int = MOST,
    hard: bool = True,
) -> Ended:
    """Run a command to its end, which it or its `turn` decides; raises TaskError when it cannot be started.

    Where the turn bounds memory, what the whole tree holds is looked at; and a process that takes much at once is refused it
    by the kernel, before anybody looks. Not `hard` leaves out the refusing, for programs that reserve far more than they
    use and cannot do with less: then memory may be exceeded for the 50 ms between two looks.
    """
    life = _Life(command, folder, environment, turn, hard)
    for source in (life.process.stdout, life.process.stderr):
        life.collect(cast("IO[bytes]", source), _Kept(most))
    life.feed(stdin)
    return life.live()


class Child:
    """A child to talk with: write to `stdin` (and flush), read from `stdout`; both end when it does."""

    def __init__(self, life: _Life, most: int) -> None:
        self._pid = life.process.pid
        self.stdin = cast("IO[bytes]", life.process.stdin)
        self.stdout = cast("IO[bytes]", life.process.stdout)
        self._errors = _Kept(most)
        life.collect(cast("IO[bytes]", life.process.stderr), self._errors)
        self._ended: list[Ended] = []
        self._thread = threading.Thread(target=lambda: self._ended.append(life.live()), name="child", daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int:
        """The number of its first process."""
        return self._pid

    @property
    def stderr(self) -> bytes:
        """What it complained of so far: the first and the last of it, where it is long."""
        return bytes(self._errors)

    def ended(self) -> Ended | None:
        """Return how it ended (its `stdout` is yours, so empty there), or `None` while it lives."""
        return self._ended[0] if self._ended else None

    def wait(self) -> Ended:
        """Wait for its end; its `turn` bounds how long that may be."""
        self._thread.join()
        return self._ended[0]


@contextmanager
def child(
    command: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    turn: Turn,
    most: int = MOST // 32,
    hard: bool = True,
) -> Iterator[Child]:
    """Start a command to talk with, and end it with all it started when the context is left.

    Raises TaskError when it cannot be started. `most` bounds the bytes kept of its stderr; `hard` is that of `run_child`.
    """
    left = threading.Event()
    life = _Life(command, folder, environment, turn, hard, left.is_set)
    talk = Child(life, most)
    try:
        yield talk
    finally:
        left.set()
        talk.wait()
        talk.stdout.close()
        with contextlib.suppress(OSError):
            talk.stdin.close()


class _Kept:
    """The head and the tail of a stream, in bounded memory."""

    def __init__(self, most: int) -> None:
        self._head, self._tail = bytearray(), bytearray()
        self._first, self._last = most - most // 2, most // 2
        self._lock = threading.Lock()
        self._dropped = 0

    def add(self, data: bytes) -> None:
        with self._lock:
            room = self._first - len(self._head)
            self._head += data[:room]
            self._tail += data[room:]
            if len(self._tail) > self._last + self._last // 4 + _CHUNK:
                self._trim()

    def _trim(self) -> None:
        excess = max(0, len(self._tail) - self._last)
        del self._tail[:excess]
        self._dropped += excess

    @property
    def cut(self) -> int:
        with self._lock:
            self._trim()
            return self._dropped

    def __bytes__(self) -> bytes:
        with self._lock:
            self._trim()
            return bytes(self._head + self._tail)


def _never() -> bool:
    return False


class _Life:
    """A child from its start to its end, lived through by one thread: it reads, writes, looks and decides."""

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        environment: Mapping[str, str],
        turn: Turn,
        hard: bool,
        left: Callable[[], bool] = _never,
    ) -> None:
        mark = _guard.mark()
        self._began = time.monotonic()
        self.process = spawn(command, folder, environment, mark, turn.memory if hard else None)
        self._pid = self.process.pid
        _guard.born(self._pid)
        self._family = Family(self._pid, mark)
        self._turn, self._left = turn, left
        self._deadline = self._began + (inf if turn.seconds is None else turn.seconds)
        self._pause, self._kill_at = _TICK / 8, inf
        self._look = min(self._began + self._pause, self._deadline)
        self._reason: Ending | None = None
        self._over = self._alone = False
        self._peak = 0
        self._usage: resource.struct_rusage | None = None
        self._kept: list[_Kept] = []
        self._input = memoryview(b"")
        self._selector = selectors.DefaultSelector()
        self._pidfd = os.pidfd_open(self._pid) if hasattr(os, "pidfd_open") else None
        if self._pidfd is not None:
            self._selector.register(self._pidfd, selectors.EVENT_READ, self._notice)

    def collect(self, stream: IO[bytes], kept: _Kept) -> None:
        """Keep what comes out of a stream; read it whenever there is something."""
        os.set_blocking(stream.fileno(), False)
        self._kept.append(kept)
        self._selector.register(stream, selectors.EVENT_READ, lambda: self._read(stream, kept))

    def feed(self, data: bytes) -> None:
        """Write all of `data` to the child's standard input, as it takes it, and close that."""
        stream = cast("IO[bytes]", self.process.stdin)
        os.set_blocking(stream.fileno(), False)
        self._input = memoryview(data)
        self._selector.register(stream, selectors.EVENT_WRITE, lambda: self._write(stream))

    def live(self) -> Ended:
        """Live until the child and all it started are gone."""
        try:
            while not self._over:
                self._pump(self._look - time.monotonic())
                self._judge(time.monotonic())
            seconds = time.monotonic() - self._began
            self._end_the_rest()
            self._drain()
        finally:
            if not self._alone:
                self._family.kill()
            self._reap()
            self._close()
        return self._ended(seconds)

    def _pump(self, seconds: float) -> None:
        for key, _ in self._selector.select(max(0.0, seconds)):
            key.data()
        if self._pidfd is None and self._reap(os.WNOHANG):
            self._over = True

    def _notice(self) -> None:
        self._over = True
        self._selector.unregister(cast("int", self._pidfd))

    def _read(self, stream: IO[bytes], kept: _Kept) -> None:
        data = os.read(stream.fileno(), _CHUNK)
        if data:
            kept.add(data)
        else:
            self._selector.unregister(stream)
            stream.close()

    def _write(self, stream: IO[bytes]) -> None:
        try:
            self._input = self._input[os.write(stream.fileno(), self._input[:_CHUNK]) :]
        except BlockingIOError:
            return
        except BrokenPipeError:
            self._input = memoryview(b"")
        if not self._input:
            self._selector.unregister(stream)
            stream.close()

    def _judge(self, now: float) -> None:
        """At the time to look: decide whether the child has to end, and see that it does."""
        if now < self._look or self._over:
            return
        self._pause = min(_TICK, self._pause * 2)
        held = self._measure()
        if self._reason is None:
            self._reason = self._verdict(now, held)
            self._kill_at = now + (0.0 if self._reason is Ending.OUT_OF_MEMORY else _GRACE)
            if self._reason is not None and self._kill_at > now:
                self._family.send(signal.SIGTERM)
        if self._reason is not None and now >= self._kill_at:
            self._family.send(signal.SIGKILL)
        self._look = now + self._pause if self._reason else min(now + self._pause, self._deadline)

    def _measure(self) -> int:
        held = resident(self._family.members(_recent.table(self._pause / 2)), self._turn.memory)
        self._peak = max(self._peak, held)
        return held

    def _verdict(self, now: float, held: int) -> Ending | None:
        if self._turn.memory is not None and held > self._turn.memory:
            return Ending.OUT_OF_MEMORY
        if self._left() or self._turn.stopped():
            return Ending.STOPPED
        return Ending.TIMED_OUT if now >= self._deadline else None

    def _end_the_rest(self) -> None:
        """End what the child left running: ask first."""
        if self._family.send(signal.SIGTERM):
            end = time.monotonic() + _LINGER
            while time.monotonic() < end and self._family.everyone():
                self._pump(0.01)
            self._family.kill()
        self._alone = True

    def _drain(self) -> None:
        """Read what is left in the pipes."""
        end = time.monotonic() + _DRAIN
        stdin = cast("IO[bytes]", self.process.stdin)
        if not stdin.closed and stdin in self._selector.get_map():
            self._selector.unregister(stdin)
            stdin.close()
        while self._selector.get_map() and time.monotonic() < end:
            self._pump(end - time.monotonic())

    def _reap(self, options: int = 0) -> bool:
        if self.process.returncode is not None:
            return True
        pid, status, usage = os.wait4(self._pid, options)
        if not pid:
            return False
        self.process.returncode, self._usage = os.waitstatus_to_exitcode(status), usage
        _guard.gone(self._pid)
        return True

    def _close(self) -> None:
        for key in list(self._selector.get_map().values()):
            if key.fileobj is not self._pidfd:
                cast("IO[bytes]", key.fileobj).close()
        self._selector.close()
        if self._pidfd is not None:
            os.close(self._pidfd)

    def _ended(self, seconds: float) -> Ended:
        usage = cast("resource.struct_rusage", self._usage)
        code = cast("int", self.process.returncode)
        outputs = [bytes(kept) for kept in self._kept]
        reason = self._reason or (Ending.SIGNALLED if code < 0 else Ending.EXITED)
        if self._reason is None and code and self._turn.memory is not None and _is_exhausted(outputs[-1]):
            reason = Ending.OUT_OF_MEMORY
        return Ended(
            ending=reason,
            code=abs(code),
            stdout=outputs[0] if len(outputs) > 1 else b"",
            stderr=outputs[-1],
            cut=sum(kept.cut for kept in self._kept),
            seconds=seconds,
            peak=max(self._peak, _own_peak(usage)),
            cpu=max(usage.ru_utime + usage.ru_stime, self._family.spent),
        )


def _is_exhausted(stderr: bytes) -> bool:
    return any(word in stderr[-_CHUNK:] for word in _EXHAUSTED)


def _own_peak(usage: resource.struct_rusage) -> int:
    """Return the peak the kernel reports, in bytes; 0 where it may be ours: a child starts with its parent's figure."""
    if usage.ru_maxrss <= resource.getrusage(resource.RUSAGE_SELF).ru_maxrss:
        return 0
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
