"""Run: compare the engine with its peers and with the floors, side by side, in interleaved rounds."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import time
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path
from textwrap import fill

sys.path.append(str(Path(__file__).parents[1]))

from measure import machine
from page import Found, page
from places import ROOT, STORE, fresh, install, versions
from shapes import WORKERS
from trials import Reading, Trial, trials

_SLOW = 10
"""Seconds: what has a step that takes longer is not tried again."""

_WIDTH = 125
_ELSEWHERE = "Temporal, Airflow, Prefect, Dagster, Celery, Ray, Nextflow, Bazel"


def compare(chosen: list[Trial], rounds: int) -> Found:
    """Return a reading of every step a round; each round starts with another way."""
    found: dict[str, dict[str, dict[str, list[Reading]]]] = {}
    for trial in chosen:
        found.setdefault(trial.part, {})[trial.name] = defaultdict(list)
    took: dict[Trial, float] = {}
    for number in range(rounds):
        shift = number * len(chosen) // rounds
        for trial in chosen[shift:] + chosen[:shift]:
            if took.get(trial, 0) > _SLOW:
                continue
            folder = fresh(trial.name)
            os.sync()
            readings = trial.round(folder)
            for step, reading in readings.items():
                found[trial.part][trial.name][step].append(reading)
            took[trial] = max(reading.wall for reading in readings.values())
            shutil.rmtree(folder)
            print(f"{number + 1}/{rounds} {trial.part}, {trial.name}: {took[trial]:.1f} s", file=sys.stderr, flush=True)
    return found


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round, without the 10,000 tasks")
    parser.add_argument("--rounds", type=int, default=7, help="how often each way is tried")
    parser.add_argument("--only", default="", metavar="NAME", help="only parts and ways with NAME in them")
    parser.add_argument("--write-docs", action="store_true", help="write docs/benchmarks-engine.md")
    asked = parser.parse_args()
    if asked.write_docs and asked.only:
        parser.error("a page needs all of them: leave out --only")
    return asked


def _facts(rounds: int, missing: dict[str, str], began: float) -> dict[str, object]:
    here = machine()
    measured = (
        f"Measured on {here['cores']} cores of {here['processor']}, {here['system']}, Python {here['python']}; rounds: {rounds}, in"
        f" {(time.time() - began) / 60:.0f} minutes. The load average of the last quarter of an hour was {here['load']}: the"
        " machine was shared with other work, so read ratios and CPU rather than seconds."
    )
    absent = "".join(f" Not available here: {name} ({reason})." for name, reason in missing.items())
    compared = (
        f"Compared with {', '.join(versions())}.{absent} Not tried, for they need a server, a cluster or a JVM: {_ELSEWHERE}."
    )
    return {"workers": WORKERS, "slow": _SLOW, "machine": fill(measured, _WIDTH), "peers": fill(compared, _WIDTH)}


def main() -> int:
    """Measure, keep the figures, and print the page."""
    asked, began = _arguments(), time.time()
    missing = install()
    chosen = [trial for trial in trials() if asked.only in f"{trial.part}, {trial.name}"]
    if asked.quick:
        chosen = [trial for trial in chosen if not trial.part.startswith("10,000")]
    found = compare(chosen, 1 if asked.quick else asked.rounds)
    figures = json.dumps(found, default=asdict, indent=1)
    (STORE / "results.json").write_text(figures, encoding="utf-8")
    if asked.only:
        print(figures)
        return 0
    text = page(found, _facts(1 if asked.quick else asked.rounds, missing, began))
    print(text)
    if asked.write_docs:
        (ROOT / "docs/benchmarks-engine.md").write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
