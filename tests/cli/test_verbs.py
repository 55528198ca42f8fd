"""The verbs: what each prints, as text and as JSON, and the code it ends with."""

from __future__ import annotations

import json
import re

import pytest

from cli.home import FRONTEND, LEADER, MANIFEST, TWO, fast

CSV = ".claude/skills/dev-leader/data/routing-keywords.csv"
OTHER = MANIFEST.replace("Frontend Developer", "Interface Developer")


@pytest.fixture
def home():
    with fast() as lent:
        lent.write(MANIFEST)
        yield lent


@pytest.fixture
def applied(home):
    assert home.apply().code == 0
    return home


# --- analyze, validate ----------------------------------------------------------------------------------------------


def test_analyze_shows_the_gap_by_what_makes_it_and_what_to_do(home):
    said = home.bmadp("analyze")
    assert said.code == 0 and not (home.root / ".claude").exists()
    for words in ("leader dev-leader", "specialist dev-leader/frontend", "10 missing", "1. run `bmadp apply`"):
        assert words in said.out
    assert LEADER not in said.out and LEADER in home.bmadp("analyze", "--all").out


def test_analyze_as_json_names_every_change_and_task(home):
    (plan,) = home.bmadp("analyze", "--json").plans
    assert plan["document"] == "Skills:Clinic" and plan["clean"] is False and len(plan["changes"]) == 10
    assert {change["gap"] for change in plan["changes"]} == {"missing"} and plan["head"] == ""
    assert {task["task"] for task in plan["tasks"]} >= {"leader dev-leader", "specialist dev-leader/frontend"}


def test_the_exit_code_says_how_bad_it_is_and_the_highest_wins(applied):
    assert applied.bmadp("analyze", "--exit-code").code == 0
    applied.write(TWO)
    assert applied.bmadp("analyze", "--exit-code").code == 4
    assert applied.bmadp("analyze").code == 0
    (applied.root / FRONTEND).write_text("mine\n")
    assert applied.bmadp("analyze", "--exit-code").code == 5
    (applied.root / LEADER).write_text("mine\n")
    assert applied.bmadp("analyze", "--exit-code").code == 6
    assert applied.bmadp("analyze", "--exit-code", "--json").code == 6
    applied.write("project: {}\n")
    assert applied.bmadp("analyze", "--exit-code").code == 2


def test_validate_is_1_until_the_project_is_as_the_manifest_says(home):
    said = home.bmadp("validate")
    assert said.code == 1 and "not valid: 10 missing" in said.out and "bmadp analyze" in said.err
    home.apply()
    said = home.bmadp("validate")
    assert said.code == 0 and "valid: nothing to do: 10 up to date" in said.out
    assert re.search(r"context  claude-code: 2 skills, \d+ characters, about \d+ tokens", said.out)
    assert home.bmadp("validate", "--json").plans[0]["clean"] is True


# --- apply and saved plans ------------------------------------------------------------------------------------------


def test_apply_asks_and_refuses_where_nobody_can_answer(home):
    before = home.files()
    assert home.bmadp("apply").is_one_error(2, "nobody to ask", "--yes")
    assert home.files() == before


def test_apply_says_what_it_did_and_how_to_take_it_back(home):
    said = home.bmadp("provision", "--yes")
    assert said.code == 0 and "applied 10 changes as receipt 1" in said.out and "bmadp restore 1" in said.err
    said = home.bmadp("apply", "--yes")
    assert said.code == 0 and said.out == "nothing to do: 10 files are up to date\n"


def test_apply_as_json_prints_plans_and_receipts_only(home):
    said = home.bmadp("apply", "--yes", "--json")
    assert said.json["receipts"][0]["number"] == 1 and len(said.json["receipts"][0]["changes"]) == 10
    assert home.bmadp("apply", "--yes", "--json").json["receipts"] == []


def test_apply_does_exactly_what_was_reviewed(home):
    assert home.bmadp("analyze", "--save", "plan.json").code == 0
    said = home.bmadp("apply", "--plan", "plan.json")
    assert said.code == 0 and "applied 10 changes" in said.out


