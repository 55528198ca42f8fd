"""Pages in markdown: the right numbers in tables that hold together, whatever texts are in them and however little there is."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from bmad_provisioner.kinds.performance.impact_page import impact_md
from bmad_provisioner.kinds.performance.measured import Effect, Found, Impact, Missing
from bmad_provisioner.kinds.performance.order import Order
from bmad_provisioner.kinds.performance.profile_page import profile_md
from bmad_provisioner.kinds.performance.report.account import Account
from bmad_provisioner.kinds.performance.report.baseline_page import baseline_md
from bmad_provisioner.kinds.performance.report.markdown import prose
from bmad_provisioner.kinds.performance.report.pictures import Picture
from bmad_provisioner.kinds.performance.report.wording import changed, part
from bmad_provisioner.kinds.performance.retrospective import retrospective_md
from bmad_provisioner.kinds.performance.stats import Comparison, Verdict
from performance_account import account, impact, worked

_HOSTILE = "<script>alert(1)</script> | `x` ![y](z)\n# title"


def _holds_together(page: str) -> str:
    """Return a page whose tables have as many cells in each row as in their head, and that has no markup of others."""
    width = 0
    for line in page.splitlines():
        cells = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("|") else 0
        assert not width or not cells or cells == width, line
        width = cells
    assert "<script" not in re.sub(r"`[^`\n]*`", "", page)
    assert "\n\n\n" not in page
    assert page.endswith("\n")
    return page


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a < b and <b>", "a < b and &lt;b>"),
        ("&lt; & co", "&amp;lt; & co"),
        ("`SELECT a|b` of <i>", "`SELECT a\\|b` of &lt;i>"),
        ("``<script>`", "`<script>`"),
        ("one ` only <b>", "one ' only &lt;b>"),
        ("[x](y) *z* \\", "\\[x\\](y) \\*z\\* \\\\"),
        (" two\nlines\t", "two lines"),
        ("bell \x07", "bell \ufffd"),
    ],
)
def test_texts_of_others_are_no_markup(text: str, told: str) -> None:
    assert prose(text) == told


def test_the_baseline_tells_every_number_with_its_interval() -> None:
    page = _holds_together(baseline_md(account(), [Picture("noise", "measure", "How far runs lie apart", b"")]))
    assert "| `web` | Response time, median | 42.2 ms | 40.9 ms to 43.1 ms | 3.1% |" in page
    assert "| spike (void) | 100/s | 99.8/s | 500 | 0 | 0 |" in page
    assert "| `GET /report` | 25% | 100 | 0 | 180 ms | 420 ms | 184 kB |" in page
    assert (
        "| `web /` | Cumulative Layout Shift | 0.222 | 0 | 0.222 | 5 | chromium | a banner that comes late: `div#banner` |" in page
    )
    assert "The load `spike` of `web` says nothing: the generator was late by 310 ms at its 99th percentile." in page
    assert "First Input Delay" in page
    assert "![How far runs lie apart](plots/noise.svg)" in page


def test_the_profile_tells_cause_place_evidence_and_bound() -> None:
    page = _holds_together(profile_md("shop", account().found))
    assert "| n-plus-one | `GET /report` | `shop/report.py:41` | 62% (56% to 67%) | of the time of an answer | 25% |" in page
    assert "121 statements of one shape in one request: `SELECT name FROM product WHERE id = ?` (seen in 300 looks)" in page
    assert "at most 67% of the work, the rest is less waiting at 37% busy" in page
    assert "| `shop/report.py:41 names` | 44.0% | 62.0% | 132 |" in page
    assert "left out: no native stacks are in the profile, as `py-spy` is not here" in page


def test_the_impact_tells_rule_verdicts_and_what_was_taken_back() -> None:
    page = _holds_together(impact_md("shop", impact()))
    assert "its digest: `9f2d41aa07c3e6b1`" in page
    assert "| `web` | p50 | 42.1 ms | 18.3 ms | -57% | -58% to -56% | 0.002 | 0.010 | better | 2.7% | -37% to -66% |" in page
    assert "| inconclusive | 15% |" in page, "what only its own p claims is no change among many"
    assert "None of it got worse." in page
    assert "| PERF-003 | `CREATE INDEX orders_customer ON orders (customer)` | **taken back** |" in page


def _effect(ratio: float, low: float, high: float, verdict: Verdict, **more: object) -> Effect:
    found = Comparison(ratio, low, high, 0.01, verdict, 0.05, 10)
    return Effect("web", "p95", (0.1,), (0.1 * ratio,), found, 0.01, **more)  # type: ignore[arg-type]


def test_a_guardrail_that_got_worse_is_not_overlooked() -> None:
    worse = _effect(1.3, 1.2, 1.4, Verdict.REGRESSION, guardrail=True)
    unsure = replace(_effect(1.1, 0.9, 1.3, Verdict.INCONCLUSIVE, guardrail=True), metric="peak_memory")
    page = impact_md("shop", replace(impact(), effects=(worse, unsure)))
    assert "Worse: `web` p95. Not shown to be as good as before: `web` peak_memory." in page
    assert "**worse**" in page


def test_more_of_what_is_better_when_it_is_more_is_told_as_more() -> None:
    found = Comparison(0.5, 0.4, 0.8, 0.01, Verdict.IMPROVEMENT, 0.05, 10)
    one = Effect("web", "throughput", (50.0,), (100.0,), found, 0.01, predicted=(0.2, 0.5), item="PERF-001")
    page = _holds_together(impact_md("shop", replace(impact(), effects=(one,))))
    assert "`web` is better in throughput: 50/s before, 100/s now, +100% (+25% to +150%, p 0.010)." in page
    assert "| +25% to +100% |" in page


def test_what_speaks_against_a_change_is_said_first() -> None:
    page = _holds_together(impact_md("shop", replace(impact(), void="`web GET /` is answered otherwise")))
    assert page.splitlines()[2] == "- What was tried is taken back: `web GET /` is answered otherwise."


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [(0.5, 0.6, "came true"), (0.2, 0.3, "saved more"), (0.9, 1.0, "saved less"), (0.5, 0.9, "fits, but is not settled")],
)
def test_predictions_are_held_against_what_was_measured(low: float, high: float, told: str) -> None:
    one = _effect((low + high) / 2, low, high, Verdict.IMPROVEMENT, predicted=(0.3, 0.6), item="PERF-001")
    page = _holds_together(retrospective_md("shop", (), [one], account().items))
    assert f"| PERF-001 | n-plus-one | `web` p95 | -30% to -60% | {changed(one)} |" in page
    assert f"| {told} |" in page


def test_the_retrospective_tells_beliefs_what_is_open_and_what_asks_for_the_next() -> None:
    page = _holds_together(retrospective_md("shop", account().records, impact().effects, account().items))
    assert "| n-plus-one | 1 | 1 | 0.95 | 80% |" in page
    assert "`web` p95: only changes from 15% on could be seen; about 36 pairs would show one of 7.6%" in page
    assert "an alert of `alerts.yaml` fires" in page
    assert re.search(r"\b20\d\d\b", page) is None, "no date is invented"


def test_what_nothing_was_foretold_of_is_told_apart() -> None:
    beside = replace(_effect(1.1, 0.7, 1.6, Verdict.INCONCLUSIVE), target="web GET /")
    proven = replace(_effect(0.5, 0.4, 0.6, Verdict.IMPROVEMENT), target="web GET /cart")
    whole = replace(impact(), effects=(beside, proven, *impact().effects))
    page = _holds_together(impact_md("shop", whole))
    main, _, rest = page.partition("## What else was looked at")
    assert "| `web GET /cart` |" in main
    assert "| `web GET /` |" in rest
    page = retrospective_md("shop", (), whole.effects)
    assert "- 1 number of single requests, of which nothing was foretold: no trial is made for those" in page


def test_a_guardrail_is_kept_where_it_can_hardly_be_worse() -> None:
    better = _effect(0.9, 0.7, 1.02, Verdict.INCONCLUSIVE, guardrail=True)
    assert "None of it got worse." in impact_md("shop", replace(impact(), effects=(better,)))


def test_what_is_open_says_what_would_settle_it() -> None:
    few = replace(
        _effect(0.8, 0.5, 1.2, Verdict.INCONCLUSIVE),
        comparison=Comparison(0.8, 0.5, 1.2, 0.2, Verdict.INCONCLUSIVE, float("inf"), 4),
    )
    near = replace(few, comparison=Comparison(0.96, 0.9, 1.0, 0.06, Verdict.INCONCLUSIVE, 0.02, 10))
    page = retrospective_md("shop", (), [few, near])
    assert "4 pairs prove nothing; at least 8 might" in page
    assert "the same trial with 20 pairs may tell" in page


@pytest.mark.parametrize(
    "one",
    [
        Account(Order("x", ())),
        replace(account(), served=(), paged=()),
        replace(account(), noise=None, machine=None, worked=(replace(worked(), values={}, runs=0, failed=0),)),
    ],
)
def test_whatever_is_missing_is_left_out(one: Account) -> None:
    page = _holds_together(baseline_md(one))
    assert page.startswith("# Baseline of ")
    for text in (
        profile_md("x", ()),
        retrospective_md("x", (), ()),
        impact_md("x", Impact("a", "b", "c", "d", 0, (), void="it died")),
    ):
        _holds_together(text)


def test_what_others_wrote_stays_text_on_every_page() -> None:
    one = account()
    causes = tuple(replace(cause, evidence=_HOSTILE, remedy=_HOSTILE, path=_HOSTILE, request=_HOSTILE) for cause in one.causes)
    found = Found(_HOSTILE, causes, (_HOSTILE,), (Missing(_HOSTILE, _HOSTILE, _HOSTILE),), ((_HOSTILE, 0.1, 0.2, 3),))
    tried = replace(
        impact(), before=_HOSTILE, rule=_HOSTILE, sealed=_HOSTILE, remedies=((_HOSTILE, _HOSTILE, False),), void=_HOSTILE
    )
    pages = tuple(replace(page, page=_HOSTILE, behind={"lcp": _HOSTILE}, problems=(_HOSTILE,)) for page in one.paged)
    told = replace(one, paged=pages, worked=(replace(worked(_HOSTILE), problem=_HOSTILE),))
    for page in (baseline_md(told), profile_md(_HOSTILE, (found,)), impact_md(_HOSTILE, tried), retrospective_md(_HOSTILE, (), ())):
        assert "\n# title" not in _holds_together(page)


@pytest.mark.parametrize(
    ("number", "told"), [(0.0, "0%"), (1e-9, "< 0.1%"), (0.031, "3.1%"), (0.5, "50%"), (float("inf"), "not known")]
)
def test_parts_are_told_as_people_read_them(number: float, told: str) -> None:
    assert part(number) == told
