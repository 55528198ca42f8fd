"""Readings: what measuring comes to, one number for each metric of a target, with its interval and what would show in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from math import exp, inf, log, sqrt
from statistics import NormalDist, stdev

from bmad_provisioner.kinds.performance.estimate import Estimate, exactly, middle, share
from bmad_provisioner.kinds.performance.measured import Noise, Paged, Served, Shape, Worked
from bmad_provisioner.kinds.performance.metrics import METRICS, Reading
from bmad_provisioner.kinds.performance.stats import ALPHA, FEWEST, POWER, Rule, detectable

BASELINE, STRESS = "baseline", "stress"
"""The usual load, and what the names of those begin with that raise it."""
MOST_FAILED, MOST_SLOWED = 0.01, 4.0
"""A rate is borne where fewer requests fail, and the 95th percentile is no more times that of the usual load."""
STRETCHES = 10
"""Parts that memory is cut into, as response times are."""
_QUANTILES = ("p50", "p95", "p99")
_LEAST_RATIOS = 3


def readings(
    served: Iterable[Served], paged: Iterable[Paged], worked: Iterable[Worked], noise: Noise | None = None
) -> tuple[Reading, ...]:
    """Return what was read of services, pages and commands, by target and metric; loads that are void say nothing."""
    found = [reading for one in served for reading in _of_service(one, noise)]
    found += _of_pages(list(paged), noise)
    found += [reading for one in worked for reading in _of_runs(one, noise)]
    order = list(METRICS)
    return tuple(sorted(found, key=lambda one: (one.target, order.index(one.metric))))


def _of_service(served: Served, noise: Noise | None) -> Iterator[Reading]:
    usual = served.shapes.get(BASELINE)
    if usual is None or usual.void or not usual.requests:
        return
    target = served.target
    for name in _QUANTILES:
        if name in usual.response:
            parts = usual.parts.get(name, ())
            yield Reading(target, name, _around(usual.response[name], parts), shown_by(parts, name, noise))
    # Of what is counted, the interval holds all the noise: nothing has to be added to it.
    yield Reading(target, "error_rate", share(usual.failed, usual.requests), 0.0)
    if usual.cpu > 0:
        yield Reading(target, "cpu", exactly(usual.cpu), shown_by(_costs(served, usual), "cpu", noise))
    if usual.memory:
        yield Reading(target, "peak_memory", exactly(float(usual.peak)), shown_by(_peaks(usual), "peak_memory", noise))
    yield from _throughput(served, usual, noise)


def _around(value: float, parts: Sequence[float]) -> Estimate:
    """Return the value with the interval of its parts' median, which is moved where the whole says something else."""
    if not parts:
        return exactly(value)
    part = middle(parts)
    return Estimate(value, min(part.low, value), max(part.high, value))


def _costs(served: Served, usual: Shape) -> Sequence[float]:
    """Return what requests cost in each stretch of the usual load, else in each load: a load by itself has one number."""
    return usual.parts.get("cpu") or [one.cpu for one in served.shapes.values() if not one.void and one.cpu > 0]


