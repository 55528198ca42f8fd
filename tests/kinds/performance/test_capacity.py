"""Capacity: what is foretold follows from what was measured, carries its bounds, and ends where belief does."""

from __future__ import annotations

from math import inf
from random import Random

import pytest

from bmad_provisioner.errors import UsageError
from bmad_provisioner.kinds.performance.capacity import HOURS, Used, cost, growth, need, prices
from bmad_provisioner.kinds.performance.energy import energy
from bmad_provisioner.kinds.performance.estimate import Estimate, middle, share
from bmad_provisioner.kinds.performance.queueing import queue
from bmad_provisioner.kinds.performance.scalability import BeyondError, fit

_USED = [Used(20, 0.004, 50e6), Used(40, 0.0042, 60e6), Used(60, 0.0041, 64e6)]
_PRICES = prices(b"{vcpu_hour: 0.04, gb_hour: 0.005, currency: EUR}", "prices.yaml")


@pytest.mark.parametrize(("alone", "contention", "coherency"), [(100.0, 0.05, 0.001), (900.0, 0.2, 0.0005), (40.0, 0.01, 0.004)])
def test_a_law_is_found_again_in_what_it_made(alone: float, contention: float, coherency: float) -> None:
    far = 0
    for seed in range(20):
        rng = Random(seed)
        exact = {n: alone * n / (1 + contention * (n - 1) + coherency * n * (n - 1)) for n in (1, 2, 4, 8, 16, 24, 32)}
        law = fit([(n, x * rng.gauss(1, 0.02)) for n, x in exact.items()])
        for found, true in ((law.alone, alone), (law.contention, contention), (law.coherency, coherency)):
            far += abs(found.value - true) > 3 * found.error
    assert far <= 5


def test_the_peak_is_where_more_becomes_less() -> None:
    law = fit([(n, 100 * n / (1 + 0.05 * (n - 1) + 0.002 * n * (n - 1))) for n in (1, 2, 4, 8, 16, 32)])
    assert law.peak == pytest.approx(21.8, abs=0.1)
    assert law.throughput(law.peak) > max(law.throughput(law.peak - 4), law.throughput(law.peak + 4))
    assert law.knee == pytest.approx(20, abs=0.1)


def test_what_scales_without_loss_has_no_peak() -> None:
    law = fit([(n, 50.0 * n) for n in (1, 2, 4, 8)])
    assert (law.peak > 100, law.knee > 100, round(law.throughput(16))) == (True, True, 800)


def test_a_law_says_nothing_farther_than_twice_what_was_measured() -> None:
    law = fit([(n, 50.0 * n) for n in (1, 2, 4, 8)])
    with pytest.raises(BeyondError, match="17 at once are more than 2 times the 8"):
        law.throughput(17)


@pytest.mark.parametrize("points", [[], [(1, 2.0), (2, 3.0), (4, 5.0)], [(1, 1.0)] * 9, [(1, 0.0), (2, 1.0), (3, 1.0), (4, 2.0)]])
def test_too_little_makes_no_law(points: list[tuple[float, float]]) -> None:
    with pytest.raises(ValueError, match="4 or more different"):
        fit(points)


def test_one_server_makes_wait_what_theory_says() -> None:
    said = queue(50, 0.01, 1)
    assert (said.busy, said.waits, said.response) == pytest.approx((0.5, 0.5, 0.02))


@pytest.mark.parametrize(("rate", "servers", "variation"), [(50, 1, 1.0), (160, 2, 1.0), (80, 1, 0.0), (300, 4, 0.5)])
def test_a_simulated_queue_waits_as_estimated(rate: float, servers: int, variation: float) -> None:
    rng, free, at, waits = Random(1), [0.0] * servers, 0.0, []
    for _ in range(120_000):
        at += rng.expovariate(rate)
        takes = 0.01 if not variation else rng.gammavariate(variation**-2, 0.01 * variation**2)
        first = min(range(servers), key=free.__getitem__)
        begins = max(at, free[first])
        free[first] = begins + takes
        waits.append(begins - at)
    assert queue(rate, 0.01, servers, variation).response - 0.01 == pytest.approx(sum(waits) / len(waits), rel=0.12)


def test_more_than_can_be_served_waits_for_ever() -> None:
    assert queue(101, 0.01, 1).p95 == inf


def test_a_rate_needs_processors_and_memory_with_bounds() -> None:
    said = need(100, _USED)
    assert said.vcpus.value == pytest.approx(100 * 0.00415 / 0.6)
    assert said.vcpus.low < said.vcpus.value < said.vcpus.high
    assert (said.whole_vcpus, said.memory.high) == (1, 64e6)


def test_memory_that_grows_is_counted_until_the_restart() -> None:
    grows = growth([(t, 50e6 + 1000 * t + (t % 3) * 500) for t in range(0, 600, 10)])
    assert grows.value == pytest.approx(1000, rel=0.01)
    assert need(50, _USED, grows, hours=24).memory.value == pytest.approx(62e6 + 86.4e6, rel=0.01)


def test_memory_that_shrinks_is_no_promise() -> None:
    assert need(50, _USED, Estimate(-10, -20, -5), hours=24).memory.value == 62e6


def test_needs_beyond_twice_what_was_measured_are_refused() -> None:
    with pytest.raises(BeyondError, match="121/s are more than 2 times the 60/s"):
        need(121, _USED)


def test_cost_comes_of_the_prices_given_and_of_whole_processors() -> None:
    assert cost(need(100, _USED), _PRICES).low == pytest.approx(HOURS * (0.04 + 0.06 * 0.005))


@pytest.mark.parametrize(
    "text",
    [b"", b"[1]", b"{vcpu_hour: 0.04}", b"{vcpu_hour: x, gb_hour: 1, currency: E}", b"{vcpu_hour: -1, gb_hour: 1, currency: E}"],
)
def test_a_file_without_prices_is_refused_with_an_example(text: bytes) -> None:
    with pytest.raises(UsageError) as refused:
        prices(text, "prices.yaml")
    assert "vcpu_hour" in refused.value.hint


def test_energy_says_what_it_assumes() -> None:
    said = energy(360)
    assert (said.joules, said.watt_hours.value) == (Estimate(1440, 360, 3600), pytest.approx(0.4))
    assert "not measured here" in said.assumption
    assert "as given" in energy(360, Estimate(5, 4, 6)).assumption


@pytest.mark.parametrize(
    ("hits", "looks", "low", "high"), [(0, 0, 0.0, 1.0), (1, 4, 0.03, 0.72), (13, 100, 0.07, 0.21), (100, 100, 0.97, 1.0)]
)
def test_a_share_is_as_sure_as_it_has_looks(hits: int, looks: int, low: float, high: float) -> None:
    said = share(hits, looks)
    assert (said.low, said.high) == pytest.approx((low, high), abs=0.01)


def test_estimates_of_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="no measurement"):
        middle([])
