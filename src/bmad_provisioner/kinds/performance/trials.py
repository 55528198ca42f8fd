"""Trials: how each remedy will be judged, and how many pairs that takes, settled before anything of it is measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bmad_provisioner.kinds.performance.causes import Cause
from bmad_provisioner.kinds.performance.clue import BYTES, CAPACITY, PAGE, START, TIME
from bmad_provisioner.kinds.performance.roadmap import Item
from bmad_provisioner.kinds.performance.stats import EFFECT, FEWEST, Rule, pairs_needed

METRIC: Mapping[str, str] = {TIME: "p50", CAPACITY: "throughput", BYTES: "size", START: "first", PAGE: "lcp"}
"""What a lane is judged by, unless the kind says better."""
_BY_KIND: Mapping[str, str] = {
    "leak": "peak_memory",
    "oversized-bundle": "bundle",
    "layout-shift": "cls",
    "slow-interaction": "inp",
    "render-blocking": "fcp",
}
GUARDRAILS = ("error_rate", "p95", "peak_memory")
"""What must not get worse whatever is remedied."""
MOST_PAIRS = 60
"""Pairs beyond which a smaller effect is not worth the machine."""


@dataclass(frozen=True, slots=True)
class Trial:
    """The test of a remedy: the metric, the smallest saving it is to show (a part of 1), its rule, and what must not get worse.

    `feasible` is false where more pairs than `MOST_PAIRS` would be needed: then the rule has that many, and what it can
    show is larger than `saving`.
    """

    item: str
    metric: str
    saving: float
    rule: Rule
    guardrails: tuple[str, ...]
    feasible: bool


def trials(items: Iterable[Item], noise: Mapping[str, Sequence[float]], effect: float = EFFECT, seed: int = 0) -> tuple[Trial, ...]:
    """Plan the tests of a roadmap; `noise` holds log ratios of pairs of the same thing, by metric."""
    return tuple(_trial(item, noise, effect, seed) for item in items)


def metric(cause: Cause) -> str:
    """Return what a remedy of a cause is judged by."""
    return _BY_KIND.get(cause.kind, METRIC[cause.lane])


def _trial(item: Item, noise: Mapping[str, Sequence[float]], effect: float, seed: int) -> Trial:
    judged = metric(item.cause)
    saving = min(max(item.cause.saving.low, effect), 0.9)
    # A saving of s is a ratio of 1 - s: as far from none as an increase of 1 / (1 - s) - 1.
    wanted = pairs_needed(noise[judged], 1 / (1 - saving) - 1) if noise.get(judged) else FEWEST
    rails = tuple(one for one in GUARDRAILS if one != judged)
    return Trial(item.id, judged, saving, Rule(min(wanted, MOST_PAIRS), effect=effect, seed=seed), rails, wanted <= MOST_PAIRS)


def page(name: str, items: Sequence[Item], planned: Sequence[Trial]) -> str:
    """Return the test plan as markdown."""
    by_id = {item.id: item for item in items}
    lines = [
        f"# Test plan of {name}",
        "",
        "Written before anything of it is measured. Pairs are interleaved, one number a process, the order",
        "",
    ]
    lines[-2] += (
        " within a pair drawn at random; a change is claimed where Wilcoxon's test on log ratios and the interval both say so."
    )
    if planned:
        lines += ["| | of | judged by | has to save | pairs | alpha | must not get worse |", "|---|---|---|---|---|---|---|"]
    for one in planned:
        pairs = f"{one.rule.pairs}" if one.feasible else f"{one.rule.pairs} (too few for it: less will stay inconclusive)"
        cells = (
            one.item,
            by_id[one.item].cause.kind,
            one.metric,
            f"{one.saving:.0%}",
            pairs,
            f"{one.rule.alpha:g}",
            ", ".join(one.guardrails),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ""])
