"""Shifts: what one function costs more is seen, what only moved is told from it."""

from __future__ import annotations

from random import Random

import pytest

from bmad_provisioner.kinds.performance.shifts import Function, shifts

_SLOW, _QUICK, _OTHER = ("shop/price.py", "slow"), ("shop/price.py", "quick"), ("shop/cart.py", "add")


def _profiles(count: int, seed: int, more: dict[Function, float] | None = None, looks: int = 2000) -> list[dict[Function, float]]:
    """Return shares as so many looks tell them, with some functions changed in the second half."""
    rng, made = Random(seed), []
    usual = {_SLOW: 0.04, _QUICK: 0.06, _OTHER: 0.1} | {("lib.py", f"f{n}"): 0.02 for n in range(30)}
    for at in range(count):
        true = {one: part + ((more or {}).get(one, 0.0) if at >= count // 2 else 0.0) for one, part in usual.items()}
        made.append({one: sum(rng.random() < part for _ in range(looks)) / looks for one, part in true.items()})
    return made


def test_a_small_part_of_the_whole_is_seen_as_a_large_part_of_a_function() -> None:
    (found,) = shifts(_profiles(40, 1, {_SLOW: 0.02}))
    assert (found.function, abs(found.step.at - 20) <= 2, found.moved) == (_SLOW, True, None)
    assert found.step.effect == pytest.approx(0.5, abs=0.15)


def test_a_cost_that_moved_is_no_new_cost() -> None:
    found = shifts(_profiles(40, 2, {_SLOW: 0.03, _QUICK: -0.03}))
    assert {one.function: one.moved for one in found} == {_SLOW: _QUICK, _QUICK: _SLOW}


def test_a_step_in_another_file_explains_nothing() -> None:
    assert all(one.moved is None for one in shifts(_profiles(40, 3, {_SLOW: 0.03, _OTHER: -0.03})))


def test_many_quiet_functions_hardly_ever_alarm() -> None:
    assert sum(bool(shifts(_profiles(30, seed, looks=500))) for seed in range(20)) <= 1


def test_a_new_function_is_a_step_from_nothing() -> None:
    profiles = [dict.fromkeys([_OTHER], 0.1) for _ in range(15)] + [{_OTHER: 0.1, _SLOW: 0.05} for _ in range(15)]
    assert [(one.function, one.step.before, one.step.after) for one in shifts(profiles)] == [(_SLOW, 0.0, 0.05)]


def test_no_history_has_no_shifts() -> None:
    assert shifts([]) == ()
