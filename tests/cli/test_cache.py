"""The verb cache: what is kept, what it saved, and that only what was chosen is forgotten."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import replace

import pytest
from redis import Redis

from bmad_provisioner.blobs import Blobs
from bmad_provisioner.digest import digest, fingerprint
from bmad_provisioner.engine.breaker import Breakers
from bmad_provisioner.engine.cache import Made, spelled
from bmad_provisioner.engine.circuits import DiskStore
from bmad_provisioner.engine.levels import Levels
from bmad_provisioner.engine.shared import Shared
from bmad_provisioner.engine.task import Action, Keeping, Lane, Output
from bmad_provisioner.usage import Usage
from cli.home import LEADER, MANIFEST, fast
from engine.test_shared import free_port, kill, serving
from engine.work import SAY, task

SLOW = Action("slow", "1", SAY.function, Lane.IO, external=True)
AGENTS = {"frontend-developer": "web", "backend-developer": "api", "qa-engineer": "web"}
DAY = 86_400


def work(name):
    tags = (f"agent:{name}", AGENTS[name])
    return replace(task(name, action=SLOW), keeping=Keeping(level="shared", tags=tags))


def remember(home, *, shared=None, ago=0.0):
    """Keep a result of each agent, as a run that ended `ago` seconds ago did."""
    with closing(Blobs(home.state / "blobs.db")) as blobs:
        levels = Levels(blobs, shared=shared, now=lambda: time.time() - ago)
        for number, name in enumerate(AGENTS, 1):
            output = Output({f"{name}.md": blobs.keep(name.encode())}, usage=Usage(cost=0.5 * number))
            body = spelled(output)
            levels.put(Made(fingerprint(name), output, body, digest(body), work(name), 60.0 * number))
        levels.commit()


@pytest.fixture
def home():
    with fast() as lent:
        assert lent.apply(MANIFEST).code == 0
        remember(lent, ago=2 * DAY)
        yield lent


def agents(home, *options):
    """Return the agents whose results are listed."""
    return {row["task"] for row in home.bmadp("cache", "list", *options, "--json").json} & AGENTS.keys()


CHOICES = {
    "everything": ((), set(AGENTS)),
    "an agent": (("--agent", "qa-engineer"), {"qa-engineer"}),
    "a tag": (("--tag", "web"), {"frontend-developer", "qa-engineer"}),
    "old enough": (("--older", "1d"), set(AGENTS)),
    "too young": (("--older", "3d"), set()),
    "a pattern of names": (("--pattern", "*-developer"), {"frontend-developer", "backend-developer"}),
    "a pattern of keys": (("--pattern", f"{fingerprint('qa-engineer')[:9]}*"), {"qa-engineer"}),
    "all of it at once": (("--tag", "web", "--pattern", "*-developer", "--older", "1d"), {"frontend-developer"}),
    "nothing": (("--tag", "we"), set()),
}


@pytest.mark.parametrize(("options", "expected"), CHOICES.values(), ids=CHOICES)
def test_what_is_listed_is_what_was_chosen(home, options, expected):
    assert agents(home, *options) == expected


def test_a_list_shows_who_made_what_when_and_for_how_much(home):
    said = home.bmadp("cache", "list", "--agent", "qa-engineer")
    assert said.code == 0 and f"{fingerprint('qa-engineer')[:12]}  qa-engineer  made 2 d ago" in said.out
    assert "took 180.0 s, $1.5000" in said.out and "agent:qa-engineer web" in said.out
    assert home.bmadp("cache", "list", "--tag", "none").out == "no such results\n"
    assert "leader dev-leader" in home.bmadp("cache", "list", "--agent", "dev-leader").out


@pytest.mark.parametrize(("options", "expected"), [choice for name, choice in CHOICES.items() if name != "everything"])
def test_what_is_dropped_is_what_was_listed(home, options, expected):
    before = home.bmadp("cache", "list", *options, "--json").json
    said = home.bmadp("cache", "drop", *options, "--yes", "--json")
    assert said.code == 0 and said.json == {"dropped": len(before), "results": before}
    assert agents(home) == AGENTS.keys() - expected


def test_a_dry_run_drops_nothing(home):
    said = home.bmadp("cache", "drop", "--tag", "web", "--dry-run")
    assert said.code == 0 and "would forget 2 results" in said.out and "qa-engineer" in said.out
    assert home.bmadp("cache", "drop", "--tag", "web", "--dry-run", "--json").json["dropped"] == 0
    assert agents(home) == set(AGENTS)


REFUSED = {
    "nobody to ask": (("--tag", "web"), ("nobody to ask", "--yes")),
    "nothing chosen": (("--yes",), ("which results?", "bmadp cache clear")),
    "no shared level": (("--tag", "web", "--yes", "--shared"), ("there is no shared cache", "shared_cache_url")),
}


@pytest.mark.parametrize(("options", "words"), REFUSED.values(), ids=REFUSED)
def test_a_drop_that_cannot_be_meant_is_refused(home, options, words):
    assert home.bmadp("cache", "drop", *options).is_one_error(2, *words)
    assert agents(home) == set(AGENTS)


def test_an_age_that_is_none_is_refused(home):
    said = home.bmadp("cache", "list", "--older", "soon")
    assert said.code == 2 and "`soon` is no duration" in said.err


def test_a_dropped_result_leaves_files_and_receipts(home):
    before = home.files()
    assert home.bmadp("cache", "drop", "--pattern", "*", "--yes").code == 0
    assert home.bmadp("cache", "prune").code == 0
    assert home.files() == before and home.bmadp("history", "--verify").code == 0
    (home.root / LEADER).unlink()
    assert home.bmadp("heal", "--yes").code == 0 and home.files().keys() == before.keys()


def test_pruning_keeps_to_the_bound_and_forgets_the_cheap_first(home):
    (home.root / "bmad-provisioner.toml").write_text('disk_cache_size = "1k"\n')
    said = home.bmadp("cache", "prune", "--json")
    assert said.code == 0 and said.json["forgotten"] > 0
    left = {row["task"] for row in home.bmadp("cache", "list", "--json").json}
    assert left >= set(AGENTS) and "leader dev-leader" not in left
    assert home.bmadp("cache", "stats", "--json").json["levels"]["disk"]["evictions"] == said.json["forgotten"]
    assert home.bmadp("cache", "prune", "--json").json == {"forgotten": 0, "dropped": 0}
    assert home.bmadp("history", "--verify").code == 0


def test_stats_show_what_every_level_saved_and_which_breakers_are_open(home):
    with closing(Blobs(home.state / "blobs.db")) as blobs:
        levels = Levels(blobs)
        assert len(levels.get_many({fingerprint(name): work(name) for name in AGENTS})) == 3
        levels.commit()
        breakers = Breakers(DiskStore(blobs), failures=1)
        breakers.failed(breakers.ask("claude"))
    numbers = home.bmadp("cache", "stats", "--json").json
    disk = numbers["levels"]["disk"]
    assert (disk["hits"], disk["misses"], disk["seconds"], disk["money"]) == (3, 0, 360.0, 3.0)
    assert disk["entries"] == numbers["outputs"] and disk["bytes"] > 0 and numbers["shared"] is None
    assert numbers["breakers"]["claude"]["phase"] == "open"
    text = home.bmadp("cache", "stats").out
    assert "360.0 s, $3.0000" in text and "claude: open (opened 0 s ago), 1 failures in a row" in text


def test_the_shared_level_is_shown_dropped_from_and_may_be_down(home):
    with serving(free_port(), maxmemory="64mb") as server:
        url = f"redis://127.0.0.1:{server.port}"
        (home.root / "bmad-provisioner.toml").write_text(f'shared_cache_url = "{url}"\n')
        with closing(Shared(url, warn=print, patience=5.0)) as far:
            remember(home, shared=far)
        said = home.bmadp("cache", "stats")
        assert "shared   up: " in said.out and "3 of its keys are ours" in said.out
        assert "the server evicts by `noeviction`" in said.err
        assert home.bmadp("cache", "stats", "--json").json["levels"]["shared"]["entries"] == 3
        assert home.bmadp("cache", "drop", "--tag", "api", "--yes").code == 0
        assert home.bmadp("cache", "drop", "--agent", "qa-engineer", "--yes", "--shared").code == 0
        with closing(Redis(port=server.port)) as raw:
            assert len(raw.keys("bmadp:*")) == 2
        kill(server)
    said = home.bmadp("cache", "stats")
    assert said.code == 0 and "shared   down" in said.out and "cannot be reached" in said.err
    assert home.bmadp("cache", "drop", "--tag", "web", "--yes", "--shared").code == 0
    assert agents(home) == set()
