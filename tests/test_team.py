"""A team on real files: who runs again and who does not, why, what is written, and what stays the user's."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

import pytest

import bmad_provisioner
from cli.home import MANIFEST, Home
from team_project import REQUEST, lent

FILE = {"file": "request.md"}


@pytest.fixture
def project():
    with lent() as made:
        yield made


@pytest.fixture
def desk(project):
    """Two branches: one reads what is asked of the screen and is read in turn, the other what is asked of the database."""
    project.team(
        {
            "designer": project.maker("docs/ui.md", reads=["requirements.ui"]),
            "keeper": project.maker("docs/data.md", reads=["requirements.database"]),
            "builder": project.shell("sed -n s/.*theme:.//p docs/ui.md > page.txt", needs=["designer"], makes=["page.txt"]),
        },
        request=FILE,
    )
    return project


@pytest.fixture
def applied(desk):
    assert desk.apply().code == 0
    assert sorted(desk.turns) == ["builder", "designer", "keeper"]
    return desk


# --- who runs again ---------------------------------------------------------------------------------------------------


def test_a_second_run_asks_nobody(desk):
    assert set(desk.ended().values()) == {"done"}
    assert sorted(desk.turns) == ["builder", "designer", "keeper"]
    assert set(desk.ended().values()) == {"cached"}
    assert desk.apply().code == 0
    assert desk.turns == [] and desk.read("page.txt") == "dark\n"


REQUESTS = {
    "a requirement that one branch reads": ("theme: dark", "theme: light", ["builder", "designer"]),
    "a requirement that only the other reads": ("engine: SQLite", "engine: PostgreSQL", ["keeper"]),
    "a typo in a section that nobody reads": ("Ask Ines", "Aks Ines", []),
    "white space": ("- theme: dark", "-   theme:   dark  ", []),
    "the order of sections": ("## notes\n\n- Ask Ines about the logo.\n", "", []),
    "a new section": ("## notes", "## money\n\n- There is none.\n\n## notes", []),
    "a new requirement in a section that is read": ("engine: SQLite", "engine: SQLite\n- backup: daily", ["keeper"]),
}


@pytest.mark.parametrize("case", REQUESTS)
def test_a_changed_request_wakes_who_reads_what_changed(applied, case):
    old, new, woken = REQUESTS[case]
    applied.ask(REQUEST.replace(old, new))
    ended = applied.ended()
    assert sorted(applied.turns) == woken
    assert {name for name, status in ended.items() if status == "cached"} == {"builder", "designer", "keeper"} - set(woken)


def test_to_go_back_to_an_earlier_request_costs_nothing(applied):
    applied.ask(REQUEST.replace("dark", "light"))
    assert applied.apply().code == 0 and sorted(applied.turns) == ["builder", "designer"]
    assert applied.read("page.txt") == "light\n"
    applied.ask()
    assert applied.apply().code == 0
    assert applied.turns == [] and applied.read("page.txt") == "dark\n"


def test_who_runs_again_and_writes_the_same_wakes_nobody(project):
    first = project.shell("echo stable > a.txt", reads=["requirements.ui"], makes=["a.txt"])
    project.team({"first": first, "second": project.shell("cp a.txt b.txt", needs=["first"], makes=["b.txt"])}, request=FILE)
    project.ended()
    assert project.turns == ["first", "second"]
    project.ask(REQUEST.replace("dark", "light"))
    assert project.ended() == {"first": "done", "second": "cached"}
    assert project.turns == ["first"]


def test_a_section_that_did_not_change_wakes_nobody_who_reads_just_that(project):
    script = "printf '# Paper\\n\\n## Screens\\n\\none\\n\\n## Theme\\n\\n' > paper.md; grep theme: >> paper.md"
    writer = project.shell(script, reads=["requirements.ui"], makes=["paper.md"])
    screens = project.maker("screens.txt", needs=["writer"], reads=["paper.md#screens"])
    theme = project.maker("theme.txt", needs=["writer"], reads=["paper.md#theme"])
    project.team({"writer": writer, "screens": screens, "theme": theme}, request=FILE)
    project.ended()
    assert sorted(project.turns) == ["screens", "theme", "writer"]
    project.ask(REQUEST.replace("dark", "light"))
    assert project.ended() == {"writer": "done", "screens": "cached", "theme": "done"}


CHANGES = {
    "its prompt": {"prompt": "Say it in verse."},
    "its model": {"model": "large"},
    "its declared version": {"version": "2"},
    "its check": {"check": "test -s docs/data.md"},
    "what it makes": {"makes": ["docs/*.md"]},
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_agent_runs_again_and_nobody_else(desk, change):
    desk.ended()
    desk.turns  # noqa: B018
    keeper = desk.maker("docs/data.md", reads=["requirements.database"])
    other = {"designer": desk.maker("docs/ui.md", reads=["requirements.ui"])}
    desk.team({**other, "keeper": {**keeper, **CHANGES[change]}}, request=FILE)
    assert desk.ended() == {"designer": "cached", "keeper": "done"}


def test_again_has_one_agent_run_again_and_refresh_all(applied):
    assert applied.ended("--again", "keeper") == {"designer": "cached", "keeper": "done", "builder": "cached"}
    assert applied.turns == ["keeper"]
    assert set(applied.ended("--refresh").values()) == {"done"}
    assert applied.steps("--again", "keeper")["keeper"]["because"] == ["it was asked for"]


def test_an_agent_whose_results_are_not_kept_runs_every_time(project):
    keeper = project.maker("data.md", "the same", cache="never")
    project.team({"keeper": keeper, "reader": project.shell("cp data.md b.md", needs=["keeper"], makes=["b.md"])})
    for turns in (["keeper", "reader"], ["keeper"], ["keeper"]):
        project.ended()
        assert project.turns == turns


# --- runtimes ---------------------------------------------------------------------------------------------------------


def test_commands_python_templates_and_canned_answers_work_in_one_team(project):
    count = "    return {'files': {'count.txt': str(len((folder / 'a.txt').read_text()))}}\n"
    (project.root / "words.py").write_text(f"def count(prompt, folder, data):\n{count}")
    page = {"files": {"page.html.j2": "<p>{{ inputs['count.txt'] }}</p>\n"}}
    agents = {
        "canned": {"runtime": {"canned": {"files": {"a.txt": "twelve bytes"}}}, "makes": ["a.txt"]},
        "python": {"needs": ["canned"], "runtime": {"python": {"call": "words:count", "path": "."}}, "makes": ["count.txt"]},
        "template": {"needs": ["python"], "runtime": {"template": page}, "makes": ["page.html"]},
        "command": project.shell("tr a-z A-Z < page.html > loud.html", needs=["template"], makes=["loud.html"]),
    }
    project.team(agents)
    said = project.apply()
    assert said.code == 0, said
    assert project.read("loud.html") == "<P>12</P>\n"
    assert set(project.ended().values()) == {"cached"}


# --- before and after -------------------------------------------------------------------------------------------------


def test_analyze_names_the_strategy_and_who_would_run_and_touches_nothing(desk):
    before = desk.files()
    said = desk.bmadp("analyze")
    assert said.code == 0 and desk.files() == before and desk.turns == []
    assert "full rebuild: 3 to run, 0 cached" in said.out and "* keeper  it never ran here" in said.out
    desk.ended()
    assert "nothing to run: 0 to run, 3 cached" in desk.bmadp("analyze").out
    desk.ask(REQUEST.replace("dark", "light"))
    said = desk.bmadp("analyze")
    assert "2 to run, 1 cached" in said.out and "* designer  requirement ui.theme changed: dark -> light" in said.out
    assert "? builder  it waits for others that run" in said.out


def test_analyze_says_as_json_what_text_says(applied):
    applied.ask(REQUEST.replace("SQLite", "PostgreSQL"))
    (cast,) = applied.bmadp("analyze", "--json").json["forecasts"]
    assert cast["cached"] == 2 and [one["task"] for one in cast["agents"]] == ["keeper"]
    assert cast["agents"][0]["because"] == ["requirement database.engine changed: SQLite -> PostgreSQL"]


def test_the_strategy_is_selective_where_an_agent_was_changed_and_incremental_where_the_request_was(applied):
    applied.ask(REQUEST.replace("dark", "light"))
    assert applied.bmadp("analyze", "--json").json["forecasts"][0]["strategy"] == "incremental"
    applied.ask()
    applied.write(applied.manifest.read_text().replace("sed -n", "sed  -n"))
    assert applied.bmadp("analyze", "--json").json["forecasts"][0]["strategy"] == "selective"


def test_why_names_the_requirement_and_from_what_to_what_it_changed(applied):
    applied.ask(REQUEST.replace("dark", "light"))
    assert "requirement ui.theme changed: dark -> light" in applied.bmadp("why", "designer").out
    assert "held: what it needs has to run first" in applied.bmadp("why", "builder").out
    assert "cached: nothing that it depends on changed" in applied.bmadp("why", "keeper").out
    applied.ended()
    assert "made the last time because requirement ui.theme changed: dark -> light" in applied.bmadp("why", "designer").out


def test_graph_shows_who_needs_whom_as_text_json_and_mermaid(desk):
    assert "3 ? builder  held  needs file docs/ui.md" in desk.bmadp("graph").out
    (document,) = desk.bmadp("graph", "--json").json["documents"]
    needs = {task["task"]: task["needs"] for task in document["tasks"]}
    assert needs["builder"] == ["file docs/ui.md"] and needs["file docs/ui.md"] == ["designer"]
    assert desk.bmadp("graph", "--mermaid").out.startswith("flowchart LR\n") and desk.turns == []


def test_agents_are_told_in_the_order_of_the_document_each_time(project):
    project.team({name: project.maker(f"{name}.txt") for name in ("zeta", "alpha", "mu")})
    assert project.apply().code == 0
    for _ in range(2):
        assert [name for name in re.findall(r"\w+", project.bmadp("graph").out) if name in ("zeta", "alpha", "mu")] == [
            "zeta",
            "alpha",
            "mu",
        ]


def test_run_writes_nothing_into_the_project_and_apply_asks_nobody_again(desk):
    before = desk.files()
    assert desk.bmadp("run", "--yes").code == 0 and desk.files() == before
    assert len(desk.turns) == 3
    assert desk.apply().code == 0 and desk.turns == []
    assert desk.read("page.txt") == "dark\n"


def test_apply_is_one_commit_and_restore_takes_it_back(desk):
    before = desk.files()
    (receipt,) = desk.bmadp("apply", "--yes", "--json").json["receipts"]
    assert [change["path"] for change in receipt["changes"]] == ["docs/data.md", "docs/ui.md", "page.txt"]
    assert desk.bmadp("restore", "--yes").code == 0 and desk.files() == before
    desk.turns  # noqa: B018
    assert desk.apply().code == 0 and desk.turns == [], "what was taken back is still remembered"


def test_without_yes_and_without_anybody_to_ask_no_agent_runs(desk):
    assert desk.process("run").is_one_error(2, "nobody to ask", "--yes")
    assert desk.turns == []


# --- the user's own hand ----------------------------------------------------------------------------------------------

LINES = "theme=$(grep -o 'theme: .*'); seq 1 9 | sed \"s/^/line /; 2s/.*/$theme/\" > page.txt"


def test_an_edit_in_a_made_file_survives_a_run_that_changes_another_line(project):
    project.team({"builder": project.shell(LINES, reads=["requirements.ui"], makes=["page.txt"])}, request=FILE)
    assert project.apply().code == 0
    page = project.root / "page.txt"
    page.write_text(page.read_text().replace("line 8", "my line 8"))
    project.ask(REQUEST.replace("dark", "light"))
    said = project.apply()
    assert said.code == 0, said
    assert "theme: light" in page.read_text() and "my line 8" in page.read_text()


def test_an_edit_in_the_very_line_is_a_conflict_that_is_refused_and_can_be_decided(applied):
    (applied.root / "page.txt").write_text("mine\n")
    applied.ask(REQUEST.replace("dark", "light"))
    assert applied.apply().is_one_error(1, "`page.txt`", "nothing was written", "--theirs")
    assert applied.read("page.txt") == "mine\n" and "dark" in applied.read("docs/ui.md")
    assert applied.bmadp("apply", "--yes", "--theirs", "page.txt").code == 0
    assert applied.read("page.txt") == "light\n"


def test_a_file_that_nobody_made_is_not_overwritten(desk):
    (desk.root / "page.txt").write_text("mine\n")
    assert desk.apply().is_one_error(1, "`page.txt`", "nothing was written")
    assert desk.read("page.txt") == "mine\n" and not (desk.root / "docs").exists()


def test_an_agent_may_change_a_file_of_the_project_that_it_reads(project):
    (project.root / "notes.txt").write_text("one\n")
    project.team(
        {
            "editor": project.shell(
                "grep -q two notes.txt || echo two >> notes.txt; touch notes.txt", reads=["notes.txt"], makes=["notes.txt"]
            )
        }
    )
    said = project.apply()
    assert said.code == 0, said
    assert project.read("notes.txt") == "one\ntwo\n"
    assert project.apply().code == 0 and project.turns == ["editor"], "what stands there is what it made itself"
    (project.root / "notes.txt").write_text("mine\n")
    assert project.apply().code == 0 and project.read("notes.txt") == "mine\ntwo\n", "it went on from what it saw"
    assert project.bmadp("restore", "--yes").code == 0 and project.read("notes.txt") == "mine\n"


# --- once, review, routes ---------------------------------------------------------------------------------------------


def test_an_agent_that_acts_once_is_not_tried_again_unless_it_is_asked_for(project):
    agents = {"sender": project.shell("exit 75", effect="once", makes=["sent.txt"]), "other": project.maker("other.txt", "fine")}
    project.team(agents, policy={"retries": 3, "backoff": "none"})
    assert project.ended() == {"sender": "failed", "other": "done"}
    assert project.turns.count("sender") == 1
    step = project.steps()["sender"]
    assert (step["status"], step["error"]) == ("failed", "it was started before and never reported that it succeeded")
    assert project.turns == []
    project.ended("--again", "sender")
    assert project.turns == ["sender"]


def test_an_agent_that_acted_once_with_success_is_cached_as_any_other(project):
    project.team({"sender": project.maker("sent.txt", "sent", effect="once")})
    assert project.ended() == {"sender": "done"} and project.ended() == {"sender": "cached"}
    assert project.turns == ["sender"]


POLITE = (
    """echo "$(cat letter.txt) and now $(grep -c 'A reviewer objects')" > letter.txt; [ -e copy.txt ] || echo kept > copy.txt"""
)
DRAFT = "if grep -q 'say please'; then echo please; else echo now; fi > letter.txt"
VERDICT = """if grep -q please letter.txt; then echo '{"data": {"accepted": true, "objections": []}}'
else echo '{"data": {"accepted": false, "objections": ["say please"]}}'; fi"""


def reviewed(project, verdict=VERDICT, rounds=3, **writer):
    critic = project.shell(verdict, needs=["writer"], prompt="Is it polite?", review={"of": "writer", "rounds": rounds})
    critic["runtime"]["command"] = {"command": ["sh", "-c", critic["runtime"]["command"]], "answer": "json"}
    reader = project.shell("cp letter.txt sent.txt", needs=["writer"], makes=["sent.txt"])
    project.team({"writer": writer or project.shell(DRAFT, makes=["letter.txt"]), "critic": critic, "reader": reader})


def test_a_reviewer_objects_once_and_the_next_draft_is_accepted(project):
    reviewed(project)
    said = project.apply()
    assert said.code == 0, said
    assert project.turns == ["writer", "critic", "writer", "critic", "reader"], "a round after that asks nobody"
    assert project.read("letter.txt") == project.read("sent.txt") == "please\n"
    assert set(project.ended().values()) == {"cached"} and project.turns == []


def test_a_draft_goes_on_from_the_one_before_and_what_is_right_of_it_stays(project):
    (project.root / "letter.txt").write_text("hello")
    verdict = VERDICT.replace("grep -q please", "grep -q 'now 1'")
    reviewed(project, verdict, **project.shell(POLITE, reads=["letter.txt"], makes=["letter.txt", "copy.txt"]))
    said = project.apply()
    assert said.code == 0, said
    assert project.read("letter.txt") == "hello and now 0 and now 1\n" and project.read("copy.txt") == "kept\n"


def test_a_reviewer_that_never_accepts_leaves_a_warning_and_the_last_draft(project):
    reviewed(project, """echo '{"data": {"accepted": false, "objections": ["shorter"]}}'""", rounds=2)
    said = project.apply()
    assert said.code == 0 and "its reviewer still objects: shorter" in said.err
    assert project.read("letter.txt") == "now\n" and project.turns.count("writer") == 2


def test_a_reviewer_that_gives_no_verdict_fails_and_nothing_is_taken_of_it(project):
    reviewed(project, 'echo \'{"text": "nice"}\'')
    ended = project.ended()
    assert ended == {"writer": "skipped", "critic": "skipped", "reader": "skipped"}
    assert project.turns == ["writer", "critic"]


@pytest.mark.parametrize("makes", ["base.txt", "*.txt", "**/*.txt", "[id]/base.txt"])
def test_who_the_request_does_not_concern_is_idle_and_what_it_made_stays(project, makes):
    base = makes if "*" not in makes else "base.txt"
    miner = project.maker(base, reads=["requirements"], domain="database", skills=["SQL", "migrations"])
    agents = {
        "painter": project.maker("screen.md", reads=["requirements"], domain="React frontend", skills=["components", "CSS"]),
        "miner": {**miner, "makes": [makes]},
    }
    project.team(agents, request=FILE, leader={"name": "lead", "routes": "by-domain"})
    project.ask("- Build a React component with CSS.\n- Write the SQL migrations of the database.\n")
    assert project.apply().code == 0 and sorted(project.turns) == ["miner", "painter"]
    project.ask("- Build another React component with CSS.\n")
    assert project.apply().code == 0 and project.turns == ["painter"]
    assert "SQL migrations" in project.read(base) and "another" in project.read("screen.md")
    (plan,) = project.bmadp("analyze", "--json").plans
    assert plan["clean"] and "`painter` is asked" in plan["findings"][0]["message"]


def test_a_request_that_concerns_nobody_is_a_warning(project):
    project.team(
        {"painter": project.maker("screen.txt", domain="React frontend", skills=["CSS"])}, request=FILE, leader={"name": "lead"}
    )
    project.ask("- Cook a soup of leeks.\n")
    said = project.bmadp("run", "--yes")
    assert said.code == 0 and "belongs to none of the specialists" in said.err and project.turns == []


# --- budget, priority, settings ---------------------------------------------------------------------------------------


def priced(cost, text="done"):
    runtime = {"canned": {"files": {f"{text}.txt": text}}}
    return {"runtime": runtime, "check": "true", "makes": [f"{text}.txt"], "expected": {"cost": cost, "tokens": 100}}


def test_a_budget_stops_an_agent_before_it_is_exceeded_and_no_other(project):
    project.team({"dear": priced(9, "dear"), "cheap": priced(1, "cheap")}, budget={"cost": 5})
    steps = project.steps()
    assert steps["dear"]["status"] == "failed" and "the cost limit of $5.00 would be exceeded" in steps["dear"]["error"]
    assert steps["cheap"]["status"] == "done"
    assert project.bmadp("run", "--yes").code == 1
    project.team({"dear": priced(9, "dear"), "cheap": priced(1, "cheap")}, budget={"cost": 50, "tokens": "1k"})
    assert project.ended() == {"dear": "done", "cheap": "cached"}


def test_who_matters_more_goes_first(project):
    names = ("low", "normal", "high", "critical")
    project.team({name: project.maker(f"{name}.txt", "done", priority=name) for name in names}, profile={"agents": 1})
    project.ended()
    assert project.turns == ["critical", "high", "normal", "low"]


@pytest.mark.parametrize("setting", ["BMADP_MAX_CONCURRENT_AGENTS=1", "BMADP_PARALLEL_EXECUTION_ENABLED=false"])
def test_a_setting_has_one_agent_run_after_the_other(project, monkeypatch, setting):
    monkeypatch.setenv(*setting.split("="))
    lock = project.folder / "alone"
    alone = f"mkdir {lock} && sleep 0.05 && rmdir {lock} && date > $BMADP_AGENT.txt"
    project.team({name: project.shell(alone, makes=[f"{name}.txt"]) for name in ("one", "two", "three")})
    assert set(project.ended().values()) == {"done"}


def test_agents_run_beside_each_other(project):
    meet = "n=0; touch {0}/$BMADP_AGENT; until [ -e {0}/one ] && [ -e {0}/two ]; do sleep 0.01; done; touch $BMADP_AGENT.txt"
    project.team({name: project.shell(meet.format(project.folder), makes=[f"{name}.txt"], timeout=20) for name in ("one", "two")})
    assert set(project.ended().values()) == {"done"}, "each waits for the other"


def test_benchmark_mode_runs_everything_whatever_is_cached(desk, monkeypatch):
    desk.ended()
    desk.turns  # noqa: B018
    monkeypatch.setenv("BMADP_BENCHMARK_MODE", "1")
    assert set(desk.ended().values()) == {"done"} and len(desk.turns) == 3
    monkeypatch.delenv("BMADP_BENCHMARK_MODE")
    assert set(desk.ended().values()) == {"cached"}


def test_the_time_of_a_task_may_be_set_for_all(project, monkeypatch):
    monkeypatch.setenv("BMADP_TASK_TIMEOUT_SECONDS", "1")
    project.team({"slow": project.shell("sleep 60", makes=["a.txt"], timeout=50), "other": project.maker("b.txt", "done")})
    steps = project.steps()
    assert "took longer than 1 s" in steps["slow"]["error"] and steps["other"]["status"] == "done"


# --- what is refused --------------------------------------------------------------------------------------------------


def test_a_requirement_that_nobody_asked_for_is_one_error_with_its_place_and_nobody_runs(desk):
    text = desk.manifest.read_text().replace("requirements.database", "requirements.databse")
    desk.write(text)
    line = text[: text.index("requirements.databse")].count("\n") + 1
    for verb in (("run", "--yes"), ("apply", "--yes"), ("analyze",), ("graph",)):
        said = desk.bmadp(*verb)
        assert said.is_one_error(1, f"bmad-provisioner.yaml:{line}:", "agents.keeper.reads.0", "databse")
    assert desk.turns == [] and not (desk.root / "docs").exists()


def test_an_empty_request_names_what_is_missing(desk):
    desk.ask("")
    assert desk.bmadp("run", "--yes").is_one_error(1, "bmad-provisioner.yaml:", "requirements.ui")


BAD_REQUESTS = {
    "missing": (lambda path: path.unlink(), "is not there"),
    "not UTF-8": (lambda path: path.write_bytes(b"- caf\xe9\n"), "is no UTF-8"),
    "a folder": (lambda path: (path.unlink(), path.mkdir()), "is not there"),
    "a link out of the project": (lambda path: (path.unlink(), path.symlink_to("/etc/passwd")), "is not there"),
    "too large": (lambda path: path.write_text("- word\n" * 200_000), "more than 1 MiB"),
}


@pytest.mark.parametrize("case", BAD_REQUESTS)
def test_a_request_that_cannot_be_read_is_one_error(desk, case):
    spoil, words = BAD_REQUESTS[case]
    spoil(desk.root / "request.md")
    said = desk.bmadp("run", "--yes")
    assert said.code in (1, 2) and said.is_one_error(said.code, words), said
    assert desk.turns == []


@pytest.mark.parametrize("path", ["../request.md", "/etc/hostname", "a/../../b", ".git/config"])
def test_a_request_outside_of_the_project_is_refused(desk, path):
    desk.team({"designer": desk.maker("a.md", "done")}, request={"file": path})
    assert desk.bmadp("run", "--yes").is_one_error(2, "bmad-provisioner.yaml:", "request.file")


# --- the kind as a part that may be left out --------------------------------------------------------------------------


def test_without_the_kind_all_else_works(tmp_path):
    source = Path(bmad_provisioner.__file__).parent
    shutil.copytree(source, tmp_path / "bmad_provisioner", ignore=shutil.ignore_patterns("team", "__pycache__"))
    home = Home(tmp_path / "home")
    home.write(MANIFEST)
    without = {**os.environ, "PYTHONPATH": str(tmp_path)}
    for verb in (["analyze"], ["apply", "--yes"], ["validate"]):
        said = home.process(*verb, env=without)
        assert said.code == 0, said
    assert (home.root / ".claude/skills/dev-leader/SKILL.md").is_file()
    assert str(tmp_path) in home.process("--help", env=without | {"PYTHONVERBOSE": "1"}).err, f"not what {sys.prefix} has"
