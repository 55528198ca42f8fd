"""Changepoints: steps that last are found, what is no step is left alone."""

from __future__ import annotations

from math import exp, inf
from random import Random
from statistics import median

import pytest

from bmad_provisioner.kinds.performance.changepoints import MOST, detectable, history, memory, steps


def _noise(count: int, spread: float, seed: int, alike: float = 0.0) -> list[float]:
    """Return points around 100, each foretold by the one before as far as `alike`."""
    rng, last, made = Random(seed), 0.0, []
    for _ in range(count):
        last = alike * last + rng.gauss(0, (1 - alike**2) ** 0.5)
        made.append(100 * exp(spread * last))
    return made


def _stepped(values: list[float], at: int, effect: float, until: int | None = None) -> list[float]:
    end = len(values) if until is None else until
    return [value * (1 + effect) if at <= place < end else value for place, value in enumerate(values)]


@pytest.mark.parametrize("at", [12, 40, 67])
@pytest.mark.parametrize("effect", [0.1, -0.1, 0.25])
def test_a_step_is_found_where_it_is(at: int, effect: float) -> None:
    for seed in range(5):
        found = steps(_stepped(_noise(80, 0.02, seed), at, effect))
        assert [abs(step.at - at) <= 2 for step in found] == [True]
        assert found[0].effect == pytest.approx(effect, abs=0.03)


@pytest.mark.parametrize("alike", [0.0, 0.6])
def test_a_series_without_a_step_hardly_ever_alarms(alike: float) -> None:
    assert sum(bool(steps(_noise(80, 0.05, seed, alike))) for seed in range(120)) <= 3


@pytest.mark.parametrize("factor", [0.5, 1.5, 20.0])
def test_single_spikes_are_no_steps(factor: float) -> None:
    for seed in range(10):
        values = _noise(60, 0.03, seed)
        values[20] *= factor
        values[44] *= factor
        assert steps(values) == ()


def test_two_steps_one_after_the_other_are_both_found() -> None:
    found = history(_stepped(_stepped(_noise(90, 0.02, 5), 30, 0.15), 60, 0.2)).lasting
    assert [step.at for step in found] == [30, 60]


def test_a_step_that_went_away_is_told_but_alarms_nobody() -> None:
    said = history(_stepped(_noise(90, 0.02, 1), 30, 0.2, until=60))
    assert [(step.at, step.gone) for step in said.steps] == [(30, True), (60, True)]
    assert said.lasting == ()


def test_a_step_that_is_not_worth_a_word_is_left_out() -> None:
    values = _stepped(_noise(80, 0.001, 2), 40, 0.02)
    assert [step.at for step in steps(values)] == [40]
    assert steps(values, effect=0.03) == ()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], []),
        ([1.0] * 7, []),
        ([5.0] * 60, []),
        ([0.0] * 60, []),
        ([1000.0] * 30 + [1001.0] * 30, [30]),
        ([0.0] * 30 + [0.2] * 30, [30]),
    ],
    ids=["nothing", "too few", "constant", "zeros", "counts without noise", "from nothing to something"],
)
def test_series_at_the_edge_are_read_as_well(values: list[float], expected: list[int]) -> None:
    assert [step.at for step in steps(values)] == expected


def test_from_nothing_to_something_is_an_infinite_effect() -> None:
    assert steps([0.0] * 30 + [0.2] * 30)[0].effect == inf


def test_only_the_latest_points_of_a_long_history_are_looked_at() -> None:
    assert [step.at for step in steps(_stepped(_noise(MOST + 500, 0.02, 3), MOST, 0.2))] == [MOST]


def test_what_could_be_seen_grows_with_the_noise_and_is_seen_4_times_in_5() -> None:
    quiet, loud = (median(detectable(_noise(60, spread, seed)) for seed in range(5)) for spread in (0.01, 0.05))
    assert 0.01 < quiet < loud / 2
    found = [steps(_stepped(_noise(60, 0.05, 500 + seed), 50, loud)) for seed in range(60)]
    assert 0.6 <= sum(bool(one) for one in found) / 60 <= 0.95


def test_too_few_points_show_nothing_however_large() -> None:
    assert detectable([1.0, 2.0, 1.0]) == inf


def test_neighbours_that_are_alike_are_told_from_those_that_are_not() -> None:
    assert memory(_noise(400, 0.05, 6)) < 0.2
    assert 0.5 < memory(_noise(400, 0.05, 6, alike=0.7)) < 0.85


def test_the_same_history_says_the_same_every_time() -> None:
    values = _stepped(_noise(70, 0.03, 9), 50, 0.1)
    assert history(values) == history(values)
