"""Gap: what a run's outputs, the project's files and the records say together: changes, findings and what to record."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence, Set

from bmad_provisioner.digest import Entry
from bmad_provisioner.engine.graph import Graph
from bmad_provisioner.engine.run import Outcome, Status
from bmad_provisioner.engine.task import Task
from bmad_provisioner.errors import PlanError, UsageError
from bmad_provisioner.finding import Finding, Severity
from bmad_provisioner.patterns import meet
from bmad_provisioner.plan import Step
from bmad_provisioner.session import Looking, Session
from bmad_provisioner.tree.diff import diff
from bmad_provisioner.tree.model import Change, Gap, Tree
from bmad_provisioner.tree.observe import blocked
from bmad_provisioner.tree.paths import collisions, refusal
from bmad_provisioner.tree.settle import Sides, settle

RULES: Mapping[str, str] = {
    "path-refused": "a file to be made has a path that some system cannot hold, or that is not ours to write",
    "path-blocked": "a file stands where a folder is needed",
    "path-collision": "two files to be made are one where upper and lower case do not count",
    "task-failed": "a task of the plan failed, so its files are not known",
    "apply-unfinished": "an earlier run was interrupted while it wrote; the next writing verb finishes it or takes it back",
}
"""Every rule of a plan by its id, with what it finds."""


def desire(outcomes: Mapping[str, Outcome]) -> tuple[dict[str, Entry], list[Finding]]:
    """Gather the files of all outputs and what was found; two tasks may not make one path."""
    desired: dict[str, Entry] = {}
    makers: dict[str, str] = {}
    findings: list[Finding] = []
    for name, outcome in outcomes.items():
        if outcome.output is None:
            continue
        findings += outcome.output.findings
        for path, entry in outcome.output.files.items():
            if path in makers:
                raise PlanError(f"`{makers[path]}` and `{name}` both make `{path}`")
            makers[path] = name
            desired[path] = entry
    for path in desired:
        reason = refusal(path)
        if reason:
            findings.append(
                Finding(path, "path-refused", f"cannot be written: {reason}", hint="rename it in the manifest or its source")
            )
    findings += [
        Finding(other, "path-collision", f"is the same file as `{path}` where case does not count", hint="rename one of them")
        for path, other in collisions(desired)
    ]
    return desired, findings


def left_out(record: Tree, desired: Tree, outcomes: Mapping[str, Outcome]) -> dict[str, Entry]:
    """Return the recorded files without those that nobody makes this time and that a task leaves as they are."""
    leaves = [pattern for outcome in outcomes.values() if outcome.output is not None for pattern in outcome.output.leaves]
    return {path: entry for path, entry in record.items() if path in desired or not any(meet(path, pattern) for pattern in leaves)}


def amended(graph: Graph, outcomes: Mapping[str, Outcome], record: Tree, actual: Callable[[str], Entry | None]) -> dict[str, Entry]:
    """Return the records, with each file that its maker read as it stands there: it may go on from what it saw.

    Without this, a task that is asked to change a file that is not ours, or that the user edited since, would end in a
    conflict with the very file that it goes on from.
    """
    known = dict(record)
    for name, outcome in outcomes.items():
        for path in outcome.output.files if outcome.output is not None else ():
            seen = actual(path) if path in graph[name].reads else None
            if seen is not None:
                known[path] = seen
    return known


def differ(
    session: Session, sight: Looking, desired: Tree, record: Tree, outcomes: Mapping[str, Outcome], choices: Mapping[str, str]
) -> tuple[Change, ...]:
    """Return the changes that bring the project to what is desired, with conflicts merged or decided where they can be."""
    actual = {path: entry for path in {*desired, *record} if (entry := sight.entry(path)) is not None}
    # A file whose maker has no output yet only looks like an orphan.
    raw = [change for change in diff(actual, desired, record) if change.wanted is not None or is_complete(outcomes)]
    return settle(
        raw,
        bases(session, raw, record),
        Sides(sight.read, session.blobs.get, session.blobs.keep, _written(session)),
        decide(raw, choices),
    )


def bases(session: Session, changes: Sequence[Change], record: Tree) -> dict[str, Entry]:
    """Return what was recorded of the changed files, where the bytes are still kept: without them nothing can be merged."""
    known = {change.path: record[change.path] for change in changes if change.path in record}
    return {path: entry for path, entry in known.items() if not entry.is_plain or entry.digest in session.blobs}


def _written(session: Session) -> Callable[[str], Entry | None]:
    """Return a function that says what was last written at a path."""

    def written(path: str) -> Entry | None:
        for name in reversed(session.journal.names()):
            for change in session.journal.read(name).changes:
                if change.path == path and change.writes:
                    return change.after
        return None

    return written


def decide(changes: Sequence[Change], choices: Mapping[str, str]) -> dict[str, str]:
    """Return the choice for each path that needs one; a choice for a folder (`.` is all) goes for what is in it."""
    undecided = [change.path for change in changes if change.gap in (Gap.CONFLICT, Gap.DRIFTED)]
    decided: dict[str, str] = {}
    for place in sorted(choices, key=len):
        wanted = place.removeprefix("./").rstrip("/")
        hit = [path for path in undecided if wanted in ("", ".", path) or path.startswith(f"{wanted}/")]
        if not hit:
            hint = "see `bmadp analyze` for the paths that have"
            raise UsageError(f"`{place}` has no conflict and no drift to decide", hint=hint)
        decided.update(dict.fromkeys(hit, choices[place]))
    return decided


def is_complete(outcomes: Mapping[str, Outcome]) -> bool:
    """Say whether every task has an output: only then is a file that nobody makes an orphan."""
    return all(outcome.output is not None for outcome in outcomes.values())


def to_record(
    desired: Tree, record: Tree, changes: Sequence[Change], *, complete: bool, lent: Set[str] = frozenset()
) -> dict[str, Entry | None]:
    """Return what a receipt would record anew: what is made, adopted or forgotten; nothing that is undecided, or only `lent`.

    A file that stood there, and that a task changed where it stands, stays whose it was: on record it would be deleted
    as soon as no task changes it any more.
    """
    undecided = {change.path for change in changes if change.gap is Gap.CONFLICT}
    paths = ({*desired, *record} if complete else set(desired)) - undecided - (lent - record.keys())
    return {path: desired.get(path) for path in sorted(paths) if desired.get(path) != record.get(path)}


def step(outcome: Outcome, task: Task) -> Step:
    """Return an outcome as a plan shows it."""
    files = tuple(outcome.output.files) if outcome.output else ()
    spent = outcome.usage if outcome.output is None or outcome.status is Status.DONE else outcome.output.usage
    return Step(
        outcome.task,
        outcome.status.value,
        outcome.because,
        outcome.error,
        files,
        len(files),
        level=outcome.level,
        seconds=outcome.seconds,
        usage=spent,
        asks=task.action.external,
        needs=task.waits,
        quiet=task.action.quiet,
        idle=outcome.output is not None and bool(outcome.output.leaves),
        model=_model(task),
    )


def _model(task: Task) -> str:
    """Return the model that a task names, or its options do."""
    options = task.args.get("options")
    named = task.args.get("model") or (options.get("model") if isinstance(options, Mapping) else "")
    return named if isinstance(named, str) else ""


def failures(outcomes: Mapping[str, Outcome], amends: Container[str]) -> list[Finding]:
    """Return a finding for every task that failed; of one that `amends` the file it is named by only that is lost: a warning."""
    failed = [one for one in outcomes.values() if one.status is Status.FAILED]
    return [
        Finding(one.task, "task-failed", f"{one.error}; the file stays as it is", Severity.WARNING, hint=one.hint)
        if one.task in amends
        else Finding(one.task, "task-failed", one.error, hint=one.hint)
        for one in failed
    ]


def obstacles(session: Session, changes: Sequence[Change]) -> list[Finding]:
    """Say which files have no room for the folder they belong in; what the plan itself clears away is no obstacle."""
    going = {change.path for change in changes if change.writes and change.after is None}
    new = [change.path for change in changes if change.writes and change.before is None]
    hint = "move it away, then run it again"
    return [
        Finding(path, "path-blocked", f"cannot be written: `{obstacle}` is no folder", hint=hint)
        for path, obstacle in blocked(str(session.project.root), new)
        if obstacle not in going
    ]


def unfinished(session: Session) -> list[Finding]:
    """Say that an earlier run was interrupted while it wrote."""
    if not session.writable or not session.transactions.pending():
        return []
    hint = "run `bmadp apply` or `bmadp heal`: it finishes or takes back what was begun, before anything else"
    return [Finding(str(session.project.root), "apply-unfinished", "an earlier run was interrupted while it wrote", hint=hint)]
