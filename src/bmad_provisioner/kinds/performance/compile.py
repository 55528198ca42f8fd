"""Compile: a Performance document to the graph of its six phases: discover, measure, look into, plan, remedy and prove, watch.

What is measured runs alone, in a copy of the project; its key is made of the sources, of what is asked and of the machine. What
is concluded hears what the measuring tasks said: where one of them fails, the others are told all the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import PurePath
from typing import Any, cast

from bmad_provisioner.digest import Plain
from bmad_provisioner.engine.graph import Graph
from bmad_provisioner.engine.policy import Policy
from bmad_provisioner.engine.task import Action, Lane, Task
from bmad_provisioner.errors import UsageError
from bmad_provisioner.finding import Finding
from bmad_provisioner.kind import Document, Scope, Sight
from bmad_provisioner.kinds.performance import (
    acting,
    advising,
    against,
    concluding,
    discovering,
    loading,
    noise,
    paging,
    probing,
    spying,
    working,
)
from bmad_provisioner.kinds.performance.asked import DISCOVER, fact
from bmad_provisioner.kinds.performance.discover import survey
from bmad_provisioner.kinds.performance.edition import EDITION
from bmad_provisioner.kinds.performance.gathering import NOISE
from bmad_provisioner.kinds.performance.machine import machine
from bmad_provisioner.kinds.performance.measured import MEASURED
from bmad_provisioner.kinds.performance.order import COMMAND, DATABASE, FUNCTION, SERVICE, Order, Target, order
from bmad_provisioner.patterns import matcher
from bmad_provisioner.remarks import Remarks

_DISCOVER = Action(DISCOVER, EDITION, discovering.discover, Lane.IO)
_NOISE = Action(NOISE, EDITION, noise.noise, Lane.ALONE, external=True, exact=True)
_LOAD = Action("load", EDITION, loading.load, Lane.ALONE, external=True, exact=True)
_PAGES = Action("pages", EDITION, paging.pages, Lane.ALONE, external=True, exact=True)
_LOOK = Action("look", EDITION, probing.probe, Lane.ALONE, external=True, exact=True)
_PROFILE = Action("profile", EDITION, spying.profile, Lane.ALONE, external=True, exact=True)
_RUNS = Action("runs", EDITION, working.work, Lane.ALONE, external=True, exact=True)
_DATABASE = Action("database", EDITION, working.database, Lane.ALONE, external=True, exact=True)
_BEFORE = Action("state before", EDITION, against.before, Lane.IO, external=True, quiet=True)
_TRIAL = Action("trial", EDITION, acting.trial, Lane.ALONE, external=True, exact=True)
_WINS = Action("quick wins", EDITION, acting.wins, quiet=True)
_BASELINE = Action("baseline", EDITION, concluding.baseline, Lane.IO)
_PLAN = Action("plan", EDITION, concluding.plan, Lane.IO)
_WATCH = Action("watch", EDITION, concluding.watch, Lane.IO)
_REPORT = Action("report", EDITION, concluding.report, Lane.IO)
_IMPORTS = Action("imports", EDITION, working.imports)
_CAPACITY = Action("capacity", EDITION, advising.capacity, Lane.IO)
_PIPELINE = Action("pipeline", EDITION, advising.pipeline)
_STORAGE = Action("storage", EDITION, advising.storage, Lane.IO, external=True)
BEFORE, WINS, TRIAL, REGRESSION = "state before", "quick wins", "trial of quick wins", "trial against before"
_PATIENCE = Policy(retries=0, timeout=3600.0)


def scope(document: Document) -> Scope:
    """Return the files that decide how fast the targets are, and those of a folder that they are compared with."""
    wanted = order(document.data)
    more = tuple(f"{wanted.against}/{one}" for one in _taken(wanted) if not one.startswith("!")) if wanted.against else ()
    # What an accepted baseline foretold is read where it stands. Of what follows a `!` later patterns take in again.
    files = (*_remembered(wanted), *wanted.pipeline, *wanted.imports, *filter(None, [wanted.capacity.prices]))
    return Scope(files=files, globs=(*_patterns(document, wanted), *survey.PATTERNS, *more))


def _remembered(wanted: Order) -> tuple[str, str]:
    """Return the files of ours that are read again."""
    return f"{wanted.folder}/{concluding.PREDICTIONS}", f"{wanted.folder}/{concluding.HISTORY}"


def _taken(wanted: Order) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*wanted.sources, *(one for target in wanted.targets for one in target.inputs))))


def _patterns(document: Document, wanted: Order) -> tuple[str, ...]:
    """Return what is measured: the sources and the inputs, never the document itself or what is made of it."""
    own = PurePath(document.source).name
    return (*_taken(wanted), *(f"!{one}" for one in (own, "performance/**") if one))


def compile(document: Document, sight: Sight) -> tuple[Graph, tuple[Finding, ...]]:
    """Return the graph of the document, and what only the project could show to be wrong; raises UsageError without the extra."""
    if find_spec("scipy") is None:
        raise UsageError("measuring needs the extra `performance`", hint='pip install "bmad-provisioner[performance]"')
    wanted = order(document.data)
    fits = matcher(_patterns(document, wanted))
    inside = f"{wanted.against}/" if wanted.against else "\0"
    stands = sorted(path for path, entry in sight.tree.items() if entry is not None and not path.startswith(inside) and fits(path))
    one = _Compiler(document, wanted, sight, tuple(stands))
    return Graph(list(one.tasks())), tuple(one.remarks())


@dataclass(slots=True)
class _Compiler:
    """One document on its way to a graph."""

    document: Document
    wanted: Order
    sight: Sight
    sources: tuple[str, ...]

    def tasks(self) -> Iterator[Task]:
        seen = matcher(survey.PATTERNS)
        reads = {*self.sources, *(path for path, entry in self.sight.tree.items() if entry.is_plain and seen(path))}
        yield Task(DISCOVER, _DISCOVER, {"document": self._whole}, tuple(sorted(reads)))
        runs = noise.QUICK if self.wanted.quick else noise.USUAL
        yield Task(NOISE, _NOISE, {"runs": runs, "machine": machine().identity}, policy=_PATIENCE)
        measuring = [task for target in self.wanted.targets for task in self._measuring(target)]
        if self.wanted.imports:
            measuring.append(Task("imports", _IMPORTS, {"document": self._whole}, self.wanted.imports))
        yield from measuring
        yield from self._concluding(measuring)

    @property
    def _whole(self) -> Plain:
        """What the document says, as far as it decides what is concluded."""
        return {key: value for key, value in self.document.data.items() if key not in ("kind", "description")}

    def _measuring(self, target: Target) -> Iterator[Task]:
        if target.sort == SERVICE:
            for name in loading.SHAPES:
                if name != "soak" or self.wanted.load.soak:
                    yield self._measured(target, f"{name} load", _LOAD, shape=name, load=self._raw("load"))
            if target.pages:
                yield self._measured(target, "pages", _PAGES)
            yield self._measured(target, "look", _LOOK)
            yield self._measured(target, "profile", _PROFILE, load=self._raw("load"))
        elif target.sort in (COMMAND, FUNCTION):
            yield self._measured(target, "runs", _RUNS)
            yield self._measured(target, "profile", _PROFILE)
        elif target.sort == DATABASE:
            yield self._measured(target, "database", _DATABASE)

    def _raw(self, key: str) -> Plain:
        return cast("Plain", self.document.data.get(key) or {})

    def _measured(self, target: Target, what: str, action: Action, load: Plain = None, **more: Plain) -> Task:
        """Return a task that measures one target, told no more of the document than it has to know."""
        reads = () if target.sort == DATABASE else self.sources
        hears = {DISCOVER: fact(target.name)} if target.sort == SERVICE else {}
        args: dict[str, Plain] = {"document": self._of(target, load), "machine": machine().identity, **more}
        return Task(f"{target.name}: {what}", action, args, reads, hears=hears, after=(NOISE,), policy=_PATIENCE)

    def _of(self, target: Target, load: Plain = None) -> Plain:
        raw = cast("Mapping[str, Plain]", self.document.data["targets"])[target.name]
        told: dict[str, Plain] = {"name": self.wanted.name, "targets": {target.name: raw}, "quick": self.wanted.quick}
        return {**told, **({"load": load} if load else {})}

    def _concluding(self, measuring: Sequence[Task]) -> Iterator[Task]:
        args: dict[str, Plain] = {"document": self._whole}
        timed = [task.name for task in measuring if task.action not in (_LOOK, _PROFILE, _DATABASE)]
        heard = {NOISE: NOISE, **dict.fromkeys((task.name for task in measuring), MEASURED)}
        # What a gate has to know waits for nothing that only says where the time goes.
        yield Task("baseline", _BASELINE, args, hears={NOISE: NOISE, **dict.fromkeys(timed, MEASURED)})
        plan = {**args, "sources": self._state}
        yield Task("plan", _PLAN, plan, _remembered(self.wanted)[:1], hears={**heard, "baseline": "readings", DISCOVER: "project"})
        trials = dict(self._trials())
        for tasks in trials.values():
            yield from tasks
        proofs = {name: "impact" for name in trials}
        every = {**heard, "baseline": "readings", "plan": "plan", **proofs}
        yield Task("watch", _WATCH, plan, _remembered(self.wanted), hears=every)
        yield from self._advice(args, heard)
        yield Task("report", _REPORT, args, hears={**every, DISCOVER: "discovered", "watch": "records"})

    def _advice(self, args: Mapping[str, Plain], heard: Mapping[str, str]) -> Iterator[Task]:
        wanted = self.wanted
        prices = tuple(filter(None, [wanted.capacity.prices]))
        if any(target.sort == SERVICE for target in wanted.targets):
            yield Task("capacity", _CAPACITY, args, prices, hears=heard)
        if wanted.pipeline:
            yield Task("pipeline", _PIPELINE, args, wanted.pipeline)
        if wanted.storage:
            yield Task("storage", _STORAGE, {**args, "root": str(self.sight.root)})

    @property
    def _state(self) -> Plain:
        """The digest of each source: what was measured."""
        return {path: entry.digest for path in self.sources if (entry := self.sight.entry(path)) is not None}

    def _trials(self) -> Iterator[tuple[str, tuple[Task, ...]]]:
        """Yield the trials: of remedies that are made at once, and of the project against what it was before."""
        args: dict[str, Plain] = {"document": self._whole, "machine": machine().identity}
        hears = {DISCOVER: "mixes", NOISE: NOISE, "plan": "plan"}
        if self.wanted.wins and any(target.sort == SERVICE for target in self.wanted.targets):
            wins = Task(WINS, _WINS, args, self.sources, hears={"plan": "plan"})
            yield TRIAL, (wins, Task(TRIAL, _TRIAL, args, self.sources, needs=(WINS,), hears=hears, policy=_PATIENCE))
        found = self._before()
        if found is not None:
            task, told = found
            hears = {DISCOVER: "mixes", NOISE: NOISE}
            both = {**args, "before": told}
            yield REGRESSION, (task, Task(REGRESSION, _TRIAL, both, self.sources, needs=(BEFORE,), hears=hears, policy=_PATIENCE))

    def _before(self) -> tuple[Task, Plain] | None:
        """Return the task that hands on the state before, and what that is called; nothing where there is none."""
        name, sources = self.wanted.against, list(_patterns(self.document, self.wanted))
        folder = [path for path in self.sight.tree if name and path.startswith(f"{name}/")]
        if folder:
            args: dict[str, Plain] = {"folder": name}
            return Task(
                BEFORE, Action("state before", EDITION, acting.standing, quiet=True), args, tuple(sorted(folder))
            ), f"`{name}`"
        baseline = f"{self.wanted.folder}/{concluding.BASELINE}"
        commit = against.commit(self.sight.root, name) if name else against.accepted(self.sight.root, baseline)
        if not commit:
            return None
        args = {"commit": commit, "sources": cast("Any", sources), "root": str(self.sight.root)}
        what = f"`{name}` ({commit[:10]})" if name else f"the accepted baseline ({commit[:10]})"
        return Task(BEFORE, _BEFORE, args), what

    def remarks(self) -> Iterator[Finding]:
        say = Remarks(self.document)
        if not self.sources and any(target.sort != DATABASE for target in self.wanted.targets):
            yield say.warning("performance-sources", ("sources",), "takes in no file", "are the patterns relative to the project?")
        if not self.wanted.against and self._before() is None:
            what = f"nothing is compared: `{self.wanted.folder}/{concluding.BASELINE}` is not committed as it stands"
            yield say.info("performance-against", ("against",), what, "commit it, or name a revision or a folder in `against`")
        if self.wanted.against and self._before() is None:
            hint = "a folder of the project, or a revision that git has here (a shallow clone has only the latest)"
            yield say.error(
                "performance-against", ("against",), f"`{self.wanted.against}` is neither a folder nor a revision", hint
            )
