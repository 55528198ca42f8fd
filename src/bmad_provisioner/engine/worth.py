"""Worth: what it would cost to make a result again, and which results have to go when there are too many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from bmad_provisioner.digest import Digest
from bmad_provisioner.usage import Usage

DOLLAR = 600.0
"""The seconds of waiting that count as much as one US dollar: a choice, so that results of both kinds have one order."""
FADING = 86_400.0
"""Seconds unused after which a result counts half."""


@dataclass(frozen=True, slots=True)
class Weight:
    """One result on the scales: the bytes of what it says, the files it needs, its `cost`, and when it was last used."""

    key: Digest
    size: int
    files: frozenset[Digest]
    cost: float
    used: float


def cost(seconds: float, usage: Usage) -> float:
    """Return what making a result again would take, in seconds."""
    return seconds + DOLLAR * usage.cost


def surplus(
    weights: Iterable[Weight], sizes: Mapping[Digest, int], most: int, now: float, stay: Collection[Digest] = ()
) -> list[Digest]:
    """Return the keys of the results to forget so that the others, with their files of `sizes` bytes, take at most `most` bytes.

    Those go first that cost least per byte to make again, where cost fades with the time since they were last used; of
    equals, those that were not used for the longest time. A file that several results need counts once. Those that are to
    `stay` never go.
    """
    every = list(weights)
    needed = Counter(name for one in every for name in one.files)
    held = sum(one.size for one in every) + sum(sizes.get(name, 0) for name in needed)
    gone: list[Digest] = []

    def value(one: Weight) -> tuple[float, float]:
        alone = one.size + sum(sizes.get(name, 0) for name in one.files)
        return one.cost / max(1, alone) * 0.5 ** (max(0.0, now - one.used) / FADING), one.used

    for one in sorted((one for one in every if one.key not in stay), key=value):
        if held <= most:
            break
        gone.append(one.key)
        needed.subtract(one.files)
        held -= one.size + sum(sizes.get(name, 0) for name in one.files if not needed[name])
    return gone
