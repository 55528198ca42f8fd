"""Indents: lines and blocks that stand too deep or not deep enough, and tabs among spaces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bmad_provisioner.kinds.code.repair import lines as whole_lines
from bmad_provisioner.kinds.code.repair.lexing import Source, indent
from bmad_provisioner.kinds.code.repair.model import INDENTATION, Edit
from bmad_provisioner.kinds.code.repair.oracle import Trouble
from bmad_provisioner.kinds.code.repair.rows import Page, Row, levels

_BEFORE, _AFTER, _LONGEST = 10, 6, 14
"""Statements before and after the fault where a run may begin; how long a run may be."""
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
        lines = page.rows
        here = page.at(found.line)
        flat = found.message.startswith("expected an indented block")
        for start in range(max(0, here - _BEFORE), min(len(lines), here + 3)):
            yield from _runs(page, start, here, flat)
        yield from _first_rows(page, here)


def _runs(page: Page, start: int, here: int, flat: bool) -> Iterator[Edit]:
    lines = page.rows
    allowed = _levels(lines, start, page.step)
    enough: set[int] = set()
    for stop in range(start + 1, min(start + _LONGEST, len(lines)) + 1):
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
            fits = -0.5 if after == target else 0.0
            last = lines[stop - 1]
            splits = 1.5 * (after is not None and (last.opens or after > last.wide))
            away = 0.15 * abs(start - here)
            odd = 1.0 * (delta % page.step == 0 and any(lines[i].wide % page.step for i in run))
            off = abs(delta) % page.step
            far = 1.5 * abs(delta) if off else 0.8 * (abs(delta) // page.step - 1)
            above = lines[start - 2 : start]
            odd += 2.5 * (flat and start > 0 and lines[start - 1].word == "except")
            odd += 1.5 * (len(above) == 2 and above[0].opens and target == above[1].wide != above[0].wide + page.step)
            total = 0.6 + cost + fits + splits + away + odd + far + 0.2 * len(run) + 2.0 * (target in enough)
            yield page.move(lines[start].first, lines[stop - 1].last, delta, total, _reason(delta, len(run)))
            if not flat and not splits:
                enough.add(target)


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
                yield page.move(line.first, line.first + 1, delta, 1.0 + cost, _reason(delta, 1))


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
