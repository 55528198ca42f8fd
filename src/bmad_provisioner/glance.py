"""Glance: tell by a stat walk that nothing moved since the last plan that had nothing to do, or nobody to ask."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import astuple, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bmad_provisioner import __version__
from bmad_provisioner.digest import Digest, Entry, Plain
from bmad_provisioner.finding import Finding, Severity
from bmad_provisioner.plan import Plan, Step
from bmad_provisioner.plugins import Plugins
from bmad_provisioner.session import Session, look
from bmad_provisioner.tree.diff import diff
from bmad_provisioner.tree.model import BESIDE, Change, Gap, Scope, Tree
from bmad_provisioner.tree.observe import blocked, observe
from bmad_provisioner.usage import Usage

if TYPE_CHECKING:
    from bmad_provisioner.engine.task import Task

_QUIET = 0.025
"""Seconds after which a file written before is older than a tick of the file system's clock."""
_LONGEST = 3600.0
"""Seconds for which a plan whose agents were all cached is told again: to the hour the cache notes what is in use."""
_RUNTIMES = "bmad_provisioner.runtimes"


def glance(session: Session, source: Digest, beside: Path) -> Plan | None:
    """Return the plan that the index noted, if its document, journal and all that compiling looks at are as they were then.

    A plan is a function of these and of the files it makes, so nothing is parsed or compiled; of the latter, edits are told.
    Where tasks ask the outside world, it also rests on the cache, the settings and the versions of what answers.
    """
    note = session.index.note
    if not isinstance(note, Mapping) or note.get("made_from") != _made_from(session, source, beside):
        return None
    if session.project.is_interrupted:
        return None  # what an earlier run left is finished or taken back first
    body: Any = note
    if body["rests"] is not None and not _stands(session, body["rests"]):
        return None
    scope = Scope(*(tuple(part) for part in body["scope"]))
    seen = look(session, scope, beside).tree
    ours = [path for path in session.index.paths() if path not in seen]
    if not session.index.fresh or any(path.startswith(BESIDE) for path in ours):
        return None
    plan = _plan(session, source, body["plan"], asks=body["rests"] is not None)
    found = observe(str(session.project.root), [*ours, *_absent(plan)], session.index)
    session.told = _findings(body["told"])
    if session.index.unchanged:
        return None if any(blocked(str(session.project.root), _absent(plan))) else plan
    return _edited(session, plan, found) if len(found) == len(ours) and not plan.asks else None


def _absent(made: Plan) -> list[str]:
    """Return the paths of a plan where nothing stood."""
    return [change.path for change in made.changes if change.before is None]


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


def remember(session: Session, made: Plan, graph: Iterable[Task]) -> None:
    """Note a plan that has nothing to do, or whose agents all were cached; forget the note when there is something."""
    if not made.asks:
        session.index.save(complete=True, note=_note(session, made) if made.is_idle and made.sole else None)
        return
    answers = _answers(graph) if made.sole and all(step.level == "disk" for step in made.steps) else None
    until = time.time() + _LONGEST
    if answers is not None:
        until = min([until, *(one.expires for one in session.cache.kept() if one.expires is not None)])
    session.at_last(partial(_remember_cached, session, made, answers, until))


def _remember_cached(session: Session, made: Plan, answers: list[Plain] | None, until: float) -> None:
    """Note a plan whose agents all were cached, when it rests on what will still be seen to be the same."""
    store = session.store()
    note = None
    own = session.warned or session.settings.values.performance_logging  # what only a whole run has to tell
    if answers is not None and store is not None and not own and made.head == session.project.head():
        time.sleep(_QUIET)
        rests: dict[str, Plain] = {
            "answers": answers, "settings": repr(session.settings.values), "since": time.time(), "until": until, "store": store
        }  # fmt: skip
        note = _note(session, made, rests) if session.store() == store else None
    session.index.save(complete=True, note=note)


def _answers(graph: Iterable[Task]) -> list[Plain] | None:
    """Return each runtime that answers in a graph, with its options and its version; `None` if something else is asked."""
    found: dict[str, Plain] = {}
    for task in graph:
        name, options, version = (task.args.get(part) for part in ("runtime", "options", "runtime version"))
        if name is None and task.action.lane.value != "here":
            return None
        if name is not None:
            found[repr((name, options))] = [name, options or {}, version or ""]
    return list(found.values())


