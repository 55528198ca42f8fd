"""Causes: what was found to cost time, capacity or bytes, and how much a remedy can give back, at least and at most."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

from bmad_provisioner.kinds.performance.clues import BYTES, CAPACITY, START, TIME, Clue, clues
from bmad_provisioner.kinds.performance.estimate import Estimate, exactly, share
from bmad_provisioner.kinds.performance.looked import Looked

REMOVABLE: Mapping[str, Estimate] = {
    "n-plus-one": Estimate(0.9, 0.6, 0.98),
    "missing-index": Estimate(0.9, 0.5, 0.99),
    "superlinear": Estimate(0.9, 0.5, 0.99),
    "sequential-io": Estimate(0.7, 0.4, 0.9),
    "slow-wait": Estimate(0.5, 0.1, 0.9),
    "slow-handler": Estimate(0.4, 0.1, 0.8),
    "lock": Estimate(0.7, 0.3, 0.95),
    "blocking": Estimate(0.7, 0.3, 0.95),
    "leak": Estimate(1.0, 0.8, 1.0),
    "cold-cache": Estimate(0.9, 0.5, 1.0),
    "no-compression": Estimate(1.0, 0.95, 1.0),
    "oversized-bundle": Estimate(0.5, 0.2, 0.8),
    "layout-shift": Estimate(0.9, 0.5, 1.0),
    "slow-statement": Estimate(0.7, 0.2, 0.95),
    "unused-index": Estimate(1.0, 1.0, 1.0),
    "peak-memory": Estimate(0.5, 0.1, 0.9),
    "slow-interaction": Estimate(0.6, 0.2, 0.9),
    "render-blocking": Estimate(0.7, 0.3, 1.0),
    "large-image": Estimate(0.8, 0.5, 0.95),
    "no-caching": Estimate(0.9, 0.5, 1.0),
}
"""The part of a cause that its usual remedy takes away. Beliefs, not measurements: what came of them is in the retrospective."""
_UNKNOWN = Estimate(0.4, 0.1, 0.8)


@dataclass(frozen=True, slots=True)
class Cause:
    """Something that costs.

    Its lane says what a remedy saves; causes of different lanes are not compared. `share` is its part of what one request
    costs in that lane, seen in `looks` samples (0: counted, not sampled); `reach`
    the part of all requests that go there; `weight` what such a request costs, as a multiple of the mean of the mix.
    `path` and `line` say where it is, if anywhere; `busy` how busy the servers were when it was measured.
    """

    kind: str
    target: str
    request: str
    lane: str
    share: Estimate
    evidence: str
    remedy: str = ""
    path: str = ""
    line: int | None = None
    looks: int = 0
    reach: float = 1.0
    weight: float = 1.0
    busy: float = 0.0

    @property
    def where(self) -> str:
        """The place, as editors open it."""
        return self.path if self.line is None else f"{self.path}:{self.line}"

    @property
    def removable(self) -> Estimate:
        """The part of it that the usual remedy takes away."""
        return REMOVABLE.get(self.kind, _UNKNOWN)

    @property
    def saving(self) -> Estimate:
        """The part of one request's cost that is saved: share times what is removable."""
        return _product(self.share, self.removable)

    @property
    def overall(self) -> Estimate:
        """The part of what all requests cost that is saved."""
        return self.saving * (self.reach * self.weight)


def found(seen: Sequence[Looked], target: str) -> tuple[Cause, ...]:
    """Return what is behind the requests of a mix, what matters most first: each weighed by how often it is asked and what
    it costs beside the others, one remedy one cause, and none that only says again what another says."""
    total = sum(one.ask.weight for one in seen) or 1.0
    means = {lane: sum(one.ask.weight * _cost(one, lane) for one in seen) / total for lane in (TIME, BYTES)}
    made = []
    for one in seen:
        for clue in clues(one):
            mean = means[BYTES if clue.lane == BYTES else TIME]
            weight = _cost(one, clue.lane) / mean if mean and clue.lane != START else 1.0
            made.append(cause(clue, target, one.ask.weight / total, weight))
    return ranked(merged(told_once(made)))


def _cost(one: Looked, lane: str) -> float:
    answers = [answer for answer in one.plain if answer.status]
    return float(median(len(answer.body) if lane == BYTES else answer.seconds for answer in answers)) if answers else 0.0


_SAYS_MORE: Mapping[str, frozenset[str]] = {
    "slow-handler": frozenset({"superlinear", "n-plus-one", "missing-index"}),
    "slow-wait": frozenset({"sequential-io", "lock", "blocking", "n-plus-one", "missing-index"}),
    "sequential-io": frozenset({"n-plus-one"}),
}
_MOST = 0.4
"""The part of a weaker cause's share from which a stronger one, elsewhere in the same request, explains it."""


