"""Compile: a Code document to the graph of its files: survey each, gather what all know, repair and rewrite each, verify all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from bmad_provisioner.digest import Plain
from bmad_provisioner.engine.graph import Graph
from bmad_provisioner.engine.policy import Policy
from bmad_provisioner.engine.task import Action, Lane, Task
from bmad_provisioner.finding import Finding
from bmad_provisioner.kind import Document, Scope, Sight
from bmad_provisioner.kinds.code import survey, tidy, verify
from bmad_provisioner.kinds.code.edition import EDITION
from bmad_provisioner.kinds.code.load import load
from bmad_provisioner.kinds.code.order import Order, order
from bmad_provisioner.kinds.code.rewriting import Pass
from bmad_provisioner.patterns import matcher
from bmad_provisioner.remarks import Remarks

INDEX = "what the project knows"
_SURVEY = Action("survey", EDITION, survey.survey, Lane.CPU, quiet=True)
_INDEX = Action("index", EDITION, survey.index, quiet=True)
_TIDY = Action("tidy", EDITION, tidy.tidy, Lane.CPU)
_VERIFY = Action("verify", EDITION, verify.verify, Lane.IO, external=True)
_PATIENCE = Policy(retries=0, timeout=120.0)
"""What one file may take: a worker that is longer at it is ended, and the file is told."""


def scope(document: Document) -> Scope:
    """Return the files that the document cares for; with a verification, the whole project."""
    wanted = order(document.data)
    return Scope(globs=("**",) if wanted.verify else wanted.paths)


def compile(document: Document, sight: Sight) -> tuple[Graph, tuple[Finding, ...]]:
    """Return the graph of every file, and what only the project could show to be wrong."""
    wanted = order(document.data)
    fits = matcher(wanted.paths)
    paths = sorted(path for path, entry in sight.tree.items() if fits(path) and entry.is_plain)
    passes = load(wanted.passes)
    asks = bool(wanted.repair) or any(one.name == "unused-imports" for one in passes)
    surveys = _surveys(paths, _named(wanted, passes)) if asks else ()
    tidies = tuple(_tidies(paths, wanted, passes, sight, asks=asks))
    return Graph([*surveys, *tidies, *_verified(wanted, tidies, sight)]), tuple(_remarks(document, paths))


def _remarks(document: Document, paths: Sequence[str]) -> Iterator[Finding]:
    if not paths:
        yield Remarks(document).warning("code-paths", ("paths",), "takes in no file", "are the patterns relative to the project?")


def _surveys(paths: Sequence[str], passes: list[Plain]) -> Iterator[Task]:
    for path in paths:
        yield Task(_surveyed(path), _SURVEY, {"path": path}, (path,), policy=_PATIENCE)
    args: dict[str, Plain] = {"passes": passes}
    yield Task(INDEX, _INDEX, args, hears={_surveyed(path): "survey" for path in paths})


def _tidies(paths: Sequence[str], wanted: Order, passes: Sequence[Pass], sight: Sight, *, asks: bool) -> Iterator[Task]:
    same: dict[str, Plain] = {
        "python": wanted.python, "repair": list(wanted.repair), "sure": wanted.sure, "verified": wanted.verify is not None
    }  # fmt: skip
    named = _named(wanted, passes)
    for path in paths:
        data = sight.read(path) if passes else b""
        due = [row for one, row in zip(passes, named, strict=True) if _is_due(one, data)]
        if not due and not wanted.repair:
            continue
        args: dict[str, Plain] = {"path": path, **same, "passes": due}
        yield Task(path, _TIDY, args, (path,), hears={INDEX: path} if asks else {}, policy=_PATIENCE)


def _verified(wanted: Order, tidies: Sequence[Task], sight: Sight) -> Iterator[Task]:
    """Yield the task that makes, of what all files should be, what breaks nothing."""
    asked = wanted.verify
    if asked is None or not tidies:
        return
    reads = tuple(sorted(path for path, entry in sight.tree.items() if entry.is_plain or entry.digest.startswith("symlink:")))
    args: dict[str, Plain] = {
        "command": list(asked.command),
        "affected": asked.affected,
        "rounds": asked.rounds,
        "seconds": asked.seconds,
        "env": list(asked.env),
    }
    hears = {task.name: "entry" for task in tidies}
    # The command runs once before, once with all changes, and for each round; what turns red is run anew before it is believed.
    policy = Policy(retries=0, timeout=asked.seconds * (2 * asked.rounds + 4))
    yield Task("verify", _VERIFY, args, reads, hears=hears, policy=policy)


def _surveyed(path: str) -> str:
    return f"survey of {path}"


def _is_due(one: Pass, data: bytes) -> bool:
    return not one.needles or any(needle in data for needle in one.needles)


def _named(wanted: Order, passes: Iterable[Pass]) -> list[Plain]:
    """Return what each pass was asked for by, which is how a worker finds it again, and what decides what it does."""
    return [[name, one.identity] for name, one in zip(wanted.passes, passes, strict=True)]
