"""Disk: the level of the cache that lasts, and the history of runs, in the file of the blobs."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from bmad_provisioner.blobs import Blobs
from bmad_provisioner.digest import Digest, canonical, digest
from bmad_provisioner.engine.cache import DAMAGED, Hit, Made, Trace, pack_usage, revive, spelled, unpack_usage
from bmad_provisioner.engine.task import Effect, Lane, Output, Task
from bmad_provisioner.usage import Usage

_SCHEMA = """
CREATE TABLE IF NOT EXISTS results (
  key BLOB PRIMARY KEY NOT NULL, body BLOB NOT NULL, said BLOB NOT NULL, task TEXT NOT NULL, tags TEXT NOT NULL,
  made REAL NOT NULL, used REAL NOT NULL, expires REAL, seconds REAL NOT NULL, usage TEXT, size INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS traces (task TEXT PRIMARY KEY NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS begun (key BLOB PRIMARY KEY NOT NULL, task TEXT NOT NULL, at REAL NOT NULL);
DROP TABLE IF EXISTS outputs;
"""
_HOUR = 3600.0
_CHUNK = 500
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Kept:
    """One remembered output, for people: who made it and when (seconds since 1970), and what it would cost to make again."""

    key: Digest
    task: str
    tags: tuple[str, ...]
    made: float
    used: float
    expires: float | None
    seconds: float
    usage: Usage
    size: int


class DiskCache:
    """A cache in the file of the blobs. An entry that cannot be read, or has lost its bytes, is a miss."""

    def __init__(self, blobs: Blobs, *, now: Callable[[], float] = time.time) -> None:
        self._blobs, self._now = blobs, now
        self._traces: dict[str, str] | None = None
        blobs.own("cache", 1, _SCHEMA)

    def get(self, key: Digest) -> Output | None:
        """Return the output under `key`, with all its bytes at hand, or `None`."""
        found = self._load([key])
        return found[key].output if key in found else None

    def get_many(self, wanted: Mapping[Digest, Task]) -> Mapping[Digest, Hit]:
        """Return what is known, asked in as few questions as there can be."""
        found = self._load(list(wanted))
        self._touch([key for key in found if wanted[key].action.lane is not Lane.HERE])
        return found

    def _load(self, keys: Sequence[Digest]) -> dict[Digest, Hit]:
        now = self._now()
        found: dict[Digest, Hit] = {}
        for key, body, claimed, expires, seconds, usage in self._rows(keys):
            with contextlib.suppress(*DAMAGED):
                if digest(body) != claimed.hex() or (expires is not None and expires <= now):
                    continue
                output = revive(body, unpack_usage(usage) if usage else None)
                found[Digest(key.hex())] = Hit(output, Digest(claimed.hex()), "disk", seconds)
        return self._whole(found)

    def _rows(self, keys: Sequence[Digest]) -> Iterator[tuple[bytes, bytes, bytes, float | None, float, str | None]]:
        for some in _chunks(keys):
            marks = ",".join("?" * len(some))
            query = f"SELECT key, body, said, expires, seconds, usage FROM results WHERE key IN ({marks})"  # noqa: S608
            with contextlib.suppress(sqlite3.DatabaseError):
                yield from self._blobs.rows(query, [bytes.fromhex(key) for key in some])

    def _whole(self, found: dict[Digest, Hit]) -> dict[Digest, Hit]:
        """Return what has not lost its bytes."""
        names = {entry.digest for hit in found.values() for entry in hit.output.entries}
        gone = names - self._blobs.present(names)
        if not gone:
            return found
        return {key: hit for key, hit in found.items() if gone.isdisjoint(entry.digest for entry in hit.output.entries)}

    def _touch(self, keys: Sequence[Digest]) -> None:
        """Note when results were last used, to the hour: most looks write nothing."""
        now = self._now()
        for some in _chunks(keys):
            marks = ",".join("?" * len(some))
            stale = f"SELECT key FROM results WHERE used < ? AND key IN ({marks})"  # noqa: S608
            old = self._blobs.rows(stale, [now - _HOUR, *(bytes.fromhex(key) for key in some)])
            if old:
                self._blobs.write("UPDATE results SET used = ? WHERE key = ?", [(now, key) for (key,) in old])

    def put(self, made: Made) -> None:
        """Remember an output; it is in the file after the next `commit`."""
        now, keeping = self._now(), made.task.keeping
        expires = None if keeping.ttl is None else now + keeping.ttl
        row = _row(made.key, made.body, made.said, (made.task.name, keeping.tags), (now, expires, made.seconds), made.output.usage)
        self._blobs.defer(_INSERT, row)
        if made.task.effect is Effect.ONCE:
            self._blobs.write("DELETE FROM begun WHERE key = ?", [(bytes.fromhex(made.key),)])

    def put_plain(self, key: Digest, output: Output) -> None:
        """Remember what no task made."""
        body = spelled(output)
        self._blobs.defer(_INSERT, _row(key, body, digest(body), ("", ()), (self._now(), None, 0.0), output.usage))

    def trace(self, task: str) -> Trace:
        """Return what the key of `task` was made of the last time it ran."""
        if self._traces is None:
            self._traces = {}
            with contextlib.suppress(sqlite3.DatabaseError):
                self._traces = dict(self._blobs.rows("SELECT task, body FROM traces", []))  # type: ignore[arg-type]
        with contextlib.suppress(*DAMAGED):
            found = json.loads(self._traces[task])
            return Trace(dict(found.get("parts", {})), dict(found.get("shown", {})))
        return Trace()

    def remember(self, task: str, trace: Trace) -> None:
        """Keep what the key of `task` is made of now; it is in the file after the next `commit`."""
        body = canonical({"parts": trace.parts, "shown": trace.shown} if trace.shown else {"parts": trace.parts}).decode()
        self._blobs.defer("INSERT OR REPLACE INTO traces VALUES (?, ?)", (task, body))
        if self._traces is not None and task in self._traces:
            self._traces[task] = body

    def begin(self, key: Digest, task: str) -> None:
        """Note that a task that must never be done twice is about to start; the note is on the disk when this returns."""
        self._blobs.write("INSERT OR REPLACE INTO begun VALUES (?, ?, ?)", [(bytes.fromhex(key), task, self._now())])
        self._blobs.flush()

    def begun(self, key: Digest) -> bool:
        """Return whether such a task was started and never reported that it succeeded."""
        return bool(self._blobs.rows("SELECT 1 FROM begun WHERE key = ?", [bytes.fromhex(key)]))

    def forget_begun(self, task: str) -> int:
        """Let a task that started and never reported be done again; return how many notes went."""
        return self._blobs.write("DELETE FROM begun WHERE task = ?", [(task,)])

    def commit(self) -> None:
        """Let everything put so far survive the end of this process; only `Blobs.flush` survives a power cut."""
        self._blobs.commit()

    def digests(self) -> set[Digest]:
        """Return the names of all bytes that a cached output needs."""
        names: set[Digest] = set()
        for (body,) in self._blobs.rows("SELECT body FROM results", []):
            with contextlib.suppress(*DAMAGED):
                names |= {entry.digest for entry in revive(body).entries}
        return names

    def size(self) -> int:
        """Return how many outputs are cached."""
        return int(self._blobs.rows("SELECT count(*) FROM results", [])[0][0])

    def kept(self) -> Iterator[Kept]:
        """Yield every remembered output that a task made, the last used first."""
        query = "SELECT key, task, tags, made, used, expires, seconds, usage, size FROM results WHERE task != '' ORDER BY used DESC"
        for key, task, tags, made, used, expires, seconds, usage, size in self._blobs.rows(query, []):
            spent = unpack_usage(usage or "")
            marks = tuple(filter(None, tags.split(" ")))
            yield Kept(Digest(key.hex()), task, marks, made, used, expires, seconds, spent, size)

    def drop(self, keys: Iterable[Digest]) -> int:
        """Forget outputs; return how many went."""
        return self._blobs.write("DELETE FROM results WHERE key = ?", [(bytes.fromhex(key),) for key in keys])

    def clear(self) -> int:
        """Forget every output and trace; return how many outputs there were."""
        count = self.size()
        self._blobs.write("DELETE FROM results", [()])
        self._blobs.write("DELETE FROM traces", [()])
        self._traces = None
        self._blobs.flush()
        return count


_INSERT = "INSERT OR REPLACE INTO results VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


def _row(
    key: Digest,
    body: bytes,
    claimed: Digest,
    maker: tuple[str, tuple[str, ...]],
    times: tuple[float, float | None, float],
    usage: Usage,
) -> tuple[Any, ...]:
    (task, tags), (now, expires, seconds) = maker, times
    claim, spent = bytes.fromhex(claimed), pack_usage(usage) or None
    return bytes.fromhex(key), body, claim, task, " ".join(tags), now, now, expires, seconds, spent, len(body)


def _chunks(items: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(items)
    while some := list(islice(rest, _CHUNK)):
        yield some
