"""Score: which planted causes are found, at which rank and in which place, and what is accused that is healthy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from performance.planted.apps import App, Planted

from bmad_provisioner.kinds.performance.causes import Cause

ACCUSED = 0.25
"""The share from which a cause in a healthy app is an accusation."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one planted cause: its rank (from 1; 0: not found), and whether its line is right:
    the one that was marked or the next to it, since an interpreter stops between statements.

    Of several planted in one app, each is ranked as if the others were not told.
    """

    kind: str
    skeleton: str
    rank: int
    located: bool


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of one app: its planted causes, the best rank of any, and accusations of what is healthy."""

    results: tuple[Result, ...]
    accused: tuple[Cause, ...]


def judged(app: App, causes: Sequence[Cause], allowed: frozenset[str] = frozenset()) -> Judged:
    """Compare causes, ranked, with the truth; a path in `allowed` is a decoy that may be named, behind what is planted."""
    results = tuple(_result(app, one, causes) for one in app.planted)
    known = {one.path for one in app.planted} | allowed
    accused = tuple(one for one in causes if one.share.value > ACCUSED and not any(_is_at(one, path) for path in known))
    return Judged(results, accused)


def _result(app: App, planted: Planted, causes: Sequence[Cause]) -> Result:
    others = [one for one in app.planted if one != planted]
    rank = 1
    for one in causes:
        if _is(one, planted):
            located = not planted.lines or any((one.path, (one.line or 0) + off) in planted.lines for off in (0, -1, 1))
            return Result(planted.kind, app.skeleton, rank, located)
        rank += not any(_is(one, other) for other in others)
    return Result(planted.kind, app.skeleton, 0, False)


def _is(cause: Cause, planted: Planted) -> bool:
    return cause.kind == planted.kind and _is_at(cause, planted.path)


def table(results: Sequence[Result], by: str) -> str:
    """Return a table of Markdown: by `kind` or by `skeleton`, how many were planted, first, among three, in the right line."""
    rows = [f"| {by} | planted | first | top 3 | right line |", "|---|---|---|---|---|"]
    for name in [*sorted({getattr(one, by) for one in results}), ""]:
        some = [one for one in results if not name or getattr(one, by) == name]
        first, three, right = (
            sum(found) for found in zip(*((one.rank == 1, 1 <= one.rank <= 3, one.located) for one in some), strict=True)
        )
        parts = (f"{count} ({count / len(some):.0%})" for count in (first, three, right))
        rows.append(f"| {name or '**all**'} | {len(some)} | {' | '.join(parts)} |")
    return "\n".join(rows)


def _is_at(cause: Cause, path: str) -> bool:
    return any(word.partition("?")[0] == path for word in cause.request.split())
