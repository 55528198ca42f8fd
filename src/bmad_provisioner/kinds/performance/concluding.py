"""Concluding: what follows from all that was measured, as files that people and other programs read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from bmad_provisioner.digest import Entry, Plain, fingerprint
from bmad_provisioner.engine.task import Inputs, Output
from bmad_provisioner.finding import Finding, Severity
from bmad_provisioner.kinds.performance import backlog, predictions, trends, trials
from bmad_provisioner.kinds.performance.acting import Planned
from bmad_provisioner.kinds.performance.budgets import State, budgets
from bmad_provisioner.kinds.performance.causes import Cause, bound
from bmad_provisioner.kinds.performance.exports.junit import junit
from bmad_provisioner.kinds.performance.gathering import account, fact
from bmad_provisioner.kinds.performance.judging import budget_cases, impact_cases, told_cases
from bmad_provisioner.kinds.performance.measured import Impact
from bmad_provisioner.kinds.performance.metrics import Reading
from bmad_provisioner.kinds.performance.packing import packed, unpacked
from bmad_provisioner.kinds.performance.readings import readings
from bmad_provisioner.kinds.performance.report import wording
from bmad_provisioner.kinds.performance.report.account import Account
from bmad_provisioner.kinds.performance.roadmap import Record, records, roadmap
from bmad_provisioner.kinds.performance.rules import BUDGET, CAUSE, MISSING, VOID

# Each of these runs once a measurement: what it needs is loaded when it runs.
# ruff: noqa: PLC0415
BASELINE, PREDICTIONS, HISTORY = "baseline.json", "predictions.json", "history.jsonl"
"""Files that are read again when something is measured the next time."""
_BESIDE: Mapping[str, str] = {
    "baseline.md": "what was measured, in full",
    "profile.md": "what is behind it",
    "roadmap.md": "what to do about it",
    "test-plan.md": "how each remedy will be judged",
    "impact.md": "what changes came to",
    "retrospective.md": "what was foretold, and what came",
    "trends.md": "how it developed",
    "capacity.md": "what more load needs",
}
"""The pages beside the report."""
_READINGS = tuple[Reading, ...]


def baseline(inputs: Inputs) -> Output:
    """Write what was measured: a page, data, plots, and the forms of other programs; the fact `readings` is what it came to."""
    from bmad_provisioner.kinds.performance.exports import bencher
    from bmad_provisioner.kinds.performance.report.baseline import baseline_json
    from bmad_provisioner.kinds.performance.report.baseline_page import baseline_md
    from bmad_provisioner.kinds.performance.report.pictures import pictures

    whole = account(inputs)
    read = readings(whole.served, whole.paged, whole.worked, whole.noise)
    whole = replace(whole, readings=read)
    files = {
        BASELINE: baseline_json(whole),
        "baseline.md": baseline_md(whole).encode(),
        "bencher.json": _json(bencher.metric_format(read)),
        **{f"plots/{one.name}.svg": one.svg for one in pictures(whole) if one.phase == "measure"},
    }
    whole = replace(whole, budgets=budgets(read, whole.order.goals))
    facts = {"readings": packed(read, _READINGS), "cases": told_cases(budget_cases(whole))}
    return Output(_kept(inputs, whole, files), (*_voids(whole), *_broken(whole)), facts)


def plan(inputs: Inputs) -> Output:
    """Write what is behind it and what to do about it: profile, budgets, roadmap, test plan, hand-offs; the fact `plan`."""
    from bmad_provisioner.kinds.performance.exports import k6, lighthouse
    from bmad_provisioner.kinds.performance.profile_page import profile_md
    from bmad_provisioner.kinds.performance.report.baseline import budgets_json

    whole = _read(inputs, account(inputs))
    order = whole.order
    past = predictions.past(_standing(inputs, PREDICTIONS), _state(inputs))
    items = roadmap(whole.causes, order.effect, order.effort, past)
    planned = trials.trials(items, _pilot(whole), order.effect)
    files = {
        "profile.md": profile_md(order.name, whole.found).encode(),
        "findings.json": _json({"causes": [packed(one) for one in whole.causes]}),
        "budgets.json": budgets_json(order.name, whole.budgets),
        "lighthouse/budgets.json": _json(lighthouse.budgets_json(whole.budgets)),
        "lighthouse/lighthouserc.json": _json(lighthouse.lighthouserc(whole.budgets)),
        "k6/thresholds.json": _json(k6.thresholds(whole.budgets)),
        "roadmap.md": backlog.page(order.name, items, records(past)).encode(),
        "optimization-backlog.csv": backlog.table(items, planned).encode(),
        "test-plan.md": trials.page(order.name, items, planned).encode(),
        **_handoffs(inputs, whole, Planned(items, planned)),
    }
    findings = (*_causes(whole), *_missing(whole))
    return Output(_kept(inputs, whole, files), findings, {"plan": packed(Planned(items, planned))})


def _handoffs(inputs: Inputs, whole: Account, made: Planned) -> dict[str, bytes]:
    from bmad_provisioner.kinds.performance.discover.facts import Found
    from bmad_provisioner.kinds.performance.handoffs import handoffs

    found = fact(inputs, "discover", "project")
    if found is None:
        return {}
    pages = handoffs(whole.order.name, made.items, made.trials, unpacked(Found, found), whole.order.team, whole.order.targets)
    return {f"handoffs/{name}": text.encode() for name, text in pages.items()}


def watch(inputs: Inputs) -> Output:
    """Write what the trials came to, what is learnt of it, and what keeps watch: alert rules, a dashboard, history."""
    from bmad_provisioner.kinds.performance import alerts, dashboard
    from bmad_provisioner.kinds.performance.exports import openmetrics
    from bmad_provisioner.kinds.performance.impact_page import impact_md
    from bmad_provisioner.kinds.performance.retrospective import retrospective_md

    whole = _read(inputs, account(inputs))
    made, name = _planned(inputs), whole.order.name
    impacts = _impacts(inputs)
    learnt = predictions.learnt(_standing(inputs, PREDICTIONS), impacts, made.items, _state(inputs))
    past, cases = predictions.past(learnt), (*budget_cases(whole), *(one for impact in impacts for one in impact_cases(impact)))
    files = {
        "alerts.yaml": alerts.text(alerts.rules(name, whole.budgets)).encode(),
        "alerts.test.yaml": alerts.text(alerts.tests(name, whole.budgets)).encode(),
        "dashboard.json": _json(dashboard.dashboard(name, whole.readings, whole.budgets)),
        "retrospective.md": retrospective_md(name, records(past), _effects(impacts), made.items).encode(),
        "metrics.txt": openmetrics.text(name, [openmetrics.Moment(whole.readings)], whole.budgets).encode(),
        "junit.xml": junit(name, cases).encode(),
    }
    files |= {PREDICTIONS: learnt} if past else {}
    moments = _moments(inputs, whole)
    if moments:
        points = [openmetrics.Moment(trends.readings(one), one.at) for one in moments]
        files |= {HISTORY: trends.written(moments), "trends.md": trends.page(name, moments).encode()}
        files["metrics-history.txt"] = openmetrics.text(name, points).encode()
    files |= {"impact.md": "\n".join(impact_md(name, one) for one in impacts).encode()} if impacts else {}
    # What was proven stays told, also when what it was compared with is gone.
    leaves = () if impacts else (f"{whole.order.folder}/impact.md",)
    return Output(_kept(inputs, whole, files), facts={"records": packed(records(past), tuple[Record, ...])}, leaves=leaves)


def _moments(inputs: Inputs, whole: Account) -> tuple[trends.Moment, ...]:
    """Return the history with what was measured now; nothing where neither is."""
    known = trends.read(_standing(inputs, HISTORY))
    if whole.machine is None or whole.noise is None or not whole.readings:
        return known
    return trends.with_now(known, trends.moment(whole.machine, whole.noise, whole.order.quick, whole.readings, whole.found))


def report(inputs: Inputs) -> Output:
    """Write the report: all six phases on one page that needs nothing but itself, and its short form."""
    from bmad_provisioner.kinds.performance.report.page import report_html
    from bmad_provisioner.kinds.performance.report.pictures import pictures
    from bmad_provisioner.kinds.performance.report.short import report_md

    whole, made, impacts = _read(inputs, account(inputs)), _planned(inputs), _impacts(inputs)
    learnt = fact(inputs, "watch", "records")
    said = fact(inputs, "discover", "discovered")
    whole = replace(
        whole,
        items=made.items,
        trials=made.trials,
        impact=impacts[0] if impacts else None,
        besides=impacts[1:],
        files=_BESIDE,
        records=unpacked(tuple[Record, ...], learnt) if learnt is not None else (),
        discovered=tuple(map(str, cast("Sequence[Plain]", said or ()))),
    )
    drawn = pictures(whole)
    files = {"report.md": report_md(whole).encode(), "report.html": report_html(whole, drawn).encode()}
    files |= {f"plots/{one.name}.svg": one.svg for one in drawn if one.phase != "measure"}
    return Output(_kept(inputs, whole, files), facts={"summary": list(_summary(whole))})


def _summary(whole: Account) -> Iterator[str]:
    """Yield what is said on a screen: how fast it is, what costs most, what was won, and where the rest is."""
    from bmad_provisioner.kinds.performance.report.verdict import broken, costliest, headline, speed, won

    yield " ".join(filter(None, (headline(whole), broken(whole))))
    yield from speed(whole)
    for place, one in enumerate(costliest(whole), 1):
        yield f"{place}. {one.title}: {one.evidence}"
        yield f"   {one.remedy}; {one.saves}"
    yield from won(whole.impacts) if whole.impacts else ()
    made = [(item, what, stays) for impact in whole.impacts for item, what, stays in impact.remedies]
    yield from (f"{item} {'is made' if stays else 'was tried and taken back'}: {what}" for item, what, stays in made)
    if any(stays for *_, stays in made):
        yield "It changed what was measured: once it is written, `bmadp apply` measures anew."
    yield f"All of it: {whole.order.folder}/report.html"


def _read(inputs: Inputs, whole: Account) -> Account:
    """Return the account with what was read, and the budgets that follow from it."""
    said = fact(inputs, "baseline", "readings")
    read = unpacked(_READINGS, said) if said is not None else ()
    return replace(whole, readings=read, budgets=budgets(read, whole.order.goals))


def _planned(inputs: Inputs) -> Planned:
    said = fact(inputs, "plan", "plan")
    return unpacked(Planned, said) if said is not None else Planned((), ())


def _impacts(inputs: Inputs) -> tuple[Impact, ...]:
    some = (output.facts.get("impact") for output in inputs.needs.values())
    return tuple(unpacked(Impact, one) for one in some if one is not None)


def _effects(impacts: Sequence[Impact]) -> tuple[Any, ...]:
    return tuple(one for impact in impacts for one in impact.effects)


def _pilot(whole: Account) -> Mapping[str, Sequence[float]]:
    """Return log ratios of pairs of the same thing, by metric: those of this machine, for whatever is timed."""
    if whole.noise is None:
        return {}
    by = whole.noise.ratios
    return {"cpu": by["cpu"], **dict.fromkeys(("p50", "duration", "first", "throughput"), by["wall"])}


def _kept(inputs: Inputs, whole: Account, files: Mapping[str, bytes]) -> dict[str, Entry]:
    return {f"{whole.order.folder}/{path}": inputs.keep(data) for path, data in files.items()}


def _standing(inputs: Inputs, name: str) -> bytes:
    """Return one of our own files as it stands; nothing where there is none."""
    path = next((path for path in inputs.files if path.endswith(f"/{name}")), "")
    entry = inputs.files.get(path)
    return inputs.read(path) if entry is not None and entry.is_plain else b""


def _state(inputs: Inputs) -> str:
    return fingerprint(inputs.args["sources"])[:16]


def _json(data: Plain) -> bytes:
    return json.dumps(data, indent=1, ensure_ascii=False, sort_keys=False).encode() + b"\n"


def _voids(whole: Account) -> Iterator[Finding]:
    for served, shape in whole.shapes:
        if shape.void:
            hint = "ask for a lower rate in `load`, or measure where the generator has a processor of its own"
            yield Finding(served.target, VOID, f"the {shape.name} load is void: {shape.void}", Severity.WARNING, hint=hint)
        elif shape.failed:
            said = ", ".join(f"{count}x {what}" for what, count in shape.problems[:2])
            message = f"{shape.failed} of {shape.requests} requests of the {shape.name} load failed: {said}"
            yield Finding(served.target, VOID, message, Severity.WARNING)
    for one in whole.paged:
        for problem in one.problems[:3]:
            yield Finding(one.target, VOID, f"page {one.page}: {problem}", Severity.WARNING, hint="the page is measured as it is")
    for work in whole.worked:
        if work.failed:
            message = f"{work.failed} of {work.runs} runs failed: {work.problem}"
            yield Finding(work.target, VOID, message, Severity.WARNING, hint="only the others are counted")


def _causes(whole: Account) -> Iterator[Finding]:
    for one in whole.causes:
        yield Finding(one.path or one.target, CAUSE, _told(one), Severity.INFO, one.line, one.remedy)


def _told(one: Cause) -> str:
    return f"{one.kind} in {one.request}: {one.evidence} ({bound(one)})"


def _broken(whole: Account) -> Iterator[Finding]:
    for one in whole.judged():
        if one.state is State.BROKEN and one.reading is not None:
            limit = str(one.budget).removeprefix(f"{one.budget.target}: ")
            message = f"{limit} is missed: it is {wording.told(one.budget.of, one.reading.estimate)}"
            yield Finding(one.budget.target, BUDGET, message, Severity.WARNING, hint=f"see {whole.order.folder}/roadmap.md")


def _missing(whole: Account) -> Iterator[Finding]:
    seen: set[str] = set()
    for found in whole.found:
        for one in found.missing:
            if one.tool not in seen:
                seen.add(one.tool)
                yield Finding(
                    found.target, MISSING, f"`{one.tool}` is not here: {one.what} is left out", Severity.WARNING, hint=one.how
                )
