"""Kind: Team, a leader and specialists, whose work is declared and run as a graph."""

from __future__ import annotations

from collections.abc import Mapping

from bmad_provisioner.digest import Plain
from bmad_provisioner.engine.graph import Graph
from bmad_provisioner.finding import Finding
from bmad_provisioner.kind import Demands, Document, Kind, Scope, Sight

# Each function imports what it needs when it is called: a start pays only for the verb that was asked for.
# ruff: noqa: PLC0415


def check(document: Document) -> tuple[Finding, ...]:
    """Return everything that is wrong or doubtful in the document."""
    from bmad_provisioner.kinds.team import check as module

    return module.check(document)


def scope(document: Document) -> Scope:
    """Return the request beside the document, and the files of the project that agents read."""
    from bmad_provisioner.kinds.team import compile as module

    return module.scope(document)


def compile(document: Document, sight: Sight) -> tuple[Graph, tuple[Finding, ...]]:
    """Return the graph of every turn, and what only the project could show to be wrong."""
    from bmad_provisioner.kinds.team import compile as module

    return module.compile(document, sight)


def demands(document: Document) -> Demands:
    """Return how much room, patience and money the document gives its run."""
    from bmad_provisioner.kinds.team import compile as module

    return module.demands(document)


def schema() -> Mapping[str, Plain]:
    """Return the JSON schema of a Team document."""
    from bmad_provisioner.kinds.team import model

    return model.schema()


def samples(name: str, language: str) -> Mapping[str, str]:
    """Return the files of a ready team; of an empty name, the names of all that ship."""
    from pathlib import Path

    shipped = Path(__file__).parent / "samples"
    if not name:
        return {path.name: "" for path in sorted(shipped.iterdir()) if (path / "team.yaml").is_file()}
    request = shipped / name / f"request.{language}.md"
    files = {"bmad-provisioner.yaml": shipped / name / "team.yaml"}
    files["request.md"] = request if request.is_file() else shipped / name / "request.md"
    return {path: place.read_text(encoding="utf-8") for path, place in files.items() if place.is_file()}


TEAM = Kind(
    name="Team", owns=True, check=check, scope=scope, compile=compile, schema=schema, demands=demands, asks=True, samples=samples
)
