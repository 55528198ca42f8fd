"""Peers: the caches that are compared, ours and whatever else can be imported here."""

from __future__ import annotations

import importlib
import importlib.metadata
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

from bmad_provisioner.engine.eviction import POLICIES, Bounded

Ask = Callable[[str, int, float], bool]
"""Ask a cache for a key of so many bytes and so much cost; put it there if it was not; return whether it was."""
Maker = Callable[[int, int], Ask]
"""Make a cache of so many bytes, for about so many keys."""

LIBRARIES = {"libcachesim": "libcachesim", "cachetools": "cachetools", "moka_py": "moka-py", "theine": "theine"}
SIMULATED = {
    "FIFO": "FIFO",
    "LRU": "LRU",
    "LFU": "LFU",
    "ARC": "ARC",
    "S3-FIFO": "S3FIFO",
    "SIEVE": "Sieve",
    "W-TinyLFU": "WTinyLFU",
    "LIRS": "LIRS",
    "GDSF": "GDSF",
}
BLIND = frozenset({"theine", "cachetools LRU", "cachetools LFU"})
"""Those that count entries here: they are left out where bytes count."""
NEEDS_A_HUNDRED = frozenset({"W-TinyLFU"})
"""Those whose simulation holds nothing when its window, 1 %, is less than one entry."""


def available() -> tuple[dict[str, Maker], dict[str, str], tuple[str, ...]]:
    """Return the caches by name, the versions of the libraries found, and the libraries absent."""
    makers: dict[str, Maker] = {policy: partial(_ours, policy) for policy in POLICIES}
    found: dict[str, str] = {}
    absent: list[str] = []
    for module, package in LIBRARIES.items():
        try:
            makers |= _MAKERS[module](importlib.import_module(module))
            found[package] = importlib.metadata.version(package)
        except ImportError:
            absent.append(package)
    return makers, found, tuple(absent)


def _ours(policy: str, most: int, count: int) -> Ask:
    cache: Bounded[bool] = Bounded(most, policy=policy)

    def ask(key: str, size: int, cost: float) -> bool:
        if cache.get(key):
            return True
        cache.put(key, True, size=size, cost=cost)
        return False

    return ask


def _simulated(library: ModuleType) -> dict[str, Maker]:
    def make(name: str, most: int, count: int) -> Ask:
        cache = getattr(library, name)(most, hashpower=16)
        numbers: dict[str, int] = {}
        request = library.Request(op=library.ReqOp.OP_GET)

        def ask(key: str, size: int, cost: float) -> bool:
            request.obj_id, request.obj_size = numbers.setdefault(key, len(numbers) + 1), size
            return bool(cache.get(request))

        return ask

    return {name: partial(make, member) for name, member in SIMULATED.items()}


def _cachetools(library: ModuleType) -> dict[str, Maker]:
    return {
        "cachetools LRU": lambda most, count: _mapping(library.LRUCache(count)),
        "cachetools LFU": lambda most, count: _mapping(library.LFUCache(count)),
    }


def _mapping(cache: Any) -> Ask:
    def ask(key: str, size: int, cost: float) -> bool:
        if cache.get(key):
            return True
        cache[key] = True
        return False

    return ask


def _moka(library: ModuleType) -> dict[str, Maker]:
    def make(most: int, count: int) -> Ask:
        cache = library.Moka(most, weigher=lambda key, size: size)

        def ask(key: str, size: int, cost: float) -> bool:
            if cache.get(key) is not None:
                return True
            cache.set(key, size)
            cache.run_pending_tasks()  # else it holds more than it may for a while
            return False

        return ask

    return {"moka": make}


def _theine(library: ModuleType) -> dict[str, Maker]:
    def make(most: int, count: int) -> Ask:
        cache = library.Cache(count)

        def ask(key: str, size: int, cost: float) -> bool:
            if cache.get(key)[1]:
                return True
            cache.set(key, True)
            return False

        return ask

    return {"theine": make}


_MAKERS = {"libcachesim": _simulated, "cachetools": _cachetools, "moka_py": _moka, "theine": _theine}
