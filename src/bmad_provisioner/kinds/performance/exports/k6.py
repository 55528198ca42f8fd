"""k6: a load as k6 hands it to `handleSummary`, so that whatever reads its summaries reads ours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from bmad_provisioner.digest import Plain
from bmad_provisioner.kinds.performance.budgets import Budget
from bmad_provisioner.kinds.performance.load import Sample

_QUANTILES = {"p(90)": 0.90, "p(95)": 0.95, "p(99)": 0.99}
_NOTHING_DROPPED = "count==0"
_STATISTICS = ("avg", "min", "med", "max", *_QUANTILES)
_LIMITS: Mapping[str, tuple[str, str, float]] = {
    "p50": ("http_req_response", "med<={:g}", 1000),
    "p95": ("http_req_response", "p(95)<={:g}", 1000),
    "p99": ("http_req_response", "p(99)<={:g}", 1000),
    "error_rate": ("http_req_failed", "rate<={:g}", 1),
}
"""The metric and the threshold of a budget, and how many of k6's units one of ours is (it counts milliseconds).

Throughput has none: how many requests there are a second is what the load offers, not what the target could bear.
"""


@dataclass(frozen=True, slots=True)
class Summarised:
    """A load of one target: its requests, how many were due but never sent, and the seconds it took."""

    samples: Sequence[Sample]
    dropped: int
    seconds: float


def summary(load: Summarised, budgets: Iterable[Budget] = ()) -> dict[str, Plain]:
    """Return the summary of a load, with the budgets of its target as thresholds.

    `http_req_duration` counts from when a request was sent, as k6's does; `http_req_response` from when it was due, which
    is what the budgets are about; `generator_lag` is what lies between. All in milliseconds.
    """
    metrics = _metrics(load)
    metrics["dropped_iterations"]["thresholds"] = {_NOTHING_DROPPED: {"ok": not load.dropped}}
    for budget in budgets:
        if budget.metric in _LIMITS:
            _add_threshold(metrics, budget)
    return {
        "root_group": {"name": "", "path": "", "id": "d41d8cd98f00b204e9800998ecf8427e", "groups": [], "checks": []},
        "options": {"summaryTrendStats": list(_STATISTICS), "summaryTimeUnit": "", "noColor": False},
        "state": {"isStdOutTTY": False, "isStdErrTTY": False, "testRunDurationMs": 1000 * load.seconds},
        "metrics": dict(metrics),
    }


_Metric = dict[str, Plain]


def _metrics(load: Summarised) -> dict[str, _Metric]:
    count = len(load.samples)
    failed = sum(not one.ok for one in load.samples)
    answered = [one for one in load.samples if one.status]
    made = {
        "http_reqs": _counter(count, load.seconds),
        "iterations": _counter(count, load.seconds),
        "dropped_iterations": _counter(load.dropped, load.seconds),
        "data_received": _counter(sum(one.size for one in load.samples), load.seconds, "data"),
        # Its "passes" are requests for which it is true that they failed.
        "http_req_failed": _metric(
            "rate", "default", {"rate": failed / count if count else 0.0, "passes": failed, "fails": count - failed}
        ),
    }
    if answered:
        made["http_req_duration"] = _trend([one.service for one in answered])
        made["http_req_response"] = _trend([one.response for one in answered])
        made["generator_lag"] = _trend([one.lag for one in answered])
    return made


def _metric(kind: str, contains: str, values: Mapping[str, Plain]) -> _Metric:
    return {"type": kind, "contains": contains, "values": dict(values)}


def _counter(count: int, seconds: float, contains: str = "default") -> _Metric:
    return _metric("counter", contains, {"count": count, "rate": count / seconds if seconds else 0.0})


def _trend(seconds: Sequence[float]) -> _Metric:
    ordered = sorted(1000 * one for one in seconds)
    values = {"avg": fmean(ordered), "min": ordered[0], "med": median(ordered), "max": ordered[-1]}
    return _metric("trend", "time", {**values, **{name: _quantile(ordered, part) for name, part in _QUANTILES.items()}})


def _quantile(ordered: Sequence[float], part: float) -> float:
    """Return a quantile between the two nearest values, as k6 does."""
    place = part * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def _add_threshold(metrics: dict[str, _Metric], budget: Budget) -> None:
    name, form, scale = _LIMITS[budget.metric]
    limit = budget.limit * scale
    threshold = form.format(limit)
    # A load without an answer has no times: that must not pass for fast.
    values = metrics.setdefault(name, _metric("trend", "time", {})).get("values")
    value = values.get(threshold.partition("<")[0]) if isinstance(values, dict) else None
    kept = isinstance(value, int | float) and value <= limit
    thresholds = metrics[name].setdefault("thresholds", {})
    if isinstance(thresholds, dict):
        thresholds[threshold] = {"ok": kept}


def thresholds(budgets: Iterable[Budget]) -> dict[str, Plain]:
    """Return budgets as the `thresholds` of a k6 script's options, on k6's own metrics; nothing may be dropped."""
    made: dict[str, Plain] = {"dropped_iterations": [_NOTHING_DROPPED]}
    for budget in budgets:
        if budget.metric in _LIMITS:
            name, form, scale = _LIMITS[budget.metric]
            name = "http_req_duration" if name == "http_req_response" else name
            made[name] = [*_listed(made.get(name)), form.format(budget.limit * scale)]
    return made


def _listed(value: Plain) -> list[Plain]:
    return list(value) if isinstance(value, list) else []