def _peaks(shape: Shape) -> tuple[float, ...]:
    """Return the most memory of each stretch of a load, without the first half: a service fills up before it is full."""
    sizes = [float(size) for _, size in shape.memory[len(shape.memory) // 2 :]]
    long = max(1, len(sizes) // STRETCHES)
    return tuple(max(sizes[at : at + long]) for at in range(0, len(sizes), long))


def is_borne(shape: Shape, usual: Shape) -> bool:
    """Return whether a load was borne: hardly a request failed, and answers were not much slower than usually."""
    p95, limit = shape.response.get("p95", inf), MOST_SLOWED * usual.response.get("p95", 0.0)
    return not shape.void and shape.error_rate < MOST_FAILED and p95 <= limit


def raised(served: Served) -> tuple[Shape, ...]:
    """Return the usual load and those that raise it and are not void, the lowest rate first."""
    some = [one for name, one in served.shapes.items() if name == BASELINE or name.startswith(STRESS)]
    return tuple(sorted((one for one in some if not one.void and one.requests), key=lambda one: one.offered))


def _throughput(served: Served, usual: Shape, noise: Noise | None) -> Iterator[Reading]:
    loads = raised(served)
    borne = [one for one in loads if is_borne(one, usual)]
    if not borne:
        return
    top = borne[-1]
    beyond = [one.achieved for one in loads if one.offered > top.offered]
    # That requests come by chance makes so much of a rate uncertain.
    low = top.achieved * max(0.0, 1 - 1.96 / sqrt(top.requests))
    estimate = Estimate(top.achieved, low, max(top.achieved, min(beyond, default=top.achieved)))
    yield Reading(served.target, "throughput", estimate, _steps(borne, usual, noise))


def _steps(borne: Sequence[Shape], usual: Shape, noise: Noise | None) -> float:
    """Return the change of the rate borne that shows: a whole step, unless all of the highest was far from its limit."""
    top = borne[-1]
    limit = MOST_SLOWED * usual.response.get("p95", 0.0)
    parts = top.parts.get("p95", ())
    if parts and max(parts) <= limit:
        return machines(noise, "wall", 0.0)
    below = [one.achieved for one in borne[:-1] if 0 < one.achieved < top.achieved]
    return machines(noise, "wall", top.achieved / below[-1] - 1) if below else inf


def _of_pages(paged: Sequence[Paged], noise: Noise | None) -> Iterator[Reading]:
    for target in sorted({one.target for one in paged}):
        some = [one for one in paged if one.target == target]
        for name in METRICS:
            values = [one.values[name] for one in some if one.values.get(name)]
            if values:
                yield max((_of_page(target, name, each, noise) for each in values), key=lambda one: one.estimate.value)


def _of_page(target: str, name: str, values: Sequence[float], noise: Noise | None) -> Reading:
    if name != "cls":
        return Reading(target, name, middle(values), shown_by(values, name, noise))
    # What shifted once shifts: that it was quiet in other loads is luck, and that is how far it strays.
    most, least = max(values), min(values)
    strays = most / least - 1 if least else (inf if most else 0.0)
    return Reading(target, name, exactly(most), strays)


def _of_runs(worked: Worked, noise: Noise | None) -> Iterator[Reading]:
    for name, values in worked.values.items():
        if values and name in METRICS:
            yield Reading(worked.target, name, middle(values), shown_by(values, name, noise))
    if worked.runs:
        yield Reading(worked.target, "error_rate", share(worked.failed, worked.runs), 0.0)


def shown_by(values: Sequence[float], metric: str, noise: Noise | None = None) -> float:
    """Return the smallest relative change that would show in a metric whose parts, in the order of time, are `values`.

    Of the log ratios of neighbours, which slow drifts do not widen; infinite for too few, never less than the machine's own.
    """
    if len(values) <= _LEAST_RATIOS or min(values) <= 0:
        return inf
    ratios = [log(after / before) for before, after in pairwise(values)]
    own = detectable(ratios, Rule(len(ratios))) if len(ratios) >= FEWEST else _few(ratios)
    if metric == "bundle":
        return own
    return machines(noise, "cpu" if metric == "cpu" else "wall", own)


def _few(ratios: Sequence[float]) -> float:
    """Return the same of fewer ratios than the usual test takes: by Student's t, which knows how little they say."""
    spread = stdev(ratios)
    if not spread:
        return 0.0
    from scipy.stats import t  # noqa: PLC0415 - takes longer to load than most verbs run

    free = len(ratios) - 1
    reach = float(t.ppf(1 - ALPHA / 2, free)) + max(NormalDist().inv_cdf(POWER), float(t.ppf(POWER, free)))
    return exp(reach * spread / sqrt(len(ratios))) - 1


def machines(noise: Noise | None, by: str, own: float) -> float:
    """Return what shows, never less than what this machine's own noise lets be seen."""
    return max(own, noise.detectable.get(by, 0.0)) if noise else own
