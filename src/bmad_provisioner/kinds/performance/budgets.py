"""Budgets: the limits that a target has to keep: its goals, or what it does now and as much more as noise could explain."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from math import ceil, floor, isfinite, log10

from bmad_provisioner.kinds.performance.metrics import METRICS, Metric, Reading

FINEST = 0.02
"""The least that a budget leaves above what is measured, relative: limits as tight as a quiet day break on the next."""


class State(str, Enum):
    """What a reading says of a limit."""

    KEPT = "kept"
    BROKEN = "broken"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class Budget:
    """A limit of a metric of a target, in its unit; `goal` is what was asked for, `None` where nothing was; why it is so."""

    target: str
    metric: str
    limit: float
    goal: float | None
    why: str

    @property
    def of(self) -> Metric:
        """The metric."""
        return METRICS[self.metric]

    def __str__(self) -> str:
        sign = "<=" if self.of.less_is_better else ">="
        return f"{self.target}: {self.metric} {sign} {self.of.told(self.limit)}"


def budgets(readings: Iterable[Reading], goals: Mapping[str, float]) -> tuple[Budget, ...]:
    """Return a budget for everything that was measured, by target and metric.

    What could not be told from noise gets none: no reading, or one that is as likely twice as large.
    """
    made = (_budget(one, goals.get(one.metric)) for one in sorted(readings, key=lambda one: (one.target, one.metric)))
    return tuple(one for one in made if one)


def _budget(reading: Reading, goal: float | None) -> Budget | None:
    edge = beyond_noise(reading)
    told = reading.of.told
    if goal is None:
        noise = f"{reading.detectable:.0%} are seen here"
        why = f"now {told(reading.estimate.value)}; changes of {noise}"
        return Budget(reading.target, reading.metric, edge, None, why) if edge is not None else None
    if edge is None or not _is_within(reading.of, reading.estimate.value, goal) or _is_within(reading.of, edge, goal):
        return Budget(reading.target, reading.metric, goal, goal, "the goal")
    why = f"the goal {told(goal)} is kept now ({told(reading.estimate.value)}), but so closely that noise would break it"
    return Budget(reading.target, reading.metric, edge, goal, why)


def beyond_noise(reading: Reading) -> float | None:
    """Return the value that noise alone does not reach: beyond the interval by what is detectable; `None` where that is endless."""
    if not isfinite(reading.detectable) or reading.detectable >= 1:
        return None
    margin = max(reading.detectable, FINEST)
    if reading.of.less_is_better:
        return _three_digits(max(reading.estimate.high * (1 + margin), reading.estimate.high + reading.of.floor), ceil)
    return _three_digits(min(reading.estimate.low / (1 + margin), reading.estimate.low - reading.of.floor), floor)


def _three_digits(value: float, rounded: Callable[[float], int]) -> float:
    """Return a limit that people can read, on the far side of the noise."""
    if not value:
        return value
    digits = 2 - floor(log10(abs(value)))
    return round(rounded(round(value * 10.0**digits, 6)) / 10.0**digits, max(digits, 0))


def judge(budget: Budget, reading: Reading | None) -> State:
    """Return whether a limit is kept: broken only where the whole interval lies beyond it, kept only where all of it keeps the
    goal that was asked for, or where nobody asked the limit; else unsure."""
    if reading is None:
        return State.UNSURE
    worst, best = reading.estimate.high, reading.estimate.low
    if not budget.of.less_is_better:
        worst, best = best, worst
    if _is_within(budget.of, worst, budget.limit if budget.goal is None else budget.goal):
        return State.KEPT
    return State.UNSURE if _is_within(budget.of, best, budget.limit) else State.BROKEN


def _is_within(metric: Metric, value: float, limit: float) -> bool:
    return value <= limit if metric.less_is_better else value >= limit
