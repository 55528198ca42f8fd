"""Team project: a folder with a Team document whose agents are real programs, and a note of every turn they take."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from cli.home import Home, Said

REQUEST = """\
# A desk

## ui

- theme: dark
- REQ-1 Lists can be searched.

## database

- engine: SQLite

## notes

- Ask Ines about the logo.
"""
QUICK = {"retries": 0, "backoff": "none"}
"""What happens on failure, unless a test says otherwise: nothing, at once."""
PATIENCE = 30.0
"""Seconds after which a test stops to wait for what has to come: a guard, not a claim."""


@dataclass(frozen=True)
class TeamProject(Home):
    """A project with a Team document. Agents made by `shell` note their turns outside of their scratch folders."""

    @property
    def log(self) -> Path:
        """Where the turns are noted, one name a line."""
        return self.folder / "turns.txt"

    @property
    def turns(self) -> list[str]:
        """Who took a turn since the last look, one after the other."""
        noted = self.log.read_text(encoding="utf-8").split() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return noted

    def shell(self, script: str, **more: Any) -> dict[str, Any]:
        """Return an agent that notes its turn and runs a script."""
        note = f'printf "%s\\n" "$BMADP_AGENT" >> {shlex.quote(str(self.log))}'
        return {"runtime": {"command": f"{note}\n{script}"}, **more}

    def maker(self, path: str, text: str = "", **more: Any) -> dict[str, Any]:
        """Return an agent that writes one file: `text`, or else all that it was told."""
        wanted = f"mkdir -p {shlex.quote(str(Path(path).parent))}\n"
        wanted += f"printf '%s\\n' {shlex.quote(text)}" if text else "cat"
        return self.shell(f"{wanted} > {shlex.quote(path)}", makes=[path], **more)

    def team(self, agents: Mapping[str, Any], **more: Any) -> None:
        """Write the Team document."""
        told = {"kind": "Team", "name": "desk", "policy": QUICK, **more, "agents": dict(agents)}
        self.write(yaml.safe_dump(told, sort_keys=False, allow_unicode=True, width=1000))

    def ask(self, text: str = REQUEST) -> None:
        """Write the file of the request."""
        (self.root / "request.md").write_text(text, encoding="utf-8")

    def read(self, path: str) -> str:
        """Return the text of a file of the project."""
        return (self.root / path).read_text(encoding="utf-8")

    def steps(self, *arguments: object, verb: str = "run") -> dict[str, dict[str, Any]]:
        """Run the team (or another verb that plans) and return how each task ended, by name."""
        said = self.bmadp(verb, *(("--yes",) if verb != "analyze" else ()), "--json", *arguments)
        return {task["task"]: task for plan in said.plans for task in plan["tasks"]}

    def ended(self, *arguments: object) -> dict[str, str]:
        """Run the team and return how each agent of the document ended."""
        return self.of_agents(self.steps(*arguments))

    def of_agents(self, steps: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
        """Return how each agent of the document ended; what lies between them (sections, drafts) is left out."""
        return {name: steps[name]["status"] for name in yaml.safe_load(self.manifest.read_text())["agents"]}

    def start(self, *arguments: object, **options: Any) -> subprocess.Popen[str]:
        """Start a command line as a process of its own, and do not wait for it."""
        command = [sys.executable, "-m", "bmad_provisioner", *map(str, arguments)]
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(command, cwd=self.root, text=True, **{**pipes, **options})

    def leftovers(self) -> list[str]:
        """Return what of ours is half written in the project, and the scratch folders that turns left behind."""
        scratch = Path(tempfile.gettempdir())
        return [str(path) for path in (*(self.state / "txn").glob("*"), *scratch.glob("bmadp-*"))]


@contextlib.contextmanager
def lent() -> Iterator[TeamProject]:
    """Lend a project with a request in memory where the system has such a place, with a folder of its own for scratch."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=memory) as folder, _scratch(Path(folder, "scratch")):
        project = TeamProject(Path(folder, "home"))
        project.ask()
        yield project


@contextlib.contextmanager
def _scratch(place: Path) -> Iterator[None]:
    """Have temporary files made in `place`, by this process and all it starts."""
    place.mkdir()
    before, tempfile.tempdir = (os.environ.get("TMPDIR"), tempfile.tempdir), str(place)
    os.environ["TMPDIR"] = str(place)
    try:
        yield
    finally:
        tempfile.tempdir = before[1]
        os.environ.pop("TMPDIR")
        if before[0] is not None:
            os.environ["TMPDIR"] = before[0]


def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    """Say whether a process runs; one that only waits to be buried does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def finish(process: subprocess.Popen[str], number: signal.Signals | None = None) -> Said:
    """Send a signal, if there is one, and return how the process ended."""
    if number is not None:
        process.send_signal(number)
    out, err = process.communicate(timeout=PATIENCE)
    return Said(process.returncode, out, err)
