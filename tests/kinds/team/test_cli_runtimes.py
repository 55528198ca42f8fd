"""Real coding agents report truthfully, though none of their exit codes does."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from kinds.team.agents_install import CACHE, PACKAGES, command
from kinds.team.provider import FINAL, PROSE, READ, REUSED, WRITTEN, Provider

from bmad_provisioner.engine.task import Turn
from bmad_provisioner.errors import TaskError
from bmad_provisioner.kinds.team.runtime import Answer, Ask
from bmad_provisioner.kinds.team.runtimes import adapters, parsers
from bmad_provisioner.kinds.team.runtimes.cli import AIDER, CLAUDE, CODEX, GEMINI, OPENCODE, PI, QWEN, Cli
from bmad_provisioner.usage import Usage

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
                    turn=Turn(seconds=240),
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
