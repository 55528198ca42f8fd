"""Site: pages that a test makes up, served as it says: type, bytes, headers, seconds of delay."""

from __future__ import annotations

import gzip
import struct
import threading
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random

KEPT = {"Cache-Control": "max-age=31536000, immutable"}
_TYPES = {
    "html": "text/html",
    "js": "text/javascript",
    "mjs": "text/javascript",
    "css": "text/css",
    "png": "image/png",
    "json": "application/json",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered at a path: bytes, packed or not, and after how many seconds."""

    content: str | bytes
    packed: bool = True
    headers: Mapping[str, str] = field(default_factory=lambda: KEPT)
    delay: float = 0.0

    @property
    def body(self) -> bytes:
        raw = self.content.encode() if isinstance(self.content, str) else self.content
        return gzip.compress(raw, 6) if self.packed else raw


@contextmanager
def served(answers: Mapping[str, Answer]) -> Iterator[str]:
    """Serve answers by path at a free port; give the address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            answer = answers.get(path)
            with suppress(BrokenPipeError, ConnectionResetError):
                if answer is None:
                    self.send_error(404)
                    return
                time.sleep(answer.delay)
                suffix = path.rpartition(".")[2] if "." in path else "html"
                packed = {"Content-Encoding": "gzip"} if answer.packed else {}
                self.send_response(200)
                for name, value in {
                    "Content-Type": _TYPES[suffix],
                    "Content-Length": str(len(answer.body)),
                    **packed,
                    **answer.headers,
                }.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer.body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def page(body: str = "", script: str = "", head: str = "") -> Answer:
    """Return a page with something to read, and what is put into it; the body begins in line 6."""
    words = "\n".join(f"<p>{'Something that somebody reads. ' * 9}</p>" for _ in range(6))
    return Answer(
        f"<!doctype html>\n<html lang=en><head><title>Shop</title>{head}</head>\n<body>\n<main>\n<h1>Shop</h1>\n{body}\n{words}\n</main>\n"
        f"<script>\n{script}\n</script>\n</body></html>"
    )


def functions(count: int, *, called: bool) -> str:
    """Return a script of so many functions, every branch of which runs, or none of which does."""
    made = "".join(
        f"function f{n}(a) {{ var c = a * {n}; if (c > 0) {{ return c - {n * 7}; }} return 'value {n}' + c; }}\n"
        for n in range(count)
    )
    names = ", ".join(f"f{n}" for n in range(1, count))
    return f"{made}for (const one of [{names}]) {{ one(1); one(-1); }} f0(1); f0(0);\n" if called else made


def noise(width: int, height: int) -> bytes:
    """Return a PNG that no packing makes smaller: three bytes a pixel."""
    rng = Random(1)
    rows = b"".join(b"\0" + rng.randbytes(width * 3) for _ in range(height))
    parts = {b"IHDR": struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0), b"IDAT": zlib.compress(rows, 1), b"IEND": b""}
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts.items()
    )