def _stands(session: Session, rests: dict[str, Any]) -> bool:
    """Whether the cache, the settings, and who answers are as they were, and nothing in the cache has expired."""
    if not rests["since"] <= time.time() < rests["until"] or rests["store"] != session.store():
        return False
    known = Plugins(_RUNTIMES)
    return rests["settings"] == repr(session.settings.values) and all(
        name in known and known[name].version(options) == version for name, options, version in rests["answers"]
    )


def remember_applied(session: Session, made: Plan, marks: Mapping[str, tuple[int, int]]) -> None:
    """Note the plan that is left once `made` was applied, and what the files written now hold.

    Only where that is beyond doubt: nothing was merged, nothing that compiling looks at was written, and every file is
    still the one we wrote.
    """
    root, written = made.project, made.writes
    plain = all(change.after == change.wanted for change in written)
    apart = not {change.path for change in written} & set(made.scope.files) and not (made.scope.folders or made.scope.globs)
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
    session.index.save(complete=True, note=_note(session, left) if left.is_idle and left.sole else None)


# --- notes ------------------------------------------------------------------------------------------------------------


def _note(session: Session, made: Plan, rests: Plain = None) -> Plain:
    changed = {change.path for change in made.changes}
    return {
        "made_from": _made_from(session, made.source, Path(made.beside)),
        "scope": [list(part) for part in astuple(made.scope)],
        "told": _packed(session.told),
        "rests": rests,
        "plan": {
            "document": made.document,
            "changes": [[c.path, c.gap.value, _pack(c.before), _pack(c.after), _pack(c.wanted), c.reason] for c in made.changes],
            "records": {path: _pack(entry) for path, entry in made.records.items()},
            "findings": _packed(made.findings),
            "steps": [_step(step, changed, whole=made.asks) for step in made.steps],
            "current": made.current,
            "facts": dict(made.facts),
        },
    }


def _made_from(session: Session, source: Digest, beside: Path) -> list[Plain]:
    # Findings name the manifest as it is seen from here; a note of other steps than ours is of another edition.
    return [__version__, list(Step.__slots__), source, session.project.head(), str(beside), os.getcwd()]


def _pack(entry: Entry | None) -> Plain:
    return None if entry is None else [entry.digest, entry.executable]


def _unpack(packed: list[Any] | None) -> Entry | None:
    return None if packed is None else Entry(*packed)


def _packed(findings: Iterable[Finding]) -> list[Plain]:
    return [[f.path, f.rule, f.message, f.severity.value, f.line, f.hint] for f in findings]


def _findings(packed: Iterable[list[Any]]) -> tuple[Finding, ...]:
    return tuple(Finding(p, r, m, Severity(s), line, hint) for p, r, m, s, line, hint in packed)


def _step(step: Step, changed: set[str], *, whole: bool) -> list[Plain]:
    """Return a cached step as plain data; of its files those that changed, for whoever groups changes by their makers."""
    row: list[Plain] = [step.task, step.count, [path for path in step.files if path in changed]]
    spent: list[Plain] = [step.level, step.seconds, list(astuple(step.usage))]
    more: list[Plain] = [*spent, step.asks, list(step.needs), step.quiet, step.idle, step.model]
    return [*row, *more] if whole else row


def _read_step(task: str, count: int, files: list[str], *more: Any) -> Step:
    step = Step(task, "cached", files=tuple(files), count=count)
    if not more:
        return step
    level, seconds, usage, asks, needs, quiet, idle, model = more
    told = replace(step, level=level, seconds=seconds, usage=Usage(*usage), asks=asks, needs=tuple(needs))
    return replace(told, quiet=quiet, idle=idle, model=model)


def _plan(session: Session, source: Digest, body: dict[str, Any], *, asks: bool) -> Plan:
    changes = (
        Change(path, Gap(gap), _unpack(before), _unpack(after), _unpack(wanted), reason)
        for path, gap, before, after, wanted, reason in body["changes"]
    )
    return Plan(
        project=str(session.project.root),
        document=body["document"],
        source=source,
        head=session.project.head(),
        changes=tuple(changes),
        findings=_findings(body["findings"]),
        steps=tuple(_read_step(*row) for row in body["steps"]),
        records={path: _unpack(entry) for path, entry in body["records"].items()},
        current=body["current"],
        facts=body["facts"],
        asks=asks,
    )
