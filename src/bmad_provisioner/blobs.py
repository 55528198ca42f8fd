"""Blobs: bytes under their own digest, in one SQLite file; large ones in parts, so that nobody has to hold them whole."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from errno import ENOSPC
from hashlib import sha256
from io import BytesIO
from itertools import chain
from pathlib import Path
from threading import RLock
from typing import Any, BinaryIO
from urllib.parse import quote

from bmad_provisioner.digest import Digest, Entry, digest
from bmad_provisioner.errors import DamagedError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS blobs (digest BLOB PRIMARY KEY NOT NULL, data BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS wholes (digest BLOB PRIMARY KEY NOT NULL, size INTEGER NOT NULL, parts BLOB NOT NULL) WITHOUT ROWID;
"""
_VERSION = 2
_PART = 1 << 20
"""Bytes of a part: a file that is longer is kept as a list of parts, each a blob like any other."""
_OWNERS = """
CREATE TABLE IF NOT EXISTS owners (name TEXT PRIMARY KEY NOT NULL, version INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS flushed (id INTEGER PRIMARY KEY NOT NULL, times INTEGER NOT NULL);
INSERT OR IGNORE INTO flushed VALUES (1, 0);
"""
_MOST = 256 << 20
"""Bytes that may be compressed, and that a frame may say it unpacks to."""
_PATIENCE = 10
"""Seconds to wait for another process that is writing."""
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CHUNK = 500
_HEX = 64


