"""Capacity: the processors and the memory that a load needs, from what requests were measured to use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from bmad_provisioner.errors import UsageError
from bmad_provisioner.kinds.performance.estimate import Estimate, exactly, middle
from bmad_provisioner.kinds.performance.scalability import FARTHEST, BeyondError
from bmad_provisioner.strict_yaml import parse

UTILISATION = 0.6
"""How busy processors may be: beyond, requests wait for them noticeably."""
HOURS = 730.0
"""Hours of a month."""


@dataclass(frozen=True, slots=True)
class Used:
    """What one load was measured to use: requests a second, processor seconds a request, bytes of memory at the most."""

    rate: float
    cpu: float
    memory: float


@dataclass(frozen=True, slots=True)
class Need:
    """What a rate needs: processors to be busy no more than `utilisation`, and bytes of memory; whole ones to be safe."""

    rate: float
    vcpus: Estimate
    memory: Estimate
    utilisation: float

    @property
    def whole_vcpus(self) -> int:
        """The processors to ask for: enough for the upper bound."""
        return max(1, ceil(self.vcpus.high - 1e-9))


@dataclass(frozen=True, slots=True)
class Prices:
    """What an hour of a processor and of a GB of memory costs, in which currency, and who says so."""

    vcpu_hour: float
    gb_hour: float
    currency: str
    source: str


def need(
    rate: float, used: Sequence[Used], growth: Estimate | None = None, hours: float = 0.0, utilisation: float = UTILISATION
) -> Need:
    """Return what `rate` requests a second need, growing memory (bytes a second) for `hours` until a restart included.

    Memory is taken as it was at the highest rates measured: it is not made more for a rate beyond. Raises BeyondError more
    than twice beyond the rates measured, and ValueError for no measurement.
    """
    most = max((one.rate for one in used), default=0.0)
    if rate > FARTHEST * most:
        raise BeyondError(
            f"{rate:g}/s are more than {FARTHEST:g} times the {most:g}/s that were measured: measure with a higher load"
        )
    high = [one for one in used if one.rate >= most / 2]
    grown = growth or exactly(0.0)
    lasting = Estimate(*(max(0.0, bound) for bound in (grown.value, grown.low, grown.high))) * (3600 * hours)
    vcpus = middle([one.cpu for one in high]) * (rate / utilisation)
    return Need(rate, vcpus, middle([one.memory for one in high]) + lasting, utilisation)


def growth(samples: Sequence[tuple[float, float]]) -> Estimate:
    """Return how many bytes a second memory grows, from (seconds, bytes): the median of all slopes, which outliers don't move.

    Theil 1950, Sen 1968. Raises ValueError for fewer than three samples.
    """
    if len(samples) < 3:
        raise ValueError("three or more samples of memory are needed")
    from scipy.stats import theilslopes  # noqa: PLC0415 - takes longer to load than most verbs run

    times, sizes = zip(*samples, strict=True)
    slope, _, low, high = theilslopes(sizes, times)
    return Estimate(float(slope), float(low), float(high))


def cost(wanted: Need, prices: Prices, hours: float = HOURS) -> Estimate:
    """Return what a need costs in `hours`: of whole processors, and of memory as it is estimated, in the currency of the prices."""
    per_gb = wanted.memory * (prices.gb_hour * hours / 1000**3)
    return per_gb + exactly(wanted.whole_vcpus * prices.vcpu_hour * hours)


def prices(text: bytes, source: str) -> Prices:
    """Read prices: YAML with `vcpu_hour`, `gb_hour`, `currency` and, if wanted, `source`; raises UsageError.

    There are no prices but those: what is not given is not guessed.
    """
    stream = parse(text, source)
    data = stream.parts[0].data if stream.parts and not stream.findings else None
    if not isinstance(data, dict):
        raise _unreadable(source)
    try:
        vcpu_hour, gb_hour = (float(str(data[key])) for key in ("vcpu_hour", "gb_hour"))
        found = Prices(vcpu_hour, gb_hour, str(data["currency"]), str(data.get("source") or source))
    except (KeyError, ValueError) as error:
        raise _unreadable(source) from error
    if min(vcpu_hour, gb_hour) < 0:
        raise _unreadable(source)
    return found


def _unreadable(source: str) -> UsageError:
    return UsageError(f"`{source}` is no list of prices", hint="for example `{vcpu_hour: 0.04, gb_hour: 0.005, currency: EUR}`")
