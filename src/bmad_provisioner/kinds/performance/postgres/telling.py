"""Telling: the advice on a database as clues for its roadmap, and in words."""

from __future__ import annotations

from collections.abc import Iterator

from bmad_provisioner.kinds.performance.clues import CAPACITY, HEAVY, TIME, Clue
from bmad_provisioner.kinds.performance.postgres.advice import Advice, Index, Statement, Unused
from bmad_provisioner.kinds.performance.postgres.studied import NO_ROWS
from bmad_provisioner.kinds.performance.quantities import told_seconds, told_size

LARGEST = 0.1
"""The part of all time from which a statement is a cause by itself."""
OLD = 86_400.0
"""Seconds for which nothing has read an index before anybody is told to drop it."""
_SIZE = 1_000_000
_SHAPE = 160
_NO_VIEW = "ask for less or less often, or keep the result"


def clues(advice: Advice, request: str) -> Iterator[Clue]:
    """Yield what costs a database time, missing indexes first; shares are parts of the time of all its statements."""
    for index in advice.indexes:
        yield Clue("missing-index", request, None, index.saving, 0, TIME, _of_index(advice, index), index.ddl)
    helped = {shape for index in advice.indexes for shape in index.statements}
    for one in advice.statements:
        if one.parent:
            yield Clue(
                "n-plus-one",
                request,
                None,
                one.share,
                0,
                TIME,
                _of_repeated(one),
                "ask once for all of them: a join, or `= ANY (...)`",
            )
        elif one.share >= LARGEST and one.mean >= HEAVY and one.calls > 1 and one.why != NO_ROWS and one.shape not in helped:
            yield Clue("slow-statement", request, None, one.share, 0, TIME, _of_statement(one), _remedy(advice, one))
    if advice.age is not None and advice.age >= OLD:
        for unused in advice.unused:
            if unused.size >= _SIZE:
                yield Clue(
                    "unused-index",
                    request,
                    None,
                    0.0,
                    0,
                    CAPACITY,
                    _of_unused(unused, advice.age),
                    f"DROP INDEX CONCURRENTLY {unused.index}",
                )


def _of_index(advice: Advice, index: Index) -> str:
    since = f" in the {told_age(advice.age)} that it counts" if advice.age else ""
    return (
        f"the planner's cost falls from {index.before:,.0f} to {index.after:,.0f} with an index of {told_size(index.size)} "
        f"that was only supposed: `{_short(index.statements[0])}`; {index.written:,} rows were written to `{index.table}`{since}, "
        f"each would go into it too, beside {index.others} others"
    )


def _of_repeated(one: Statement) -> str:
    return f"asked {one.each:.0f} times, once a row, for each `{_short(one.parent)}`: `{_short(one.shape)}`"


def _of_statement(one: Statement) -> str:
    return f"{told_seconds(one.mean)} a call, {one.calls:,} calls, {one.rows:,.0f} rows each: `{_short(one.shape)}`"


def _remedy(advice: Advice, one: Statement) -> str:
    view = next((view for view in advice.views if view.shape == one.shape), None)
    if view is None:
        return _NO_VIEW
    often = f", so if it is refreshed no more often than every {told_seconds(view.every)}" if view.every is not None else ""
    return (
        f"a materialised view pays from {view.reads:.1f} reads a refresh on{often}: a read takes {told_seconds(view.read)}, "
        f"of the view some {told_seconds(view.view)}, a refresh some {told_seconds(view.refresh)} ({view.assumption})"
    )


def _of_unused(unused: Unused, age: float) -> str:
    why = "nothing read it" if unused.valid else "nothing can read it, as making it failed"
    return f"{why} on this server in {told_age(age)}: {told_size(unused.size)}, {unused.written:,} rows written to `{unused.table}`"


def said(advice: Advice) -> tuple[str, ...]:
    """Return in words what was looked at, for people; no statement is in it but by its shape."""
    lines = [f"PostgreSQL {advice.server} with {', '.join(advice.extensions)}, read-only"]
    if advice.cached is not None:
        lines.append(f"{advice.cached:.1%} of the pages were found in memory")
    lines += [f"`{one.table}` was read whole {one.scans:,} times: {one.read:,} rows" for one in advice.scanned]
    if advice.unused and advice.age is not None:
        names = ", ".join(f"`{one.index}`" for one in advice.unused)
        lines.append(f"nothing read {names} in the {told_age(advice.age)} that the server counts")
    reasons = sorted({one.why for one in advice.statements if one.why})
    lines += [f"{sum(one.why == why for one in advice.statements)} statements have no plan: {why}" for why in reasons]
    return tuple(lines)


def told_age(seconds: float) -> str:
    """Return how long something has been counted, as people say it."""
    return (
        f"{seconds / OLD:.0f} days"
        if seconds >= 2 * OLD
        else f"{seconds / 3600:.1f} hours"
        if seconds >= 3600
        else told_seconds(seconds)
    )


def _short(shape: str) -> str:
    return shape if len(shape) <= _SHAPE else f"{shape[:_SHAPE]}..."
