"""Lanes: where tasks run. Threads for what waits, processes for what computes; or one after the other, here."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue
from time import perf_counter
from typing import TYPE_CHECKING, Protocol

from bmad_provisioner.digest import Digest, Entry, Plain, digest
from bmad_provisioner.engine.task import Inputs, Lane, Output, Turn
from bmad_provisioner.errors import BmadpError, TaskError

if TYPE_CHECKING:
    from concurrent.futures import Future, ProcessPoolExecutor


class LanesError(BmadpError):
    """The lanes themselves failed, and not a task in them: there are no threads, no processes, no cluster."""


@dataclass(frozen=True, slots=True)
class Job:
    """One try of one task; `serial` tells tries apart."""

    serial: int
    name: str
    function: Callable[[Inputs], Output]
    inputs: Inputs
    lane: Lane


@dataclass(frozen=True, slots=True)
class Done:
    """How a try ended, and after how many seconds."""

    serial: int
    output: Output | None
    error: Exception | None
    seconds: float


class Lanes(Protocol):
    """What a run asks of the place where its tasks run."""

    name: str

    def start(self, job: Job) -> None:
        """Begin a try; raises LanesError when nothing can be begun any more."""

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
    """Threads for the lanes `io` and `alone`, made as they are needed, and processes for the lane `cpu`."""

    name = "local"

    def __init__(self, processes: int = 2) -> None:
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._ended: SimpleQueue[Done | Note] = SimpleQueue()
        self._busy: set[int] = set()
        self._threads = 0
        self._computing = Processes(processes, self._ended)

    def start(self, job: Job) -> None:
        """Begin a try."""
        if job.lane is Lane.CPU:
            self._computing.start(job)
            return
        self._busy.add(job.serial)
        if len(self._busy) > self._threads:
            try:
                threading.Thread(target=_serve, args=(self._jobs, self._ended), daemon=True).start()
            except RuntimeError as error:
                if not self._threads:
                    raise LanesError(f"no thread can be started: {error}") from error
            else:
                self._threads += 1
        self._jobs.put(job)

    def wait(self, seconds: float | None) -> list[Done]:
        """Return the tries that ended."""
        found: list[Done | Note] = []
        with suppress(Empty):
            found.append(self._ended.get(timeout=seconds))
            while True:
                found.append(self._ended.get_nowait())
        settled = [one if isinstance(one, Done) else self._computing.settle(one) for one in found]
        done = [one for one in settled if one is not None]
        self._busy.difference_update(one.serial for one in done)
        return done

    def abandon(self, serial: int) -> None:
        """Leave a thread to itself; another takes its place."""
        if serial in self._busy:
            self._busy.discard(serial)
            self._threads -= 1

    def close(self) -> None:
        """Let idle threads end; one that is stuck ends with the process."""
        for _ in range(self._threads):
            self._jobs.put(None)
        self._computing.close()


def _serve(jobs: SimpleQueue[Job | None], ended: SimpleQueue[Done | Note]) -> None:
    while (job := jobs.get()) is not None:
        ended.put(attempt(job))


def attempt(job: Job) -> Done:
    """Run a try in this thread. Whatever a task raises is its own failure, and no reason for others to stop."""
    start = perf_counter()
    try:
        output, error = job.function(job.inputs), None
    except Exception as raised:  # noqa: BLE001 - the edge of a task is a process edge: plugins run behind it
        output, error = None, raised
    return Done(job.serial, output, error, perf_counter() - start)


@dataclass(frozen=True, slots=True)
class Parcel:
    """A try as it travels to another process: everything by value, the bytes it may read included."""

    serial: int
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


def parcel(job: Job) -> Parcel:
    """Pack a try for another process."""
    inputs = job.inputs
    contents = {path: inputs.read(path) for path, entry in inputs.files.items() if entry is not None and entry.is_plain}
    entries = {entry.digest: entry for output in inputs.needs.values() for entry in output.entries}
    turn = replace(inputs.turn, stopped=Turn().stopped)
    fetched = {name: inputs.fetch(entry) for name, entry in entries.items()}
    return Parcel(job.serial, job.function, inputs.args, inputs.files, inputs.needs, contents, fetched, turn)


def unpack(sent: Parcel) -> Returned:
    """Run a parcelled try; called in the other process."""
    kept: list[tuple[bytes, bool]] = []

    def keep(data: bytes, executable: bool = False) -> Entry:
        kept.append((data, executable))
        return Entry(digest(data), executable)

    inputs = Inputs(
        sent.args,
        sent.files,
        sent.needs,
        sent.contents.__getitem__,
        keep,
        lambda entry: sent.fetched[entry.digest],
        sent.turn,
    )
    done = attempt(Job(sent.serial, "", sent.function, inputs, Lane.CPU))
    if done.error is not None and not isinstance(done.error, BmadpError):
        done = replace(done, error=TaskError(f"{type(done.error).__name__}: {done.error}"))  # others may not pickle
    return Returned(done, tuple(kept))


@dataclass(frozen=True, slots=True)
class Note:
    """That a future ended; it may be one that nobody waits for any more."""

    serial: int
    future: Future[Returned]


class Processes:
    """Worker processes. When one dies, the tries that were in flight are made again one at a time, to find the guilty one."""

    def __init__(self, most: int, ended: SimpleQueue[Done | Note]) -> None:
        self._most, self._ended = most, ended
        self._pool: ProcessPoolExecutor | None = None
        self._workers = 0
        self._waiting: deque[Job] = deque()
        self._suspects: deque[Job] = deque()
        self._running: dict[int, tuple[Job, Future[Returned]]] = {}

    def start(self, job: Job) -> None:
        """Begin a try as soon as no suspect is being tried."""
        self._waiting.append(job)
        self._feed()

    def _feed(self) -> None:
        if self._suspects and not self._running:
            self._submit(self._suspects.popleft(), workers=1)
        while self._waiting and not self._suspects:
            self._submit(self._waiting.popleft(), workers=self._most)

    def _submit(self, job: Job, *, workers: int) -> None:
        try:
            future = self._open(workers).submit(unpack, parcel(job))
        except (OSError, RuntimeError) as error:
            raise LanesError(f"no process can be started: {error}") from error
        self._running[job.serial] = job, future
        future.add_done_callback(lambda future: self._ended.put(Note(job.serial, future)))

    def _open(self, workers: int) -> ProcessPoolExecutor:
        if self._workers != workers and not self._running:
            self._forget()
        if self._pool is None:
            # Heavy, and only for a graph that computes.
            from concurrent.futures import ProcessPoolExecutor  # noqa: PLC0415
            from multiprocessing import get_context  # noqa: PLC0415

            # Never `fork`: a lock that another thread holds would stay held in the child for good.
            context = get_context("forkserver")
            context.set_forkserver_preload([__name__])
            self._pool, self._workers = ProcessPoolExecutor(workers, mp_context=context), workers
        return self._pool

    def settle(self, note: Note) -> Done | None:
        """Return how a try ended; nothing when it has to be made again, or nobody waits for it."""
        from concurrent.futures.process import BrokenProcessPool  # noqa: PLC0415 - loaded with the pool

        job, future = self._running.get(note.serial, (None, None))
        if job is None or future is not note.future:
            return None
        try:
            returned = note.future.result()
        except BrokenProcessPool:
            return self._broken(job)
        except Exception as error:  # noqa: BLE001 - what cannot be pickled, there or back
            done = Done(job.serial, None, TaskError(f"cannot be sent to a worker process: {error}"), 0.0)
        else:
            for data, executable in returned.kept:
                job.inputs.keep(data, executable)
            done = returned.done
        del self._running[job.serial]
        self._feed()
        return done

    def _broken(self, job: Job) -> Done | None:
        together = [other for other, _future in self._running.values()]
        self._running.clear()
        self._forget()
        guilty = together == [job]
        self._suspects.extend(together if not guilty else ())
        self._feed()
        return Done(job.serial, None, TaskError(f"the worker process of `{job.name}` died"), 0.0) if guilty else None

    def _forget(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None

    def close(self) -> None:
        """End the workers."""
        self._forget()
