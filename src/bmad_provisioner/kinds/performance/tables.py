"""Tables: which statements read a whole table of a SQLite database, asked of the database itself, read-only."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

LARGE = 1000
"""Rows from which reading a whole table is worth a word."""
_SCAN = re.compile(r"^SCAN (?:TABLE )?(\w+)")
_CONDITION = re.compile(r"\b(?:where|on|and|or)\s+(?:\w+\.)?(\w+)\s*(?:=|<|>|in\b|between\b|like\b)", re.IGNORECASE)
_ORDER = re.compile(r"\border\s+by\s+(?:\w+\.)?(\w+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Scan:
    """A statement that reads all rows of a table, and the columns that an index could find them by."""

    statement: str
    table: str
    rows: int
    columns: tuple[str, ...]

    @property
    def remedy(self) -> str:
        """The statement that makes the index."""
        return f"CREATE INDEX IF NOT EXISTS {'_'.join([self.table, *self.columns])} ON {self.table} ({', '.join(self.columns)})"


def scans(database: Path, statements: Iterable[str]) -> Iterator[Scan]:
    """Yield what reads whole tables, of statements with their values in them; what cannot be asked is left out."""
    try:
        connection = sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True, timeout=1)
    except sqlite3.Error:
        return
    with closing(connection):
        for statement in statements:
            if statement.lstrip()[:6].lower() in ("select", "update", "delete") or statement.lstrip()[:4].lower() == "with":
                with suppress(sqlite3.Error):
                    yield from _scans(connection, statement)


def _scans(connection: sqlite3.Connection, statement: str) -> Iterator[Scan]:
    for *_, detail in connection.execute(f"EXPLAIN QUERY PLAN {statement}").fetchall():
        found = _SCAN.match(detail)
        if found is None or "USING" in detail:
            continue
        table = _table(connection, statement, found[1])
        rows = connection.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0]  # noqa: S608 - the name is the database's own
        known = {row[1] for row in connection.execute(f'PRAGMA table_info("{table}")')}
        columns = tuple(dict.fromkeys(name for name in (*_CONDITION.findall(statement), *_ORDER.findall(statement)) if name in known))
        if rows >= LARGE and columns:
            yield Scan(statement, table, rows, columns[:2])


def _table(connection: sqlite3.Connection, statement: str, named: str) -> str:
    """Return the table behind a name, which may be an alias."""
    exists = connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND lower(name) = lower(?)", (named,)).fetchone()
    if exists:
        return named
    found = re.search(rf'["\[`]?(\w+)["\]`]?\s+(?:as\s+)?{re.escape(named)}\b', statement, re.IGNORECASE)
    return found[1] if found else named
