"""Metrics: the numbers that targets are judged by, their units and names, and what was read of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf

from bmad_provisioner.kinds.performance.estimate import Estimate
from bmad_provisioner.kinds.performance.quantities import told_seconds, told_size

SECONDS, BYTES, RATIO, PER_SECOND, NUMBER = "seconds", "bytes", "ratio", "per_second", ""


@dataclass(frozen=True, slots=True)
class Metric:
    """A number: its unit, what people call it, whether less of it is better, and the smallest difference that matters at all."""

    name: str
    unit: str
    title: str
    less_is_better: bool = True
    floor: float = 0.0

    @property
    def exported(self) -> str:
        """Its name in Prometheus and OpenMetrics: the unit at the end, as both ask for."""
        return f"bmadp_{self.name}_{self.unit}" if self.unit else f"bmadp_{self.name}"

    def told(self, value: float) -> str:
        """Return a value as people read it."""
        if self.unit == SECONDS:
            return told_seconds(value)
        if self.unit == BYTES:
            return told_size(value)
        if self.unit == RATIO:
            return f"{value:.3g}" if value and value < 1e-4 else f"{100 * value:.3g} %"
        return f"{value:.3g}/s" if self.unit == PER_SECOND else f"{value:.3g}"


METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("lcp", SECONDS, "Largest Contentful Paint"),
        Metric("fcp", SECONDS, "First Contentful Paint"),
        Metric("inp", SECONDS, "Interaction to Next Paint"),
        Metric("cls", NUMBER, "Cumulative Layout Shift", floor=0.01),
        Metric("ttfb", SECONDS, "Time To First Byte"),
        Metric("p50", SECONDS, "Response time, median"),
        Metric("p95", SECONDS, "Response time, 95th percentile"),
        Metric("p99", SECONDS, "Response time, 99th percentile"),
        Metric("throughput", PER_SECOND, "Requests borne", less_is_better=False),
        Metric("error_rate", RATIO, "Requests that failed", floor=0.001),
        Metric("peak_memory", BYTES, "Memory at the most"),
        Metric("bundle", BYTES, "Scripts of a page, as they travel"),
        Metric("duration", SECONDS, "Time of a run"),
        Metric("cpu", SECONDS, "Processor time of a request or a run"),
        Metric("size", BYTES, "An answer, as it travels"),
        Metric("first", SECONDS, "First answer after a start"),
    )
}
"""All metrics by their names: every goal that a document can have, and what is measured besides."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What was measured of a metric of a target, and the smallest relative change that shows on this machine."""

    target: str
    metric: str
    estimate: Estimate
    detectable: float = inf

    @property
    def of(self) -> Metric:
        """The metric."""
        return METRICS[self.metric]
