"""Eviction: the level of the cache that is in memory, bounded in bytes, and the policies that say who leaves it."""

from __future__ import annotations

import heapq
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from bmad_provisioner.errors import UsageError

V = TypeVar("V")


class Eviction(Protocol):
    """Which key leaves next. It hears of every key that comes, is found or goes; sizes are bytes, at least 1."""

    def admit(self, key: str, size: int, cost: float) -> None:
        """Take in a key that is not held; there is room for it."""

    def touch(self, key: str) -> None:
        """Learn that a held key was found."""

    def forget(self, key: str) -> None:
        """Let go of a held key that nobody wants again."""

    def victim(self) -> str:
        """Let go of the held key that is worth the least, and return it. Raises `KeyError` where none is held."""


@dataclass(frozen=True, slots=True)
class _Held(Generic[V]):
    value: V
    size: int


class Bounded(Generic[V]):
    """Values by key, never more than `most` bytes of them. Safe for threads.

    `policy` is one of `POLICIES`; any other name raises `UsageError`. `clock` returns seconds; `expires` is read by it.
    """

    def __init__(self, most: int, *, policy: str = "adaptive", clock: Callable[[], float] = time.time) -> None:
        if policy not in _POLICIES:
            raise UsageError(f"no eviction policy is named `{policy}`", hint=f"known: {', '.join(POLICIES)}")
        self._most, self._clock = most, clock
        self._policy = _POLICIES[policy](most)
        self._held: dict[str, _Held[V]] = {}
        self._expiry = _Least()
        self._size = self._evicted = 0
        self._lock = threading.Lock()

    def get(self, key: str) -> V | None:
        """Return the value under `key`, or `None`."""
        with self._lock:
            self._expire()
            held = self._held.get(key)
            if held is None:
                return None
            self._policy.touch(key)
            return held.value

    def put(self, key: str, value: V, *, size: int, cost: float = 0.0, expires: float | None = None) -> None:
        """Hold `value` of `size` bytes (fewer than 1 count as 1), in place of what was under `key`.

        `cost` is what making it again would take, in seconds or in money. A value larger than everything, or expired, is
        not held.
        """
        size = max(size, 1)
        with self._lock:
            self._expire()
            self._leave(key)
            if size > self._most or (expires is not None and expires <= self._clock()):
                return
            while self._size + size > self._most:
                self._evict()
            self._policy.admit(key, size, cost)
            self._held[key] = _Held(value, size)
            self._size += size
            if expires is not None:
                self._expiry.place(key, expires)

    def drop(self, key: str) -> bool:
        """Hold `key` no longer; return whether it was held."""
        with self._lock:
            self._expire()
            return self._leave(key)

    def keys(self) -> tuple[str, ...]:
        """Return the keys that are held, in no particular order."""
        with self._lock:
            self._expire()
            return tuple(self._held)

    @property
    def size(self) -> int:
        """The bytes that are held."""
        with self._lock:
            self._expire()
            return self._size

    @property
    def evicted(self) -> int:
        """How many keys have left to make room."""
        return self._evicted

    def __len__(self) -> int:
        with self._lock:
            self._expire()
            return len(self._held)

    def _expire(self) -> None:
        while self._expiry and self._expiry.least()[0] <= self._clock():
            self._leave(self._expiry.least()[1])

    def _leave(self, key: str) -> bool:
        held = self._release(key)
        if held:
            self._policy.forget(key)
        return held

    def _evict(self) -> None:
        self._release(self._policy.victim())
        self._evicted += 1

    def _release(self, key: str) -> bool:
        held = self._held.pop(key, None)
        if held is None:
            return False
        self._size -= held.size
        self._expiry.remove(key)
        return True


class _Least:
    """The least of many numbers by key, where any may change or go."""

    def __init__(self) -> None:
        self._places: dict[str, tuple[float, int, str]] = {}
        self._heap: list[tuple[float, int, str]] = []
        self._serial = 0

    def __bool__(self) -> bool:
        return bool(self._places)

    def place(self, key: str, number: float) -> None:
        """Give `key` a number; of equal numbers the one given first is the least."""
        self._serial += 1
        self._places[key] = place = (number, self._serial, key)
        heapq.heappush(self._heap, place)
        if len(self._heap) > 2 * len(self._places) + 16:  # what was left behind must not outgrow what is there
            self._heap = sorted(self._places.values())

    def remove(self, key: str) -> None:
        """Let go of `key`, if it is there."""
        self._places.pop(key, None)

    def least(self) -> tuple[float, str]:
        """Return the least number and its key."""
        while self._places.get(self._heap[0][2]) is not self._heap[0]:
            heapq.heappop(self._heap)
        return self._heap[0][0], self._heap[0][2]


