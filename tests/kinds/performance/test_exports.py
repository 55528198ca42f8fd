"""Exports: what other programs read is what they expect, and says the same as ours."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bmad_provisioner.errors import UsageError
from bmad_provisioner.kinds.performance.budgets import Budget, State
from bmad_provisioner.kinds.performance.estimate import Estimate, exactly
from bmad_provisioner.kinds.performance.exports import bencher, junit, k6, lighthouse, openmetrics, profiles
from bmad_provisioner.kinds.performance.exports.profiles import Frame
from bmad_provisioner.kinds.performance.imports import Imported, imported
from bmad_provisioner.kinds.performance.load import Sample
from bmad_provisioner.kinds.performance.metrics import METRICS, Reading
from bmad_provisioner.kinds.performance.stats import Verdict

_READINGS = tuple(Reading("web", name, Estimate(1.0, 0.8, 1.3), 0.05) for name in METRICS)
_NEEDS_PROMTOOL = pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed")


def _budgets(**limits: float) -> list[Budget]:
    return [Budget("web", metric, limit, limit, "the goal") for metric, limit in limits.items()]


def _samples(count: int, seconds: float, lag: float = 0.0, status: int = 200) -> list[Sample]:
    return [Sample(0, at / 10, at / 10 + lag, at / 10 + lag + seconds, status, 100) for at in range(count)]


def test_a_load_looks_as_k6_would_tell_it() -> None:
    said = k6.summary(k6.Summarised([*_samples(98, 0.02, lag=0.005), *_samples(2, 0.1, status=500)], 0, 10.0))
    metrics = {name: metric["values"] for name, metric in said["metrics"].items()}
    assert set(said) == {"root_group", "options", "state", "metrics"}
    assert metrics["http_reqs"] == {"count": 100, "rate": 10.0}
    assert metrics["http_req_failed"] == {"rate": 0.02, "passes": 2, "fails": 98}
    assert set(metrics["http_req_duration"]) == {"avg", "min", "med", "max", "p(90)", "p(95)", "p(99)"}
    assert (metrics["http_req_duration"]["med"], metrics["http_req_response"]["med"]) == pytest.approx((20, 25))
    assert said["state"]["testRunDurationMs"] == 10_000


@pytest.mark.parametrize(
    ("samples", "dropped", "name", "threshold", "kept"),
    [
        (_samples(50, 0.02), 0, "http_req_response", "p(95)<=500", True),
        (_samples(50, 0.6), 0, "http_req_response", "p(95)<=500", False),
        (_samples(50, 0.02, lag=0.6), 0, "http_req_response", "p(95)<=500", False),
        ([Sample(0, 0, 0, 0.001, 0, 0, "refused")] * 9, 0, "http_req_response", "p(95)<=500", False),
        ([Sample(0, 0, 0, 0.001, 0, 0, "refused")] * 9, 0, "http_req_failed", "rate<=0.01", False),
        ([], 0, "http_req_response", "p(95)<=500", False),
        (_samples(50, 0.02), 3, "dropped_iterations", "count==0", False),
    ],
    ids=["kept", "slow", "waited", "refused is not fast", "refused is an error", "nothing asked", "dropped"],
)
def test_thresholds_are_judged_by_what_people_waited(
    samples: list[Sample], dropped: int, name: str, threshold: str, kept: bool
) -> None:
    said = k6.summary(k6.Summarised(samples, dropped, 5.0), _budgets(p95=0.5, error_rate=0.01, lcp=1.0))
    assert said["metrics"][name]["thresholds"][threshold] == {"ok": kept}


def test_thresholds_for_a_script_are_on_k6s_own_metrics() -> None:
    assert k6.thresholds(_budgets(p95=0.5, p99=1.0, error_rate=0.01, throughput=50, lcp=1)) == {
        "dropped_iterations": ["count==0"], "http_req_duration": ["p(95)<=500", "p(99)<=1000"], "http_req_failed": ["rate<=0.01"],
    }  # fmt: skip


def test_lighthouse_gets_milliseconds_and_its_own_kilobytes() -> None:
    assert lighthouse.budgets_json(_budgets(lcp=2.5, cls=0.1, inp=0.2, bundle=200_000)) == [
        {
            "path": "/*",
            "timings": [
                {"metric": "largest-contentful-paint", "budget": 2500},
                {"metric": "cumulative-layout-shift", "budget": 0.1},
            ],
            "resourceSizes": [{"resourceType": "script", "budget": 196}],
        }
    ]


def test_lighthouse_ci_gets_assertions() -> None:
    said = lighthouse.lighthouserc(_budgets(lcp=2.5, inp=0.2, bundle=200_000))
    assert said["ci"]["assert"]["assertions"] == {
        "largest-contentful-paint": ["error", {"maxNumericValue": 2500, "aggregationMethod": "median"}],
        "resource-summary:script:size": ["error", {"maxNumericValue": 200_000, "aggregationMethod": "median"}],
    }


def test_open_metrics_name_units_and_end() -> None:
    text = openmetrics.text('a "b"', [openmetrics.Moment((Reading("web", "p95", Estimate(0.1, 0.09, 0.12)),))], _budgets(p95=0.5))
    assert text.splitlines() == [
        "# TYPE bmadp_p95_seconds gauge",
        "# UNIT bmadp_p95_seconds seconds",
        "# HELP bmadp_p95_seconds Response time, 95th percentile.",
        'bmadp_p95_seconds{document="a \\"b\\"",target="web"} 0.1',
        "# TYPE bmadp_p95_bound_seconds gauge",
        "# UNIT bmadp_p95_bound_seconds seconds",
        "# HELP bmadp_p95_bound_seconds Response time, 95th percentile, the bounds between which it is believed to lie.",
        'bmadp_p95_bound_seconds{bound="low",document="a \\"b\\"",target="web"} 0.09',
        'bmadp_p95_bound_seconds{bound="high",document="a \\"b\\"",target="web"} 0.12',
        "# TYPE bmadp_budget gauge",
        "# HELP bmadp_budget The limit of a metric, in its unit.",
        'bmadp_budget{document="a \\"b\\"",metric="p95",target="web"} 0.5',
        "# EOF",
    ]


@_NEEDS_PROMTOOL
def test_prometheus_checks_and_back_fills_what_we_export(tmp_path: Path) -> None:
    now = openmetrics.text("shop", [openmetrics.Moment(_READINGS)], _budgets(p95=0.5))
    assert subprocess.run(["promtool", "check", "metrics"], input=now.encode(), capture_output=True, check=False).stdout == b""
    moments = [openmetrics.Moment(_READINGS, time) for time in (1_700_000_000.0, 1_700_000_600.0)]
    (tmp_path / "history.om").write_text(openmetrics.text("shop", moments, _budgets(p95=0.5)))
    made = subprocess.run(
        ["promtool", "tsdb", "create-blocks-from", "openmetrics", "history.om", "data"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr


def test_bencher_gets_values_with_bounds() -> None:
    readings = [Reading("job", "duration", Estimate(2, 1, 3)), Reading("web", "error_rate", exactly(0.01))]
    assert bencher.metric_format(readings) == {
        "job": {"latency": {"value": 2e9, "lower_value": 1e9, "upper_value": 3e9}},
        "web": {"error-rate": {"value": 0.01, "lower_value": 0.01, "upper_value": 0.01}},
    }


def test_junit_fails_what_is_broken_and_skips_what_is_unsure() -> None:
    cases = [
        junit.Case("web", "p95 <= 500 ms", State.KEPT, ""),
        junit.Case("web", "lcp <= 2.5 s", State.BROKEN, "3.1 s & more\x00"),
        junit.case("job", "duration", Verdict.INCONCLUSIVE, "only 12 % would have shown"),
        junit.case("job", "cpu", Verdict.REGRESSION, "8 % more"),
        junit.case("job", "peak_memory", Verdict.IMPROVEMENT, "8 % less"),
    ]
    suite = ElementTree.fromstring(junit.junit("shop", cases).encode()).find("testsuite")
    assert suite is not None
    assert {key: suite.get(key) for key in ("tests", "failures", "skipped")} == {"tests": "5", "failures": "2", "skipped": "1"}
    found = Counter(child.tag for case in suite for child in case)
    assert found == {"failure": 2, "skipped": 1}


_RAW = "<module> (app.py:9);main (app.py:6);slow (shop/price.py:3) 94\n<module> (app.py:9);main (app.py:7);quick (shop/price.py:8) 6\nno stack\n"


def test_stacks_come_back_from_collapsed_lines() -> None:
    stacks = profiles.read_collapsed(_RAW)
    assert stacks[(Frame("<module>", "app.py", 9), Frame("main", "app.py", 6), Frame("slow", "shop/price.py", 3))] == 94
    assert profiles.read_collapsed(profiles.collapsed(stacks)) == stacks


def test_speedscope_gets_frames_once_and_weights_that_add_up() -> None:
    said = profiles.speedscope("shop", {"cpu": profiles.read_collapsed(_RAW), "idle": {}})
    frames, (cpu, idle) = said["shared"]["frames"], said["profiles"]
    assert {"name": "slow", "file": "shop/price.py", "line": 3} in frames
    assert len(frames) == len({json.dumps(frame) for frame in frames}) == 5
    assert (cpu["endValue"], sum(cpu["weights"]), len(cpu["samples"]), idle["samples"]) == (100, 100, 2, [])


def test_shares_are_by_function_whatever_its_line() -> None:
    stacks = profiles.read_collapsed(_RAW)
    assert profiles.shares(stacks)[("shop/price.py", "slow")] == (0.94, 0.94)
    assert profiles.shares(stacks)[("app.py", "main")] == (0.0, 1.0)
    assert [len(stack) for stack in profiles.within(stacks, ["shop/price.py"])] == [1, 1]


def test_recursion_counts_once() -> None:
    assert profiles.shares({(Frame("f"), Frame("f"), Frame("f")): 10.0}) == {("", "f"): (1.0, 1.0)}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (
            {"results": [{"command": "sleep 1", "mean": 1.0, "times": [1.0, 1.1, 0.2], "exit_codes": [0, 0, 1]}]},
            Imported("sleep 1", (1.0, 1.1), "hyperfine", 1),
        ),
        (
            {"benchmarks": [{"fullname": "test_b.py::test_sum", "stats": {"min": 0.1, "data": [0.1, 0.2]}}]},
            Imported("test_b.py::test_sum", (0.1, 0.2), "pytest-benchmark", rounds=True),
        ),
        (
            {"benchmarks": [{"fullname": "test_b.py::test_sum", "stats": {"min": 0.1, "mean": 0.3}}]},
            Imported("test_b.py::test_sum", (0.1,), "pytest-benchmark", rounds=True),
        ),
    ],
    ids=["hyperfine", "pytest-benchmark", "pytest-benchmark without data"],
)
def test_results_of_other_tools_are_read(data: object, expected: Imported) -> None:
    assert imported(json.dumps(data), "file.json") == (expected,)


@pytest.mark.parametrize("text", ["", "{}", "[]", "3", '{"results": 3}', '{"results": [{}]}', '{"benchmarks": [{"stats": {}}]}'])
def test_other_files_are_refused_with_how_to_make_one(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        imported(text, "file.json")
    assert "--export-json" in refused.value.hint
