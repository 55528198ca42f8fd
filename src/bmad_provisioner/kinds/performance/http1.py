"""HTTP/1.1: one kept connection, as small as a load generator needs it (RFC 9112)."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass, field
from urllib.parse import urlsplit

LARGEST_HEAD = 65_536
_CLOSED = "the server closed the connection"


class BrokenError(Exception):
    """A response that never came, or is no HTTP/1.1."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it goes over the wire; `url` is whole."""

    url: str
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    @property
    def origin(self) -> tuple[str, int, bool]:
        """Host, port, and whether it is spoken to under TLS."""
        parts = urlsplit(self.url)
        secure = parts.scheme == "https"
        return parts.hostname or "", parts.port or (443 if secure else 80), secure

    def wire(self) -> bytes:
        """Return the bytes to send."""
        parts = urlsplit(self.url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        given = {name.lower() for name, _ in self.headers}
        lines = [f"{self.method} {target} HTTP/1.1", f"Host: {parts.netloc.rpartition('@')[2]}"]
        lines += [] if "user-agent" in given else ["User-Agent: bmadp"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        if self.body or self.method in ("POST", "PUT", "PATCH"):
            lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + self.body


@dataclass(slots=True)
class _Answer:
    status: int = 0
    left: int = -1
    chunked: bool = False
    closes: bool = False
    size: int = 0
    body: list[bytes] = field(default_factory=list)


class Connection(asyncio.Protocol):
    """One connection that sends a request and reads its response, then the next."""

    def __init__(self, keep: bool = False) -> None:
        self._keep = keep
        self._transport: asyncio.Transport | None = None
        self._waits: asyncio.Future[_Answer] | None = None
        self._buffer = bytearray()
        self._answer: _Answer | None = None
        self._head = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport that asyncio gives."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """End the response that ends with the connection, or tell that it broke off."""
        self._transport = None
        if self._waits is None or self._waits.done():
            return
        answer = self._answer
        if answer is not None and answer.left < 0 and not answer.chunked:
            self._waits.set_result(answer)
        else:
            self._waits.set_exception(BrokenError(str(exc) if exc else _CLOSED))

    def data_received(self, data: bytes) -> None:
        """Read on."""
        if self._waits is None or self._waits.done():
            self.close()
            return
        self._buffer += data
        try:
            self._read()
        except (ValueError, IndexError) as error:
            self._waits.set_exception(BrokenError(f"no HTTP/1.1: {error}"))
            self.close()

    @property
    def alive(self) -> bool:
        """Whether another request can be sent."""
        return self._transport is not None and not self._transport.is_closing()

    def send(self, wire: bytes) -> asyncio.Future[_Answer]:
        """Send a request; the future is its response, or a BrokenError."""
        assert self._transport is not None
        self._answer = None
        self._buffer.clear()
        self._waits = asyncio.get_running_loop().create_future()
        self._transport.write(wire)
        return self._waits

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.abort()

    def _read(self) -> None:
        while self._answer is None:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                if len(self._buffer) > LARGEST_HEAD:
                    raise ValueError("the head does not end")
                return
            answer = _head(bytes(self._buffer[:end]))
            self._head = bytes(self._buffer[:end])
            del self._buffer[: end + 4]
            if answer.status >= 200:
                self._answer = answer
        answer = self._answer
        done = _chunks(self._buffer, answer, self._keep) if answer.chunked else _plain(self._buffer, answer, self._keep)
        if done and self._waits is not None:
            self._waits.set_result(answer)
            if answer.closes:
                self.close()


def _head(head: bytes) -> _Answer:
    lines = head.decode("latin-1").split("\r\n")
    version, _, rest = lines[0].partition(" ")
    if not version.startswith("HTTP/1."):
        raise ValueError(f"it answers `{lines[0][:40]}`")
    answer = _Answer(int(rest[:3]))
    fields = {name.strip().lower(): value.strip().lower() for name, _, value in (line.partition(":") for line in lines[1:])}
    answer.chunked = "chunked" in fields.get("transfer-encoding", "")
    answer.closes = fields.get("connection", "") == "close" or (version == "HTTP/1.0" and fields.get("connection") != "keep-alive")
    if answer.status in (204, 304) or answer.status < 200:
        answer.left = 0
    elif not answer.chunked and "content-length" in fields:
        answer.left = int(fields["content-length"])
    return answer


def _plain(buffer: bytearray, answer: _Answer, keep: bool) -> bool:
    taken = len(buffer) if answer.left < 0 else min(answer.left, len(buffer))
    if keep:
        answer.body.append(bytes(buffer[:taken]))
    answer.size += taken
    answer.left -= taken if answer.left >= 0 else 0
    del buffer[:taken]
    return answer.left == 0


def _chunks(buffer: bytearray, answer: _Answer, keep: bool) -> bool:
    while True:
        end = buffer.find(b"\r\n")
        if end < 0:
            return False
        size = int(bytes(buffer[:end]).partition(b";")[0], 16)
        if size == 0:
            return (buffer.find(b"\r\n", end) >= 0 and b"\r\n\r\n" in buffer[end:]) or bytes(buffer[end : end + 4]) == b"\r\n\r\n"
        if len(buffer) < end + 2 + size + 2:
            return False
        if keep:
            answer.body.append(bytes(buffer[end + 2 : end + 2 + size]))
        answer.size += size
        del buffer[: end + 2 + size + 2]


async def connect(request: Request, *, keep: bool = False) -> Connection:
    """Open a connection to where a request goes; raises OSError."""
    host, port, secure = request.origin
    context = ssl.create_default_context() if secure else None
    _, connection = await asyncio.get_running_loop().create_connection(lambda: Connection(keep), host, port, ssl=context)
    return connection
