"""OpenMetrics: readings and budgets as text that Prometheus scrapes or back-fills."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bmad_provisioner.kinds.performance.budgets import Budget
from bmad_provisioner.kinds.performance.metrics import METRICS, Metric, Reading

LIMIT = "bmadp_budget"
"""The metric that holds the limits: labelled by the metric that each is for."""


@dataclass(frozen=True, slots=True)
class Moment:
    """The readings of one time (seconds since 1970; `None`: when they are scraped)."""

    readings: tuple[Reading, ...]
    time: float | None = None


def text(name: str, moments: Sequence[Moment], budgets: Iterable[Budget] = ()) -> str:
    """Return the readings of a document, by metric and with their bounds, and its budgets (https://openmetrics.io)."""
    lines: list[str] = []
    for metric in METRICS.values():
        lines += _family(name, metric, moments)
    limits = list(budgets)
    if limits:
        lines += [f"# TYPE {LIMIT} gauge", f"# HELP {LIMIT} The limit of a metric, in its unit."]
        time = moments[-1].time if moments else None
        lines += [_sample(LIMIT, {"document": name, "metric": one.metric, "target": one.target}, one.limit, time) for one in limits]
    return "\n".join([*lines, "# EOF", ""])


def _family(name: str, metric: Metric, moments: Sequence[Moment]) -> Iterator[str]:
    found = [(one, moment.time) for moment in moments for one in moment.readings if one.metric == metric.name]
    if not found:
        return
    # All points of a series have to stand together, in the order of time.
    found.sort(key=lambda pair: (pair[0].target, pair[1] or 0.0))
    for family, what in ((metric.exported, ""), (bounds(metric), ", the bounds between which it is believed to lie")):
        yield f"# TYPE {family} gauge"
        if metric.unit:
            yield f"# UNIT {family} {metric.unit}"
        yield f"# HELP {family} {metric.title}{what}."
        for labels, value, time in _points(name, found, family == bounds(metric)):
            yield _sample(family, labels, value, time)


def bounds(metric: Metric) -> str:
    """Return the name of the series that hold the bounds of a metric, labelled by `bound` (`low`, `high`)."""
    return f"bmadp_{metric.name}_bound_{metric.unit}" if metric.unit else f"bmadp_{metric.name}_bound"


def _points(
    name: str, found: Sequence[tuple[Reading, float | None]], is_bounds: bool
) -> Iterator[tuple[dict[str, str], float, float | None]]:
    if not is_bounds:
        yield from (({"document": name, "target": one.target}, one.estimate.value, time) for one, time in found)
        return
    for target in sorted({one.target for one, _ in found}):
        for bound in ("low", "high"):
            labels = {"bound": bound, "document": name, "target": target}
            yield from ((labels, getattr(one.estimate, bound), time) for one, time in found if one.target == target)


def _sample(name: str, labels: Mapping[str, str], value: float, time: float | None) -> str:
    told = ",".join(f'{label}="{escaped(text)}"' for label, text in labels.items())
    return f"{name}{{{told}}} {value!r}{f' {time!r}' if time is not None else ''}"


def escaped(text: str) -> str:
    """Return a text as it stands between quotes in a label."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
