"""Report: one page that says first what matters, needs nothing but itself, and takes no text of others for markup."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from bmad_provisioner.kinds.performance.estimate import exactly
from bmad_provisioner.kinds.performance.measured import Missing
from bmad_provisioner.kinds.performance.metrics import Reading
from bmad_provisioner.kinds.performance.order import Order, Target
from bmad_provisioner.kinds.performance.readings import readings
from bmad_provisioner.kinds.performance.report.account import Account
from bmad_provisioner.kinds.performance.report.baseline import baseline_json, budgets_json
from bmad_provisioner.kinds.performance.report.caveats import caveats
from bmad_provisioner.kinds.performance.report.page import report_html
from bmad_provisioner.kinds.performance.report.pictures import Picture, pictures
from bmad_provisioner.kinds.performance.report.short import report_md
from bmad_provisioner.kinds.performance.report.verdict import costliest, headline, speed, won
from bmad_provisioner.kinds.performance.stats import Verdict
from performance_account import account, impact, served, worked

_HOSTILE = "</style><script>alert('1')</script>\"><img src=x onerror=y>"
_EMPTY = Account(Order("x", ()))
_ONLY_A_COMMAND = Account(
    Order("x", (Target("job", "command", command=("python", "batch.py")),)),
    worked=(worked(),),
    readings=readings((), (), (worked(),)),
)
_VOID = replace(served(), shapes={"baseline": replace(served().shapes["baseline"], void="the generator was late")})
_PARTIAL = {
    "nothing": _EMPTY,
    "only a command": _ONLY_A_COMMAND,
    "a void baseline": replace(account(), served=(_VOID,), readings=readings((_VOID,), (), ()), budgets=()),
    "no pages": replace(account(), paged=()),
    "no service": replace(account(), served=()),
    "no noise": replace(account(), noise=None, machine=None),
    "no change": replace(account(), impact=None, records=()),
    "a void trial": replace(account(), impact=replace(impact(), effects=(), remedies=(), void="it died")),
    "two trials": replace(account(), besides=(replace(impact(), before="revision 1"),)),
    "no causes": replace(account(), found=(), items=(), trials=()),
    "all": account(),
}


class _Strict(HTMLParser):
    """Reads a page, and raises where an element is not closed in its turn."""

    _VOID = frozenset({"meta", "br", "img", "hr", "link", "input"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self._VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def _parsed(page: str) -> _Strict:
    reader = _Strict()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


@cache
def _drawn() -> tuple[Picture, ...]:
    pytest.importorskip("matplotlib")
    return pictures(account())


@pytest.mark.parametrize("name", _PARTIAL)
def test_a_report_of_whatever_there_is_holds_together(name: str) -> None:
    one = _PARTIAL[name]
    page = report_html(one, _drawn())
    read = _parsed(page)
    ids = [attributes["id"] for _, attributes in read.elements if attributes.get("id")]
    assert len(ids) == len(set(ids))
    links = {attributes["href"] for tag, attributes in read.elements if tag == "a"}
    assert {str(link).removeprefix("#") for link in links} <= set(ids)
    labels = {
        attributes["aria-labelledby"] for tag, attributes in read.elements if tag == "section" and "aria-labelledby" in attributes
    }
    assert labels <= set(ids)
    levels = [int(tag[1]) for tag, _ in read.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 == levels.count(1)
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert all(attributes.get("scope") for tag, attributes in read.elements if tag == "th")
    assert all(
        attributes.get("role") == "img" and attributes.get("aria-label") for tag, attributes in read.elements if tag == "svg"
    )
    assert page == report_html(one, _drawn()), "the same account makes the same page"
    assert len(report_md(one).splitlines()) < 120


@pytest.mark.parametrize(
    ("one", "names"),
    [
        (_EMPTY, []),
        (_ONLY_A_COMMAND, []),
        (replace(_EMPTY, served=(replace(_VOID, crowds=()),)), ["web-response", "web-baseline", "web-memory"]),
        (replace(_EMPTY, served=(replace(served(), shapes={}, crowds=((1, 20.0), (2, 30.0))),)), ["web-scaling"]),
        (replace(_EMPTY, paged=account().paged), []),
        (replace(_EMPTY, impact=impact()), ["impact"]),
    ],
)
def test_only_what_there_are_data_for_is_drawn(one: Account, names: list[str]) -> None:
    pytest.importorskip("matplotlib")
    assert [picture.name for picture in pictures(one)] == names


def test_a_page_needs_nothing_but_itself() -> None:
    page = report_html(account(), _drawn())
    read = _parsed(page)
    assert {"script", "link", "iframe", "img", "object"}.isdisjoint(tag for tag, _ in read.elements)
    for _, attributes in read.elements:
        for name, value in attributes.items():
            assert not name.startswith("on")
            if name in ("src", "href", "xlink:href", "srcset", "action"):
                assert str(value).startswith("#")
    assert "@import" not in page
    assert set(re.findall(r"url\(([^)#]*)", page)) <= {""}
    assert page.count("<svg") == len(_drawn()) > 8
    assert "prefers-color-scheme: dark" in page
    assert "#0072b2" not in page.partition("</style>")[2], "plots take the colours of the page, which has others for the dark"


def test_the_first_things_said_are_the_verdict_the_causes_and_what_was_won() -> None:
    text = _parsed(report_html(account())).text.partition("1 Discover")[0]
    for said in (
        "4 of 11 goals are broken, 2 are not settled.",
        "web bundle is 412 kB (at most 200 kB)",
        "web answers half of its requests within 42.2 ms, 95% within 173 ms and 99% within 375 ms",
        "N+1 statements in GET /report at shop/report.py:41",
        "It saves at least 34%, at most 77% of the time of an answer",
        "web is better in p50: 42.1 ms before, 18.3 ms now, -57% (-58% to -56%, p 0.010).",
    ):
        assert said in text


def test_a_page_tells_all_phases_with_their_numbers() -> None:
    text = re.sub(r"\s+", " ", _parsed(report_html(account())).text)
    for said in ("1 Discover", "2 Measure", "3 Profile and plan", "4 Implement", "5 Validate", "6 Keep it", "How sure this is"):
        assert said in text
    for number in (
        "40.9 ms to 43.1 ms",
        "62% (56% to 67%)",
        "9f2d41aa07c3e6b1",
        "-37% to -66%",
        "taken back",
        "load average 1.7",
        "py-spy is not here",
    ):
        assert number in text


def test_texts_of_others_stay_text() -> None:
    one = account()
    causes = tuple(replace(cause, evidence=_HOSTILE, remedy=_HOSTILE, path=_HOSTILE, request=_HOSTILE) for cause in one.causes)
    items = tuple(replace(item, cause=cause) for item, cause in zip(one.items, causes, strict=True))
    found = tuple(
        replace(each, target=_HOSTILE, causes=causes, looked=(_HOSTILE,), missing=(Missing(_HOSTILE, _HOSTILE, _HOSTILE),))
        for each in one.found
    )
    shapes = {
        "baseline": replace(served().shapes["baseline"], problems=((_HOSTILE, 3),)),
        _HOSTILE: replace(served().shapes["soak"], name=_HOSTILE, void=_HOSTILE),
    }
    told = replace(
        one,
        order=replace(one.order, name=_HOSTILE, sources=(_HOSTILE,)),
        machine=replace(one.machine, model=_HOSTILE) if one.machine else None,
        served=(replace(served(_HOSTILE), shapes=shapes),),
        paged=tuple(replace(page, page=_HOSTILE, behind={"lcp": _HOSTILE}, problems=(_HOSTILE,)) for page in one.paged),
        worked=(replace(worked(), target=_HOSTILE, problem=_HOSTILE),),
        readings=(*one.readings, Reading(_HOSTILE, "p50", exactly(1.0))),
        found=found,
        items=items,
        impact=replace(impact(), before=_HOSTILE, after=_HOSTILE, rule=_HOSTILE, sealed=_HOSTILE, remedies=((_HOSTILE, _HOSTILE, True),)),
        discovered=(_HOSTILE,),
        files={_HOSTILE: _HOSTILE},
    )  # fmt: skip
    drawn = pictures(told)
    read = _parsed(report_html(told, drawn))
    assert {"script", "img"}.isdisjoint(tag for tag, _ in read.elements)
    assert "alert('1')" in read.text
    assert sum(tag == "style" for tag, _ in read.elements) == 1 + len(drawn)
    short = report_md(told)
    assert "<script" not in re.sub(r"`[^`\n]*`", "", short)
    assert len(short.splitlines()) < 120


def test_a_short_report_stays_short_however_much_there_is() -> None:
    one = account()
    many = tuple(Reading(f"t{at}", "p50", exactly(1.0)) for at in range(200))
    budgets = tuple(replace(one.budgets[0], target=f"t{at}") for at in range(200))
    work = tuple(replace(worked(), target=f"t{at}") for at in range(200))
    effects = impact().effects * 50
    short = report_md(replace(one, readings=many, budgets=budgets, worked=work, impact=replace(impact(), effects=effects)))
    assert len(short.splitlines()) < 120
    assert "and 185 more limits in `report.html`" in short


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (_EMPTY, "No goals are set: what was measured is the limit from now on."),
        (
            replace(account(), order=replace(account().order, goals={"peak_memory": 1e9}), budgets=()),
            "No goal is broken, 1 is not settled.",
        ),
        (
            replace(account(), budgets=tuple(b for b in account().budgets if b.metric == "ttfb"), order=Order("x", ())),
            "The goal is kept.",
        ),
        (account(), "4 of 11 goals are broken, 2 are not settled."),
    ],
)
def test_the_headline_is_about_the_goals(one: Account, said: str) -> None:
    assert headline(one) == said


def test_what_bore_everything_is_not_said_to_have_a_limit() -> None:
    one = replace(account(), served=(replace(served(), shapes={"baseline": served().shapes["baseline"]}),))
    assert "It bore all that it was asked, up to 20/s." in speed(replace(one, readings=readings(one.served, (), ())))


def test_a_void_load_is_said_and_nothing_is_claimed_of_it() -> None:
    one = _PARTIAL["a void baseline"]
    assert speed(one)[0] == "How fast `web` answers is not known: the generator was late."
    assert "The load `baseline` of `web` says nothing: the generator was late." in caveats(one)


def test_the_costliest_of_each_sort_come_first() -> None:
    assert [(one.item.cause.kind, one.where) for one in costliest(account())] == [
        ("n-plus-one", "shop/report.py:41"), ("leak", "shop/cache.py:9"), ("no-compression", ""),
    ]  # fmt: skip
    assert len(costliest(account(), 9)) == 5
    trifles = tuple(
        replace(one, cause=replace(one.cause, reach=0.001)) if one.cause.kind == "leak" else one for one in account().items
    )
    assert [one.item.cause.kind for one in costliest(replace(account(), items=trifles))] == [
        "n-plus-one",
        "no-compression",
        "layout-shift",
    ]
    assert costliest(replace(account(), items=()))[0].item.cause.kind == "n-plus-one"


def test_gains_come_before_losses_and_what_is_not_proven_is_not_told() -> None:
    better, _, unsure, *_ = impact().effects
    worse = replace(
        better, metric="p99", comparison=replace(better.comparison, ratio=1.4, low=1.3, high=1.5, verdict=Verdict.REGRESSION)
    )
    said = won((replace(impact(), effects=(worse, unsure, better)),))
    assert [one.split()[2] for one in said] == ["better", "worse"]
    assert won((replace(impact(), effects=(unsure,)),)) == ("Nothing that 10 pairs could show has changed.",)


def test_a_goal_that_noise_has_moved_is_told_beside_the_limit() -> None:
    moved = tuple(replace(one, limit=0.02) if one.metric == "error_rate" else one for one in account().budgets)
    assert "| at most 2% (goal 1%) |" in report_md(replace(account(), budgets=moved))


def test_each_of_several_trials_says_what_it_was_against() -> None:
    one = _PARTIAL["two trials"]
    said = won(one.impacts)
    assert [text.partition(": ")[0] for text in said] == ["Against the baseline of 3f2a91c"] * 2 + ["Against revision 1"] * 2
    text = _parsed(report_html(one)).text
    assert text.count("What was to change") == 2
    assert "before: revision 1" in text


def test_a_tool_that_is_missing_is_said_once_with_how_to_get_it() -> None:
    one = replace(account(), found=account().found * 2)
    said = [caveat for caveat in caveats(one) if "py-spy" in caveat]
    assert said == ["`py-spy` is not here, so no native stacks are in the profile; `pip install 'bmad-provisioner[performance]'`."]


def test_the_baseline_is_data_that_can_be_compared_line_by_line() -> None:
    made = baseline_json(account())
    assert made == baseline_json(account())
    data = json.loads(made)
    assert data["format"] == "bmadp-performance-baseline/1"
    assert data["machine"]["identity"] == "0123456789abcdef"
    assert data["noise"]["alarms"] == {"wall": 0.044, "cpu": 0.051}
    (p95,) = (one for one in data["readings"] if one["metric"] == "p95")
    assert p95.keys() == {"target", "metric", "unit", "value", "low", "high", "detectable"}
    assert (p95["unit"], p95["value"]) == ("seconds", pytest.approx(0.172938))
    assert next(one for one in data["readings"] if one["metric"] == "cls")["detectable"] is None, "JSON has no infinity"
    assert set(data["services"]["web"]["shapes"]) == {"baseline", "stress", "spike", "soak"}
    assert data["services"]["web"]["shapes"]["spike"]["void"]
    assert [one["page"] for one in data["pages"]] == ["/", "/cart"]
    assert data["runs"]["job"]["failed"] == 1
    changed = baseline_json(
        replace(account(), readings=tuple(replace(one, estimate=one.estimate * 2) for one in account().readings))
    )
    differ = [line for line in made.decode().splitlines() if line not in set(changed.decode().splitlines())]
    assert len(differ) <= len(account().readings), "a reading is one line"


def test_a_baseline_of_nothing_is_data_too() -> None:
    data = json.loads(baseline_json(_EMPTY))
    assert (data["machine"], data["noise"], data["readings"], data["services"]) == (None, None, [], {})


def test_budgets_are_listed_with_their_units_goals_and_reasons() -> None:
    data = json.loads(budgets_json("shop", account().budgets))
    by_metric = {(one["target"], one["metric"]): one for one in data["budgets"]}
    assert by_metric["web", "p95"] == {
        "target": "web", "metric": "p95", "at": "most", "limit": 0.15, "unit": "seconds", "goal": 0.15, "why": "the goal",
    }  # fmt: skip
    assert by_metric["web", "throughput"]["at"] == "least"
    assert by_metric["web", "p50"]["goal"] is None
