"""Changepoints: where a history of one number (a metric, or a function's share of a profile) took a step, and stayed there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import exp, inf, log, sqrt
from statistics import median
from typing import TYPE_CHECKING

from bmad_provisioner.kinds.performance.stats import spread

if TYPE_CHECKING:
    from random import Random

# numpy, scipy and ruptures take longer to load than most verbs run: whoever looks at a history pays, nobody else.
# ruff: noqa: PLC0415

SIDE = 4
"""Points that there have to be on both sides: what a single spike can't give."""
PENALTY = 1.0
"""What one more step costs, in logarithms of the number of points: low, because every step has to be confirmed as well."""
ALPHA = 0.001
"""How often the confirming test may be wrong: strict, because the steps it is asked about were chosen by looking."""
MOST = 2000
"""Points that are looked at: the latest."""
LATE = 10
"""Points after a step that `detectable` reckons with."""
_FARTHEST = 50.0
_DRAWS, _BLOCK = 20, 5
_MARGIN = 5
_ALIKE = 0.01
_MEDIAN = 1.2533
"""The standard error of a median in those of a mean, for normal noise: the square root of pi / 2."""


@dataclass(frozen=True, slots=True)
class Step:
    """The first point of a new level, the medians before and after, the test's p, and whether the old level came back."""

    at: int
    before: float
    after: float
    p: float
    gone: bool = False

    @property
    def effect(self) -> float:
        """The relative change: 0.1 is 10 % more; infinite from nothing to something."""
        return (self.after - self.before) / abs(self.before) if self.before else inf if self.after > 0 else -inf


@dataclass(frozen=True, slots=True)
class History:
    """What a series says: its steps, its noise as a share of its latest level, how alike neighbours are (0 to 1), and the
    smallest lasting step `LATE` points ago that would be found 4 times in 5 (relative; infinite for too few points)."""

    steps: tuple[Step, ...]
    noise: float
    memory: float
    detectable: float

    @property
    def lasting(self) -> tuple[Step, ...]:
        """The steps whose level did not go away again: those worth an alarm."""
        return tuple(step for step in self.steps if not step.gone)


def history(series: Sequence[float], effect: float = 0.0, seed: int = 0) -> History:
    """Return what a series says; steps smaller than `effect` (relative) are left out."""
    values = [float(value) for value in series[-MOST:]]
    found = steps(series, effect)
    places = [step.at - (len(series) - len(values)) for step in found]
    latest = values[places[-1] :] if places else values
    level = abs(median(latest)) if latest else 0.0
    noise = spread(_residues(values, places)) / level if level else 0.0
    return History(found, noise, memory(values, places), detectable(series, seed=seed))


def steps(series: Sequence[float], effect: float = 0.0, alpha: float = ALPHA) -> tuple[Step, ...]:
    """Return the steps of a series that are no smaller than `effect` (relative), the earliest first.

    Candidates are the segmentation that explains the robustly standardised values best (a kernel cost, found exactly by
    PELT's pruning: Killick 2012, Arlot 2019; the implementation is that of `ruptures`). Each has to be confirmed by a
    test between its neighbours, whose evidence is reduced by how alike consecutive points are: else slow drift passes
    for steps. The weakest goes first, and its neighbours are tested again.
    """
    skipped = max(0, len(series) - MOST)
    values = [float(value) for value in series[skipped:]]
    places = _candidates(values)
    while places:
        ps = _ps(values, places)
        weakest = max(range(len(places)), key=ps.__getitem__)
        if ps[weakest] < alpha:
            return _without_return(_steps(values, places, ps), values, effect, skipped)
        del places[weakest]
    return ()


def memory(values: Sequence[float], places: Sequence[int] = ()) -> float:
    """Return how much of a point its neighbour foretells, 0 to 0.95: lag-1 autocorrelation around the levels."""
    held = _held(_residues(values, places))
    if not any(held):
        return 0.0
    alike = sum(one * other for one, other in pairwise(held)) / sum(one * one for one in held)
    # What is measured around levels that were fitted comes out too low, by about 1 over the points of each level.
    return min(max(alike + (len(places) + 1) / len(held), 0.0), 0.95)


