"""Kind: Code, Python files that are repaired and rewritten where they stand."""

from __future__ import annotations

from collections.abc import Mapping

from bmad_provisioner.digest import Plain
from bmad_provisioner.engine.graph import Graph
from bmad_provisioner.finding import Finding
from bmad_provisioner.kind import Adoption, Document, Kind, Scope, Sight

# Each function imports what it needs when it is called: a start pays only for the verb that was asked for.
# ruff: noqa: PLC0415


def check(document: Document) -> tuple[Finding, ...]:
    """Return everything that is wrong or doubtful in the document."""
    from bmad_provisioner.kinds.code import check as module

    return module.check(document)


def scope(document: Document) -> Scope:
    """Return the files that the document cares for, and those that its verification needs."""
    from bmad_provisioner.kinds.code import compile as module

    return module.scope(document)


def compile(document: Document, sight: Sight) -> tuple[Graph, tuple[Finding, ...]]:
    """Return the graph of every file, and what only the project could show to be wrong."""
    from bmad_provisioner.kinds.code import compile as module

    return module.compile(document, sight)


def schema() -> Mapping[str, Plain]:
    """Return the JSON schema of a Code document."""
    from bmad_provisioner.kinds.code import model

    return model.schema()


def samples(name: str, language: str) -> Mapping[str, str]:
    """Return the files of a small broken package; of an empty name, the names of all that ship."""
    from bmad_provisioner.kinds.code import start

    return start.samples(name)


def adopt(sight: Sight, name: str, managed: frozenset[str]) -> Adoption:
    """Return the document that cares for the Python files of a project."""
    from bmad_provisioner.kinds.code import start

    return start.adopt(sight, name, managed)


_FITTING = Scope(globs=("**/*.py", "pyproject.toml", "setup.cfg", "setup.py"))
"""What is looked at to make a document that fits."""

CODE = Kind(
    name="Code",
    owns=False,
    check=check,
    scope=scope,
    compile=compile,
    schema=schema,
    adopt=(_FITTING, adopt),
    samples=samples,
)
