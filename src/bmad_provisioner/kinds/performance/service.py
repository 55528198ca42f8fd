"""Service: start what is measured, wait until it answers, look at what it takes, and leave no process and no port behind."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.parse import urljoin, urlsplit
from urllib.request import ProxyHandler, build_opener

from bmad_provisioner.characters import scrubbed
from bmad_provisioner.engine.child import Child, child, environment
from bmad_provisioner.engine.task import Turn
from bmad_provisioner.engine.watch import Family, resident, table
from bmad_provisioner.errors import TaskError
from bmad_provisioner.kinds.performance.order import Target

_CHUNK = 1 << 16
_LOOK = 0.05
"""Seconds between two questions whether it is ready."""
_FREE = 5.0
"""Seconds until the port of what was ended has to be free."""
_opener = build_opener(ProxyHandler({}))


@dataclass(frozen=True, slots=True)
class Running:
    """A service that answers: where, its first process (0: we did not start it), and the seconds it took to be ready."""

    url: str
    pid: int
    seconds: float
    alive: Callable[[], bool]
    complaints: Callable[[], str]

    def spent(self) -> float:
        """Return the processor seconds of all its processes that live; 0 where we did not start it."""
        if not self.pid:
            return 0.0
        family = Family(self.pid, "-")
        return sum(one.spent for one in family.members(table())) / os.sysconf("SC_CLK_TCK")

    def memory(self) -> int:
        """Return the bytes that all its processes hold; 0 where we did not start it."""
        return resident(Family(self.pid, "-").members(table()), None) if self.pid else 0

    def pids(self) -> list[int]:
        """Return its processes."""
        return [one.pid for one in Family(self.pid, "-").members(table())] if self.pid else []


@contextmanager
def running(
    target: Target, folder: Path, turn: Turn, around: Sequence[str] = (), more: Mapping[str, str] | None = None
) -> Iterator[Running]:
    """Give a service that answers, started in `folder` where the target says how; raises TaskError where it never does.

    `around` is put before the command that starts it (a profiler), `more` into its environment. What was started is ended
    with all it started when the context is left, and its port is free then.
    """
    if not target.start:
        yield Running(target.url, 0, _answering(target, lambda: ""), lambda: True, lambda: "")
        return
    host, port = _place(target.url)
    if _is_taken(host, port):
        raise TaskError(
            f"`{target.name}`: something answers at port {port} already",
            hint="stop it, or leave out `start` to measure what runs there",
        )
    allowed = environment(target.env, PYTHONUNBUFFERED="1", PYTHONHASHSEED="0", **(more or {}))
    bounds = Turn(seconds=turn.seconds, stopped=turn.stopped)
    with child([*around, *target.start], folder=folder, environment=allowed, turn=bounds) as one:
        threading.Thread(target=_drain, args=(one.stdout,), name="output", daemon=True).start()
        yield _started(target, one)
    _wait_until_free(target, host, port)


def _drain(stream: IO[bytes]) -> None:
    """Read what a service prints, and forget it: nobody asks for it, and a full pipe would stop the service."""
    with suppress(OSError, ValueError):
        while os.read(stream.fileno(), _CHUNK):
            pass


def _started(target: Target, one: Child) -> Running:
    def words() -> str:
        lines = one.stderr.decode("utf-8", "replace").strip().splitlines()
        return scrubbed(" | ".join(lines[-2:]))[-300:]

    def gone() -> str:
        ended = one.ended()
        return "" if ended is None else f"it ended with {ended.code}: {words() or 'without a word'}"

    seconds = _answering(target, gone)
    return Running(target.url, one.pid, seconds, lambda: one.ended() is None, words)


def _answering(target: Target, gone: Callable[[], str]) -> float:
    """Wait until the target answers without an error; return the seconds; raises TaskError."""
    began = time.monotonic()
    said = ""
    while time.monotonic() - began < target.wait:
        ended = gone()
        if ended:
            raise TaskError(f"`{target.name}` was never ready: {ended}", hint=f"start it by hand: `{' '.join(target.start)}`")
        status, said = ask(urljoin(target.url, target.ready))
        if 200 <= status < 400:
            return time.monotonic() - began
        if not target.start:
            break
        time.sleep(_LOOK)
    hint = (
        "is `ready` a path that answers?" if target.start else f"start it first, or say how with `start` in `targets.{target.name}`"
    )
    raise TaskError(f"`{target.name}` was not ready after {time.monotonic() - began:.0f} s: {said}", hint=hint)


def ask(url: str, seconds: float = 5.0) -> tuple[int, str]:
    """Ask for a page once; return its status (0: no answer) and what is wrong with it."""
    try:
        with _opener.open(url, timeout=seconds) as answer:
            return answer.status, ""
    except HTTPError as error:
        return error.code, f"{url} answers {error.code}"
    except (URLError, OSError, ValueError) as error:
        return 0, f"{url}: {getattr(error, 'reason', error)}"


def _place(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "localhost", parts.port or (443 if parts.scheme == "https" else 80)


def _is_taken(host: str, port: int) -> bool:
    with suppress(OSError), socket.create_connection((host, port), timeout=0.5):
        return True
    return False


def _wait_until_free(target: Target, host: str, port: int) -> None:
    end = time.monotonic() + _FREE
    while _is_taken(host, port):
        if time.monotonic() > end:
            raise TaskError(f"`{target.name}` was ended, and something answers at port {port} still")
        time.sleep(_LOOK)
