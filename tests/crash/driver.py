"""Driver: the verbs of the real product on seed projects that hold every shape of change, and what each should come to."""

from __future__ import annotations

import importlib
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bmad_provisioner import api
from bmad_provisioner.digest import digest
from bmad_provisioner.engine.graph import Graph
from bmad_provisioner.engine.task import Action, Inputs, Output, Task
from bmad_provisioner.event import silent
from bmad_provisioner.kind import Document, Kind, Scope
from bmad_provisioner.project import Project
from bmad_provisioner.session import Session
from crash import check
from crash.preload import forked

Files = Mapping[str, tuple[str, bool]]
WHO = api.Signature("crash", "2026-01-01T00:00:00Z")
LINES = [f"line {number}" for number in range(1, 20)]


def _lines(**changed: str) -> str:
    return "\n".join(changed.get(line.replace(" ", ""), line) for line in LINES) + "\n"


FIRST: Files = {
    "skills/a/SKILL.md": ("a, the first\n", False),
    "skills/a/run.sh": ("#!/bin/sh\necho 1\n", True),
    "skills/a/tool.sh": ("#!/bin/sh\n", False),
    "skills/b/SKILL.md": ("b\n", False),
    "skills/gone/SKILL.md": ("gone soon\n", False),
    "skills/gone/refs/more.md": ("gone too\n", False),
    "merged.md": (_lines(), False),
    "kept.md": ("kept\n", False),
}
SECOND: Files = {
    "skills/a/SKILL.md": ("a, the second\n" * 3000, False),
    "skills/a/run.sh": ("#!/bin/sh\necho 2\n", True),
    "skills/a/tool.sh": ("#!/bin/sh\n", True),
    "skills/a/added.md": ("added beside\n", False),
    "skills/c/SKILL.md": ("c, all new\n", False),
    "skills/c/refs/deep/more.md": ("deep\n", False),
    "skills/c/run.sh": ("#!/bin/sh\necho c\n", True),
    "merged.md": (_lines(line18="line 18 of the manifest"), False),
    "kept.md": ("kept\n", False),
}
MANIFEST = """\
project:
  name: Crash
  bmad_version: v6.x
  leaders:
    - name: dev-leader
      domain: generic
      phase: 4-implementation
      specialists:
        - {id: frontend, name: Frontend Developer, domain: "React", skills: [UI development]}
        - {id: backend, name: Backend Developer, domain: "APIs", skills: [APIs]}
"""


def _files_of(inputs: Inputs) -> Output:
    files: dict = inputs.args["files"]  # type: ignore[assignment]
    return Output({path: inputs.keep(text.encode(), executable) for path, (text, executable) in files.items()})


ACTION = Action("lay", "1", _files_of)


def _compile(document: Document, _sight: object) -> tuple[Graph, tuple[()]]:
    return Graph([Task("lay", ACTION, {"files": document.data["files"]})]), ()


def _kind() -> Kind:
    known = Kind.__dataclass_fields__
    parts = {
        "name": "Crash",
        "owns": True,
        "check": lambda document: (),
        "scope": lambda document: Scope(tuple(document.data["files"])),
        "compile": _compile,
        "schema": dict,
        "root": lambda document: "",
    }
    return Kind(**{name: value for name, value in parts.items() if name in known})


KIND = _kind()


def request(files: Files, beside: Path, name: str = "crash") -> api.Request:
    plain = {path: [text, executable] for path, (text, executable) in files.items()}
    return api.Request(Document("Crash", name, {"files": plain}, "crash.yaml"), KIND, digest(repr(plain).encode()), beside)


def apply(root: Path, files: Files, *, verb: str = "apply", name: str = "crash", choices: Mapping[str, str] | None = None) -> int:
    """Plan and apply, as the command line does."""
    with Session(Project(root), emit=silent) as session, session.alone(verb):
        made = api.plan(session, request(files, root, name), api.Asking(hold=False, choices=choices or {}))
        api.apply(session, made, WHO, verb=verb, manifest=repr(files).encode(), path=str(root / "crash.yaml"))
    return 0


def restore(root: Path, number: int | None = None, choices: Mapping[str, str] | None = None) -> int:
    with Session(Project(root), emit=silent) as session, session.alone("restore"):
        receipt, made = api.undo(session, number, choices=choices or {})
        api.restore(session, receipt, made, WHO)
    return 0


def recover(root: Path) -> int:
    """Only what every verb does first."""
    with Session(Project(root), emit=silent) as session, session.alone("recover"):
        pass
    return 0


def verified(root: Path) -> int:
    """The product's own opinion of its journal and backups."""
    with Session(Project(root), emit=silent) as session:
        return len(importlib.import_module("bmad_provisioner.upkeep").verify(session))


def command(root: Path, *arguments: str) -> int:
    """One command line, in this process: what `python -m bmad_provisioner` does after its imports."""
    tempfile.tempdir = str(root.parent)
    os.chdir(root)
    return int(importlib.import_module("bmad_provisioner.cli.main").invoke(arguments))


