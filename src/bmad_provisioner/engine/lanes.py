"""Lanes: where tasks run. Threads for what waits, processes for what computes; or one after the other, here."""

from __future__ import annotations

import pickle
import signal
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from os import _exit
from pathlib import Path
from queue import Empty, SimpleQueue
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple, Protocol

from bmad_provisioner.digest import Digest, Entry, Plain, digest
from bmad_provisioner.engine.cache import spelled
from bmad_provisioner.engine.task import Inputs, Lane, Output, Resources, Turn
from bmad_provisioner.errors import BmadpError, TaskError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess


_MOMENT = 50e-6
"""Seconds: tries that end so soon after another are reported with it, and what they made is committed with it."""


class LanesError(BmadpError):
    """The lanes themselves failed, and not a task in them: there are no threads, no processes, no cluster."""


class Job(NamedTuple):
    """One try of one task; `serial` tells tries apart, `resources` are what it occupies.

    `begun` is to be called in the scheduler's thread when the try has its place; one that acts `once` starts after that.
    """

    serial: int
    name: str
    function: Callable[[Inputs], Output]
    inputs: Inputs
    lane: Lane
    resources: Resources = Resources()
    begun: Callable[[], None] = lambda: None
    once: bool = False


class Done(NamedTuple):
    """How a try ended, and after how many seconds; `body` is the spelling of its output.

    A LanesError says that the try was not begun, because these lanes can begin none any more.
    """

    serial: int
    output: Output | None
    error: BaseException | None
    seconds: float
    body: bytes = b""


class Lanes(Protocol):
    """What a run asks of the place where its tasks run."""

    name: str

    def start(self, job: Job) -> None:
        """Take a try; raises LanesError when nothing can be begun any more, though what was begun may still end."""

    def wait(self, seconds: float | None) -> list[Done]:
        """Return the tries that ended, after waiting for at least one, at most `seconds`; raises LanesError when lost."""

    def abandon(self, serial: int) -> None:
        """Wait no longer for a try that does not heed its time."""

    def close(self) -> None:
        """Let go of threads, processes and connections."""


class Sequential:
    """One task after the other, in the scheduler's own thread."""

    name = "sequential"

    def __init__(self) -> None:
        self._done: list[Done] = []

    def start(self, job: Job) -> None:
        """Run a try to its end."""
        job.begun()
        self._done.append(attempt(job))

    def wait(self, seconds: float | None) -> list[Done]:
        """Return what ended."""
        done, self._done = self._done, []
        return done

    def abandon(self, serial: int) -> None:
        """Nothing is left running here."""

    def close(self) -> None:
        """There is nothing to let go of."""


class Local:
    """Threads for the lanes `io` and `alone`, and processes for the lane `cpu`, each served by a thread of its own."""

    name = "local"

    def __init__(self, processes: int = 2) -> None:
        self._ended: SimpleQueue[Done] = SimpleQueue()
        self._waiting = Crew(Hand, self._ended)
        self._computing = Crew(Worker, self._ended, processes)

    def start(self, job: Job) -> None:
        """Begin a try."""
        job.begun()
        (self._computing if job.lane is Lane.CPU else self._waiting).start(job)

    def wait(self, seconds: float | None) -> list[Done]:
        """Return the tries that ended."""
        done: list[Done] = []
        with suppress(Empty):
            done.append(self._ended.get(timeout=seconds))
            while len(done) < len(self._waiting) + len(self._computing):
                done.append(self._ended.get(timeout=_MOMENT))
        for one in done:
            if not self._waiting.settle(one.serial):
                self._computing.settle(one.serial)
        return done

    def abandon(self, serial: int) -> None:
        """Leave a thread to itself, or end a process; another takes its place."""
        self._waiting.abandon(serial)
        self._computing.abandon(serial)

    def close(self) -> None:
        """Let what is idle end; a thread that is stuck ends with the process, a process now."""
        self._waiting.close()
        self._computing.close()


class Hand:
    """Does tries in the thread that asks."""

    def attempt(self, job: Job) -> Done:
        """Run a try."""
        return attempt(job)

    def drop(self) -> None:
        """Give up what it does; a thread cannot be ended."""

    def close(self) -> None:
        """There is nothing to let go of."""


