"""Retrospective: what was foretold beside what came, what is believed now, and what is still open."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, isfinite, log

from bmad_provisioner.kinds.performance.measured import Effect
from bmad_provisioner.kinds.performance.report import tables
from bmad_provisioner.kinds.performance.report.markdown import bullets, page, prose, table
from bmad_provisioner.kinds.performance.report.wording import bounds, changed, counted, part, quoted, verdict
from bmad_provisioner.kinds.performance.roadmap import Item, Record
from bmad_provisioner.kinds.performance.stats import EFFECT, FEWEST, Verdict

TRIGGERS = (
    "a limit of `budgets.json` is broken, or an alert of `alerts.yaml` fires",
    "the history of a metric, or of a function's share of the time, takes a step",
    "the sources, the mix of requests or the machine are no longer those of the baseline",
    "a remedy of the roadmap is made: how it is judged is in the test plan",
)
"""What asks for the next review: something that happens, not a date that nobody knows yet."""
_WORKED = "A remedy worked where it saved at least half of what was foretold; roadmaps count with these beliefs."


def retrospective_md(name: str, records: Sequence[Record], effects: Sequence[Effect], items: Sequence[Item] = ()) -> str:
    """Return `retrospective.md` of a document; `items` say of which kind a remedy was."""
    foretold = list(table(tables.predictions((one for one in effects if any(one.predicted)), items)))
    believed = list(table(tables.records(records)))
    return page(
        [f"# Retrospective of {prose(name)}", "", "## Foretold and measured", ""],
        foretold or ["No remedy with a prediction has been tried yet.", ""],
        ["## What is believed now", ""],
        believed or ["Nothing has been learnt yet: remedies count with what they usually do.", ""],
        [_WORKED, ""] if believed else [],
        ["## What is still open", ""],
        bullets(still_open(effects) or ("Nothing that was compared was left inconclusive.",)),
        ["## When to look again", "", "As soon as one of these happens:", ""],
        bullets(TRIGGERS),
    )


def still_open(effects: Sequence[Effect]) -> tuple[str, ...]:
    """Return what proved nothing, and what would settle it."""
    unsettled = [one for one in effects if verdict(one) is Verdict.INCONCLUSIVE]
    asked = [one for one in unsettled if one.item or one.guardrail or " " not in one.target]
    more = len(unsettled) - len(asked)
    rest = (
        (f"{counted(more, 'number')} of single requests, of which nothing was foretold: no trial is made for those",)
        if more
        else ()
    )
    return (*map(_settled_by, asked), *rest)


def _settled_by(one: Effect) -> str:
    found, what = one.comparison, f"{quoted(one.target)} {one.metric}"
    if not isfinite(found.detectable):
        return f"{what}: {counted(found.pairs, 'pair')} prove nothing; at least {FEWEST} might"
    wanted = max(EFFECT, abs(found.ratio - 1))
    # What can be seen shrinks with the square root of how many pairs there are.
    more = ceil(found.pairs * (log(1 + found.detectable) / log(1 + wanted)) ** 2)
    if more > found.pairs:
        seen = f"only changes from {part(found.detectable)} on could be seen"
        return f"{what}: {seen}; about {more:,} pairs would show one of {part(wanted)}"
    measured = f"{changed(one)} ({bounds(one)})"
    return f"{what}: {measured} is neither a change nor the absence of one; the same trial with {2 * found.pairs} pairs may tell"