def warm(folder: Path) -> None:
    """Do everything once in this process, so that forked children find it imported and compiled."""
    root = folder / "warm"
    root.mkdir()
    put(root, {"bmad-provisioner.yaml": MANIFEST})
    here, kept = Path.cwd(), os.dup(1)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        codes = [command(root, "apply", "--yes"), command(root, "heal", "--yes"), command(root, "restore", "--yes"), verified(root)]
        sys.stdout.flush()
    os.dup2(kept, 1)
    os.close(kept)
    os.chdir(here)
    if any(codes):
        raise RuntimeError(f"the product does not work here: exit codes {codes}")


@dataclass(frozen=True)
class Scenario:
    """One verb on one seed."""

    name: str
    case: check.Case
    verb: Callable[[Path], int]
    alarms: int = 0
    """What the product finds wrong with its own state though nothing ever failed: more than that is a fault."""


def put(root: Path, files: Mapping[str, str]) -> None:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


def _user_edits(root: Path) -> None:
    """What a user does to a project: files of their own, edits of ours, permissions."""
    put(root, {"notes.md": "mine\n", "skills/a/mine.md": "mine, beside theirs\n", "skills/b/mine.md": "mine\n"})
    put(root, {"merged.md": _lines(line2="line 2, by the user"), "kept.md": "kept, and edited\n"})
    os.chmod(root / "skills/a/SKILL.md", 0o600)
    os.chmod(root / "skills/a/run.sh", 0o750)


def _done(function: Callable[[], object], root: Path) -> None:
    run = forked(function, root)
    if run.code:
        raise RuntimeError(f"the seed could not be made: {run}")


def scenario(name: str, root: Path, verb: Callable[[Path], int], *, added: int = 1) -> Scenario:
    """Run `verb` once without a fault on what stands at `root`, to know what it should come to."""
    before = check.load(root)
    alarms = forked(lambda: verified(root), root).code if before else 0
    _done(lambda: verb(root), root)
    after = check.load(root)
    alarms = max(alarms, forked(lambda: verified(root), root).code)
    check.lay(after, root)
    old = check.tree(before)
    names = tuple(name for name, _data in check.receipts(before))
    if len(check.receipts(after)) != len(names) + added:
        raise RuntimeError(f"{name}: not one receipt more")
    return Scenario(name, check.Case(before, check.tree(after), old, names, added), verb, alarms)


def scenarios(folder: Path, wanted: str = "") -> list[Scenario]:
    """Return every scenario, their seeds made by the product below `folder`."""
    root = folder / "seed"
    root.mkdir()
    found = [scenario("first apply", root, lambda r: apply(r, FIRST))]
    _user_edits(root)
    found.append(scenario("apply", root, lambda r: apply(r, SECOND)))
    if wanted == "apply":
        return found[1:]
    put(root, {"notes.md": "mine, still\n", "skills/a/added.md": "added beside, then edited\n"})
    put(root, {"skills/a/added.md": "added beside\n"})
    after_second = check.load(root)
    found.append(scenario("restore", root, restore))
    check.lay(after_second, root)
    for path in ("skills/c/SKILL.md", "skills/c/refs/deep/more.md", "skills/c/run.sh", "skills/a/run.sh"):
        (root / path).unlink()
    for path in ("skills/c/refs/deep", "skills/c/refs", "skills/c"):
        (root / path).rmdir()
    found.append(scenario("heal", root, lambda r: apply(r, SECOND, verb="heal")))
    return found


def command_scenarios(folder: Path) -> list[Scenario]:
    """The same three verbs through the command line, with a real manifest."""
    root = folder / "seed-command"
    root.mkdir()
    put(root, {"bmad-provisioner.yaml": MANIFEST, "notes.md": "mine\n"})
    found = [scenario("bmadp apply, first", root, lambda r: command(r, "apply", "--yes"))]
    changed = MANIFEST.replace("UI development", "UI design") + _another_leader()
    put(root, {"bmad-provisioner.yaml": changed})
    ours = sorted(path for path in check.tree(check.load(root)).files if path.endswith("SKILL.md"))
    with (root / ours[-1]).open("a") as file:
        file.write("\nThe user adds a line at the end.\n")
    found.append(scenario("bmadp apply", root, lambda r: command(r, "apply", "--yes")))
    applied = check.load(root)
    found.append(scenario("bmadp restore", root, lambda r: command(r, "restore", "--yes")))
    check.lay(applied, root)
    for path in ours[:2]:
        (root / path).unlink()
    found.append(scenario("bmadp heal", root, lambda r: command(r, "heal", "--yes")))
    return found


def _another_leader() -> str:
    return """\
    - name: qa-leader
      domain: generic
      phase: 4-implementation
      specialists:
        - {id: unit, name: Unit Tester, domain: "Unit tests", skills: [Testing]}
"""
