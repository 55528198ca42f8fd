"""Bencher: readings in the Bencher Metric Format (https://bencher.dev/docs/reference/bencher-metric-format)."""

from __future__ import annotations

from collections.abc import Iterable

from bmad_provisioner.digest import Plain
from bmad_provisioner.kinds.performance.metrics import Reading


def metric_format(readings: Iterable[Reading]) -> dict[str, Plain]:
    """Return readings by target and measure, in seconds, bytes, parts of 1 and per second.

    `duration` and `throughput` go to Bencher's own measures of latency (nanoseconds) and throughput.
    """
    made: dict[str, dict[str, Plain]] = {}
    for one in readings:
        measure, scale = ("latency", 1e9) if one.metric == "duration" else (one.metric.replace("_", "-"), 1.0)
        bounds = one.estimate * scale
        made.setdefault(one.target, {})[measure] = {"value": bounds.value, "lower_value": bounds.low, "upper_value": bounds.high}
    return dict(made)
