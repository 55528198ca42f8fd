"""Kind: Performance, targets that are measured, looked into, remedied and watched."""

from __future__ import annotations

from collections.abc import Mapping

from bmad_provisioner.digest import Plain
from bmad_provisioner.engine.graph import Graph
from bmad_provisioner.finding import Finding
from bmad_provisioner.kind import Adoption, Document, Kind, Scope, Sight
from bmad_provisioner.kinds.performance.rules import GATE

# Each function imports what it needs when it is called: a start pays only for the verb that was asked for.
# ruff: noqa: PLC0415


def check(document: Document) -> tuple[Finding, ...]:
    """Return everything that is wrong or doubtful in the document."""
    from bmad_provisioner.kinds.performance import check as module

    return module.check(document)


def scope(document: Document) -> Scope:
    """Return the files that decide how fast the targets are, and those of the state that they are compared with."""
    from bmad_provisioner.kinds.performance import compile as module

    return module.scope(document)


def compile(document: Document, sight: Sight) -> tuple[Graph, tuple[Finding, ...]]:
    """Return the graph of the six phases, and what only the project could show to be wrong."""
    from bmad_provisioner.kinds.performance import compile as module

    return module.compile(document, sight)


def schema() -> Mapping[str, Plain]:
    """Return the JSON schema of a Performance document."""
    from bmad_provisioner.kinds.performance import model

    return model.schema()


def samples(name: str, language: str) -> Mapping[str, str]:
    """Return the files of a slow service to try it on; of an empty name, the names of all that ship."""
    from bmad_provisioner.kinds.performance import start

    return start.samples(name)


def adopt(sight: Sight, name: str, managed: frozenset[str]) -> Adoption:
    """Return the document that measures what a project holds."""
    from bmad_provisioner.kinds.performance import fitting

    paths = tuple(path for path, entry in sight.tree.items() if entry.is_plain)
    return Adoption(fitting.fitted(paths, sight.read, name))


_FITTING = Scope(globs=("**",))
"""What is looked at to make a document that fits."""

PERFORMANCE = Kind(
    name="Performance",
    owns=True,
    check=check,
    scope=scope,
    compile=compile,
    schema=schema,
    adopt=(_FITTING, adopt),
    samples=samples,
    gate=GATE,
)
