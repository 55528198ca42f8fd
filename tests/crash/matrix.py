"""Matrix: every campaign, one table, exit 1 on any violation.

python tests/crash/matrix.py [--quick | --full] [--only kills,errors,...] [--jobs N] [--json FILE] [--write-docs]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from crash import campaigns, chaos, driver, mutants
from crash.campaigns import Cut, Tally, spread
from crash.driver import Scenario
from crash.preload import KILLED, REPOSITORY, Fault, forked, under_preload, warmed_up, work_folder

DOCS = REPOSITORY / "docs" / "crash-matrix.md"
RESULTS = REPOSITORY / "docs" / "crash-matrix.json"
SWAPS = {False: "swap", True: "no swap"}


class Bench:
    """The seeds, how much of each campaign to run, and where."""

    def __init__(self, folder: Path, *, size: str, jobs: int) -> None:
        self.folder, self.size, self.jobs = folder, size, jobs
        self.scenarios = driver.scenarios(folder)
        self.commands = driver.command_scenarios(folder)

    def some(self, items: list[Any], quick: int, normal: int = 0) -> list[Any]:
        """Return all items of a full run, a fixed sample of a smaller one (0: all)."""
        limit = {"quick": quick, "normal": normal, "full": 0}[self.size]
        return items if not limit or len(items) <= limit else random.Random(7).sample(items, limit)

    def run(self, items: list[Any], function: Callable[[Any, Path, Tally], None]) -> Tally:
        return spread(items, function, self.folder, self.jobs)

    def each(self) -> Iterator[tuple[Scenario, bool]]:
        """Every scenario, with and without renameat2; a quick run leaves some out."""
        for one in self.scenarios + (self.commands[1:2] if self.size == "quick" else self.commands):
            for portable in (False, True):
                if self.size != "quick" or not portable or one.name in ("apply", "restore"):
                    yield one, portable


Row = tuple[str, Tally]


def kills(bench: Bench) -> Iterator[Row]:
    for one, portable in bench.each():
        items = campaigns.points(one, bench.folder, ("before", "after", "torn"), portable=portable)
        yield f"kill at every call · {one.name} · {SWAPS[portable]}", bench.run(bench.some(items, 24, 240), campaigns.break_once)


def errors(bench: Bench) -> Iterator[Row]:
    for one, portable in bench.each():
        items = campaigns.points(one, bench.folder, ("fail", "sticky", "short"), portable=portable)
        label = f"ENOSPC, EIO, EACCES once and for good, short writes · {one.name} · {SWAPS[portable]}"
        yield label, bench.run(bench.some(items, 18, 300), campaigns.break_once)


def pairs(bench: Bench) -> Iterator[Row]:
    for one in bench.scenarios[1:4]:
        for portable in (False, True):
            found = campaigns.killed_states(one, bench.folder, portable=portable, step=_step(bench))
            late = found[len(found) // 3 :]  # before the commit recovery has next to nothing to do
            chosen = bench.some(late, 2, 12)
            label = f"kill, then kill or fail every call of recovery · {one.name} · {SWAPS[portable]}"
            yield label, bench.run(chosen, lambda item, root, tally: campaigns.kill_recovery(item, root, tally, step=_step(bench)))


def _step(bench: Bench) -> int:
    return 9 if bench.size == "quick" else 1


def user_saves(bench: Bench) -> Iterator[Row]:
    one = bench.scenarios[1]
    for portable in (False, True):
        items = bench.some(campaigns.saves(one, bench.folder, portable=portable), 30, 800)
        label = f"the user saves or removes a file before any call · {one.name} · {SWAPS[portable]}"
        yield label, bench.run(items, campaigns.save_during)
        states = bench.some(campaigns.killed_states(one, bench.folder, portable=portable, step=_step(bench)), 2, 60)
        label = f"the user saves or removes a file between kill and recovery · {one.name} · {SWAPS[portable]}"
        yield label, bench.run(states, campaigns.save_between)
        label = f"blobs.db is removed between kill and recovery · {one.name} · {SWAPS[portable]}"
        yield label, bench.run(states, campaigns.lose_backups)


def power(bench: Bench) -> Iterator[Row]:
    limit = {"quick": 20, "normal": 250, "full": 4000}[bench.size]
    for one, portable in bench.each():
        for model in ("ext4", "posix"):
            items = campaigns.cuts(one, bench.folder, model=model, fault=Fault(portable=portable), limit=limit)
            yield f"power cut, {model} model · {one.name} · {SWAPS[portable]}", bench.run(items, campaigns.power_cut)
    for portable in (False, True):
        items = _later_cuts(bench, bench.scenarios[1], portable=portable, limit=limit)
        label = f"power cut while taking back or recovering · {bench.scenarios[1].name} · {SWAPS[portable]}"
        yield label, bench.run(items, campaigns.power_cut)


def _later_cuts(bench: Bench, one: Scenario, *, portable: bool, limit: int, mutant: Callable[[], None] | None = None) -> list[Cut]:
    """Record runs that fail while they publish, and recoveries from kills: power is cut in those."""
    folder, found = bench.folder, []
    errors_late = [fault for _one, fault in campaigns.points(one, folder, ("fail",), portable=portable) if fault.number == 5]
    failing = [fault for fault in errors_late[len(errors_late) // 2 :: _step(bench)] if _fails_late(one, folder, fault)]
    for fault in failing[:: max(1, len(failing) // 5)]:
        for model in ("ext4", "posix"):
            found += campaigns.cuts(one, folder, model=model, fault=fault, limit=limit // 5, mutant=mutant)
    states = campaigns.killed_states(one, folder, portable=portable, step=_step(bench))
    late = states[len(states) // 2 :]
    for _one, _portable, content in late[:: max(1, len(late) // 5)]:
        for model in ("ext4", "posix"):
            fault = Fault(portable=portable)
            found += campaigns.cuts(one, folder, model=model, fault=fault, start=content, limit=limit // 5, mutant=mutant)
    return found


def _fails_late(one: Scenario, folder: Path, fault: Fault) -> bool:
    root = folder / "late"
    campaigns.check.lay(one.case.before, root)
    run = forked(lambda: one.verb(root), root, fault, log=True)
    return run.code not in (0, KILLED) and any(line[0] == "rename" and line[2].endswith(".abort") for line in run.log)


def concurrent(bench: Bench) -> Iterator[Row]:
    rounds = {"quick": 2, "normal": 60, "full": 500}[bench.size]
    yield "twelve writers, half of them broken", bench.run(list(range(rounds)), chaos.writers)


def sequences(bench: Bench) -> Iterator[Row]:
    lives = {"quick": 2, "normal": 60, "full": 600}[bench.size]
    yield "random lives: verbs, kills, failures, edits", bench.run(list(range(lives)), chaos.life)


def sensitivity(bench: Bench) -> Iterator[Row]:
    """A mutant that nothing catches, and that nobody justified, is a violation."""
    one = bench.scenarios[1]
    wanted = mutants.mutants()
    if bench.size == "quick":
        wanted = [mutant for mutant in wanted if mutant.name.startswith(("staged", "the commit's"))]
    for mutant in wanted:
        caught = _caught(bench, one, mutant)
        tally = Tally(tried=caught.tried, seconds=caught.seconds, notes=caught.notes)
        tally.notes["states that show it"] = caught.violations
        reason = mutants.JUSTIFIED.get(mutant.name)
        if not caught.violations and reason is None:
            tally.violations, tally.examples = 1, [f"nobody notices that {mutant.name}"]
        elif not caught.violations:
            tally.notes[f"not caught: {reason}"] = 1
        yield f"taken out: {mutant.name}", tally


def _caught(bench: Bench, one: Scenario, mutant: mutants.Mutant) -> Tally:
    limit = {"quick": 150, "normal": 400, "full": 3000}[bench.size]
    total = Tally()
    for model in ("ext4", "posix"):
        fault = Fault(portable=mutant.portable)
        items = campaigns.cuts(one, bench.folder, model=model, fault=fault, limit=limit, mutant=mutant.change)
        found = bench.run(items, campaigns.power_cut)
        total.add(found.plain())
        total.seconds += found.seconds
        if total.violations:
            return total
    items = _later_cuts(bench, one, portable=mutant.portable, limit=limit, mutant=mutant.change)
    found = bench.run(bench.some(items, limit, 3 * limit), campaigns.power_cut)
    total.add(found.plain())
    total.seconds += found.seconds
    return total


CAMPAIGNS: dict[str, Callable[[Bench], Iterator[Row]]] = {
    "kills": kills,
    "errors": errors,
    "pairs": pairs,
    "saves": user_saves,
    "power": power,
    "concurrent": concurrent,
    "sequences": sequences,
    "mutants": sensitivity,
}
KNOWN_WINDOW = "without renameat2, a save by rename between check and rename"


def allowed(label: str, tally: Tally) -> bool:
    """The one loss that is documented: a save by rename, at the one call where nothing can exclude it."""
    return (
        "saves or removes a file before any call" in label
        and "no swap" in label
        and all("by rename" in example and "I3: what the user saved is nowhere" in example for example in tally.examples)
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", dest="size", action="store_const", const="quick", default="normal")
    size.add_argument("--full", dest="size", action="store_const", const="full")
    parser.add_argument("--only", default=",".join(CAMPAIGNS))
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--write-docs", action="store_true")
    given = parser.parse_args()
    under_preload()
    folder = work_folder()
    try:
        driver.warm(folder)
        bench = Bench(folder, size=given.size, jobs=given.jobs)
        warmed_up()
        rows = _run(bench, given.only.split(","))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1))
    if given.write_docs:
        from crash import report  # noqa: PLC0415

        report.write(rows, given.size)
    bad = sum(row["violations"] for rows_ in rows.values() for row in rows_.values())
    print(f"{sum(row['tried'] for rows_ in rows.values() for row in rows_.values()):,} tried, {bad} violations")
    return 1 if bad else 0


def _run(bench: Bench, wanted: list[str]) -> dict[str, dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = {}
    for name in wanted:
        rows[name] = {}
        for label, tally in CAMPAIGNS[name](bench):
            if tally.violations and allowed(label, tally):
                tally.notes[KNOWN_WINDOW] += tally.violations
                tally.violations = 0
            plain = rows[name][label] = tally.plain()
            print(f"{plain['tried']:7,} tried {plain['violations']:4} violations {plain['per_second']:6}/s  {label}", flush=True)
            for example in plain["examples"] if plain["violations"] else ():
                print(f"          {example}", flush=True)
    return rows


if __name__ == "__main__":
    sys.exit(main())
