"""Pictures: the plots that an account has data for, with what each shows in words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.util import find_spec

from bmad_provisioner.kinds.performance import plots
from bmad_provisioner.kinds.performance.measured import Served, Shape
from bmad_provisioner.kinds.performance.metrics import METRICS
from bmad_provisioner.kinds.performance.quantities import told_seconds, told_size
from bmad_provisioner.kinds.performance.readings import BASELINE, STRESS, limit, steps
from bmad_provisioner.kinds.performance.report.account import Account
from bmad_provisioner.kinds.performance.report.verdict import ranked
from bmad_provisioner.kinds.performance.report.wording import changed, counted, listed, part, value, verdict
from bmad_provisioner.kinds.performance.scalability import Law, fit
from bmad_provisioner.kinds.performance.stats import Verdict

MEASURE, PROFILE, VALIDATE = "measure", "profile", "validate"
"""The phases that have pictures."""
MOST_CAUSES, MOST_EFFECTS, MOST_TOLD = 8, 16, 5


@dataclass(frozen=True, slots=True)
class Picture:
    """A plot: the name of its file without `.svg`, the phase it belongs to, what it shows in words, its bytes."""

    name: str
    phase: str
    words: str
    svg: bytes


def pictures(account: Account) -> tuple[Picture, ...]:
    """Draw all plots that there are data for; none where matplotlib is not installed."""
    return tuple(_pictures(account)) if find_spec("matplotlib") else ()


def _pictures(account: Account) -> Iterator[Picture]:
    for served in account.served:
        yield from _of_service(served)
    targets = dict.fromkeys(one.target for one in account.paged)
    for target in targets:
        some = [one for one in account.paged if one.target == target]
        if any(one.values.get(name) for one in some for name in account.order.goals):
            words = f"The loads of {counted(len(some), 'page')} of {target}, each number as a multiple of its goal"
            yield Picture(f"{_slug(target)}-pages", MEASURE, words, plots.pages(some, account.order.goals))
    if account.noise and any(account.noise.ratios.values()):
        words = f"How far {counted(account.noise.runs, 'run')} of the same work on this machine lie apart, two by two"
        yield Picture("noise", MEASURE, words, plots.noise(account.noise))
    causes = [item.cause for item in ranked(account)[:MOST_CAUSES]]
    if causes:
        words = listed([f"{one.kind} in {one.request} costs {part(one.share.value)}" for one in causes[:3]])
        yield Picture("causes", PROFILE, words, plots.causes(causes))
    for at, impact in enumerate(account.impacts, 1):
        if impact.effects:
            proven = sorted(impact.effects, key=lambda one: verdict(one) not in (Verdict.IMPROVEMENT, Verdict.REGRESSION))
            shown = replace(impact, effects=tuple(proven[:MOST_EFFECTS]))
            count = sum(verdict(one) in (Verdict.IMPROVEMENT, Verdict.REGRESSION) for one in proven)
            told = [f"{one.metric} of {one.target} {changed(one)}" for one in proven[: min(count, MOST_TOLD)]]
            words = f"{counted(count, 'change')} proven against {impact.before}{': ' if told else ''}{listed(told)}"
            yield Picture("impact" if at == 1 else f"impact-{at}", VALIDATE, words, plots.effects(shown))


def _of_service(served: Served) -> Iterator[Picture]:
    name = _slug(served.target)
    usual = served.shapes.get(BASELINE)
    if usual and usual.response:
        yield Picture(f"{name}-response", MEASURE, _quantiles(served, usual), plots.response_times(usual))
    for shape in served.shapes.values():
        if shape.timeline and not shape.name.startswith(f"{STRESS} "):
            asked = f"{counted(shape.requests, 'request')} in {told_seconds(shape.seconds)}"
            words = f"Load {shape.name} of {served.target}: {asked}, {shape.failed:,} failed"
            yield Picture(f"{name}-{_slug(shape.name)}", MEASURE, words, plots.timeline(shape))
    rates = steps(served)
    if usual and len(rates) > 1:
        words = f"The 95th percentile of {served.target} at {listed([f'{one.rate:.3g}' for one in rates])} answers a second"
        yield Picture(f"{name}-rates", MEASURE, words, plots.rates(rates, limit(usual)))
    held = [one for one in served.shapes.values() if one.memory]
    if held:
        words = f"Memory of {served.target} by the load: at most {listed([f'{told_size(one.peak)} ({one.name})' for one in held])}"
        yield Picture(f"{name}-memory", MEASURE, words, plots.memory(held, served.idle))
    points = [(float(many), rate) for many, rate in served.crowds if many > 0 and rate > 0]
    if len(points) > 1:
        most = max(points, key=lambda point: point[1])
        words = f"{served.target} answers at most {most[1]:.3g} requests a second, {most[0]:.0f} at once"
        yield Picture(f"{name}-scaling", MEASURE, words, plots.scaling(points, law(points)))


def _quantiles(served: Served, usual: Shape) -> str:
    times = [f"{name} {value(METRICS[name], usual.response[name])}" for name in ("p50", "p95", "p99") if name in usual.response]
    return f"Response times of {served.target} under the usual load: {listed(times)}"


def law(points: Sequence[tuple[float, float]]) -> Law | None:
    """Return the law that throughput follows; none where there are too few points to tell, or none fits."""
    with suppress(ValueError, RuntimeError):
        return fit(points)
    return None


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-").lower() or "x"
