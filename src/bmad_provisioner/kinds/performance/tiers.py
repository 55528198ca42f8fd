"""Tiers: which files could lie on cheaper storage, by when they were last read or changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

DAY = 86_400.0
TIERS: tuple[tuple[str, float], ...] = (("hot", 0.0), ("cool", 30.0), ("cold", 90.0), ("archive", 365.0))
"""Tiers, and the days without use after which a file belongs there: where storage providers put their minimum stays."""
_EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Kept:
    """A file: bytes, and when it was changed and read (seconds since 1970)."""

    path: str
    size: int
    mtime: float
    atime: float


@dataclass(frozen=True, slots=True)
class Tier:
    """What belongs to a tier: how many files and bytes, what part of all bytes, and its largest files."""

    name: str
    files: int
    size: int
    share: float
    largest: tuple[Kept, ...]


@dataclass(frozen=True, slots=True)
class Tiers:
    """Files by tier; `reads_known` is false where the disk doesn't record reads, and only changes were gone by."""

    tiers: tuple[Tier, ...]
    reads_known: bool


def tiers(files: Sequence[Kept], now: float, limits: Sequence[tuple[str, float]] = TIERS) -> Tiers:
    """Sort files into tiers by the days since they were last used."""
    known = any(one.atime > one.mtime + DAY for one in files)
    total = sum(one.size for one in files)
    placed = [(_tier((now - max(one.mtime, one.atime if known else 0.0)) / DAY, limits), one) for one in files]
    return Tiers(tuple(_summed(name, [one for tier, one in placed if tier == name], total) for name, _ in limits), known)


def _tier(days: float, limits: Sequence[tuple[str, float]]) -> str:
    return next((name for name, least in reversed(limits) if days >= least), limits[0][0])


def _summed(name: str, files: Sequence[Kept], total: int) -> Tier:
    size = sum(one.size for one in files)
    largest = sorted(files, key=lambda one: (-one.size, one.path))[:_EXAMPLES]
    return Tier(name, len(files), size, size / total if total else 0.0, tuple(largest))
