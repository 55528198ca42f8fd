"""Series: histories whose change points are known, because they were put there."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
EFFECTS = (0.0, 0.05, 0.10, 0.25)
CVS = (0.02, 0.06)
ANNOTATED = (15, 61, 71, 95, 131, 142, 192, 212)
"""Where the maintainers of Otava drew the ups and downs of the TigerBeetle series; the drop at 10 is a single spike."""
QUIET = (214, 360)
"""The part of that series which they call normal variance."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """A series, where it changes, and what it is made of."""

    sort: str
    effect: float
    values: tuple[float, ...]
    points: tuple[int, ...]


def _normal(rng: np.random.Generator, count: int) -> Numbers:
    return rng.normal(0, 1, count)


def _skewed(rng: np.random.Generator, count: int) -> Numbers:
    return (np.exp(rng.normal(0, 0.6, count)) - 1.197) / 0.786


def _heavy(rng: np.random.Generator, count: int) -> Numbers:
    return rng.standard_t(3, count) / np.sqrt(3)


def _two_humps(rng: np.random.Generator, count: int) -> Numbers:
    return np.where(rng.random(count) < 0.3, 1.5, -0.64) + rng.normal(0, 0.35, count)


def _spiky(rng: np.random.Generator, count: int) -> Numbers:
    return rng.normal(0, 0.8, count) + np.where(rng.random(count) < 0.04, rng.uniform(3, 8, count), 0)


def _drifting(rng: np.random.Generator, count: int, memory: float = 0.6) -> Numbers:
    noise = rng.normal(0, np.sqrt(1 - memory**2), count)
    found = [rng.normal()]
    for one in noise[1:]:
        found.append(memory * found[-1] + one)
    return np.array(found)


NOISES: dict[str, Callable[[np.random.Generator, int], Numbers]] = {
    "normal": _normal, "skewed": _skewed, "heavy tails": _heavy, "two humps": _two_humps, "spikes": _spiky, "AR(1)": _drifting,
}  # fmt: skip


def synthetic(seed: int, repeats: int = 4) -> Iterator[Labelled]:
    """Yield series of every noise, spread and effect, and null series with one or two single spikes."""
    rng = np.random.default_rng(seed)
    for name, noise in NOISES.items():
        for cv in CVS:
            for effect in EFFECTS:
                for _ in range(repeats):
                    yield _stepped(name, noise(rng, int(rng.integers(50, 130))) * cv, effect, rng)
    for _ in range(repeats * 2):
        values = 1 + _normal(rng, int(rng.integers(50, 130))) * rng.choice(CVS)
        values[rng.integers(5, len(values) - 5, int(rng.integers(1, 3)))] *= rng.choice([0.6, 1.5, 3.0])
        yield Labelled("single spikes", 0.0, tuple(map(float, values)), ())


def _stepped(name: str, noise: Numbers, effect: float, rng: np.random.Generator) -> Labelled:
    """Put one step, or two the same way, anywhere but in the first and last ten points."""
    count = len(noise)
    places = sorted(map(int, rng.choice(np.arange(10, count - 10), 1 if rng.random() < 0.7 else 2, replace=False)))
    if not effect or places[-1] - places[0] < 12:
        places = places[:1]
    level, way = np.ones(count), 1 if rng.random() < 0.6 else -1
    for place in places:
        level[place:] *= 1 + effect * way
    return Labelled(name, effect, tuple(map(float, 100 * level * (1 + noise))), tuple(places) if effect else ())


def real(source: Path, seed: int, repeats: int = 8) -> Iterator[Labelled]:
    """Yield the TigerBeetle series as Otava's tests hold it, as annotated there, and its quiet end with steps put into it."""
    values = _literal(source)
    yield Labelled("TigerBeetle, annotated", 0.0, values, ANNOTATED)
    rng = np.random.default_rng(seed)
    quiet = np.array(values[slice(*QUIET)])
    for effect in EFFECTS:
        for _ in range(repeats):
            begin = int(rng.integers(0, len(quiet) - 80))
            part = quiet[begin : begin + 80].copy()
            place = int(rng.integers(10, 70))
            part[place:] *= 1 + effect
            yield Labelled("TigerBeetle, its quiet end", effect, tuple(map(float, part)), (place,) if effect else ())


def _literal(source: Path) -> tuple[float, ...]:
    lists = [node for node in ast.walk(ast.parse(source.read_text("utf-8"))) if isinstance(node, ast.List)]
    return tuple(map(float, ast.literal_eval(max(lists, key=lambda node: len(node.elts)))))