class _Queue(OrderedDict[str, int]):
    """Keys from the oldest to the newest, and the bytes of all of them."""

    size = 0

    def push(self, key: str, size: int) -> None:
        """Add `key` as the newest."""
        self[key] = size
        self.size += size

    def take(self, key: str) -> int:
        """Remove `key`; return its bytes."""
        size = self.pop(key)
        self.size -= size
        return size

    def take_oldest(self) -> tuple[str, int]:
        """Remove the oldest key; return it and its bytes."""
        key, size = self.popitem(last=False)
        self.size -= size
        return key, size


class _Lru:
    """Who was not found for the longest time leaves."""

    def __init__(self, most: int) -> None:
        self._queue = _Queue()

    def admit(self, key: str, size: int, cost: float) -> None:
        self._queue.push(key, size)

    def touch(self, key: str) -> None:
        self._queue.move_to_end(key)

    def forget(self, key: str) -> None:
        self._queue.take(key)

    def victim(self) -> str:
        return self._queue.take_oldest()[0]


class _Arc:
    """Adaptive replacement (Megiddo & Modha, FAST 2003), counted in bytes.

    Keys seen once and keys seen again are two queues. Each remembers, without the values, who left it lately (a ghost).
    A ghost that comes back says that its queue was too short: `_target`, the bytes meant for the keys seen once, moves.

    One thing is ours. While little is meant for newcomers, requests are about favourites rather than about what is new:
    then a key found since it came in or was last spared is spared once, as a clock would (CAR: Bansal & Modha, FAST 2004).
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._target = 0.0
        self._found: set[str] = set()
        self._once, self._again = _Queue(), _Queue()
        self._once_ghosts, self._again_ghosts = _Queue(), _Queue()

    def admit(self, key: str, size: int, cost: float) -> None:
        once, again = self._once_ghosts, self._again_ghosts
        if key in once:
            self._target = min(self._most, self._target + size * max(1.0, again.size / once.size))
            once.take(key)
            self._again.push(key, size)
        elif key in again:
            self._target = max(0.0, self._target - size * max(1.0, once.size / again.size))
            again.take(key)
            self._again.push(key, size)
        else:
            self._once.push(key, size)
        self._trim()

    def touch(self, key: str) -> None:
        if key in self._once:
            self._again.push(key, self._once.take(key))
        else:
            self._again.move_to_end(key)
            self._found.add(key)

    def forget(self, key: str) -> None:
        self._found.discard(key)
        (self._once if key in self._once else self._again).take(key)

    def victim(self) -> str:
        if self._once and (not self._again or self._once.size > self._target):
            queue, ghosts = self._once, self._once_ghosts
        else:
            queue, ghosts = self._again, self._again_ghosts
            self._spare()
        key, size = queue.take_oldest()
        self._found.discard(key)
        ghosts.push(key, size)
        return key

    def _spare(self) -> None:
        while self._target < self._most / 8 and (oldest := next(iter(self._again))) in self._found:
            self._found.remove(oldest)
            self._again.move_to_end(oldest)

    def _trim(self) -> None:
        while self._once_ghosts and self._once.size + self._once_ghosts.size > self._most:
            self._once_ghosts.take_oldest()
        held = self._once.size + self._again.size + self._once_ghosts.size
        while self._again_ghosts and held + self._again_ghosts.size > 2 * self._most:
            self._again_ghosts.take_oldest()


class _Aged:
    """Who is worth the least leaves, and what it was worth becomes the floor on which later keys and finds are counted.

    The floor is how old favourites die: GreedyDual-Size (Cao & Irani, USITS 1997) where worth is cost per byte; LFU with
    dynamic aging (Arlitt, Cherkasova, Dilley, Friedrich & Jin, 2000) where worth is how often a key was found.
    """

    def __init__(self, worth: Callable[[int, int, float], float]) -> None:
        self._worth = worth
        self._facts: dict[str, tuple[int, int, float]] = {}
        self._order = _Least()
        self._floor = 0.0

    def admit(self, key: str, size: int, cost: float) -> None:
        self._count(key, 1, size, cost)

    def touch(self, key: str) -> None:
        uses, size, cost = self._facts[key]
        self._count(key, uses + 1, size, cost)

    def forget(self, key: str) -> None:
        self._order.remove(key)
        del self._facts[key]

    def victim(self) -> str:
        self._floor, key = self._order.least()
        self.forget(key)
        return key

    def _count(self, key: str, uses: int, size: int, cost: float) -> None:
        self._facts[key] = uses, size, cost
        self._order.place(key, self._floor + self._worth(uses, size, cost))


_POLICIES: dict[str, Callable[[int], Eviction]] = {
    "adaptive": _Arc,
    "lru": _Lru,
    "lfu": lambda most: _Aged(lambda uses, size, cost: uses),
    "cost": lambda most: _Aged(lambda uses, size, cost: max(0.0, cost) / size),  # in this order, what is not a number is 0
}
POLICIES: tuple[str, ...] = tuple(_POLICIES)
"""The names of the policies; the first is the usual one."""
