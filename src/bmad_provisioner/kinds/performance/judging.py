"""Judging: budgets and trials as cases that are kept, broken or neither, as continuous integration shows them."""

from __future__ import annotations

from collections.abc import Iterable

from bmad_provisioner.digest import Plain
from bmad_provisioner.kinds.performance.exports.junit import Case, case
from bmad_provisioner.kinds.performance.measured import Impact
from bmad_provisioner.kinds.performance.report.account import Account


def budget_cases(whole: Account) -> tuple[Case, ...]:
    """Return every goal and budget with what was read of it."""
    return tuple(
        Case(one.budget.target or "goal", one.budget.metric, one.state, f"{one.budget}: {one.budget.why}") for one in whole.judged()
    )


def impact_cases(impact: Impact) -> tuple[Case, ...]:
    """Return everything that was compared with an earlier state."""
    return tuple(
        case(one.target, one.metric, one.comparison.verdict, f"against {impact.before}: {100 * (one.comparison.ratio - 1):+.1f} %")
        for one in impact.effects
    )


def told_cases(cases: Iterable[Case]) -> Plain:
    """Return cases as a fact: by their names, so that those of several tasks are put together."""
    return {f"{one.target}: {one.name}": [one.target, one.name, one.state.value, one.told] for one in cases}
