"""Account: all that is known of a document's performance when it is told; what is missing is left out of the telling."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bmad_provisioner.kinds.performance.budgets import Budget, State, judge
from bmad_provisioner.kinds.performance.causes import Cause
from bmad_provisioner.kinds.performance.measured import Found, Impact, Machine, Noise, Paged, Served, Shape, Worked
from bmad_provisioner.kinds.performance.metrics import Reading
from bmad_provisioner.kinds.performance.order import Order
from bmad_provisioner.kinds.performance.roadmap import Item, Record
from bmad_provisioner.kinds.performance.trials import Trial

BASELINE = "baseline"
"""The name of the usual load."""


@dataclass(frozen=True, slots=True)
class Account:
    """What was asked for, measured, found, planned, tried and learnt.

    `discovered` are sentences on what discovering came to, `files` the names of the files beside the page and what they hold.
    """

    order: Order
    machine: Machine | None = None
    noise: Noise | None = None
    served: tuple[Served, ...] = ()
    paged: tuple[Paged, ...] = ()
    worked: tuple[Worked, ...] = ()
    readings: tuple[Reading, ...] = ()
    budgets: tuple[Budget, ...] = ()
    found: tuple[Found, ...] = ()
    items: tuple[Item, ...] = ()
    trials: tuple[Trial, ...] = ()
    impact: Impact | None = None
    records: tuple[Record, ...] = ()
    discovered: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    besides: tuple[Impact, ...] = ()
    """Trials beside `impact`: of other states, with other remedies."""

    @property
    def impacts(self) -> tuple[Impact, ...]:
        """All trials."""
        return (*((self.impact,) if self.impact else ()), *self.besides)

    @property
    def causes(self) -> tuple[Cause, ...]:
        """Everything that was found to cost, target by target."""
        return tuple(cause for found in self.found for cause in found.causes)

    @property
    def shapes(self) -> tuple[tuple[Served, Shape], ...]:
        """All loads with the service that bore them."""
        return tuple((served, shape) for served in self.served for shape in served.shapes.values())

    def judged(self) -> tuple[Judged, ...]:
        """Return every budget with what was read of it, and every goal that nothing was read of."""
        read = {(one.target, one.metric): one for one in self.readings}
        made = [_judged(one, read.get((one.target, one.metric))) for one in self.budgets]
        known = {one.budget.metric for one in made}
        missed = (Budget("", name, goal, goal, "the goal") for name, goal in self.order.goals.items() if name not in known)
        return (*made, *(_judged(one, None) for one in missed))


@dataclass(frozen=True, slots=True)
class Judged:
    """A limit, what was read of it (`None`: nothing), and whether it is kept."""

    budget: Budget
    reading: Reading | None
    state: State

    @property
    def is_goal(self) -> bool:
        """Whether somebody asked for it."""
        return self.budget.goal is not None


def _judged(budget: Budget, reading: Reading | None) -> Judged:
    return Judged(budget, reading, judge(budget, reading))
