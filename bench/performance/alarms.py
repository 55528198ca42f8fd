"""Statistics: how often comparisons of the same with itself raise an alarm on this machine, and how often a true change is found.

    python bench/performance/alarms.py [--pairs 10] [--comparisons 100] [--load 2]

Real processes, one number each: CPU-bound Python that reports the least of its rounds. All processes of the null cases run one
after the other, interleaved as pairs; while they run, `--load` others keep the processors busy by turns. Beside ours, on the same
numbers: what benchmark tools usually do (all runs of one side, then of the other; means that differ by more than 5 %, Welch's
t-test, the Mann-Whitney U test). The changed side does 5 % and 3 % more rounds of the same work.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from contextlib import contextmanager
from math import log
from statistics import fmean

from scipy.stats import mannwhitneyu, ttest_ind

from bmad_provisioner.kinds.performance.stats import Rule, Verdict, compare, pairs_needed, significance

WORK = """
import sys, time
def once(n):
    total, seen = 0, {}
    for i in range(n):
        seen[i % 97] = seen.get(i % 97, 0) + i * i % 7
    return sorted(seen.items())
n, wall, cpu = int(sys.argv[1]), [], []
for _ in range(12):
    a, b = time.perf_counter(), time.process_time()
    once(n)
    wall.append(time.perf_counter() - a); cpu.append(time.process_time() - b)
print(min(wall), min(cpu))
"""
ROUNDS = 20_000
BUSY = """
import random, time
while True:
    end = time.time() + random.random()
    while time.time() < end:
        pass
    time.sleep(random.random())
"""


def once(more: float = 1.0) -> tuple[float, float]:
    done = subprocess.run([sys.executable, "-I", "-c", WORK, str(round(ROUNDS * more))], capture_output=True, text=True, check=True)
    wall, cpu = done.stdout.split()
    return float(wall), float(cpu)


@contextmanager
def loaded(many: int):
    others = [subprocess.Popen([sys.executable, "-I", "-c", BUSY]) for _ in range(many)]
    try:
        yield
    finally:
        for one in others:
            one.kill()
            one.wait()


def pairs(count: int, more: float, which: int) -> list[tuple[float, float]]:
    found = []
    for turn in range(count):
        sides = [once(), once(more)] if turn % 2 else [once(more), once()][::-1]
        found.append((sides[0][which], sides[1][which]))
    return found


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--pairs", type=int, default=10)
    asked.add_argument("--comparisons", type=int, default=100)
    asked.add_argument("--load", type=int, default=2)
    asked.add_argument("--power", type=int, default=20)
    given = asked.parse_args()
    rule, began = Rule(given.pairs), time.time()
    with loaded(given.load):
        runs = [once() for _ in range(2 * given.pairs * given.comparisons)]
        print(
            json.dumps(
                {
                    "seconds": round(time.time() - began, 1),
                    "pairs": given.pairs,
                    "comparisons": given.comparisons,
                    "load": given.load,
                }
            )
        )
        for which, name in ((0, "wall"), (1, "cpu")):
            print(json.dumps({"null": name, **null([one[which] for one in runs], given.pairs, given.comparisons, rule)}))
        for more in (1.05, 1.03):
            for which, name in ((0, "wall"), (1, "cpu")):
                made = [compare(pairs(given.pairs, more, which), rule) for _ in range(given.power)]
                verdicts = [one.verdict for one in made]
                print(
                    json.dumps(
                        {
                            "change": more,
                            "by": name,
                            "found": verdicts.count(Verdict.REGRESSION) / len(made),
                            "wrong": verdicts.count(Verdict.IMPROVEMENT),
                        }
                    )
                )
        pilot = [log(after / before) for before, after in pairs(10, 1.0, 1)]
        print(json.dumps({"pairs for 3 % by cpu": pairs_needed(pilot, 0.03), "for 5 %": pairs_needed(pilot, 0.05)}))


def null(values: list[float], many: int, count: int, rule: Rule) -> dict[str, float]:
    """Return the rates of alarms of comparisons of the same with itself, each of its own stretch of the runs."""
    ours = claimed = slowed = welch = ranks = 0
    for at in range(count):
        some = values[2 * many * at : 2 * many * (at + 1)]
        made = compare(list(zip(some[::2], some[1::2], strict=True)), rule)
        ours += significance([log(b / a) for a, b in zip(some[::2], some[1::2], strict=True)]) < rule.alpha
        claimed += made.verdict in (Verdict.REGRESSION, Verdict.IMPROVEMENT)
        before, after = some[:many], some[many:]
        slowed += abs(fmean(after) / fmean(before) - 1) > 0.05
        welch += ttest_ind(before, after, equal_var=False).pvalue < rule.alpha
        ranks += mannwhitneyu(before, after).pvalue < rule.alpha
    told = {"test": ours, "verdict": claimed, "one side first: means differ by 5 %": slowed, "Welch": welch, "Mann-Whitney": ranks}
    return {name: one / count for name, one in told.items()}


if __name__ == "__main__":
    main()
