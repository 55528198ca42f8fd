"""Places: a parsed file with the offsets of its nodes and the parents they hang from."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

Function = ast.FunctionDef | ast.AsyncFunctionDef
Node = TypeVar("Node", bound=ast.AST)


@dataclass(frozen=True, slots=True)
class Idea:
    """An edit of a file that compiles, and how sure it is before the file is asked again."""

    start: int
    end: int
    new: str
    kind: str
    confidence: float
    reason: str


class Parsed:
    """A text that compiles, with its tree."""

    def __init__(self, text: str, tree: ast.Module) -> None:
        self.text = text
        self.tree = tree
        self.lines = text.splitlines(keepends=True) if "\f" not in text else text.replace("\f", " ").splitlines(keepends=True)

    @cached_property
    def starts(self) -> list[int]:
        """Where each line begins."""
        starts = [0]
        for line in self.lines:
            starts.append(starts[-1] + len(line))
        return starts

    def offset(self, line: int, column: int) -> int:
        """Return the offset of a line (from 1) and a column in bytes, as `ast` counts."""
        row = self.lines[line - 1]
        return self.starts[line - 1] + (column if row.isascii() else len(row.encode()[:column].decode(errors="ignore")))

    def start(self, node: ast.expr | ast.stmt | ast.alias | ast.arg) -> int:
        """Return where a node begins."""
        return self.offset(node.lineno, node.col_offset)

    def end(self, node: ast.expr | ast.stmt | ast.alias) -> int:
        """Return where a node ends."""
        return self.offset(node.end_lineno or node.lineno, node.end_col_offset or 0)

    @cached_property
    def _census(self) -> tuple[dict[type[ast.AST], list[Any]], dict[ast.AST, ast.AST]]:
        """All nodes by type, and what each hangs from: one walk for all who ask, since walking costs more than parsing."""
        kinds: dict[type[ast.AST], list[Any]] = {}
        parents: dict[ast.AST, ast.AST] = {}
        stack: list[ast.AST] = [self.tree]
        while stack:
            node = stack.pop()
            kinds.setdefault(type(node), []).append(node)
            for name in reversed(node._fields):
                value = getattr(node, name, None)
                if isinstance(value, list):
                    for child in reversed(value):
                        if isinstance(child, ast.AST):
                            parents[child] = node
                            stack.append(child)
                elif isinstance(value, ast.AST) and value._fields:
                    parents[value] = node
                    stack.append(value)
        return kinds, parents

    @property
    def parents(self) -> dict[ast.AST, ast.AST]:
        """Return node -> the node that it hangs from; contexts and operators, which nodes share, are left out."""
        return self._census[1]

    def every(self, *types: type[Node]) -> list[Node]:
        """Return all nodes of some types, each type in the order of the text."""
        kinds = self._census[0]
        return [node for each in types for node in kinds.get(each, ())]

    def above(self, node: ast.AST) -> Iterator[ast.AST]:
        """Yield the nodes that hold a node, from the inside out."""
        while node in self.parents:
            node = self.parents[node]
            yield node

    def function(self, node: ast.AST) -> Function | None:
        """Return the function that runs a node; None where a lambda or the module does."""
        for outer in self.above(node):
            if isinstance(outer, (ast.FunctionDef, ast.AsyncFunctionDef)):
                return outer
            if isinstance(outer, (ast.Lambda, ast.ClassDef)):
                return None
        return None

    def owner(self, function: ast.AST) -> ast.ClassDef | None:
        """Return the class that a function is a method of."""
        parent = self.parents.get(function)
        return parent if isinstance(parent, ast.ClassDef) else None

    @cached_property
    def uses(self) -> dict[str, list[ast.Name]]:
        """Return name -> where it stands as a name of its own, in any role."""
        found: dict[str, list[ast.Name]] = {}
        for node in self.every(ast.Name):
            found.setdefault(node.id, []).append(node)
        return found


def applied(text: str, ideas: Iterable[Idea]) -> str:
    """Return a text with some ideas, none of which touches another, carried out."""
    for idea in sorted(ideas, key=lambda idea: -idea.start):
        text = text[: idea.start] + idea.new + text[idea.end :]
    return text
