"""Tables: what was measured, found, planned and tried as rows of text, for every page that shows them.

In a cell, what stands between backticks is code; how text is kept from being markup is up to who writes the page.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from bmad_provisioner.kinds.performance.backlog import OWNERS
from bmad_provisioner.kinds.performance.causes import Cause
from bmad_provisioner.kinds.performance.measured import Effect, Found, Impact, Paged, Route, Served, Shape, Worked
from bmad_provisioner.kinds.performance.metrics import METRICS, Reading
from bmad_provisioner.kinds.performance.quantities import told_seconds, told_size
from bmad_provisioner.kinds.performance.report.account import Judged
from bmad_provisioner.kinds.performance.report.wording import (
    STATES,
    VERDICTS,
    between,
    bounds,
    chance,
    changed,
    foretold,
    held,
    limit,
    of_what,
    part,
    parts,
    quoted,
    told,
    value,
    verdict,
)
from bmad_provisioner.kinds.performance.roadmap import LANES, Item, Record
from bmad_provisioner.kinds.performance.trials import Trial

STRONG = frozenset({"broken", "worse", "taken back"})
"""What a cell may say that nobody should overlook."""
MOST_FUNCTIONS = 25


@dataclass(frozen=True, slots=True)
class Table:
    """Titles of columns, those of numbers with ` >` at the end, and the cells of rows, what each is about first."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def goals(judged: Iterable[Judged]) -> Table:
    """Return limits, what was read of them, and whether they are kept."""
    return Table(("target", "metric", "has to be", "is >", "state", "whose"), tuple(map(_goal, judged)))


def _goal(one: Judged) -> tuple[str, ...]:
    measured = told(one.reading.of, one.reading.estimate) if one.reading else "not measured"
    whose = "goal" if one.is_goal else "from what was measured"
    return quoted(one.budget.target), one.budget.metric, limit(one.budget), measured, STATES[one.state], whose


def readings(some: Iterable[Reading]) -> Table:
    """Return what was read, between which values it is believed to lie, and from which change on one shows."""
    return Table(("target", "metric", "value >", "believed to lie between >", "a change shows from >"), tuple(map(_reading, some)))


def _reading(one: Reading) -> tuple[str, ...]:
    return quoted(one.target), one.of.title, value(one.of, one.estimate.value), between(one.of, one.estimate), _shows(one)


def _shows(reading: Reading) -> str:
    if reading.metric == "error_rate":
        return "beyond the interval"
    return part(reading.detectable) if reading.detectable else "any"


def loads(served: Served) -> Table:
    """Return what became of each load: times from when requests were due, in brackets from when they were sent."""
    counts = ("asked >", "came >", "requests >", "failed >", "never sent >")
    head = ("load", *counts, "p50 >", "p95 >", "p99 >", "late >", "processor >", "memory >")
    return Table(head, tuple(map(_load, served.shapes.values())))


def _load(shape: Shape) -> tuple[str, ...]:
    counts = f"{shape.offered:.3g}/s", f"{shape.achieved:.3g}/s", f"{shape.requests:,}", f"{shape.failed:,}", f"{shape.dropped:,}"
    times = (_time(shape, name) for name in ("p50", "p95", "p99"))
    used = told_seconds(shape.cpu) if shape.cpu else "", told_size(shape.peak) if shape.memory else ""
    name = f"{shape.name} (void)" if shape.void else shape.name
    return name, *counts, *times, told_seconds(shape.lag), *used


def _time(shape: Shape, name: str) -> str:
    sent = f" ({told_seconds(shape.service[name])})" if name in shape.service else ""
    return told_seconds(shape.response[name]) + sent if name in shape.response else ""


def routes(served: Served) -> Table:
    """Return the requests of the mix under the usual load."""
    return Table(("request", "of all >", "requests >", "failed >", "p50 >", "p95 >", "answer >"), tuple(map(_route, served.routes)))


def _route(one: Route) -> tuple[str, ...]:
    times = told_seconds(one.p50), told_seconds(one.p95)
    return quoted(one.request), f"{one.share:.0%}", f"{one.count:,}", f"{one.failed:,}", *times, told_size(one.size)


def crowds(served: Served) -> Table:
    """Return how many requests a second were answered at so many at once."""
    return Table(("at once >", "answers a second >"), tuple((f"{many}", f"{rate:.3g}") for many, rate in served.crowds))


def pages(paged: Iterable[Paged]) -> Table:
    """Return the metrics of pages, and what is behind the worst of them."""
    head = ("page", "metric", "median >", "least >", "most >", "loads >", "by", "what is behind it")
    return Table(head, tuple(row for one in paged for row in _page(one)))


def _page(one: Paged) -> Iterator[tuple[str, ...]]:
    for metric in METRICS.values():
        values = one.values.get(metric.name)
        if values:
            numbers = (value(metric, each) for each in (median(values), min(values), max(values)))
            where, behind = quoted(f"{one.target} {one.page}"), one.behind.get(metric.name, "")
            yield where, metric.title, *numbers, f"{len(values)}", one.method, behind


