"""Real coding agents and a plain command work in one team, each on what the other left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from kinds.team.agents_install import CACHE, command
from kinds.team.provider import Provider

TEAM = """\
kind: Team
name: three
request: "A note that three agents write."
agents:
  writer:
    runtime: {{claude: {{command: {claude}}}}}
    model: claude-sonnet-4-5
    prompt: Write the note.
    makes: [docs/writer.md]
  coder:
    needs: [writer]
    reads: [docs/writer.md]
    runtime: {{codex: {{command: {codex}}}}}
    model: gpt-5
    prompt: Write the note, too.
    makes: [docs/coder.md]
    check: test -s docs/coder.md
  joiner:
    needs: [coder]
    reads: [docs/writer.md, docs/coder.md]
    runtime: {{command: "cat docs/writer.md docs/coder.md > docs/all.md"}}
    makes: [docs/all.md]
policy: {{retries: 0}}
"""


class Beside(Provider):
    """A provider that has the agent write into the scratch folder that stands in `scratches`, whatever its name."""

    scratches = Path()

    @property
    def folder(self) -> Path:
        return next(path for path in self.scratches.glob("bmadp-*") if not path.name.startswith("bmadp-agent-"))

    @folder.setter
    def folder(self, value: Path) -> None:
        self.scratches = value


@pytest.fixture
def bmadp(tmp_path):
    """Run the product on a project, with scratch folders on a disk: codex shows agents an empty /dev/shm."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (
        TemporaryDirectory(dir=CACHE, prefix="run-") as made,
        Beside("done", Path(made), "docs/writer.md", "by claude\n") as one,
        Beside("done", Path(made), "docs/coder.md", "by codex\n") as two,
    ):
        (Path(made) / "home").mkdir()
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(Path(made) / "home"),
            "TMPDIR": made,
            "ANTHROPIC_API_KEY": "sk-mock-key",
            "ANTHROPIC_BASE_URL": one.url,
            "OPENAI_API_KEY": "sk-mock-key",
            "OPENAI_BASE_URL": f"{two.url}/v1",
        }

        def run(*arguments: str) -> subprocess.CompletedProcess[str]:
            line = [Path(sys.executable).parent / "bmadp", *arguments]
            return subprocess.run(line, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=240, check=False)

        yield run


def test_two_coding_agents_and_a_command_make_one_commit_and_are_not_asked_twice(bmadp, tmp_path):
    names = {name: json.dumps(command(name)) for name in ("claude", "codex")}
    (tmp_path / "bmad-provisioner.yaml").write_text(TEAM.format(**names), encoding="utf-8")

    applied = bmadp("apply", "--yes")
    again = bmadp("run", "--yes", "--json")

    assert applied.returncode == 0, applied.stdout + applied.stderr
    assert (tmp_path / "docs/all.md").read_text() == "by claude\nby codex\n"
    tasks = {task["task"]: task for task in json.loads(again.stdout)["plans"][0]["tasks"]}
    assert {tasks[name]["status"] for name in ("writer", "coder", "joiner")} == {"cached"}
    assert tasks["writer"]["tokens"] > 0 and tasks["coder"]["tokens"] > 0
    assert "sk-mock-key" not in applied.stdout + applied.stderr + again.stdout
