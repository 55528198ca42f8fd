"""Wording: numbers with their units and intervals, as all pages spell them."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

from bmad_provisioner.kinds.performance.budgets import Budget, State
from bmad_provisioner.kinds.performance.causes import Cause, bound
from bmad_provisioner.kinds.performance.clue import BYTES, CAPACITY, PAGE, START, TIME
from bmad_provisioner.kinds.performance.estimate import Estimate
from bmad_provisioner.kinds.performance.measured import Effect
from bmad_provisioner.kinds.performance.metrics import METRICS, Metric
from bmad_provisioner.kinds.performance.stats import ALPHA, Verdict

_OF_LANE = {
    TIME: "of the time of an answer",
    CAPACITY: "of what could be served",
    BYTES: "of the bytes that travel",
    START: "of the first answer after a start",
    PAGE: "of what visitors wait for",
}
_OF_KIND = {"leak": "of the memory that is kept", "layout-shift": "of what moves on a page"}
STATES = {State.BROKEN: "broken", State.UNSURE: "not settled", State.KEPT: "kept"}
VERDICTS = {
    Verdict.IMPROVEMENT: "better",
    Verdict.REGRESSION: "worse",
    Verdict.NO_CHANGE: "no change",
    Verdict.INCONCLUSIVE: "inconclusive",
}


def value(of: Metric, number: float) -> str:
    """Return a number of a metric with its unit."""
    return of.told(number).replace(" %", "%")


def between(of: Metric, estimate: Estimate) -> str:
    """Return the bounds of an estimate; nothing where they read the same."""
    low, high = value(of, estimate.low), value(of, estimate.high)
    return "" if low == high else f"{low} to {high}"


def told(of: Metric, estimate: Estimate) -> str:
    """Return an estimate with its bounds."""
    bounds = between(of, estimate)
    return value(of, estimate.value) + (f" ({bounds})" if bounds else "")


def limit(budget: Budget) -> str:
    """Return what a limit asks for, with the goal where noise has moved it away from that."""
    goal = f" (goal {value(budget.of, budget.goal)})" if budget.goal is not None and budget.goal != budget.limit else ""
    return f"at {'most' if budget.of.less_is_better else 'least'} {value(budget.of, budget.limit)}{goal}"


def part(number: float) -> str:
    """Return a part of 1 in per cent, the small ones with more digits; infinite: words for it."""
    if not isfinite(number):
        return "not known"
    if 0 < number < 0.0005:
        return "< 0.1%"
    return f"{number:.0%}" if number >= 0.0995 or not number else f"{number:.1%}"


def parts(estimate: Estimate) -> str:
    """Return a part of 1 with its bounds."""
    low, high = f"{estimate.low:.0%}", f"{estimate.high:.0%}"
    return f"{estimate.value:.0%}" + ("" if low == high else f" ({low} to {high})")


def verdict(effect: Effect) -> Verdict:
    """Return what a comparison proves among all that were made at once: what only its own p claims is inconclusive."""
    claimed = effect.comparison.verdict in (Verdict.IMPROVEMENT, Verdict.REGRESSION)
    return Verdict.INCONCLUSIVE if claimed and effect.adjusted >= ALPHA else effect.comparison.verdict


def ratios(effect: Effect) -> tuple[float, float, float]:
    """Return after : before and its bounds, as the metric itself changed: comparisons turn round what is better when it is more."""
    found = effect.comparison
    if METRICS[effect.metric].less_is_better:
        return found.ratio, found.low, found.high
    return 1 / found.ratio, 1 / found.high, 1 / found.low


def changed(effect: Effect) -> str:
    """Return by how much a metric changed."""
    return change(ratios(effect)[0])


def bounds(effect: Effect) -> str:
    """Return between which changes that of a metric is believed to lie."""
    _, low, high = ratios(effect)
    return f"{change(low)} to {change(high)}"


def foretold(effect: Effect) -> str:
    """Return the change that was foretold; nothing where none was."""
    least, most = (1 - min(part, 0.99) for part in effect.predicted)
    if not METRICS[effect.metric].less_is_better:
        least, most = 1 / least, 1 / most
    return f"{change(least)} to {change(most)}" if any(effect.predicted) else ""


def change(ratio: float) -> str:
    """Return a ratio after : before as the change that it is, with its sign."""
    changed = ratio - 1
    if abs(changed) < 0.0005:
        return "0%"
    return f"{changed:+.0%}" if abs(changed) >= 0.0995 else f"{changed:+.1%}"


def chance(p: float) -> str:
    """Return a probability as tests give it."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def of_what(cause: Cause) -> str:
    """Return what the share of a cause is a share of."""
    return _OF_KIND.get(cause.kind) or _OF_LANE.get(cause.lane, f"of its {cause.lane}")


def saves(cause: Cause) -> str:
    """Return what the usual remedy of a cause gives back, at least and at most."""
    made = bound(cause)
    # What is said of waiting holds for time, and only matters where it makes a difference.
    is_time = cause.kind not in _OF_KIND and (not cause.busy or made.most - made.amdahl >= 0.01)
    caveat = f"; {made.caveat}" if made.caveat and is_time else ""
    return f"saves at least {made.least:.0%}, at most {made.most:.0%} {of_what(cause)}{caveat}"


def held(effect: Effect) -> str:
    """Return whether a prediction came true, as far as the interval of what was measured says so."""
    least, most = effect.predicted
    smallest, largest = 1 - effect.comparison.high, 1 - effect.comparison.low
    if smallest > most:
        return "saved more"
    if largest < least:
        return "saved less"
    return "came true" if smallest >= least and largest <= most else "fits, but is not settled"


def quoted(text: str) -> str:
    """Return a text as code; a backtick in it becomes an apostrophe."""
    told = text.replace("`", "'").strip()
    return f"`{told}`" if told else ""


def counted(count: int, one: str, many: str = "") -> str:
    """Return a number of things."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def listed(words: Sequence[str]) -> str:
    """Return words as a sentence has them: `a, b and c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""
