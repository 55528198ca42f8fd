"""Pipeline: what would make it shorter is bounded by its longest chain, not by its longest step."""

from __future__ import annotations

import pytest

from bmad_provisioner.kinds.performance.pipeline import Run, Step, advice

_STEPS = [
    Step("checkout", (Run(5),)),
    Step("install", (Run(60, hit=False), Run(4, hit=True), Run(62, hit=False), Run(6, hit=True)), ("checkout",)),
    Step("lint", (Run(30),), ("checkout",)),
    Step("test", (Run(100), Run(90), Run(110)), ("install",)),
    Step("package", (Run(20),), ("lint", "test")),
]


def test_the_longest_chain_is_what_takes_the_time() -> None:
    said = advice(_STEPS)
    assert said.path == ("checkout", "install", "test", "package")
    assert said.seconds == 5 + 33 + 100 + 20
    assert said.workers == pytest.approx((158 + 30) / 158)


@pytest.mark.parametrize(("name", "without"), [("test", 100), ("lint", 0), ("checkout", 5), ("install", 33)])
def test_a_step_gives_no_more_than_the_chain_without_it_is_shorter(name: str, without: float) -> None:
    assert next(bound for bound in advice(_STEPS).bounds if bound.step == name).without == without


def test_a_parallel_branch_bounds_what_the_longest_step_gives() -> None:
    said = advice([Step("long", (Run(100),)), Step("nearly", (Run(90),)), Step("end", (Run(1),), ("long", "nearly"))])
    assert {bound.step: bound.without for bound in said.bounds} == {"long": 10, "nearly": 0, "end": 1}


def test_a_cache_that_misses_half_the_time_gives_half_the_difference() -> None:
    bound = next(bound for bound in advice(_STEPS).bounds if bound.step == "install")
    assert (bound.hits, bound.cached) == (0.5, pytest.approx(33 - 5))


def test_what_gives_most_is_told_first() -> None:
    assert [bound.step for bound in advice(_STEPS).bounds] == ["test", "install", "package", "checkout", "lint"]


@pytest.mark.parametrize(
    ("steps", "why"),
    [([Step("a", (Run(1),), ("b",)), Step("b", (Run(1),), ("a",))], "wait for each other"), ([Step("a", ())], "at least one run")],
)
def test_what_is_no_pipeline_is_refused(steps: list[Step], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        advice(steps)


def test_no_steps_take_no_time() -> None:
    assert (advice([]).seconds, advice([]).workers) == (0.0, 1.0)
