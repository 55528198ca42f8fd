"""A team on real files that is run again: what it takes for its own work, whom it asks again, and what it never does twice."""

from __future__ import annotations

import os
import sqlite3
import sys
from contextlib import closing

import pytest
import yaml

from team_project import REQUEST, finish, lent, until


@pytest.fixture
def project():
    with lent() as made:
        yield made


def teams(project, **documents):
    """Write a manifest of several teams."""
    told = [{"kind": "Team", "name": name, "agents": agents} for name, agents in documents.items()]
    project.write(yaml.safe_dump_all(told, sort_keys=False))


def test_two_teams_with_an_agent_of_one_name_do_not_take_each_others_work(project):
    writer = {name: project.shell(f"ls > {name}.txt", makes=[f"{name}.txt"], start="last") for name in ("one", "two")}
    teams(project, **{name: {"writer": agent} for name, agent in writer.items()})
    said = project.bmadp("run", "--yes", "--json")
    assert [task["because"] for plan in said.plans for task in plan["tasks"] if task["task"] == "writer"] == [
        ["it never ran here"]
    ] * 2
    assert project.apply().code == 0 and "one.txt" not in project.read("two.txt")


def test_an_agent_that_changes_what_it_reads_settles_until_somebody_else_changes_it_or_more_is_asked(project):
    readme = project.root / "README.md"
    readme.write_text("one\n")
    writer = project.shell("echo more >> README.md", reads=["requirements.ui", "README.md"], makes=["README.md"])
    project.team({"writer": writer}, request={"file": "request.md"})
    assert project.apply().code == 0 and project.turns == ["writer"]
    for _ in range(2):
        assert project.apply().code == 0 and project.turns == []
    assert readme.read_text() == "one\nmore\n"
    readme.write_text("two\n")
    assert project.apply().code == 0 and project.turns == ["writer"] and readme.read_text() == "two\nmore\n"
    assert project.apply().code == 0 and project.turns == []
    project.ask(REQUEST.replace("dark", "light"))
    assert project.apply().code == 0 and project.turns == ["writer"] and readme.read_text() == "two\nmore\nmore\n"
    assert project.apply().code == 0 and project.turns == []
    (plan,) = project.bmadp("analyze", "--json").plans
    assert plan["clean"]
    readme.unlink()
    assert project.apply().code == 0 and project.turns == ["writer"]


def test_who_is_asked_again_goes_on_from_what_it_made_last(project):
    project.team({"writer": project.shell("echo more >> paper.md", makes=["paper.md"], start="last")})
    assert project.apply().code == 0 and project.bmadp("apply", "--yes", "--again", "writer").code == 0
    assert project.read("paper.md") == "more\nmore\n"


@pytest.mark.parametrize("verb", ["run", "apply"])
def test_nobody_of_a_name_can_be_asked_again(project, verb):
    project.team({"writer": project.maker("paper.md")})
    said = project.bmadp(verb, "--yes", "--again", "wirter")
    assert said.is_one_error(2, "no agent is called `wirter`", "did you mean `writer`?") and project.turns == []


@pytest.mark.parametrize("verb", ["analyze", "run"])
def test_what_may_have_been_done_is_refused_alike_by_what_looks_and_what_runs(project, verb):
    project.team({"mail": project.shell("exit 1", makes=["sent.txt"], effect="once")})
    project.bmadp("run", "--yes")
    said = project.bmadp(verb, *(("--yes",) if verb == "run" else ()))
    assert said.code != 0 and "never reported that it succeeded" in said.err + said.out, said
    assert "--again mail" in said.err + said.out and project.turns == ["mail"]


def test_a_program_that_is_not_there_was_not_begun_and_is_started_when_it_is(project):
    tool = project.folder / "tool.sh"
    project.team({"mail": {"runtime": {"command": [str(tool)]}, "makes": ["sent.txt"], "effect": "once"}})
    assert "is not there" in project.bmadp("run", "--yes").err
    tool.write_text("#!/bin/sh\necho sent > sent.txt\n")
    tool.chmod(0o755)
    assert project.apply().code == 0 and project.read("sent.txt") == "sent\n"


def test_two_scripts_of_one_interpreter_do_not_lock_each_other_out(project):
    bad, good = project.folder / "bad.py", project.folder / "good.py"
    bad.write_text("import os, signal; os.kill(os.getpid(), signal.SIGTERM)")
    good.write_text("open('good.txt', 'w').write('good')")
    agents = {
        "bad": {"runtime": {"command": [sys.executable, str(bad)]}, "makes": ["bad.txt"]},
        "good": {"runtime": {"command": [sys.executable, str(good)]}, "makes": ["good.txt"], "needs": []},
    }
    policy = {"retries": 0, "backoff": "none", "breaker": {"failures": 1, "cool_off": "10m"}}
    project.team(agents, policy=policy)
    project.bmadp("run", "--yes")
    assert project.ended("--again", "good") == {"bad": "failed", "good": "done"}
    assert "is left alone" in project.bmadp("run", "--yes").err
    bad.write_text("open('bad.txt', 'w').write('bad')")
    assert project.ended("--again", "bad") == {"bad": "done", "good": "cached"}


def test_others_may_look_and_write_while_an_agent_works(project):
    gate = project.folder / "gate"
    waits = f"until test -e {gate}; do sleep 0.02; done; echo done > slow.txt"
    template = {"runtime": {"template": {"files": {"page.md.j2": "# {{ team }}\n"}}}, "makes": ["page.md"]}
    project.team({"page": template, "slow": project.shell(waits, makes=["slow.txt"])})
    running = project.start("run", "--yes")
    until(project.log.exists)
    try:
        until(lambda: is_free(project.state / "blobs.db"))
        assert project.process("analyze").code in (0, 1)
    finally:
        gate.touch()
    assert finish(running).code == 0


def is_free(path: os.PathLike[str]) -> bool:
    with closing(sqlite3.connect(path, timeout=0.0, isolation_level=None)) as other:
        try:
            other.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        other.execute("ROLLBACK")
        return True


def test_what_is_no_cluster_is_refused_though_nothing_has_to_run(project):
    project.team({"writer": project.maker("paper.md")})
    assert project.bmadp("run", "--yes").code == 0
    assert project.bmadp("run", "--yes", "--on", "http://127.0.0.1:1").is_one_error(2, "is no cluster", "ray://HOST")


def test_a_changed_mind_is_told_from_what_was_used_last(project):
    def asked(word):
        project.team({"writer": project.maker("paper.md", prompt=word)})
        return project.steps(verb="apply")["writer"]

    assert [asked(word)["status"] for word in ("one", "two", "one")] == ["done", "done", "cached"]
    assert asked("three")["because"] == ["argument prompt changed: one -> three"]
