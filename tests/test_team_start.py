"""A team whose every agent was cached is told again without a look at the cache, until anything it rests on moved."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time

import pytest

from bmad_provisioner.blobs import Blobs
from cli.home import MANIFEST, fast
from team_project import REQUEST, lent, until

FILE = {"file": "request.md"}
TOOL = "#!/bin/sh\n# {}\ncat notes.txt > tool.txt\n"


@pytest.fixture
def project():
    with lent() as made:
        yield made


@pytest.fixture
def desk(project):
    """A team with every kind of thing to rest on: a request, a file of the user's, a program of the user's, a template."""
    tool = project.folder / "tool.sh"
    tool.write_text(TOOL.format("one"))
    tool.chmod(0o755)
    (project.root / "notes.txt").write_text("a note\n")
    agents = {
        "designer": project.maker("docs/ui.md", reads=["requirements.ui"]),
        "builder": project.shell("sed -n s/.*theme:.//p docs/ui.md > page.txt", needs=["designer"], makes=["page.txt"]),
        "tool": {"runtime": {"command": [str(tool)]}, "reads": ["notes.txt"], "makes": ["tool.txt"]},
        "page": {
            "needs": ["designer"],
            "runtime": {"template": {"files": {"p.md.j2": "# {{ team }}\n"}}},
            "makes": ["p.md"],
        },
    }
    project.team(agents, request=FILE)
    return project


@pytest.fixture
def applied(desk):
    """A team of which everything is written and remembered."""
    assert desk.apply().code == 0
    return settled(desk)


def settled(project):
    """Run a team until a run no longer looks whether its agents are cached."""
    for _attempt in range(10):
        time.sleep(0.03)  # a file is believed once it was quiet for a tick of the clock
        if glances(project):
            project.turns  # noqa: B018
            return project
    raise AssertionError("it never glances")


def glances(project, *more) -> bool:
    said = project.bmadp("run", "--yes", "--timings", *more)
    assert said.code in (0, 1), said
    return "glance" in said.err and "parse" not in said.err


def told(project, verb, *more):
    """Return what a verb says, but for the seconds that it took itself."""
    said = project.bmadp(verb, *more)
    return said.code, re.sub(r"ran in [\d.]+ s", "ran in", said.out), said.err


# --- it says the same -------------------------------------------------------------------------------------------------

SAID = {
    "run": ("run", "--yes"),
    "run as JSON": ("run", "--yes", "--json"),
    "run without --yes": ("run",),
    "analyze": ("analyze",),
    "analyze as JSON": ("analyze", "--json"),
    "validate": ("validate",),
    "validate as JSON": ("validate", "--json"),
}


@pytest.mark.parametrize("verb", SAID)
@pytest.mark.parametrize("state", ["applied", "not applied", "edited"])
def test_it_is_told_as_if_everything_had_been_looked_at(desk, verb, state):
    assert desk.bmadp("run" if state == "not applied" else "apply", "--yes").code == 0
    if state == "edited":
        (desk.root / "page.txt").write_text("mine\n")
    settled(desk)
    short = told(desk, *SAID[verb])
    assert desk.turns == []
    (desk.state / "index.json").unlink()
    assert told(desk, *SAID[verb]) == short


@pytest.mark.parametrize("more", [("--yes",), ("--yes", "--json"), ()])
def test_apply_has_nothing_to_do_and_says_so_in_the_same_words(applied, more):
    short = told(applied, "apply", *more)
    (applied.state / "index.json").unlink()
    assert told(applied, "apply", *more) == short and short[0] == 0


def test_what_was_only_run_is_still_applied(desk):
    assert desk.bmadp("run", "--yes").code == 0
    settled(desk)
    assert desk.apply().code == 0 and desk.read("page.txt") == "dark\n"
    assert desk.turns == []


def test_warnings_about_the_manifest_and_the_plan_are_told_every_time(desk):
    desk.write(desk.manifest.read_text().replace("  tool:", "  tool:\n    skill: nowhere"))
    desk.apply()
    settled(desk)
    for verb in ("run", "apply", "analyze"):
        assert "skill `nowhere` is not in the project" in desk.bmadp(verb, *(("--yes",) if verb != "analyze" else ())).err


def test_what_the_manifest_itself_gives_to_tell_is_told_every_time(project):
    project.team({"one": project.maker("a.txt", "a")}, leader={"name": "boss"})
    said = [project.bmadp("run", "--yes").err, settled(project).bmadp("run", "--yes").err]
    assert said[0] == said[1] and "nothing says what the agents know" in said[0]


def test_a_run_that_has_to_warn_is_made_every_time(project):
    project.team({"one": project.maker("a.txt", "a")}, profile={"agents": 2, "memory": "900TB"})
    for _attempt in range(4):
        time.sleep(0.03)
        assert "of memory are free" in project.bmadp("run", "--yes").err
    assert project.turns == ["one"]


def test_it_writes_nothing(applied):
    before = {path: path.stat().st_mtime_ns for path in applied.root.rglob("*") if path.is_file()}
    assert glances(applied)
    assert {path: path.stat().st_mtime_ns for path in applied.root.rglob("*") if path.is_file()} == before


# --- it is forgotten --------------------------------------------------------------------------------------------------


def tool(project):
    (project.folder / "tool.sh").write_text(TOOL.format("two"))


def later(project, *, since=0.0, ends=0.0):
    """Have what is remembered begin or end at another time."""
    path = project.state / "index.json"
    body = json.loads(path.read_text())
    body["note"]["rests"]["since"] += since
    body["note"]["rests"]["until"] += ends
    path.write_text(json.dumps(body))


def edition(project):
    """Have what is remembered be of an edition whose steps said less."""
    path = project.state / "index.json"
    body = json.loads(path.read_text())
    body["note"]["made_from"][1].pop()
    body["note"]["plan"]["steps"] = [row[:-1] for row in body["note"]["plan"]["steps"]]
    path.write_text(json.dumps(body))


MOVES = {
    "another edition": (edition, []),
    "the request": (lambda p: p.ask(REQUEST.replace("dark", "light")), ["builder", "designer"]),
    "white space in the request": (lambda p: p.ask(REQUEST + "\n"), []),
    "the manifest": (lambda p: p.write(p.manifest.read_text() + "# more\n"), []),
    "a file of the user's": (lambda p: (p.root / "notes.txt").write_text("another\n"), []),
    "a program": (tool, []),
    "a program that is gone": (lambda p: (p.folder / "tool.sh").unlink(), []),
    "a settings file": (lambda p: (p.root / "bmad-provisioner.toml").write_text("max_concurrent_agents = 2\n"), []),
    "a generated file": (lambda p: (p.root / "page.txt").write_text("mine\n"), []),
    "a generated file that is gone": (lambda p: (p.root / "page.txt").unlink(), []),
    "a result that was dropped": (lambda p: p.bmadp("cache", "drop", "--agent", "designer", "--yes"), ["designer"]),
    "everything that was cleared": (lambda p: p.bmadp("cache", "clear"), ["builder", "designer"]),
    "a pruned cache": (lambda p: p.bmadp("cache", "prune"), []),
    "a lost store": (lambda p: (p.state / "blobs.db").unlink(), ["builder", "designer"]),
    "a lost receipt": (lambda p: next((p.state / "journal").iterdir()).unlink(), []),
    "an hour that passed": (lambda p: later(p, ends=-3700.0), []),
    "a clock that was set back": (lambda p: later(p, since=3700.0), []),
}


@pytest.mark.parametrize("what", MOVES)
def test_whatever_moves_is_looked_at(applied, what):
    move, woken = MOVES[what]
    move(applied)
    assert not glances(applied)
    assert sorted(applied.turns) == woken


def test_a_variable_or_a_flag_that_sets_something_else_is_heeded(applied, monkeypatch):
    assert not glances(applied, "--max-concurrent-agents", "2")
    settled(applied)
    monkeypatch.setenv("BMADP_DISK_CACHE_SIZE", "1G")
    assert not glances(applied)
    monkeypatch.setenv("BMADP_DISK_CACHE_SIZE", "none")
    assert applied.bmadp("run", "--yes").is_one_error(2, "BMADP_DISK_CACHE_SIZE")


def test_where_every_step_is_to_be_logged_every_run_is_whole(applied):
    for _attempt in range(3):
        time.sleep(0.03)
        assert not glances(applied, "--performance-logging", "true")


def test_what_was_not_there_and_comes_is_seen(desk):
    assert desk.bmadp("run", "--yes").code == 0
    settled(desk)
    (desk.root / "docs").write_text("no folder\n")
    assert "`docs` is no folder" in desk.bmadp("run", "--yes").err
    (desk.root / "docs").unlink()
    settled(desk)
    (desk.root / "page.txt").write_text("mine\n")
    (change,) = (one for one in desk.bmadp("run", "--yes", "--json").plans[0]["changes"] if one["path"] == "page.txt")
    assert change["before"] is not None


def test_who_is_asked_again_is_asked(applied):
    assert applied.ended("--again", "designer")["designer"] == "done" and applied.turns == ["designer"]
    settled(applied)
    assert applied.ended("--refresh")["builder"] == "done" and sorted(applied.turns) == ["builder", "designer"]
    settled(applied)
    assert applied.ended("--benchmark-mode", "true")["builder"] == "done"
    assert sorted(applied.turns) == ["builder", "designer"]


def test_a_result_that_expires_is_made_again(project):
    project.team({"keeper": project.maker("data.md", "the same", cache={"ttl": "4s"}), "other": project.maker("b.md", "b")})
    settled(project)
    ends = json.loads((project.state / "index.json").read_text())["note"]["rests"]["until"]
    (kept,) = (one for one in project.bmadp("cache", "list", "--json").json if one["task"] == "keeper")
    assert ends == kept["expires"]
    until(lambda: time.time() > ends)
    assert project.ended() == {"keeper": "done", "other": "cached"} and project.turns == ["keeper"]


@pytest.mark.parametrize("kept", ["never", {"level": "memory"}])
def test_a_result_that_is_not_kept_on_disk_is_made_every_time(project, kept):
    project.team({"keeper": project.maker("data.md", "x", cache=kept), "other": project.maker("b.md", "b")})
    for _attempt in range(4):
        time.sleep(0.03)
        assert not glances(project)
    assert project.turns.count("keeper") == 4


def test_a_store_that_somebody_has_open_is_asked(applied):
    other = Blobs(applied.state / "blobs.db")
    try:
        assert not glances(applied)
    finally:
        other.close()


def test_an_interrupted_run_is_finished_first(applied):
    (applied.state / "txn" / "00000009-1.done").mkdir()
    assert not glances(applied) and applied.leftovers() == []


def test_from_another_folder_the_manifest_is_told_by_its_other_name(desk):
    desk.write(desk.manifest.read_text().replace("  tool:", "  tool:\n    skill: nowhere"))
    desk.apply()
    settled(desk)
    command = ("run", desk.manifest, "--yes", "--json")
    said = desk.process(*command, cwd=desk.folder)
    assert said.plans[0]["findings"][0]["path"] == os.path.join("project", "bmad-provisioner.yaml")


def test_what_is_known_is_told_without_loading_what_makes_it(applied):
    heavy = ["sqlite3", "jinja2", "pydantic", "jsonschema", "httpx", "yaml", "bmad_provisioner.api", "tomllib", "asyncio"]
    script = "import sys; from bmad_provisioner.cli.main import invoke; invoke(['run', '--yes']); "
    script += f"print('loaded', *[name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], cwd=applied.root, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "loaded"


# --- several documents ------------------------------------------------------------------------------------------------


def test_every_team_of_a_manifest_is_told_every_time(project):
    project.team({"one": project.maker("one.txt", "one")})
    first = project.manifest.read_text()
    project.team({"two": project.maker("two.txt", "two")}, name="other")
    project.write(f"{first}---\n{project.manifest.read_text()}")
    for _attempt in range(4):
        time.sleep(0.03)
        assert [plan["document"] for plan in project.bmadp("run", "--yes", "--json").plans] == ["Team:desk", "Team:other"]


def test_every_document_of_a_manifest_is_told_every_time():
    with fast() as home:
        home.write(MANIFEST + "---\n" + MANIFEST.replace("Clinic", "Other").replace("dev-", "op-"))
        assert home.apply().code == 0
        for _attempt in range(3):
            time.sleep(0.03)
            assert len(home.bmadp("analyze", "--json").plans) == 2
