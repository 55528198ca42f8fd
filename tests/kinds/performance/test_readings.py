"""Readings: one honest number for each metric, and limits made of them that noise does not break."""

from __future__ import annotations

from dataclasses import replace
from math import exp, inf
from random import Random

import pytest

from bmad_provisioner.kinds.performance.budgets import State, budgets, judge
from bmad_provisioner.kinds.performance.measured import Noise, Paged, Served, Shape, Worked
from bmad_provisioner.kinds.performance.metrics import Reading
from bmad_provisioner.kinds.performance.readings import limit, readings, shown_by, steps
from performance_account import noise, pages, served, shape, worked

_QUIET = Noise(30, (), (), {}, {}, {"wall": 0.03, "cpu": 0.01}, 0.0)


def _read(
    *some: Served, paged: tuple[Paged, ...] = (), runs: tuple[Worked, ...] = (), known: Noise | None = None
) -> dict[str, Reading]:
    return {one.metric: one for one in readings(some, paged, runs, known)}


def _of(*shapes: Shape) -> Served:
    return Served("web", 0.5, {one.name: one for one in shapes}, ())


def test_a_service_is_read_under_its_usual_load() -> None:
    usual = shape("baseline", 20, 20, 0.04)
    found = _read(_of(usual))
    assert set(found) == {"p50", "p95", "p99", "error_rate", "cpu", "peak_memory", "throughput"}
    for name in ("p50", "p95", "p99"):
        estimate = found[name].estimate
        assert estimate.value == usual.response[name]
        assert estimate.low <= estimate.value <= estimate.high < 1.3 * estimate.value
    assert found["error_rate"].estimate.value == 0 < found["error_rate"].estimate.high < 0.01
    assert found["cpu"].estimate.value == usual.cpu
    assert found["peak_memory"].estimate.value == usual.peak


@pytest.mark.parametrize("change", [{"void": "the generator was late"}, {"requests": 0}])
def test_a_load_that_says_nothing_is_not_read(change: dict[str, object]) -> None:
    assert readings([_of(replace(shape("baseline", 20, 20, 0.04), **change), shape("stress", 60, 10, 0.04))], (), ()) == ()


def _stress(rate: float, slow: float = 1.0, failed: int = 0, void: str = "") -> Shape:
    return replace(shape(f"stress {rate:g}", rate, 20, 0.04 * slow), failed=failed, void=void)


@pytest.mark.parametrize(
    ("raised", "borne", "high"),
    [
        ((), 19.96, 19.96),
        ((_stress(40), _stress(60)), 59.88, 59.88),
        ((_stress(40), _stress(60, slow=4.2)), 39.92, 59.88),
        ((_stress(40, failed=8), _stress(60, slow=9.0)), 19.96, 39.92),
        ((_stress(40), _stress(60, void="late")), 39.92, 39.92),
    ],
)
def test_the_throughput_is_the_highest_rate_that_was_borne(raised: tuple[Shape, ...], borne: float, high: float) -> None:
    estimate = _read(_of(shape("baseline", 20, 20, 0.04), *raised))["throughput"].estimate
    assert estimate.value == pytest.approx(borne)
    assert estimate.high == pytest.approx(high)
    assert 0.8 * borne < estimate.low < borne


def test_a_load_that_is_raised_while_it_lasts_is_cut_into_its_steps() -> None:
    one = served()
    assert [round(step.rate) for step in steps(one)] == [20, 33, 47, 54]
    assert [step.is_borne(limit(one.shapes["baseline"])) for step in steps(one)] == [True, True, True, False]
    assert _read(one)["throughput"].estimate.value == pytest.approx(47)


def test_nothing_is_borne_where_the_usual_load_fails() -> None:
    assert "throughput" not in _read(_of(replace(shape("baseline", 20, 20, 0.04), failed=40)))


def test_a_rate_close_to_its_limit_moves_by_whole_steps() -> None:
    loads = shape("baseline", 20, 20, 0.04), _stress(40), _stress(60, slow=3.9)
    assert _read(_of(*loads))["throughput"].detectable == pytest.approx(0.5)
    assert _read(_of(*loads[:2]))["throughput"].detectable == 0


def test_the_worst_page_speaks_for_a_target() -> None:
    found = _read(paged=pages())
    assert found["lcp"].estimate.value == 1.31
    assert (found["lcp"].estimate.low, found["lcp"].estimate.high) == (1.28, 1.35)
    assert found["bundle"].detectable == 0
    assert found["cls"].estimate.value == found["cls"].estimate.low == 0.222, "what shifted once shifts"
    assert found["cls"].detectable == inf, "it did not shift in every load"


def test_commands_are_read_with_their_failures() -> None:
    found = _read(runs=(worked(),))
    assert set(found) == {"duration", "cpu", "peak_memory", "error_rate"}
    assert found["duration"].estimate.low < 2.31 < found["duration"].estimate.high
    assert found["error_rate"].estimate.value == pytest.approx(1 / 13)


def test_nothing_shows_that_this_machine_cannot_see() -> None:
    found = _read(served(), paged=pages(), runs=(worked(),), known=_QUIET)
    bounded = {name: one.detectable for name, one in found.items() if name not in ("bundle", "error_rate", "cls")}
    assert min(bounded.values()) >= 0.01
    assert min(size for name, size in bounded.items() if name != "cpu") >= 0.03


@pytest.mark.parametrize(
    ("values", "least", "most"),
    [
        ((), inf, inf),
        ((1.0, 1.1), inf, inf),
        ((1.0, 1.1, 0.9), 1.0, inf),
        ((1.0, 1.01, 1.0), 0.05, 0.5),
        ((0.0, 1.0, 1.0, 1.0, 1.0), inf, inf),
        ((1.0, 1.01, 0.99, 1.0, 1.02), 0.03, 0.2),
        ((1.0, 1.01, 0.99, 1.0, 1.02, 0.98, 1.01, 0.99, 1.0, 1.01), 0.005, 0.05),
        ((2.0,) * 10, 0.0, 1e-6),
    ],
)
def test_fewer_and_wilder_values_show_less(values: tuple[float, ...], least: float, most: float) -> None:
    assert least <= shown_by(values, "p50") <= most


def test_a_budget_is_not_broken_by_the_next_run_of_the_same() -> None:
    rng = Random(5)
    broken = 0
    for _ in range(200):
        first, again = (_read(_of(_noisy(rng)), known=_QUIET) for _ in range(2))
        made = budgets(first.values(), {})
        assert {"p50", "p95", "error_rate", "throughput"} <= {one.metric for one in made}
        broken += any(judge(one, again[one.metric]) is State.BROKEN for one in made)
    assert broken <= 2


def _noisy(rng: Random) -> Shape:
    """Return the usual load as another run of the same would make it: each stretch strays, and the whole run does."""
    one, run = shape("baseline", 20, 20, 0.04), exp(rng.gauss(0, 0.02))
    parts = {name: tuple(one.response[name] * run * exp(rng.gauss(0, 0.05)) for _ in range(10)) for name in one.parts}
    cpu = tuple(one.cpu * exp(rng.gauss(0, 0.01)) for _ in range(10))
    response = {**one.response, **{name: sorted(values)[5] for name, values in parts.items()}}
    return replace(one, parts={**parts, "cpu": cpu}, response=response, cpu=sorted(cpu)[5], failed=rng.randrange(3))


def test_the_sample_of_noise_is_like_a_real_one() -> None:
    assert noise().runs == len(noise().wall) == 2 * len(noise().ratios["wall"])
