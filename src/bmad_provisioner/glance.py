"""Glance: tell by a stat walk that nothing moved since the last plan that had nothing to do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bmad_provisioner import __version__
from bmad_provisioner.digest import Digest, Entry, Plain
from bmad_provisioner.finding import Finding, Severity
from bmad_provisioner.plan import Plan, Step
from bmad_provisioner.session import Session, look
from bmad_provisioner.tree.model import BESIDE, Change, Gap, Scope
from bmad_provisioner.tree.observe import observe


def glance(session: Session, source: Digest, beside: Path) -> Plan | None:
    """Return the plan that the index noted, if its document, journal and every file are as they were then.

    A plan is a function of exactly these, so an equal look gives an equal plan; nothing is parsed or compiled.
    """
    note = session.index.note
    if not isinstance(note, Mapping) or note.get("made_from") != _made_from(session, source, beside):
        return None
    body: Any = note
    scope = Scope(*(tuple(part) for part in body["scope"]))
    look(session, scope, beside)
    ours = [path for path in session.index.paths() if not path.startswith(BESIDE)]
    observe(str(session.project.root), ours, session.index)
    return _plan(session, source, body["plan"]) if session.index.unchanged else None


def remember(session: Session, made: Plan, scope: Scope, beside: Path) -> None:
    """Note a plan that has nothing to do; forget the note when there is something."""
    idle = made.is_clean and all(change.gap is Gap.DRIFTED for change in made.changes)
    note: Plain = None
    if idle:
        note = {
            "made_from": _made_from(session, made.source, beside),
            "scope": [list(scope.files), list(scope.folders), list(scope.beside)],
            "plan": {
                "document": made.document,
                "drifts": [[c.path, _pack(c.before), _pack(c.wanted), c.reason] for c in made.drifts],
                "findings": [[f.path, f.rule, f.message, f.severity.value, f.line, f.hint] for f in made.findings],
                "steps": [[s.task, s.count] for s in made.steps],
                "current": made.current,
                "facts": dict(made.facts),
            },
        }
    session.index.save(complete=True, note=note)


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
