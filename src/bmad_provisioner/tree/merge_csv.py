"""Merge rows: our rows of a CSV file brought up to date among rows that may be the user's."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from bmad_provisioner.tree.merged import BOM, Merged

__all__ = ["merge_csv"]


@dataclass(frozen=True, slots=True)
class _Row:
    """One record as it stands in the file, without its line end; no cells at all in a blank line."""

    raw: str
    cells: tuple[str, ...]
    end: str


@dataclass(frozen=True, slots=True)
class _Table:
    """A header, its rows, and blank lines among them."""

    header: _Row
    rows: tuple[_Row, ...]
    marked: bool
    usual: str  # the line end used most


@dataclass(frozen=True, slots=True)
class _Lift:
    """How the rows of one side look below the header of mine."""

    places: tuple[int | None, ...]  # for each column of mine, the column of the side
    width: int  # of the side's header

    def cells(self, row: Sequence[str]) -> tuple[str, ...]:
        """The row's cells in the order of mine; short rows are filled, cells beyond the header follow."""
        own = tuple(row[p] if p is not None and p < len(row) else "" for p in self.places)
        return own + tuple(row[self.width :])


@dataclass(frozen=True, slots=True)
class _Sides:
    """All three as cells below the header of mine; `owned` are the columns base or theirs know, `key` is theirs' first."""

    base: tuple[tuple[str, ...], ...]
    mine: tuple[_Row, ...]
    theirs: tuple[tuple[str, ...], ...]
    raws: tuple[str, ...]  # of theirs, empty where the header of mine differs
    header: _Row
    owned: frozenset[int]
    key: int

    def seen(self, row: _Row) -> tuple[str, ...]:
        """What base and theirs could know of a row of mine: columns the user added are blanked."""
        width = len(self.header.cells)
        full = row.cells + ("",) * (width - len(row.cells))
        return tuple(cell if i in self.owned or i >= width else "" for i, cell in enumerate(full))

    def has_own(self, row: _Row) -> bool:
        """Whether the user wrote into a column of their own."""
        return self.seen(row)[: len(row.cells)] != row.cells


def merge_csv(base: bytes | None, mine: bytes | None, theirs: bytes | None) -> Merged | None:
    """Make mine hold the rows of theirs, and of base no others; empty bytes if nothing is left; None if one is no CSV.

    A row is known by its first cell where that is unique on each side, else by all its cells.
    """
    if mine is None or mine in (base, theirs):
        return Merged(theirs or b"", 0)
    b, m, t = _parse(base), _parse(mine), _parse(theirs)
    if b is None or m is None or t is None:
        return None
    if not m.header.cells:
        return Merged(theirs or b"", 0)
    sides = _align(b, m, t)
    if sides is None:
        return Merged(mine, 1, ("header: the file lacks a column of the manifest's, or names one twice",))
    rows, notes = _merge_keyed(sides) if _keyed(sides) else (_merge_whole(sides), ())
    ours_only = not t.header.cells and m.header.cells == b.header.cells
    if ours_only and not any(row.cells for row in rows):
        return Merged(b"", 0)
    return Merged(mine if rows == m.rows else _print(m, rows), len(notes), notes)


def _parse(data: bytes | None) -> _Table | None:
    """The table, an empty one for an absent file; None for bytes that are no CSV."""
    try:
        text = (data or b"").decode()
        records = _records(text.removeprefix(BOM))
    except ValueError:
        return None
    counts = Counter(row.end for row in records if row.end)
    usual = max(counts, key=lambda end: counts[end], default="\n")
    blank = 0
    while blank < len(records) and not records[blank].cells:
        blank += 1
    if blank == len(records):
        return _Table(_Row("", (), ""), (), False, usual)
    head = records[blank]  # blank lines above the header belong to its raw text
    above = "".join(row.raw + row.end for row in records[:blank])
    return _Table(replace(head, raw=above + head.raw), tuple(records[blank + 1 :]), text.startswith(BOM), usual)


