"""Pipeline: what would make a build pipeline shorter, from the times of its own steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from statistics import median


@dataclass(frozen=True, slots=True)
class Run:
    """How long a step took once, and whether its cache had what it asked for (`None`: it has no cache, or none knows)."""

    seconds: float
    hit: bool | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """A step, the steps that have to end before it begins, and how it went."""

    name: str
    runs: tuple[Run, ...]
    needs: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """How long it usually takes."""
        return median(run.seconds for run in self.runs)


@dataclass(frozen=True, slots=True)
class Bound:
    """What a pipeline would gain at the most if a step took no time (`without`) or always hit its cache (`cached`): seconds.

    `hits` is the part of its runs that did hit; `None` where no run says.
    """

    step: str
    seconds: float
    on_path: bool
    without: float
    cached: float
    hits: float | None


@dataclass(frozen=True, slots=True)
class Advice:
    """The seconds of the longest chain of steps, that chain, all steps in a row, and what each step could give, most first."""

    seconds: float
    path: tuple[str, ...]
    work: float
    bounds: tuple[Bound, ...]

    @property
    def workers(self) -> float:
        """How many workers could be busy on average: more than that don't make it shorter."""
        return self.work / self.seconds if self.seconds else 1.0


def advice(steps: Sequence[Step]) -> Advice:
    """Return where the time of a pipeline goes that has a worker for every step; raises ValueError for a circle or no run."""
    if not all(step.runs for step in steps):
        raise ValueError("every step needs at least one run")
    by_name = {step.name: step for step in steps}
    order = _order(by_name)
    seconds, path = _path(order, by_name, {})
    bounds = [_bound(step, order, by_name, seconds, path) for step in steps]
    bounds.sort(key=lambda bound: (-max(bound.without, bound.cached), bound.step))
    return Advice(seconds, path, sum(step.seconds for step in steps), tuple(bounds))


def _bound(step: Step, order: Sequence[str], by_name: Mapping[str, Step], seconds: float, path: Sequence[str]) -> Bound:
    known = [run for run in step.runs if run.hit is not None]
    hits = [run for run in known if run.hit]
    without = seconds - _path(order, by_name, {step.name: 0.0})[0]
    if not hits or len(hits) == len(known):
        return Bound(step.name, step.seconds, step.name in path, without, 0.0, len(hits) / len(known) if known else None)
    # Beside the mean of all runs: a step that hits in three of four would gain nothing by its median.
    means = replace(step, runs=(Run(sum(run.seconds for run in known) / len(known)),))
    usual = _path(order, {**by_name, step.name: means}, {})[0]
    cached = usual - _path(order, by_name, {step.name: median(run.seconds for run in hits)})[0]
    return Bound(step.name, step.seconds, step.name in path, without, max(0.0, cached), len(hits) / len(known))


def _order(by_name: Mapping[str, Step]) -> list[str]:
    graph = {name: [need for need in step.needs if need in by_name] for name, step in by_name.items()}
    try:
        return list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        raise ValueError(f"steps wait for each other: {' -> '.join(error.args[1])}") from error


def _path(order: Sequence[str], by_name: Mapping[str, Step], instead: Mapping[str, float]) -> tuple[float, tuple[str, ...]]:
    """Return the longest chain and how long it takes, with other times for some steps."""
    ends: dict[str, tuple[float, tuple[str, ...]]] = {}
    for name in order:
        before = max((ends[need] for need in by_name[name].needs if need in ends), default=(0.0, ()))
        ends[name] = (before[0] + instead.get(name, by_name[name].seconds), (*before[1], name))
    return max(ends.values(), default=(0.0, ()))
