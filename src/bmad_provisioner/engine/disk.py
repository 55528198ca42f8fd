"""Disk: the level of the cache that lasts, and the history of runs, in the file of the blobs."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from bmad_provisioner.blobs import Blobs
from bmad_provisioner.digest import Digest, digest
from bmad_provisioner.engine.cache import (
    DAMAGED,
    LOST,
    UNREPORTED,
    Hit,
    Made,
    Trace,
    pack_usage,
    revive,
    spelled,
    unpack_usage,
)
from bmad_provisioner.engine.task import NEVER, Effect, Lane, Output, Task
from bmad_provisioner.engine.worth import Weight, cost, surplus
from bmad_provisioner.usage import Usage

_SCHEMA = """
CREATE TABLE IF NOT EXISTS results (
  key BLOB PRIMARY KEY NOT NULL, body BLOB NOT NULL, said BLOB NOT NULL, task TEXT NOT NULL, tags TEXT NOT NULL,
  made REAL NOT NULL, used REAL NOT NULL, expires REAL, seconds REAL NOT NULL, usage TEXT, size INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS traced (
  document TEXT NOT NULL, task TEXT NOT NULL, key BLOB NOT NULL, body BLOB NOT NULL, PRIMARY KEY (document, task)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS once (
  document TEXT NOT NULL, task TEXT NOT NULL, key BLOB NOT NULL, begun REAL NOT NULL, ended REAL,
  PRIMARY KEY (document, task, key)
) WITHOUT ROWID;
DROP TABLE IF EXISTS outputs;
DROP TABLE IF EXISTS traces;
DROP TABLE IF EXISTS begun;
"""
_SAME = "(document = ? AND task = ? OR key = ?)"
_UNKNOWN = Trace()
_NOBODY = None, None
_HOUR = 3600.0
_CHUNK = 500
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Found:
    """A remembered output, the bytes of what it says, and when it is forgotten (seconds since 1970; `None`: never).

    It is `stale` when nobody noted for an hour that it is used.
    """

    hit: Hit
    size: int
    expires: float | None
    stale: bool


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
    """A cache in the file of the blobs. An entry that cannot be read, or has lost its bytes, is a miss.

    Outputs are everybody's who has the key; what is remembered of a task by its name is of the document `of`.
    `longest` is how many seconds an output is kept at most, whatever its task wishes (`None`: as long as that wishes).
    What must not be done twice is kept for good.
    """

    def __init__(self, blobs: Blobs, *, of: str = "", longest: float | None = None, now: Callable[[], float] = time.time) -> None:
        self._blobs, self._of, self._longest, self._now = blobs, of, longest, now
        self._traces: dict[str, tuple[Digest, bytes]] | None = None
        self._unsaved: dict[Digest, tuple[Made, float | None]] = {}
        blobs.own("cache", 2, _SCHEMA)

    def get(self, key: Digest) -> Output | None:
        """Return the output under `key`, with all its bytes at hand, or `None`."""
        found = self.find([key])
        return found[key].hit.output if key in found else None

    def get_many(self, wanted: Mapping[Digest, Task]) -> Mapping[Digest, Hit]:
        """Return what is known, asked in as few questions as there can be."""
        found = self.find(list(wanted))
        self.touch([key for key, one in found.items() if one.stale and wanted[key].action.lane is not Lane.HERE])
        return {key: one.hit for key, one in found.items()}

    def find(self, keys: Sequence[Digest]) -> dict[Digest, Found]:
        """Return what is known under `keys`, and note nothing of it."""
        now = self._now()
        found = self._put_just_now(keys, now) if self._unsaved else {}
        for name, body, claimed, expires, seconds, usage, used in self._rows([key for key in keys if key not in found]):
            with contextlib.suppress(*DAMAGED):
                if (expires is None or expires > now) and digest(body) == claimed.hex():
                    hit = Hit(revive(body, unpack_usage(usage or "")), Digest(claimed.hex()), "disk", seconds)
                    found[Digest(name.hex())] = Found(hit, len(body), expires, used < now - _HOUR)
        if not found:
            return found
        whole = self.whole({key: one.hit.output for key, one in found.items()})
        return found if len(whole) == len(found) else {key: one for key, one in found.items() if key in whole}

    def _put_just_now(self, keys: Sequence[Digest], now: float) -> dict[Digest, Found]:
        found = {}
        for key in keys:
            made, expires = self._unsaved.get(key, _NOBODY)
            if made is not None and (expires is None or expires > now):
                found[key] = Found(Hit(made.output, made.said, "disk", made.seconds), len(made.body), expires, stale=False)
        return found

    def _rows(self, keys: Sequence[Digest]) -> Iterator[tuple[bytes, bytes, bytes, float | None, float, str | None, float]]:
        # Straight from the file: what is deferred so far need not be written for every question.
        execute = self._blobs.connection.execute
        for some in _chunks(keys):
            marks = ",".join("?" * len(some))
            query = f"SELECT key, body, said, expires, seconds, usage, used FROM results WHERE key IN ({marks})"  # noqa: S608
            with contextlib.suppress(sqlite3.DatabaseError):
                yield from execute(query, [bytes.fromhex(key) for key in some]).fetchall()

    def whole(self, outputs: Mapping[Digest, Output]) -> set[Digest]:
        """Return the keys of those outputs that have not lost their bytes."""
        names = {entry.digest for output in outputs.values() for entry in output.entries}
        gone = names - self._blobs.present(names)
        if not gone:
            return set(outputs)
        return {key for key, output in outputs.items() if gone.isdisjoint(entry.digest for entry in output.entries)}

    def touch(self, keys: Sequence[Digest]) -> None:
        """Note when outputs were last used, to the hour: most looks write nothing."""
        now = self._now()
        for some in _chunks(keys):
            marks = ",".join("?" * len(some))
            stale = f"SELECT key FROM results WHERE used < ? AND key IN ({marks})"  # noqa: S608
            old = self._blobs.rows(stale, [now - _HOUR, *(bytes.fromhex(key) for key in some)])
            if old:
                self._blobs.write("UPDATE results SET used = ? WHERE key = ?", [(now, key) for (key,) in old])

    def put(self, made: Made, *, at: float | None = None) -> None:
        """Remember an output that was made `at` a time (`None`: now); it is in the file after the next `commit`."""
        now, keeping = self._now(), made.task.keeping
        start = now if at is None else at
        expires = None if made.task.effect is Effect.ONCE else expiry(start, keeping.ttl, now, self._longest)
        row = _row(
            made.key, made.body, made.said, made.task.name, keeping.tags, (start, now, expires, made.seconds), made.output.usage
        )
        if len(self._unsaved) < _CHUNK:
            self._unsaved[made.key] = made, expires
            self._blobs.defer(_INSERT, row)
        else:
            self._blobs.write(_INSERT, [row])
            self._unsaved.clear()
        self.finish(made)

    def finish(self, made: Made) -> None:
        """Note that a task that must never be done twice has succeeded; of others there is nothing to note."""
        task = made.task
        if task.effect is not Effect.ONCE:
            return
        noted = f"DELETE FROM once WHERE ended IS NULL AND {_SAME}"  # noqa: S608 - the words are ours
        self._blobs.write(noted, [(self._of, task.name, bytes.fromhex(made.key))])
        if task.keeping.level != NEVER:
            row = self._of, task.name, bytes.fromhex(made.key), self._now(), self._now()
            self._blobs.write("INSERT OR REPLACE INTO once VALUES (?, ?, ?, ?, ?)", [row])

    def put_plain(self, key: Digest, output: Output) -> None:
        """Remember what no task made."""
        body = spelled(output)
        now = self._now()
        self._blobs.defer(_INSERT, _row(key, body, digest(body), "", (), (now, now, None, 0.0), output.usage))

    def last(self, task: str) -> Digest | None:
        """Return the key of the result of `task` that was used last."""
        traced = self._loaded().get(task)
        return None if traced is None else traced[0]

    def trace(self, task: str) -> Trace:
        """Return what that key was made of."""
        traced = self._loaded().get(task)
        if traced is not None:
            with contextlib.suppress(*DAMAGED):
                return _traced(traced[1])
        return _UNKNOWN

    def _loaded(self) -> dict[str, tuple[Digest, bytes]]:
        if self._traces is None:
            self._traces = {}
            with contextlib.suppress(sqlite3.DatabaseError):
                rows = self._blobs.rows("SELECT task, key, body FROM traced WHERE document = ?", [self._of])
                self._traces = {task: (Digest(key.hex()), body) for task, key, body in rows}
        return self._traces

    def remember(self, task: str, key: Digest, trace: Trace) -> None:
        """Keep what the key of `task` is made of now; it is in the file after the next `commit`."""
        body = _strung((_strung(_flat(trace.parts)), _strung(_flat(trace.shown)), *trace.because)).encode("utf-8", "surrogatepass")
        self._blobs.defer("INSERT OR REPLACE INTO traced VALUES (?, ?, ?, ?)", (self._of, task, bytes.fromhex(key), body))
        if self._traces is not None:
            self._traces[task] = key, body

    def begin(self, key: Digest, task: str) -> None:
        """Note that a task that must never be done twice is about to start; the note is on the disk when this returns."""
        row = self._of, task, bytes.fromhex(key), self._now(), None
        self._blobs.write("INSERT OR REPLACE INTO once VALUES (?, ?, ?, ?, ?)", [row])
        self._blobs.flush()

    def withdraw(self, key: Digest, task: str) -> None:
        """Take that note back: the task did not start after all."""
        mine = "DELETE FROM once WHERE document = ? AND task = ? AND key = ? AND ended IS NULL"
        self._blobs.write(mine, [(self._of, task, bytes.fromhex(key))])

    def begun(self, key: Digest, task: str) -> str:
        """Return why a task that must never be done twice must not start.

        One that never reported may have done what it does, whatever it would be asked now; and what it is asked now may have
        been done under another name.
        """
        query, raw = f"SELECT key, ended FROM once WHERE {_SAME}", bytes.fromhex(key)  # noqa: S608 - the words are ours
        notes = self._blobs.rows(query, [self._of, task, raw])
        if any(ended is None for _key, ended in notes):
            return UNREPORTED
        return LOST if any(one == raw for one, _ended in notes) else ""

    @property
    def is_behind(self) -> bool:
        """Whether the next `commit` has something to write; until then others may have to wait who write."""
        return self._blobs.is_behind

    def commit(self) -> None:
        """Let everything put so far survive the end of this process; only `Blobs.flush` survives a power cut."""
        self._unsaved.clear()
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
            marks = tuple(filter(None, tags.split(" ")))
            yield Kept(Digest(key.hex()), task, marks, made, used, expires, seconds, _usage(usage), size)

    def drop(self, keys: Iterable[Digest]) -> int:
        """Forget outputs, and that they were made; return how many went."""
        self._unsaved.clear()
        rows = [(bytes.fromhex(key),) for key in keys]
        self._blobs.write("DELETE FROM once WHERE key = ? AND ended IS NOT NULL", rows)
        return self._blobs.write("DELETE FROM results WHERE key = ?", rows)

    def held(self) -> tuple[int, int]:
        """Return how many outputs are cached, and the bytes of them and of the files they need."""
        weights = list(self._weights())
        sizes = self._blobs.sizes({name for one in weights for name in one.files})
        return len(weights), sum(one.size for one in weights) + sum(sizes.values())

    def trim(self, most: int) -> int:
        """Forget what has expired, then what is worth least while there are more than `most` bytes; return how many went.

        What must not be done twice stays.
        What they leave behind in the file goes with the next `Blobs.prune`, unless somebody else needs it.
        """
        gone = self._blobs.write("DELETE FROM results WHERE expires <= ?", [(self._now(),)])
        file = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
        if self._blobs.rows(file, [])[0][0] <= most:
            return gone
        weights = list(self._weights())
        sizes = self._blobs.sizes({name for one in weights for name in one.files})
        stay = {Digest(key.hex()) for (key,) in self._blobs.rows("SELECT key FROM once WHERE ended IS NOT NULL", [])}
        return gone + self.drop(surplus(weights, sizes, most, self._now(), stay))

    def _weights(self) -> Iterator[Weight]:
        last = b""
        page = f"SELECT key, body, seconds, usage, used FROM results WHERE key > ? ORDER BY key LIMIT {_CHUNK}"  # noqa: S608
        while rows := self._blobs.rows(page, [last]):
            for key, body, seconds, usage, used in rows:
                files: frozenset[Digest] = frozenset()
                with contextlib.suppress(*DAMAGED):
                    files = frozenset(entry.digest for entry in revive(body).entries)
                yield Weight(Digest(key.hex()), len(body), files, cost(seconds, _usage(usage)), used)
            last = rows[-1][0]

    def clear(self) -> int:
        """Forget every output and trace, but not what was begun and never reported; return how many outputs there were."""
        count = self.size()
        self._unsaved.clear()
        self._blobs.write("DELETE FROM results", [()])
        self._blobs.write("DELETE FROM traced", [()])
        self._blobs.write("DELETE FROM once WHERE ended IS NOT NULL", [()])
        self._traces = None
        self._blobs.flush()
        return count


def _strung(texts: Iterable[str]) -> str:
    """Return texts as one, each after its length: every task writes that, at half of what JSON costs."""
    return "".join([f"{len(text)}:{text}" for text in texts])


def _unstrung(text: str) -> list[str]:
    """Return the texts that `_strung` strung; raises ValueError when it did not."""
    texts = []
    while text:
        size, _, rest = text.partition(":")
        texts.append(rest[: int(size)])
        text = rest[int(size) :]
    return texts


def _flat(texts: Mapping[str, str]) -> list[str]:
    return [text for pair in texts.items() for text in pair]


def _traced(body: bytes) -> Trace:
    """Return the trace that `remember` wrote; raises one of `DAMAGED` when it is none."""
    parts, texts, *because = _unstrung(body.decode("utf-8", "surrogatepass"))
    names, shown = _unstrung(parts), _unstrung(texts)
    found = {name: Digest(digits) for name, digits in zip(names[::2], names[1::2], strict=True)}
    return Trace(found, dict(zip(shown[::2], shown[1::2], strict=True)), tuple(because))


def _usage(text: str | None) -> Usage:
    """Return usage for people and scales: of an entry that is damaged, none."""
    with contextlib.suppress(*DAMAGED):
        return unpack_usage(text or "")
    return Usage()


def expiry(made: float, ttl: float | None, now: float, longest: float | None) -> float | None:
    """Return when an output is forgotten: `ttl` seconds after it was made, `longest` seconds from now, or never."""
    if ttl is None and longest is None:
        return None
    return min((start + seconds for start, seconds in ((made, ttl), (now, longest)) if seconds is not None))


_INSERT = "INSERT OR REPLACE INTO results VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


def _row(
    key: Digest,
    body: bytes,
    claimed: Digest,
    task: str,
    tags: tuple[str, ...],
    times: tuple[float, float, float | None, float],
    usage: Usage,
) -> tuple[Any, ...]:
    claim, spent = bytes.fromhex(claimed), pack_usage(usage) or None
    return bytes.fromhex(key), body, claim, task, " ".join(tags), *times, spent, len(body)


def _chunks(items: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(items)
    while some := list(islice(rest, _CHUNK)):
        yield some
