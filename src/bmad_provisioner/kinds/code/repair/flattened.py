"""Flat: bodies that stand at the column of their header; words, comments and blanks that stayed tell their levels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

from bmad_provisioner.kinds.code.repair.lexing import CLOSER, OPENER, width
from bmad_provisioner.kinds.code.repair.model import INDENTATION, Edit
from bmad_provisioner.kinds.code.repair.oracle import Trouble
from bmad_provisioner.kinds.code.repair.rows import GOES_ON, LEAVES, Page, levels

_BEGIN = frozenset({"def", "class", "@"})
_AFTER = {
    "elif": ("if", "elif"),
    "else": ("if", "elif", "for", "while", "except"),
    "except": ("try", "except"),
    "finally": ("try", "except", "else"),
    "case": ("case",),
}
"""Which headers a header may go on from."""
_BEAM, _MOST, _LONGEST, _ASKED = 12, 40, 150, 3
_HINT, _BLANK, _DEAD = 5.0, 2.0, 8.0
"""In nats: a comment, or a line of blanks, on another level than the row below it; a row that nothing reaches."""
_ENDS = {"if": 1.3, "elif": 1.3, "else": 1.8}
"""In nats: a block that ends though nothing says so; other blocks tend to have an empty line behind them."""


@dataclass(frozen=True, slots=True)
class _Block:
    """An open block: the first word of its header, the depth of its header and of its rows, and what its header binds."""

    word: str
    head: int
    body: int
    binds: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Region:
    """Some rows (the last one out) that lost their levels, the column they stand at, and the block they begin in.

    `head` is the row whose depth is that of the block: it moves too where it stands elsewhere.
    """

    start: int
    stop: int
    column: int
    block: _Block
    head: int
    cost: float = 0.0


@dataclass(frozen=True, slots=True)
class _Way:
    """Depths for the first rows of a region, the blocks open behind them, and what they cost in nats."""

    depths: tuple[int, ...]
    blocks: tuple[_Block, ...]
    cost: float


def guesses(page: Page, found: Trouble) -> Iterator[Edit]:
    """Yield the text with every flat body on its levels, and with the next best levels of each of them."""
    flat = _Flat(page, page.at(found.line))
    ways = {region: ways for region in islice(flat.regions(), _MOST) if (ways := flat.ways(region))}
    if not ways:
        return
    best = {region: found[0] for region, found in ways.items()}
    yield flat.edit(best)
    for region, others in ways.items():
        for other in others[1:_ASKED]:
            yield flat.edit({**best, region: other})


class _Flat:
    """A page whose rows may stand at the column of their header."""

    def __init__(self, page: Page, here: int) -> None:
        self.page, self.rows, self.here = page, page.rows, here

    @cached_property
    def words(self) -> list[str]:
        """The first word of each row; `async` is none."""
        return [self.page.text(row).split(maxsplit=2)[1] if row.word == "async" else row.word for row in self.rows]

    def regions(self) -> Iterator[_Region]:
        """Yield the functions whose body stands at their own column, and the statement at the fault that does."""
        place = 0
        while place < len(self.rows):
            found = None
            if self.rows[place].opens and self.words[place] == "def":
                found = self._function(place)
            elif self.rows[place].opens and abs(place - self.here) < 2 and self.words[place] not in (*_BEGIN, *GOES_ON):
                found = self._statement(place)
            if found:
                yield found
            place = found.stop if found else place + 1

    def _function(self, head: int) -> _Region | None:
        rows, row = self.rows, self.rows[head]
        start = head + 1
        told = start < len(rows) and rows[start].word[-1:] in ("'", '"') and rows[start].wide > row.wide
        start += told
        stop = self._stop(start, row.wide)
        inner = rows[start:stop]
        if not inner or inner[0].wide != row.wide or all(one.word[-1:] in ("'", '"') for one in inner):
            return None
        if told and not any(one.word in ("return", "yield") or one.uses & (row.binds | {"self"}) for one in inner):
            return None
        level, cost = self._home(head, stop)
        return _Region(start, stop, row.wide, _Block("def", level, level + self.page.step), head, cost)

    def _home(self, head: int, stop: int) -> tuple[int, float]:
        """Return where the header of a function belongs, and what speaks against it: a method at the margin left its class."""
        row, above = self.rows[head], self.rows[:head]
        after = self.rows[stop] if stop < len(self.rows) else None
        if row.wide or not above or row.gap > 1:
            return row.wide, 3.0 * (row.method and row.wide == 0)
        if above[-1].opens:
            return above[-1].wide + self.page.step, 0.0
        if after and after.wide in levels(above) and after.gap < 2:
            return after.wide, 0.0
        homes = [one.wide for one in reversed(above) if row.method and one.method and one.wide in levels(above)]
        return next(iter(homes), 0), 3.0 * (row.method and not homes)

    def _stop(self, start: int, column: int) -> int:
        stop = start
        while stop < min(len(self.rows), start + _LONGEST):
            row = self.rows[stop]
            begins = row.wide == column and (self.words[stop] in _BEGIN or (column == 0 and row.gap > 1))
            jumps = stop > start and row.wide > self.rows[stop - 1].wide and not self.rows[stop - 1].opens
            if row.wide < column or begins or jumps:
                break
            stop += 1
        return stop

    def _statement(self, head: int) -> _Region | None:
        row = self.rows[head]
        stop = self._stop(head + 1, row.wide)
        above = self.rows[head - 1] if head else None
        dead = above is not None and above.word in LEAVES and above.wide == row.wide
        if stop == head + 1 or self.rows[head + 1].wide != row.wide or dead:
            return None
        return _Region(head, stop, row.wide, _Block("", row.wide, row.wide), head, 0.4)

    def ways(self, region: _Region) -> list[_Way]:
        """Return the levels that the rows of a region may have, likeliest first; rows lost as few columns as may be."""
        for by in (1, 2, 3):
            found = [_Way((), (region.block,), region.cost)]
            for place in range(region.start, region.stop):
                ahead = (new for way in found for new in self._next(region, by * self.page.step, place, way))
                found = sorted(ahead, key=lambda way: way.cost)[:_BEAM]
            last = self.rows[region.stop - 1]
            found = [way for way in found if way.cost < 2 * _DEAD and not last.opens and way.blocks[-1].word != "try"]
            if found:
                return found
        return []

    def _next(self, region: _Region, by: int, place: int, way: _Way) -> Iterator[_Way]:
        """Yield where a row may stand: in one of the open blocks, if the columns that it lost allow it."""
        row, word = self.rows[place], self.words[place]
        by += region.block.head - region.column
        opened = bool(way.depths) and self.rows[place - 1].opens
        goes_on = word in GOES_ON and row.opens
        for up, block in enumerate(reversed(way.blocks)):
            depth = block.head if goes_on else block.body
            lost = depth - row.wide
            fits = lost == by or (row.wide == region.column and lost <= by)
            left = way.blocks[len(way.blocks) - up :]
            if not fits or (opened and (up or goes_on)) or any(one.word == "try" for one in left):
                continue
            if goes_on and block.word not in _AFTER[word]:
                continue
            cost = 0.0 if opened else self._hints(place, depth) + self._leaving(place, way, up + goes_on, goes_on)
            blocks = way.blocks[: len(way.blocks) - up - goes_on]
            if row.opens:
                blocks = (*blocks, _Block(word, depth, depth + self.page.step, row.binds))
            yield _Way((*way.depths, depth), blocks, way.cost + cost)

    def _leaving(self, place: int, way: _Way, up: int, goes_on: bool) -> float:
        """Return how odd it is that a row stands outside of some blocks that are open, or not outside of any, in nats."""
        row, above = self.rows[place], self.rows[place - 1]
        leaves = bool(way.depths) and above.word in LEAVES
        if up == 0:
            return _DEAD * leaves
        left = way.blocks[len(way.blocks) - up :]
        if goes_on:
            return 1.5 * (up - 1)
        cost = sum(0.7 if leaves or row.gap else _ENDS.get(block.word, 2.3) for block in left) - 0.7 * leaves
        return cost + 1.5 * any(block.binds & row.uses for block in left)

    def _hints(self, place: int, depth: int) -> float:
        """Return what the comments and blanks above a row say against a depth, in nats: they may have kept theirs."""
        lines = self.page.source.lines
        cost, floor = 0.0, self.rows[place].wide
        for line in reversed(lines[self.rows[place - 1].last : self.rows[place].first]):
            wide = width(line)
            if line.strip() and wide > floor:
                return cost + _HINT * (wide != depth)
            if not line.strip() and wide > floor:
                cost = max(cost, _BLANK * (wide != depth))
        return cost

    def edit(self, ways: dict[_Region, _Way]) -> Edit:
        """Return the edit that puts regions on the levels chosen for them."""
        source = self.page.source
        new: dict[int, str] = {}
        for region, way in ways.items():
            above = region.block.head - region.column
            head = range(region.head, region.start) if above else range(0)
            for place, depth in (
                *((one, region.block.head) for one in head),
                *zip(range(region.start, region.stop), way.depths, strict=True),
            ):
                new |= self._moved(place, depth, region.column)
            begin = self.page.begin(region.start)
            said = enumerate(source.lines[begin : self.rows[region.start].first], begin)
            new |= {line: self.page.moved(text, region.block.body - region.column) for line, text in said if line not in new}
        first, last = min(new), max(new) + 1
        text = "".join(new.get(line, source.lines[line]) for line in range(first, last))
        cost = 0.8 + sum(way.cost for way in ways.values())
        count = sum(region.stop - region.start for region in ways)
        reason = f"{count} lines stand at the column of the header of their block"
        return Edit(source.starts[first], source.starts[last], text, INDENTATION, cost, reason)

    def _moved(self, place: int, depth: int, column: int) -> dict[int, str]:
        """Return the lines of a row at a depth, with the comments above it that lost theirs; brackets tell how deep lines go on."""
        page, row = self.page, self.rows[place]
        lines, starts = page.source.lines, page.source.starts
        new: dict[int, str] = {}
        above = row.first
        while above and lines[above - 1].lstrip().startswith("#") and width(lines[above - 1]) <= column:
            above -= 1
            new[above] = page.white(depth) + lines[above].lstrip()
        tokens = [token for token in page.source.code if starts[row.first] <= token.start < starts[row.last]]
        for line in range(row.first, row.last):
            wide, begin = width(lines[line]), starts[line]
            inside = any(token.start < begin < token.end for token in tokens)
            ahead = [token for token in tokens if token.start < begin]
            deep = sum((token.text in CLOSER) - (token.text in OPENER) for token in ahead)
            shuts = lines[line].lstrip()[:1] in OPENER
            wish = depth + page.step * (deep - shuts) if wide == column else wide + depth - row.wide
            if lines[line].strip() and not inside:
                new[line] = page.white(depth if line == row.first else wish) + lines[line].lstrip()
        return new