class Blobs:
    """A content store. What was put is on disk, and stays there, once `flush` returned.

    The same file holds what others keep beside the bytes (`own`), such as the engine's cache, so that one `flush`
    makes an output and its bytes durable together. Without a path everything lives in memory. Threads may share it.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._new = 0
        self._lock = RLock()
        self._relaxed = False
        self._owned: set[str] = set()
        self._deferred: dict[str, list[Sequence[Any]]] = {}
        try:
            self.connection = self._open()
        except sqlite3.OperationalError:
            raise  # a full or failing disk says nothing about the file
        except sqlite3.DatabaseError as error:
            raise self._damaged(error) from error

    def _open(self) -> sqlite3.Connection:
        fresh = self._path is None or not self._path.exists()
        connection = sqlite3.connect(self._path or ":memory:", timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
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
        if fresh or connection.execute("PRAGMA user_version").fetchone()[0] < _VERSION:
            connection.executescript(f"{_SCHEMA}PRAGMA user_version={_VERSION};")

    def borrow(self, path: Path) -> None:
        """Copy what the store at `path` holds into this one; nothing is written there, not even a lock."""
        try:
            with contextlib.closing(sqlite3.connect(f"file:{quote(str(path))}?immutable=1", uri=True)) as other:
                other.backup(self.connection)
                self.connection.executescript(_SCHEMA)  # it may be of an earlier version
        except sqlite3.DatabaseError as error:
            raise self._damaged(error) from error

    def put(self, data: bytes) -> Digest:
        """Keep `data` and return its name; keeping the same bytes again costs one look-up."""
        name = digest(data)
        with self._lock:
            self.begin()
            cursor = self.connection.execute("INSERT OR IGNORE INTO blobs VALUES (?, ?)", (bytes.fromhex(name), data))
            self._new += cursor.rowcount
        return name

    def put_parts(self, parts: Iterable[bytes]) -> Digest:
        """Keep what `parts` are together, and return its name; `cut` cuts a file into such parts.

        Raises OSError where there is no room for it; then none of it is kept.
        """
        rest = iter(parts)
        first, second = next(rest, b""), next(rest, None)
        if second is None:
            return self.put(first)
        # In a transaction of its own: nobody sees, or prunes, parts of what is not whole yet, and a disk that has no room
        # for it takes back nothing else.
        with self._lock:
            self.commit()
            try:
                whole = self._put_whole(chain((first, second), rest))
                self.commit()
            except BaseException as error:
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
                if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_FULL:
                    raise OSError(ENOSPC, os.strerror(ENOSPC), str(self._path)) from error
                raise
            return whole

    def _put_whole(self, parts: Iterable[bytes]) -> Digest:
        hashed, names, size = sha256(), [], 0
        for part in parts:
            hashed.update(part)
            names.append(self.put(part))
            size += len(part)
        whole = Digest(hashed.hexdigest())
        row = bytes.fromhex(whole), size, bytes.fromhex("".join(names))
        self.write("INSERT OR IGNORE INTO wholes VALUES (?, ?, ?)", [row])
        return whole

    def keep(self, data: bytes | Path, executable: bool = False) -> Entry:
        """Keep `data`, or what a plain file holds (never through a link), and return the entry that names it."""
        if isinstance(data, bytes):
            return Entry(self.put(data), executable)
        with open(os.open(data, _READ), "rb") as file:
            return Entry(self.put_parts(cut(file)), executable)

    def get(self, name: Digest) -> bytes:
        """Return the bytes under `name`; `DamagedError` when they are gone or not what their name says."""
        whole = BytesIO()  # which gives away what it holds; to join the parts would take the memory twice
        whole.writelines(self.parts(name))
        return whole.getvalue()

    def parts(self, name: Digest) -> Iterator[bytes]:
        """Yield the bytes under `name` part by part; `DamagedError` when they are gone, or turn out not to be what it says."""
        data = self._stored(name)
        if data is not None:
            yield data
            return
        row = self._first("SELECT parts FROM wholes WHERE digest = ?", bytes.fromhex(name))
        hashed = sha256()
        for part in _names(row[0]) if row is not None else ():
            data = self._stored(part)
            if data is None:
                break
            hashed.update(data)
            yield data
        if row is None or hashed.hexdigest() != name:
            raise self._lost(name, "missing from" if row is None else "damaged in")

    def check(self, name: Digest) -> None:
        """Raise `DamagedError` unless the bytes under `name` are all there, and what it says."""
        for _part in self.parts(name):
            pass

    def _stored(self, name: Digest) -> bytes | None:
        """Return the bytes that one row holds under `name`; `None` when there is no such row."""
        try:
            row = self._first("SELECT data FROM blobs WHERE digest = ?", bytes.fromhex(name))
        except sqlite3.DatabaseError as error:
            raise self._damaged(error) from error
        data = None if row is None else bytes(row[0])
        if data is not None and digest(data) != name:
            data = expanded(data)  # what `shrink` compressed goes by the name of what it was
            if data is None or digest(data) != name:
                raise self._lost(name, "damaged in")
        return data

    def _lost(self, name: Digest, state: str) -> DamagedError:
        hint = "run `bmadp cache clear`, then plan again"
        return DamagedError(f"the bytes `{name[:12]}` are {state} `{self._path}`", hint=hint)

    def shrink(self, names: Collection[Digest]) -> None:
        """Compress the bytes under `names` in the file, where that saves a tenth; `get` returns them as they were put."""
        for name in (*names, *self._parts_of(names)):
            row = self._first("SELECT data FROM blobs WHERE digest = ?", bytes.fromhex(name))
            less = compressed(row[0]) if row is not None and digest(row[0]) == name else None
            if less is not None:
                self.write("UPDATE blobs SET data = ? WHERE digest = ?", [(less, bytes.fromhex(name))])

    def _parts_of(self, names: Collection[Digest]) -> set[Digest]:
        """Return the names of the parts of those among `names` that are kept in parts."""
        wanted = set(names)
        rows = self.rows("SELECT digest, parts FROM wholes", [])
        return {part for whole, parts in rows if Digest(whole.hex()) in wanted for part in _names(parts)}

    def __contains__(self, name: Digest) -> bool:
        return bool(self.present([name]))

    def _first(self, query: str, value: bytes) -> tuple[Any, ...] | None:
        with self._lock:
            row: tuple[Any, ...] | None = self.connection.execute(query, (value,)).fetchone()
        return row

    def present(self, names: Collection[Digest]) -> set[Digest]:
        """Return those of `names` whose bytes are here."""
        rest, here = list(names), set()
        for start in range(0, len(rest), _CHUNK):
            some = [bytes.fromhex(name) for name in rest[start : start + _CHUNK] if len(name) == _HEX]
            marks = ",".join("?" * len(some))
            query = f"SELECT digest FROM {{}} WHERE digest IN ({marks})"  # noqa: S608
            found = self.rows(query.format("blobs"), some)
            if len(found) < len(some):
                found += self.rows(query.format("wholes"), some)
            here |= {Digest(name.hex()) for (name,) in found}
        return here

    def sizes(self, names: Collection[Digest]) -> dict[Digest, int]:
        """Return how many bytes those of `names` take that are here."""
        rest = list(names)
        here: dict[Digest, int] = {}
        for start in range(0, len(rest), _CHUNK):
            some = [bytes.fromhex(name) for name in rest[start : start + _CHUNK] if len(name) == _HEX]
            marks = ",".join("?" * len(some))
            for query in (f"SELECT digest, size FROM wholes WHERE digest IN ({marks})",  # noqa: S608
                          f"SELECT digest, length(data) FROM blobs WHERE digest IN ({marks})"):  # noqa: S608  # fmt: skip
                here |= {Digest(name.hex()): size for name, size in self.rows(query, some)}
        return here

    def own(self, name: str, version: int, schema: str) -> None:
        """Have the tables of `schema`; what stands there of another version is left to `schema` to drop."""
        if name in self._owned:
            return
        with self._lock:
            if self.connection.execute("PRAGMA table_info(owners)").fetchone() is None:
                self.connection.executescript(_OWNERS)
            row = self.connection.execute("SELECT version FROM owners WHERE name = ?", (name,)).fetchone()
            if row is None or row[0] != version:
                self.flush()
                self.connection.executescript(schema)
                self.connection.execute("INSERT OR REPLACE INTO owners VALUES (?, ?)", (name, version))
            self._owned.add(name)

    def rows(self, query: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Return what a question to the file answers."""
        with self._lock:
            self._drain()
            return self.connection.execute(query, values).fetchall()

    def write(self, statement: str, rows: Sequence[Sequence[Any]]) -> int:
        """Execute a statement for each of `rows` in the open transaction; return how many rows of the file it touched."""
        with self._lock:
            self._drain()
            self.begin()
            return self.connection.executemany(statement, rows).rowcount

    def jot(self, statement: str, rows: Sequence[Sequence[Any]]) -> bool:
        """Commit all so far, then this, unless another process is writing: then return `False` at once. For what may be lost."""
        with self._lock:
            self.commit()
            self.connection.execute("PRAGMA busy_timeout=0")
            try:
                self.connection.execute("BEGIN IMMEDIATE")
                self.connection.executemany(statement, rows)
                self.connection.execute("COMMIT")
            except sqlite3.OperationalError:
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
                return False
            finally:
                self.connection.execute(f"PRAGMA busy_timeout={_PATIENCE * 1000}")
        return True

    def defer(self, statement: str, row: Sequence[Any]) -> None:
        """Execute a statement before the next commit, question or write: many rows at once cost less than each alone."""
        with self._lock:
            self._deferred.setdefault(statement, []).append(row)

    def _drain(self) -> None:
        if self._deferred:
            deferred, self._deferred = self._deferred, {}
            self.begin()
            for statement, rows in deferred.items():
                self.connection.executemany(statement, rows)

    def begin(self) -> None:
        """Open a transaction unless one is open."""
        with self._lock:
            if not self.connection.in_transaction:
                self.connection.execute("BEGIN")

    @property
    def is_behind(self) -> bool:
        """Whether something is not committed; as long as that is so, no other process may be able to write."""
        return bool(self._deferred) or self.connection.in_transaction

    def relax(self) -> None:
        """From here to the next `flush` let `commit` do without the platter: results may be made again, backups may not."""
        with self._lock:
            if not self._relaxed and not self.connection.in_transaction:
                self.connection.execute("PRAGMA synchronous=NORMAL")
                self._relaxed = True

    def commit(self) -> None:
        """End the transaction; it survives the end of this process, and after `relax` perhaps not a power cut."""
        with self._lock:
            self._drain()
            if self.connection.in_transaction:
                self.connection.execute("COMMIT")

    def flush(self) -> None:
        """Make all that was put durable."""
        with self._lock:
            self.commit()
            if self._relaxed:
                self.connection.execute("PRAGMA synchronous=FULL")
                # A commit in this mode syncs the whole log, and with it what was committed without.
                self.connection.execute("UPDATE flushed SET times = times + 1")
                self._relaxed = False

    @property
    def added(self) -> int:
        """How many blobs were new since this store was opened."""
        return self._new

    def names(self) -> Iterator[Digest]:
        """Yield the name of every blob, large ones and the parts of those included."""
        for (name,) in self.rows("SELECT digest FROM blobs UNION SELECT digest FROM wholes ORDER BY digest", []):
            yield Digest(name.hex())

    def size(self) -> tuple[int, int]:
        """Return how many blobs there are, and their bytes."""
        count, total = self.connection.execute("SELECT count(*), coalesce(sum(length(data)), 0) FROM blobs").fetchone()
        return count, total

    def prune(self, reachable: Collection[Digest]) -> int:
        """Drop every blob that is neither `reachable` nor part of one; return how many went."""
        needed = {*reachable, *self._parts_of(reachable)}
        doomed = [(bytes.fromhex(name),) for name in self.names() if name not in needed]
        for table in ("blobs", "wholes"):
            self.write(f"DELETE FROM {table} WHERE digest = ?", doomed)  # noqa: S608 - the names are ours
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


