"""Backlog: a roadmap as a table that planners import, and as a page that people read."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence

from bmad_provisioner.kinds.performance.causes import bound
from bmad_provisioner.kinds.performance.clue import BYTES, CAPACITY, PAGE, START, TIME
from bmad_provisioner.kinds.performance.roadmap import LANES, Item, Record
from bmad_provisioner.kinds.performance.trials import Trial

COLUMNS = ("id", "title", "impact", "effort", "owner", "description", "acceptance_criteria", "verification")
"""Those of BMAD's optimisation backlog."""
OWNERS: Mapping[str, str] = {
    "quick": "bmad-development-execution",
    "medium": "bmad-development-execution",
    "long": "bmad-architecture-design",
}
"""Who takes what, by its term."""
_LANES = {
    TIME: "Time of an answer",
    CAPACITY: "How much can be served",
    PAGE: "What visitors of a page wait for and see move",
    BYTES: "Bytes that travel",
    START: "The first answer after a start",
}
_SPOKEN = {
    "n-plus-one": "N+1 statements",
    "sequential-io": "waits one after the other",
    "no-compression": "answers that are not compressed",
}


def table(items: Iterable[Item], trials: Sequence[Trial] = ()) -> str:
    """Return a roadmap as CSV with BMAD's columns."""
    by_item = {trial.item: trial for trial in trials}
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(_row(item, by_item.get(item.id)) for item in items)
    return out.getvalue()


def title(item: Item) -> str:
    """Return what a remedy is for in a few words."""
    what = _SPOKEN.get(item.cause.kind, item.cause.kind.replace("-", " "))
    return f"{what[:1].upper()}{what[1:]} in {item.cause.request}" + (f" at {item.cause.where}" if item.cause.where else "")


def _row(item: Item, trial: Trial | None) -> tuple[str, ...]:
    least = trial.saving if trial else item.cause.saving.low
    accepted = f"saves at least {least:.0%} of {trial.metric if trial else item.cause.lane}"
    rails = f"; no worse: {', '.join(trial.guardrails)}" if trial else ""
    description = ". ".join(part for part in (item.cause.evidence, item.cause.remedy) if part)
    return (
        item.id, title(item), f"{item.impact:.0%}: {bound(item.cause)}", f"{item.effort:g} d", OWNERS[item.term], description,
        accepted + rails, _verification(trial),
    )  # fmt: skip


def _verification(trial: Trial | None) -> str:
    if trial is None:
        return "interleaved pairs before and after"
    rule = trial.rule
    more = "" if trial.feasible else "; smaller savings than those will stay inconclusive"
    return f"{rule.pairs} interleaved pairs, Wilcoxon p < {rule.alpha:g} and at least {rule.effect:.0%}{more}"


def page(name: str, items: Sequence[Item], records: Sequence[Record] = ()) -> str:
    """Return a roadmap as markdown."""
    lines = [f"# Roadmap of {name}", ""]
    if not items:
        lines += ["Nothing was found that is worth the work.", ""]
    for lane in LANES:
        some = [item for item in items if item.cause.lane == lane]
        lines += _lane(lane, some) if some else []
    lines += _beliefs(records) if records else []
    return "\n".join(lines)


def _lane(lane: str, items: Sequence[Item]) -> Iterator[str]:
    yield from (f"## {_LANES[lane]}", "")
    yield "| | what | where | reach | impact | of all | confidence | effort | score | |"
    yield "|---|---|---|---|---|---|---|---|---|---|"
    for item in items:
        where = f"`{item.cause.where}`".replace("|", "\\|") if item.cause.where else ""
        every = f"{item.reach:.0%} | {item.impact:.0%} | {min(item.cause.overall.value, 1.0):.0%}"
        factors = f"{every} | {item.confidence:.2f} | {item.effort:g} d | {item.score:.2g}"
        yield f"| {item.id} | {item.cause.kind} | {where} | {factors} | {item.term} |"
    yield ""
    for item in items:
        yield f"**{item.id}: {title(item)}.** {_sentence(item.cause.evidence)} {_sentence(item.cause.remedy)}".rstrip()
        yield f"What a request costs falls by {bound(item.cause)}."
        yield ""


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _beliefs(records: Sequence[Record]) -> Iterator[str]:
    yield from (
        "## How earlier predictions did",
        "",
        "| kind | remedied | worked | measured : predicted | believed now |",
        "|---|---|---|---|---|",
    )
    for one in records:
        yield f"| {one.kind} | {one.count} | {one.worked} | {one.ratio:.2f} | {one.belief:.2f} |"
    yield ""
