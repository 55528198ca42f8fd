"""Rewriting: what a pass is, what it finds in a file, and what became of the file."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from importlib.util import resolve_name
from pathlib import Path
from typing import TYPE_CHECKING

from bmad_provisioner.digest import Digest, Plain, digest, fingerprint
from bmad_provisioner.kinds.code.module import Asked, Hit, Module

if TYPE_CHECKING:
    from libcst import CSTTransformer
    from libcst import Module as Tree


class Scope(str, Enum):
    """How much of a file a pass has to see to rewrite one place in it."""

    STATEMENT = "statement"
    """The statement at the top level that holds the place, and nothing beside it."""
    MODULE = "module"
    """The whole file."""


@dataclass(frozen=True, slots=True)
class Example:
    """A file before and after; equal where the pass must not touch it, and `title` says why."""

    before: str
    after: str
    title: str = ""
    asked: Asked = field(default_factory=dict)


def untouched(code: str, title: str, **asked: Plain) -> Example:
    """Return the example of a file that a pass leaves alone, and why."""
    return Example(code, code, title, asked)


Find = Callable[[Module], Iterable[Hit]]
Make = Callable[[Module, tuple[Hit, ...]], "CSTTransformer"]
Run = Callable[[Module, "Tree"], "Tree"]


@dataclass(frozen=True, slots=True)
class Pass:
    """One kind of rewriting.

    A file that holds none of the `needles` is not even parsed; no needles: every file is. `find` looks at the `ast` and may
    return too much, never too little. What it finds is either exact (its hits have a text), or seen by the LibCST
    transformer that `transformer` makes, or by `run`, which gets the whole LibCST tree and returns another.

    One that is `last` is asked when it is known what the others do (`Module.taken`); it must not lean on what it takes the
    place of. One that is `steady` has nothing new to do where another's hits were `settled`; all others are asked again
    after every change.

    `code` names modules that decide what it does beside those of its functions.
    """

    name: str
    version: str
    needles: tuple[bytes, ...]
    find: Find
    transformer: Make | None = None
    run: Run | None = None
    scope: Scope = Scope.STATEMENT
    last: bool = False
    steady: bool = False
    examples: tuple[Example, ...] = ()
    options: Asked = field(default_factory=dict)
    code: tuple[str, ...] = ()

    @property
    def is_exact(self) -> bool:
        """Whether its hits have texts."""
        return self.transformer is None and self.run is None

    @property
    def identity(self) -> Digest:
        """The digest of all that decides what it does: its name, version, options and code."""
        functions = [function for function in (self.find, self.transformer, self.run) if function is not None]
        names = {function.__module__ for function in functions} | set(self.code)
        return fingerprint([self.name, self.version, dict(self.options), [digest(code) for code in _sources(names)]])


def _sources(names: set[str]) -> Iterator[bytes]:
    """Yield the code of the modules, and of those in the same packages that they import."""
    seen: set[str] = set()
    todo = sorted(names)
    while todo:
        module = sys.modules.get(todo.pop(0))
        file = getattr(module, "__file__", None)
        if module is None or file is None or module.__name__ in seen:
            continue
        seen.add(module.__name__)
        code = Path(file).read_bytes()
        yield code
        todo += sorted(_siblings(module.__package__ or "", code))


def _siblings(package: str, code: bytes) -> set[str]:
    """Return what a module imports of its own package, values included: they are no modules, and nobody finds any."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and (package or not node.level):
            home = resolve_name("." * node.level + (node.module or ""), package)
            found |= {home, *(f"{home}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name for name in found if package and name.startswith(f"{package}.")}


@dataclass(frozen=True, slots=True)
class Note:
    """One place that was rewritten: by which pass, on which line of the file as it was in that round, and why."""

    rule: str
    line: int
    message: str


@dataclass(frozen=True, slots=True)
class Failure:
    """A pass that was left out of one file, and why."""

    rule: str
    reason: str


@dataclass(frozen=True, slots=True)
class Rewritten:
    """What became of a file; its bytes are the ones it had where nothing was to do."""

    data: bytes
    notes: tuple[Note, ...] = ()
    failures: tuple[Failure, ...] = ()
