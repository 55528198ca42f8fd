"""Rows: the statements of a text for the eye that sees only their indents and their first words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from bmad_provisioner.kinds.code.repair.layout import unit
from bmad_provisioner.kinds.code.repair.lexing import Source, indent, width
from bmad_provisioner.kinds.code.repair.model import INDENTATION, Edit


@dataclass(frozen=True, slots=True)
class Row:
    """A statement: its lines (from 0, the last one out), its depth in columns, whether it opens a block, its first word."""

    first: int
    last: int
    wide: int
    opens: bool
    word: str


class Page:
    """A text as rows, and the step by which it indents."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.step = len(unit(source).expandtabs(8))
        self.tabbed = "\t" in unit(source)

    @cached_property
    def rows(self) -> list[Row]:
        """Return the statements in their order."""
        found = []
        code, at = self.source.code, 0
        for first, last in self.source.statements:
            begin, end = self.source.starts[first], self.source.starts[last]
            start = at
            while at < len(code) and code[at].start < end:
                at += 1
            row = code[start:at]
            if row:
                found.append(Row(first, last, width(self.source.text[begin : begin + 400]), row[-1].text == ":", row[0].text))
        return found

    def at(self, line: int) -> int:
        """Return which row a line (from 1) belongs to, or the next one."""
        return next((i for i, row in enumerate(self.rows) if row.last >= line), len(self.rows) - 1)

    def text(self, row: Row) -> str:
        """Return the lines of a row."""
        return self.source.text[self.source.starts[row.first] : self.source.starts[row.last]]

    def white(self, wide: int) -> str:
        """Return an indent as the file writes it."""
        return "\t" * (wide // 8) + " " * (wide % 8) if self.tabbed and wide % 8 == 0 else " " * wide

    @property
    def end(self) -> str:
        """How the file ends its lines."""
        return "\r\n" if "\r\n" in self.source.text[:4000] else "\n"

    def move(self, first: int, last: int, delta: int, cost: float, reason: str) -> Edit:
        """Return the edit that moves some lines to the right, or to the left where `delta` is negative."""
        lines = self.source.lines[first:last]
        new = "".join(
            self.white(max(0, width(line) + delta)) + line[len(indent(line)) :] if line.strip() else line for line in lines
        )
        return Edit(self.source.starts[first], self.source.starts[last], new, INDENTATION, cost, reason)


def levels(rows: Sequence[Row]) -> list[int]:
    """Return the depths of the blocks that are open behind some rows, the deepest last."""
    found: list[int] = []
    for row in rows:
        while found and found[-1] >= row.wide:
            found.pop()
        found.append(row.wide)
    return found