def _records(text: str) -> list[_Row]:
    """Cut a text into records (RFC 4180; a quote inside an unquoted cell is a character like others).

    Raises `ValueError` for an open quote, text behind a closing quote, a NUL, or a carriage return alone.
    """
    rows: list[_Row] = []
    at = 0
    while at < len(text):
        start, cells, end = at, list[str](), ""
        while True:
            cell, at = _cell(text, at)
            cells.append(cell)
            if text[at : at + 1] != ",":
                break
            at += 1
        stop = at
        if at < len(text):
            end = "\r\n" if text.startswith("\r\n", at) else text[at]
            at += len(end)
        if end not in ("", "\n", "\r\n"):
            raise ValueError("text behind a closing quote, or a carriage return alone")
        rows.append(_Row(text[start:stop], tuple(cells) if stop > start else (), end))
    return rows


def _cell(text: str, at: int) -> tuple[str, int]:
    """The cell that begins at `at`, and where it ends."""
    if text[at : at + 1] != '"':
        stop = min((p for p in (text.find(c, at) for c in ",\r\n") if p >= 0), default=len(text))
        cell = text[at:stop]
    else:
        stop = text.find('"', at + 1)
        while stop >= 0 and text[stop + 1 : stop + 2] == '"':
            stop = text.find('"', stop + 2)
        if stop < 0:
            raise ValueError("open quote")
        cell = text[at + 1 : stop].replace('""', '"')
        stop += 1
    if "\0" in cell:
        raise ValueError("NUL")
    return cell, stop


def _align(base: _Table, mine: _Table, theirs: _Table) -> _Sides | None:
    """All sides below the header of mine; None where the headers cannot be mapped by name."""
    ours = theirs if theirs.header.cells else base
    head = mine.header.cells
    lift_b, lift_t = _lift(head, base.header.cells), _lift(head, theirs.header.cells)
    if lift_b is None or lift_t is None or not set(ours.header.cells) <= set(head):
        return None
    same = theirs.header.cells == head
    ours_rows = [row for row in theirs.rows if row.cells]
    return _Sides(
        base=tuple(lift_b.cells(row.cells) for row in base.rows if row.cells),
        mine=mine.rows,
        theirs=tuple(lift_t.cells(row.cells) for row in ours_rows),
        raws=tuple(row.raw if same else "" for row in ours_rows),
        header=mine.header,
        owned=frozenset(i for lift in (lift_b, lift_t) for i, place in enumerate(lift.places) if place is not None),
        key=head.index(ours.header.cells[0]) if ours.header.cells else 0,
    )


def _lift(head: tuple[str, ...], side: tuple[str, ...]) -> _Lift | None:
    """How to read rows below `side` as rows below `head`."""
    if head == side:
        return _Lift(tuple(range(len(head))), len(side))
    if not side:
        return _Lift((None,) * len(head), 0)
    if len(set(head)) < len(head) or len(set(side)) < len(side):
        return None
    places = {name: i for i, name in enumerate(side)}
    return _Lift(tuple(places.get(name) for name in head), len(side))


def _keyed(sides: _Sides) -> bool:
    """Whether the key column is unique on each side."""
    columns = (
        [row[sides.key] for row in sides.base],
        [sides.seen(row)[sides.key] for row in sides.mine if row.cells],
        [row[sides.key] for row in sides.theirs],
    )
    return all(len(set(column)) == len(column) for column in columns)


