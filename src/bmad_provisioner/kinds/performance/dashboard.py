"""Dashboard: a Grafana page with a panel for every metric that is exported, and its budget as a line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from bmad_provisioner.digest import Plain, fingerprint
from bmad_provisioner.kinds.performance.budgets import Budget
from bmad_provisioner.kinds.performance.exports.openmetrics import bounds, escaped
from bmad_provisioner.kinds.performance.metrics import BYTES, METRICS, NUMBER, PER_SECOND, RATIO, SECONDS, Metric, Reading

_UNITS: Mapping[str, str] = {SECONDS: "s", BYTES: "decbytes", RATIO: "percentunit", PER_SECOND: "reqps", NUMBER: "none"}
_SCHEMA = 39
_WIDTH, _HEIGHT, _COLUMNS = 8, 7, 3


def dashboard(document: str, readings: Iterable[Reading], budgets: Iterable[Budget] = ()) -> dict[str, Plain]:
    """Return the dashboard of a document; import it into Grafana and choose a Prometheus."""
    limits = {(one.target, one.metric): one for one in budgets}
    by_target: dict[str, set[str]] = {}
    for reading in readings:
        by_target.setdefault(reading.target, set()).add(reading.metric)
    panels: list[Plain] = []
    top = 0
    for target in sorted(by_target):
        some = [metric for metric in METRICS.values() if metric.name in by_target[target]]
        panels += _row(document, target, some, limits, top, len(panels))
        top += 1 + _HEIGHT * -(-len(some) // _COLUMNS)
    source: Plain = {"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus"}
    return {
        "title": f"Performance of {document}",
        "uid": f"bmadp-{fingerprint(document)[-12:]}",
        "schemaVersion": _SCHEMA,
        "tags": ["bmadp", "performance"],
        "editable": True,
        "time": {"from": "now-30d", "to": "now"},
        "templating": {"list": [source]},
        "annotations": {"list": []},
        "panels": panels,
    }


def _row(
    document: str, target: str, metrics: Sequence[Metric], limits: Mapping[tuple[str, str], Budget], top: int, before: int
) -> list[Plain]:
    line: Plain = {"h": 1, "w": 24, "x": 0, "y": top}
    head: Plain = {"id": before + 1, "type": "row", "title": target, "collapsed": False, "panels": [], "gridPos": line}
    made: list[Plain] = [head]
    for at, metric in enumerate(metrics):
        place: Plain = {"h": _HEIGHT, "w": _WIDTH, "x": _WIDTH * (at % _COLUMNS), "y": top + 1 + _HEIGHT * (at // _COLUMNS)}
        panel = _panel(document, target, metric, limits.get((target, metric.name)))
        made.append({"id": before + 2 + at, **panel, "gridPos": place})
    return made


def _panel(document: str, target: str, metric: Metric, budget: Budget | None) -> dict[str, Plain]:
    labels = f'document="{escaped(document)}",target="{escaped(target)}"'
    defaults: dict[str, Plain] = {"unit": _UNITS[metric.unit], "custom": {"thresholdsStyle": {"mode": "line" if budget else "off"}}}
    if budget:
        defaults["thresholds"] = {"mode": "absolute", "steps": _steps(budget)}
    return {
        "type": "timeseries",
        "title": metric.title,
        "description": f"{budget}: {budget.why}" if budget else "No budget: it could not be told from noise",
        "datasource": {"type": "prometheus", "uid": "${source}"},
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "targets": [
            {"refId": "A", "expr": f"{metric.exported}{{{labels}}}", "legendFormat": "measured"},
            {"refId": "B", "expr": f"{bounds(metric)}{{{labels}}}", "legendFormat": "{{bound}}"},
        ],
    }


def _steps(budget: Budget) -> list[Plain]:
    below, above = ("green", "red") if budget.of.less_is_better else ("red", "green")
    return [{"color": below, "value": None}, {"color": above, "value": budget.limit}]
