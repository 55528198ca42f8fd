"""Indents: lines and blocks that stand too deep or not deep enough, and tabs among spaces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from bmad_provisioner.kinds.code.repair import flattened
from bmad_provisioner.kinds.code.repair import lines as whole_lines
from bmad_provisioner.kinds.code.repair.lexing import Source, indent, width
from bmad_provisioner.kinds.code.repair.model import INDENTATION, Edit
from bmad_provisioner.kinds.code.repair.oracle import Trouble
from bmad_provisioner.kinds.code.repair.rows import GOES_ON, Page, Row, crooked, escaping, levels, strain

_BEFORE, _LONGEST, _FARTHEST = 10, 14, 300
"""Statements before the fault where a run may begin; how long a run may be that ends anywhere, and one that ends with a block."""
_DEFINES = ("def", "class", "async", "@")
_HINTS = ("indent", "outside", "expected '", "invalid syntax", "from a function", "__future__")


def _consistent(lines: Sequence[Row], run: range, delta: int, upto: int) -> bool:
    """Whether each indent is one the compiler takes, once a run of lines has moved; nothing behind `upto` is looked at."""
    levels, opened = [0], False
    for place, line in enumerate(lines[:upto]):
        wide = line.wide + (delta if place in run else 0)
        if opened:
            if wide <= levels[-1]:
                return False
            levels.append(wide)
        elif wide > levels[-1]:
            return False
        else:
            while levels and levels[-1] > wide:
                levels.pop()
            if not levels or levels[-1] != wide:
                return False
        opened = line.opens
    return True


def _levels(lines: Sequence[Row], place: int, step: int) -> dict[int, float]:
    """Return the depths that a line may have after those before it, each with what it costs."""
    costs = {wide: 1.0 + 0.6 * up for up, wide in enumerate(reversed(levels(lines[:place]) or [0]))}
    if place and lines[place - 1].opens:
        costs = {wide: cost + 3 for wide, cost in costs.items()}
        costs[lines[place - 1].wide + step] = 0.3
    return costs


def guesses(source: Source, found: Trouble) -> Iterator[Edit]:
    """Yield the moves that may put the indents near a fault right."""
    yield from whole_lines.guesses(source, found)
    if any(hint in found.message for hint in _HINTS) or found.message.startswith(("expected an", "unindent", "inconsistent")):
        yield from _tabs(source)
        page = Page(source)
        here = page.at(found.line)
        flat = found.message.startswith("expected an indented block")
        for start in _begins(page, here):
            yield from _runs(page, start, here, flat)
        yield from _first_rows(page, here)
        yield from _levelled(page, here)
        yield from flattened.guesses(page, found)


def _begins(page: Page, here: int) -> Iterator[int]:
    """Yield where a run may begin: near the fault, or far before it where a line stands as none should."""
    lines = page.rows
    near = max(0, here - _BEFORE)
    for start in range(max(1, here - _FARTHEST), near):
        above, line = lines[start - 1], lines[start]
        crooked = above.opens and line.wide - above.wide != page.step
        if crooked or line.wide < min(above.wide, lines[min(here, len(lines) - 1)].wide):
            yield start
    yield from range(near, min(len(lines), here + 3))


def _runs(page: Page, start: int, here: int, flat: bool) -> Iterator[Edit]:
    lines = page.rows
    allowed = _levels(lines, start, page.step)
    enough: set[int] = set()
    for stop in _stops(lines, start, flat):
        run = range(start, stop)
        after = lines[stop].wide if stop < len(lines) else None
        shallowest = min(lines[i].wide for i in run)
        targets = dict(allowed)
        if after is not None and not lines[stop - 1].opens:
            targets.setdefault(after + lines[start].wide - shallowest, 2.0)
        for target, cost in targets.items():
            delta = target - lines[start].wide
            if delta == 0 or shallowest + delta < 0 or not _consistent(lines, run, delta, max(here + 3, stop + 2)):
                continue
            cuts = _cuts(page, run, target)
            away = min(0.15 * abs(start - here), 1.0) + 2.5 * (flat and start > 0 and lines[start - 1].word == "except")
            total = (
                0.6 + cost + cuts + away + _unlikely(page, run, delta, flat) + 1.0 * (target in enough) + _strays(page, run, here)
            )
            yield page.move(page.begin(start), lines[stop - 1].last, delta, total, _reason(delta, len(run)))
            if not flat and not cuts:
                enough.add(target)


def _levelled(page: Page, here: int) -> Iterator[Edit]:
    """Put plain statements on one level: where one stands deeper than the last with no header between, levels say nothing."""
    lines = page.rows
    for start in range(max(0, here - _BEFORE), min(len(lines), here + 2)):
        allowed = _levels(lines, start, page.step)
        for stop in range(start + 2, min(start + _LONGEST, len(lines)) + 1):
            run = range(start, stop)
            if any(lines[i].opens for i in run) or lines[stop - 1].word in GOES_ON:
                break
            if all(lines[i].wide <= lines[i - 1].wide for i in run[1:]):
                continue
            for target, cost in allowed.items():
                if target in (lines[start].wide, lines[stop - 1].wide):
                    continue
                level = [replace(line, wide=target) if i in run else line for i, line in enumerate(lines)]
                if _consistent(level, range(0), 0, max(here + 3, stop + 2)):
                    looks = strain(level, run, 0, page.step) + escaping(level, run, 0) + _shape(level, run, 0)
                    size = 0.2 * min(len(run), 4) + 0.05 * min(len(run), 20)
                    right = lines[start - 1].wide if start and not lines[start - 1].opens else -1
                    moved = sum(lines[i].wide == right != target for i in run) + 2.0 * _forsaken(page, run, target)
                    last = lines[stop - 1]
                    moved += 1.2 * (last.gap > 0 and last.wide != target and last.wide in allowed)
                    yield _onto(page, run, target, 1.6 + cost + looks + size + moved + _strays(page, run, here))


def _forsaken(page: Page, run: range, target: int) -> bool:
    """Whether rows leave the level that they share with a comment right above them."""
    rows = [page.rows[place] for place in run if page.rows[place].wide != target and page.rows[place].first]
    above = [(row.wide, page.source.lines[row.first - 1]) for row in rows]
    return any(line.lstrip().startswith("#") and width(line) == wide for wide, line in above)


def _onto(page: Page, run: range, target: int, cost: float) -> Edit:
    source = page.source
    first, last = page.rows[run.start].first, page.rows[run.stop - 1].last
    deltas = {line: target - row.wide for row in page.rows[run.start : run.stop] for line in range(row.first, row.last)}
    new = "".join(page.moved(source.lines[line], deltas.get(line, 0)) for line in range(first, last))
    reason = f"{len(run)} lines stand on several levels, with no header between them"
    return Edit(source.starts[first], source.starts[last], new, INDENTATION, cost, reason)


def _cuts(page: Page, run: range, target: int) -> float:
    """Return how odd it is that a run ends where it does: within a block that it begins, or before lines that are like its own."""
    lines = page.rows
    if run.stop >= len(lines):
        return 0.0
    after, last = lines[run.stop], lines[run.stop - 1]
    if _is_header(page, run, target):
        return 0.2
    if last.opens or (after.wide > last.wide and after.wide != target):
        return 1.5
    if after.wide > lines[run.start].wide:
        begins = after.word in _DEFINES and after.gap
        return (0.5 if begins else 2.5) * any(lines[i].opens and lines[i].wide < after.wide for i in run)
    return 0.0


def _is_header(page: Page, run: range, target: int) -> bool:
    """Whether a run is one header that would stand right above its body."""
    after = page.rows[run.stop] if run.stop < len(page.rows) else None
    return len(run) == 1 and page.rows[run.start].opens and after is not None and after.wide == target + page.step


def _stops(lines: Sequence[Row], start: int, flat: bool) -> Iterator[int]:
    """Yield where a run may end: anywhere near; far away only where a block ends, or a flat one may."""
    yield from range(start + 1, min(start + _LONGEST, len(lines)) + 1)
    shallowest = min((row.wide for row in lines[start : start + _LONGEST]), default=0)
    for stop in range(start + _LONGEST + 1, min(start + _FARTHEST, len(lines)) + 1):
        after, last = lines[stop] if stop < len(lines) else None, lines[stop - 1]
        jumps = after is not None and after.wide > last.wide and not last.opens
        if after is None or after.wide < shallowest or jumps or (flat and after.gap and after.wide == lines[start].wide):
            yield stop
        if after is None or after.wide < shallowest or jumps:
            return


def _unlikely(page: Page, run: range, delta: int, flat: bool) -> float:
    """Return what speaks against the move of a run, in nats: its length, its distance, how it looks then, what it leaves behind."""
    lines, step = page.rows, page.step
    astray = any(lines[i].wide % step for i in run)
    far = 0.8 * min(abs(delta) // step - 1, 2) if delta % step == 0 else 0.4 if astray else 4.0
    odd = 1.0 * (delta % step == 0 and astray)
    shape = _flat_shape(lines, run, delta) if flat else _shape(lines, run, delta)
    size = 0.05 * min(len(run), 20) + (0.0 if flat else 0.2 * min(len(run), 4))
    return far + shape + odd + size + _typed(page, run, delta) + strain(lines, run, delta, step) + escaping(lines, run, delta)


def _typed(page: Page, run: range, delta: int) -> float:
    """Say what it costs to bring imports out of the block for type checkers that they seem to have lost."""
    return 8.0 * (delta < 0 and page.typing_only and any(page.rows[i].word in ("from", "import") for i in run))


def _flat_shape(lines: Sequence[Row], run: range, delta: int) -> float:
    """Say where a body may end that lost its depth: that of a function where the next one begins, others at an empty line."""
    after = lines[run.stop] if run.stop < len(lines) else None
    here, head = lines[run.start], lines[run.start - 1] if run.start else None
    if after is not None and after.wide == here.wide + delta:
        return -0.7
    ends = after is None or after.wide < here.wide
    if head and head.word in _DEFINES:
        parted = after is not None and after.gap and (after.word in (*_DEFINES, "if") or head.wide > 0)
        return 0.0 if ends or (after and parted and after.word in _DEFINES) else 0.5 if parted else 3.0
    gaps = sum(lines[i].gap > 0 and lines[i].wide == here.wide for i in run[1:])
    alike = head is not None and after is not None and after.word == head.word
    again = sum(lines[i].word == head.word and lines[i].wide == here.wide for i in run) if head else 0
    return 1.2 * min(gaps, 4) + 0.6 * min(again, 3) + (0.0 if ends or (after and after.gap) else 0.3 if alike else 0.9)


def _shape(lines: Sequence[Row], run: range, delta: int) -> float:
    """Hold a run against the lines around it: it should stand level with those behind it, and leave none of its own."""
    after = lines[run.stop] if run.stop < len(lines) else None
    above = lines[run.start - 1] if run.start else None
    here = lines[run.start]
    target = here.wide + delta
    level = -0.5 * (after is not None and after.wide == target)
    if above and not above.opens:
        level -= 1.2 * (after is not None and above.wide == after.wide == target)
        if here.gap:
            level += 1.0 * _goes_on(lines, run.start, target) - 0.6 * (after is not None and after.wide == target)
    behind = 0.0
    if delta and after is not None and after.wide == here.wide and not (len(run) == 1 and here.opens):
        behind = 3.0 if delta < 0 else 1.5 * (after.gap < 2 and after.word not in _DEFINES)
    return level + behind + 0.1 * min(sum(lines[i].gap > 0 for i in run[1:]), 6)


def _goes_on(lines: Sequence[Row], start: int, target: int) -> bool:
    """Whether a level is that of the line above, in a block that is not the body of a function: an empty line tends to end it."""
    head = next((lines[i] for i in range(start - 1, -1, -1) if lines[i].wide < target), None)
    return target == lines[start - 1].wide and head is not None and head.word not in _DEFINES


def _strays(page: Page, run: range, here: int) -> float:
    """Return what it costs to leave a line near the fault on no level at all, or a body that is not one step deep."""
    near = range(max(0, here - 2), min(len(page.rows), here + 2))
    astray = 2.5 * any(page.rows[i].wide % page.step for i in near if i not in run)
    return astray + crooked(page.rows, range(max(0, here - _LONGEST), min(len(page.rows), here + 1)), run, page.step)


def _reason(delta: int, count: int) -> str:
    what = "a line stands" if count == 1 else f"{count} lines stand"
    return f"{what} {abs(delta)} {'columns too far left' if delta > 0 else 'columns too far right'}"


def _first_rows(page: Page, here: int) -> Iterator[Edit]:
    """Move the first row of a statement alone, where its other rows stand right."""
    lines = page.rows
    for place in range(max(0, here - 2), min(len(lines), here + 2)):
        line = lines[place]
        if line.last - line.first < 2:
            continue
        for target, cost in _levels(lines, place, page.step).items():
            delta = target - line.wide
            if delta and _consistent(lines, range(place, place + 1), delta, here + 3):
                typed = _typed(page, range(place, place + 1), delta)
                yield page.move(line.first, line.first + 1, delta, 1.0 + cost + typed, _reason(delta, 1))


def _tabs(source: Source) -> Iterator[Edit]:
    """Write every indent with spaces, if tabs stand among them."""
    mixed = [row for row in source.lines if "\t" in indent(row)]
    if not mixed or len(mixed) == sum(1 for row in source.lines if indent(row)):
        return
    for size in (8, 4, 2):
        new = "".join(indent(row).expandtabs(size) + row[len(indent(row)) :] for row in source.lines)
        yield Edit(
            0,
            len(source.text),
            new,
            INDENTATION,
            {8: 0.3, 4: 0.6, 2: 1.5}[size],
            f"tabs stand among spaces (taken as {size} columns)",
        )
