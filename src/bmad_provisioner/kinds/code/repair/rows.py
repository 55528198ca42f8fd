"""Rows: the statements of a text for the eye that sees only their indents and their first words."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from bmad_provisioner.kinds.code.repair.layout import unit
from bmad_provisioner.kinds.code.repair.lexing import NEVER_INSIDE, Source, Token, indent, width
from bmad_provisioner.kinds.code.repair.model import INDENTATION, Edit


@dataclass(frozen=True, slots=True)
class Row:
    """A statement: its lines (from 0, the last one out), its depth in columns, whether it opens a block, its first word.

    `gap` is how many empty lines stand above it; `method` whether it defines a function that takes `self`; `uses` are all names
    in it, `binds` those that it gives a value.
    """

    first: int
    last: int
    wide: int
    opens: bool
    word: str
    gap: int = 0
    method: bool = False
    uses: frozenset[str] = frozenset()
    binds: frozenset[str] = frozenset()


class Page:
    """A text as rows, and the step by which it indents."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.step = _step(source)
        self.tabbed = "\t" in unit(source)

    @cached_property
    def rows(self) -> list[Row]:
        """Return the statements in their order."""
        found: list[Row] = []
        code, at = self.source.code, 0
        for first, last in self.source.statements:
            begin, end = self.source.starts[first], self.source.starts[last]
            start = at
            while at < len(code) and code[at].start < end:
                at += 1
            row = code[start:at]
            if row:
                wide = width(self.source.text[begin : begin + 400])
                words = [token.text for token in row[:5]]
                words = words[1:] if words[0] == "async" and words[1:2] in (["for"], ["with"]) else words
                method = words[0] in ("def", "async") and "self" in words
                gap = self._gap(first, found)
                uses = frozenset(token.text for token in row if token.kind == "name")
                found.append(Row(first, last, wide, row[-1].text == ":", words[0], gap, method, uses, _bound(row)))
        return found

    def _gap(self, first: int, before: list[Row]) -> int:
        lines = self.source.lines
        return sum(not line.strip() for line in lines[before[-1].last if before else 0 : first])

    @property
    def typing_only(self) -> bool:
        """Whether the file imports `TYPE_CHECKING` and asks for it nowhere: the line that did is lost."""
        found = re.findall(r"^.*\bTYPE_CHECKING\b.*$", self.source.text, re.MULTILINE)
        return len(found) == 1 and "import" in found[0]

    def at(self, line: int) -> int:
        """Return which row a line (from 1) belongs to, or the next one."""
        return next((i for i, row in enumerate(self.rows) if row.last >= line), len(self.rows) - 1)

    def begin(self, place: int) -> int:
        """Return the first line that lost its columns with a row: its own, or one of the docstring above it."""
        row, above = self.rows[place], self.rows[place - 1] if place else None
        if above is None or above.word[-3:] not in ('"""', "'''") or above.wide <= row.wide:
            return row.first
        said = [line for line in self.source.lines[above.first + 1 : above.last] if line.strip()]
        return above.first + 1 if said and min(map(width, said)) == row.wide else row.first

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

    def moved(self, line: str, delta: int) -> str:
        """Return a line that stands some columns further to the right."""
        return self.white(max(0, width(line) + delta)) + line[len(indent(line)) :] if line.strip() and delta else line

    def move(self, first: int, last: int, delta: int, cost: float, reason: str) -> Edit:
        """Return the edit that moves some lines to the right, or to the left where `delta` is negative."""
        lines = self.source.lines[first:last]
        new = "".join(
            self.white(max(0, width(line) + delta)) + line[len(indent(line)) :] if line.strip() else line for line in lines
        )
        return Edit(self.source.starts[first], self.source.starts[last], new, INDENTATION, cost, reason)


