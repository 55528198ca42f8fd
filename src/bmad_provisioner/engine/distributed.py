"""Distributed: lanes on a Ray cluster, spoken to through a process of its own.

Ray ends the process that uses it when its head is gone for a minute, writes to its output and changes its environment:
so it lives beside us, and its end is our fallback. It gets only what is ready, tries nothing again by itself, and places
tasks by what they occupy; how much they may take is bounded where they run (`child`), as it is here.
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from multiprocessing.connection import Connection
from typing import Any

from bmad_provisioner.engine.gate import Gate, served
from bmad_provisioner.engine.lanes import Done, Job, LanesError, parcel, unwrap
from bmad_provisioner.engine.task import Lane
from bmad_provisioner.errors import TaskError, UsageError

_OPENING = 120.0
"""Seconds to wait for a cluster."""
_CLOSING = 15.0
"""Seconds for a cluster of our own to end."""
_BEAT = 2.0
"""Seconds between two looks at the cluster."""
_SILENCE = 20.0
"""Seconds without an answer after which it is lost."""
_SUSPECTS = "that it runs there, and that `RAY_AUTH_TOKEN` is its token"
"""What keeps us from a cluster most often; Ray says the same of both: a timeout."""
_QUIET = {
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_DEDUP_LOGS": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "PYTHONUNBUFFERED": "1",
}


class Cluster:
    """A Ray cluster at an address: `ray://HOST:PORT`, `auto` (the one this machine is part of), `local` (one of our own)."""

    name = "ray"

    def __init__(self, address: str) -> None:
        check(address)
        if find_spec("ray") is None:
            raise UsageError("Ray is not installed", hint="pip install 'bmad-provisioner[ray]'")
        self._address = address
        self._jobs: dict[int, Job] = {}
        self._ended: list[Done] = []
        self._bridge, self._pipe = _open(address)
        self._expect_ready()

    def _expect_ready(self) -> None:
        answer = self._receive() if self._pipe.poll(_OPENING) else "it does not answer"
        if answer is not None:
            self.close()
            reason = f"the cluster `{self._address}` cannot be used: {answer}"
            raise LanesError(reason if self._address == "local" else f"{reason}; check {_SUSPECTS}")

    def _receive(self) -> Any:
        try:
            return self._pipe.recv()
        except (EOFError, OSError):
            return "it ended"

    def start(self, job: Job) -> None:
        """Send a try to the cluster."""
        started = time.perf_counter()
        try:
            data = parcel(job)
        except Exception as error:  # noqa: BLE001 - reading what a task needs is part of it
            self._ended.append(Done(job.serial, None, error, time.perf_counter() - started))
            return
        wanted = job.resources
        cpu = wanted.cpu or (1.0 if job.lane is Lane.CPU else 0.0)
        try:
            self._pipe.send(("submit", job.serial, job.name, data, cpu, wanted.memory, job.once))
        except OSError as error:
            raise self._lost() from error
        self._jobs[job.serial] = job

    def wait(self, seconds: float | None) -> list[Done]:
        """Return the tries that ended; none when one begins, whose time counts from now."""
        ended, self._ended = self._ended, []
        while self._pipe.poll(0 if ended else seconds):
            try:
                serial, data, error = self._pipe.recv()
            except (EOFError, OSError) as lost:
                if ended:
                    return ended
                raise self._lost() from lost
            if data is None and not error:
                self._begin(serial)
                return ended
            if (job := self._jobs.pop(serial, None)) is not None:
                ended.append(unwrap(job, data) if data is not None else Done(serial, None, TaskError(error), 0.0))
        return ended

    def _begin(self, serial: int) -> None:
        job = self._jobs.get(serial)
        if job is not None:
            job.begun()
            if job.once:
                with suppress(OSError):
                    self._pipe.send(("open", serial))

    def _lost(self) -> LanesError:
        return LanesError(f"the cluster `{self._address}` is lost")

    def abandon(self, serial: int) -> None:
        """Cancel a try by force: its worker ends."""
        if self._jobs.pop(serial, None) is not None:
            with suppress(OSError):
                self._pipe.send(("cancel", serial))

    def close(self) -> None:
        """Cancel what runs, and let go of the cluster; one of our own ends."""
        with suppress(OSError):
            self._pipe.send(None)
        try:
            self._bridge.wait(_CLOSING)
        except subprocess.TimeoutExpired:
            self._bridge.kill()
            self._bridge.wait()
        with suppress(ProcessLookupError):
            os.killpg(self._bridge.pid, signal.SIGKILL)  # a cluster of our own whose bridge ended without a word
        self._pipe.close()


def check(address: str) -> None:
    """Raise UsageError unless `address` has the form of one of a cluster."""
    if address not in ("auto", "local") and not address.startswith("ray://"):
        raise UsageError(f"`{address}` is no cluster", hint="say `ray://HOST:10001`, `auto` or `local`")


def _open(address: str) -> tuple[subprocess.Popen[bytes], Connection]:
    here, there = socket.socketpair()
    with there:
        bridge = subprocess.Popen(  # noqa: S603 - ourselves
            [sys.executable, "-m", __name__, address, str(there.fileno())],
            env={**os.environ, **_environment(address)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[there.fileno()],
            start_new_session=True,  # an interrupt at the keyboard is for us, who then close it
        )
    return bridge, Connection(here.detach())


def _environment(address: str) -> Mapping[str, str]:
    """Return what Ray has to know before it is imported; what the user says of its authentication stands."""
    mode = os.environ.get("RAY_AUTH_MODE", "token")
    if address != "local":
        return {**_QUIET, "RAY_AUTH_MODE": mode}
    # Ray takes the address of the network even where it is told the loopback, unless it takes the machine for a desktop.
    alone = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    return {**_QUIET, **alone, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


class Bridge:
    """The other side of the pipe: submits what comes, reports what ended, and ends when the cluster is gone."""

    def __init__(self, pipe: Connection, address: str) -> None:
        self._ray = ray = import_module("ray")
        self._pipe, self._lock = pipe, threading.Lock()
        self._refs: dict[int, Any] = {}
        self._places: dict[int, int] = {}
        self._count = 0
        self._beat = time.monotonic()
        more = {"include_dashboard": False, "num_cpus": os.cpu_count(), "_node_ip_address": "127.0.0.1"}
        ray.init(address=address, logging_level="ERROR", log_to_driver=False, **(more if address == "local" else {}))
        self._remote = ray.remote(max_retries=0)(served)
        self._gate = ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1)(Gate).remote()
        # What no node has room for waits for a larger one, which a cluster of our own never gets.
        self._most: Mapping[str, float] = ray.nodes()[0]["Resources"] if address == "local" else {}

    def run(self) -> None:
        """Serve until the pipe is closed."""
        threading.Thread(target=self._listen, daemon=True).start()
        threading.Thread(target=self._watch, daemon=True).start()
        threading.Thread(target=self._welcome, daemon=True).start()
        self._send(None)
        verbs: Mapping[str, Callable[..., None]] = {"submit": self._submit, "cancel": self._cancel, "open": self._let_start}
        with suppress(EOFError, OSError):
            while (message := self._pipe.recv()) is not None:
                verb, *what = message
                verbs[verb](*what)
        for serial in list(self._refs):
            self._cancel(serial)
        self._ray.shutdown()

    def _submit(self, serial: int, name: str, data: bytes, cpu: float, memory: int, once: bool) -> None:
        cpu, memory = min(cpu, self._most.get("CPU", cpu)), min(memory, int(self._most.get("memory", memory)))
        self._count += 1  # serials begin anew with each run, and may have been those of a try that was cancelled
        self._places[serial] = place = self._count
        placed = self._remote.options(num_cpus=cpu, memory=memory or None, name=name)
        self._refs[serial] = ref = placed.remote(data, self._gate, place, once)
        ref.future().add_done_callback(lambda future: self._report(serial, place, name, future))

    def _report(self, serial: int, place: int, name: str, future: Any) -> None:
        if self._places.get(serial) != place or self._refs.pop(serial, None) is None:
            return
        self._places.pop(serial, None)
        error = future.exception()
        if isinstance(error, self._ray.exceptions.LocalRayletDiedError):
            os._exit(1)
        if error is None:
            self._send((serial, future.result(), ""))
        else:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            self._send((serial, None, f"the worker of `{name}` on the cluster died: {reason}"))

    def _cancel(self, serial: int) -> None:
        self._places.pop(serial, None)
        ref = self._refs.pop(serial, None)
        if ref is not None:
            with suppress(Exception):  # it ended, or the cluster did
                self._ray.cancel(ref, force=True)

    def _welcome(self) -> None:
        """Tell of each try that it has its place; the end of the cluster is told by those who look for it."""
        with suppress(self._ray.exceptions.RayError, ConnectionError):
            while True:
                for number in self._ray.get(self._gate.came.remote()):
                    for serial in [serial for serial, place in list(self._places.items()) if place == number]:
                        self._send((serial, None, ""))

    def _let_start(self, serial: int) -> None:
        if serial in self._places:
            self._gate.open.remote(self._places[serial])

    def _send(self, message: object) -> None:
        with self._lock, suppress(OSError):
            self._pipe.send(message)

    def _listen(self) -> None:
        """Ask the cluster for its nodes again and again; an error is its end."""
        while any(node["Alive"] for node in self._ray.nodes()):
            self._beat = time.monotonic()
            time.sleep(_BEAT)
        self._beat = 0.0

    def _watch(self) -> None:
        """End with the cluster: it says so, or says nothing any more."""
        while time.monotonic() - self._beat < _SILENCE:
            time.sleep(_BEAT / 2)
        os._exit(1)


def main() -> None:
    """Be the bridge: the address of a cluster, and the number of the descriptor that leads back."""
    address, number = sys.argv[1:]
    pipe = Connection(int(number))
    try:
        bridge = Bridge(pipe, address)
    except Exception as error:  # noqa: BLE001 - whatever Ray says goes back as one line
        pipe.send((str(error).strip() or type(error).__name__).splitlines()[0])
        return
    bridge.run()


if __name__ == "__main__":
    main()
