"""Tables: which statements read a whole SQLite table for want of an index, tried out on a copy of the database.

Whether an index helps is not guessed: the statement runs on the copy with and without it, and the steps of the database's
own machine are counted, which no load of the computer changes.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

LARGE = 1000
"""Rows from which reading a whole table is worth a word."""
_LARGEST = 400_000_000
"""Bytes of a database that is copied."""
_WORTH, _LEFT = 20_000, 0.4
"""Steps that an index has to save, and the part of them that may be left with it."""
_MOST_STEPS = 200_000_000
_READS = re.compile(r"^SCAN (?:TABLE )?(\w+)|^SEARCH (?:TABLE )?(\w+).*AUTOMATIC")
_CONDITION = re.compile(r"[\"`\[]?(\w+)[\"`\]]?\s*(==?|<=?|>=?|\bis\b|\bin\b|\bbetween\b|\blike\b|\bglob\b)", re.IGNORECASE)
_ORDER = re.compile(r"\border\s+by\s+(?:[\"`\[]?\w+[\"`\]]?\.)?[\"`\[]?(\w+)", re.IGNORECASE)
_STEP = 100


@dataclass(frozen=True, slots=True)
class Scan:
    """A statement that reads all rows of a table, the columns that an index finds them by, and the part of the work it saves."""

    statement: str
    table: str
    rows: int
    columns: tuple[str, ...]
    saved: float = 1.0

    @property
    def remedy(self) -> str:
        """The statement that makes the index."""
        return f"CREATE INDEX IF NOT EXISTS {'_'.join([self.table, *self.columns])} ON {self.table} ({', '.join(self.columns)})"


def scans(database: Path, statements: Iterable[str]) -> Iterator[Scan]:
    """Yield what reads whole tables and would not with an index, of statements with their values in them; what cannot be
    asked is left out, and so is a database that is too large to be copied."""
    reading = [one for one in statements if re.match(r"\s*(select|with)\b", one, re.IGNORECASE)]
    if not reading:
        return
    with TemporaryDirectory(prefix="bmadp-") as scratch:
        try:
            copy = _copied(database, Path(scratch) / "copy.db")
        except sqlite3.Error:
            return
        if copy is None:
            return
        with closing(copy):
            for statement in reading:
                with suppress(sqlite3.Error):
                    yield from _scans(copy, statement)


def _copied(database: Path, to: Path) -> sqlite3.Connection | None:
    with closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True, timeout=1)) as plain:
        pages, each = (plain.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
        if pages * each > _LARGEST:
            return None
        copy = sqlite3.connect(to, isolation_level=None)
        plain.backup(copy)
    copy.execute("PRAGMA synchronous = OFF")
    return copy


def _scans(copy: sqlite3.Connection, statement: str) -> Iterator[Scan]:
    for *_, detail in copy.execute(f"EXPLAIN QUERY PLAN {statement}").fetchall():
        found = _READS.match(detail)
        if found is None:
            continue
        table = _table(copy, statement, found[1] or found[2])
        rows = copy.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0]  # noqa: S608 - the name is the database's own
        if rows >= LARGE:
            yield from _best(copy, statement, table, rows)


def _best(copy: sqlite3.Connection, statement: str, table: str, rows: int) -> Iterator[Scan]:
    """Yield the scan with the index that saves the most, if one saves enough; the copy is as it was afterwards."""
    before = _steps(copy, statement)
    tried = {columns: _with_index(copy, statement, table, columns) for columns in _candidates(copy, statement, table)}
    if not tried:
        return
    columns = min(tried, key=lambda one: (tried[one] > 1.1 * min(tried.values()), len(one)))
    if before - tried[columns] >= _WORTH and tried[columns] <= _LEFT * before:
        yield Scan(statement, table, rows, columns, 1 - tried[columns] / before)


def _candidates(copy: sqlite3.Connection, statement: str, table: str) -> Sequence[tuple[str, ...]]:
    known = {row[1].lower(): row[1] for row in copy.execute(f'PRAGMA table_info("{table}")')}
    named = [(known[name.lower()], how.lower()) for name, how in _CONDITION.findall(statement) if name.lower() in known]
    equal = list(dict.fromkeys(name for name, how in named if how in ("=", "==", "is", "in")))[:3]
    other = list(dict.fromkeys(name for name, how in named if name not in equal))[:2]
    order = [known[name.lower()] for name in _ORDER.findall(statement) if name.lower() in known][:1]
    single = [(name,) for name in (*equal, *other, *order)]
    return list(dict.fromkeys([*single, *((*equal[:2], name) for name in (*other, *order) if name not in equal), tuple(equal)][:8]))


def _with_index(copy: sqlite3.Connection, statement: str, table: str, columns: Sequence[str]) -> int:
    if not columns:
        return _MOST_STEPS
    named = ", ".join(f'"{name}"' for name in columns)
    copy.execute("BEGIN")
    try:
        copy.execute(f'CREATE INDEX "bmadp_tried" ON "{table}" ({named})')
        copy.execute("ANALYZE")
        return _steps(copy, statement)
    finally:
        copy.execute("ROLLBACK")


def _steps(copy: sqlite3.Connection, statement: str) -> int:
    """Return how many steps of the database's machine a statement takes."""
    count = 0

    def one() -> int:
        nonlocal count
        count += _STEP
        return int(count > _MOST_STEPS)

    copy.set_progress_handler(one, _STEP)
    try:
        for _ in copy.execute(statement):
            pass
    finally:
        copy.set_progress_handler(None, 0)
    return count


def _table(connection: sqlite3.Connection, statement: str, named: str) -> str:
    """Return the table behind a name, which may be an alias."""
    known = {row[0].lower(): row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    found = re.findall(rf'["\[`]?(\w+)["\]`]?\s+(?:as\s+)?["\[`]?{re.escape(named)}\b', statement, re.IGNORECASE)
    return next((known[one.lower()] for one in (named, *found) if one.lower() in known), named)
