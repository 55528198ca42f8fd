"""Measured: what the measuring tasks hand on, as values that survive being written down.

Times are seconds, sizes bytes, rates per second, shares parts of 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bmad_provisioner.kinds.performance.causes import Cause
from bmad_provisioner.kinds.performance.stats import Comparison

MEASURED = "measured"


@dataclass(frozen=True, slots=True)
class Machine:
    """What was measured on: only numbers of the same machine are compared."""

    processors: int
    model: str
    memory: int
    system: str
    python: str
    identity: str
    """A digest of the others."""


@dataclass(frozen=True, slots=True)
class Noise:
    """How much this machine strays from itself: the same work by `runs` processes, one number each.

    `alarms` is how often the usual test finds a change between pairs of them, `detectable` the smallest relative change
    that the usual pairs show; both by what was measured, `wall` or `cpu`. `ratios` are the log ratios of pairs.
    """

    runs: int
    wall: tuple[float, ...]
    cpu: tuple[float, ...]
    ratios: Mapping[str, tuple[float, ...]]
    alarms: Mapping[str, float]
    detectable: Mapping[str, float]
    load: float
    """The machine's load average while it was measured."""
    at: float = 0.0
    """When it was measured, in seconds since 1970."""


@dataclass(frozen=True, slots=True)
class Second:
    """A second of a load: requests that were due in it, those that failed, and the median and 99th percentile of the others."""

    at: float
    due: int
    failed: int
    p50: float
    p99: float


@dataclass(frozen=True, slots=True)
class Shape:
    """One load and what became of it.

    `response` and `service` hold quantiles by name (`p50`, `p90`, `p95`, `p99`, `max`): from when a request was due, and from
    when it was sent. `lag` is how late the generator was at its 99th percentile; `void` says why the result is none, if it is.
    `histogram` counts responses up to an upper bound; `parts` are the p50, p95 and p99 of ten stretches of it, for the noise of
    each. `cpu` is of one request; `memory` what the service held, by seconds after the start.
    """

    name: str
    offered: float
    achieved: float
    seconds: float
    requests: int
    failed: int
    dropped: int
    lag: float
    void: str
    response: Mapping[str, float]
    service: Mapping[str, float]
    histogram: tuple[tuple[float, int], ...]
    parts: Mapping[str, tuple[float, ...]]
    timeline: tuple[Second, ...]
    cpu: float
    busy: float
    memory: tuple[tuple[float, int], ...]
    problems: tuple[tuple[str, int], ...] = ()

    @property
    def error_rate(self) -> float:
        """The part of the requests that failed."""
        return self.failed / self.requests if self.requests else 0.0

    @property
    def peak(self) -> int:
        """The most memory that was seen."""
        return max((size for _, size in self.memory), default=0)


@dataclass(frozen=True, slots=True)
class Route:
    """One request of the mix under the usual load: its share of all, how many, its response times, what it costs."""

    request: str
    share: float
    count: int
    p50: float
    p95: float
    failed: int
    size: float


@dataclass(frozen=True, slots=True)
class Served:
    """A service: seconds until it was ready, its loads by name, the requests of its mix, what it held when idle, and how many
    requests a second it bore at so many at once."""

    target: str
    ready: float
    shapes: Mapping[str, Shape]
    routes: tuple[Route, ...]
    idle: int = 0
    crowds: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Paged:
    """A page in the browser: a value of each metric (`lcp`, `fcp`, `inp`, `cls`, `ttfb`, `bundle`) a load, the method they were
    got by, and what was behind the worst of them, in words by metric."""

    target: str
    page: str
    method: str
    loads: int
    values: Mapping[str, tuple[float, ...]]
    behind: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Worked:
    """A command or a function: one number a process for each of `duration`, `cpu` and `peak_memory`, runs that failed and why."""

    target: str
    sort: str
    runs: int
    values: Mapping[str, tuple[float, ...]]
    failed: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Missing:
    """A tool that could not help: how to get its help, and what is left out for want of it."""

    tool: str
    how: str
    what: str

    def __str__(self) -> str:
        return f"`{self.tool}` could not tell {self.what}: {self.how}"


@dataclass(frozen=True, slots=True)
class Found:
    """What looking into a target came to: causes, how the profile was got, and tools that were missing."""

    target: str
    causes: tuple[Cause, ...]
    looked: tuple[str, ...] = ()
    """What was looked into, in words, and what could not be."""
    missing: tuple[Missing, ...] = ()
    shares: tuple[tuple[str, float, float, int], ...] = ()
    """Functions of the project: `path:line function`, own share, total share, looks; the largest first."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one measuring task has to say, under the fact `MEASURED`; all of them together are what was measured."""

    served: tuple[Served, ...] = ()
    paged: tuple[Paged, ...] = ()
    worked: tuple[Worked, ...] = ()
    found: tuple[Found, ...] = ()


@dataclass(frozen=True, slots=True)
class Effect:
    """What became of a change: a metric of a target before and after, and, where a remedy foretold it, by how much."""

    target: str
    metric: str
    before: tuple[float, ...]
    after: tuple[float, ...]
    comparison: Comparison
    adjusted: float
    """The test's p, Holm's correction made for all metrics of the trial."""
    guardrail: bool = False
    predicted: tuple[float, float] = (0.0, 0.0)
    """The saving that was foretold, at least and at most; nothing was: both 0."""
    item: str = ""


@dataclass(frozen=True, slots=True)
class Impact:
    """A trial: what was compared with what, the rule as it was stored before, its digest, and all effects."""

    before: str
    after: str
    rule: str
    sealed: str
    pairs: int
    effects: tuple[Effect, ...]
    remedies: tuple[tuple[str, str, bool], ...] = ()
    """Changes that were tried: item, what was changed, and whether it stays."""
    void: str = ""
