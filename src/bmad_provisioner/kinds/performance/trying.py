"""Trying: two states of a project measured in pairs, side by side in time and blindly, and what the pairs prove."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from statistics import median

from bmad_provisioner.engine.task import Turn
from bmad_provisioner.kinds.performance.asking import Answer, rounds
from bmad_provisioner.kinds.performance.loading import quantile
from bmad_provisioner.kinds.performance.looking import crowd
from bmad_provisioner.kinds.performance.measured import Effect
from bmad_provisioner.kinds.performance.metrics import METRICS
from bmad_provisioner.kinds.performance.order import FUNCTION, SERVICE, Ask, Target
from bmad_provisioner.kinds.performance.processes import once
from bmad_provisioner.kinds.performance.service import running
from bmad_provisioner.kinds.performance.stats import Comparison, Rule, Verdict, compare, discoveries, holm

GUARDS = frozenset(("p95", "peak_memory"))
"""Metrics that only must not get worse."""
_CROWD, _CROWD_SECONDS = 12, 0.8
_COUNT = 24
"""Requests of each sort that a process is asked after it is warm."""
USUAL, QUICK = 2.5, 0.8
"""Seconds that a service is asked for, all requests together."""
_FEWEST = 4

Key = tuple[str, str]
"""The target, or one request of it, and the metric."""


@dataclass(frozen=True, slots=True)
class Tried:
    """One process: a number for each key, how many requests or runs it was, and how many of them failed."""

    values: Mapping[Key, float]
    count: int
    failed: int
    said: Mapping[str, str] = field(default_factory=dict)
    """What requests were answered, where it was always the same: a digest by request."""


@dataclass(frozen=True, slots=True)
class Aims:
    """How long a service is asked, and what is looked at more closely: requests by name whose throughput, or whose first answer,
    is to change."""

    crowds: frozenset[str] = frozenset()
    firsts: frozenset[str] = frozenset()
    seconds: float = USUAL


@dataclass(slots=True)
class Pairs:
    """All pairs so far, by key, as (before, after)."""

    values: dict[Key, list[tuple[float, float]]] = field(default_factory=dict)
    count: int = 0
    asked: list[int] = field(default_factory=lambda: [0, 0])
    failed: list[int] = field(default_factory=lambda: [0, 0])
    others: set[str] = field(default_factory=set)
    """Requests that are answered otherwise afterwards."""


def paired(measure: Callable[[Path], Tried], states: tuple[Path, Path], pairs: int, seed: int, found: Pairs) -> None:
    """Measure two states in so many pairs; which of a pair goes first is drawn, and whoever measures is not told which it is."""
    rng = Random(seed)  # noqa: S311 - a coin, not a secret
    for _ in range(pairs):
        sides = list(states)
        swapped = rng.random() < 0.5
        first, second = (measure(side) for side in (reversed(sides) if swapped else sides))
        one, other = (second, first) if swapped else (first, second)
        found.count += 1
        for place, tried in enumerate((one, other)):
            found.asked[place] += tried.count
            found.failed[place] += tried.failed
        found.others |= {name for name in one.said.keys() & other.said.keys() if one.said[name] != other.said[name]}
        for key in one.values.keys() & other.values.keys():
            found.values.setdefault(key, []).append((one.values[key], other.values[key]))


def calibrated(target: Target, folder: Path, turn: Turn) -> int:
    """Return how many calls of a function one process measures, so that all do the same; 0 of anything else."""
    return once(target, folder, turn).repeats if target.sort == FUNCTION else 0


def process(target: Target, folder: Path, turn: Turn, asks: Sequence[Ask], aims: Aims, repeats: int = 0) -> Tried:
    """Measure a target once, in a process of its own; raises TaskError where it cannot be started."""
    if target.sort == SERVICE:
        return _service(target, folder, turn, asks, aims)
    ran = once(target, folder, turn, repeats if target.sort == FUNCTION else 0)
    values = {"duration": ran.seconds, "cpu": ran.cpu, "peak_memory": float(ran.peak)}
    named = {(target.name, metric): value for metric, value in values.items() if value > 0 and not ran.code}
    return Tried(named, 1, int(ran.code != 0))


def _service(target: Target, folder: Path, turn: Turn, asks: Sequence[Ask], aims: Aims) -> Tried:
    with running(target, folder, turn) as service:
        first = [answers[0] for answers in rounds(service.url, asks, 1)]
        before = service.spent()
        steady = rounds(service.url, asks, _rounds(first, aims.seconds))
        count = sum(map(len, steady))
        values: dict[Key, float] = {(target.name, "cpu"): (service.spent() - before) / count}
        values[target.name, "peak_memory"] = float(service.memory())
        values[target.name, "p50"] = _weighed(asks, steady, 0.5)
        values[target.name, "p95"] = _weighed(asks, steady, 0.95)
        for ask, cold, answers in zip(asks, first, steady, strict=True):
            name = f"{ask.method} {ask.path}"
            values |= {(f"{target.name} {name}", metric): value for metric, value in _request(answers)}
            if name in aims.firsts:
                values[f"{target.name} {name}", "first"] = cold.seconds
            if name in aims.crowds:
                values[f"{target.name} {name}", "throughput"] = crowd(service, ask, _CROWD, _CROWD_SECONDS).rate
    failed = sum(not _is_ok(one) for answers in steady for one in answers)
    said = {
        f"{ask.method} {ask.path}": identities.pop()
        for ask, answers in zip(asks, steady, strict=True)
        if len(identities := {one.identity for one in answers}) == 1
    }
    return Tried({key: value for key, value in values.items() if value > 0}, count, failed, said)


def _weighed(asks: Sequence[Ask], steady: Sequence[Sequence[Answer]], part: float) -> float:
    """Return what a request of the mix takes: the mean of a quantile of each of its sorts, each by its weight."""
    some = [(ask.weight, quantile(sorted(one.seconds for one in answers), part)) for ask, answers in zip(asks, steady, strict=True)]
    return sum(weight * value for weight, value in some) / sum(weight for weight, _ in some)


def _rounds(first: Sequence[Answer], seconds: float) -> int:
    """Return how often to ask for each, so that it takes about so many seconds."""
    once = sum(one.seconds for one in first)
    return max(_FEWEST, min(_COUNT, int(seconds / max(once, 1e-3))))


def _request(answers: Sequence[Answer]) -> Iterator[tuple[str, float]]:
    good = [one for one in answers if _is_ok(one)]
    if good:
        yield "p50", median(one.seconds for one in good)
        yield "size", float(median(len(one.body) for one in good))


def _is_ok(answer: Answer) -> bool:
    return 200 <= answer.status < 400


def effects(pairs: Pairs, rule: Rule, primary: Collection[Key]) -> tuple[Effect, ...]:
    """Return what pairs prove of each key: for the primary ones, that one false alarm among all of them is as rare as the
    rule says (Holm); for the others, that it is as rare a part of what is claimed of them (Benjamini and Hochberg).
    """
    made = {
        key: _compared(key, values, rule) for key, values in sorted(pairs.values.items()) if len(values) >= max(2, rule.pairs // 2)
    }
    first = holm({key: made[key].p for key in made if key in primary})
    rest = discoveries({key: made[key].p for key in made if key not in primary})
    return tuple(_effect(key, pairs.values[key], one, (first | rest)[key], rule) for key, one in made.items())


def _compared(key: Key, values: Sequence[tuple[float, float]], rule: Rule) -> Comparison:
    """Compare the pairs of a metric; where more of it is better, the other way round."""
    more_is_better = not METRICS[key[1]].less_is_better
    return compare([(1 / one, 1 / other) if more_is_better else (one, other) for one, other in values], rule)


def _effect(key: Key, values: Sequence[tuple[float, float]], said: Comparison, adjusted: float, rule: Rule) -> Effect:
    """Return an effect whose verdict holds among all that were judged with it: what is found by looking at many is not believed."""
    doubted = said.verdict in (Verdict.REGRESSION, Verdict.IMPROVEMENT) and adjusted >= rule.alpha
    verdict = replace(said, verdict=Verdict.INCONCLUSIVE) if doubted else said
    before, after = (tuple(pair[side] for pair in values) for side in (0, 1))
    return Effect(key[0], key[1], before, after, verdict, adjusted, key[1] in GUARDS)


def fails_more(pairs: Pairs, alpha: float) -> bool:
    """Return whether more of what was asked fails afterwards, surely (Fisher's exact test)."""
    (asked, asked_after), (failed, failed_after) = pairs.asked, pairs.failed
    if failed_after <= failed:
        return False
    from scipy.stats import fisher_exact  # noqa: PLC0415 - takes longer to load than most verbs run

    table = [[failed_after, asked_after - failed_after], [failed, asked - failed]]
    return float(fisher_exact(table, alternative="greater")[1]) < alpha
