"""Roadmap: what is first reaches many, saves much, is sure and takes little; every bound is kept to."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest

from bmad_provisioner.kinds.performance.backlog import COLUMNS, page, table
from bmad_provisioner.kinds.performance.causes import REMOVABLE, Cause, bound, cause, merged
from bmad_provisioner.kinds.performance.clues import BYTES, CAPACITY, TIME, Clue
from bmad_provisioner.kinds.performance.estimate import exactly, share
from bmad_provisioner.kinds.performance.roadmap import EFFORT, LONG, MEDIUM, QUICK, Past, belief, certainty, records, roadmap
from bmad_provisioner.kinds.performance.testimony import Line
from bmad_provisioner.kinds.performance.trials import MOST_PAIRS, trials
from bmad_provisioner.kinds.performance.trials import page as plan_page


def _cause(
    kind: str = "n-plus-one",
    hits: int = 60,
    looks: int = 100,
    lane: str = TIME,
    reach: float = 1.0,
    weight: float = 1.0,
    busy: float = 0.0,
) -> Cause:
    known = share(hits, looks) if looks else exactly(hits / 100)
    return Cause(
        kind, "web", "GET /orders", lane, known, "40 statements", "one join", "shop/orders.py", 12, looks, reach, weight, busy
    )


_CAUSES = [
    _cause("no-compression", 94, 0, BYTES),
    _cause("n-plus-one", 60, 100, reach=0.5),
    _cause("superlinear", 39, 200, reach=0.2),
    _cause("slow-handler", 30, 50, reach=0.1),
    _cause("leak", 100, 0, CAPACITY),
]


def test_a_clue_becomes_a_cause_as_sure_as_its_looks() -> None:
    clue = Clue("n-plus-one", "GET /orders", Line("shop/orders.py", 12, "orders"), 0.6, 100, TIME, "40 statements", "one join")
    assert cause(clue, "web", reach=0.5) == _cause(reach=0.5)
    assert cause(Clue("no-compression", "GET /", None, 0.9, 0, BYTES, ""), "web").share == exactly(0.9)


def test_every_kind_has_an_effort_and_a_part_that_can_be_removed() -> None:
    assert set(EFFORT) == set(REMOVABLE)


def test_lanes_are_ranked_apart_and_numbered_through() -> None:
    items = roadmap(_CAUSES, 0.03)
    assert [(item.id, item.cause.kind) for item in items] == [
        ("PERF-001", "n-plus-one"), ("PERF-002", "superlinear"), ("PERF-003", "slow-handler"), ("PERF-004", "leak"), ("PERF-005", "no-compression"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        (_cause(reach=0.8), _cause(reach=0.2)),
        (_cause(hits=60), _cause(hits=20)),
        (_cause(looks=400, hits=160), _cause(looks=5, hits=2)),
        (_cause(weight=3.0), _cause(weight=1.0)),
        (_cause("missing-index"), _cause("lock")),
    ],
    ids=["reach", "impact", "confidence", "weight", "effort"],
)
def test_more_of_each_factor_comes_first(better: Cause, worse: Cause) -> None:
    assert [item.cause for item in roadmap([worse, better], 0.03)] == [better, worse]


def test_the_document_knows_the_effort_better() -> None:
    items = roadmap([_cause("lock"), _cause("n-plus-one")], 0.03, effort={"lock": 0.1, "n-plus-one": 5})
    assert [(item.cause.kind, item.effort, item.term) for item in items] == [("lock", 0.1, QUICK), ("n-plus-one", 5, LONG)]


@pytest.mark.parametrize(
    ("one", "term"),
    [(_cause("n-plus-one"), QUICK), (_cause("n-plus-one", 8), MEDIUM), (_cause("superlinear"), MEDIUM), (_cause("lock"), MEDIUM)],
)
def test_a_quick_win_is_short_and_sure(one: Cause, term: str) -> None:
    assert roadmap([one], 0.03)[0].term == term


@pytest.mark.parametrize(
    ("hits", "looks", "low", "high"),
    [(1, 4, 0.5, 0.8), (13, 100, 0.8, 0.95), (60, 100, 0.99, 1.0), (25, 0, 1.0, 1.0), (1, 0, 0.0, 0.0)],
)
def test_few_looks_are_not_sure_of_much(hits: int, looks: int, low: float, high: float) -> None:
    assert low <= certainty(_cause(hits=hits, looks=looks), 0.03) <= high


def test_what_worked_is_believed_more_and_what_failed_less() -> None:
    worked, failed = Past("lock", 0.4, 0.35), Past("lock", 0.4, 0.05)
    assert belief("lock", [failed] * 3) < belief("lock") < belief("lock", [worked] * 3)
    assert belief("leak", [failed] * 3) == belief("leak")
    first, second = roadmap([_cause("lock"), _cause("blocking")], 0.03, past=[failed] * 4)
    assert (first.cause.kind, second.cause.kind) == ("blocking", "lock")


def test_the_retrospective_counts_what_became_of_predictions() -> None:
    (told,) = records([Past("superlinear", 0.39, 0.72), Past("superlinear", 0.5, 0.5), Past("superlinear", 0.4, 0.1)])
    assert (told.count, told.worked, told.ratio, told.belief) == (3, 2, 1.0, 5 / 7)


def test_removing_work_is_bounded_and_waiting_is_named() -> None:
    idle, busy = bound(_cause("superlinear", 39, 100)), bound(_cause("superlinear", 39, 100, busy=0.6))
    assert idle.least < 0.39 < idle.most == idle.amdahl < busy.most
    assert busy.amdahl == idle.amdahl
    assert "less waiting at 60% busy" in str(busy)


@pytest.mark.parametrize("busy", [0.0, 0.3, 0.9, 1.0])
@pytest.mark.parametrize(("hits", "looks"), [(0, 50), (25, 50), (50, 50), (90, 0)])
def test_bounds_are_parts_of_one_and_in_order(hits: int, looks: int, busy: float) -> None:
    said = bound(_cause(hits=hits, looks=looks, busy=busy))
    assert 0 <= said.least <= said.amdahl <= 1
    assert said.amdahl - 1e-12 <= said.most <= 1


def test_trials_take_as_many_pairs_as_the_noise_asks_for() -> None:
    items = roadmap([_cause("n-plus-one", 600, 1000), _cause("slow-handler", 200, 1000)], 0.03)
    quiet, loud = ([width * n for n in range(-5, 6)] for width in (0.01, 0.03))
    large, small = trials(items, {"p50": loud})
    assert (large.metric, large.rule.pairs, large.feasible) == ("p50", 8, True)
    assert (small.rule.pairs, small.feasible) == (MOST_PAIRS, False)
    assert trials(items, {"p50": quiet})[1].rule.pairs < MOST_PAIRS


def test_a_guardrail_is_never_what_is_judged() -> None:
    (trial,) = trials(roadmap([_cause("leak", 100, 0, CAPACITY)], 0.03), {})
    assert (trial.metric, trial.guardrails) == ("peak_memory", ("error_rate", "p95"))


def test_the_backlog_has_the_columns_that_planners_import() -> None:
    items = roadmap(_CAUSES, 0.03)
    rows = list(csv.DictReader(io.StringIO(table(items, trials(items, {})))))
    assert tuple(rows[0]) == COLUMNS
    assert rows[0] == {
        "id": "PERF-001",
        "title": "N+1 statements in GET /orders at shop/orders.py:12",
        "impact": "54%: at least 30%, at most 69%; requests that wait for it elsewhere may gain more",
        "effort": "0.5 d",
        "owner": "bmad-development-execution",
        "description": "40 statements. one join",
        "acceptance_criteria": "saves at least 30% of p50; no worse: error_rate, p95, peak_memory",
        "verification": "8 interleaved pairs, Wilcoxon p < 0.05 and at least 3%",
    }


def test_the_page_tells_lanes_bounds_and_how_predictions_did() -> None:
    text = page("shop", roadmap(_CAUSES, 0.03), records([Past("lock", 0.5, 0.4)]))
    for part in (
        "## Time of an answer",
        "## Bytes that travel",
        "| PERF-001 | n-plus-one | `shop/orders.py:12` | 50% | 54% |",
        "at least 30%",
        "| lock | 1 | 1 | 0.80 |",
    ):
        assert part in text


def test_nothing_found_is_said() -> None:
    assert "Nothing was found" in page("shop", [])


def test_causes_that_one_remedy_takes_away_are_one() -> None:
    elsewhere = replace(_cause(hits=30, reach=0.1), request="GET /users")
    one, other = merged([_cause(reach=0.3), replace(_cause(), line=99), elsewhere])
    assert (one.request, one.looks, one.line) == ("GET /orders and GET /users", 200, 12)
    assert (one.reach, one.share.value) == pytest.approx((0.4, 0.525))
    assert other == replace(_cause(), line=99)


def test_what_is_merged_saves_as_much_as_its_parts() -> None:
    parts = [
        replace(_cause(hits=hits, reach=reach, weight=weight), request=f"GET /{hits}")
        for hits, reach, weight in ((60, 0.3, 2.0), (30, 0.2, 0.5), (10, 0.1, 1.0))
    ]
    (one,) = merged(parts)
    assert one.request == "GET /60 and 2 more"
    assert one.overall.value == pytest.approx(sum(part.overall.value for part in parts))


def test_the_test_plan_says_what_pairs_can_show() -> None:
    items = roadmap([_cause("n-plus-one", 600, 1000), _cause("slow-handler", 200, 1000)], 0.03)
    text = plan_page("shop", items, trials(items, {"p50": [0.03 * n for n in range(-5, 6)]}))
    assert "| PERF-001 | n-plus-one | p50 | 34% | 8 | 0.05 | error_rate, p95, peak_memory |" in text
    assert "60 (too few for it: less will stay inconclusive)" in text


def test_what_has_no_place_is_told_apart_by_its_remedy() -> None:
    one, other = (replace(_cause("missing-index"), path="", line=None, remedy=remedy) for remedy in ("index a", "index b"))
    assert len(merged([one, other])) == 2
    assert len(merged([one, replace(one, request="GET /again")])) == 1
