"""Scalability: what throughput becomes of more at once, by Gunther's law fitted to what was measured."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, sqrt
from typing import Any

# numpy and scipy take longer to load than most verbs run: whoever fits a law pays, nobody else.
# ruff: noqa: PLC0415

FARTHEST = 2.0
"""How many times beyond what was measured a law is believed."""
FEWEST = 4
"""Different concurrencies that it takes: one more than the law has parameters."""


class BeyondError(ValueError):
    """What is asked for lies too far from what was measured."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A fitted value and its standard error."""

    value: float
    error: float


@dataclass(frozen=True, slots=True)
class Law:
    """The Universal Scalability Law: throughput of one, what queues (contention), what all agree on (coherency).

    `most` is the highest concurrency measured, `unexplained` the part of the variance that the law leaves over.
    """

    alone: Parameter
    contention: Parameter
    coherency: Parameter
    most: float
    unexplained: float

    @property
    def peak(self) -> float:
        """The concurrency beyond which more is less; infinite where nothing was seen to be agreed on."""
        return sqrt(max(0.0, 1 - self.contention.value) / self.coherency.value) if self.coherency.value > 1e-12 else inf

    @property
    def knee(self) -> float:
        """The concurrency at which each gets about half of what it would alone, at most `peak`; infinite where none waits."""
        return min(self.peak, 1 / self.contention.value if self.contention.value > 1e-12 else inf)

    def throughput(self, concurrency: float) -> float:
        """Return what the law foretells, per second; raises BeyondError farther than `FARTHEST` times what was measured."""
        if concurrency > FARTHEST * self.most:
            raise BeyondError(f"{concurrency:g} at once are more than {FARTHEST:g} times the {self.most:g} that were measured")
        return _law(concurrency, self.alone.value, self.contention.value, self.coherency.value)


def fit(points: Sequence[tuple[float, float]]) -> Law:
    """Fit the law to (concurrency, throughput per second), each weighed by its size; raises ValueError for too few.

    X(N) = l N / (1 + s (N - 1) + k N (N - 1)), N. J. Gunther, Guerrilla Capacity Planning, 2007.
    """
    if len({at for at, _ in points}) < FEWEST or any(at <= 0 or got <= 0 for at, got in points):
        raise ValueError(f"throughput at {FEWEST} or more different concurrencies is needed, all positive")
    import numpy as np
    from scipy.optimize import curve_fit

    at: Any = np.array([at for at, _ in points], float)
    got: Any = np.array([got for _, got in points], float)
    guess = [float(max(got / at)), 0.05, 0.0005]
    with warnings.catch_warnings():
        # A parameter at its bound has no standard error: it comes out infinite, which says so without a warning.
        warnings.simplefilter("ignore")
        values, covariance = curve_fit(_law, at, got, guess, sigma=got, bounds=([0, 0, 0], [np.inf, 1, 1]), maxfev=20_000)
    errors = np.sqrt(np.diag(covariance))
    left = float(np.sum((got - _law(at, *values)) ** 2) / max(float(np.sum((got - got.mean()) ** 2)), 1e-300))
    alone, contention, coherency = (Parameter(float(value), float(error)) for value, error in zip(values, errors, strict=True))
    return Law(alone, contention, coherency, float(at.max()), left)


def _law(at: float, alone: float, contention: float, coherency: float) -> float:
    return alone * at / (1 + contention * (at - 1) + coherency * at * (at - 1))
