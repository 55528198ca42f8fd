"""Real coding agents report truthfully, though none of their exit codes does."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bmad_provisioner.engine.task import Turn
from bmad_provisioner.errors import TaskError
from bmad_provisioner.kinds.team.runtime import Answer, Ask
from bmad_provisioner.kinds.team.runtimes.cli import AIDER, CLAUDE, CODEX, GEMINI, OPENCODE, PI, QWEN, Cli
from kinds.team.agents_install import CACHE, command
from kinds.team.provider import FINAL, PROSE, READ, REUSED, WRITTEN, Provider

RECORDED = Path(__file__).parent / "recorded"
SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"], "additionalProperties": False}
AGENTS = (CLAUDE, CODEX, *(pytest.param(cli, marks=pytest.mark.slow) for cli in (GEMINI, QWEN, PI, OPENCODE)))
MODELS = {"claude": "claude-sonnet-4-5", "codex": "gpt-5", "gemini": "gemini-2.5-pro"}
VARIABLES = {
    "claude": ("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", ""),
    "gemini": ("GEMINI_API_KEY", "GOOGLE_GEMINI_BASE_URL", ""),
}


@pytest.fixture
def folder() -> Iterator[Path]:
    """A scratch folder on a disk: codex shows an agent that may only read an empty /dev/shm."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE, prefix="run-") as made:
        (Path(made) / "home").mkdir()
        (Path(made) / "work").mkdir()
        yield Path(made)


@pytest.fixture
def ask(folder, monkeypatch):
    """Ask an agent to write a file, its provider playing a scenario; returns the answer."""

    def asking(cli: Cli, scenario: str, **more: object) -> Answer:
        with Provider(scenario, folder / "work") as provider:
            key, base, path = VARIABLES.get(cli.name, ("OPENAI_API_KEY", "OPENAI_BASE_URL", "/v1"))
            for name, value in {"HOME": str(folder / "home"), key: "sk-mock-key", base: provider.url + path}.items():
                monkeypatch.setenv(name, value)
            options = {"command": command(cli.name), "permissions": "read" if scenario == "denied" else "edit", **more}
            assert cli.check(options) == ()
            return cli.ask(
                Ask(
                    agent="dev",
                    prompt="Write made.txt, please.",
                    system="You write files.",
                    folder=folder / "work",
                    model=MODELS.get(cli.name, "mock"),
                    schema=SCHEMA if scenario == "schema" else None,
                    options=options,
                    turn=Turn(seconds=240, memory=2 * cli.floor.memory),
                )
            )

    return asking


@pytest.mark.parametrize("cli", AGENTS, ids=lambda cli: cli.name)
def test_what_an_agent_did_is_told_with_what_it_took(cli, ask, folder):
    answer = ask(cli, "done")

    assert (folder / "work/made.txt").read_text() == "made\n"
    assert (answer.text, answer.trouble, answer.denied) == (FINAL, "", ())
    assert answer.usage.written == 2 * WRITTEN
    assert answer.usage.reused == 2 * REUSED
    assert answer.usage.read == 2 * (READ + (REUSED if cli is CLAUDE else 0))


@pytest.mark.parametrize("cli", AGENTS, ids=lambda cli: cli.name)
def test_an_agent_that_was_refused_something_has_not_done_it(cli, ask, folder):
    answer = ask(cli, "denied")

    assert not (folder / "work/made.txt").exists()
    assert answer.text == FINAL
    assert answer.trouble.startswith("permission denied: ")
    assert len(answer.denied) == 1


@pytest.mark.parametrize(
    "scenario, barred, heals", [("unauthorized", True, False), ("invalid", False, False), ("overloaded", False, True)]
)
@pytest.mark.parametrize("cli", AGENTS, ids=lambda cli: cli.name)
def test_a_refused_request_says_whether_trying_again_helps(cli, scenario, barred, heals, ask):
    with pytest.raises(TaskError) as raised:
        ask(cli, scenario)

    assert (raised.value.barred, raised.value.heals) == (barred, heals)
    assert "sk-mock-key" not in raised.value.message