class Crew:
    """Threads that take tries from one line, each with a hand of its own; hired as they are needed, at most `most`.

    Its length is how many tries did not come back yet.
    """

    def __init__(self, hand: Callable[[], Hand], ended: SimpleQueue[Done], most: int | None = None) -> None:
        self._hand, self._ended, self._most = hand, ended, most
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._busy: set[int] = set()
        self._strays: set[int] = set()
        self._held: dict[int, Hand] = {}
        self._threads = 0

    def __len__(self) -> int:
        return len(self._busy)

    def start(self, job: Job) -> None:
        """Have a try done as soon as a thread is free; raises LanesError when there is none at all."""
        self._busy.add(job.serial)
        if len(self._busy) > self._threads and (self._most is None or self._threads < self._most):
            self._hire()
        self._jobs.put(job)

    def _hire(self) -> None:
        try:
            threading.Thread(target=self._serve, daemon=True).start()
        except RuntimeError as error:
            if not self._threads:
                raise LanesError(f"no thread can be started: {error}") from error
        else:
            self._threads += 1

    def _serve(self) -> None:
        hand = self._hand()
        while (job := self._jobs.get()) is not None:
            self._held[job.serial] = hand
            done = hand.attempt(job)
            del self._held[job.serial]
            self._ended.put(done)
        hand.close()

    def settle(self, serial: int) -> bool:
        """Note that a try came back; return whether it was one of these."""
        if serial in self._busy:
            self._busy.discard(serial)
            return True
        if serial in self._strays:
            self._strays.discard(serial)
            self._threads += 1
            return True
        return False

    def abandon(self, serial: int) -> None:
        """Count on the thread of a try no longer, until it comes back."""
        if serial not in self._busy:
            return
        self._busy.discard(serial)
        self._strays.add(serial)
        self._threads -= 1
        if (hand := self._held.get(serial)) is not None:
            hand.drop()

    def close(self) -> None:
        """Let every thread end after what it does, and that soon where it can be."""
        for _ in range(self._threads + len(self._strays)):
            self._jobs.put(None)
        for hand in list(self._held.values()):
            hand.drop()


def attempt(job: Job) -> Done:
    """Run a try in this thread. Whatever a task raises is its own failure, and no reason for others to stop."""
    start = perf_counter()
    try:
        output = job.function(job.inputs)
        if not isinstance(output, Output):
            raise TaskError(f"`{job.name}` returned no output but {type(output).__name__}")
        body = spelled(output)
    except KeyboardInterrupt:
        raise
    except BaseException as raised:  # noqa: BLE001 - the edge of a task is a process edge: plugins run behind it, `sys.exit` too
        return Done(job.serial, None, raised, perf_counter() - start)
    return Done(job.serial, output, None, perf_counter() - start, body)


@dataclass(frozen=True, slots=True)
class Parcel:
    """A try as it travels to another process: everything by value, the bytes it may read included."""

    serial: int
    name: str
    function: Callable[[Inputs], Output]
    args: Mapping[str, Plain]
    files: Mapping[str, Entry | None]
    needs: Mapping[str, Output]
    contents: Mapping[str, bytes]
    fetched: Mapping[Digest, bytes]
    turn: Turn


@dataclass(frozen=True, slots=True)
class Returned:
    """A try as it comes back, with the bytes it keeps."""

    done: Done
    kept: tuple[tuple[bytes, bool], ...]


def parcel(job: Job) -> bytes:
    """Pack a try for another process; raises what reading its inputs raises, and TaskError when they cannot travel."""
    inputs = job.inputs
    contents = {path: inputs.read(path) for path, entry in inputs.files.items() if entry is not None and entry.is_plain}
    entries = {entry.digest: entry for output in inputs.needs.values() for entry in output.entries}
    turn = replace(inputs.turn, stopped=Turn().stopped)
    fetched = {name: inputs.fetch(entry) for name, entry in entries.items()}
    sent = Parcel(job.serial, job.name, job.function, inputs.args, inputs.files, inputs.needs, contents, fetched, turn)
    return _pickled(sent, f"`{job.name}` cannot be sent to another process")


def _pickled(value: object, problem: str) -> bytes:
    try:
        return pickle.dumps(value)
    except Exception as error:  # pickle raises whatever the object does
        raise TaskError(f"{problem}: {error}", hint="functions travel by their name in a module, values as plain data") from error


