"""Alerts: rules for Prometheus that watch budgets, and the tests that show when each fires and when it doesn't."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from bmad_provisioner.digest import Plain
from bmad_provisioner.kinds.performance.budgets import Budget
from bmad_provisioner.kinds.performance.exports.openmetrics import escaped

RULES, TESTS = "alerts.yaml", "alerts.test.yaml"
"""The files: the second one is for `promtool test rules`, beside the first."""
LASTS = 5
"""Minutes for which a budget has to be broken."""
SILENCE = "2d"
"""For how long nothing may be heard of a target."""
_SILENT = "NotMeasured"
_BEYOND = 1.1


def series(document: str, budget: Budget) -> str:
    """Return the series of a budget's metric, as `exports.openmetrics` names it."""
    return f'{budget.of.exported}{{document="{escaped(document)}",target="{escaped(budget.target)}"}}'


def rules(document: str, budgets: Sequence[Budget], expressions: Mapping[str, str] | None = None) -> dict[str, Plain]:
    """Return the rules: one a budget, and one a target of which nothing is heard any more.

    `expressions` holds PromQL by metric where it is measured in production (a quantile of a histogram, say); every other
    metric is the one that we export.
    """
    made: list[Plain] = [_broken(document, one, (expressions or {}).get(one.metric)) for one in budgets]
    made += [_silent(document, one) for one in _first_of_each(budgets, expressions or {})]
    return {"groups": [{"name": f"bmadp-{document}", "rules": made}]}


def tests(document: str, budgets: Sequence[Budget], expressions: Mapping[str, str] | None = None) -> dict[str, Plain]:
    """Return unit tests of the rules on metrics that we export: beyond a limit each fires, at the limit it doesn't."""
    ours = [one for one in budgets if one.metric not in (expressions or {})]
    made: list[Plain] = []
    for one in ours:
        beyond = one.limit * _BEYOND if one.of.less_is_better else one.limit / _BEYOND
        made += [_test(document, one, beyond or 1.0, fires=True), _test(document, one, one.limit, fires=False)]
    firsts = _first_of_each(budgets, expressions or {})
    made += [_silence_test(document, firsts)] if firsts else []
    return {"rule_files": [RULES], "evaluation_interval": "1m", "tests": made}


def text(data: Mapping[str, Plain]) -> str:
    """Return rules or tests as YAML."""
    import yaml  # noqa: PLC0415 - needed only where rules are written

    return str(yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=120))


def _broken(document: str, budget: Budget, expression: str | None) -> dict[str, Plain]:
    sign = ">" if budget.of.less_is_better else "<"
    return {
        "alert": _name(budget),
        "expr": f"({expression}) {sign} {budget.limit!r}" if expression else f"{series(document, budget)} {sign} {budget.limit!r}",
        "for": f"{LASTS}m",
        "labels": _labels(document, budget),
        "annotations": _annotations(budget),
    }


def _labels(document: str, budget: Budget) -> dict[str, Plain]:
    severity = "critical" if budget.goal is not None else "warning"
    return {"severity": severity, "document": document, "target": budget.target, "metric": budget.metric}


def _annotations(budget: Budget) -> dict[str, Plain]:
    beyond = "above" if budget.of.less_is_better else "below"
    limit = budget.of.told(budget.limit)
    return {
        "summary": f"{budget.of.title} of {budget.target} is {beyond} {limit}",
        "description": f"For {LASTS} minutes the budget {budget} has been broken; it is there because: {budget.why}",
    }


def _silent(document: str, budget: Budget) -> dict[str, Plain]:
    return {
        "alert": _SILENT,
        "expr": f"absent_over_time({series(document, budget)}[{SILENCE}])",
        "labels": {"severity": "warning", "target": budget.target},
        "annotations": _silence(budget),
    }


def _silence(budget: Budget) -> dict[str, Plain]:
    return {"summary": f"Nothing was measured of {budget.target} for {SILENCE}"}


def _first_of_each(budgets: Iterable[Budget], expressions: Mapping[str, str]) -> list[Budget]:
    firsts: dict[str, Budget] = {}
    for one in budgets:
        if one.metric not in expressions:
            firsts.setdefault(one.target, one)
    return list(firsts.values())


def _name(budget: Budget) -> str:
    """Return the name that the budgets of a metric share; their labels tell whose it is."""
    metric = "".join(part.capitalize() for part in budget.metric.split("_"))
    return f"{metric}{'Above' if budget.of.less_is_better else 'Below'}Budget"


def _test(document: str, budget: Budget, value: float, fires: bool) -> dict[str, Plain]:
    expected: list[Plain] = [{"exp_labels": _labels(document, budget), "exp_annotations": _annotations(budget)}] if fires else []
    return {
        "name": f"{budget}: {'fires' if fires else 'is quiet'} at {value!r}",
        "interval": "1m",
        "input_series": [{"series": series(document, budget), "values": f"{value!r}x{2 * LASTS}"}],
        "alert_rule_test": [{"eval_time": f"{LASTS + 1}m", "alertname": _name(budget), "exp_alerts": expected}],
    }


def _silence_test(document: str, budgets: Sequence[Budget]) -> dict[str, Plain]:
    fired: list[Plain] = [
        {"exp_labels": {"severity": "warning", "document": document, "target": one.target}, "exp_annotations": _silence(one)}
        for one in budgets
    ]
    return {
        "name": "silence is told",
        "interval": "1h",
        "input_series": [{"series": series(document, one), "values": f"{one.limit!r} _x72"} for one in budgets],
        "alert_rule_test": [
            {"eval_time": "1h", "alertname": _SILENT, "exp_alerts": []},
            {"eval_time": "72h", "alertname": _SILENT, "exp_alerts": fired},
        ],
    }
