"""Apps: a service with some pieces planted in it, written to a folder, and what the truth about it is."""

from __future__ import annotations

import json
import re
import socket
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from random import Random
from urllib.parse import urlencode

from performance.planted.orms import ORMS
from performance.planted.pieces import BASE, DECOYS, PLANTS, Piece
from performance.planted.skeletons import SKELETONS, Skeleton, text

from bmad_provisioner.kinds.performance.order import SERVICE, Ask, Target

PAGES = ("oversized-bundle", "layout-shift")
"""What is planted in the page rather than in the service."""
_UPSTREAM = """
import json, threading, time, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Slow(BaseHTTPRequestHandler):
    def do_GET(self):
        time.sleep(int(self.path.partition("ms=")[2] or 0) / 1000)
        body = json.dumps({"from": self.path}).encode()
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers(); self.wfile.write(body)
    def log_message(self, *args): pass
server = ThreadingHTTPServer(("127.0.0.1", 0), Slow)
print(server.server_port, flush=True)
server.serve_forever()
"""


@dataclass(frozen=True, slots=True)
class Planted:
    """A cause that is there: its kind, the path that is asked, and the lines of the project that are to blame."""

    kind: str
    path: str
    lines: frozenset[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class App:
    """A service as it was made: what to measure, the folder it lives in, what was planted."""

    skeleton: str
    target: Target
    folder: Path
    planted: tuple[Planted, ...]


def made(skeleton: str, plants: Sequence[str], folder: Path, decoys: Sequence[str] = (), twins: Sequence[str] = ()) -> App:
    """Write a service into `folder`/app with some causes, what only looks like some, and healthy twins of others."""
    shape = SKELETONS[skeleton]
    home = folder / "app"
    home.mkdir(parents=True)
    chosen = [(_variant(shape, name), False) for name in plants if name not in PAGES]
    chosen += [(_variant(shape, name), True) for name in twins if name not in PAGES]
    chosen += [(DECOYS[name], False) for name in decoys]
    chosen.append((BASE, False))
    logic = "\n\n".join(text(piece, shape.asynchronous, healthy) for piece, healthy in chosen)
    for name, content in shape.files([piece for piece, _ in chosen], logic).items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(content.replace("{upstream}", str(folder / "upstream.py")), "utf-8")
    (folder / "upstream.py").write_text(_UPSTREAM, "utf-8")
    public = home / "shop" if shape.orm == "django" else home
    _database(public / "shop.db")
    _pages(public / "public", plants)
    port = _free()
    target = Target(
        skeleton, SERVICE, f"http://127.0.0.1:{port}/", tuple(part.replace("{port}", str(port)) for part in shape.start),
        pages=("/",), requests=(*(_ask(piece) for piece, _ in chosen), Ask("/"), Ask("/static/app.js")),
    )  # fmt: skip
    truth = [
        Planted(piece.kind, _asked(piece).partition("?")[0], _blamed(home, piece))
        for piece, healthy in chosen
        if piece.kind and not healthy
    ]
    truth += [Planted(name, "/", frozenset()) for name in plants if name in PAGES]
    return App(skeleton, target, home, tuple(truth))


def _variant(shape: Skeleton, name: str) -> Piece:
    return ORMS.get(shape.orm, {}).get(name, PLANTS[name])


def _asked(piece: Piece) -> str:
    return piece.path.format(**dict(piece.numbers))


def _ask(piece: Piece) -> Ask:
    if piece.method == "POST":
        return Ask(_asked(piece), "POST", (("Content-Type", "application/json"),), json.dumps(dict(piece.numbers)), piece.weight)
    query = urlencode([(name, value) for name, value in piece.numbers if f"{{{name}}}" not in piece.path])
    return Ask(_asked(piece) + (f"?{query}" if query else ""), weight=piece.weight)


def _blamed(home: Path, piece: Piece) -> frozenset[tuple[str, int]]:
    """Return the marked lines of a piece; no-compression has none: any place or none is right."""
    marked = {line.partition("#")[0].strip() for line in piece.text.splitlines() if line.endswith("# <-")}
    plain = {re.sub(r"\{\w+\}", "", line).replace("{", "").replace("}", "") for line in marked}
    found = set()
    for file in home.rglob("*.py"):
        for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
            code = line.partition("# <-")[0].strip() if line.endswith("# <-") else ""
            waits = piece.kind == "slow-wait" and ("urlopen(" in line or "await reader.read()" in line)
            if waits or (code and any(_alike(code, one) for one in plain)):
                found.add((file.relative_to(home).as_posix(), number))
    return frozenset(found)


def _alike(code: str, template: str) -> bool:
    words = re.findall(r"\w{3,}", template)
    return all(word in code for word in words)


def _database(path: Path) -> None:
    rng = Random(7)
    with closing(sqlite3.connect(path)) as one, one:
        one.execute("CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT, city TEXT)")
        one.executemany("INSERT INTO customers VALUES (?, ?, ?)", [(n, f"Customer {n}", f"City {n % 40}") for n in range(1, 3001)])
        one.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER, total REAL)")
        one.executemany("INSERT INTO orders VALUES (?, ?, ?)", [(n, n * 7 % 3000 + 1, n % 90) for n in range(1, 2001)])
        rows = [(n, rng.randrange(1, 3000), "abcd"[n % 4], rng.random()) for n in range(1, 60_001)]
        for table in ("events", "entries"):
            one.execute(f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, customer_id INTEGER, kind TEXT, amount REAL)")
            one.executemany(f"INSERT INTO {table} VALUES (?, ?, ?, ?)", rows if table == "events" else rows[:20_000])
        one.execute("CREATE INDEX entries_of ON entries (customer_id)")


def _pages(folder: Path, plants: Sequence[str]) -> None:
    folder.mkdir()
    script = "document.title = document.title + '!';\n"
    if "oversized-bundle" in plants:
        rng = Random(3)
        unused = (f"export_{n} = function () {{ return '{rng.randbytes(60).hex()}'; }};\n" for n in range(6000))
        script += "var " + "var ".join(unused)
    if "layout-shift" in plants:
        script += (
            "setTimeout(function () { var bar = document.createElement('div'); bar.id = 'banner'; bar.style.height = '220px';"
            " bar.textContent = 'News'; document.body.insertBefore(bar, document.body.firstChild); }, 700);\n"
        )
    words = "".join(f"<p>Paragraph {n} of a page that somebody reads.</p>" for n in range(30))
    head = "<head><title>Shop</title><script src=/static/app.js defer></script></head>"
    page = f"<!doctype html><html lang=en>{head}<body><h1>Shop</h1>{words}</body></html>"
    (folder / "index.html").write_text(page, "utf-8")
    (folder / "app.js").write_text(script, "utf-8")


def _free() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