def unpack(data: bytes) -> bytes:
    """Run a parcelled try and pack how it ended; called in the other process."""
    try:
        sent: Parcel = pickle.loads(data)  # noqa: S301 - from the process that started this one
    except Exception as error:  # noqa: BLE001 - loading imports the module of the task, which may raise anything
        return pickle.dumps(Returned(Done(-1, None, TaskError(f"cannot be loaded in another process: {error}"), 0.0), ()))
    kept: list[tuple[bytes, bool]] = []

    def keep(data: bytes | Path, executable: bool = False) -> Entry:
        data = data if isinstance(data, bytes) else data.read_bytes()
        kept.append((data, executable))
        return Entry(digest(data), executable)

    read, fetched = sent.contents.__getitem__, sent.fetched
    inputs = Inputs(sent.args, sent.files, sent.needs, read, keep, lambda entry: fetched[entry.digest], sent.turn)
    done = attempt(Job(sent.serial, sent.name, sent.function, inputs, Lane.CPU))
    if done.error is not None and not isinstance(done.error, BmadpError):
        done = done._replace(error=TaskError(f"{type(done.error).__name__}: {done.error}"))  # others may not pickle
    try:
        return _pickled(Returned(done, tuple(kept)), f"the result of `{sent.name}` cannot be sent back")
    except TaskError as error:
        return pickle.dumps(Returned(done._replace(output=None, error=error), ()))


def unwrap(job: Job, data: bytes) -> Done:
    """Return how a try ended that `unpack` ran elsewhere, and keep the bytes it kept."""
    try:
        returned: Returned = pickle.loads(data)  # noqa: S301 - from a process that we started
    except Exception as error:  # noqa: BLE001 - an error of a plugin may not load as it was saved
        return Done(job.serial, None, TaskError(f"the result of `{job.name}` cannot be loaded: {error}"), 0.0)
    for kept, executable in returned.kept:
        job.inputs.keep(kept, executable)
    return returned.done._replace(serial=job.serial)


class Worker(Hand):
    """Does tries in a process of its own. When that dies, the try it held fails, and no other; the next gets a new one."""

    _starting = threading.Lock()

    def __init__(self) -> None:
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None

    def attempt(self, job: Job) -> Done:
        """Run a try over there."""
        start = perf_counter()
        try:
            data = parcel(job)
            pipe = self._pipe or self._open()
        except Exception as error:  # noqa: BLE001 - reading what a task needs is part of it
            return Done(job.serial, None, error, perf_counter() - start)
        try:
            pipe.send_bytes(data)
            returned = pipe.recv_bytes()
        except (EOFError, OSError):
            self.close()
            return Done(job.serial, None, TaskError(f"the worker process of `{job.name}` died"), perf_counter() - start)
        return unwrap(job, returned)

    def _open(self) -> Connection:
        """Start a process, and hear from it that it can work."""
        from multiprocessing import get_context  # noqa: PLC0415 - heavy, and only for a graph that computes

        # Never `fork`: a lock that another thread holds would stay held in the child for good.
        context = get_context("forkserver")
        try:
            with self._starting:
                context.set_forkserver_preload([__name__])
                self._pipe, there = context.Pipe()
                with there:
                    self._process = context.Process(target=_work, args=(there,), daemon=True)
                    self._process.start()
            self._pipe.recv_bytes()
        except (OSError, EOFError, RuntimeError) as error:
            self.close()
            raise LanesError(f"no worker process can be started: {str(error) or type(error).__name__}") from error
        return self._pipe

    def drop(self) -> None:
        """End the process; whoever waits for it hears that it died."""
        process = self._process  # the thread that serves it may let go of it meanwhile
        if process is not None and process.pid is not None:
            process.kill()

    def close(self) -> None:
        """End the process, and let go of it."""
        self.drop()
        if self._pipe is not None:
            self._pipe.close()
        if self._process is not None and self._process.pid is not None:
            self._process.join()
        self._process = self._pipe = None


def _work(pipe: Connection) -> None:
    """Do what comes through the pipe, until it is closed; the body of a worker process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt at the keyboard is for our parent, who then ends us
    threading.Thread(target=_follow, daemon=True).start()
    pipe.send_bytes(b"ready")
    with suppress(EOFError, OSError):
        while True:
            pipe.send_bytes(unpack(pipe.recv_bytes()))


def _follow() -> None:
    """End with the process that started us, whatever we are at."""
    from multiprocessing import parent_process  # noqa: PLC0415 - loaded already

    parent = parent_process()
    if parent is not None:
        parent.join()
        _exit(1)
