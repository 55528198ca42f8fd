"""Pieces: what is planted (with a healthy twin of each), and what only looks like it; one text for threads and for asyncio.

In a text `{D}` begins a function, `{W}` awaits where there is something to await, `{SLEEP}` and `{WITH}` are those of the
style; a line that is to be blamed ends with `# <-`. `rows`, `fetch`, `together` and `reply` are what `store` of a skeleton gives.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Piece:
    """A route: its path, the numbers it takes with their values, its function, and what of it is to be blamed."""

    kind: str
    path: str
    name: str
    text: str
    numbers: tuple[tuple[str, int], ...] = ()
    method: str = "GET"
    weight: float = 1.0
    twin: str = ""

    def source(self, *, healthy: bool) -> str:
        return (self.twin if healthy else self.text).strip("\n") + "\n"


N_PLUS_ONE = Piece(
    "n-plus-one", "/orders", "orders",
    """
{D} orders(limit):
    found = []
    for row in {W}rows("SELECT id, customer_id, total FROM orders ORDER BY id LIMIT ?", limit):
        who = {W}rows("SELECT name FROM customers WHERE id = ?", row[1])  # <-
        found.append({{"id": row[0], "customer": who[0][0], "total": row[2]}})
    return reply(found)
""",
    (("limit", 60),),
    twin="""
{D} orders(limit):
    found = {W}rows(
        "SELECT o.id, c.name, o.total FROM orders o JOIN customers c ON c.id = o.customer_id ORDER BY o.id LIMIT ?", limit
    )
    return reply([{{"id": one[0], "customer": one[1], "total": one[2]}} for one in found])
""",
)  # fmt: skip

MISSING_INDEX = Piece(
    "missing-index", "/customers/{customer}/events", "events",
    """
{D} events(customer):
    found = {W}rows("SELECT id, amount FROM events WHERE customer_id = ? ORDER BY amount DESC LIMIT 20", customer)  # <-
    return reply([list(one) for one in found])
""",
    (("customer", 77),),
    twin="""
{D} events(customer):
    found = {W}rows("SELECT id, amount FROM entries WHERE customer_id = ? ORDER BY amount DESC LIMIT 20", customer)
    return reply([list(one) for one in found])
""",
)  # fmt: skip

NO_COMPRESSION = Piece(
    "no-compression", "/catalogue", "catalogue",
    """
_items = [{{"sku": f"article-{{n:06}}", "title": f"Article number {{n}}", "price": n * 17 % 9999, "tags": ["new", "sale"]}} for n in range(2500)]
_listing = json.dumps(_items).encode()


{D} catalogue():
    return _listing, {{"Content-Type": "application/json"}}
""",
    twin="""
_items = [{{"sku": f"article-{{n:06}}", "title": f"Article number {{n}}", "price": n * 17 % 9999, "tags": ["new", "sale"]}} for n in range(2500)]
_listing = gzip.compress(json.dumps(_items).encode())


{D} catalogue():
    return _listing, {{"Content-Type": "application/json", "Content-Encoding": "gzip", "Vary": "Accept-Encoding"}}
