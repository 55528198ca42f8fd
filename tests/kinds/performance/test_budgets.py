"""Budgets: limits hold what was asked for, and are never so tight that noise breaks them."""

from __future__ import annotations

from math import inf

import pytest

from bmad_provisioner.kinds.performance.budgets import Budget, State, budgets, judge
from bmad_provisioner.kinds.performance.estimate import Estimate, exactly, share
from bmad_provisioner.kinds.performance.metrics import METRICS, Reading
from bmad_provisioner.kinds.performance.order import GOALS

_P95 = Reading("web", "p95", Estimate(0.100, 0.090, 0.110), 0.10)


def test_every_goal_is_a_metric() -> None:
    assert set(GOALS) <= set(METRICS)


@pytest.mark.parametrize(
    ("reading", "goal", "limit", "why"),
    [
        (_P95, None, 0.121, "now 100 ms; changes of 10% are seen here"),
        (_P95, 0.5, 0.5, "the goal"),
        (_P95, 0.05, 0.05, "the goal"),
        (_P95, 0.105, 0.121, "the goal 105 ms is kept now (100 ms), but so closely that noise would break it"),
        (Reading("web", "p95", exactly(0.1), 0.0), None, 0.102, "now 100 ms; changes of 0% are seen here"),
        (Reading("web", "throughput", Estimate(50, 45, 55), 0.2), None, 37.5, "now 50/s; changes of 20% are seen here"),
        (Reading("web", "throughput", Estimate(50, 45, 55), 0.2), 30.0, 30.0, "the goal"),
        (Reading("web", "cls", exactly(0.0), 0.1), None, 0.01, "now 0; changes of 10% are seen here"),
        (Reading("web", "error_rate", share(0, 2000), 0.1), None, 0.00226, "now 0 %; changes of 10% are seen here"),
    ],
)
def test_a_limit_is_the_goal_or_lies_beyond_the_noise(reading: Reading, goal: float | None, limit: float, why: str) -> None:
    (made,) = budgets([reading], {} if goal is None else {reading.metric: goal})
    assert made.limit == pytest.approx(limit, rel=0.01)
    assert made.why == why


@pytest.mark.parametrize("detectable", [inf, 1.5])
def test_what_cannot_be_told_from_noise_gets_no_budget_but_a_goal_stays_one(detectable: float) -> None:
    reading = Reading("web", "p95", exactly(0.1), detectable)
    assert budgets([reading], {}) == ()
    assert budgets([reading], {"p95": 0.5})[0].limit == 0.5


def test_a_budget_is_never_broken_by_what_it_was_made_from() -> None:
    readings = [Reading("web", name, Estimate(1.0, 0.8, 1.3), 0.05) for name in METRICS]
    by_metric = {reading.metric: reading for reading in readings}
    assert [judge(one, by_metric[one.metric]) for one in budgets(readings, {})] == [State.KEPT] * len(METRICS)
    # A goal that noise may break is neither kept nor broken.
    goals = dict.fromkeys(METRICS, 1.0)
    assert [judge(one, by_metric[one.metric]) for one in budgets(readings, goals)] == [State.UNSURE] * len(METRICS)


@pytest.mark.parametrize(
    ("metric", "low", "high", "state"),
    [("p95", 0.1, 0.4, State.KEPT), ("p95", 0.4, 0.6, State.UNSURE), ("p95", 0.6, 0.7, State.BROKEN),
     ("throughput", 0.6, 0.7, State.KEPT), ("throughput", 0.4, 0.6, State.UNSURE), ("throughput", 0.1, 0.4, State.BROKEN)],
)  # fmt: skip
def test_a_limit_is_broken_where_the_whole_interval_says_so(metric: str, low: float, high: float, state: State) -> None:
    assert judge(Budget("web", metric, 0.5, None, ""), Reading("web", metric, Estimate((low + high) / 2, low, high))) is state


def test_what_was_not_measured_is_unsure() -> None:
    assert judge(Budget("web", "p95", 0.5, None, ""), None) is State.UNSURE


@pytest.mark.parametrize(
    ("budget", "told"),
    [(Budget("web", "p95", 0.5, None, ""), "web: p95 <= 500 ms"), (Budget("web", "throughput", 50, None, ""), "web: throughput >= 50/s"),
     (Budget("web", "error_rate", 0.01, None, ""), "web: error_rate <= 1 %"), (Budget("web", "bundle", 2e5, None, ""), "web: bundle <= 200 kB"),
     (Budget("web", "cls", 0.1, None, ""), "web: cls <= 0.1")],
)  # fmt: skip
def test_a_budget_reads_like_a_goal(budget: Budget, told: str) -> None:
    assert str(budget) == told
