"""Levels: a cache in memory, on disk and shared, asked from the nearest to the farthest."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from bmad_provisioner.blobs import Blobs
from bmad_provisioner.digest import Digest, digest
from bmad_provisioner.engine.cache import Hit, Made, Trace
from bmad_provisioner.engine.disk import DiskCache, expiry
from bmad_provisioner.engine.eviction import Bounded
from bmad_provisioner.engine.parcel import Parcel, beside, decode, pack, unpack
from bmad_provisioner.engine.shared import BATCH, Shared
from bmad_provisioner.engine.task import Effect, Lane, Task
from bmad_provisioner.engine.worth import cost
from bmad_provisioner.errors import DamagedError

LEVELS = ("memory", "disk", "shared")
"""The names of the levels, the nearest first; a task is kept up to the one it names. Any other name is none of them."""
_MEMORY, _DISK, _SHARED = 1, 2, 3
_REACH = {name: number for number, name in enumerate(LEVELS, 1)}
_AGAIN = 60.0
"""Seconds for which what the shared level did not have is not asked for again."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS levels (
  level TEXT PRIMARY KEY NOT NULL, hits INTEGER NOT NULL, misses INTEGER NOT NULL, seconds REAL NOT NULL,
  money REAL NOT NULL, evictions INTEGER NOT NULL
) WITHOUT ROWID;
"""
_ADD = """
INSERT INTO levels VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (level) DO UPDATE SET
  hits = hits + excluded.hits, misses = misses + excluded.misses, seconds = seconds + excluded.seconds,
  money = money + excluded.money, evictions = evictions + excluded.evictions
