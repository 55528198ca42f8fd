"""Store: what the shop knows, read from its database."""

import sqlite3
from contextlib import closing
from pathlib import Path

_HERE = Path(__file__).parent
_FILE = _HERE / "shop.db"


def build() -> None:
    """Make the database afresh from the schema and the data to try it with."""
    _FILE.unlink(missing_ok=True)
    with closing(sqlite3.connect(_FILE)) as database:
        database.execute("PRAGMA synchronous = OFF")
        for name in ("schema.sql", "data.sql"):
            database.executescript((_HERE / name).read_text(encoding="utf-8"))


class Store:
    """One connection to the database."""

    def __init__(self) -> None:
        self._database = sqlite3.connect(_FILE)
        self._database.row_factory = sqlite3.Row

    def close(self) -> None:
        """Let go of the connection."""
        self._database.close()

    def best_sellers(self, count: int) -> list[sqlite3.Row]:
        """Return what was bought most, the best first."""
        return self._database.execute("SELECT * FROM products ORDER BY sold DESC, id LIMIT ?", (count,)).fetchall()

    def catalogue(self) -> list[dict]:
        """Return all that is sold."""
        return [dict(row) for row in self._database.execute("SELECT * FROM products")]

    def reviews(self, product: int) -> list[dict]:
        """Return what was last said of a product."""
        rows = self._database.execute(
            "SELECT stars, written, words FROM reviews WHERE product = ? ORDER BY written DESC, id DESC LIMIT 20", (product,)
        )
        return [dict(row) for row in rows]

    def orders(self, customer: int) -> list[dict]:
        """Return what a customer ordered, line by line."""
        lines = self._database.execute(
            "SELECT order_id, placed, product, amount, name, price FROM orders JOIN order_lines ON order_id = orders.id"
            " JOIN products ON products.id = product WHERE customer = ? ORDER BY order_id, order_lines.rowid",
            (customer,),
        )
        return [dict(line) for line in lines]

    def sales(self) -> list[sqlite3.Row]:
        """Return what each month brought from each country."""
        return self._database.execute(
            "SELECT substr(placed, 1, 7) AS month, country, sum(total) AS total FROM orders GROUP BY 1, 2"
        ).fetchall()
