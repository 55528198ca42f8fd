"""Changepoints: how well steps in a history are found, beside Apache Otava and what CI actions usually do.

    .venv/bin/pip install -r bench/performance/requirements.txt
    .venv/bin/python bench/performance/changepoints.py [--real OTAVA/tests/tigerbeetle_test.py] [--seeds 1 2]

The real series comes with the source distribution of `apache-otava` (`pip download --no-binary :all: --no-deps
apache-otava`); without it the synthetic series are all there is.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import fmean, stdev

from otava.analysis import compute_change_points
from series import EFFECTS, NOISES, Labelled, real, synthetic

from bmad_provisioner.kinds.performance.changepoints import steps

MARGIN = 5
"""Points by which a step may be told too early or too late."""
Detector = Callable[[Sequence[float]], list[int]]


@dataclass(frozen=True, slots=True)
class Score:
    """Steps found, invented and missed; series without a step, those of them that alarm; milliseconds a series."""

    found: int
    invented: int
    missed: int
    quiet: int
    alarms: int
    cost: float

    @property
    def precision(self) -> float:
        return self.found / max(self.found + self.invented, 1)

    @property
    def recall(self) -> float:
        return self.found / max(self.found + self.missed, 1)

    @property
    def f1(self) -> float:
        return 2 * self.precision * self.recall / max(self.precision + self.recall, 1e-9)


def ours(values: Sequence[float]) -> list[int]:
    return [step.at for step in steps(values)]


def otava(values: Sequence[float], p: float = 0.001, magnitude: float = 0.0) -> list[int]:
    return [point.index for point in compute_change_points(list(values), max_pvalue=p, min_magnitude=magnitude)[0]]


def sigmas(values: Sequence[float]) -> list[int]:
    """Three standard deviations from the mean of the ten before."""
    windows = ((at, values[at - 10 : at]) for at in range(10, len(values)))
    return [at for at, window in windows if abs(values[at] - fmean(window)) > 3 * stdev(window)]


def previous(values: Sequence[float]) -> list[int]:
    """A tenth away from the value before."""
    return [at for at in range(1, len(values)) if abs(values[at] / values[at - 1] - 1) > 0.1]


DETECTORS: Mapping[str, Detector] = {
    "ours": ours,
    "Otava, defaults": otava,
    "Otava, at least 5 %": lambda values: otava(values, magnitude=0.05),
    "Otava, p < 0.00001": lambda values: otava(values, p=0.00001),
    "3 sigma of the last 10": sigmas,
    "10 % from the previous": previous,
}


def score(detect: Detector, series: Sequence[Labelled]) -> Score:
    """Match what is found with what is there, each once, the nearest first."""
    found = invented = missed = alarms = 0
    began = time.perf_counter()
    for one in series:
        said, left = detect(one.values), list(one.points)
        for at in said:
            near = min((point for point in left if abs(point - at) <= MARGIN), key=lambda point: abs(point - at), default=None)
            if near is None:
                invented += 1
            else:
                left.remove(near)
                found += 1
        missed += len(left)
        alarms += bool(said) and not one.points
    cost = 1000 * (time.perf_counter() - began) / len(series)
    return Score(found, invented, missed, sum(not one.points for one in series), alarms, cost)


def table(title: str, series: Sequence[Labelled]) -> Iterator[str]:
    yield from ("", f"### {title}: {len(series)} series, {sum(len(one.points) for one in series)} steps", "")
    yield "| detector | precision | recall | F1 | alarming without a step | ms |"
    yield "|---|---|---|---|---|---|"
    for name, detect in DETECTORS.items():
        got = score(detect, series)
        cells = (f"{got.precision:.2f}", f"{got.recall:.2f}", f"{got.f1:.2f}", f"{got.alarms} of {got.quiet}", f"{got.cost:.1f}")
        yield f"| {name} | {' | '.join(cells)} |"


def recalls(series: Sequence[Labelled]) -> Iterator[str]:
    yield from ("", "### Steps that are found, by noise and effect (ours)", "")
    effects = [effect for effect in EFFECTS if effect]
    yield f"| noise | {' | '.join(f'{effect:.0%}' for effect in effects)} | alarming without a step |"
    yield "|---|" + "---|" * (len(effects) + 1)
    for noise in [*NOISES, "single spikes"]:
        of_it = [one for one in series if one.sort == noise]
        by_effect = [score(ours, [one for one in of_it if one.effect == effect] or of_it) for effect in effects]
        cells = [f"{got.recall:.2f}" if got.found + got.missed else "-" for got in by_effect]
        quiet = score(ours, [one for one in of_it if not one.effect])
        yield f"| {noise} | {' | '.join(cells)} | {quiet.alarms} of {quiet.quiet} |"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--seeds", type=int, nargs="+", default=[1, 2], help="what the series are made from (1 2)")
    arguments.add_argument("--repeats", type=int, default=4, help="series of every noise, spread and effect (4)")
    arguments.add_argument("--real", type=Path, help="the test file of Otava that holds the TigerBeetle series")
    options = arguments.parse_args()
    print(f"Otava {version('apache-otava')}, ruptures {version('ruptures')}; a step counts within {MARGIN} points.")
    everything: list[Labelled] = []
    for seed in options.seeds:
        everything += (some := list(synthetic(seed, options.repeats)))
        print(*table(f"Synthetic, seed {seed}", some), sep="\n", flush=True)
    print(*recalls(everything), sep="\n", flush=True)
    if options.real:
        of_it = [one for seed in options.seeds for one in real(options.real, seed)]
        print(*table("TigerBeetle, steps put into its quiet end", [one for one in of_it if "quiet" in one.sort]), sep="\n")
        print(*table("TigerBeetle, as its owners annotated it", of_it[:1]), sep="\n")


if __name__ == "__main__":
    main()