def _step(source: Source) -> int:
    """Return the columns of one level; a few bodies that are two levels deep do not make it wider."""
    usual = len(unit(source).expandtabs(8))
    halves = usual > 4 and any(width(line) % usual == usual // 2 for line in source.lines if line.strip())
    return usual // 2 if halves else usual


def _bound(row: Sequence[Token]) -> frozenset[str]:
    """Return the plain names that a statement gives a value: before `=`, behind `for` and `as`, in the brackets of `def`."""
    head = row[0].text if row[0].text != "async" else row[1].text if len(row) > 1 else ""
    names = {after.text for before, after in itertools.pairwise(row) if before.text == "as" and after.kind == "name"}
    if head == "def":
        names |= {after.text for before, after in itertools.pairwise(row) if before.text in ("(", ",", "*", "**")}
    ends = {"for": "in"}.get(head, "=")
    part = list(itertools.takewhile(lambda token: token.text != ends, row))
    if head == "for" or (len(part) < len(row) and head not in NEVER_INSIDE):
        plain = all(token.kind == "name" or token.text in ("for", "async", ",", "(", ")") for token in part)
        names |= {token.text for token in part if token.kind == "name"} if plain else set()
    return frozenset(names)


def levels(rows: Sequence[Row]) -> list[int]:
    """Return the depths of the blocks that are open behind some rows, the deepest last."""
    found: list[int] = []
    for row in rows:
        while found and found[-1] >= row.wide:
            found.pop()
        found.append(row.wide)
    return found


_DEAD = 8.0
"""In nats: code that nothing reaches."""
_CROOKED = 4.0
"""In nats: a body that is not one step deeper than its header."""
LEAVES = frozenset({"return", "raise", "break", "continue"})
GOES_ON = frozenset({"else", "elif", "except", "finally", "case"})
_DEFINES = frozenset({"def", "class", "async", "@"})


def strain(rows: Sequence[Row], run: range, delta: int, step: int) -> float:
    """Return how odd the places of some rows and of the one behind them look once they have moved, in nats."""
    total = 0.0
    for place in range(run.start, min(run.stop + 1, len(rows))):
        row, wide = rows[place], rows[place].wide + delta * (place in run)
        total += 1.0 * bool(wide % step)
        if place:
            above = rows[place - 1]
            total += _beside(above, above.wide + delta * (place - 1 in run), row, wide, step)
        total += _DEAD * (
            place == run.stop and row.word not in GOES_ON and wide == _level(rows, run, delta) and _all_leave(rows, run)
        )
        total += _DEAD * (row.word in ("return", "raise") and place in run and _leaves_loop(rows, place, wide, delta, run))
        total += 3.0 * (row.method and not _within_class(rows, place, delta, run))
    return total


def _beside(above: Row, level: int, row: Row, wide: int, step: int) -> float:
    if above.opens:
        parted = row.gap and not (above.word == "class" or row.word in _DEFINES)
        return _CROOKED * (wide - level != step) + 0.7 * bool(parted) + 2.0 * (row.gap > 1)
    odd = _DEAD * (above.word in LEAVES and wide == level and row.word not in GOES_ON)
    odd += 1.5 * (row.gap > 1 and wide > 0)
    if row.word in _DEFINES and above.word != "@":
        odd += 1.0 * (row.gap == 0)
    return odd + 0.2 * (wide < level and not row.gap and row.word not in GOES_ON)


def _level(rows: Sequence[Row], run: range, delta: int) -> int:
    return min(rows[place].wide for place in run) + delta


def _all_leave(rows: Sequence[Row], run: range) -> bool:
    """Whether a run ends with a `try` that every branch of leaves."""
    level = min(rows[place].wide for place in run)
    heads = [place for place in run if rows[place].wide == level]
    last = next((place for place in reversed(heads) if rows[place].word not in GOES_ON), run.start)
    branches = [place for place in heads if place > last]
    ends = [place - 1 for place in branches] + [run.stop - 1]
    leaves = all(rows[end].word in LEAVES and rows[end].wide > level for end in ends)
    return rows[last].word == "try" and bool(branches) and leaves


def _leaves_loop(rows: Sequence[Row], place: int, wide: int, delta: int, run: range) -> bool:
    """Whether a statement at the end of a loop ends it in its first turn."""
    behind = rows[place + 1] if place + 1 < len(rows) else None
    if behind and behind.wide + delta * (place + 1 in run) >= wide:
        return False
    for outer in range(place - 1, -1, -1):
        if rows[outer].wide + delta * (outer in run) < wide:
            return rows[outer].word in ("for", "while")
    return False


def _within_class(rows: Sequence[Row], place: int, delta: int, run: range) -> bool:
    """Whether the block around a row is that of a class, as far as anything is around it."""
    wide = rows[place].wide + delta * (place in run)
    for outer in range(place - 1, -1, -1):
        if rows[outer].wide + delta * (outer in run) < wide:
            wide = rows[outer].wide + delta * (outer in run)
            if rows[outer].word not in ("if", "else", "elif", "try", "except", "with"):
                return rows[outer].word == "class"
    return False


def crooked(rows: Sequence[Row], near: range, run: range, step: int) -> float:
    """Return how odd the bodies near a fault look that a run leaves as they are, in nats: they are not one step deep."""
    left = [place for place in near if place not in run and place - 1 not in run and place > 0]
    return _CROOKED * sum(rows[place - 1].opens and rows[place].wide - rows[place - 1].wide != step for place in left)


def escaping(rows: Sequence[Row], run: range, delta: int) -> float:
    """Return how odd it is that names which only a run binds are used behind it, outside of its block, in nats."""
    wide = rows[run.start].wide + delta
    head = rows[run.start - 1] if run.start and rows[run.start - 1].opens else None
    inner = {name for place in run if rows[place].wide == rows[run.start].wide for name in rows[place].binds}
    behind = []
    for row in rows[run.stop :]:
        if row.wide < wide and (row.method or (row.word in _DEFINES and row.gap)):
            break
        if row.wide < wide:
            behind.append(row)
    earlier = {name for row in rows[max(0, run.start - 80) : max(0, run.start - (head is not None))] for name in row.binds}
    told = (inner | (head.binds if head and head.word in ("for", "with", "def", "async") else set())) - earlier
    used = sum(bool(told & row.uses) and not row.binds & told for row in behind[:12])
    stays = 0.3 if head and head.word in ("with", "try") else 1.0  # what they bind is often wanted behind them
    return stays * min(2.5 * used, 5.0)
