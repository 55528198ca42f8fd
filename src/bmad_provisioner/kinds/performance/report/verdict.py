"""Verdict: what matters in plain words: how fast it is, which goals are broken, what costs most, what was won."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from bmad_provisioner.kinds.performance.backlog import title
from bmad_provisioner.kinds.performance.budgets import State
from bmad_provisioner.kinds.performance.causes import Cause
from bmad_provisioner.kinds.performance.clue import BYTES, CAPACITY, PAGE, START, TIME
from bmad_provisioner.kinds.performance.measured import Effect, Impact, Paged, Served, Worked
from bmad_provisioner.kinds.performance.metrics import METRICS, Reading
from bmad_provisioner.kinds.performance.report.account import BASELINE, Account
from bmad_provisioner.kinds.performance.report.wording import (
    bounds,
    chance,
    changed,
    counted,
    limit,
    listed,
    of_what,
    parts,
    saves,
    told,
    value,
    verdict,
)  # fmt: skip
from bmad_provisioner.kinds.performance.roadmap import Item, roadmap
from bmad_provisioner.kinds.performance.stats import Verdict

COSTLIEST = 3
TRIFLE = 0.05
"""The part of all of its sort below which a cause waits until those of other sorts are told."""
_SORTS = (TIME, "leak", CAPACITY, BYTES, PAGE, START, "layout-shift")
"""Sorts of cost, in the order in which they are told: a leak ends a service whatever else it is; shifts are no time."""


@dataclass(frozen=True, slots=True)
class Costly:
    """One of the costliest causes in words: what it is, where, what it costs, how that is known, what to do, what that saves."""

    item: Item
    title: str
    where: str
    costs: str
    evidence: str
    remedy: str
    saves: str


def headline(account: Account) -> str:
    """Return one sentence on the goals."""
    goals = [one for one in account.judged() if one.is_goal]
    if not goals:
        return "No goals are set: what was measured is the limit from now on."
    broken = sum(one.state is State.BROKEN for one in goals)
    unsure = sum(one.state is State.UNSURE for one in goals)
    if not broken and not unsure:
        return f"All {len(goals)} goals are kept." if len(goals) > 1 else "The goal is kept."
    said = f"{broken} of {counted(len(goals), 'goal')} {'is' if broken == 1 else 'are'} broken" if broken else "No goal is broken"
    return said + (f", {unsure} {'is' if unsure == 1 else 'are'} not settled." if unsure else ".")


def broken(account: Account) -> str:
    """Return the goals that are broken with what was read of them, in a sentence; nothing where there are none."""
    said = [
        f"`{one.budget.target}` {one.budget.metric} is {value(one.reading.of, one.reading.estimate.value)} ({limit(one.budget)})"
        for one in account.judged()
        if one.is_goal and one.state is State.BROKEN and one.reading
    ]
    return f"{'; '.join(said)}." if said else ""


def speed(account: Account) -> tuple[str, ...]:
    """Return a sentence or two for each target: how fast it is."""
    read = {(one.target, one.metric): one for one in account.readings}
    made = [sentence for one in account.served for sentence in _service(one, read)]
    for target in sorted({one.target for one in account.paged}):
        made += _pages([one for one in account.paged if one.target == target], read)
    made += [sentence for one in account.worked for sentence in _runs(one, read)]
    return tuple(made) or ("Nothing has been measured yet.",)


_Read = dict[tuple[str, str], Reading]


def _service(served: Served, read: _Read) -> Iterator[str]:
    usual = served.shapes.get(BASELINE)
    if usual is None or usual.void or not usual.requests:
        why = usual.void if usual and usual.void else "no request was answered"
        yield f"How fast `{served.target}` answers is not known: {why}."
        return
    times = [
        f"{share} within {value(METRICS[name], usual.response[name])}"
        for name, share in (("p50", "half of its requests"), ("p95", "95%"), ("p99", "99%"))
        if name in usual.response
    ]
    failed = f"{usual.failed:,} of {usual.requests:,} failed" if usual.failed else f"none of {usual.requests:,} failed"
    yield f"`{served.target}` answers {listed(times)} at {usual.achieved:.3g} requests a second; {failed}."
    borne = read.get((served.target, "throughput"))
    if borne:
        if borne.estimate.high > borne.estimate.value:
            yield f"The most that it was seen to bear are {told(borne.of, borne.estimate)}."
        else:
            yield f"It bore all that it was asked, up to {value(borne.of, borne.estimate.value)}."


def _pages(paged: Sequence[Paged], read: _Read) -> Iterator[str]:
    target = paged[0].target
    words = (
        ("lcp", "shows what matters after {}"),
        ("inp", "reacts to a click within {}"),
        ("cls", "shifts by {} while it loads"),
        ("bundle", "loads {} of scripts"),
    )
    said = [text.format(value(METRICS[name], read[target, name].estimate.value)) for name, text in words if (target, name) in read]
    if said:
        yield f"The slowest of {counted(len({one.page for one in paged}), 'page')} of `{target}` {listed(said)}."


def _runs(worked: Worked, read: _Read) -> Iterator[str]:
    words = (("duration", "{}"), ("cpu", "{} of a processor"), ("peak_memory", "{} of memory"))
    target = worked.target
    said = [text.format(value(METRICS[name], read[target, name].estimate.value)) for name, text in words if (target, name) in read]
    failed = f"; {worked.failed} of {counted(worked.runs, 'run')} failed" if worked.failed else ""
    if said or failed:
        yield f"`{target}` takes {listed(said) or 'a time that is not known'}{failed}."


def costliest(account: Account, most: int = COSTLIEST) -> tuple[Costly, ...]:
    """Return the causes to look at first in words."""
    return tuple(map(_costly, ranked(account)[:most]))


def ranked(account: Account) -> tuple[Item, ...]:
    """Return what to do, what costs most first: the worst of each sort of cost that is no trifle, then the second worst.

    What a cause costs is a part of all time, of all bytes, and so on: sorts are not compared, but taken in turns.
    """
    items = account.items or roadmap(account.causes, account.order.effect, account.order.effort)
    sorts: dict[str, list[Item]] = {sort: [] for sort in _SORTS}
    for one in sorted(items, key=lambda one: -one.cause.share.value * one.cause.reach * one.cause.weight):
        sorts[one.cause.kind if one.cause.kind in sorts else one.cause.lane].append(one)
    turns = [some[place] for place in range(len(items)) for some in sorts.values() if place < len(some)]
    return tuple(sorted(turns, key=lambda one: one.cause.overall.value < TRIFLE))


def _costly(item: Item) -> Costly:
    cause = item.cause
    return Costly(item, title(item), cause.where, costs(cause), cause.evidence, cause.remedy, saves(cause))


def costs(cause: Cause) -> str:
    """Return what a cause costs, whom, and how sure that is."""
    sure = f"seen in {counted(cause.looks, 'look')}" if cause.looks else "counted"
    reach = "every request" if cause.reach >= 0.995 else f"{cause.reach:.0%} of requests"
    return f"{parts(cause.share)} {of_what(cause)}, in {reach} ({sure})"


def won(impacts: Sequence[Impact]) -> tuple[str, ...]:
    """Return what became of the changes that were tried, trial by trial, the gains first."""
    if not impacts:
        return ("No change has been compared with what was before.",)
    return tuple(f"Against {one.before}: {said}" if len(impacts) > 1 else said for one in impacts for said in _won(one))


def _won(impact: Impact) -> tuple[str, ...]:
    if impact.void and not impact.effects:
        return (f"The comparison says nothing: {impact.void}.",)
    against = (f"What was tried is taken back: {impact.void}.",) if impact.void else ()
    some = [one for wanted in (Verdict.IMPROVEMENT, Verdict.REGRESSION) for one in impact.effects if verdict(one) is wanted]
    told = tuple(map(effect, some)) or (f"Nothing that {counted(impact.pairs, 'pair')} could show has changed.",)
    return against + told


def effect(one: Effect) -> str:
    """Return a change of a metric in a sentence."""
    of = METRICS[one.metric]
    before, after = (value(of, _middle(some)) for some in (one.before, one.after))
    what = "better" if verdict(one) is Verdict.IMPROVEMENT else "worse"
    return (
        f"`{one.target}` is {what} in {one.metric}: {before} before, {after} now, {changed(one)} "
        f"({bounds(one)}, p {chance(one.adjusted)})."
    )


def _middle(values: Sequence[float]) -> float:
    return median(values) if values else 0.0
