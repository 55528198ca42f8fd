"""Roadmap: which remedy first: whom it reaches, what it saves, how sure that is, over the days it takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from bmad_provisioner.kinds.performance.causes import Cause
from bmad_provisioner.kinds.performance.clue import BYTES, CAPACITY, PAGE, START, TIME

EFFORT: Mapping[str, float] = {
    "missing-index": 0.25,
    "no-compression": 0.25,
    "n-plus-one": 0.5,
    "cold-cache": 0.5,
    "layout-shift": 0.5,
    "superlinear": 1.0,
    "sequential-io": 1.0,
    "slow-wait": 1.0,
    "oversized-bundle": 1.0,
    "leak": 1.5,
    "blocking": 1.5,
    "lock": 2.0,
    "slow-handler": 2.0,
    "unused-index": 0.25,
    "no-caching": 0.25,
    "large-image": 0.25,
    "render-blocking": 0.5,
    "slow-interaction": 1.0,
    "slow-statement": 1.0,
    "peak-memory": 1.5,
}
"""Days that a remedy usually takes, by its cause; the document knows better (`roadmap.effort`)."""
QUICK, MEDIUM, LONG = "quick", "medium", "long"
QUICK_DAYS, MEDIUM_DAYS, QUICK_SAVING = 0.5, 3.0, 0.05
"""A quick win takes no more days, and saves surely no smaller part of the request."""
LANES = (TIME, CAPACITY, PAGE, BYTES, START)
_PRIOR = (3.0, 1.0)
"""Remedies that worked and that did not, believed before any was tried."""
_CLAIM = 0.75


@dataclass(frozen=True, slots=True)
class Past:
    """What a remedy was said to save, and what it saved: parts of a request's cost."""

    kind: str
    predicted: float
    measured: float

    @property
    def worked(self) -> bool:
        """Whether it saved at least half of what was said."""
        return self.measured >= self.predicted / 2


@dataclass(frozen=True, slots=True)
class Item:
    """A remedy: RICE with every factor measured but the effort (days). `score` is comparable within its lane only.

    `reach` is the part of all requests that go there, `impact` the part of what such a request costs that is saved.
    """

    id: str
    cause: Cause
    reach: float
    impact: float
    confidence: float
    effort: float
    term: str

    @property
    def score(self) -> float:
        """Per cent of all cost that are saved for each day of work, as far as that is sure."""
        return 100 * self.reach * self.cause.weight * self.impact * self.confidence / self.effort


@dataclass(frozen=True, slots=True)
class Record:
    """How predictions of a kind did: how many, how many worked, the median of measured : predicted, and what is now believed."""

    kind: str
    count: int
    worked: int
    ratio: float
    belief: float


def roadmap(
    causes: Iterable[Cause], effect: float, effort: Mapping[str, float] | None = None, past: Sequence[Past] = ()
) -> tuple[Item, ...]:
    """Return what to do, lane by lane, the best score first; `effect` is the smallest saving worth a word (relative)."""
    days = {**EFFORT, **(effort or {})}
    made = [_item(cause, days.get(cause.kind, 1.0), effect, past) for cause in causes]
    made.sort(key=lambda item: (LANES.index(item.cause.lane), -item.score, item.cause.kind, item.cause.request, item.cause.where))
    return tuple(_numbered(item, at) for at, item in enumerate(made, 1))


def _item(cause: Cause, days: float, effect: float, past: Sequence[Past]) -> Item:
    sure = certainty(cause, effect) * belief(cause.kind, past)
    return Item("", cause, cause.reach, cause.saving.value, sure, days, _term(cause, days))


def _numbered(item: Item, at: int) -> Item:
    return Item(f"PERF-{at:03}", item.cause, item.reach, item.impact, item.confidence, item.effort, item.term)


def _term(cause: Cause, days: float) -> str:
    if days <= QUICK_DAYS and cause.saving.low >= QUICK_SAVING:
        return QUICK
    return MEDIUM if days <= MEDIUM_DAYS else LONG


def certainty(cause: Cause, effect: float) -> float:
    """Return how sure it is that most of the claimed share is there, and worth a word: few looks are not sure of much."""
    claimed = max(_CLAIM * cause.share.value, effect / cause.removable.value)
    if not cause.looks:
        return float(cause.share.value >= claimed)
    from scipy.stats import beta  # noqa: PLC0415 - takes longer to load than most verbs run

    hits = cause.share.value * cause.looks
    return float(beta.sf(claimed, hits + 0.5, cause.looks - hits + 0.5))


def belief(kind: str, past: Sequence[Past] = ()) -> float:
    """Return how likely a remedy of a kind works: the mean of a Beta prior and of those that were tried."""
    tried = [one for one in past if one.kind == kind]
    worked = sum(one.worked for one in tried)
    return (_PRIOR[0] + worked) / (sum(_PRIOR) + len(tried))


def records(past: Sequence[Past]) -> tuple[Record, ...]:
    """Return how predictions did, kind by kind."""
    return tuple(_record(kind, [one for one in past if one.kind == kind], past) for kind in sorted({one.kind for one in past}))


def _record(kind: str, tried: Sequence[Past], past: Sequence[Past]) -> Record:
    ratios = [one.measured / one.predicted for one in tried if one.predicted > 0]
    return Record(kind, len(tried), sum(one.worked for one in tried), median(ratios) if ratios else 0.0, belief(kind, past))