STALE = {
    "another manifest": lambda home: home.write(TWO),
    "a file in the way": lambda home: ((home.root / LEADER).parent.mkdir(parents=True), (home.root / LEADER).write_text("x")),
    "another run": lambda home: home.apply(TWO) and home.write(MANIFEST),
}


@pytest.mark.parametrize("what", STALE)
def test_a_plan_that_was_overtaken_is_refused(home, what):
    home.bmadp("analyze", "--save", "plan.json")
    STALE[what](home)
    before = home.files()
    assert home.bmadp("apply", "--plan", "plan.json").is_one_error(1, "no longer the one", "analyze --save")
    assert home.files() == before


def test_a_plan_that_was_tampered_with_is_refused(home):
    home.bmadp("analyze", "--save", "plan.json")
    body = json.loads((home.root / "plan.json").read_text())
    for name in ("0" * 64, "", 5):
        body["plans"][0]["plan"] = name
        (home.root / "plan.json").write_text(json.dumps(body))
        assert home.bmadp("apply", "--plan", "plan.json").is_one_error(1, "no longer the one")
    assert not (home.root / ".claude").exists()


# --- choices, diff ----------------------------------------------------------------------------------------------------


def conflicted(home):
    (home.root / FRONTEND).write_text((home.root / FRONTEND).read_text().replace("Frontend Developer", "My Developer"))
    home.write(OTHER)


def test_a_conflict_is_refused_shown_with_markers_and_settled_by_choice(applied):
    conflicted(applied)
    before = applied.files()
    assert applied.bmadp("apply", "--yes").is_one_error(1, FRONTEND, "--ours", "--theirs")
    assert applied.files() == before
    shown = applied.bmadp("diff")
    assert shown.code == 0 and "+<<<<<<<" in shown.out and "+>>>>>>>" in shown.out and "My Developer" in shown.out

    assert applied.bmadp("apply", "--yes", "--ours", FRONTEND).code == 0
    assert "My Developer" in (applied.root / FRONTEND).read_text()
    assert applied.bmadp("analyze", "--exit-code").code == 5


def test_theirs_takes_the_manifests_side_and_restore_brings_ours_back(applied):
    conflicted(applied)
    mine = (applied.root / FRONTEND).read_text()
    assert applied.bmadp("apply", "--yes", "--theirs", FRONTEND).code == 0
    assert "Interface Developer" in (applied.root / FRONTEND).read_text()
    assert applied.bmadp("analyze", "--exit-code").code == 0
    assert applied.bmadp("restore", "--yes").code == 0
    assert (applied.root / FRONTEND).read_text() == mine


def test_a_choice_must_have_something_to_decide(applied):
    assert applied.bmadp("apply", "--yes", "--ours", "README.md").is_one_error(2, "README.md")
    assert applied.bmadp("apply", "--yes", "--ours", LEADER, "--theirs", LEADER).is_one_error(2, "both")


def test_diff_is_limited_to_paths_and_prints_json(applied):
    applied.write(TWO)
    everything = applied.bmadp("diff", "bmad-provisioner.yaml").out
    assert f"--- a/{LEADER}" in everything and ".claude/skills/dev-backend/SKILL.md" in everything
    some = applied.bmadp("diff", "bmad-provisioner.yaml", ".claude/skills/dev-backend").out
    assert LEADER not in some and ".claude/skills/dev-backend/SKILL.md" in some
    parts = applied.bmadp("diff", "--json").json["diffs"]
    assert {part["gap"] for part in parts} == {"missing", "outdated"}


def test_an_edit_here_survives_a_change_of_the_manifest(applied):
    path = applied.root / FRONTEND
    path.write_text(path.read_text() + "\nMy own line.\n")
    assert applied.apply(OTHER).code == 0
    text = path.read_text()
    assert "Interface Developer" in text and text.endswith("\nMy own line.\n")


def test_rows_of_the_user_in_a_table_survive(applied):
    path = applied.root / CSV
    header, *rows = path.read_text().splitlines(keepends=True)
    width = header.count(",")
    path.write_text("".join([header, *rows, "mine" + "," * width + "\n"]))
    assert applied.apply(TWO).code == 0
    assert "mine" + "," * width in path.read_text() and "routes" in path.read_text()


