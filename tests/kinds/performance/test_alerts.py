"""Alerts: every budget has a rule that fires beyond it and not before, and a panel; both name only what is exported."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from bmad_provisioner.kinds.performance import alerts
from bmad_provisioner.kinds.performance.budgets import Budget, budgets
from bmad_provisioner.kinds.performance.dashboard import dashboard
from bmad_provisioner.kinds.performance.estimate import Estimate
from bmad_provisioner.kinds.performance.exports import openmetrics
from bmad_provisioner.kinds.performance.metrics import METRICS, Reading

_READINGS = [Reading("web", name, Estimate(1.0, 0.8, 1.3), 0.05) for name in METRICS] + [
    Reading("job-2", "duration", Estimate(1.0, 0.8, 1.3), 0.05),
    Reading("job_2", "duration", Estimate(1.0, 0.8, 1.3), 0.05),
]
_BUDGETS = budgets(_READINGS, {"p95": 0.5, "throughput": 50.0, "error_rate": 0.0, "peak_memory": 512e6})
_PRODUCTION = {"p95": "histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket[5m])))"}
_NAMES = re.compile(r"\bbmadp_\w+")
_NEEDS_PROMTOOL = pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed")


@_NEEDS_PROMTOOL
@pytest.mark.parametrize("expressions", [{}, _PRODUCTION], ids=["what we export", "what production measures"])
def test_prometheus_accepts_the_rules_and_they_fire_as_tested(expressions: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / alerts.RULES).write_text(alerts.text(alerts.rules("shop", _BUDGETS, expressions)))
    (tmp_path / alerts.TESTS).write_text(alerts.text(alerts.tests("shop", _BUDGETS, expressions)))
    for command in (["check", "rules", alerts.RULES], ["test", "rules", alerts.TESTS]):
        ran = subprocess.run(["promtool", *command], cwd=tmp_path, capture_output=True, check=False, text=True)
        assert ran.returncode == 0, ran.stdout + ran.stderr


@_NEEDS_PROMTOOL
def test_a_rule_with_another_limit_fails_its_test(tmp_path: Path) -> None:
    looser = Budget("web", "p95", 0.9, 0.9, "the goal")
    (tmp_path / alerts.RULES).write_text(alerts.text(alerts.rules("shop", [looser])))
    (tmp_path / alerts.TESTS).write_text(alerts.text(alerts.tests("shop", [Budget("web", "p95", 0.5, 0.5, "the goal")])))
    assert (
        subprocess.run(["promtool", "test", "rules", alerts.TESTS], cwd=tmp_path, capture_output=True, check=False).returncode != 0
    )


def test_goals_are_critical_and_budgets_of_our_own_warn() -> None:
    (group,) = alerts.rules("shop", _BUDGETS)["groups"]
    found = {rule["labels"].get("metric"): rule["labels"]["severity"] for rule in group["rules"]}
    assert (found["p95"], found["p50"]) == ("critical", "warning")


def test_what_production_measures_is_watched_there() -> None:
    (group,) = alerts.rules("shop", _BUDGETS, _PRODUCTION)["groups"]
    (rule,) = [rule for rule in group["rules"] if rule["labels"].get("metric") == "p95"]
    assert rule["expr"] == f"({_PRODUCTION['p95']}) > 0.5"


def test_rules_and_panels_name_only_what_is_exported() -> None:
    exported = set(_NAMES.findall(openmetrics.text("shop", [openmetrics.Moment(tuple(_READINGS))], _BUDGETS)))
    told = json.dumps(alerts.rules("shop", _BUDGETS)) + json.dumps(dashboard("shop", _READINGS, _BUDGETS))
    assert set(_NAMES.findall(told)) <= exported


def test_the_dashboard_has_a_panel_for_every_reading_and_none_over_another() -> None:
    panels = dashboard("shop", _READINGS, _BUDGETS)["panels"]
    assert sum(panel["type"] == "timeseries" for panel in panels) == len(_READINGS)
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken = [(x, y) for panel in panels for x in _side(panel, "x", "w") for y in _side(panel, "y", "h")]
    assert len(set(taken)) == len(taken)


def _side(panel: dict, at: str, long: str) -> range:  # type: ignore[type-arg]
    return range(panel["gridPos"][at], panel["gridPos"][at] + panel["gridPos"][long])


@pytest.mark.parametrize(("metric", "colours"), [("p95", ["green", "red"]), ("throughput", ["red", "green"])])
def test_a_budget_is_a_line_and_what_lies_beyond_is_red(metric: str, colours: list[str]) -> None:
    (panel,) = [one for one in dashboard("shop", _READINGS, _BUDGETS)["panels"] if one["title"] == METRICS[metric].title]
    steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    assert [step["color"] for step in steps] == colours


def test_no_budget_no_line() -> None:
    panels = dashboard("shop", _READINGS[:1])["panels"]
    assert "thresholds" not in panels[1]["fieldConfig"]["defaults"]