def cut(file: BinaryIO) -> Iterator[bytes]:
    """Yield what a file holds in parts as `put_parts` takes them; of an empty file, one empty part."""
    part = file.read(_PART)
    yield part
    while part := file.read(_PART):
        yield part


def _names(joined: bytes) -> Iterator[Digest]:
    for start in range(0, len(joined), _HEX // 2):
        yield Digest(joined[start : start + _HEX // 2].hex())


def compressed(data: bytes) -> bytes | None:
    """Return `data` as one frame of zstd, or `None` where that would not save a tenth."""
    from zstandard import ZstdCompressor  # noqa: PLC0415

    if len(data) > _MOST:
        return None
    less = ZstdCompressor(level=3).compress(data)
    return less if len(less) <= 0.9 * len(data) else None


def expanded(frame: bytes) -> bytes | None:
    """Return what `compressed` was given, or `None` for anything else; what says that it is large is not unpacked."""
    from zstandard import ZstdDecompressor, ZstdError, get_frame_parameters  # noqa: PLC0415

    try:
        # A frame that does not say its size has 2 ** 64 - 1 here; one that lies about it is an error.
        if get_frame_parameters(frame).content_size > _MOST:
            return None
        return ZstdDecompressor().decompress(frame, allow_extra_data=False)
    except ZstdError:
        return None
