"""Stats: pairs of measurements are believed as far as they go, and no further."""

from __future__ import annotations

from math import exp, log
from random import Random

import pytest

from bmad_provisioner.kinds.performance.stats import (
    Rule,
    Verdict,
    compare,
    detectable,
    holm,
    interval,
    pairs_needed,
    significance,
    spread,
)


def _pairs(count: int, change: float, noise: float, seed: int, shared: float = 0.2) -> list[tuple[float, float]]:
    """Return pairs on a machine that is disturbed by `shared` as a whole, and by `noise` each time."""
    rng = Random(seed)
    made = []
    for _ in range(count):
        load = exp(rng.gauss(0, shared))
        made.append((load * exp(rng.gauss(0, noise)), load * exp(rng.gauss(0, noise)) * (1 + change)))
    return made


def test_the_same_against_the_same_alarms_as_often_as_agreed() -> None:
    ps = [significance([log(b / a) for a, b in _pairs(10, 0.0, 0.05, seed)]) for seed in range(1000)]
    assert 0.035 <= sum(p < 0.05 for p in ps) / 1000 <= 0.065


def test_the_same_against_the_same_is_hardly_ever_called_a_change() -> None:
    verdicts = [compare(_pairs(10, 0.0, 0.02, seed), Rule(10)).verdict for seed in range(200)]
    assert sum(verdict in (Verdict.REGRESSION, Verdict.IMPROVEMENT) for verdict in verdicts) <= 4


@pytest.mark.parametrize(("change", "expected"), [(0.05, Verdict.REGRESSION), (-0.05, Verdict.IMPROVEMENT)])
def test_five_percent_show_in_ten_pairs_where_a_pair_is_quiet(change: float, expected: Verdict) -> None:
    verdicts = [compare(_pairs(10, change, 0.01, seed), Rule(10)).verdict for seed in range(100)]
    assert verdicts.count(expected) >= 95


def test_as_many_pairs_as_planned_find_the_effect_as_often_as_planned() -> None:
    found = 0
    for seed in range(300):
        pilot = [log(b / a) for a, b in _pairs(20, 0.0, 0.04, 10_000 + seed)]
        count = pairs_needed(pilot, 0.05)
        found += significance([log(b / a) for a, b in _pairs(count, 0.05, 0.04, seed)]) < 0.05
    assert 0.75 <= found / 300 <= 0.93


def test_too_much_noise_is_inconclusive_and_says_what_it_could_have_seen() -> None:
    said = compare(_pairs(8, 0.02, 0.3, 1), Rule(8))
    assert said.verdict is Verdict.INCONCLUSIVE
    assert said.detectable > 0.1


def test_quiet_pairs_around_nothing_prove_that_nothing_changed() -> None:
    assert compare(_pairs(12, 0.0, 0.005, 3), Rule(12)).verdict is Verdict.NO_CHANGE


def test_equal_pairs_are_no_change() -> None:
    said = compare([(1.0, 1.0)] * 8, Rule(8))
    assert (said.verdict, said.p, said.ratio) == (Verdict.NO_CHANGE, 1.0, 1.0)


@pytest.mark.parametrize("pairs", [[], [(0.0, 1.0)], [(1.0, -1.0)]])
def test_what_cannot_be_compared_is_refused(pairs: list[tuple[float, float]]) -> None:
    with pytest.raises(ValueError, match="positive"):
        compare(pairs, Rule(8))


def test_an_outlier_hardly_moves_the_spread() -> None:
    calm = [0.01 * n for n in range(-5, 6)]
    assert spread([*calm, 50.0]) < 2 * spread(calm)


def test_fewer_pairs_than_the_test_needs_detect_nothing() -> None:
    assert detectable([0.01, -0.01], Rule(2)) == float("inf")


def test_the_interval_of_a_median_is_the_same_every_time() -> None:
    values = [0.1, 0.2, 0.3, 0.35, 0.5]
    assert interval(values, seed=4) == interval(values, seed=4)


def test_several_tests_at_once_are_held_to_more() -> None:
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03}) == pytest.approx({"a": 0.03, "c": 0.06, "b": 0.06})
