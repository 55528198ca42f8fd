"""Budget: what is reserved counts before it is spent."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bmad_provisioner.engine.budget import GRAIN, Budget, Limits, estimate
from bmad_provisioner.usage import Usage

usages = st.builds(Usage, st.integers(0, 50), st.integers(0, 50), st.integers(0, 50), st.floats(0, 1), st.just(1))


def budget(now=0.0, **limits):
    return Budget(Limits(**limits), clock=lambda: now)


def test_a_run_without_limits_reserves_anything():
    free = budget()
    assert free.reserve("a", Usage(read=10**12, cost=1e9)) == "" and free.left() == Limits()


@pytest.mark.parametrize(
    ("limits", "asked", "reason"),
    [
        (
            {"cost": 5.0},
            Usage(cost=0.6),
            "the cost limit of $5.00 would be exceeded: $4.2000 spent, $0.5000 reserved, $0.6000 asked",
        ),
        ({"cost": 5.0}, Usage(cost=0.3), ""),
        ({"tokens": 3000}, Usage(900, 101), "the limit of 3,000 tokens would be exceeded: 1,500 spent, 500 reserved, 1,001 asked"),
        ({"tokens": 3000}, Usage(900, 100, reused=10**9), ""),
        ({"tokens": 0}, Usage(), "the limit of 0 tokens would be exceeded: 1,500 spent, 500 reserved, 0 asked"),
    ],
)
def test_what_would_exceed_is_refused_and_says_why(limits, asked, reason):
    tight = budget(**limits)
    tight.settle("done", Usage(1000, 500, cost=4.2))
    tight._reserved["running"] = Usage(400, 100, cost=0.5)
    assert tight.reserve("next", asked) == reason


def test_nothing_starts_once_the_time_is_over():
    now = [100.0]
    timed = Budget(Limits(seconds=60), clock=lambda: now[0])
    assert timed.reserve("a", Usage()) == ""
    now[0] = 130.0
    assert timed.left().seconds == 30
    now[0] = 161.0
    assert timed.reserve("b", Usage()) == "the time limit of 60 s is reached: 61 s passed" and timed.left().seconds == 0


def test_a_reservation_is_given_back_when_it_is_settled():
    one = budget(cost=1.0, tokens=100)
    assert one.reserve("a", Usage(60, 40, cost=1.0)) == "" and one.reserve("b", Usage(1)) != ""
    assert one.left() == Limits(0.0, 0)
    one.settle("a", Usage(10, 10, cost=0.25))
    assert one.spent == Usage(10, 10, cost=0.25) and one.left() == Limits(0.75, 80)
    assert one.reserve("b", Usage(80, cost=0.75)) == ""


def test_a_task_that_asks_again_does_not_count_twice():
    one = budget(cost=1.0)
    assert (
        one.reserve("a", Usage(cost=0.9)) == ""
        and one.reserve("a", Usage(cost=1.0)) == ""
        and one.reserve("a", Usage(cost=1.1)) != ""
    )
    assert one.left().cost == 0


def test_ten_dimes_are_a_dollar():
    one = budget(cost=0.3)
    assert [one.reserve(str(n), Usage(cost=0.1)) == "" for n in range(4)] == [True, True, True, False]


def test_a_task_that_took_more_than_it_reserved_stops_the_run():
    one = budget(cost=1.0)
    one.reserve("a", Usage(cost=0.5))
    one.settle("a", Usage(cost=1.5))
    assert one.reserve("b", Usage()) != "" and one.left().cost == 0


@given(st.lists(st.tuples(st.integers(0, 5), usages, st.floats(0, 1))), st.floats(0, 3), st.integers(0, 300))
def test_spent_and_reserved_never_exceed_whatever_the_order(steps, cost, tokens):
    one, running = budget(cost=cost, tokens=tokens), {}
    for number, asked, share in steps:
        name = str(number)
        if name in running:
            held = running.pop(name)
            one.settle(name, Usage(int(held.read * share), int(held.written * share), 0, held.cost * share, 1))
        elif one.reserve(name, asked) == "":
            running[name] = asked
        total = sum(running.values(), one.spent)
        assert total.cost <= cost + GRAIN and total.tokens <= tokens


def test_eight_threads_together_spend_no_more_than_there_is():
    one, gate = budget(cost=10.0, tokens=1000), threading.Barrier(8)

    def work(number):
        gate.wait()
        done = 0
        for turn in range(200):
            name = f"{number} {turn}"
            if one.reserve(name, Usage(7, 3, cost=0.1)) == "":
                one.settle(name, Usage(7, 3, cost=0.1))
                done += 1
        return done

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(work, range(8))) == 100
    assert one.spent.tokens == 1000 and one.spent.cost == pytest.approx(10)


@pytest.mark.parametrize(
    ("history", "declared", "expected"),
    [
        ([], None, Usage()),
        ([], Usage(9), Usage(9)),
        ([Usage(1, cost=3.0)], Usage(9, cost=2.0), Usage(9, cost=3.0)),
        ([Usage(5, 1, 0, 0.1, 1), Usage(1, 5, 2, 0.3, 2)], None, Usage(5, 5, 2, 0.3, 2)),
        ([Usage(999), *[Usage(1)] * 5], None, Usage(1)),
    ],
    ids=["unknown", "declared", "declared or seen, whichever is more", "part by part", "long ago"],
)
def test_an_estimate_is_the_largest_of_the_last_runs(history, declared, expected):
    assert estimate(history, declared) == expected


def test_an_estimate_knows_the_tries_of_this_run():
    assert estimate([Usage(cost=1.0)], Usage(cost=2.0), Usage(cost=3.0)).cost == 3.0
