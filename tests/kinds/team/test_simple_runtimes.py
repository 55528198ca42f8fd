"""The runtimes `command`, `python` and `canned`: what they pass on, what they refuse, and how they fail."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace

import pytest

from bmad_provisioner.engine.task import Turn
from bmad_provisioner.errors import TaskError
from bmad_provisioner.kinds.team.runtime import Answer, Ask
from bmad_provisioner.kinds.team.runtimes.canned import RUNTIME as CANNED
from bmad_provisioner.kinds.team.runtimes.command import RUNTIME as COMMAND
from bmad_provisioner.kinds.team.runtimes.command import refused
from bmad_provisioner.kinds.team.runtimes.python import RUNTIME as PYTHON
from bmad_provisioner.usage import Usage

MEBI = 1 << 20
FAR = 60.0
"""Seconds until a test that hangs is ended: reached by none that passes."""
HOG = "held = []\nwhile True: held.append(b'x' * 4_000_000)"
BAD_PATHS = ["/etc/passwd", "../up", "a/../../up", "", "a\0b", "a//b", ".git/config", "C:\\x", "a/"]
HOSTILE = [
    (b"", "not the JSON"),
    (b"not json", "not the JSON"),
    (b'{"text": "half', "not the JSON"),
    (b"\xff\xfe", "not the JSON"),
    (b"[" * 100_000, "not the JSON"),
    (b'{"data": NaN}', "not the JSON"),
    (b"[1]", "no JSON object"),
    (b'"text"', "no JSON object"),
    (b'{"file": {}}', "`file` is no part of an answer"),
    (b'{"text": 1}', "`text` of the answer is no text"),
    (b'{"files": ["a"]}', "`files` of the answer is no object"),
    (b'{"files": {"a": 1}}', "`a` is refused: its content is no text"),
    (b'{"files": {"a": "\\ud800"}}', "`a` is refused: its content holds half a character"),
    (b'{"files": {"a": "", "a/b": ""}}', "`a` and `a/b` cannot both be written"),
]


def said(answer: Answer) -> Answer:
    """The answer without what it took."""
    return replace(answer, usage=Usage())


def ask(folder, turn=None, **options) -> Ask:
    return Ask("writer", "the prompt", folder, options, system="the role", model="big", turn=turn or Turn(seconds=FAR))


def run(folder, *command, turn=None, **options) -> Answer:
    return COMMAND.ask(ask(folder, turn, command=list(command), **options))


def failure(folder, *command, turn=None) -> TaskError:
    with pytest.raises(TaskError) as caught:
        run(folder, *command, turn=turn)
    return caught.value


def module(folder, code) -> None:
    (folder / "asked.py").write_text(code)


def call(folder, turn=None, function="answer", **options) -> Answer:
    (folder / "scratch").mkdir(exist_ok=True)
    return PYTHON.ask(ask(folder / "scratch", turn, call=f"asked:{function}", path=str(folder), **options))


# --- command


def test_a_command_is_told_its_role_and_its_prompt_and_its_words_come_back(tmp_path):
    assert said(run(tmp_path, "cat")) == Answer(text="the role\n\nthe prompt")


@pytest.mark.parametrize("command", [["sh", "-c", "echo $BMADP_AGENT > who; pwd"], "echo $BMADP_AGENT > who; pwd"])
def test_a_command_runs_in_the_agents_folder_as_a_list_or_as_a_line(tmp_path, command):
    answer = COMMAND.ask(ask(tmp_path, command=command))
    assert answer.text.strip() == str(tmp_path) and answer.files == {}
    assert (tmp_path / "who").read_text() == "writer\n"


def test_a_command_sees_the_variables_it_was_given_by_name(tmp_path, monkeypatch):
    monkeypatch.setenv("GIVEN_KEY", "1")
    monkeypatch.setenv("OTHER_KEY", "2")
    assert run(tmp_path, "sh", "-c", "echo $GIVEN_KEY-$OTHER_KEY", env=["GIVEN_KEY"]).text == "1-\n"


def test_a_command_may_print_its_files(tmp_path):
    printed = {"files": {"docs/a.md": "é\n"}, "text": "done", "data": {"verdict": "good"}}
    answer = run(tmp_path, "echo", json.dumps(printed), answer="json")
    assert said(answer) == Answer(text="done", files={"docs/a.md": "é\n".encode()}, data={"verdict": "good"})


@pytest.mark.parametrize(("printed", "trouble"), HOSTILE, ids=range(len(HOSTILE)))
def test_an_answer_that_is_none_is_trouble_and_brings_no_files(tmp_path, printed, trouble):
    (tmp_path / "printed").write_bytes(printed)
    answer = run(tmp_path, "cat", "printed", answer="json")
    assert trouble in answer.trouble and answer.files == {} and "\n" not in answer.trouble


@pytest.mark.parametrize("path", BAD_PATHS)
def test_a_path_that_leaves_the_folder_is_refused_by_name_and_so_is_the_whole_answer(tmp_path, path):
    answer = run(tmp_path, "echo", json.dumps({"files": {"good": "", path: ""}}), answer="json")
    assert refused(path) and refused(path) in answer.trouble and answer.files == {}
    assert refused("docs/good.md") == ""


def test_words_that_a_terminal_would_obey_are_taken_out(tmp_path):
    assert "\x1b" not in run(tmp_path, "printf", "\\033[2Jwords").text


@pytest.mark.parametrize(
    ("script", "message", "heals"),
    [
        ("echo one >&2; echo two >&2; exit 3", "ended with exit code 3: one | two", False),
        ("exit 1", "ended with exit code 1", False),
        ("exit 75", "ended with exit code 75", True),
        ("kill -9 $$", "was ended by SIGKILL", True),
        ("kill -11 $$", "was ended by SIGSEGV", True),
    ],
)
def test_a_command_that_fails_says_how_and_whether_another_try_may_help(tmp_path, script, message, heals):
    error = failure(tmp_path, "sh", "-c", script)
    assert error.message == f"`sh` {message}" and error.heals is heals


def test_a_command_that_hangs_is_ended_and_may_be_tried_again(tmp_path):
    error = failure(tmp_path, "sh", "-c", "sleep 300 & sleep 300", turn=Turn(seconds=0.3))
    assert "took longer than 0.3 s" in error.message and error.heals


def test_a_command_that_needs_too_much_memory_is_ended_and_not_tried_again(tmp_path):
    error = failure(tmp_path, sys.executable, "-c", HOG, turn=Turn(seconds=FAR, memory=100 * MEBI))
    assert "needed more than 100 MiB" in error.message and not error.heals and error.hint


def test_a_command_is_ended_when_nobody_waits_for_it(tmp_path):
    error = failure(tmp_path, "sleep", "300", turn=Turn(seconds=FAR, stopped=lambda: True))
    assert "was stopped" in error.message and not error.heals


def test_a_flood_is_cut_and_no_answer(tmp_path):
    line = "head -c 100000000 /dev/zero | tr '\\0' x"
    assert len(COMMAND.ask(ask(tmp_path, command=line)).text) == 64 * 1024
    assert "longer than 32 MiB" in COMMAND.ask(ask(tmp_path, command=line, answer="json")).trouble


def test_a_flood_of_complaints_leaves_one_short_message(tmp_path):
    error = failure(tmp_path, "sh", "-c", "head -c 10000000 /dev/zero | tr '\\0' x >&2; exit 2")
    assert len(error.message) < 500


def test_a_missing_command_is_absent_and_says_what_to_install(tmp_path):
    assert COMMAND.version({"command": ["bmadp-no-such"]}) == "absent"
    error = failure(tmp_path, "bmadp-no-such")
    assert "`bmadp-no-such`" in error.message and "install" in error.hint and not error.heals


def test_a_script_is_known_by_its_content_and_a_program_by_its_size_and_time(tmp_path, monkeypatch):
    script, options = tmp_path / "script", {"command": ["./script"]}
    script.write_text("#!/bin/sh\necho 1\n")
    script.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    first = COMMAND.version(options)
    os.utime(script, (1, 1))
    assert COMMAND.version(options) == first != "absent"
    script.write_text("#!/bin/sh\necho 2\n")
    second = COMMAND.version(options)
    monkeypatch.setenv("PATH", str(tmp_path))
    third = COMMAND.version({"command": ["script"]})
    os.utime(script, (1, 1))
    assert len({first, second, third, COMMAND.version({"command": ["script"]})}) == 4


def test_a_script_that_is_an_argument_counts_too(tmp_path):
    script = tmp_path / "script.sh"
    script.write_text("echo 1")
    options = {"command": ["sh", str(script)]}
    first = COMMAND.version(options)
    script.write_text("echo 2")
    assert COMMAND.version(options) != first


def test_a_script_of_the_project_is_found_from_the_agents_folder(tmp_path, monkeypatch):
    (tmp_path / "scratch").mkdir()
    (tmp_path / "script").write_text("#!/bin/sh\npwd\n")
    (tmp_path / "script").chmod(0o755)
    monkeypatch.chdir(tmp_path)
    assert run(tmp_path / "scratch", "./script").text.strip() == str(tmp_path / "scratch")


@pytest.mark.parametrize(("command", "endpoint"), [(["claude", "-p"], "claude -p"), ("claude -p", "claude -p")])
def test_a_command_is_guarded_by_itself_and_not_by_what_runs_it(command, endpoint):
    assert COMMAND.endpoint({"command": command}) == endpoint


# --- python


@pytest.mark.parametrize(
    ("returned", "answer"),
    [
        ("'words'", Answer(text="words")),
        ("None", Answer()),
        ("{'files': {'a': 'b'}, 'data': [1]}", Answer(files={"a": b"b"}, data=[1])),
        ("prompt + data['system'] + data['agent'] + data['model']", Answer(text="the promptthe rolewriterbig")),
        ("str(folder.name)", Answer(text="scratch")),
        ("data['data']", Answer(text="given")),
    ],
)
def test_a_function_is_called_with_the_prompt_the_folder_and_the_data(tmp_path, returned, answer):
    module(tmp_path, f"def answer(prompt, folder, data):\n    print('noise')\n    return {returned}\n")
    assert said(call(tmp_path, data={"text": "given"} if "['data']" in returned else None)) == answer


@pytest.mark.parametrize(
    ("body", "message", "heals"),
    [
        ("raise ValueError('broken')", "ended with exit code 1: ", False),
        ("raise SystemExit(75)", "ended with exit code 75", True),
        ("__import__('os').abort()", "was ended by SIGABRT", True),
        ("return {1, 2}", "ended with exit code 1", False),
    ],
)
def test_a_function_that_fails_says_how(tmp_path, body, message, heals):
    module(tmp_path, f"def answer(prompt, folder, data):\n    {body}\n")
    with pytest.raises(TaskError) as caught:
        call(tmp_path)
    assert f"`asked:answer` {message}" in caught.value.message and caught.value.heals is heals


@pytest.mark.parametrize(
    ("body", "trouble"),
    [
        ("__import__('os')._exit(0)", "not the JSON"),
        ("return 7", "no JSON object"),
        ("return {'files': {'../up': ''}}", "`../up` is refused"),
    ],
)
def test_a_function_that_answers_wrongly_is_trouble(tmp_path, body, trouble):
    module(tmp_path, f"def answer(prompt, folder, data):\n    {body}\n")
    assert trouble in call(tmp_path).trouble


@pytest.mark.parametrize(
    ("body", "turn", "message"),
    [
        ("__import__('time').sleep(300)", Turn(seconds=0.5), "took longer"),
        ("held = []\n    while True: held.append(b'x' * 4_000_000)", Turn(seconds=FAR, memory=100 * MEBI), "100 MiB"),
    ],
)
def test_a_function_can_be_killed(tmp_path, body, turn, message):
    module(tmp_path, f"def answer(prompt, folder, data):\n    {body}\n")
    with pytest.raises(TaskError, match=message):
        call(tmp_path, turn)


def test_a_module_in_the_agents_folder_is_not_imported_by_accident(tmp_path):
    module(tmp_path, "def answer(prompt, folder, data):\n    return __import__('json').__file__\n")
    (tmp_path / "scratch").mkdir()
    (tmp_path / "scratch" / "json.py").write_text("raise SystemExit('the wrong one')")
    assert str(tmp_path) not in call(tmp_path).text


def test_a_function_is_known_by_the_content_of_its_module(tmp_path):
    options = {"call": "asked:answer", "path": str(tmp_path)}
    assert PYTHON.version(options) == "absent"
    module(tmp_path, "1")
    first = PYTHON.version(options)
    module(tmp_path, "23")
    assert first != PYTHON.version(options) != "absent"


def test_a_module_in_a_package_is_found_without_importing_it(tmp_path):
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text("raise SystemExit('imported')")
    module(tmp_path / "package", "1")
    assert PYTHON.version({"call": "package.asked:answer", "path": str(tmp_path)}) != "absent"
    assert PYTHON.version({"call": "package.other:answer", "path": str(tmp_path)}) == "absent"


# --- canned


def test_a_canned_answer_is_what_the_document_says(tmp_path):
    answer = CANNED.ask(ask(tmp_path, files={"a.md": "é"}, text="done", data=[1], seconds=0.01))
    assert answer == Answer(text="done", files={"a.md": "é".encode()}, data=[1])


@pytest.mark.parametrize(("number", "times", "fails"), [(1, 2, True), (2, 2, True), (3, 2, False), (99, None, True)])
def test_a_canned_failure_lasts_as_many_tries_as_it_says(tmp_path, number, times, fails):
    fail = {"message": "busy", "heals": True} | ({"times": times} if times else {})
    question = ask(tmp_path, Turn(number), fail=fail, text="done")
    if not fails:
        assert CANNED.ask(question).text == "done"
        return
    with pytest.raises(TaskError, match="busy") as caught:
        CANNED.ask(question)
    assert caught.value.heals


@pytest.mark.parametrize(("turn", "message"), [(Turn(seconds=0.05), "took longer"), (Turn(stopped=lambda: True), "was stopped")])
def test_a_canned_answer_that_takes_long_can_be_ended(tmp_path, turn, message):
    with pytest.raises(TaskError, match=message):
        CANNED.ask(ask(tmp_path, turn, seconds=FAR, text="done"))


# --- options


@pytest.mark.parametrize(
    ("runtime", "options", "fault"),
    [
        (COMMAND, {}, "`command` is missing"),
        (COMMAND, {"command": []}, "`command` has to be"),
        (COMMAND, {"command": ["a", 1]}, "`command` has to be"),
        (COMMAND, {"command": " "}, "`command` has to be"),
        (COMMAND, {"command": "a", "env": "KEY"}, "`env` has to be"),
        (COMMAND, {"command": "a", "env": ["K=V"]}, "`env` has to be"),
        (COMMAND, {"command": "a", "answer": "yaml"}, "`answer` has to be"),
        (COMMAND, {"command": "a", "shell": True}, "`shell` is no option of `command`"),
        (PYTHON, {}, "`call` is missing"),
        (PYTHON, {"call": "module.function"}, "`call` has to be"),
        (PYTHON, {"call": "m:f", "path": 1}, "`path` has to be"),
        (CANNED, {"files": []}, "`files` has to be"),
        (CANNED, {"files": {"../up": ""}}, "`../up` is refused"),
        (CANNED, {"seconds": -1}, "`seconds` has to be"),
        (CANNED, {"fail": {"times": 0}}, "fail: `times` has to be"),
        (CANNED, {"fail": {"time": 1}}, "fail: `time` is no option"),
    ],
)
def test_a_wrong_option_is_named(runtime, options, fault):
    assert any(fault in message for message in runtime.check(options))


@pytest.mark.parametrize(
    ("runtime", "options"),
    [
        (COMMAND, {"command": ["a", "-b"], "env": ["KEY"], "answer": "json"}),
        (COMMAND, {"command": "a | b"}),
        (PYTHON, {"call": "package.module:Class.method", "path": "tools", "env": [], "data": None}),
        (CANNED, {}),
        (CANNED, {"files": {"a": "b"}, "text": "", "fail": {"message": "m", "heals": False, "times": 1}, "seconds": 0}),
    ],
)
def test_right_options_are_taken(runtime, options):
    assert runtime.check(options) == ()


# --- what the environment tells -----------------------------------------------------------------------------------------


def test_what_the_environment_tells_an_agent_is_part_of_who_it_is_but_for_secrets(monkeypatch):
    for runtime, options in ((COMMAND, {"command": ["sh"]}), (PYTHON, {"call": "json:dumps"})):
        seen = []
        for region, key in (("eu", "first-key"), ("eu", "second-key"), ("us", "second-key")):
            monkeypatch.setenv("REGION", region)
            monkeypatch.setenv("MY_API_KEY", key)
            seen.append(runtime.version({**options, "env": ["REGION", "MY_API_KEY"]}))
        assert seen[0] == seen[1] != seen[2]


def test_a_secret_that_an_agent_was_given_is_masked_in_what_it_says(tmp_path, monkeypatch):
    monkeypatch.setenv("MY_API_KEY", "hush-hush-1")
    with pytest.raises(TaskError) as caught:
        run(tmp_path, "sh", "-c", "echo 401 for key $MY_API_KEY >&2; exit 3", env=["MY_API_KEY"])
    assert "401 for key ***" in caught.value.message and "hush" not in str(caught.value)
    assert run(tmp_path, "sh", "-c", "echo my key is $MY_API_KEY", env=["MY_API_KEY"]).text.strip() == "my key is ***"
