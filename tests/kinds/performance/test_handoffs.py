"""Hand-offs: each skill gets its own part, with all it needs to begin, and nothing where there is nothing to do."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from bmad_provisioner.kinds.performance.causes import Cause
from bmad_provisioner.kinds.performance.clue import BYTES, CAPACITY, TIME
from bmad_provisioner.kinds.performance.discover.facts import DATABASE, METRICS, App, At, Found, Thing
from bmad_provisioner.kinds.performance.estimate import exactly, share
from bmad_provisioner.kinds.performance.handoffs import DESIGN, IMPLEMENT, OBSERVE, VERIFY, handoffs
from bmad_provisioner.kinds.performance.order import COMMAND, SERVICE, Target
from bmad_provisioner.kinds.performance.roadmap import Item, roadmap
from bmad_provisioner.kinds.performance.trials import trials

_QUICK = Cause(
    "n-plus-one",
    "web",
    "GET /orders",
    TIME,
    share(60, 100),
    "40 statements of one shape",
    "ask once, with a join",
    "shop/orders.py",
    12,
    100,
    0.5,
)
_LOCK = Cause(
    "lock",
    "web",
    "GET /stock",
    CAPACITY,
    share(60, 100),
    "32 at once take 30 times as long",
    "",
    "shop/stock.py",
    3,
    100,
    0.5,
    busy=0.4,
)
_BYTES = Cause("no-compression", "web", "GET /big", BYTES, exactly(0.9), "300 kB, 30 kB packed")
_APP = Found(
    apps=(App("FastAPI", "app", At("shop/main.py", 4)),),
    things=(Thing(DATABASE, "PostgreSQL", At("requirements.txt", 2), "psycopg"),),
)
_WATCHED = Found(things=(Thing(METRICS, "prometheus-fastapi-instrumentator", At("requirements.txt", 1)),), apps=_APP.apps)


def _made(
    causes: list[Cause], found: Found = _APP, effort: dict[str, float] | None = None, team: str = "", **more: Any
) -> dict[str, str]:
    items = roadmap(causes, 0.03, effort)
    return handoffs("shop", items, trials(items, {}), found, team, **more)


def _head(text: str) -> dict[str, Any]:
    _, head, _ = text.split("---\n", 2)
    data: dict[str, Any] = yaml.safe_load(head)
    return data


def test_each_skill_gets_what_is_its_own() -> None:
    made = _made([_QUICK, _LOCK, _BYTES], effort={"lock": 5}, team="maintenance")
    heads = {name: _head(text) for name, text in made.items()}
    assert list(heads) == [f"{IMPLEMENT}.md", f"{OBSERVE}.md", f"{DESIGN}.md"]
    assert all(name == f"{head['skill']}.md" and head["status"] == "ready" for name, head in heads.items())
    assert heads[f"{IMPLEMENT}.md"]["items"] == ["PERF-001", "PERF-003"]
    assert heads[f"{IMPLEMENT}.md"]["team"] == "maintenance"
    assert heads[f"{DESIGN}.md"]["items"] == ["PERF-002"]
    assert heads[f"{OBSERVE}.md"]["items"] == ["web: latency", "web: traffic", "web: errors", "web: saturation"]


def test_inputs_are_files_that_the_document_makes() -> None:
    made = {"requirements", "telemetry", "architecture", "baseline", "profile", "budgets", "roadmap", "test-plan", "alerts"}
    for text in _made([_QUICK, _LOCK], effort={"lock": 5}).values():
        for path in (_head(text)["from"], *_head(text)["inputs"].values()):
            folder, name = path.rsplit("/", 1)
            assert (
                folder == "performance/shop" and name.rpartition(".")[0] in made
            ) or path == f"performance/shop/handoffs/{IMPLEMENT}.md"


@pytest.mark.parametrize(
    "words",
    [
        "- **Where**: `shop/orders.py:12`, when `web` is asked for `GET /orders`",
        "- **Seen**: 40 statements of one shape; 60% of the cost of that request in 100 looks",
        "- **Do**: ask once, with a join",
        "50% of all requests go there, and one gets cheaper by at least",
        "- **Effort**: 0.5 days believed (quick)",
        "interleaved pairs of runs, Wilcoxon p < 0.05 and an interval beyond 3%",
        "get no worse",
        f"- **Verify**: `{VERIFY}`",
    ],
)
def test_an_item_says_what_where_why_and_when_it_is_done(words: str) -> None:
    assert words in _made([_QUICK])[f"{IMPLEMENT}.md"]


def test_capacity_is_told_to_the_architect_even_where_a_small_change_raises_it() -> None:
    text = _made([_LOCK])[f"{DESIGN}.md"]
    assert _head(text)["items"] == []
    assert "| PERF-001 | 32 at once take 30 times as long | `shop/stock.py:3` | 2 days of `bmad-development-execution` |" in text
    assert "| database | PostgreSQL | `requirements.txt:2` |" in text


def test_a_long_item_is_a_decision_with_its_numbers() -> None:
    text = _made([_LOCK], effort={"lock": 5})[f"{DESIGN}.md"]
    for words in (
        "- **Numbers**: 60% (",
        "the servers were 40% busy",
        "- **Where**: `shop/stock.py:3`",
        "`throughput` (Requests borne) rises by at least",
    ):
        assert words in text


def test_who_has_nothing_to_do_gets_nothing() -> None:
    assert _made([], _WATCHED) == {}
    assert list(_made([_QUICK], _WATCHED)) == [f"{IMPLEMENT}.md"]


def test_gaps_are_those_of_the_targets() -> None:
    targets = (Target("web", SERVICE), Target("job", COMMAND))
    made = _made([], _WATCHED, targets=targets)
    assert list(made) == [f"{OBSERVE}.md"]
    assert {item.partition(":")[0] for item in _head(made[f"{OBSERVE}.md"])["items"]} == {"job"}


def test_an_item_without_a_trial_still_says_when_it_is_accepted() -> None:
    items: tuple[Item, ...] = roadmap([_QUICK], 0.03)
    assert "it saves at least" in handoffs("shop", items, (), _APP)[f"{IMPLEMENT}.md"]


def test_words_of_strangers_stay_in_their_place() -> None:
    evil = Cause(
        "lock", "web", "GET /`x|\n# Heading", TIME, share(60, 100), "a | b\n# Heading <script>", "do\n---\nthis", "a.py", 1, 100
    )
    for text in _made([evil]).values():
        assert "\n# Heading" not in text
        assert text.count("\n---\n") == 1