@pytest.mark.parametrize("cli", AGENTS, ids=lambda cli: cli.name)
def test_an_answer_that_misses_its_schema_is_trouble(cli, ask):
    answer = ask(cli, "schema")

    assert answer.text == PROSE
    assert "JSON" in answer.trouble
    assert answer.data is None


RUNS = {
    "aider-done": (AIDER, "Applied edit to made.txt", ()),
    "aider-denied": (AIDER, "Did not apply edit", ("edit made.txt",)),
    "claude-done": (CLAUDE, FINAL, ()),
    "claude-denied": (CLAUDE, FINAL, ("Write /project/made.txt",)),
    "claude-schema": (CLAUDE, PROSE, ()),
    "codex-done": (CODEX, FINAL, ()),
    "codex-denied": (CODEX, FINAL, ("exec_command printf %s 'made ' > /project/made.txt",)),
    "codex-no-sandbox": (CODEX, FINAL, ("command_execution /bin/bash -lc \"printf %s 'made ' > /project/made.txt\"",)),
    "codex-schema": (CODEX, PROSE, ()),
    "gemini-done": (GEMINI, FINAL, ()),
    "gemini-denied": (GEMINI, FINAL, ("write_file /project/made.txt",)),
    "qwen-done": (QWEN, FINAL, ()),
    "qwen-denied": (QWEN, FINAL, ("write_file /project/made.txt",)),
    "qwen-schema": (QWEN, PROSE, ()),
    "opencode-done": (OPENCODE, FINAL, ()),
    "opencode-denied": (OPENCODE, FINAL, ("write_file",)),
    "pi-done": (PI, FINAL, ()),
    "pi-denied": (PI, FINAL, ("write_file /project/made.txt",)),
}
FAILURES = {
    "aider-unauthorized": (AIDER, 0, "AuthenticationError"),
    "aider-invalid": (AIDER, 0, "this model takes no images"),
    "aider-limited": (AIDER, 0, "RateLimitError"),
    "claude-unauthorized": (CLAUDE, 401, "Invalid API key"),
    "claude-invalid": (CLAUDE, 400, "this model takes no images"),
    "claude-overloaded": (CLAUDE, 529, "Overloaded"),
    "claude-limited": (CLAUDE, 429, "too many requests"),
    "claude-turns": (CLAUDE, 0, "Reached maximum number of turns (1)"),
    "claude-budget": (CLAUDE, 0, "Reached maximum budget ($0.001)"),
    "claude-no-login": (CLAUDE, 0, "Not logged in"),
    "claude-root": (CLAUDE, 0, "cannot be used with root"),
    "codex-unauthorized": (CODEX, 401, "invalid x-api-key"),
    "codex-invalid": (CODEX, 400, "this model takes no images"),
    "codex-overloaded": (CODEX, 529, "Overloaded"),
    "codex-limited": (CODEX, 429, "exceeded retry limit"),
    "gemini-unauthorized": (GEMINI, 401, "invalid x-api-key"),
    "gemini-invalid": (GEMINI, 400, "this model takes no images"),
    "gemini-limited": (GEMINI, 429, "too many requests"),
    "qwen-unauthorized": (QWEN, 401, "invalid x-api-key"),
    "qwen-invalid": (QWEN, 400, "this model takes no images"),
    "opencode-unauthorized": (OPENCODE, 401, "invalid x-api-key"),
    "opencode-invalid": (OPENCODE, 400, "this model takes no images"),
    "opencode-limited": (OPENCODE, 429, "too many requests"),
    "pi-unauthorized": (PI, 401, "invalid x-api-key"),
    "pi-invalid": (PI, 400, "this model takes no images"),
    "pi-limited": (PI, 429, "too many requests"),
}


def recorded(case: str) -> tuple[int, bytes, bytes]:
    """Return exit code, stdout and stderr of a real run (paths and ids replaced, lists and stack traces cut)."""
    run = json.loads((RECORDED / f"{case}.json").read_text())
    return run["code"], "\n".join(run["stdout"]).encode(), "\n".join(run["stderr"]).encode()


