"""The verbs: the only place where documents, engine, tree and journal meet."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bmad_provisioner.digest import Digest, Entry, Plain
from bmad_provisioner.engine.run import Means, Outcome, Status, Ways, run
from bmad_provisioner.errors import ConflictError, PlanError, StaleError, UsageError
from bmad_provisioner.event import Listener, StepFinished
from bmad_provisioner.finding import Finding
from bmad_provisioner.glance import remember, remember_applied
from bmad_provisioner.kind import Document, Kind
from bmad_provisioner.plan import Plan, Step, facts
from bmad_provisioner.plugins import Plugins
from bmad_provisioner.session import Looking, Session, look
from bmad_provisioner.tree.diff import diff
from bmad_provisioner.tree.journal import FIRST, Receipt, Recorded, recorded
from bmad_provisioner.tree.model import Change, Gap, Tree
from bmad_provisioner.tree.observe import blocked, observe
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


@dataclass(frozen=True, slots=True)
class Signature:
    """Who does something, and when (ISO 8601): journalled, so handed in and never looked up."""

    who: str
    when: str


@dataclass(frozen=True, slots=True)
class Request:
    """A document to plan: its kind, the digest of the bytes it came from, and the folder beside which it lies.

    `path` is the manifest's, and `siblings` are the identities of all documents in it: they tell a renamed document
    from another one.
    """

    document: Document
    kind: Kind
    source: Digest
    beside: Path
    path: str = ""
    siblings: frozenset[str] = frozenset()


def kind_of(document: Document) -> Kind:
    """Return the kind of a document."""
    kind: Kind = Plugins("bmad_provisioner.kinds")[document.kind]
    return kind


def plan(
    session: Session,
    request: Request,
    *,
    hold: bool = True,
    refresh: bool = False,
    choices: Mapping[str, str] | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> Plan:
    """Return what applying the document would do. Touches nothing but the cache.

    `choices` decides conflicts and drift by path: `ours` keeps what stands there, `theirs` takes the manifest's.
    Without `hold` external tasks run; with `refresh` they run again, whatever the cache knows.
    """
    document = request.document
    scope = request.kind.scope(document)
    with _timed("observe", session.emit, clock):
        sight = look(session, scope, request.beside)
    with _timed("compile", session.emit, clock):
        graph, findings = request.kind.compile(document, sight)
    with _timed("run", session.emit, clock):
        means = Means(sight, session.cache, session.blobs.keep, session.blobs.get, session.emit, clock)
        ways = Ways(again=frozenset({"*"}) if refresh else frozenset())
        outcomes = run(graph, means, hold=hold, ways=ways)
        desired, found = _desired(outcomes)
    with _timed("compare", session.emit, clock):
        state = session.journal.recorded()
        identity = _recorded_as(session, request, state)
        record = state.tree(identity) if request.kind.owns else {}
        sight.add(observe(str(session.project.root), {*desired, *record} - sight.tree.keys(), session.index))
        changes = _changes(session, sight, desired, record, outcomes, choices or {})
    made = Plan(
        project=str(session.project.root),
        document=identity,
        source=request.source,
        head=state.head,
        changes=changes,
        findings=(*findings, *found, *_failures(outcomes), *_blocked(session, changes), *_unfinished(session)),
        steps=tuple(_step(outcome) for outcome in outcomes.values()),
        records=_records(desired, record, changes, complete=_complete(outcomes)),
        current=len(desired) - sum(1 for change in changes if change.path in desired),
        facts=facts({name: outcome.output for name, outcome in outcomes.items() if outcome.output is not None}),
        scope=scope,
        beside=str(request.beside),
    )
    remember(session, made)
    return made


def _recorded_as(session: Session, request: Request, state: Recorded) -> str:
    """Return the identity under which the document's files are recorded: its own, or the one before it was renamed.

    It was renamed when nothing is recorded under its name, and exactly one document of its kind was applied from the same
    manifest that is no longer in it.
    """
    own = request.document.identity
    if own in state.trees or not state.trees or not request.path:
        return own
    last = {receipt.document: receipt for receipt in session.journal if "path" in receipt.context}
    gone = [name for name in state.trees if name.startswith(f"{request.kind.name}:") and name not in request.siblings]
    same = [name for name in gone if name in last and last[name].context["path"] == _inside(session, request.path)]
    return same[0] if len(same) == 1 else own


def _inside(session: Session, path: str) -> str:
    """Return a manifest's path relative to the project when it lies in it: the project may be moved."""
    root = f"{session.project.root}/"
    return path.removeprefix(root)


