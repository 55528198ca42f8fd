"""Merge lines: text, three ways."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from bmad_provisioner.tree.merged import BOM, Merged

_MOST_LINES = 50_000
_MOST_CELLS = 400_000  # of the table a longest common subsequence fills; beyond it a stretch counts as wholly replaced

Hunk = tuple[int, int, int, int]  # base[lo:hi] became side[lo:hi]


@dataclass(frozen=True, slots=True)
class _Text:
    """Lines without their ends, beside the ends; the last end is empty where the final newline is missing."""

    lines: tuple[str, ...]
    ends: tuple[str, ...]
    marked: bool


@dataclass(frozen=True, slots=True)
class _Region:
    """One stretch of base, and what stands for it on each side."""

    base: tuple[int, int]
    mine: tuple[int, int]
    theirs: tuple[int, int]


def merge_lines(base: bytes | None, mine: bytes | None, theirs: bytes | None) -> Merged | None:
    """Merge UTF-8 text line by line; None where a side is absent, no text, or too long."""
    if mine is None or theirs is None:
        return None
    if theirs in (mine, base):
        return Merged(mine, 0)
    if base is None:
        return None
    if mine == base:
        return Merged(theirs, 0)
    b, m, t = _parse(base), _parse(mine), _parse(theirs)
    if b is None or m is None or t is None:
        return None
    return _weave(b, m, t)


def _parse(data: bytes) -> _Text | None:
    """The lines of a text; None for bytes that are no text, or too many lines."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    if "\0" in text or text.count("\n") > _MOST_LINES:
        return None
    marked = text.startswith(BOM)
    raw = text.removeprefix(BOM).split("\n")
    *whole, last = raw
    lines = [line.removesuffix("\r") for line in whole]
    ends = ["\r\n" if line.endswith("\r") else "\n" for line in whole]
    if last:
        lines.append(last)
        ends.append("")
    return _Text(tuple(lines), tuple(ends), marked)


def _weave(base: _Text, mine: _Text, theirs: _Text) -> Merged:
    """Go through the regions in order; lines of mine keep their ends, all others get the end that mine uses most."""
    usual = _usual_end(mine) or _usual_end(theirs) or "\n"
    out: list[tuple[str, str]] = []
    notes: list[str] = []
    for region in _regions(_hunks(base.lines, mine.lines), _hunks(base.lines, theirs.lines), len(base.lines)):
        was, ours = base.lines[slice(*region.base)], theirs.lines[slice(*region.theirs)]
        span = slice(*region.mine)
        yours = list(zip(mine.lines[span], mine.ends[span], strict=True))
        if mine.lines[span] in (was, ours) and ours != mine.lines[span]:
            out += [(line, usual) for line in ours]
        elif ours in (was, mine.lines[span]):
            out += yours
        else:
            notes.append(f"line {len(out) + 1}: changed on both sides")
            out.append(("<<<<<<< yours", usual))
            out += yours
            out += [(line, usual) for line in ("||||||| recorded", *was, "=======", *ours, ">>>>>>> manifest")]
    ends_open = mine.ends[-1] == "" if mine.ends else bool(theirs.ends) and theirs.ends[-1] == ""
    text = "".join(line + (end or usual) for line, end in out[:-1])
    if out:
        line, end = out[-1]
        text += line + ("" if ends_open else end or usual)
    return Merged(((BOM if mine.marked else "") + text).encode(), len(notes), tuple(notes))


def _usual_end(text: _Text) -> str:
    """The line end most used; empty where there is none at all."""
    counts = Counter(end for end in text.ends if end)
    return max(counts, key=lambda end: counts[end], default="")


def _regions(mine: Sequence[Hunk], theirs: Sequence[Hunk], size: int) -> Iterator[_Region]:
    """Cut base into regions neither side, one side, or (where their hunks overlap) both sides changed."""
    queue = sorted([(*hunk, 0) for hunk in mine] + [(*hunk, 1) for hunk in theirs])
    done, shift = 0, [0, 0]  # shift: where a side stands, less where base stands
    at = 0
    while at < len(queue):
        lo, hi = queue[at][:2]
        group = [queue[at]]
        at += 1
        while at < len(queue) and _overlap((lo, hi), queue[at][:2]):
            hi = max(hi, queue[at][1])
            group.append(queue[at])
            at += 1
        yield _Region((done, lo), (done + shift[0], lo + shift[0]), (done + shift[1], lo + shift[1]))
        starts = tuple(lo + s for s in shift)
        for b_lo, b_hi, s_lo, s_hi, side in group:
            shift[side] += (s_hi - s_lo) - (b_hi - b_lo)
        yield _Region((lo, hi), (starts[0], hi + shift[0]), (starts[1], hi + shift[1]))
        done = hi
    yield _Region((done, size), (done + shift[0], size + shift[0]), (done + shift[1], size + shift[1]))