def test_every_recorded_run_is_in_a_table():
    assert {path.stem for path in RECORDED.glob("*.json")} == {*RUNS, *FAILURES}


@pytest.mark.parametrize("case", RUNS)
def test_a_recorded_run_that_exited_with_0_is_read_for_what_it_was(case):
    cli, text, denied = RUNS[case]
    run = recorded(case)
    report = cli.adapter.parse(*run)

    assert run[0] == 0
    assert text in report.text
    assert (report.denied, report.error, report.status, report.ended) == (denied, "", 0, True)
    assert report.usage.written in (WRITTEN, 2 * WRITTEN)


@pytest.mark.parametrize("case", FAILURES)
def test_a_recorded_failure_is_read_as_one(case):
    cli, status, words = FAILURES[case]
    report = cli.adapter.parse(*recorded(case))

    assert report.status == status
    assert words in report.error


def test_a_provider_that_says_when_to_come_back_is_heard():
    assert OPENCODE.adapter.parse(*recorded("opencode-limited")).after == 1.0


@pytest.mark.parametrize("case", [case for case in RUNS if case.endswith("done") and RUNS[case][0] is not AIDER])
def test_what_a_killed_run_used_up_is_counted_and_nothing_is_made_up(case):
    _, stdout, stderr = recorded(case)
    events = stdout.strip().splitlines()
    cli = RUNS[case][0]
    for kept in range(len(events)):
        report = cli.adapter.parse(0, b"\n".join(events[:kept]) + events[kept][:20], stderr)

        assert report.usage.written in (0, WRITTEN, 2 * WRITTEN)
        assert not report.ended or cli is OPENCODE


@pytest.mark.parametrize("cli", [CLAUDE, CODEX, GEMINI, QWEN, OPENCODE, PI, AIDER], ids=lambda cli: cli.name)
@pytest.mark.parametrize(
    "stdout", [b"", b"null\n[1]\n{}\n", b'{"type": "result", "usage": [], "stats": 3}\n', b"\xff\xfe{", b"[" * 100_000]
)
def test_output_that_makes_no_sense_is_no_success(cli, stdout):
    report = cli.adapter.parse(1, stdout, b"killed by the weather")

    assert report.error
    assert report.usage.tokens == 0


@pytest.mark.parametrize(
    "cli, options, words",
    [
        (CLAUDE, {"model": "sonnet", "tools": ["Bash(pytest:*)"], "max_turns": 5, "max_cost": 0.5, "permissions": "all"}, None),
        (CLAUDE, {"models": "sonnet"}, "`models`: no such option"),
        (CLAUDE, {"model": "a b"}, "`model`: has to be the name of a model"),
        (CLAUDE, {"permissions": "some"}, "`permissions`: has to be one of"),
        (CLAUDE, {"permissions": ["all"]}, "`permissions`: has to be one of"),
        (CLAUDE, {"max_turns": True}, "`max_turns`: has to be a whole number above 0"),
        (CLAUDE, {"max_cost": 0}, "`max_cost`: has to be US dollars above 0"),
        (CLAUDE, {"env": ["A=1"]}, "`env`: has to be a list of names"),
        (CODEX, {"max_cost": 1}, "`max_cost`: `codex` cannot be told"),
        (OPENCODE, {"tools": ["read"]}, "`tools`: `opencode` cannot be told"),
    ],
)
def test_options_that_a_command_cannot_take_are_named(cli, options, words):
    found = cli.check(options)

    assert (found == ()) if words is None else (len(found) == 1 and words in found[0])


def test_a_version_comes_from_the_package_without_running_it(tmp_path):
    package = tmp_path / "lib/node_modules/@openai/codex"
    (package / "bin").mkdir(parents=True)
    (package / "package.json").write_text('{"name": "@openai/codex", "version": "9.8.7"}')
    (package / "bin/codex.js").write_text("#!/bin/false\n")
    (package / "bin/codex.js").chmod(0o755)
    (tmp_path / "codex").symlink_to(package / "bin/codex.js")

    assert CODEX.version({"command": str(tmp_path / "codex")}) == "codex 9.8.7"