def detectable(series: Sequence[float], late: int = LATE, seed: int = 0) -> float:
    """Return the smallest relative step that would be found 4 times in 5 had it happened `late` points ago.

    Found by trying: stretches of the noise of this very series in random order, with steps put into them.
    """
    from random import Random

    values = [float(value) for value in series[-MOST:]]
    level = abs(median(values)) if values else 0.0
    if len(values) < late + 2 * SIDE or not level:
        return inf
    residues = _residues(values, [step.at - (len(series) - len(values)) for step in steps(series)])
    noise = max(spread(residues) / level, 1e-6)
    low, high = log(noise / 4), log(noise * 32)
    for _ in range(6):
        middle = (low + high) / 2
        found = sum(_finds(residues, level, exp(middle), late, Random(seed + draw)) for draw in range(_DRAWS))  # noqa: S311
        low, high = (low, middle) if found >= 0.8 * _DRAWS else (middle, high)
    return exp(high)


def _finds(residues: Sequence[float], level: float, effect: float, late: int, rng: Random) -> bool:
    """Return whether a step is found where it was put."""
    noise: list[float] = []
    while len(noise) < len(residues):
        begin = rng.randrange(max(1, len(residues) - _BLOCK))
        noise.extend(residues[begin : begin + _BLOCK])
    place = len(residues) - late
    made = [level * (1 + effect * (at >= place)) + one for at, one in enumerate(noise[: len(residues)])]
    return any(abs(step.at - place) <= _MARGIN for step in steps(made))


def _candidates(values: Sequence[float]) -> list[int]:
    if len(values) < 2 * SIDE or min(values) == max(values):
        return []
    import numpy as np
    import ruptures

    scale = spread([after - before for before, after in pairwise(values)]) / sqrt(2)
    middle = median(values)
    scale = max(scale, 1e-9 * (abs(middle) or max(map(abs, values))))
    standard = np.clip((np.asarray(values) - middle) / scale, -_FARTHEST, _FARTHEST)
    model = ruptures.KernelCPD(kernel="rbf", min_size=SIDE).fit(standard)
    return [int(at) for at in model.predict(pen=PENALTY * log(len(values)))[:-1]]


def _levels(values: Sequence[float], places: Sequence[int]) -> list[Sequence[float]]:
    return [values[begin:end] for begin, end in zip([0, *places], [*places, len(values)], strict=True)]


def _residues(values: Sequence[float], places: Sequence[int]) -> list[float]:
    return [value - middle for level in _levels(values, places) if level for middle in (median(level),) for value in level]


def _ps(values: Sequence[float], places: Sequence[int]) -> list[float]:
    test = _test(values, places)
    return [test.p(before, after) for before, after in pairwise(_levels(values, places))]


def _held(residues: Sequence[float]) -> list[float]:
    """Return residues no farther out than three spreads: what lies there counts, but not for how far."""
    limit = 3 * spread(residues) if residues else 0.0
    return [min(max(one, -limit), limit) for one in residues]


def _test(values: Sequence[float], places: Sequence[int]) -> _Test:
    held = _held(_residues(values, places))
    free = max(len(held) - len(places) - 1, 1)
    return _Test(sqrt(sum(one * one for one in held) / free), memory(values, places))


@dataclass(frozen=True, slots=True)
class _Test:
    """Student's test between two medians, for a noise around all levels and what a point foretells of the next.

    A rank test would do for points that are independent; but its evidence is bounded by how many there are, and what
    memory leaves of it would not confirm even a huge step ten points ago.
    """

    noise: float
    memory: float

    def p(self, before: Sequence[float], after: Sequence[float]) -> float:
        from scipy.stats import t

        worth = (1 - self.memory) / (1 + self.memory)
        error = _MEDIAN * self.noise * sqrt((1 / len(before) + 1 / len(after)) / worth)
        apart = abs(median(after) - median(before))
        if not error:
            return float(not apart)
        return float(2 * t.sf(apart / error, max((len(before) + len(after)) * worth - 2, 1.0)))


def _steps(values: Sequence[float], places: Sequence[int], ps: Sequence[float]) -> list[Step]:
    middles = [median(level) for level in _levels(values, places)]
    return [Step(at, before, after, p) for at, before, after, p in zip(places, middles, middles[1:], ps, strict=False)]


def _without_return(found: list[Step], values: Sequence[float], effect: float, skipped: int) -> tuple[Step, ...]:
    """Mark a step and the one that takes it back, drop what is too small, and count places from the start of the series."""
    places = [step.at for step in found]
    levels, test = _levels(values, places), _test(values, places)
    gone = set[int]()
    for which, (one, other) in enumerate(pairwise(found)):
        apart = abs(other.after - one.before)
        alike = apart < effect * abs(one.before) or test.p(levels[which], levels[which + 2]) > _ALIKE
        if alike and apart < abs(one.after - one.before) / 2:
            gone |= {which, which + 1}
    marked = (replace(step, at=step.at + skipped, gone=which in gone) for which, step in enumerate(found))
    return tuple(step for step in marked if abs(step.effect) >= effect)
