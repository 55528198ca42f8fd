"""A real BMAD project that is provisioned, updated by BMAD, healed and looked at: by the command line, as its user does it."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from skills_ref.validator import validate

import bmad_install

SAMPLES = Path(bmad_install.__file__).parent.parent / "src/bmad_provisioner/kinds/skills/samples"
STATE = ".bmad-provisioner"
BIN = Path(sys.executable).parent
CLEAN, PENDING, DRIFT = 0, 4, 5
FACT, PRINCIPLE = "The build runs on two machines", "A failing test before a mend"
HOUSE_SKILL = "---\nname: house-style\ndescription: Use when text is written here.\n---\n\nShort words.\n"

_OF_BMAD = f"""  customizations:
    bmad-agent-dev:
      memories: [{FACT}]
      principles: [{PRINCIPLE}]
      menu_additions:
        - {{trigger: RL, prompt: Read the release list and say what is missing., description: Look through the release}}
"""

# What stands at a path: kind and permissions, and the digest of the bytes.
State = dict[str, tuple[str, str]]


@dataclass(frozen=True)
class Manifest:
    """A manifest to survive by: its text, its leaders, and the code of the module that its help rows stand under."""

    text: str
    leaders: tuple[str, ...]
    skills: int
    code: str

    @property
    def customized(self) -> str:
        """The first leader; it has memories and principles of its own in every manifest here."""
        return self.leaders[0]


def manifest(name: str) -> Manifest:
    """Return a shipped sample by its file name, or `hundred`; each customises an agent of BMAD's too."""
    if name == "hundred":
        return hundred()
    text = (SAMPLES / f"{name}.yaml").read_text(encoding="utf-8")
    text = text.replace('bmad_version: ">=6.4,<7"', 'bmad_version: ">=6,<7"').replace("  customizations:\n", _OF_BMAD)
    leaders = tuple(line.removeprefix("    - name: ") for line in text.splitlines() if line.startswith("    - name: "))
    code = {"health-platform": "carebridge-skills", "plateforme-sante": "passerelle-sante-skills"}[name]
    return Manifest(text, leaders, 23, code)


def hundred() -> Manifest:
    """Return a manifest of a hundred leaders with three specialists each, of every domain and phase, and ten workflows."""
    domains = ("generic", "healthcare", "qa", "cis")
    phases = ("1-analysis", "2-planning", "3-solutioning", "4-implementation", "anytime")
    lines = ["kind: Skills", "project:", "  name: Hundred", '  bmad_version: ">=6,<7"', "  leaders:"]
    leaders = tuple(f"group{number:03}-leader" for number in range(100))
    for number, leader in enumerate(leaders):
        lines += [
            f"    - name: {leader}",
            f"      domain: {domains[number % 4]}",
            f"      phase: {phases[number % 5]}",
            "      specialists:",
        ]
        for who, skill in (("front", "forms"), ("back", "queues"), ("data", "reports")):
            about = f"name: {who.title()} Developer {number}, domain: {who} of part {number}, skills: [{skill}, {skill} of part {number}]"
            lines.append(f"        - {{id: {who}, {about}}}")
    text = "\n".join(lines) + "\n" + _OF_BMAD
    for number in range(0, 100, 10):
        text += (
            f"    {leaders[number]}:\n      memories: [Part {number} is old]\n      principles: [Ask before part {number} moves]\n"
        )
    text += "  integration:\n    workflows:\n"
    for number in range(10):
        sequence = f"sm, {leaders[number]}, {leaders[number]}/back, {leaders[number + 10]}"
        text += f"      - {{name: delivery-{number}, phase: 4-implementation, sequence: [{sequence}]}}\n"
    return Manifest(text, leaders, 410, "hundred-skills")


@dataclass
class Figures:
    """What one update of BMAD did to files of ours, and what healing did."""

    update: str
    ours: int
    lost: list[str]
    changed: list[str]
    healed: int


