"""The verbs: the only place where documents, engine, tree and journal meet."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from bmad_provisioner.digest import Digest, Entry, Plain
from bmad_provisioner.engine.graph import Graph
from bmad_provisioner.engine.run import Means, run
from bmad_provisioner.engine.task import Lane
from bmad_provisioner.errors import ConflictError, PlanError, StaleError, UsageError
from bmad_provisioner.event import Listener, StepFinished
from bmad_provisioner.gap import (
    amended,
    bases,
    decide,
    desire,
    differ,
    failures,
    is_complete,
    left_out,
    obstacles,
    step,
    to_record,
    unfinished,
)
from bmad_provisioner.glance import remember, remember_applied
from bmad_provisioner.kind import Document, Kind
from bmad_provisioner.plan import Plan, facts
from bmad_provisioner.plugins import Plugins, did_you_mean
from bmad_provisioner.session import Looking, Session, look
from bmad_provisioner.tree.diff import diff
from bmad_provisioner.tree.journal import FIRST, Receipt, Recorded, recorded
from bmad_provisioner.tree.model import Change
from bmad_provisioner.tree.observe import observe
from bmad_provisioner.tree.settle import Sides, settle
from bmad_provisioner.ways import Kit, equipped


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


@dataclass(frozen=True, slots=True)
class Asking:
    """How a plan is made: `hold` keeps external tasks back that the cache does not know, but for `released` actions; `again`
    names tasks that are asked whatever it knows (`*`: every external one); `on` is the cluster to run on; `choices` decides
    conflicts and drift by path: `ours` keeps what stands there, `theirs` takes the manifest's.
    """

    hold: bool = True
    again: frozenset[str] = frozenset()
    on: str = ""
    choices: Mapping[str, str] = field(default_factory=dict)
    released: frozenset[str] = frozenset()


def plan(
    session: Session, request: Request, asking: Asking | None = None, *, clock: Callable[[], float] = time.perf_counter
) -> Plan:
    """Return what applying the document would do. Touches nothing but the cache."""
    document, asking = request.document, asking or Asking()
    scope = request.kind.scope(document)
    with _timed("observe", session.emit, clock):
        sight = look(session, scope, request.beside)
    with _timed("compile", session.emit, clock):
        graph, findings = request.kind.compile(document, sight)
    with _timed("run", session.emit, clock), _equipped(session, request, graph, asking) as kit:
        means = Means(sight, kit.cache, session.blobs.keep, session.blobs.get, session.emit, clock, session.blobs.parts)
        outcomes = run(
            graph, means, hold=asking.hold, ways=replace(kit.ways, again=asking.again | kit.ways.again, released=asking.released)
        )
        desired, found = desire(outcomes)
    with _timed("compare", session.emit, clock):
        state = session.journal.recorded()
        identity = _recorded_as(session, request, state)
        record = left_out(state.tree(identity), desired, outcomes) if request.kind.owns else {}
        sight.add(observe(str(session.project.root), {*desired, *record} - sight.tree.keys(), session.index))
        known = amended(graph, outcomes, record, sight.entry)
        changes = differ(session, sight, desired, known, outcomes, asking.choices)
        failed = failures(outcomes, () if request.kind.owns else sight.tree)
    made = Plan(
        project=str(session.project.root),
        document=identity,
        source=request.source,
        head=state.head,
        changes=changes,
        findings=(*findings, *found, *failed, *obstacles(session, changes), *unfinished(session)),
        steps=tuple(step(outcome, graph[name]) for name, outcome in outcomes.items()),
        records=(
            to_record(desired, record, changes, complete=is_complete(outcomes), lent=known.keys()) if request.kind.owns else {}
        ),
        current=len(desired) - sum(1 for change in changes if change.path in desired),
        facts=facts({name: outcome.output for name, outcome in outcomes.items() if outcome.output is not None}),
        scope=scope,
        beside=str(request.beside),
        asks=any(task.action.lane not in (Lane.HERE, Lane.CPU) for task in graph),
        sole=len(request.siblings) <= 1,
    )
    if not asking.choices or not made.asks:
        remember(session, made, graph)
    session.blobs.commit()  # who is asked next may take their time, and others want to write
    return made


def _equipped(session: Session, request: Request, graph: Graph, asking: Asking) -> AbstractContextManager[Kit]:
    """Equip the run of a document's graph; raises UsageError when nobody in it has the name of one that is to run again."""
    names = {task.name for task in graph}
    unknown = sorted(asking.again - names - {"*"}) if len(request.siblings) <= 1 else ()
    if unknown:
        raise UsageError(f"no agent is called `{unknown[0]}`", hint=did_you_mean(unknown[0], tuple(names)))
    return equipped(session, request.kind.demands(request.document), graph, of=request.document.identity, on=asking.on)


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
        if not made.asks:
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
            sight.keep(change.path, session.blobs)


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
    changes = settle(told, bases(session, raw, _present(after)), sides, decide(told, choices or {}))
    head = receipts[-1].name
    session.blobs.commit()
    return receipt, Plan(
        str(session.project.root),
        receipt.document,
        Digest(""),
        head,
        changes,
        tuple(unfinished(session)),
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
