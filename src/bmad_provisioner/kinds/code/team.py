"""Team: what kind Code does as four agents of a Team document: one tests, one repairs, one adapts, one reviews.

Each is called by the runtime `python` in a folder that holds what it reads, and changes files there. All write one report, which
goes from one to the next; the last one finishes it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

from bmad_provisioner.errors import BmadpError
from bmad_provisioner.finding import Finding
from bmad_provisioner.kinds.code.inline import Files, proving, tidied, verified
from bmad_provisioner.kinds.code.order import GROUPS, Verify
from bmad_provisioner.kinds.code.trial import Trial

PASSES = ("unused-imports", "import-order", "modern-syntax")
"""What a file is adapted by, where the document names no `passes`."""
COMMAND = ("python3", "-m", "pytest", "-q")
"""What proves a project, where the document names no `command`."""
BEFORE = ".bmadp-before"
"""Where the files lie as they were before the agents ahead changed them, or the agent itself in its last draft."""
_SHOWN, _FEW = 200, 10
"""Characters shown of what is said of a test, and tests named in the report."""
_OBJECTS = "A reviewer objects:"
_SECTION = re.compile(r"## `(.+)`")

Told: TypeAlias = Mapping[str, Any]
"""What an agent is told: `makes`, `schema`, and under `data` the options that the document gives it."""
Answer: TypeAlias = dict[str, Any]
Notes: TypeAlias = dict[str, list[str]]
"""What is said of each file, in lines."""
Act: TypeAlias = Callable[[str, Path, Told], Answer]


def _plainly(agent: Act) -> Act:
    """Have an agent that cannot do its work end with one line that says why."""

    @wraps(agent)
    def act(prompt: str, folder: Path, told: Told) -> Answer:
        try:
            return agent(prompt, folder, told)
        except BmadpError as error:
            raise SystemExit(f"{error.message}{f' ({error.hint})' if error.hint else ''}") from error

    return act


@_plainly
def test(_prompt: str, folder: Path, told: Told) -> Answer:
    """Run all tests as the project stands, and leave how they ended as JSON in the file that it makes."""
    files = Files(folder)
    with TemporaryDirectory(prefix="bmadp-") as scratch:
        trial = Trial(files.inputs(proving(_asked(told)), files.tree, {}), Path(scratch).resolve(), {})
        run = trial.run((), None)
    failed = {name: _line(said)[:_SHOWN] for name, said in sorted(run.failed.items())}
    found = {"command": trial.command, "well": run.well, "words": run.words, "passed": len(run.passed - {""}), "failed": failed}
    return {"text": _counted(found), "files": {str(told["makes"][0]): json.dumps(found, indent=2, ensure_ascii=False) + "\n"}}


@_plainly
def repair(prompt: str, folder: Path, told: Told) -> Answer:
    """Repair what does not compile, or names what is not there, and begin the report."""
    return _amend(prompt, folder, told, {"repair": _options(told).get("repair", list(GROUPS)), "passes": []}, {})


@_plainly
def adapt(prompt: str, folder: Path, told: Told) -> Answer:
    """Rewrite files with passes, and go on with the report."""
    return _amend(prompt, folder, told, {"repair": [], "passes": _options(told).get("passes", list(PASSES))})


@_plainly
def review(_prompt: str, folder: Path, told: Told) -> Answer:
    """Say which changes turn a test red (where a verdict is asked for), or take those back and finish the report."""
    files, asked = Files(folder, folder / BEFORE), _asked(told)
    now = Files(folder)
    changed = {path: now.read(path) for path in _python(files) if path in now.tree and now.tree[path] != files.tree[path]}
    kept, findings = verified(files, changed, asked)
    back = sorted(changed.keys() - kept)
    if told.get("schema"):
        said = {one.path: one.message for one in findings if one.rule == "code-taken-back"}
        return {"data": {"accepted": not back, "objections": [f"{path}: {said.get(path, '')}" for path in back]}}
    _write(folder, {path: files.read(path) for path in back})
    notes = _noted(_read(_standing(now, told)), [one for one in findings if one.path != "verify"])
    tests = [_counted(_before(now, told)), *(one.message for one in findings if one.path == "verify")]
    amount = f"{len(kept)} of {len(_python(files))} Python files changed, {len(back)} taken back"
    _write(folder, {_report(told): _spelled(notes, [f"{amount}.", "", "## Tests", "", *(f"- {line}" for line in tests if line)])})
    return {"text": amount}


def _amend(prompt: str, folder: Path, told: Told, wanted: Told, begun: Notes | None = None) -> Answer:
    """Change what a document that wants so would change, but for files that a reviewer objects to: they stay as they were."""
    asked, objections = _options(told), prompt.partition(_OBJECTS)[2].splitlines()
    files = Files(folder, folder / BEFORE if objections else None)
    also = {name: asked[name] for name in ("sure", "python") if name in asked}
    made, findings = tidied(files, {"paths": asked.get("paths", ["**/*.py"]), **also, **wanted})
    objected = {path: line for path in made for line in objections if line.startswith(f"- {path}: ")}
    notes = _noted(_read(_standing(files, told)) if begun is None else begun, (one for one in findings if one.path not in objected))
    for path, line in objected.items():
        notes.setdefault(path, []).append(f"left as it was: {line.partition(': ')[2]}")
    drafted = {path: files.read(path) for path in files.tree if objections and (folder / BEFORE / path).is_file()}
    changed = {path: data for path, data in made.items() if path not in objected}
    _write(folder, {**drafted, **changed, _report(told): _spelled(notes)})
    return {"text": f"{len(changed)} files changed"}


def _options(told: Told) -> Mapping[str, Any]:
    data = told.get("data")
    return data if isinstance(data, Mapping) else {}


def _asked(told: Told) -> Verify:
    """Return how the project is proven."""
    asked = _options(told)
    return Verify(
        tuple(map(str, asked.get("command", COMMAND))),
        asked.get("scope", "affected") == "affected",
        int(asked.get("rounds", 6)),
        float(asked.get("timeout", 600)),
        tuple(map(str, asked.get("env", ()))),
    )


def _report(told: Told) -> str:
    return str(_options(told).get("report", "docs/maintenance/report.md"))


def _standing(files: Files, told: Told) -> str:
    """Return the report as it is; nothing where there is none yet."""
    path = _report(told)
    return files.read(path).decode("utf-8", "replace") if path in files.tree else ""


def _before(files: Files, told: Told) -> Mapping[str, Any]:
    """Return how the tests ended before anything was changed, as the tester left it; nothing where it did not."""
    path = str(_options(told).get("before", "docs/maintenance/before.json"))
    try:
        found = json.loads(files.read(path)) if path in files.tree else {}
    except ValueError:
        found = {}
    return found if isinstance(found, Mapping) else {}


def _counted(found: Mapping[str, Any]) -> str:
    if not found:
        return ""
    names = [f"`{name}`" for name in found.get("failed", ())]
    more = f": {', '.join(names[:_FEW])}{' and more' if len(names) > _FEW else ''}" if names else ""
    return f"before: {found.get('passed', 0)} pass, {len(names)} fail{more}"


def _python(files: Files) -> list[str]:
    return [path for path in files.tree if path.endswith(".py")]


def _write(folder: Path, contents: Mapping[str, bytes]) -> None:
    for path, data in contents.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)


def _read(report: str) -> Notes:
    """Return what a report says of each file."""
    notes: Notes = {}
    lines: list[str] = []
    for line in report.splitlines():
        found = _SECTION.fullmatch(line)
        if found or line.startswith("#"):
            lines = notes.setdefault(found.group(1), []) if found else []
        elif line.startswith("- "):
            lines.append(line.removeprefix("- "))
    return notes


def _noted(notes: Notes, findings: Iterable[Finding]) -> Notes:
    """Return what is said of each file with what findings say of it besides."""
    told = {path: [*lines] for path, lines in notes.items()}
    for one in findings:
        where = f"line {one.line}: " if one.line else ""
        told.setdefault(one.path, []).append(f"{where}{' '.join(one.message.split())}")
    return told


def _spelled(notes: Notes, head: Iterable[str] = ()) -> bytes:
    parts = ["# Maintenance", "", *head]
    for path, lines in sorted(notes.items()):
        parts += ["", f"## `{path}`", "", *(f"- {line}" for line in lines)]
    return ("\n".join(parts).replace("\n\n\n", "\n\n").rstrip() + "\n").encode("utf-8", "replace")


def _line(said: str) -> str:
    return " ".join(next(iter(said.strip().splitlines()), "").split())