def test_a_version_is_asked_for_where_there_is_no_package_and_marked_where_the_command_was_never_tried(tmp_path):
    script = tmp_path / "aider"
    script.write_text("#!/bin/sh\necho aider 1.2.3\n")
    script.chmod(0o755)

    assert Cli(replace(AIDER.adapter, tried=False)).version({"command": str(script)}) == "aider 1.2.3 (untested)"
    assert CLAUDE.version({"command": str(script)}) == "claude 1.2.3"
    assert CLAUDE.version({"command": str(tmp_path / "claude")}) == "absent"


def test_a_command_that_is_not_there_bars_its_endpoint(tmp_path):
    with pytest.raises(TaskError, match="is not installed") as raised:
        CLAUDE.ask(Ask(agent="dev", prompt="", folder=tmp_path, options={"command": str(tmp_path / "claude")}))

    assert raised.value.barred
    assert raised.value.hint == "install `@anthropic-ai/claude-code`"


def test_an_endpoint_is_the_provider_the_environment_names(monkeypatch):
    monkeypatch.delenv("ANTHROPIC_BASE_URL", raising=False)
    assert CLAUDE.endpoint({}) == "claude https://api.anthropic.com"
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://gateway.example")
    assert CLAUDE.endpoint({}) == "claude http://gateway.example"
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    assert PI.endpoint({}) == "pi"


@pytest.mark.parametrize(
    "script, words, heals",
    [
        ("sleep 60", "did not end within", True),
        ("kill -TERM $$", "was ended by signal 15", True),
        ("exit 0", "ended with exit code 0 and no result: it said nothing", False),
        ("echo connection reset by peer >&2; exit 1", "connection reset by peer", True),
        ("echo wrong key $ANTHROPIC_API_KEY: log in >&2; exit 1", "wrong key ***: log in", False),
    ],
)
def test_a_command_that_ends_badly_fails_the_try(script, words, heals, tmp_path, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-secret")
    (tmp_path / "claude").write_text(f"#!/bin/sh\n{script}\n")
    (tmp_path / "claude").chmod(0o755)
    with pytest.raises(TaskError) as raised:
        CLAUDE.ask(
            Ask(agent="dev", prompt="go", folder=tmp_path, options={"command": str(tmp_path / "claude")}, turn=Turn(seconds=0.5))
        )

    assert words in raised.value.message
    assert raised.value.heals is heals


def test_a_command_is_given_only_what_it_is_owed(tmp_path, monkeypatch):
    for name in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "MY_GATEWAY", "OTHER"):
        monkeypatch.setenv(name, f"{name.lower()}-value")
    (tmp_path / "claude").write_text('#!/bin/sh\nprintf "%s\\n" "$@" > arguments; env > environment; cat > prompt\n')
    (tmp_path / "claude").chmod(0o755)
    options = {
        "command": str(tmp_path / "claude"),
        "env": ["MY_GATEWAY"],
        "arguments": ["--betas", "x"],
        "tools": ["Read", "Bash(ls:*)"],
    }
    with pytest.raises(TaskError):
        CLAUDE.ask(Ask(agent="dev", prompt="go", system="You dev.", model="haiku", folder=tmp_path, options=options))
    passed = dict(line.split("=", 1) for line in (tmp_path / "environment").read_text().splitlines() if "=" in line)
    arguments = (tmp_path / "arguments").read_text().splitlines()

    assert {"ANTHROPIC_API_KEY", "MY_GATEWAY", "DISABLE_AUTOUPDATER"} <= set(passed)
    assert not {"OPENAI_API_KEY", "OTHER"} & set(passed)
    assert (tmp_path / "prompt").read_text() == "go"
    assert arguments[arguments.index("--model") + 1] == "haiku"
    assert arguments[arguments.index("--allowedTools") + 1] == "Read,Bash(ls:*)"
    assert arguments[-2:] == ["--betas", "x"]
    assert "You dev." not in arguments
