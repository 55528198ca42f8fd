"""Estimate: a number with the bounds between which it is believed to lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from bmad_provisioner.kinds.performance.stats import interval


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value, and what it is at least and at most."""

    value: float
    low: float
    high: float

    def __mul__(self, factor: float) -> Estimate:
        """Scale all three by a factor that is not negative."""
        return Estimate(self.value * factor, self.low * factor, self.high * factor)

    def __add__(self, other: Estimate) -> Estimate:
        """Add another, all bounds with it: wider than need be, never narrower."""
        return Estimate(self.value + other.value, self.low + other.low, self.high + other.high)


def exactly(value: float) -> Estimate:
    """Return what is known."""
    return Estimate(value, value, value)


def middle(values: Sequence[float], seed: int = 0) -> Estimate:
    """Return the median with its interval; of fewer than three values all that they cover. Raises ValueError for none."""
    if not values:
        raise ValueError("no measurement to estimate from")
    low, high = interval(values, seed=seed) if len(values) > 2 else (min(values), max(values))
    return Estimate(median(values), low, high)


def share(hits: int, looks: int) -> Estimate:
    """Return a part of all (0 to 1) as so many hits in so many looks tell it: 95 % of the Beta posterior (Jeffreys' prior).

    Raises ValueError where there are more hits than looks.
    """
    if not 0 <= hits <= looks:
        raise ValueError("hits have to be between none and the number of looks")
    from scipy.stats import beta  # noqa: PLC0415 - takes longer to load than most verbs run

    low, high = beta.ppf([0.025, 0.975], hits + 0.5, looks - hits + 0.5)
    return Estimate(hits / looks if looks else 0.5, float(low) if hits else 0.0, float(high) if hits < looks else 1.0)
