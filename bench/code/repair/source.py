"""Source: a healthy file as text, tree and tokens, and an edit of it."""

from __future__ import annotations

import ast
import io
import tokenize
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from package import NO_PACKAGE, Package


@dataclass(frozen=True, slots=True, order=True)
class Edit:
    """What stands from `start` to `end` (letters of the text) gives way to `text`."""

    start: int
    end: int
    text: str = ""


Damage = tuple[Edit, ...]


def apply(text: str, edits: Iterable[Edit]) -> str:
    """Return the text with all edits made; raises ValueError where two overlap."""
    parts, last = [], 0
    for edit in sorted(edits):
        if edit.start < last:
            raise ValueError("edits overlap")
        parts += [text[last : edit.start], edit.text]
        last = edit.end
    return "".join([*parts, text[last:]])


def tree(data: bytes) -> ast.Module | None:
    """Return the tree of a file that compiles, else None."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            compile(data, "file", "exec", dont_inherit=True)
            return ast.parse(data)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


@dataclass(frozen=True)
class Source:
    """A file that compiles; all places in it are offsets into `text`."""

    path: str
    text: str
    tree: ast.Module
    package: Package = NO_PACKAGE

    @classmethod
    def of(cls, path: str, data: bytes, package: Package = NO_PACKAGE) -> Source | None:
        """Return a file in UTF-8 with plain line ends that compiles, else None."""
        parsed = tree(data)
        if parsed is None or b"\r" in data or b"\f" in data:
            return None
        try:
            text = data.decode()
        except UnicodeDecodeError:
            return None
        return cls(path, text, parsed, package) if not text.startswith("\ufeff") else None

    @cached_property
    def lines(self) -> list[str]:
        """The lines with their ends; line `n` of a tree is `lines[n - 1]`."""
        return self.text.splitlines(keepends=True) if "\x0b" not in self.text else io.StringIO(self.text).readlines()

    @cached_property
    def starts(self) -> list[int]:
        """The offset of each line, and of the end."""
        found = [0]
        for line in self.lines:
            found.append(found[-1] + len(line))
        return found

    @cached_property
    def tokens(self) -> list[tokenize.TokenInfo]:
        """All tokens."""
        return list(tokenize.generate_tokens(io.StringIO(self.text).readline))

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """All nodes of the tree."""
        return list(ast.walk(self.tree))

    def at(self, place: tuple[int, int]) -> int:
        """Return the offset of a token's place (line from 1, column in letters)."""
        return self.starts[place[0] - 1] + place[1]

    def span(self, node: ast.stmt | ast.expr | ast.alias | ast.arg | ast.excepthandler) -> tuple[int, int]:
        """Return where a node begins and ends; the tree counts columns in bytes."""
        end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or 0
        return self._column(node.lineno, node.col_offset), self._column(end_line, end_column)

    def _column(self, line: int, column: int) -> int:
        written = self.lines[line - 1] if line <= len(self.lines) else ""
        return self.starts[line - 1] + len(written.encode()[:column].decode())

    def rows(self, first: ast.stmt, last: ast.stmt | None = None) -> range:
        """Return the lines (from 0) that whole statements stand on, their decorators with them."""
        decorators = getattr(first, "decorator_list", [])
        top = min([first.lineno, *(one.lineno for one in decorators)])
        return range(top - 1, (last or first).end_lineno or top)

    def cut(self, rows: range) -> tuple[int, int]:
        """Return where lines begin and end."""
        return self.starts[rows.start], self.starts[rows.stop]

    def indent(self, row: int) -> str:
        """Return the blanks at the start of a line (from 0)."""
        line = self.lines[row]
        return line[: len(line) - len(line.lstrip(" \t"))]

    @cached_property
    def blocks(self) -> list[tuple[ast.AST, list[ast.stmt]]]:
        """Every list of sibling statements that stand on lines of their own, and whose they are."""
        return [(owner, body) for owner in self.nodes for body in _bodies(owner) if self._apart(body)]

    def _apart(self, body: list[ast.stmt]) -> bool:
        rows = [self.rows(one) for one in body]
        alone = all(not self.lines[row.start][: one.col_offset].strip() for one, row in zip(body, rows, strict=True))
        return alone and all(one.stop <= other.start for one, other in pairwise(rows))

    def runs(self, least: int, most: int) -> Iterator[tuple[ast.AST, list[ast.stmt]]]:
        """Yield the runs of sibling statements in which no string goes over several lines, and whose they are."""
        for owner, body in self.blocks:
            for first in range(len(body)):
                for length in range(least, most + 1):
                    run = body[first : first + length]
                    if len(run) == length and not self.has_long_string(self.rows(run[0], run[-1])):
                        yield owner, run

    @cached_property
    def _long_strings(self) -> set[int]:
        return {
            row
            for token in self.tokens
            if token.type == tokenize.STRING and token.start[0] < token.end[0]
            for row in range(token.start[0] - 1, token.end[0])
        }

    def has_long_string(self, rows: range) -> bool:
        """Return whether a string that goes over several lines stands on these."""
        return not self._long_strings.isdisjoint(rows)

    @cached_property
    def simple(self) -> list[tuple[list[ast.stmt], int]]:
        """Every simple statement that has a line for itself: its siblings, and which of them it is."""
        return [
            (body, number)
            for _owner, body in self.blocks
            for number, one in enumerate(body)
            if one.lineno == one.end_lineno and not _bodies(one)
        ]


def _bodies(node: ast.AST) -> list[list[ast.stmt]]:
    found = [getattr(node, name, None) for name in ("body", "orelse", "finalbody")]
    return [body for body in found if isinstance(body, list) and body and isinstance(body[0], ast.stmt)]
