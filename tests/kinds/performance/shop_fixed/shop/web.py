"""Web: who asks for what, and what is answered."""

import gzip
import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from string import Template
from urllib.parse import parse_qsl, urlsplit

from shop import recommend, report, shipping, suppliers
from shop.assets import assets
from shop.store import Store

Asked = Mapping[str, str]
_PAGES = {path.stem: Template(path.read_text(encoding="utf-8")) for path in (Path(__file__).parent / "pages").iterdir()}
_ASSETS = assets()
_TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "json": "application/json"}
_MOST = 1000

API: Mapping[str, Callable[[Store, Asked], object]] = {
    "/api/catalogue": lambda store, _: store.catalogue(),
    "/api/reviews": lambda store, asked: store.reviews(int(asked["product"])),
    "/api/orders": lambda store, asked: store.orders(int(asked["customer"])),
    "/api/recommendations": lambda store, asked: recommend.ranked(store.best_sellers(min(int(asked["count"]), _MOST)))[:8],
    "/api/availability": lambda _, asked: suppliers.availability(int(asked["product"])),
    "/api/shipping": lambda _, asked: shipping.quote(int(asked["grams"])),
    "/api/report": lambda store, _: report.monthly(store.sales()),
}


class Server(ThreadingHTTPServer):
    """One thread for each connection."""

    daemon_threads = True
    request_queue_size = 128


class Handler(BaseHTTPRequestHandler):
    """A connection: kept, with its own way to the database."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 65_536

    def setup(self) -> None:
        """Open the database."""
        super().setup()
        self.store = Store()

    def finish(self) -> None:
        """Close the database."""
        self.store.close()
        super().finish()

    def do_GET(self) -> None:
        """Answer, or say why not."""
        address = urlsplit(self.path)
        try:
            status, kind, body = self._answer(address.path, dict(parse_qsl(address.query)))
        except (KeyError, ValueError):
            status, kind, body = 400, "text/plain", b"a number is missing\n"
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if len(body) > 1000 and "gzip" in self.headers.get("Accept-Encoding", ""):
            body = _packed(body)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Vary", "Accept-Encoding")
        self.send_header("Content-Length", str(len(body)))
        if address.path.startswith("/static/"):
            self.send_header("Cache-Control", "max-age=3600")
        self.end_headers()
        self.wfile.write(body)

    def _answer(self, path: str, asked: Asked) -> tuple[int, str, bytes]:
        if path in API:
            return 200, "application/json", json.dumps(API[path](self.store, asked)).encode()
        if path == "/":
            goods = "".join(map(_card, self.store.best_sellers(12)))
            return _page("Shop", _PAGES["front"].substitute(goods=goods))
        if path == "/cart":
            return _page("Cart", _PAGES["cart"].substitute())
        name = path.removeprefix("/static/")
        if name in _ASSETS:
            return 200, _TYPES[name.rpartition(".")[2]], _ASSETS[name]
        return (200, "text/plain", b"well\n") if path == "/health" else (404, "text/plain", b"there is nothing here\n")

    def log_message(self, *_: object) -> None:
        """Keep no log of requests."""


@lru_cache(64)
def _packed(body: bytes) -> bytes:
    return gzip.compress(body, 5, mtime=0)


def _card(product: Mapping) -> str:
    name, price = escape(product["name"]), product["price"] / 100
    return f'<li><h2>{name}</h2><p>{escape(product["about"])}</p><button data-product="{product["id"]}">{price:.2f} €</button></li>'


def _page(title: str, main: str) -> tuple[int, str, bytes]:
    return 200, "text/html; charset=utf-8", _PAGES["layout"].substitute(title=title, main=main).encode()
