"""Policy: one owner of retries, jittered waits, timeouts learnt from history."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bmad_provisioner.engine.policy import Policy, delay, may_retry, timeout

seconds = st.floats(0, 1e6)
policies = st.builds(Policy, base=seconds, cap=seconds, floor=seconds, ceiling=seconds, adaptive=st.just(True))


def highest():
    return 1.0


def lowest():
    return 0.0


@pytest.mark.parametrize(("number", "most"), [(1, 1.0), (2, 2.0), (3, 4.0), (6, 32.0), (7, 60.0), (1000, 60.0), (10**9, 60.0)])
def test_the_draw_doubles_up_to_the_cap(number, most):
    assert delay(Policy(), number, random=highest) == most and delay(Policy(), number, random=lowest) == 0


@pytest.mark.parametrize(
    ("after", "expected"), [(None, 0.5), (0.0, 0.5), (-5.0, 0.5), (float("nan"), 0.5), (90.0, 90.5), (1e9, 3600.5)]
)
def test_a_server_that_asks_to_wait_is_heard_above_the_cap_but_not_above_the_ceiling(after, expected):
    assert delay(Policy(), 1, random=lambda: 0.5, after=after) == expected


@given(policies, st.integers(1, 10**6), st.floats(0, 1, exclude_max=True), st.none() | seconds)
def test_a_wait_is_never_below_what_was_asked_nor_above_its_bounds(policy, number, drawn, after):
    asked = min(after or 0.0, policy.ceiling)
    assert asked <= delay(policy, number, random=lambda: drawn, after=after) <= asked + policy.cap


@pytest.mark.parametrize(
    ("retries", "once", "number", "heals", "expected"),
    [
        (3, False, 1, True, True),
        (3, False, 3, True, True),
        (3, False, 4, True, False),
        (0, False, 1, True, False),
        (3, True, 1, True, False),
        (3, False, 1, False, False),
    ],
)
def test_only_what_heals_and_may_be_repeated_is_tried_again(retries, once, number, heals, expected):
    assert may_retry(Policy(retries=retries), once, number, heals) is expected


@pytest.mark.parametrize(
    ("policy", "history", "expected"),
    [
        (Policy(), [1.0] * 9, None),
        (Policy(timeout=5.0), [1.0] * 9, 5.0),
        (Policy(adaptive=True), [], 3600.0),
        (Policy(adaptive=True), [50.0, 50.0], 3600.0),
        (Policy(adaptive=True), [50.0, 40.0, 50.0], 150.0),
        (Policy(adaptive=True), [1.0, 1.0, 1.0], 30.0),
        (Policy(adaptive=True), [2000.0, 2000.0, 2000.0], 3600.0),
        (Policy(adaptive=True), [20.0] * 19 + [900.0], 60.0),
        (Policy(adaptive=True), [900.0] + [20.0] * 20, 60.0),
        (Policy(adaptive=True, timeout=5.0), [20.0] * 3, 60.0),
    ],
    ids=[
        "any",
        "fixed",
        "nothing known",
        "too little known",
        "learnt",
        "floor",
        "ceiling",
        "outlier",
        "old outlier",
        "adaptive wins",
    ],
)
def test_a_timeout_is_fixed_or_learnt_from_the_last_durations(policy, history, expected):
    assert timeout(policy, history) == expected


@pytest.mark.parametrize(
    ("failed", "expected"), [([], 30.0), ([1.0, 2.0], 30.0), ([30.0], 60.0), ([30.0, 60.0, 5.0], 120.0), ([3000.0], 3600.0)]
)
def test_a_failure_teaches_only_that_it_may_take_longer(failed, expected):
    assert timeout(Policy(adaptive=True), [1.0] * 3, failed) == expected


@given(policies, st.lists(seconds, max_size=30), st.lists(seconds, max_size=3))
def test_a_learnt_timeout_never_leaves_its_bounds(policy, history, failed):
    learnt = timeout(policy, history, failed)
    assert learnt is not None and min(policy.floor, policy.ceiling) <= learnt <= policy.ceiling