@dataclass
class Survivor:
    """One project, the BMAD it began with, and what is known of it: `ours` is what the product wrote there, as it stood when it was written."""

    root: Path
    bmad: str
    manifest: Manifest
    ours: State = field(default_factory=dict)

    @classmethod
    def of(cls, version: str, name: str, root: Path) -> Survivor:
        """Make a project of BMAD `version` with a manifest, not provisioned yet."""
        bmad_install.install(version, root)
        made = cls(root, version, manifest(name))
        (root / "bmad-provisioner.yaml").write_text(made.manifest.text, encoding="utf-8")
        return made

    def bmadp(self, *arguments: str, exits: int = CLEAN) -> str:
        """Run the product in the project, as its user would, and return what it prints."""
        done = subprocess.run(
            (BIN / "bmadp", *arguments),
            cwd=self.root,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        said = f"bmadp {' '.join(arguments)} exited with {done.returncode}:\n{done.stdout[-6000:]}{done.stderr[-6000:]}"
        assert done.returncode == exits, said
        return done.stdout

    def change(self, verb: str) -> list[dict[str, Any]]:
        """Run `apply` or `heal`, note what of it is ours now, and return the changes it wrote."""
        before = self.state()
        receipts = json.loads(self.bmadp(verb, "--yes", "--json"))["receipts"]
        now = self.state()
        self.ours |= {path: found for path, found in now.items() if before.get(path) != found and found[1] != "directory"}
        self.ours = {path: now[path] for path in self.ours if path in now}
        return [change for receipt in receipts for change in receipt["changes"] if change["writes"]]

    def analyze(self, exits: int = CLEAN) -> None:
        """Ask for the gap, whose exit code has to be `exits`: clean, or what kind of change is pending."""
        self.bmadp("analyze", "--exit-code", exits=exits)

    def update(self, mode: str) -> Figures:
        """Let BMAD's newest installer update the project, then heal it; say what became of our files."""
        bmad_install.update(self.root, mode=mode)
        now = self.state()
        lost = sorted(path for path in self.ours if path not in now)
        changed = sorted(path for path, was in self.ours.items() if path in now and now[path] != was)
        count = len(self.ours)
        return Figures(mode, count, lost, changed, len(self.change("heal")))

    def state(self) -> State:
        """Return everything that stands in the project, but for the product's own state: permissions, and digests of bytes."""
        found: State = {}
        for folder, folders, files in os.walk(self.root):
            if STATE in folders:
                folders.remove(STATE)
            for name in folders + files:
                path = os.path.join(folder, name)
                mode = os.lstat(path).st_mode
                what = "directory" if stat.S_ISDIR(mode) else hashlib.sha256(Path(path).read_bytes()).hexdigest()
                found[os.path.relpath(path, self.root)] = oct(mode), what
        return found

    def read(self, path: str) -> str:
        """Return the text of a file."""
        return (self.root / path).read_text(encoding="utf-8")

    def write(self, path: str, text: str) -> None:
        """Write a file as the user does."""
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text, encoding="utf-8")

    def replace(self, path: str, old: str, new: str) -> None:
        """Edit a file as the user does."""
        text = self.read(path)
        assert text.count(old) >= 1, f"{path} has no {old!r}:\n{text}"
        self.write(path, text.replace(old, new, 1))

    def folders(self) -> list[str]:
        """Return the folders into which skills go now."""
        return sorted({"/".join(path.split("/")[:2]) for path in self.ours if path.split("/")[1] == "skills"})

    def skills(self) -> list[Path]:
        """Return the folder of every skill of ours."""
        return sorted({(self.root / path).parent for path in self.ours if path.endswith("/SKILL.md")})

    def resolved(self, skill: str) -> dict[str, Any]:
        """Return what BMAD's own script makes of a skill's customisation; since 6.11 it can be told the project."""
        script = "_bmad/scripts/resolve_customization.py"
        place = ("--project-root", ".") if '"--project-root"' in self.read(script) else ()
        return self.script(script, "--skill", f".claude/skills/{skill}", *place, "--key", "agent")["agent"]

    def agents(self, key: str = "agents") -> dict[str, Any]:
        """Return what BMAD's own script makes of the roster of agents."""
        return self.script("_bmad/scripts/resolve_config.py", "-p", ".", "-k", key)[key]

    def script(self, *arguments: str) -> dict[str, Any]:
        """Run a script of BMAD's in the project, and return the JSON it prints."""
        done = subprocess.run(
            (sys.executable, *arguments), cwd=self.root, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{arguments} exited with {done.returncode}:\n{done.stderr}"
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def help(self) -> list[dict[str, str]]:
        """Return the rows that BMAD wrote into its help for our module."""
        rows = csv.DictReader(io.StringIO(self.read("_bmad/_config/bmad-help.csv")))
        return [row for row in rows if row["module"] == self.manifest.code]


def faults(skills: Iterable[Path]) -> dict[str, list[str]]:
    """Return what the reference validator finds wrong with skills."""
    return {str(skill): found for skill in skills if (found := validate(skill))}
