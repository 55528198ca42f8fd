"""Stats: what pairs of measurements prove, and how many of them it takes.

The unit is one process: whatever it repeats inside is one number. Pairs are interleaved, so that what disturbs the machine
disturbs both. All effects are ratios after : before, compared as logarithms, so that twice and half weigh the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from math import ceil, exp, inf, log, pi, sqrt
from statistics import NormalDist, median
from typing import TypeVar

# numpy and scipy take longer to load than most verbs run: whoever compares pays, nobody else.
# ruff: noqa: PLC0415

K = TypeVar("K")
ALPHA, POWER, EFFECT = 0.05, 0.80, 0.03
"""Usual rates: of false alarms, of true effects found; and the smallest relative effect that is worth a word."""
FEWEST = 8
"""Pairs: below, the signed-rank test hardly reaches `ALPHA` whatever was measured."""
_DRAWS = 4000
_CAUTION = 1.3
"""Plans made of a pilot's spread promise more than they keep: by so much they are raised."""


class Verdict(str, Enum):
    """What a comparison proves of something that is better when it is smaller."""

    IMPROVEMENT = "improvement"
    REGRESSION = "regression"
    NO_CHANGE = "no change"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Rule:
    """How a comparison will be decided, written down before anything is measured. `effect` is relative: 0.03 is 3 %."""

    pairs: int
    alpha: float = ALPHA
    effect: float = EFFECT
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Comparison:
    """What pairs say: median ratio after : before with its interval, the test's p, the verdict, the effect it could have seen."""

    ratio: float
    low: float
    high: float
    p: float
    verdict: Verdict
    detectable: float
    pairs: int


def compare(pairs: Sequence[tuple[float, float]], rule: Rule) -> Comparison:
    """Compare (before, after), both positive: Wilcoxon's signed-rank test on log ratios, a bootstrap interval of their median.

    A change is claimed where the test finds one, the interval lies on one side of none, and the median is no smaller
    than the effect worth a word; its absence, where the whole interval is closer to none than that. All else is
    inconclusive. Raises ValueError for no pairs, and for measurements that are not positive.
    """
    if not pairs or any(before <= 0 or after <= 0 for before, after in pairs):
        raise ValueError("pairs of positive measurements are needed")
    ratios = [log(after / before) for before, after in pairs]
    middle = median(ratios)
    low, high = interval(ratios, rule.alpha, rule.seed)
    p = significance(ratios)
    return Comparison(
        exp(middle), exp(low), exp(high), p, _verdict(middle, (low, high), p, rule), detectable(ratios, rule), len(pairs)
    )


def _verdict(middle: float, between: tuple[float, float], p: float, rule: Rule) -> Verdict:
    worth = log(1 + rule.effect)
    low, high = between
    if p < rule.alpha and low > 0 and middle >= worth:
        return Verdict.REGRESSION
    if p < rule.alpha and high < 0 and middle <= -worth:
        return Verdict.IMPROVEMENT
    return Verdict.NO_CHANGE if -worth < low and high < worth else Verdict.INCONCLUSIVE


def significance(ratios: Sequence[float]) -> float:
    """Return the p of Wilcoxon's signed-rank test, two-sided: how often chance alone strays so far from no change."""
    if not any(ratios):
        return 1.0
    from scipy.stats import wilcoxon

    method = "exact" if len(ratios) <= 25 and len({abs(one) for one in ratios}) == len(ratios) and all(ratios) else "approx"
    return float(wilcoxon(ratios, method=method).pvalue)


def interval(values: Sequence[float], alpha: float = ALPHA, seed: int = 0) -> tuple[float, float]:
    """Return between which values the median lies with certainty 1 - `alpha`: percentiles of `_DRAWS` bootstrap samples."""
    import numpy as np

    drawn = np.random.default_rng(seed).choice(np.asarray(values, float), (_DRAWS, len(values)))
    low, high = np.quantile(np.median(drawn, axis=1), [alpha / 2, 1 - alpha / 2])
    return float(low), float(high)


def spread(values: Sequence[float]) -> float:
    """Return a standard deviation that a few outliers do not move: the median distance from the median, scaled."""
    middle = median(values)
    return 1.4826 * median(abs(value - middle) for value in values)


def detectable(ratios: Sequence[float], rule: Rule, power: float = POWER) -> float:
    """Return the smallest relative effect that pairs as noisy as these show with the usual power; infinite for too few."""
    if len(ratios) < FEWEST:
        return inf
    return exp(_reach(rule.alpha, power) * max(spread(ratios), 1e-9) * sqrt(pi / 3 * _CAUTION / len(ratios))) - 1


def pairs_needed(pilot: Sequence[float], effect: float, alpha: float = ALPHA, power: float = POWER) -> int:
    """Return how many pairs show a relative effect, planned of the log ratios of a pilot; never fewer than `FEWEST`.

    The normal sample size over the efficiency of the signed-rank test (3/pi), raised by what pilots promise too much.
    """
    needed = (_reach(alpha, power) * spread(pilot) / log(1 + effect)) ** 2 * pi / 3
    return max(FEWEST, ceil(needed * _CAUTION))


def _reach(alpha: float, power: float) -> float:
    normal = NormalDist()
    return normal.inv_cdf(1 - alpha / 2) + normal.inv_cdf(power)


def holm(ps: Mapping[K, float]) -> dict[K, float]:
    """Return the p of several tests made at once, so that one false alarm among all is as rare as `alpha` (Holm 1979)."""
    adjusted, highest = dict[K, float](), 0.0
    for place, (name, p) in enumerate(sorted(ps.items(), key=lambda item: item[1])):
        highest = max(highest, min(1.0, (len(ps) - place) * p))
        adjusted[name] = highest
    return adjusted


def discoveries(ps: Mapping[K, float]) -> dict[K, float]:
    """Return the p of several tests, so that no larger part than `alpha` of what is claimed is false (Benjamini, Hochberg 1995)."""
    adjusted, lowest = dict[K, float](), 1.0
    for place, (name, p) in sorted(enumerate(sorted(ps.items(), key=lambda item: item[1]), 1), reverse=True):
        lowest = min(lowest, p * len(ps) / place)
        adjusted[name] = lowest
    return adjusted


def false_alarms(values: Sequence[float], rule: Rule, draws: int = 1000) -> float:
    """Return how often the test finds a change between runs of the same thing: pairs drawn at random from `values`."""
    from random import Random

    rng = Random(rule.seed)  # noqa: S311 - a drawing that can be repeated, not a secret
    found = 0
    for _ in range(draws):
        some = rng.sample(list(values), min(2 * rule.pairs, len(values) // 2 * 2))
        ratios = [log(after / before) for before, after in zip(some[::2], some[1::2], strict=True)]
        found += significance(ratios) < rule.alpha
    return found / draws
