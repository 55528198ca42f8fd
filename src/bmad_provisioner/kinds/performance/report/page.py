"""Page: the report as one HTML page that needs nothing but itself: no script, nothing from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bmad_provisioner.characters import scrubbed
from bmad_provisioner.kinds.performance import plots
from bmad_provisioner.kinds.performance.budgets import State
from bmad_provisioner.kinds.performance.impact_page import NOTE, compared, guarded, sorted_out
from bmad_provisioner.kinds.performance.measured import Impact
from bmad_provisioner.kinds.performance.order import Order, Target
from bmad_provisioner.kinds.performance.report import tables
from bmad_provisioner.kinds.performance.report.account import Account, Judged
from bmad_provisioner.kinds.performance.report.baseline_page import CLOCK, NO_FID, started
from bmad_provisioner.kinds.performance.report.caveats import caveats, machine
from bmad_provisioner.kinds.performance.report.pictures import Picture
from bmad_provisioner.kinds.performance.report.verdict import broken, costliest, headline, speed, won
from bmad_provisioner.kinds.performance.report.wording import STATES, limit, told, value
from bmad_provisioner.kinds.performance.retrospective import TRIGGERS, still_open
from bmad_provisioner.kinds.performance.roadmap import LONG, MEDIUM, QUICK

if TYPE_CHECKING:
    from jinja2 import Template
    from markupsafe import Markup

_ROLES = {
    plots.PAPER: "paper", plots.INK: "ink", plots.SOFT: "soft", plots.GRID: "grid", plots.BLUE: "blue", plots.ORANGE: "orange",
    plots.GREEN: "green", plots.PURPLE: "purple", plots.GOLD: "gold", plots.SKY: "sky",
}  # fmt: skip
"""The colours of plots as the page names them, which has others for the dark."""
_COLOUR = re.compile("|".join(_ROLES))
_START, _SIZE = re.compile(r"^.*?(?=<svg)", re.DOTALL), re.compile(r'(?<=<svg) (?:width|height)="[^"]*"')
_ID = re.compile(r'(\bid="|url\(#|href="#)')
_CODE = re.compile(r"`([^`]+)`")
_WORST = (State.BROKEN, State.UNSURE, State.KEPT)


def report_html(account: Account, pictures: Sequence[Picture] = ()) -> str:
    """Return the report as a page with the pictures in it; whatever the account holds of others' texts stays text."""
    return _template().render(_told(account, pictures))


@cache
def _template() -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - only who renders pays

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    environment.filters["coded"] = _coded
    return environment.get_template("report.html.j2")


def _coded(text: str) -> Markup:
    """Return a text with what stands between backticks as code, and nothing else as markup."""
    from markupsafe import Markup, escape  # noqa: PLC0415 - it comes with jinja2

    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(scrubbed(text)))))  # noqa: S704 - it is escaped before


def _told(account: Account, pictures: Sequence[Picture]) -> Mapping[str, Any]:
    """Return everything that the template speaks of, as plain values."""
    judged = sorted(account.judged(), key=lambda one: (not one.is_goal, _WORST.index(one.state)))
    effects = [one for impact in account.impacts for one in impact.effects]
    return {
        "name": account.order.name,
        "headline": headline(account),
        "broken": broken(account),
        "worst": STATES[judged[0].state] if judged and judged[0].is_goal else "",
        "speed": speed(account),
        "goals": [_gauge(one) for one in judged if one.is_goal],
        "costly": costliest(account),
        "looked": bool(account.found or account.items),
        "won": won(account.impacts),
        "asked": list(_asked(account.order)),
        "discovered": account.discovered,
        "machine": machine(account.machine) if account.machine else "",
        "readings": tables.readings(account.readings),
        "services": [(one.target, started(one), (tables.loads(one), tables.routes(one))) for one in account.served],
        "pages": tables.pages(account.paged),
        "runs": tables.runs(account.worked),
        "found": [(one.target, tables.causes(one.causes), tables.shares(one), one.looked) for one in account.found],
        "limits": tables.goals(judged),
        "items": tables.items(account.items),
        "trials": tables.trials(account.trials),
        "terms": list(_terms(account)),
        "remedies": tables.remedies(account.impacts),
        "impacts": list(map(_compared, account.impacts)),
        "foretold": tables.predictions((one for one in effects if any(one.predicted)), account.items),
        "records": tables.records(account.records),
        "open": still_open(effects),
        "triggers": TRIGGERS,
        "caveats": caveats(account),
        "files": account.files,
        "notes": {"clock": CLOCK, "fid": NO_FID, "impact": NOTE},
        "strong": tables.STRONG,
        "pictures": [(one, _inlined(one, at)) for at, one in enumerate(pictures)],
    }