"""


@dataclass(frozen=True, slots=True)
class LevelStats:
    """What one level was good for: results found, and asked for in vain; the seconds and the money (US dollars) that
    making those would have taken again; and how many results had to leave for want of room.
    """

    hits: int = 0
    misses: int = 0
    seconds: float = 0.0
    money: float = 0.0
    evictions: int = 0

    def __add__(self, other: LevelStats) -> LevelStats:
        return LevelStats(
            self.hits + other.hits,
            self.misses + other.misses,
            self.seconds + other.seconds,
            self.money + other.money,
            self.evictions + other.evictions,
        )


_NOTHING = LevelStats()


class Levels:
    """A cache of up to three levels. Where none of them has a result as it was put, that is a miss.

    A result goes to the levels up to the one that its task names (`Keeping.level`). What a far level had is
    kept in the nearer ones. `ttl` is how many seconds a result stays on a level at most; `memory` goes by the same
    clock, `now`. What is put is shared at the next `commit`. Only the thread of a run may use it.
    """

    def __init__(
        self,
        blobs: Blobs,
        *,
        memory: Bounded[Hit] | None = None,
        shared: Shared | None = None,
        ttl: Mapping[str, float | None] | None = None,
        now: Callable[[], float] = time.time,
        of: str = "",
    ) -> None:
        self._blobs, self._memory, self.shared, self._now = blobs, memory, shared, now
        self._longest = {level: (ttl or {}).get(level) for level in LEVELS}
        self.disk = DiskCache(blobs, of=of, longest=self._longest["disk"], now=now)
        self._outgoing: list[tuple[Made, float]] = []
        self._absent: dict[Digest, float] = {}
        self._saved: set[Digest] = set()
        self._tally: dict[str, LevelStats] = {}
        self._evicted = 0
        blobs.own("levels", 1, _SCHEMA)

    # --- results ------------------------------------------------------------------------------------------------------

    def get_many(self, wanted: Mapping[Digest, Task]) -> Mapping[Digest, Hit]:
        """Return what is known, the shared level asked at most once, and only for what its tasks want shared."""
        found: dict[Digest, Hit] = {}
        for reach, ask in ((_MEMORY, self._recall), (_DISK, self._read), (_SHARED, self._receive)):
            asked = {key: task for key, task in wanted.items() if _reach(task) >= reach and key not in found}
            if asked:
                found |= ask(asked)
        return found

    def _recall(self, wanted: Mapping[Digest, Task]) -> dict[Digest, Hit]:
        if self._memory is None:
            return {}
        held = {key: hit for key in wanted if (hit := self._memory.get(key)) is not None}
        if held:
            whole = self.disk.whole({key: hit.output for key, hit in held.items()})
            held = {key: hit for key, hit in held.items() if key in whole}
            self.disk.touch([key for key in held if _reach(wanted[key]) >= _DISK and _takes_time(wanted[key])])
        self._count("memory", wanted, held)
        return held

    def _read(self, wanted: Mapping[Digest, Task]) -> dict[Digest, Hit]:
        found = self.disk.find(list(wanted))
        for key, one in found.items():
            self._hold(key, Hit(one.hit.output, one.hit.said, "memory", one.hit.seconds), one.size, one.expires)
        self.disk.touch([key for key, one in found.items() if one.stale and _takes_time(wanted[key])])
        hits = {key: one.hit for key, one in found.items()}
        self._count("disk", wanted, hits)
        return hits

    def _receive(self, wanted: Mapping[Digest, Task]) -> dict[Digest, Hit]:
        now = self._now()
        asked = {key: task for key, task in wanted.items() if not now < self._absent.get(key, now) <= now + _AGAIN}
        if self.shared is None or not asked:
            return {}
        parcels = self._whole(self._opened(self.shared, asked))
        hits = {key: self._keep(key, asked[key], parcel) for key, parcel in parcels.items()}
        self._absent |= dict.fromkeys(asked.keys() - hits.keys(), now + _AGAIN)
        self._count("shared", asked, hits)
        return hits

    def _opened(self, shared: Shared, asked: Mapping[Digest, Task]) -> dict[Digest, Parcel]:
        """Return the parcels under the keys asked for that are not too old for their tasks; what is none makes room for one."""
        now = self._now()
        opened = {Digest(key): unpack(value) for key, value in shared.get_many(list(asked)).items()}
        bad = [key for key, parcel in opened.items() if parcel is None]
        if bad:
            shared.drop(bad)

        def is_fresh(key: Digest, parcel: Parcel) -> bool:
            ttl = asked[key].keeping.ttl
            return ttl is None or now < min(parcel.made, now) + ttl

        return {key: parcel for key, parcel in opened.items() if parcel is not None and is_fresh(key, parcel)}

    def _whole(self, parcels: dict[Digest, Parcel]) -> dict[Digest, Parcel]:
        """Lay down the files of parcels, and return those parcels that have them all."""
        for parcel in parcels.values():
            for data in parcel.within.values():
                self._blobs.put(data)
        names = {name for parcel in parcels.values() for name in parcel.beside}
        missing = names - self._blobs.present(names)
        if missing and self.shared is not None:
            for value in self.shared.get_many([beside(name) for name in sorted(missing)]).values():
                found = decode(value)
                if found is not None and digest(found) in missing:
                    missing.discard(self._blobs.put(found))
        return {key: parcel for key, parcel in parcels.items() if missing.isdisjoint(parcel.beside)}

    def _keep(self, key: Digest, task: Task, parcel: Parcel) -> Hit:
        """Keep on the nearer levels what was shared."""
        made = Made(key, parcel.output, parcel.body, digest(parcel.body), task, parcel.seconds)
        at = min(parcel.made, self._now())
        self._write(made, at)
        self._remember(made, at)
        return Hit(made.output, made.said, "shared", made.seconds)

    def put(self, made: Made) -> None:
        """Remember an output on the levels up to the one its task names; it is shared at the next `commit`."""
        reach, now = _reach(made.task), self._now()
        if reach >= _MEMORY:
            self._remember(made, now)
        if reach >= _DISK:
            self._write(made, now)
        else:
            self.disk.finish(made)
        if reach >= _SHARED and self.shared is not None:
            self._outgoing.append((made, now))

    def _write(self, made: Made, at: float) -> None:
        self.disk.put(made, at=at)
        if made.task.keeping.compress:
            self._blobs.shrink({entry.digest for entry in made.output.entries})

    def _remember(self, made: Made, at: float) -> None:
        expires = expiry(at, made.task.keeping.ttl, at, None)
        self._hold(made.key, Hit(made.output, made.said, "memory", made.seconds), len(made.body), expires)

    def _hold(self, key: Digest, near: Hit, size: int, expires: float | None) -> None:
        if self._memory is not None:
            until = expiry(0.0, expires, self._now(), self._longest["memory"])
            self._memory.put(key, near, size=_footprint(size), cost=cost(near.seconds, near.output.usage), expires=until)

    def commit(self) -> None:
        """Let everything put so far survive the end of this process, then share what is to be shared."""
        self._note()
        self.disk.commit()
        outgoing, self._outgoing = self._outgoing, []
        if self.shared is not None:
            self._send(self.shared, outgoing)

    def _send(self, shared: Shared, outgoing: Iterable[tuple[Made, float]]) -> None:
        groups: dict[float | None, list[tuple[Made, float]]] = {}
        for made, at in outgoing:
            groups.setdefault(expiry(0.0, made.task.keeping.ttl, 0.0, self._longest["shared"]), []).append((made, at))
        for ttl, group in groups.items():
            for values in self._packed(group):
                shared.put_many(values, ttl=ttl)

    def _packed(self, group: Iterable[tuple[Made, float]]) -> Iterator[dict[str, bytes]]:
        """Yield what is to be sent, a few megabytes at a time: the bytes of files are not all in memory at once."""
        values: dict[str, bytes] = {}
        for made, at in group:
            with contextlib.suppress(DamagedError):
                values |= pack(made, at, self._blobs.get)
            if sum(map(len, values.values())) >= BATCH:
                yield values
                values = {}
        if values:
            yield values

    # --- traces and notes are the disk's -------------------------------------------------------------------------------

    def last(self, task: str) -> Digest | None:
        """Return the key of the result of `task` that was used last."""
        return self.disk.last(task)

    def trace(self, task: str) -> Trace:
        """Return what that key was made of."""
        return self.disk.trace(task)

    def remember(self, task: str, key: Digest, trace: Trace) -> None:
        """Keep what the key of `task` is made of now."""
        self.disk.remember(task, key, trace)

    def begin(self, key: Digest, task: str) -> None:
        """Note, durably, that a task that must never be done twice is about to start."""
        self.disk.begin(key, task)

    def withdraw(self, key: Digest, task: str) -> None:
        """Take that note back: the task did not start after all."""
        self.disk.withdraw(key, task)

    def finish(self, made: Made) -> None:
        """Note that such a task has succeeded."""
        self.disk.finish(made)

    def begun(self, key: Digest, task: str) -> str:
        """Return why such a task must not start, or nothing."""
        return self.disk.begun(key, task)

    @property
    def is_behind(self) -> bool:
        """Whether the next `commit` has something to write on the disk."""
        return self.disk.is_behind

    # --- upkeep -------------------------------------------------------------------------------------------------------

    def drop(self, keys: Collection[Digest], *, everywhere: bool = False) -> int:
        """Forget outputs in memory and on disk, and `everywhere` on the shared level too; return how many the disk had."""
        self._let_go(keys)
        if everywhere and self.shared is not None:
            self.shared.drop(list(keys))
        return self.disk.drop(keys)

    def clear(self) -> int:
        """Forget every output and trace but those that are shared; return how many the disk had."""
        self._let_go(self._memory.keys() if self._memory is not None else ())
        self._absent.clear()
        return self.disk.clear()

    def _let_go(self, keys: Iterable[str]) -> None:
        if self._memory is not None:
            for key in keys:
                self._memory.drop(key)

    def trim(self, most: int) -> int:
        """Let the disk forget what has expired, and what is worth least while there are more than `most` bytes."""
        gone = self.disk.trim(most)
        self._add("disk", LevelStats(evictions=gone))
        return gone

    # --- numbers ------------------------------------------------------------------------------------------------------

    def stats(self) -> dict[str, LevelStats]:
        """Return what each level was good for, in this process and in those before it."""
        self._count_evictions()
        rows = self._blobs.rows("SELECT level, hits, misses, seconds, money, evictions FROM levels", [])
        before = {level: LevelStats(*numbers) for level, *numbers in rows}
        return {level: before.get(level, _NOTHING) + self._tally.get(level, _NOTHING) for level in LEVELS}

    def _count(self, level: str, wanted: Mapping[Digest, Task], found: Mapping[Digest, Hit]) -> None:
        """Count what was asked of a level. What takes no time to make is not counted; a result saves once in a process."""
        asked = sum(map(_takes_time, wanted.values()))
        hits = {key: hit for key, hit in found.items() if _takes_time(wanted[key])}
        fresh = [hit for key, hit in hits.items() if key not in self._saved]
        self._saved.update(hits)
        seconds, money = sum(hit.seconds for hit in fresh), sum(hit.output.usage.cost for hit in fresh)
        self._add(level, LevelStats(len(hits), asked - len(hits), seconds, money))

    def _add(self, level: str, more: LevelStats) -> None:
        if more != _NOTHING:
            self._tally[level] = self._tally.get(level, _NOTHING) + more

    def _count_evictions(self) -> None:
        evicted = self._memory.evicted if self._memory is not None else 0
        if evicted != self._evicted:
            self._add("memory", LevelStats(evictions=evicted - self._evicted))
            self._evicted = evicted

    def _note(self) -> None:
        """Let the numbers outlive this process: with what is written anyway, or if nobody else is writing just now; else later."""
        self._count_evictions()
        rows = [(level, n.hits, n.misses, n.seconds, n.money, n.evictions) for level, n in self._tally.items()]
        if not rows:
            return
        if self.disk.is_behind:
            for row in rows:
                self._blobs.defer(_ADD, row)
            self._tally.clear()
        else:
            with contextlib.suppress(sqlite3.OperationalError):
                if self._blobs.jot(_ADD, rows):
                    self._tally.clear()


def _reach(task: Task) -> int:
    """Return how far a result goes. What must not be done twice is on disk at least, unless it is to be kept nowhere."""
    reach = _REACH.get(task.keeping.level, 0)
    return _DISK if reach == _MEMORY and task.effect is Effect.ONCE else reach


def _takes_time(task: Task) -> bool:
    return task.action.lane is not Lane.HERE


def _footprint(size: int) -> int:
    """Return about how many bytes an output occupies that is spelled in `size`: 1 to 3.6 times that was measured."""
    return 1024 + 3 * size