def _overlap(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether `other`, which does not begin before `one`, touches a line of it; two insertions at one point do, too."""
    return other[0] < one[1] or one == other


def _hunks(base: Sequence[str], side: Sequence[str]) -> list[Hunk]:
    """What changed from base to side, in order; no two hunks touch each other."""
    matches = [(-1, -1), *sorted(_matches(base, side)), (len(base), len(side))]
    return [
        (b_lo + 1, b_hi, s_lo + 1, s_hi) for (b_lo, s_lo), (b_hi, s_hi) in pairwise(matches) if b_lo + 1 < b_hi or s_lo + 1 < s_hi
    ]


def _matches(base: Sequence[str], side: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Lines that stayed: common ends, then lines unique on both sides (patience), then a longest common subsequence."""
    stack = [(0, len(base), 0, len(side))]
    while stack:
        b_lo, b_hi, s_lo, s_hi = stack.pop()
        while b_lo < b_hi and s_lo < s_hi and base[b_lo] == side[s_lo]:
            yield b_lo, s_lo
            b_lo, s_lo = b_lo + 1, s_lo + 1
        while b_lo < b_hi and s_lo < s_hi and base[b_hi - 1] == side[s_hi - 1]:
            b_hi, s_hi = b_hi - 1, s_hi - 1
            yield b_hi, s_hi
        if b_lo == b_hi or s_lo == s_hi:
            continue
        anchors = _anchors(base, side, (b_lo, b_hi), (s_lo, s_hi))
        if not anchors:
            yield from ((b_lo + i, s_lo + j) for i, j in _common(base[b_lo:b_hi], side[s_lo:s_hi]))
            continue
        yield from anchors
        for (b0, s0), (b1, s1) in pairwise([(b_lo - 1, s_lo - 1), *anchors, (b_hi, s_hi)]):
            stack.append((b0 + 1, b1, s0 + 1, s1))


def _anchors(base: Sequence[str], side: Sequence[str], b: tuple[int, int], s: tuple[int, int]) -> list[tuple[int, int]]:
    """The longest rising run of lines that stand exactly once in both stretches."""
    in_base, in_side = Counter(base[slice(*b)]), Counter(side[slice(*s)])
    where = {side[j]: j for j in range(*s) if in_side[side[j]] == 1}
    pairs = [(i, where[base[i]]) for i in range(*b) if in_base[base[i]] == 1 and base[i] in where]
    return _rising(pairs)


def _rising(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest subsequence of `pairs` whose second numbers rise (patience sorting)."""
    tops: list[int] = []  # index into pairs of the lowest end of a run of each length
    before: list[int] = []
    for n, (_, j) in enumerate(pairs):
        lo, hi = 0, len(tops)
        while lo < hi:
            mid = (lo + hi) // 2
            lo, hi = (mid + 1, hi) if pairs[tops[mid]][1] < j else (lo, mid)
        before.append(tops[lo - 1] if lo else -1)
        tops[lo : lo + 1] = [n]
    run: list[tuple[int, int]] = []
    n = tops[-1] if tops else -1
    while n >= 0:
        run.append(pairs[n])
        n = before[n]
    return run[::-1]


def _common(a: Sequence[str], b: Sequence[str]) -> list[tuple[int, int]]:
    """A longest common subsequence, as pairs of indices; empty where it would cost too much."""
    if len(a) * len(b) > _MOST_CELLS:
        return []
    rows = [[0] * (len(b) + 1)]  # rows[k][j]: the length for the last k of a, and b from j on
    for line in reversed(a):
        below, row = rows[-1], [0] * (len(b) + 1)
        for j in range(len(b) - 1, -1, -1):
            row[j] = below[j + 1] + 1 if line == b[j] else max(below[j], row[j + 1])
        rows.append(row)
    pairs: list[tuple[int, int]] = []
    i = j = 0
    while i < len(a) and j < len(b):
        if a[i] == b[j]:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif rows[len(a) - i - 1][j] >= rows[len(a) - i][j + 1]:
            i += 1
        else:
            j += 1
    return pairs
