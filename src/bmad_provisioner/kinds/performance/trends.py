"""Trends: the history of what was measured, a line a measurement, and the steps in it: of metrics, and of shares of profiles."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite

from bmad_provisioner.kinds.performance.changepoints import SIDE, Step, history
from bmad_provisioner.kinds.performance.estimate import exactly
from bmad_provisioner.kinds.performance.measured import Found, Machine, Noise
from bmad_provisioner.kinds.performance.metrics import METRICS, Reading
from bmad_provisioner.kinds.performance.quantities import told_share
from bmad_provisioner.kinds.performance.report.markdown import table
from bmad_provisioner.kinds.performance.report.tables import Table
from bmad_provisioner.kinds.performance.report.wording import counted
from bmad_provisioner.kinds.performance.shifts import Function, shifts

FEWEST = 2 * SIDE
"""Measurements on one machine from which a history is looked at."""
MOST = 2000
"""Measurements that are kept: the latest."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One measurement: when (seconds since 1970), on which machine, what was read by target and metric, and the own share of
    each function of each target."""

    at: float
    machine: str
    quick: bool
    readings: dict[str, dict[str, float]]
    shares: dict[str, dict[str, float]]


@dataclass(frozen=True, slots=True)
class Trend:
    """What the history of a metric says: how many measurements, its lasting steps, the smallest step that would show."""

    target: str
    metric: str
    points: int
    steps: tuple[Step, ...]
    detectable: float


def read(data: bytes) -> tuple[Moment, ...]:
    """Return the measurements in a file; a line that is none of ours is left out."""
    found = []
    for line in data.splitlines():
        try:
            row = json.loads(line)
            found.append(
                Moment(float(row["at"]), str(row["machine"]), bool(row["quick"]), dict(row["readings"]), dict(row["shares"]))
            )
        except (ValueError, KeyError, TypeError):
            continue
    return tuple(found)


def moment(machine: Machine, noise: Noise, quick: bool, readings: Sequence[Reading], found: Sequence[Found]) -> Moment:
    """Return what was measured now as a line of the history."""
    by_target: dict[str, dict[str, float]] = {}
    for one in readings:
        by_target.setdefault(one.target, {})[one.metric] = float(f"{one.estimate.value:.6g}")
    shares = {
        one.target: {place.partition(" ")[2] + "@" + place.partition(":")[0]: round(own, 5) for place, own, *_ in one.shares}
        for one in found
    }
    return Moment(noise.at, machine.identity, quick, by_target, {target: some for target, some in shares.items() if some})


def written(moments: Sequence[Moment]) -> bytes:
    """Return the file of a history."""
    rows = (
        {"at": one.at, "machine": one.machine, "quick": one.quick, "readings": one.readings, "shares": one.shares}
        for one in moments
    )
    return "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows).encode()


def readings(one: Moment) -> tuple[Reading, ...]:
    """Return what was read in a measurement."""
    return tuple(Reading(target, metric, exactly(value)) for target, some in one.readings.items() for metric, value in some.items())


def with_now(moments: Sequence[Moment], now: Moment) -> tuple[Moment, ...]:
    """Return the history with what was measured now, once."""
    return (*[one for one in moments if one.at < now.at], now)[-MOST:]


def trends(moments: Sequence[Moment]) -> Iterator[Trend]:
    """Yield what the history of each metric says, as far as it was measured as it is now: on this machine, this long."""
    same = [one for one in moments if (one.machine, one.quick) == (moments[-1].machine, moments[-1].quick)] if moments else []
    for target in sorted({target for one in same for target in one.readings}):
        for metric in METRICS:
            values = [one.readings[target][metric] for one in same if metric in one.readings.get(target, {})]
            if len(values) >= FEWEST:
                said = history(values)
                yield Trend(target, metric, len(values), said.lasting, said.detectable)


def moved(moments: Sequence[Moment], target: str) -> Iterator[tuple[Function, Step, Function | None]]:
    """Yield functions whose share of a target's profile took a step, and the one that got cheaper by as much, if there is one."""
    same = [one for one in moments if (one.machine, one.quick) == (moments[-1].machine, moments[-1].quick)] if moments else []
    profiles = [{_function(name): share for name, share in one.shares[target].items()} for one in same if target in one.shares]
    if len(profiles) >= FEWEST:
        yield from ((one.function, one.step, one.moved) for one in shifts(profiles))


def _function(name: str) -> Function:
    function, _, path = name.rpartition("@")
    return path, function


def page(name: str, moments: Sequence[Moment]) -> str:
    """Return the history and its steps as markdown."""
    lines = [f"# Trends of {name}", "", f"{counted(len(moments), 'measurement')}; {_since(moments)}.", ""]
    found = list(trends(moments))
    if not found:
        lines += [f"A history is looked at from {FEWEST} measurements on one machine.", ""]
        return "\n".join(lines)
    rows = [[f"`{one.target}`", one.metric, str(one.points), _steps(one), _shows(one.detectable)] for one in found]
    lines += [
        *table(Table(("target", "metric", "measurements", "lasting steps", "a step that would show"), tuple(map(tuple, rows)))),
        "",
    ]
    for target in sorted({one.target for one in found}):
        for function, step, instead in moved(moments, target):
            other = f"; `{instead[1]}` got cheaper by as much: the cost only moved" if instead else ""
            change = f"went from {told_share(step.before)} to {told_share(step.after)} of `{target}`"
            lines.append(f"- `{function[1]}` ({function[0]}) {change}{other}")
    return "\n".join([*lines, ""])


def _since(moments: Sequence[Moment]) -> str:
    return f"the first {datetime.fromtimestamp(moments[0].at, UTC):%Y-%m-%d}" if moments else "none yet"


def _steps(one: Trend) -> str:
    told = METRICS[one.metric].told
    return ", ".join(f"{told(step.before)} -> {told(step.after)} at measurement {step.at + 1}" for step in one.steps) or "none"


def _shows(value: float) -> str:
    return told_share(value) if isfinite(value) else "not known yet"