""",
)  # fmt: skip

SUPERLINEAR = Piece(
    "superlinear", "/similar", "similar",
    """
{D} similar(count):
    values = [number * 7919 % (count // 2 + 1) for number in range(count)]
    seen = []
    for value in values:
        if value not in seen:  # <-
            seen.append(value)
    return reply({{"distinct": len(seen)}})
""",
    (("count", 5000),),
    twin="""
{D} similar(count):
    values = [number * 7919 % (count // 2 + 1) for number in range(count)]
    return reply({{"distinct": len(set(values))}})
""",
)  # fmt: skip

POSTED = Piece(
    "superlinear", "/quote", "quote",
    """
def _pairs(parts):
    found = 0
    for first in parts:
        for second in parts:  # <-
            if first + second == 1000:  # <-
                found += 1
    return found


{D} quote(parts):
    return reply({{"pairs": _pairs([number * 3 for number in range(parts)])}})
""",
    (("parts", 1500),), "POST",
    twin="""
{D} quote(parts):
    known = {{number * 3 for number in range(parts)}}
    return reply({{"pairs": sum(1000 - one in known for one in known)}})
""",
)  # fmt: skip

LEAK = Piece(
    "leak", "/track", "track",
    """
_trails = []


{D} track(visitor):
    trail = {{"visitor": visitor, "points": [float(n) for n in range(400)]}}  # <-
    _trails.append(trail)  # <-
    return reply({{"ok": True}})
""",
    (("visitor", 12),),
    twin="""
_trails = deque(maxlen=50)


{D} track(visitor):
    _trails.append({{"visitor": visitor, "points": [float(n) for n in range(400)]}})
    return reply({{"ok": True}})
""",
)  # fmt: skip

LOCK = Piece(
    "lock", "/reserve", "reserve",
    """
_gate = {LOCK}()


{D} reserve():
    {WITH} _gate:  # <-
        {W}{SLEEP}(0.025)  # <-
    return reply({{"reserved": True}})
""",
    twin="""
_gate = {LOCK}()
_count = [0]


{D} reserve():
    {W}{SLEEP}(0.025)
    {WITH} _gate:
        _count[0] += 1
    return reply({{"reserved": True}})
""",
)  # fmt: skip

SEQUENTIAL = Piece(
    "sequential-io", "/dashboard", "dashboard",
    """
{D} dashboard():
    parts = []
    for name in ("weather", "stock", "news", "prices"):
        parts.append({W}fetch(f"/{{name}}?ms=40"))  # <-
    return reply(parts)
""",
    twin="""
{D} dashboard():
    return reply({W}together([f"/{{name}}?ms=40" for name in ("weather", "stock", "news", "prices")]))
""",
)  # fmt: skip

COLD = Piece(
    "cold-cache", "/rates", "rates",
    """
_rates = {{}}


def _load():
    for code in range(500_000):
        _rates[f"C{{code}}"] = (code * 7919 % 1000) / 7  # <-


{D} rates(code):
    if not _rates:
        _load()  # <-
    return reply({{"rate": _rates[f"C{{code}}"]}})
""",
    (("code", 123),),
    twin="""
_rates = {{f"C{{code}}": (code * 7919 % 1000) / 7 for code in range(500_000)}}


{D} rates(code):
    return reply({{"rate": _rates[f"C{{code}}"]}})
""",
)  # fmt: skip

SLOW = Piece(
    "slow-handler", "/score", "score",
    """
def _hashed(rounds):
    value = b"seed"
    for _ in range(rounds):
        value = hashlib.sha256(value).digest()  # <-
    return value.hex()


{D} score():
    return reply({{"score": _hashed(250_000)}})
""",
    twin="""
_known = hashlib.sha256(b"seed").hexdigest()


{D} score():
    return reply({{"score": _known}})
""",
)  # fmt: skip

BLOCKING = Piece(
    "blocking", "/notify", "notify",
    """
{D} notify():
    time.sleep(0.08)  # <-
    return reply({{"sent": True}})
""",
    twin="""
{D} notify():
    {W}{SLEEP}(0.08)
    return reply({{"sent": True}})
""",
)  # fmt: skip

WAIT = Piece(
    "slow-wait", "/shipping", "shipping",
    """
{D} shipping():
    return reply({W}fetch("/carrier?ms=350"))  # <-
""",
    twin="""
_known = {{"carrier": "ours"}}


{D} shipping():
    return reply(_known)
""",
)  # fmt: skip

PLANTS: Mapping[str, Piece] = {
    piece.kind: piece
    for piece in (N_PLUS_ONE, MISSING_INDEX, NO_COMPRESSION, SUPERLINEAR, LEAK, LOCK, SEQUENTIAL, COLD, SLOW, BLOCKING, WAIT)
} | {"superlinear-posted": POSTED}

DECOYS: Mapping[str, Piece] = {
    "rare": Piece(
        "", "/audit", "audit",
        """
{D} audit():
    return reply({{"sum": sum(n * n % 7 for n in range(900_000))}})
""",
        weight=0.02,
    ),
    "cheap-loop": Piece(
        "", "/total", "total",
        """
{D} total():
    value = 0
    for number in range(20_000):
        value += number * number
    return reply({{"total": value}})
""",
    ),
    "whole-table": Piece(
        "", "/report", "report",
        """
{D} report():
    found = {W}rows("SELECT kind, count(*), sum(amount) FROM events GROUP BY kind")
    return reply([list(one) for one in found])
""",
    ),
    "packed": Piece(
        "", "/export", "export",
        """
_export = gzip.compress("\\n".join(f"{{n}};line;{{n * 31}}" for n in range(30_000)).encode())


{D} export():
    return _export, {{"Content-Type": "application/gzip"}}
""",
    ),
    "fills": Piece(
        "", "/lookup", "lookup",
        """
_counter = itertools.count()


@lru_cache(maxsize=400)
def _found(key):
    return [key + n for n in range(200)]


{D} lookup():
    return reply({{"found": len(_found(next(_counter)))}})
""",
    ),
    "statements": Piece(
        "", "/profile", "profile",
        """
{D} profile():
    found = {{}}
    found["a"] = {W}rows("SELECT count(*) FROM customers")
    found["b"] = {W}rows("SELECT name FROM customers WHERE id = ?", 3)
    found["c"] = {W}rows("SELECT city FROM customers WHERE id = ?", 3)
    found["d"] = {W}rows("SELECT name, city FROM customers WHERE id = ?", 4)
    found["e"] = {W}rows("SELECT total FROM orders WHERE id = ?", 5)
    found["f"] = {W}rows("SELECT customer_id FROM orders WHERE id = ?", 5)
    found["g"] = {W}rows("SELECT id FROM orders ORDER BY id DESC LIMIT 1")
    found["h"] = {W}rows("SELECT max(id) FROM orders")
    found["i"] = {W}rows("SELECT min(id) FROM orders")
    found["j"] = {W}rows("SELECT max(id) FROM customers")
    found["k"] = {W}rows("SELECT min(id) FROM customers")
    found["l"] = {W}rows("SELECT id FROM entries WHERE customer_id = ? LIMIT 1", 5)
    return reply({{key: [list(row) for row in value] for key, value in found.items()}})
""",
    ),
}  # fmt: skip

BASE = Piece(
    "", "/products", "products",
    """
{D} products(limit):
    found = {W}rows("SELECT id, name FROM customers ORDER BY id LIMIT ?", limit)
    return reply([list(one) for one in found])
""",
    (("limit", 20),),
    weight=3.0,
)  # fmt: skip
