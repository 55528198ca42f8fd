"""Blobs: bytes under their own digest, in one SQLite file."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Collection, Iterator
from pathlib import Path
from urllib.parse import quote

from bmad_provisioner.digest import Digest, Entry, digest
from bmad_provisioner.errors import DamagedError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS blobs (digest BLOB PRIMARY KEY NOT NULL, data BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS outputs (key BLOB PRIMARY KEY NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS traces (task TEXT PRIMARY KEY NOT NULL, body TEXT NOT NULL);
"""


class Blobs:
    """A content store. What was put is on disk, and stays there, once `flush` returned.

    The same file holds the engine's cache (`outputs`, `traces`), so that one `flush` makes an output and
    its bytes durable together. Without a path everything lives in memory.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._new = 0
        try:
            self.connection = self._open()
        except sqlite3.OperationalError:
            raise  # a full or failing disk says nothing about the file
        except sqlite3.DatabaseError as error:
            raise self._damaged(error) from error

    def _open(self) -> sqlite3.Connection:
        fresh = self._path is None or not self._path.exists()
        connection = sqlite3.connect(self._path or ":memory:", timeout=10, isolation_level=None, check_same_thread=False)
        try:
            self._prepare(connection, fresh=fresh)
        except BaseException:
            connection.close()
            raise
        return connection

    @staticmethod
    def _prepare(connection: sqlite3.Connection, *, fresh: bool) -> None:
        if fresh:
            connection.execute("PRAGMA page_size=8192")
        connection.execute("PRAGMA journal_mode=WAL")
        # FULL: a commit is on the platter before it returns; backups and plans rely on it.
        connection.execute("PRAGMA synchronous=FULL")
        if fresh or connection.execute("PRAGMA user_version").fetchone()[0] == 0:
            connection.executescript(_SCHEMA + "PRAGMA user_version=1;")

    def borrow(self, path: Path) -> None:
        """Copy what the store at `path` holds into this one; nothing is written there, not even a lock."""
        try:
            with contextlib.closing(sqlite3.connect(f"file:{quote(str(path))}?immutable=1", uri=True)) as other:
                other.backup(self.connection)
        except sqlite3.DatabaseError as error:
            raise self._damaged(error) from error

    def put(self, data: bytes) -> Digest:
        """Keep `data` and return its name; keeping the same bytes again costs one look-up."""
        name = digest(data)
        self.begin()
        cursor = self.connection.execute("INSERT OR IGNORE INTO blobs VALUES (?, ?)", (bytes.fromhex(name), data))
        self._new += cursor.rowcount
        return name

    def keep(self, data: bytes, executable: bool = False) -> Entry:
        """Keep `data` and return the entry that names it."""
        return Entry(self.put(data), executable)

    def get(self, name: Digest) -> bytes:
        """Return the bytes under `name`; `DamagedError` when they are gone or not what their name says."""
        try:
            row = self.connection.execute("SELECT data FROM blobs WHERE digest = ?", (bytes.fromhex(name),)).fetchone()
        except sqlite3.DatabaseError as error:
            raise self._damaged(error) from error
        if row is None or digest(row[0]) != name:
            state = "missing from" if row is None else "damaged in"
            raise DamagedError(
                f"the bytes `{name[:12]}` are {state} `{self._path}`", hint="run `bmadp cache clear`, then plan again"
            )
        return bytes(row[0])

    def __contains__(self, name: Digest) -> bool:
        return self.connection.execute("SELECT 1 FROM blobs WHERE digest = ?", (bytes.fromhex(name),)).fetchone() is not None

    def begin(self) -> None:
        """Open a transaction unless one is open."""
        if not self.connection.in_transaction:
            self.connection.execute("BEGIN")

    def flush(self) -> None:
        """Make all that was put durable."""
        if self.connection.in_transaction:
            self.connection.execute("COMMIT")

    @property
    def added(self) -> int:
        """How many blobs were new since this store was opened."""
        return self._new

    def names(self) -> Iterator[Digest]:
        """Yield the name of every blob."""
        for (name,) in self.connection.execute("SELECT digest FROM blobs ORDER BY digest"):
            yield Digest(name.hex())

    def size(self) -> tuple[int, int]:
        """Return how many blobs there are, and their bytes."""
        count, total = self.connection.execute("SELECT count(*), coalesce(sum(length(data)), 0) FROM blobs").fetchone()
        return count, total

    def prune(self, reachable: Collection[Digest]) -> int:
        """Drop every blob that is not `reachable`; return how many went."""
        doomed = [(bytes.fromhex(name),) for name in self.names() if name not in reachable]
        self.begin()
        self.connection.executemany("DELETE FROM blobs WHERE digest = ?", doomed)
        self.flush()
        self.connection.execute("VACUUM")
        return len(doomed)

    def close(self) -> None:
        """Flush and let go of the file."""
        self.flush()
        self.connection.close()

    def _damaged(self, error: Exception) -> DamagedError:
        return DamagedError(
            f"`{self._path}` cannot be read: {error}", hint="move it away: a new one is made; older backups stay in the moved file"
        )
