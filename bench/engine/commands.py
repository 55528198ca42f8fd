"""Commands: eight agents that are child processes, as whole programs run them: `bmadp run` and what people use in its place."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from places import BIN, ROOT, TURBO
from shapes import TEAM, UNIT, WORKERS, Node

Prepare = Callable[[Path], None]
_BMADP = str(Path(sys.executable).with_name("bmadp"))


@dataclass(frozen=True, slots=True)
class Program:
    """A program with the file that tells it of the eight agents; each sleeps, says so in `NOTES`, and writes one file."""

    name: str
    prepare: Prepare
    command: Sequence[str]

    @property
    def is_here(self) -> bool:
        return shutil.which(self.command[0]) is not None


def _line(node: Node, notes: Path) -> str:
    return f"sleep {node.units * UNIT:.2f}; echo {node.name} >> {notes}; echo {node.name} > {node.name}.txt"


def notes(folder: Path) -> Path:
    """Return the file in which agents note that they ran."""
    return folder / "notes.txt"


def _team(folder: Path) -> None:
    agents = {
        node.name: {
            "needs": list(node.needs),
            "runtime": {"command": _line(node, notes(folder))},
            "prompt": "work",
            "makes": [f"{node.name}.txt"],
        }
        for node in TEAM
    }
    document = {"kind": "Team", "name": "bench", "profile": "medium", "agents": agents}
    (folder / "bmad-provisioner.yaml").write_text(json.dumps(document))


def _make(folder: Path) -> None:
    rules = [f"all: {' '.join(f'{node.name}.txt' for node in TEAM)}"]
    for node in TEAM:
        needs = " ".join(f"{need}.txt" for need in node.needs)
        rules += [f"{node.name}.txt: {needs}", f"\t@{_line(node, notes(folder))}"]
    (folder / "Makefile").write_text("\n".join(rules) + "\n")


def _doit(folder: Path) -> None:
    tasks = [
        {
            "name": node.name,
            "actions": [_line(node, notes(folder))],
            "file_dep": [f"{need}.txt" for need in node.needs],
            "targets": [f"{node.name}.txt"],
            "uptodate": [True],
        }
        for node in TEAM
    ]
    text = f"DOIT_CONFIG = {{'verbosity': 0, 'reporter': 'zero'}}\n\n\ndef task_bench():\n    yield from {tasks!r}\n"
    (folder / "dodo.py").write_text(text)


def _turbo(folder: Path) -> None:
    members = {"name": "bench", "private": True, "workspaces": ["agents/*"], "packageManager": "npm@10.0.0"}
    (folder / "package.json").write_text(json.dumps(members))
    tasks = {}
    for node in TEAM:
        place = folder / "agents" / node.name
        place.mkdir(parents=True)
        body = {"name": node.name, "version": "1.0.0", "private": True, "scripts": {"agent": "sh ./agent.sh"}}
        (place / "package.json").write_text(json.dumps(body))
        (place / "agent.sh").write_text(_line(node, notes(folder)) + "\n")
        needs = [f"{need}#agent" for need in node.needs]
        tasks[f"{node.name}#agent"] = {"dependsOn": needs, "outputs": [f"{node.name}.txt"]}
    (folder / "turbo.json").write_text(json.dumps({"tasks": tasks}))


def _snakemake(folder: Path) -> None:
    rules = [f"rule all:\n    input: {[f'{node.name}.txt' for node in TEAM]!r}"]
    for node in TEAM:
        rule = node.name.replace("-", "_")
        needs = [f"{need}.txt" for need in node.needs]
        made, line = f"{node.name}.txt", _line(node, notes(folder))
        rules.append(f"rule {rule}:\n    input: {needs!r}\n    output: {made!r}\n    shell: {line!r}")
    (folder / "Snakefile").write_text("\n\n".join(rules) + "\n")


def _sample(folder: Path) -> None:
    shutil.copytree(ROOT / "src/bmad_provisioner/kinds/team/samples/fullstack", folder, dirs_exist_ok=True)
    (folder / "team.yaml").rename(folder / "bmad-provisioner.yaml")


def big(size: int) -> Prepare:
    """Return what prepares a team of one agent that makes a file of `size` bytes."""

    def prepare(folder: Path) -> None:
        agent = {"runtime": {"command": f"head -c {size} /dev/zero > big.bin"}, "prompt": "work", "makes": ["big.bin"]}
        document = {"kind": "Team", "name": "bench", "profile": "medium", "agents": {"one": agent}}
        (folder / "bmad-provisioner.yaml").write_text(json.dumps(document))

    return prepare


RUN = (_BMADP, "run", "--yes")
PROGRAMS = (
    Program("bmadp run", _team, RUN),
    Program("make -j4", _make, ("make", "--silent", f"-j{WORKERS}")),
    Program("turbo", _turbo, (str(TURBO), "run", "agent", f"--concurrency={WORKERS}", "--output-logs=none", "--no-daemon")),
    Program("doit", _doit, (str(BIN / "doit"),)),
    Program("doit, 4 threads", _doit, (str(BIN / "doit"), "-n", str(WORKERS), "-P", "thread")),
    Program("snakemake", _snakemake, (str(BIN / "snakemake"), f"-c{WORKERS}", "--quiet", "all")),
)
SAMPLE = Program("bmadp run, the `fullstack` sample", _sample, RUN)