def _desired(outcomes: Mapping[str, Outcome]) -> tuple[dict[str, Entry], list[Finding]]:
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


def _changes(
    session: Session, sight: Looking, desired: Tree, record: Tree, outcomes: Mapping[str, Outcome], choices: Mapping[str, str]
) -> tuple[Change, ...]:
    actual = {path: entry for path in {*desired, *record} if (entry := sight.entry(path)) is not None}
    # A file whose maker has no output yet only looks like an orphan.
    raw = [change for change in diff(actual, desired, record) if change.wanted is not None or _complete(outcomes)]
    bases = _bases(session, raw, record)
    return settle(raw, bases, Sides(sight.read, session.blobs.get, session.blobs.keep, _written(session)), _decided(raw, choices))


def _bases(session: Session, changes: Sequence[Change], record: Tree) -> dict[str, Entry]:
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


def _decided(changes: Sequence[Change], choices: Mapping[str, str]) -> dict[str, str]:
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


def _complete(outcomes: Mapping[str, Outcome]) -> bool:
    return all(outcome.output is not None for outcome in outcomes.values())


def _records(desired: Tree, record: Tree, changes: Sequence[Change], *, complete: bool) -> dict[str, Entry | None]:
    """Return what a receipt would record anew: what is made, adopted or forgotten; nothing that is undecided."""
    undecided = {change.path for change in changes if change.gap is Gap.CONFLICT}
    paths = ({*desired, *record} if complete else set(desired)) - undecided
    return {path: desired.get(path) for path in sorted(paths) if desired.get(path) != record.get(path)}


def _step(outcome: Outcome) -> Step:
    files = tuple(outcome.output.files) if outcome.output else ()
    return Step(outcome.task, outcome.status.value, outcome.because, outcome.error, files, len(files))


def _failures(outcomes: Mapping[str, Outcome]) -> list[Finding]:
    return [Finding(o.task, "task-failed", o.error) for o in outcomes.values() if o.status is Status.FAILED]


def _blocked(session: Session, changes: Sequence[Change]) -> list[Finding]:
    """Say which files have no room for the folder they belong in; what the plan itself clears away is no obstacle."""
    going = {change.path for change in changes if change.writes and change.after is None}
    new = [change.path for change in changes if change.writes and change.before is None]
    hint = "move it away, then run it again"
    return [
        Finding(path, "path-blocked", f"cannot be written: `{obstacle}` is no folder", hint=hint)
        for path, obstacle in blocked(str(session.project.root), new)
        if obstacle not in going
    ]


def _unfinished(session: Session) -> list[Finding]:
    if not session.writable or not session.transactions.pending():
        return []
    hint = "run `bmadp apply` or `bmadp heal`: it finishes or takes back what was begun, before anything else"
    return [Finding(str(session.project.root), "apply-unfinished", "an earlier run was interrupted while it wrote", hint=hint)]


def apply(session: Session, made: Plan, signature: Signature, *, verb: str = "apply", manifest: bytes, path: str) -> Receipt | None:
    """Do what the plan says, all or nothing, and return the receipt; `None` when there was nothing to do.

    The caller holds the project (`Session.alone`). A plan that the project or journal has overtaken is refused.
    The manifest's bytes are kept with the receipt: `heal` goes by them.
    """
    _refuse(made)
    if not made.writes and not made.records:
        return None
    state = _current(session, made)
    _keep_before(session, made.writes)
    context: dict[str, Plain] = {
        "manifest": session.blobs.put(manifest),
        "path": _inside(session, path),
        "bmad": made.facts.get("bmad"),
    }
    receipt = _receipt(state, signature, verb=verb, document=made.document, changes=made.changes, records=made.records)
    transactions = session.transactions
    with _timed("commit", session.emit, time.perf_counter):
        done = transactions.commit(made.writes, replace(receipt, context=context), state)
    with _timed("remember", session.emit, time.perf_counter):
        remember_applied(session, made, transactions.marks)
    return done


def _current(session: Session, made: Plan) -> Recorded:
    if session.journal.head() != made.head:
        raise StaleError("another run changed the project since this was planned; nothing was applied", hint="plan again")
    return session.journal.recorded()


