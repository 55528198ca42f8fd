"""Document and Kind: what a capability must say to be one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from bmad_provisioner.digest import Entry, Plain
from bmad_provisioner.engine.graph import Graph
from bmad_provisioner.engine.task import Resources
from bmad_provisioner.finding import Finding
from bmad_provisioner.tree.model import Scope, Tree


@dataclass(frozen=True, slots=True)
class Document:
    """What the user wrote, checked for form: plain data, and the line each part of it stands on.

    `lines` maps a path of keys and indexes (`("project", "leaders", 0, "name")`) to a 1-based line.
    """

    kind: str
    name: str
    data: Mapping[str, Plain]
    source: str
    lines: Mapping[tuple[str | int, ...], int] = field(default_factory=dict)

    @property
    def identity(self) -> str:
        """The name under which this document's files are recorded."""
        return f"{self.kind}:{self.name}"

    def line(self, *place: str | int) -> int | None:
        """Return the line of the part at `place`, or of the nearest part that encloses it."""
        for end in range(len(place), -1, -1):
            if place[:end] in self.lines:
                return self.lines[place[:end]]
        return None


__all__ = ["Adoption", "Demands", "Document", "Gate", "Kind", "Place", "Scaffold", "Scope", "Sight"]


class Sight(Protocol):
    """What compile may look at: the observed tree, and the bytes of what is in it."""

    @property
    def tree(self) -> Tree:
        """Every file in scope."""

    @property
    def root(self) -> Path:
        """Where the project lies, for what only a program can tell of it (its history in git); files are read below."""

    def entry(self, path: str) -> Entry | None:
        """Return what stands at `path`, or `None`."""

    def read(self, path: str) -> bytes:
        """Return the bytes at `path`, which must be a plain file of the tree."""


@dataclass(frozen=True, slots=True)
class Adoption:
    """A document made from what a project holds, and the changes that bring the project under it.

    `copies` are files to bring to a new path, `removals` paths that go, `rewrites` new bytes for files.
    """

    data: Mapping[str, Plain]
    copies: tuple[tuple[str, str], ...] = ()
    removals: tuple[str, ...] = ()
    rewrites: Mapping[str, bytes] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Gate:
    """What makes a document invalid beside errors: findings by some `rules`; the `actions` that have to run to have them; and the
    rules whose mere information is told with the verdict, as it says what that is worth."""

    rules: frozenset[str]
    actions: frozenset[str]
    tells: frozenset[str] = frozenset()


Place = tuple[str | int, ...]
"""The keys and indexes that lead to a part of a document."""


@dataclass(frozen=True, slots=True)
class Scaffold:
    """The start of a new thing: what to append to the list at `place`, and files to lay beside the document."""

    place: Place
    item: Plain
    files: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Demands:
    """How much room, patience and money a document gives the run of its graph.

    `profile` names a size, or says `auto`; `slots` and `each` (what one task occupies) are those of a size of its own.
    `failures` in a row leave an endpoint alone for `cool_off` seconds; `sequential` allows one task after the other as a
    last resort. `cost` is in US dollars, `seconds` is wall clock; `None`: any.
    """

    profile: str = "medium"
    slots: int | None = None
    each: Resources = Resources()
    failures: int = 5
    cool_off: float = 30.0
    sequential: bool = True
    cost: float | None = None
    tokens: int | None = None
    seconds: float | None = None


def _none(document: Document) -> Demands:
    return Demands()


def _nowhere(document: Document, name: str) -> tuple[Place, ...]:
    return ()


def _no_root(document: Document) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Kind:
    """A capability, as four functions. `samples` returns a ready document and what lies beside it, as path -> text, by name
    and language; of no name, the names as keys. `asks` says that its tasks may ask what costs time and money. A kind with a
    `gate` is validated by running what decides whether it lets through.

    `check` returns every reason why the document is wrong (an empty tuple: it is right) plus warnings;
    `scope` says what to observe; `compile` makes the graph and may add findings that need the project;
    `schema` is the JSON schema for editors. A kind that `owns` its files removes orphans and detects drift.
    `declared` returns all that goes with a skill, in an order in which one part can be deleted after the other.
    """

    name: str
    owns: bool
    check: Callable[[Document], tuple[Finding, ...]]
    scope: Callable[[Document], Scope]
    compile: Callable[[Document, Sight], tuple[Graph, tuple[Finding, ...]]]
    schema: Callable[[], Mapping[str, Plain]]
    root: Callable[[Document], str] = _no_root
    diagnose: tuple[Scope, Callable[[Sight], tuple[Finding, ...]]] | None = None
    adopt: tuple[Scope, Callable[[Sight, str, frozenset[str]], Adoption]] | None = None
    declared: Callable[[Document, str], tuple[Place, ...]] = _nowhere
    scaffold: Callable[[str, str], Scaffold] | None = None
    demands: Callable[[Document], Demands] = _none
    asks: bool = False
    gate: Gate | None = None
    samples: Callable[[str, str], Mapping[str, str]] | None = None