# --- restore, history, heal -------------------------------------------------------------------------------------------


def test_restore_takes_back_the_receipt_with_the_number_given(applied):
    before = applied.files()
    applied.apply(TWO)
    said = applied.bmadp("restore", "2", "--yes")
    assert said.code == 0 and "took back" in said.out and "as receipt 3" in said.out
    after = applied.files()
    assert {path: entry[0] for path, entry in after.items() if path != "bmad-provisioner.yaml"} == {
        path: entry[0] for path, entry in before.items() if path != "bmad-provisioner.yaml"
    }
    assert applied.bmadp("restore", "2", "--yes").is_one_error(2, "taken back already")
    assert applied.bmadp("restore", "9", "--yes").is_one_error(2, "no receipt 9")
    assert applied.bmadp("restore", "x").code == 2
    assert applied.bmadp("restore", "--yes", "--json").json["receipts"][0]["undoes"] == 1
    assert applied.bmadp("restore", "--yes").is_one_error(2, "nothing to restore")


def test_history_lists_the_newest_first_and_checks_the_chain(applied):
    applied.apply(TWO)
    said = applied.bmadp("history")
    assert [line.split()[0] for line in said.out.splitlines()] == ["2", "1"]
    assert [receipt["number"] for receipt in applied.bmadp("history", "--json").json] == [1, 2]
    assert applied.bmadp("history", "--verify").out == "the journal is whole\n"
    first = min((applied.state / "journal").iterdir())
    first.write_bytes(first.read_bytes().replace(b"Clinic", b"Klinik"))
    said = applied.bmadp("history", "--verify")
    assert said.code == 1 and "damaged" in said.out and first.name in said.err
    assert {finding["rule"] for finding in applied.bmadp("history", "--verify", "--json").json} >= {"journal-damaged"}


def test_heal_puts_back_what_was_lost_as_it_was_last_applied(applied):
    (applied.root / LEADER).unlink()
    applied.write("project: {name: Another}\n")
    said = applied.bmadp("analyze")
    said = applied.bmadp("heal", "--yes")
    assert said.code == 0 and "healed 1 change as receipt 2" in said.out and (applied.root / LEADER).is_file()
    assert "nothing to do" in applied.bmadp("heal", "--yes").out


@pytest.mark.parametrize("verb", [("history",), ("restore", "--yes"), ("heal", "--yes"), ("cache", "stats"), ("cache", "prune")])
def test_what_needs_a_past_says_that_there_is_none(home, verb):
    assert home.bmadp(*verb).is_one_error(2, "nothing was ever applied", "bmadp apply")
    assert not home.state.exists()


# --- why, cache ---------------------------------------------------------------------------------------------------------


def test_why_explains_files_and_tasks(applied):
    said = applied.bmadp("why", LEADER)
    assert said.code == 0 and "made by task `leader dev-leader`" in said.out and "receipt 1: apply by" in said.out
    applied.write(OTHER)
    task = applied.bmadp("why", "specialist dev-leader/frontend")
    assert task.code == 0 and "argument name changed" in task.out
    assert applied.bmadp("why", f"./{LEADER}", "--json").json[0]["subject"] == LEADER
    assert applied.bmadp("why", "nobody").is_one_error(1, "`nobody` is neither")


def test_the_cache_can_be_counted_pruned_and_cleared_and_restore_still_works(applied):
    numbers = applied.bmadp("cache", "stats", "--json").json
    assert numbers["outputs"] >= 2 and numbers["receipts"] == 1 and numbers["bytes"] > 0
    assert "outputs" in applied.bmadp("cache", "stats").out
    assert applied.bmadp("cache", "clear", "--json").json == {"forgotten": numbers["outputs"]}
    assert applied.bmadp("cache", "prune").code == 0
    assert "nothing to do" in applied.bmadp("apply", "--yes").out
    applied.apply(TWO)
    applied.bmadp("cache", "prune", "--json")
    assert applied.bmadp("history", "--verify").code == 0
    assert applied.bmadp("restore", "--yes").code == 0
