"""Shifts: functions whose share of the profile took a step, and whether the cost only moved from one to another.

A regression of 0.05 % of a service is lost in its noise; as 5 % of one function it shows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bmad_provisioner.kinds.performance.changepoints import ALPHA, Step, steps

LEAST = 0.005
"""The share that a function has to have had at some time to be looked at."""
MOST = 100
"""Functions that are looked at, those with the largest shares: each more makes all others need more evidence."""
_NEAR = 3
_REST = 0.25

Function = tuple[str, str]
"""Path and name."""


@dataclass(frozen=True, slots=True)
class Shift:
    """A lasting step of a function's share, and the function that got cheaper by as much just then, if there is one."""

    function: Function
    step: Step
    moved: Function | None = None


def shifts(profiles: Sequence[Mapping[Function, float]], effect: float = 0.0, alpha: float = ALPHA) -> tuple[Shift, ...]:
    """Return the lasting steps in a history of own shares (parts of 1 by function), the largest first.

    A function that a profile doesn't have had no share in it. Of so many series some step by chance: the evidence that each
    needs is raised by how many there are.
    """
    peaks: dict[Function, float] = {}
    for profile in profiles:
        for function, share in profile.items():
            peaks[function] = max(peaks.get(function, 0.0), share)
    looked_at = [one for one in sorted(peaks, key=lambda one: (-peaks[one], one)) if peaks[one] >= LEAST][:MOST]
    found: list[tuple[Function, Step]] = []
    for function in looked_at:
        series = [profile.get(function, 0.0) for profile in profiles]
        found += [(function, step) for step in steps(series, effect, alpha / len(looked_at)) if not step.gone]
    found.sort(key=lambda one: (-abs(_change(one[1])), one[0]))
    return tuple(Shift(function, step, _moved(function, step, found)) for function, step in found)


def _change(step: Step) -> float:
    return step.after - step.before


def _moved(function: Function, step: Step, found: Sequence[tuple[Function, Step]]) -> Function | None:
    """Return a function of the same file whose share took the opposite step at the same time, of nearly the same size."""
    for other, opposite in found:
        near = other != function and other[0] == function[0] and abs(opposite.at - step.at) <= _NEAR
        if near and abs(_change(step) + _change(opposite)) <= _REST * abs(_change(step)):
            return other
    return None
