"""Short: the report for terminals and pull requests: the verdict, the goals, what to do, what to beware of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bmad_provisioner.kinds.performance.budgets import State
from bmad_provisioner.kinds.performance.report.account import Account
from bmad_provisioner.kinds.performance.report.caveats import caveats, machine
from bmad_provisioner.kinds.performance.report.markdown import bullets, page, prose, table
from bmad_provisioner.kinds.performance.report.tables import goals
from bmad_provisioner.kinds.performance.report.verdict import broken, costliest, headline, speed, won
from bmad_provisioner.kinds.performance.report.wording import counted

GOALS, READINGS, CHANGES, CAVEATS = 24, 30, 8, 10
"""The most lines of each: what is cut off is told, and stands in the long report."""


def report_md(account: Account) -> str:
    """Return the short report as markdown, of fewer than 120 lines however much there is."""
    return page(
        [f"# How fast {prose(account.order.name)} is", "", f"**{headline(account)}** {prose(broken(account))}".rstrip(), ""],
        _bullets(speed(account), READINGS),
        _goals(account),
        _causes(account),
        ["## What was won", ""],
        _bullets(won(account.impacts), CHANGES),
        _beware(account),
    )


def _bullets(sentences: Sequence[str], most: int) -> Iterator[str]:
    yield from list(bullets(sentences[:most]))[:-1]
    yield from _cut(len(sentences) - most, "line")
    yield ""


def _cut(more: int, what: str) -> Iterator[str]:
    if more > 0:
        yield from ("", f"and {counted(more, f'more {what}')} in `report.html`")


def _goals(account: Account) -> Iterator[str]:
    judged = sorted(account.judged(), key=lambda one: (not one.is_goal, _WORST.index(one.state)))
    if not judged:
        return
    yield from ("## Goals and limits", "")
    yield from table(goals(judged[:GOALS]))
    yield from _cut(len(judged) - GOALS, "limit")
    yield ""


_WORST = (State.BROKEN, State.UNSURE, State.KEPT)


def _causes(account: Account) -> Iterator[str]:
    yield from ("## What costs most", "")
    found = costliest(account)
    if not found:
        looked = account.found or account.items
        yield "Nothing was found that is worth the work." if looked else "Nobody has looked into it yet."
    for place, one in enumerate(found, 1):
        yield f"{place}. **{prose(one.title)}** ({one.item.id}, {one.item.effort:g} d)"
        yield f"   - {prose(one.costs)}: {prose(one.evidence)}"
        yield f"   - {prose('; '.join(filter(None, (one.remedy, one.saves))))}"
    yield ""


def _beware(account: Account) -> Iterator[str]:
    yield from ("## What to beware of", "")
    yield from _bullets(caveats(account), CAVEATS)
    if account.machine:
        yield f"Measured on {prose(machine(account.machine))}; only numbers of the same machine are compared."
