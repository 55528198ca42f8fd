"""Arrivals: when requests are due, whatever became of those before them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from random import Random


@dataclass(frozen=True, slots=True)
class Stretch:
    """Requests at `rate` a second for so many `seconds`."""

    rate: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Due:
    """A request: seconds after the start at which it is to leave, and which one of the mix it is."""

    at: float
    which: int


def arrivals(stretches: tuple[Stretch, ...], weights: tuple[float, ...], seed: int) -> Iterator[Due]:
    """Yield the requests of an open model: independent of each other (a Poisson process), the mix drawn by its weights."""
    rng = Random(seed)  # noqa: S311 - a drawing that can be repeated, not a secret
    kinds = range(len(weights))
    begins = 0.0
    for stretch in stretches:
        at = begins
        while stretch.rate > 0:
            at += rng.expovariate(stretch.rate)
            if at >= begins + stretch.seconds:
                break
            yield Due(at, rng.choices(kinds, weights)[0])
        begins += stretch.seconds


def shape(baseline: Stretch, stress: float, spike: float, spike_seconds: float) -> dict[str, tuple[Stretch, ...]]:
    """Return the usual shapes: as it is, raised in steps to `stress` times, and one sudden peak with the usual rate around."""
    rate, seconds = baseline.rate, baseline.seconds
    steps = chain((Stretch(rate, seconds / 4),), (Stretch(rate * (1 + (stress - 1) * step / 3), seconds / 4) for step in (1, 2, 3)))
    peak = (Stretch(rate, seconds / 3), Stretch(rate * spike, spike_seconds), Stretch(rate, seconds / 3))
    return {"baseline": (baseline,), "stress": tuple(steps), "spike": peak}
