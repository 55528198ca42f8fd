"""Real coding agents over ACP, their provider played on loopback: the protocol as it is spoken, not as it is written."""

from __future__ import annotations

import json

import pytest

from bmad_provisioner.engine.task import Turn
from bmad_provisioner.errors import TaskError
from bmad_provisioner.kinds.team.runtime import Ask
from bmad_provisioner.kinds.team.runtimes.acp import ACP
from kinds.team.agents_install import command
from kinds.team.provider import FINAL, Provider

pytestmark = pytest.mark.slow


def gemini(home, url):
    """Return options and variables for Gemini CLI, its settings written into its home."""
    settings = {
        "security": {"auth": {"selectedType": "gemini-api-key"}},
        "general": {"maxAttempts": 1, "enableAutoUpdate": False},
        "privacy": {"usageStatisticsEnabled": False},
    }
    (home / ".gemini").mkdir()
    (home / ".gemini/settings.json").write_text(json.dumps(settings))
    variables = {"GEMINI_API_KEY": "sk-mock-key", "GOOGLE_GEMINI_BASE_URL": url, "GEMINI_CLI_TRUST_WORKSPACE": "true"}
    return {"command": [command("gemini"), "--acp"], "model": "gemini-2.5-pro"}, variables


def opencode(home, url):
    """Return options and variables for opencode, which asks nobody unless its settings say so."""
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "options": {"baseURL": f"{url}/v1", "apiKey": "{env:OPENAI_API_KEY}"},
        "models": {"mock": {"name": "mock"}},
    }
    settings = {"permission": {"edit": "ask", "bash": "ask", "webfetch": "ask"}, "provider": {"mine": provider}}
    (home / ".config/opencode").mkdir(parents=True)
    (home / ".config/opencode/opencode.json").write_text(json.dumps(settings))
    variables = {"OPENAI_API_KEY": "sk-mock-key", "OPENCODE_DISABLE_AUTOUPDATE": "1", "OPENCODE_DISABLE_MODELS_FETCH": "1"}
    return {"command": [command("opencode"), "acp"], "model": "mine/mock"}, variables


@pytest.fixture(params=[gemini, opencode], ids=lambda agent: agent.__name__)
def ask(request, tmp_path, monkeypatch):
    """Ask an agent to write a file, its provider playing a scenario; returns the answer."""
    home, work = tmp_path / "home", tmp_path / "work"
    home.mkdir()
    work.mkdir()

    def asking(scenario, **more):
        with Provider(scenario, work) as provider:
            given, variables = request.param(home, provider.url)
            for name, value in {**variables, "HOME": str(home)}.items():
                monkeypatch.setenv(name, value)
            options = {**given, "env": list(variables), **more}
            assert ACP.check(options) == ()
            turn = Turn(seconds=240, memory=2 << 30)
            return ACP.ask(Ask("dev", "Write made.txt, please.", work, options, system="You write files.", turn=turn))

    return asking


def test_a_real_agent_is_granted_its_file_and_writes_it(ask, tmp_path):
    answer = ask("done")

    assert (answer.text, answer.trouble, answer.denied) == (FINAL, "", ())
    assert (tmp_path / "work/made.txt").read_text() == "made\n"
    assert answer.usage.read >= 1000
    assert answer.usage.written >= 50


def test_a_real_agent_that_may_only_read_says_it_is_done_and_is_not_believed(ask, tmp_path):
    answer = ask("done", permissions="read")

    assert answer.trouble == "permission denied: edit made.txt"
    assert not (tmp_path / "work/made.txt").exists()


def test_a_real_agent_with_a_wrong_key_bars_its_endpoint(ask):
    with pytest.raises(TaskError, match="invalid x-api-key") as caught:
        ask("unauthorized")

    assert caught.value.barred