def _merge_keyed(sides: _Sides) -> tuple[tuple[_Row, ...], tuple[str, ...]]:
    """The rows of the result, and what is in conflict."""
    base, theirs = ({row[sides.key]: row for row in rows} for rows in (sides.base, sides.theirs))
    raws = dict(zip(theirs, sides.raws, strict=True))
    out: list[_Row] = []
    notes: list[str] = []
    place: int | None = None  # in out, behind the last of our rows
    for row in sides.mine:
        seen = sides.seen(row) if row.cells else ()
        name = seen[sides.key] if seen else None
        if name is None or (name not in base and name not in theirs):
            out.append(row)
            continue
        was, ours = base.get(name), theirs.get(name)
        if ours is None and was == seen and not sides.has_own(row):
            place = len(out)
            continue
        if ours is not None and was == seen != ours:
            out.append(_update(sides, row, ours, raws[name]))
        else:
            out.append(row)
            if ours not in (None, seen, was):
                notes.append(f"row `{name}`: changed on both sides")
        place = len(out)
    have = {sides.seen(row)[sides.key] for row in sides.mine if row.cells}
    missing = [_fresh(row, raws[name]) for name, row in theirs.items() if name not in have]
    return _insert(out, place, missing), tuple(notes)


def _merge_whole(sides: _Sides) -> tuple[_Row, ...]:
    """The rows of the result where a row is known by all its cells: equal rows are counted."""
    base, theirs = Counter(sides.base), Counter(sides.theirs)
    mine = Counter(sides.seen(row) for row in sides.mine if row.cells and not sides.has_own(row))
    have = Counter(sides.seen(row) for row in sides.mine if row.cells)
    drop = _least(_less(base, theirs), _less(have, theirs), mine)
    out: list[_Row] = []
    place: int | None = None
    for row in sides.mine:
        seen = sides.seen(row) if row.cells else ()
        if not seen or (seen not in base and seen not in theirs):
            out.append(row)
            continue
        if drop[seen] and not sides.has_own(row):
            drop[seen] -= 1
        else:
            out.append(row)
        place = len(out)
    missing: list[_Row] = []
    for cells, raw in zip(sides.theirs, sides.raws, strict=True):
        if have[cells]:
            have[cells] -= 1
        else:
            missing.append(_fresh(cells, raw))
    return _insert(out, place, missing)


def _less(one: Mapping[tuple[str, ...], int], other: Mapping[tuple[str, ...], int]) -> Counter[tuple[str, ...]]:
    return Counter({cells: count - other.get(cells, 0) for cells, count in one.items() if count > other.get(cells, 0)})


def _least(*counts: Counter[tuple[str, ...]]) -> Counter[tuple[str, ...]]:
    return Counter({cells: min(count[cells] for count in counts) for cells in counts[0]})


def _insert(rows: list[_Row], place: int | None, missing: Iterable[_Row]) -> tuple[_Row, ...]:
    """Put the missing rows at `place`, or at the end if none of ours is there; blank lines stay below."""
    at = len(rows) if place is None else place
    while place is None and at and not rows[at - 1].cells:
        at -= 1
    return (*rows[:at], *missing, *rows[at:])


def _update(sides: _Sides, row: _Row, ours: tuple[str, ...], raw: str) -> _Row:
    """A row of mine with the cells of ours, and what the user wrote into columns of their own."""
    if raw:
        return replace(row, raw=raw, cells=ours)
    width = len(sides.header.cells)
    extra = row.cells + ("",) * (width - len(row.cells))
    cells = tuple(cell if i in sides.owned or i >= width else extra[i] for i, cell in enumerate(ours))
    return _Row(_quote(cells), cells, row.end)


def _fresh(cells: tuple[str, ...], raw: str) -> _Row:
    return _Row(raw or _quote(cells), cells, "")


def _quote(cells: Sequence[str]) -> str:
    """One record with quotes only where they are needed (Python's csv module before 3.13 leaves a bare line feed bare)."""
    if tuple(cells) == ("",):
        return '""'
    return ",".join('"' + cell.replace('"', '""') + '"' if set(cell) & set(',"\r\n') else cell for cell in cells)


def _print(table: _Table, rows: tuple[_Row, ...]) -> bytes:
    """The file; it ends in a line end if it did before."""
    before = (table.header, *table.rows)
    lines = [table.header, *rows]
    text = "".join(row.raw + (row.end or table.usual) for row in lines[:-1])
    text += lines[-1].raw + ((lines[-1].end or table.usual) if before[-1].end else "")
    return ((BOM if table.marked else "") + text).encode()