def _refuse(made: Plan) -> None:
    if made.errors:
        raise PlanError("the plan has errors; nothing was applied", findings=made.errors)
    if made.conflicts:
        paths = ", ".join(f"`{change.path}`" for change in made.conflicts[:5])
        many = f"{len(made.conflicts)} files have conflicts" if len(made.conflicts) > 1 else "one file has a conflict"
        raise ConflictError(
            f"{many}: {paths}; nothing was written",
            hint="decide each: `--ours PATH` keeps what stands there, `--theirs PATH` takes the other side; PATH may be a folder",
        )
    odd = [change for change in made.writes if change.before is not None and not change.before.is_plain]
    if odd:
        raise ConflictError(
            f"`{odd[0].path}` is no plain file ({odd[0].before.digest}); nothing was written",  # type: ignore[union-attr]
            hint="move away what stands there, then run it again: links, folders and devices are never replaced",
        )
    if made.held:
        raise PlanError(
            f"`{made.held[0].task}` has not run yet, so its files are not known",
            hint="apply without `--plan`: it runs what was held",
        )


def _keep_before(session: Session, changes: Sequence[Change]) -> None:
    """Back up the bytes that will go; refuse when a file is not what the plan saw."""
    paths = [change.path for change in changes]
    now = observe(str(session.project.root), paths, session.index)
    sight = Looking(session.project.root, session.project.root, now)
    for change in changes:
        if now.get(change.path) != change.before:
            raise StaleError(f"`{change.path}` changed since it was planned; nothing was applied", hint="plan again")
        if change.before is not None and change.before.digest not in session.blobs:
            session.blobs.put(sight.read(change.path))


def _receipt(
    state: Recorded,
    signature: Signature,
    *,
    verb: str,
    document: str,
    changes: Sequence[Change],
    records: Mapping[str, Entry | None],
    undoes: int | None = None,
) -> Receipt:
    number = int(state.head[:8] or 0) + 1
    previous = Digest(state.head[9:73]) if state.head else FIRST
    return Receipt(number, previous, verb, signature.who, signature.when, document, tuple(changes), records, undoes=undoes)


def undo(session: Session, number: int | None, *, choices: Mapping[str, str] | None = None) -> tuple[Receipt, Plan]:
    """Return the receipt to take back (the newest that is in force, unless `number` names one) and the plan that does so.

    Files edited since are merged where both sides can be kept; where not, it is a conflict.
    """
    receipts = tuple(session.journal)
    receipt = _target(receipts, number)
    before = {change.path: change.before for change in receipt.changes if change.writes}
    after = {change.path: change.after for change in receipt.changes if change.writes}
    actual = observe(str(session.project.root), before, session.index)
    sight = Looking(session.project.root, session.project.root, actual)
    raw = diff(actual, _present(before), _present(after))
    sides = Sides(sight.read, session.blobs.get, session.blobs.keep)
    told = [replace(change, reason="as before") for change in raw]
    changes = settle(told, _bases(session, raw, _present(after)), sides, _decided(told, choices or {}))
    head = receipts[-1].name
    return receipt, Plan(
        str(session.project.root),
        receipt.document,
        Digest(""),
        head,
        changes,
        tuple(_unfinished(session)),
        current=len(before) - len(changes),
    )


def _present(tree: Mapping[str, Entry | None]) -> dict[str, Entry]:
    return {path: entry for path, entry in tree.items() if entry is not None}


def _target(receipts: Sequence[Receipt], number: int | None) -> Receipt:
    silent: set[int] = set()
    for receipt in reversed(receipts):
        if receipt.number not in silent and receipt.undoes is not None:
            silent |= {receipt.number, receipt.undoes}
    if number is None:
        standing = [receipt for receipt in receipts if receipt.number not in silent]
        if not standing:
            raise UsageError("there is nothing to restore", hint="see `bmadp history`")
        return standing[-1]
    for receipt in receipts:
        if receipt.number == number:
            if number in {r.undoes for r in receipts if r.number in silent and r.undoes}:
                raise UsageError(
                    f"receipt {number} was taken back already", hint="restore the receipt that took it back to have it again"
                )
            return receipt
    raise UsageError(f"there is no receipt {number}", hint="see `bmadp history`")


def restore(session: Session, receipt: Receipt, made: Plan, signature: Signature) -> Receipt:
    """Take `receipt` back as `made` says, in a transaction of its own; the caller holds the project."""
    _refuse(made)
    state = _current(session, made)
    _keep_before(session, made.writes)
    draft = _receipt(
        state, signature, verb="restore", document=receipt.document, changes=made.changes, records={}, undoes=receipt.number
    )
    after = recorded((*session.journal, draft))
    known = replace(after, folders=after.folders | frozenset(receipt.folders), head=state.head)
    return session.transactions.commit(made.writes, draft, known, modes=receipt.modes)


@contextmanager
def _timed(name: str, emit: Listener, clock: Callable[[], float]) -> Iterator[None]:
    start = clock()
    yield
    emit(StepFinished(name, clock() - start))