def runs(worked: Iterable[Worked]) -> Table:
    """Return what commands and functions took."""
    head = ("target", "metric", "median >", "least >", "most >", "runs >", "failed >")
    return Table(head, tuple(row for one in worked for row in _run(one)))


def _run(one: Worked) -> Iterator[tuple[str, ...]]:
    for name, values in one.values.items():
        if values and name in METRICS:
            numbers = (value(METRICS[name], each) for each in (median(values), min(values), max(values)))
            yield quoted(one.target), METRICS[name].title, *numbers, f"{one.runs}", f"{one.failed}"


def causes(some: Iterable[Cause]) -> Table:
    """Return causes lane by lane, the costliest first."""
    order = sorted(some, key=lambda one: (LANES.index(one.lane), -one.overall.value, one.kind, one.where))
    rows = (
        (one.kind, quoted(one.request), quoted(one.where), parts(one.share), of_what(one), f"{one.reach:.0%}", parts(one.saving))
        for one in order
    )
    return Table(("cause", "request", "where", "costs >", "of", "requests >", "usual remedy saves >"), tuple(rows))


def shares(found: Found) -> Table:
    """Return in which functions the time was spent."""
    rows = ((quoted(name), f"{own:.1%}", f"{total:.1%}", f"{looks:,}") for name, own, total, looks in found.shares[:MOST_FUNCTIONS])
    return Table(("function", "itself >", "with what it calls >", "looks >"), tuple(rows))


def items(some: Iterable[Item]) -> Table:
    """Return a roadmap: scores compare within their lane only."""
    head = ("item", "remedy of", "where", "reach >", "impact >", "confidence >", "days >", "score >", "lane", "term", "who")
    return Table(head, tuple(map(_item, some)))


def _item(one: Item) -> tuple[str, ...]:
    factors = f"{one.reach:.0%}", f"{one.impact:.0%}", f"{one.confidence:.0%}", f"{one.effort:g}", _score(one.score)
    return one.id, one.cause.kind, quoted(one.cause.where), *factors, one.cause.lane, one.term, OWNERS.get(one.term, "")


def _score(score: float) -> str:
    return f"{score:.0f}" if score >= 10 else f"{score:.2g}"


def trials(planned: Iterable[Trial]) -> Table:
    """Return how each remedy will be judged."""
    return Table(("item", "judged by", "has to save >", "pairs >", "enough", "must not get worse"), tuple(map(_trial, planned)))


def _trial(one: Trial) -> tuple[str, ...]:
    enough = "yes" if one.feasible else "too few for so little"
    return one.item, one.metric, f"{one.saving:.0%}", f"{one.rule.pairs}", enough, ", ".join(one.guardrails)


def effects(some: Iterable[Effect]) -> Table:
    """Return what changed, how sure that is, and what was foretold."""
    head = (
        "target",
        "metric",
        "before >",
        "after >",
        "change >",
        "between >",
        "p >",
        "p of all >",
        "verdict",
        "could have seen >",
        "foretold >",
    )
    return Table(head, tuple(map(_effect, some)))


def _effect(one: Effect) -> tuple[str, ...]:
    found, of = one.comparison, METRICS[one.metric]
    before, after = (value(of, median(each)) if each else "" for each in (one.before, one.after))
    sure = bounds(one), chance(found.p), chance(one.adjusted)
    proven = VERDICTS[verdict(one)], part(found.detectable), foretold(one)
    return quoted(one.target), one.metric, before, after, changed(one), *sure, *proven


def remedies(impacts: Iterable[Impact]) -> Table:
    """Return the changes that were tried, and whether they stay."""
    tried = ((item, what, "stays" if stays else "taken back") for one in impacts for item, what, stays in one.remedies)
    return Table(("item", "what was changed", "now"), tuple(tried))


def predictions(some: Iterable[Effect], found: Sequence[Item]) -> Table:
    """Return predictions beside what was measured; `found` say of which kind a remedy was."""
    kinds = {item.id: item.cause.kind for item in found}
    head = ("item", "remedy of", "metric", "foretold >", "measured >", "between >", "proves", "the prediction")
    return Table(head, tuple(_foretold(one, kinds.get(one.item, "")) for one in some))


def _foretold(one: Effect, kind: str) -> tuple[str, ...]:
    metric = f"{quoted(one.target)} {one.metric}"
    return one.item, kind, metric, foretold(one), changed(one), bounds(one), VERDICTS[verdict(one)], held(one)


def records(some: Iterable[Record]) -> Table:
    """Return how predictions did, kind by kind."""
    rows = ((one.kind, f"{one.count}", f"{one.worked}", f"{one.ratio:.2f}", f"{one.belief:.0%}") for one in some)
    return Table(("remedy of", "tried >", "worked >", "measured : foretold >", "believed to work >"), tuple(rows))
