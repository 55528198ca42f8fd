"""Planted: causes that were put into small services are found, first and in the right line; healthy services are not accused."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[3] / "bench"))
from performance.planted.__main__ import RARE, causes
from performance.planted.apps import made
from performance.planted.pieces import DECOYS, PLANTS
from performance.planted.score import judged
from performance.planted.skeletons import SKELETONS, TUNED

from bmad_provisioner.kinds.performance.looking import QUICK, Effort

_FAST = Effort(5, 0.3, 40, 2.0)


def test_two_causes_in_one_service_are_found_in_their_lines(tmp_path: Path) -> None:
    app = made("plain", ["n-plus-one", "no-compression"], tmp_path / "one", ["cheap-loop"])
    one = judged(app, causes(app, _FAST))
    assert {each.kind for each in one.results if each.located and 0 < each.rank <= 3} == {"n-plus-one", "no-compression"}
    assert not one.accused


@pytest.mark.slow
@pytest.mark.parametrize("plant", PLANTS)
@pytest.mark.parametrize("skeleton", TUNED)
def test_a_planted_cause_is_among_the_first(tmp_path: Path, skeleton: str, plant: str) -> None:
    if plant == "blocking" and not SKELETONS[skeleton].asynchronous:
        pytest.skip("there is no event loop to block")
    app = made(skeleton, [plant], tmp_path / "one", ["rare", "statements"])
    one = judged(app, causes(app, QUICK), RARE)
    assert [0 < each.rank <= 3 for each in one.results] == [True]


@pytest.mark.slow
@pytest.mark.parametrize("skeleton", TUNED)
def test_a_healthy_service_is_not_accused(tmp_path: Path, skeleton: str) -> None:
    app = made(
        skeleton, [], tmp_path / "one", [name for name in DECOYS if name != "rare"], ["n-plus-one", "missing-index", "leak", "lock"]
    )
    assert not judged(app, causes(app, QUICK)).accused
