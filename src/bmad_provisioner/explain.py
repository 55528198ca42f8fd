"""Explain: a plan line by line, and why each file and task is as it is."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from bmad_provisioner import api
from bmad_provisioner.digest import Entry
from bmad_provisioner.engine.disk import DiskCache
from bmad_provisioner.plan import Plan, Step
from bmad_provisioner.session import Looking, Session
from bmad_provisioner.tree.merge import merge
from bmad_provisioner.tree.model import Change, Gap
from bmad_provisioner.tree.observe import observe


@dataclass(frozen=True, slots=True)
class Text:
    """One change as the lines of a unified diff."""

    path: str
    gap: Gap
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What there is to say about one file or task."""

    subject: str
    lines: tuple[str, ...]


def texts(session: Session, made: Plan) -> tuple[Text, ...]:
    """Return every change of a plan line by line.

    A conflict is shown as the file it would be with conflict markers; drift as what was edited here.
    """
    tree = observe(made.project, [change.path for change in made.changes], session.index)
    sight = Looking(session.project.root, session.project.root, tree)
    record = session.journal.recorded().tree(made.document)
    return tuple(_text(session, sight, change, record.get(change.path)) for change in made.changes)


def _text(session: Session, sight: Looking, change: Change, base: Entry | None) -> Text:
    mine = sight.read(change.path) if change.before is not None and change.before.is_plain else None
    wanted = _kept(session, change.wanted)
    if change.gap is Gap.CONFLICT:
        merged = merge(change.path, _kept(session, base), mine, wanted)
        before, after = mine, merged.data if merged is not None and merged.conflicts else wanted
    elif change.gap is Gap.DRIFTED:
        before, after = wanted, mine
    else:
        before, after = mine, _kept(session, change.after)
    head = f"# {change.path}: {change.gap.value}, {change.reason}\n"
    return Text(change.path, change.gap, (head, *_unified(change.path, before, after), *_mode(change)))


def _kept(session: Session, entry: Entry | None) -> bytes | None:
    """Return the bytes of an entry; nothing where there are none, or they are lost."""
    return session.blobs.get(entry.digest) if entry is not None and entry.is_plain and entry.digest in session.blobs else None


def _unified(path: str, before: bytes | None, after: bytes | None) -> list[str]:
    try:
        old, new = (_lines(data) for data in (before, after))
    except UnicodeDecodeError:
        return [f"binary file `{path}` differs\n"]
    names = ("/dev/null" if before is None else f"a/{path}", "/dev/null" if after is None else f"b/{path}")
    lines = difflib.unified_diff(old, new, *names)
    return [line if line.endswith("\n") else f"{line}\n\\ no newline at end of file\n" for line in lines]


def _lines(data: bytes | None) -> list[str]:
    if data is None:
        return []
    if b"\0" in data:
        raise UnicodeDecodeError("utf-8", data, data.index(0), data.index(0) + 1, "a text holds no NUL")
    return data.decode("utf-8").splitlines(keepends=True)


def _mode(change: Change) -> list[str]:
    if change.before is None or change.after is None or change.before.executable == change.after.executable:
        return []
    return [f"mode: {'executable' if change.after.executable else 'not executable'}\n"]


def why(session: Session, request: api.Request, subject: str) -> tuple[Answer, ...]:
    """Return what there is to say about a path or a task of a document; nothing when it is neither."""
    made = api.plan(session, request)
    path = subject.removeprefix("./")
    cache = DiskCache(session.blobs, of=request.document.identity)
    answers = [_of_task(cache, step) for step in made.steps if subject in (step.task, step.task.partition(" ")[2])]
    makers = [step for step in made.steps if path in step.files]
    if makers or path in {change.path for change in made.changes}:
        answers.append(_of_path(session, made, path, makers))
    return tuple(answers)


def _of_task(cache: DiskCache, step: Step) -> Answer:
    trace = cache.trace(step.task)
    lines = [_now(step), f"makes {step.count} file{'s' * (step.count != 1)}"]
    lines += [f"made the last time because {'; '.join(trace.because)}"] if trace.because and step.status == "cached" else []
    lines += [f"depends on {part}: {trace.shown.get(part, name[:12])}" for part, name in trace.parts.items()]
    return Answer(f"task {step.task}", tuple(lines))


def _now(step: Step) -> str:
    """Say how a task stands: what changed since it ran, or that nothing did."""
    waiting = "what it needs has to run first, and may say the same" if step.status == "held" else ""
    return f"{step.status}: {'; '.join(step.because) or waiting or 'nothing that it depends on changed'}"


def _of_path(session: Session, made: Plan, path: str, makers: Sequence[Step]) -> Answer:
    lines = [f"made by task `{step.task}` ({_now(step)})" for step in makers]
    change = next((change for change in made.changes if change.path == path), None)
    lines.append("up to date" if change is None else f"{change.gap.value}: {change.reason}")
    lines += [
        f"receipt {receipt.number}: {receipt.verb} by {receipt.who} at {receipt.when} ({done.gap.value}: {done.reason})"
        for receipt in session.journal
        for done in receipt.changes
        if done.path == path and done.writes
    ]
    return Answer(path, tuple(lines))


def skill_text(session: Session, request: api.Request, name: str) -> bytes | None:
    """Return the SKILL.md that the document makes under `name`, or `None`."""
    made = api.plan(session, request, api.Asking(hold=False))
    recorded = {**session.journal.recorded().tree(made.document), **made.records}
    wanted = {change.path: change.wanted for change in made.changes}
    for path in sorted(path for step in made.steps for path in step.files if path.endswith(f"/{name}/SKILL.md")):
        entry = wanted.get(path) or recorded.get(path)
        if entry is not None:
            return session.blobs.get(entry.digest)
    return None