def _compared(impact: Impact) -> Mapping[str, Any]:
    judged, rails, besides = sorted_out(impact)
    return {
        "how": list(compared(impact)),
        "effects": tables.effects(judged),
        "rails": tables.effects(rails),
        "besides": tables.effects(besides),
        "guarded": guarded(rails) if rails else "",
    }


def _gauge(one: Judged) -> Mapping[str, Any]:
    """Return a goal with where its value and its interval lie on a scale that has the limit in the middle, in per cent."""
    made: dict[str, Any] = {"one": one, "limit": limit(one.budget), "state": STATES[one.state], "bar": None}
    if one.reading is None:
        return made | {"value": "not measured", "told": "nothing was read of it"}
    estimate, goal = one.reading.estimate, one.budget.limit
    made |= {"value": value(one.budget.of, estimate.value), "told": told(one.budget.of, estimate)}
    if goal > 0 and isfinite(estimate.high):
        at, low, high = (min(50 * number / goal, 100) for number in (estimate.value, estimate.low, estimate.high))
        made["bar"] = {"at": round(at, 1), "low": round(low, 1), "wide": round(max(high - low, 0.0), 1)}
    return made


def _asked(order: Order) -> Iterator[tuple[str, str]]:
    for target in order.targets:
        yield f"`{target.name}`", f"a {target.sort or 'target'}: `{_what(target)}`"
    load = order.load
    usual = f"{load.baseline.rate:g}/s for {load.baseline.seconds:g} s"
    soak = f", kept up for {load.soak:g} s" if load.soak else ""
    if any(target.url for target in order.targets):
        yield (
            "load",
            f"{usual}, raised up to {load.stress:g} times, with a peak of {load.spike:g} times for {load.spike_seconds:g} s{soak}",
        )
    yield "sources", ", ".join(f"`{one}`" for one in order.sources)
    yield "a change counts", f"from {order.effect:.0%} on"


def _what(target: Target) -> str:
    return target.url or " ".join(target.command) or target.python or target.dsn_env


def _terms(account: Account) -> Iterator[tuple[str, Sequence[str]]]:
    titles = {QUICK: "Quick wins, half a day at most", MEDIUM: "Within days", LONG: "More than days"}
    for term, title in titles.items():
        some = [
            f"{item.id}: {item.cause.remedy or item.cause.kind} ({item.effort:g} d)" for item in account.items if item.term == term
        ]
        if some:
            yield title, some


def _inlined(picture: Picture, at: int) -> Markup:
    """Return a picture as a part of the page: as wide as there is room, in the colours of the page, with ids of its own."""
    from markupsafe import Markup, escape  # noqa: PLC0415 - it comes with jinja2

    svg = _SIZE.sub("", _START.sub("", picture.svg.decode()))
    svg = _ID.sub(rf"\g<1>p{at}-", _COLOUR.sub(lambda found: f"var(--{_ROLES[found[0]]})", svg))
    label = str(escape(picture.words))
    return Markup(svg.replace("<svg", f'<svg role="img" aria-label="{label}"', 1))  # noqa: S704 - made here, and its texts are escaped
