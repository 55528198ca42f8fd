"""Readings: what measuring comes to, one number for each metric of a target, with its interval and what would show in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, exp, inf, log, sqrt
from statistics import NormalDist, median, stdev

from bmad_provisioner.kinds.performance.estimate import Estimate, exactly, middle, share
from bmad_provisioner.kinds.performance.measured import Noise, Paged, Second, Served, Shape, Worked
from bmad_provisioner.kinds.performance.metrics import METRICS, Reading
from bmad_provisioner.kinds.performance.stats import ALPHA, FEWEST, POWER, Rule, detectable

BASELINE, STRESS = "baseline", "stress"
"""The usual load, and what the names of those begin with that raise it."""
MOST_FAILED, MOST_SLOWED = 0.01, 4.0
"""A rate is borne where fewer requests fail, and the 95th percentile is no more times that of the usual load."""
RAISED = 4
"""Steps in which a load called nothing but `stress` is raised: first the usual rate, which is known better, and three above."""
STRETCHES = 10
"""Parts that memory is cut into, as response times are."""
_QUANTILES = ("p50", "p95", "p99")
_FEWEST_VALUES = 3


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


@dataclass(frozen=True, slots=True)
class Step:
    """A rate that was kept up for a while: how many were answered a second, within what 95 % of them, and in the slowest part
    of it, how many requests there were, and the part of them that failed."""

    name: str
    rate: float
    p95: float
    slowest: float
    requests: int
    failed: float

    def is_borne(self, limit: float) -> bool:
        """Return whether hardly a request failed, and answers came within `limit`."""
        return self.failed < MOST_FAILED and self.p95 <= limit


def limit(usual: Shape) -> float:
    """Return the 95th percentile up to which a load is borne."""
    return MOST_SLOWED * usual.response.get("p95", 0.0)


def steps(served: Served) -> tuple[Step, ...]:
    """Return the usual rate and those that it was raised to, the lowest first; loads that are void have none."""
    usual = served.shapes.get(BASELINE)
    if usual is None or usual.void or not usual.requests:
        return ()
    found = [_whole(usual)]
    for name, one in served.shapes.items():
        if name.startswith(STRESS) and one.requests and not one.void:
            found += _cut(one, usual) or [_whole(one)]
    return tuple(sorted(found, key=lambda step: step.rate))


def _whole(shape: Shape) -> Step:
    p95 = shape.response.get("p95", inf)
    return Step(shape.name, shape.achieved, p95, max(shape.parts.get("p95", (inf,))), shape.requests, shape.error_rate)


def _cut(shape: Shape, usual: Shape) -> list[Step]:
    """Return the steps of a load that is raised while it lasts; none where it is one of a steady rate.

    A second by itself has no 95th percentile: how much slower than usually the seconds' slowest are stands for it.
    """
    long = ceil(shape.timeline[-1].at + 1) / RAISED if shape.timeline else 0.0
    normal = _slow(usual.timeline)
    if shape.name != STRESS or long < 1 or not normal:
        return []
    times = usual.response.get("p95", inf) / normal
    parts = [[one for one in shape.timeline if at * long <= one.at < (at + 1) * long] for at in range(1, RAISED)]
    return [_part(some, long, times) for some in parts if some]


def _part(some: Sequence[Second], long: float, times: float) -> Step:
    due, failed = sum(one.due for one in some), sum(one.failed for one in some)
    rate = (due - failed) / long
    slowest = times * max(one.p99 for one in some)
    return Step(f"{STRESS} {rate:.0f}/s", rate, times * _slow(some), slowest, due, failed / due if due else 0.0)


def _slow(some: Sequence[Second]) -> float:
    """Return the 99th percentile of the usual second among some that had an answer."""
    times = [one.p99 for one in some if one.due > one.failed]
    return median(times) if times else inf


def _throughput(served: Served, usual: Shape, noise: Noise | None) -> Iterator[Reading]:
    loads, most = steps(served), limit(usual)
    borne = [one for one in loads if one.is_borne(most)]
    if not borne:
        return
    top = borne[-1]
    beyond = [one.rate for one in loads if one.rate > top.rate]
    # That requests come by chance makes so much of a rate uncertain.
    low = top.rate * max(0.0, 1 - 1.96 / sqrt(top.requests))
    estimate = Estimate(top.rate, low, max(top.rate, min(beyond, default=top.rate)))
    yield Reading(served.target, "throughput", estimate, _apart(borne, most, noise))


def _apart(borne: Sequence[Step], most: float, noise: Noise | None) -> float:
    """Return the change of the rate borne that shows: a whole step, unless all of the highest was within the limit."""
    top = borne[-1]
    if top.slowest <= most:
        return machines(noise, "wall", 0.0)
    below = [one.rate for one in borne[:-1] if 0 < one.rate < top.rate]
    return machines(noise, "wall", top.rate / below[-1] - 1) if below else inf


def _of_pages(paged: Sequence[Paged], noise: Noise | None) -> Iterator[Reading]:
    for target in sorted({one.target for one in paged}):
        # Numbers of two methods never compare: what a simulation says stands beside, and is no reading.
        method = next(one.method for one in paged if one.target == target)
        some = [one for one in paged if (one.target, one.method) == (target, method)]
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
    if len(values) < _FEWEST_VALUES or min(values) <= 0:
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