def told_once(causes: Sequence[Cause]) -> tuple[Cause, ...]:
    """Return causes without those that only restate another of the same request: a slow handler is no news where the loop
    that makes it slow is known."""
    return tuple(one for one in causes if not any(_says_more(other, one) for other in causes))


def _says_more(strong: Cause, weak: Cause) -> bool:
    if strong.kind not in _SAYS_MORE.get(weak.kind, ()) or (strong.target, strong.request) != (weak.target, weak.request):
        return False
    return strong.where == weak.where or strong.lane != weak.lane or strong.share.value >= _MOST * weak.share.value


def ranked(causes: Iterable[Cause]) -> tuple[Cause, ...]:
    """Return causes of all lanes, what matters most to those who use the service first.

    Time and bytes count by the part of all that the mix spends of them; a start by what the first visitor waits, halved,
    since it happens once; what holds requests back from each other as time does; and a leak, which ends the service
    whatever else is asked, whole. Where that is equal, what is surer comes first.
    """
    return tuple(sorted(causes, key=lambda one: (-_matters(one), -one.share.low, one.kind, one.request, one.where)))


def _matters(one: Cause) -> float:
    if one.lane == CAPACITY and one.kind == "leak":
        return one.share.value
    part = one.share.value * min(one.reach * one.weight, 1.0)
    return 0.5 * one.share.value if one.lane == START else part


def merged(causes: Iterable[Cause]) -> tuple[Cause, ...]:
    """Return causes with those that one remedy takes away put together: of one kind, in one place, whatever the request.

    What they reach adds up; share and weight become means over what they reach; the evidence is that of the costliest.
    """
    groups: dict[tuple[str, str, str, str, int | None, str], list[Cause]] = {}
    for one in causes:
        # What has no place is told apart by what is to be done about it.
        groups.setdefault((one.lane, one.kind, one.target, one.path, one.line, "" if one.path else one.remedy), []).append(one)
    return tuple(_merged(sorted(group, key=lambda one: (-one.overall.value, one.request))) for group in groups.values())


def _merged(group: Sequence[Cause]) -> Cause:
    first = group[0]
    requests = sorted({one.request for one in group} - {first.request})
    if not requests:
        return first
    reach = sum(one.reach for one in group)
    cost = sum(one.reach * one.weight for one in group)
    parts = [one.share * (one.reach * one.weight / cost if cost else 1 / len(group)) for one in group]
    share = sum(parts[1:], parts[0])
    more = requests[0] if len(requests) == 1 else f"{len(requests)} more"
    return replace(
        first,
        request=f"{first.request} and {more}",
        share=share,
        looks=sum(one.looks for one in group),
        reach=min(reach, 1.0),
        weight=cost / reach if reach else first.weight,
        busy=max(one.busy for one in group),
    )


@dataclass(frozen=True, slots=True)
class Bound:
    """By how much a request gets cheaper, at least and at most (parts of 1), the most that removing all of it could bring
    without anybody waiting (Amdahl), and what is not in it."""

    least: float
    most: float
    amdahl: float
    caveat: str

    def __str__(self) -> str:
        return f"at least {self.least:.0%}, at most {self.most:.0%}{f'; {self.caveat}' if self.caveat else ''}"


def cause(clue: Clue, target: str, reach: float = 1.0, weight: float = 1.0, busy: float = 0.0) -> Cause:
    """Return what a clue of a target comes to; its share is as sure as it has looks, or known where it was counted."""
    part = min(max(clue.share, 0.0), 1.0)
    known = share(round(part * clue.looks), clue.looks) if clue.looks else exactly(part)
    path, line = (clue.line.path, clue.line.number) if clue.line else ("", None)
    made = Cause(clue.kind, target, clue.request, clue.lane, known, clue.evidence, clue.remedy, path, line)
    return replace(made, looks=clue.looks, reach=reach, weight=weight, busy=busy)


def bound(cause: Cause) -> Bound:
    """Return what a remedy gives back.

    Amdahl bounds the work: no more than the share goes away. Where requests wait for each other, whoever works less also
    makes others wait less: by the queue with one server, s / (1 - busy), the time falls by more than the work.
    """
    saving, amdahl = cause.saving, cause.share.high
    if cause.lane != TIME or cause.busy <= 0:
        caveat = "requests that wait for it elsewhere may gain more" if cause.lane == TIME else ""
        return Bound(saving.low, amdahl, amdahl, caveat)
    left = 1 - amdahl
    busy = min(cause.busy, 0.95)
    queued = 1 - left * (1 - busy) / (1 - busy * left)
    return Bound(saving.low, queued, amdahl, f"at most {amdahl:.0%} of the work, the rest is less waiting at {cause.busy:.0%} busy")


def _product(one: Estimate, other: Estimate) -> Estimate:
    return Estimate(one.value * other.value, one.low * other.low, one.high * other.high)
