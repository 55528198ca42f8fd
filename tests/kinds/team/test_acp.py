"""ACP: the runtime `acp` with a small agent that behaves, and misbehaves, in a process of its own."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from threading import Event, Timer

import pytest

from bmad_provisioner.engine.task import Turn
from bmad_provisioner.errors import TaskError
from bmad_provisioner.kinds.team.runtime import Ask
from bmad_provisioner.kinds.team.runtimes.acp import ACP
from bmad_provisioner.kinds.team.runtimes.grants import Grants, RefusedError
from bmad_provisioner.kinds.team.runtimes.installed import installed
from bmad_provisioner.usage import Usage

AGENT = str(Path(__file__).with_name("acp_agent.py"))
SCHEMA = {"type": "object", "properties": {"verdict": {"enum": ["good", "bad"]}}, "required": ["verdict"]}


def options(mode, **more):
    return {"command": [sys.executable, AGENT, mode], **more}


def ask(folder, mode, *, turn=None, schema=None, **more):
    """Ask the agent once; a turn of 60 s keeps a broken test from hanging."""
    turn = turn or Turn(seconds=60)
    return ACP.ask(Ask("dev", "Write it.", folder, options(mode, **more), system="You write.", schema=schema, turn=turn))


def failure(folder, mode, **more):
    with pytest.raises(TaskError) as caught:
        ask(folder, mode, **more)
    return caught.value


def test_an_agent_that_is_granted_what_it_asks_writes_its_file(tmp_path):
    answer = ask(tmp_path, "good")

    assert answer.text == "The file is written."
    assert (answer.trouble, answer.denied) == ("", ())
    assert (tmp_path / "made.txt").read_text() == "made\n"
    assert answer.usage == Usage(read=130, written=25, reused=30, cost=0.25)


def test_an_agent_is_told_its_role_and_its_prompt_and_sees_only_the_variables_it_may(tmp_path, monkeypatch):
    monkeypatch.setenv("AGENT_KEY", "for the agent")
    monkeypatch.setenv("OTHER_KEY", "for nobody")

    answer = ask(tmp_path, "echo", env=["AGENT_KEY"])

    seen = json.loads(answer.text)
    assert seen["prompt"] == ["You write.", "Write it."]
    assert "AGENT_KEY" in seen["env"]
    assert "OTHER_KEY" not in seen["env"]
    assert seen["cwd"] == str(tmp_path.resolve())
    assert answer.usage == Usage(read=7, written=3)


def test_nothing_is_written_outside_the_folder(tmp_path):
    folder = tmp_path / "scratch"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path)

    answer = ask(folder, "outside")

    assert answer.text == "id-reject_once"
    assert len(answer.denied) == 6
    assert answer.trouble == "permission denied: write /etc/bmadp-made.txt and 5 more"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["link", "scratch"]
    assert not Path("/etc/bmadp-made.txt").exists()


def test_a_circle_of_links_leads_nowhere(tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    grants = Grants(tmp_path.resolve(), "all")

    with pytest.raises(RefusedError):
        grants.write("loop/made.txt", "made")
    with pytest.raises(RefusedError):
        grants.read("loop/made.txt")


def test_files_are_read_for_an_agent_inside_the_folder_only(tmp_path):
    (tmp_path / "story.txt").write_text("one\ntwo\nthree\n")
    (tmp_path / "image.png").write_bytes(b"\x89PNG\xff")

    answer = ask(tmp_path, "reads")

    assert json.loads(answer.text) == {
        "all": "one\ntwo\nthree\n",
        "some": "two\n",
        "missing": -32002,
        "binary": -32603,
        "outside": -32602,
        "folder": -32603,
    }
    assert answer.denied == ("read /etc/hostname",)
    assert answer.trouble == ""


@pytest.mark.parametrize(
    ("policy", "granted"),
    [("read", [True] + [False] * 6), ("edit", [True, False, True] + [False] * 4), ("all", [True] * 7)],
)
def test_what_is_granted_is_the_policy_of_the_document(tmp_path, policy, granted):
    answer = ask(tmp_path, "asks", permissions=policy)

    assert [word == "id-allow_once" for word in answer.text.split()] == granted
    assert len(answer.denied) == granted.count(False)


def test_an_agent_that_may_only_read_has_nothing_written_for_it(tmp_path):
    answer = ask(tmp_path, "good", permissions="read")

    assert not (tmp_path / "made.txt").exists()
    assert answer.trouble == "permission denied: edit made.txt"


def test_what_an_agent_told_of_a_call_before_counts_and_where_nothing_may_be_rejected_it_is_cancelled(tmp_path):
    assert ask(tmp_path, "known").text == "yes cancelled"


def test_a_method_nobody_offered_is_refused(tmp_path):
    assert ask(tmp_path, "unknown").text == "-32601"


def test_lines_and_answers_that_mean_nothing_are_passed_over(tmp_path):
    answer = ask(tmp_path, "garbage")

    assert (answer.text, answer.trouble) == ("still here", "")


@pytest.mark.parametrize(
    ("mode", "trouble"),
    [
        ("max_tokens", "cut off"),
        ("max_turn_requests", "more often"),
        ("refusal", "refused"),
        ("cancelled", "cancelled"),
        ("whatever", "unknown reason: whatever"),
    ],
)
def test_a_turn_that_did_not_end_is_trouble(tmp_path, mode, trouble):
    assert trouble in ask(tmp_path, mode).trouble


def test_a_structured_answer_meets_its_schema_or_is_trouble(tmp_path):
    assert ask(tmp_path, "json", schema=SCHEMA).data == {"verdict": "good"}
    assert "is not the JSON" in ask(tmp_path, "prose", schema=SCHEMA).trouble


@pytest.mark.parametrize(
    ("mode", "heals", "barred", "message"),
    [
        ("busy", True, False, "Rate limit exceeded"),
        ("broken", True, False, "Internal error model went away"),
        ("keyless", False, True, "refused session/prompt: Internal error: invalid x-api-key"),
        ("forbidden", False, True, "Forbidden"),
        ("wrong", False, False, "Invalid params"),
        ("stranger", False, True, "refused session/new: Authentication required"),
        ("other", False, False, "speaks version 7"),
        ("mute", False, False, "with code 1 before it answered: usage: agent"),
        ("crash", True, False, "with code 3 before it answered: it broke with ***"),
        ("killed", True, False, "with signal 9"),
        ("flood", False, False, "more than 64 MiB"),
    ],
)
def test_a_failure_says_whether_trying_again_may_help(tmp_path, monkeypatch, mode, heals, barred, message):
    monkeypatch.setenv("AGENT_KEY", "sk-not-for-anybody")

    error = failure(tmp_path, mode, env=["AGENT_KEY"])

    assert message in error.message
    assert (error.heals, error.barred) == (heals, barred)


def test_an_agent_that_hangs_is_ended_with_its_time(tmp_path):
    error = failure(tmp_path, "hang", turn=Turn(seconds=1))

    assert error.heals
    assert "within 1 s" in error.message


def test_an_agent_nobody_waits_for_is_ended(tmp_path):
    stop = Event()
    Timer(0.5, stop.set).start()
    began = time.monotonic()

    error = failure(tmp_path, "hang", turn=Turn(seconds=60, stopped=stop.is_set))

    assert "stopped" in error.message
    assert time.monotonic() - began < 60


def test_an_agent_that_closes_its_output_is_not_waited_for(tmp_path):
    assert "closed its output" in failure(tmp_path, "deaf").message


@pytest.mark.parametrize(("mode", "text"), [("new", "session/set_config_option m big"), ("old", "session/set_model  big")])
def test_a_model_is_chosen_as_the_agent_offers_it(tmp_path, mode, text):
    assert ask(tmp_path, mode, model="big").text == text


def test_a_model_that_cannot_be_chosen_is_an_error(tmp_path):
    assert "lets nobody choose" in failure(tmp_path, "good", model="big").message


def test_a_command_that_is_not_there_is_named(tmp_path):
    asked = Ask("dev", "Write it.", tmp_path, {"command": ["no-such-agent", "--acp"]})

    with pytest.raises(TaskError, match="`no-such-agent` is not there"):
        ACP.ask(asked)
    assert ACP.version(asked.options) == "absent"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "`command`"),
        ({"command": []}, "`command`"),
        ({"command": "gemini --acp"}, "`command`"),
        ({"command": ["gemini"], "env": "KEY"}, "`env`"),
        ({"command": ["gemini"], "model": 5}, "`model`"),
        ({"command": ["gemini"], "permissions": "everything"}, "`permissions`"),
        ({"command": ["gemini"], "colour": "red"}, "`colour`"),
    ],
)
def test_wrong_options_are_named(given, message):
    assert [found.split(" ")[0] for found in ACP.check(given)] == [message]


def test_right_options_are_right():
    assert ACP.check({"command": ["gemini", "--acp"], "env": ["GEMINI_API_KEY"], "model": "m", "permissions": "all"}) == ()
    assert ACP.endpoint({"command": ["gemini", "--acp"]}) == "gemini --acp"


def test_the_version_changes_with_what_is_installed(tmp_path):
    agent = tmp_path / "agent.py"
    agent.write_text("1")
    first = ACP.version({"command": [sys.executable, str(agent), "--acp"]})
    agent.write_text("2")

    assert ACP.version({"command": [sys.executable, str(agent), "--acp"]}) != first


@pytest.mark.parametrize("name", ["gemini", "@google/gemini"])
def test_the_version_of_an_npm_package_is_its_own(tmp_path, name):
    package = tmp_path / "node_modules" / name
    (package / "dist").mkdir(parents=True)
    (package / "package.json").write_text('{"version": "1.2.3"}')
    (package / "dist/package.json").write_text('{"type": "module"}')
    (package / "dist/agent.js").write_text("#!/usr/bin/env node\n")
    (package / "dist/agent.js").chmod(0o755)
    (tmp_path / "agent").symlink_to(package / "dist/agent.js")

    assert installed([str(tmp_path / "agent"), "--acp"]) == f"{tmp_path / 'agent'}@1.2.3 --acp"
