"""Glance: tell by a stat walk that nothing moved since the last plan that had nothing to do."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from bmad_provisioner import __version__
from bmad_provisioner.digest import Digest, Entry, Plain
from bmad_provisioner.finding import Finding, Severity
from bmad_provisioner.plan import Plan, Step
from bmad_provisioner.session import Session, look
from bmad_provisioner.tree.diff import diff
from bmad_provisioner.tree.model import BESIDE, Change, Gap, Scope, Tree
from bmad_provisioner.tree.observe import observe

_QUIET = 0.025
"""Seconds after which a file written before is older than a tick of the file system's clock."""


def glance(session: Session, source: Digest, beside: Path) -> Plan | None:
    """Return the plan that the index noted, if its document, journal and all that compiling looks at are as they were then.

    A plan is a function of these and of the files it makes, so nothing is parsed or compiled; of the latter, edits are told.
    """
    note = session.index.note
    if not isinstance(note, Mapping) or note.get("made_from") != _made_from(session, source, beside):
        return None
    if session.project.is_interrupted:
        return None  # what an earlier run left is finished or taken back first
    body: Any = note
    scope = Scope(*(tuple(part) for part in body["scope"]))
    seen = look(session, scope, beside).tree
    ours = [path for path in session.index.paths() if path not in seen]
    if not session.index.fresh or any(path.startswith(BESIDE) for path in ours):
        return None
    found = observe(str(session.project.root), ours, session.index)
    plan = _plan(session, source, body["plan"])
    return plan if session.index.unchanged else _edited(session, plan, found) if len(found) == len(ours) else None


def _edited(session: Session, made: Plan, found: Tree) -> Plan | None:
    """Return the plan with what was edited since in files that we make, or `None` where an edit needs a closer look.

    What compiling looks at is as it was, so the same files are asked for as then: those that stood there.
    """
    before = {path: entry for path in found if (entry := session.index.known(path)) is not None}
    edits = diff(found, before, before)
    if not edits:
        session.index.save(complete=True, note=session.index.note)
        return made
    # Heavy, and only for an edit.
    from bmad_provisioner.tree.merge import strategy  # noqa: PLC0415

    drifted = {change.path for change in made.changes}
    for edit in edits:
        if edit.path in drifted or edit.before is None or not edit.before.is_plain or strategy(edit.path) != "lines":
            return None
    changes = tuple(sorted((*made.changes, *edits), key=lambda change: change.path))
    return replace(made, changes=changes, current=made.current - len(edits))


def remember(session: Session, made: Plan) -> None:
    """Note a plan that has nothing to do; forget the note when there is something."""
    session.index.save(complete=True, note=_note(session, made) if _is_idle(made) else None)


def remember_applied(session: Session, made: Plan, marks: Mapping[str, tuple[int, int]]) -> None:
    """Note the plan that is left once `made` was applied, and what the files written now hold.

    Only where that is beyond doubt: nothing was merged, nothing that compiling looks at was written, and every file is
    still the one we wrote.
    """
    root, written = made.project, made.writes
    plain = all(change.after == change.wanted for change in written)
    apart = not {change.path for change in written} & set(made.scope.files) and not made.scope.folders
    if not (plain and apart):
        return
    time.sleep(_QUIET)
    for change in written:
        if change.after is None:
            session.index.unlearn(change.path)
        elif not session.index.confirm(root, change.path, change.after.digest, marks[change.path]):
            return
    gained = sum(1 for change in written if change.after is not None)
    left = replace(made, changes=made.drifts, records={}, head=session.project.head(), current=made.current + gained)
    session.index.save(complete=True, note=_note(session, left) if _is_idle(left) else None)


def _is_idle(made: Plan) -> bool:
    return made.is_clean and not made.records and all(change.gap is Gap.DRIFTED for change in made.changes)


def _note(session: Session, made: Plan) -> Plain:
    return {
        "made_from": _made_from(session, made.source, Path(made.beside)),
        "scope": [list(made.scope.files), list(made.scope.folders), list(made.scope.beside)],
        "plan": {
            "document": made.document,
            "drifts": [[c.path, _pack(c.before), _pack(c.wanted), c.reason] for c in made.drifts],
            "findings": [[f.path, f.rule, f.message, f.severity.value, f.line, f.hint] for f in made.findings],
            "steps": [[s.task, s.count] for s in made.steps],
            "current": made.current,
            "facts": dict(made.facts),
        },
    }


def _made_from(session: Session, source: Digest, beside: Path) -> list[Plain]:
    return [__version__, source, session.project.head(), str(beside)]


def _pack(entry: Entry | None) -> Plain:
    return None if entry is None else [entry.digest, entry.executable]


def _plan(session: Session, source: Digest, body: dict[str, Any]) -> Plan:
    drifts = [(path, Entry(*before), Entry(*wanted), reason) for path, before, wanted, reason in body["drifts"]]
    return Plan(
        project=str(session.project.root),
        document=body["document"],
        source=source,
        head=session.project.head(),
        changes=tuple(Change(path, Gap.DRIFTED, before, before, wanted, reason) for path, before, wanted, reason in drifts),
        findings=tuple(Finding(p, r, m, Severity(s), line, hint) for p, r, m, s, line, hint in body["findings"]),
        steps=tuple(Step(task, "cached", count=count) for task, count in body["steps"]),
        current=body["current"],
        facts=body["facts"],
    )
