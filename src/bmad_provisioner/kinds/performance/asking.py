"""Asking: one request after the other, each timed from outside with what it took of the processor, and its answer read whole."""

from __future__ import annotations

import gzip
import socket
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urljoin, urlsplit

from bmad_provisioner.digest import Digest, digest
from bmad_provisioner.kinds.performance.order import Ask

LARGEST = 32_000_000
"""Bytes of a body that are read."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: seconds of the machine's monotonic clock when it was asked and when all was there, and what it was."""

    began: float
    ended: float
    status: int
    headers: Mapping[str, str]
    body: bytes
    problem: str = ""

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.ended - self.began

    @property
    def identity(self) -> Digest:
        """The digest of what was said: status and body, whatever packing it came in."""
        body = self.body
        if self.headers.get("content-encoding") == "gzip":
            with suppress(OSError, EOFError):
                body = gzip.decompress(body)
        return digest(f"{self.status} ".encode() + body)


class Asker:
    """One kept connection to a service."""

    def __init__(self, url: str, seconds: float = 30.0) -> None:
        self._url, self._seconds = url, seconds
        self._connection: HTTPConnection | None = None

    def ask(self, what: Ask) -> Answer:
        """Ask once, over a new connection where the kept one broke; never raises for what the service does."""
        kept = self._connection is not None
        answer = self._once(what)
        return self._once(what) if kept and not answer.status and what.method == "GET" else answer

    def _once(self, what: Ask) -> Answer:
        parts = urlsplit(urljoin(self._url, what.path))
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        began = time.monotonic()
        try:
            if self._connection is None:
                sort = HTTPSConnection if parts.scheme == "https" else HTTPConnection
                self._connection = sort(parts.netloc, timeout=self._seconds)
            headers = {"Accept-Encoding": "gzip", "User-Agent": "bmadp", **dict(what.headers)}
            if self._connection.sock is None:
                self._connection.connect()
            line = self._connection.sock
            self._connection.request(what.method, target, what.body.encode() or None, headers)
            said = self._connection.getresponse()
            _acknowledge(line)
            body = said.read(LARGEST)
            return Answer(began, time.monotonic(), said.status, {k.lower(): v for k, v in said.getheaders()}, body)
        except (OSError, HTTPException) as error:
            self.close()
            return Answer(began, time.monotonic(), 0, {}, b"", str(error) or type(error).__name__)

    def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None


def _acknowledge(line: socket.socket | None) -> None:
    """Acknowledge what came at once: a server that sends the body after the head would else wait 40 ms for us (Linux)."""
    if line is not None and hasattr(socket, "TCP_QUICKACK"):
        with suppress(OSError):
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


def rounds(url: str, asks: Sequence[Ask], times: int) -> list[list[Answer]]:
    """Ask for each `times` times, round by round, so that what disturbs disturbs all; return the answers by ask."""
    asker = Asker(url)
    found: list[list[Answer]] = [[] for _ in asks]
    try:
        for _ in range(times):
            for place, what in enumerate(asks):
                found[place].append(asker.ask(what))
    finally:
        asker.close()
    return found
