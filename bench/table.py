"""Table: the figures of a benchmark as a page to read and as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from measure import Sample, median
from peers import FLOORS, OURS, PEERS, Peer

if TYPE_CHECKING:
    from run import Trial

STEPS = ("cold", "again", "no-op", "change", "check", "drift")
FLOOR = {
    "cold": "cp -r",
    "again": "stat walk",
    "no-op": "stat walk",
    "change": "rsync -a",
    "check": "sha256sum",
    "drift": "sha256sum",
}
_INTRODUCTION = """# Benchmarks

`make bench` makes this comparison on your machine; `.venv/bin/python bench/run.py --write-docs` wrote this page.
The engine that runs agents has [a page of its own](benchmarks-engine.md).

Every tool gets the same library of hand-written skills (a SKILL.md of about 5 KB and three resources of about 4 KB each,
all different) and brings it into one folder of one project, `.claude/skills`. Tools take turns, round by round, each round
in fresh folders with a home of its own; figures are medians. **CPU** is user and system seconds of the whole process tree;
it moves less than wall time where other things run. Memory is the largest process's peak; less than about 10 MB cannot be
told. Every result is compared with the library byte by byte.

- **cold**: the first apply. **again**: the apply right after it. **no-op**: the one after that, nothing changed.
- **change**: 1 % of the skills changed in the library (at least one).
- **check**: what tells that nobody edited the files. **drift**: the same after somebody did; `!` marks an edit not seen.

In brackets: times what `bmadp` takes, and times the floor. The floor is what everyday programs take for the least that the
step asks: `cp -r` (cold), a stat walk of library and project in Python (again, no-op), `rsync -a` (change),
`sha256sum --check` (check, drift), `python -I -S -c pass` (start).
"""


def page(
    started: Mapping[str, list[Sample]],
    found: Mapping[int, list[Trial]],
    missing: Mapping[str, str],
    facts: Mapping[str, str | int],
    seconds: float,
) -> str:
    """Return everything as markdown."""
    parts = [_INTRODUCTION, _facts(facts, found, seconds), "## Start\n", *_starts(started)]
    for size, trials in found.items():
        parts += [f"\n## {size} skills, {size * 4} files\n", "CPU seconds:\n", *_costs(trials, "cpu")]
        parts += ["\nWall seconds:\n", *_costs(trials, "wall"), "\nDid it do the work?\n", *_work(trials)]
    notes = [f"- **{peer.name}** {note}." for peer in (OURS, *PEERS.values()) for note in peer.notes]
    parts += ["\n## Notes\n", *notes, *(f"- **{name}** is not available here: {why}." for name, why in missing.items()), ""]
    return "\n".join(parts)


def _facts(facts: Mapping[str, str | int], found: Mapping[int, list[Trial]], seconds: float) -> str:
    rounds = ", ".join(
        f"{max((len(s) for t in made for s in t.samples.values()), default=0)} with {n} skills" for n, made in found.items()
    )
    return (
        f"Measured on {facts['cores']} cores of {facts['processor']}, {facts['system']}, Python {facts['python']}; "
        f"rounds: {rounds} (a tool that takes minutes: 1); {seconds / 60:.0f} minutes in all; load average of the "
        f"last quarter of an hour: {facts['load']}.\n"
    )


def _starts(started: Mapping[str, list[Sample]]) -> list[str]:
    ours = median(started[OURS.name], "cpu")
    floor = median(started["python -I -S -c pass"], "cpu") if "python -I -S -c pass" in started else ours
    rows = ["| | CPU s | wall s | peak MB | times bmadp | times the floor |", "|---|---|---|---|---|---|"]
    for name, samples in sorted(started.items(), key=lambda item: median(item[1], "cpu")):
        cpu = median(samples, "cpu")
        cells = [_bold(name), _number(cpu), _number(median(samples, "wall")), _megabytes(samples)]
        rows.append(_row([*cells, f"{cpu / ours:.1f}", f"{cpu / floor:.1f}"]))
    return rows


def _costs(trials: Sequence[Trial], what: str) -> list[str]:
    figures = {t.peer.name: {step: median(t.samples[step], what) for step in STEPS if t.samples.get(step)} for t in trials}
    ours = figures.get(OURS.name, {})
    rows = [_row(["", *STEPS, "peak MB"]), "|---" * (len(STEPS) + 2) + "|"]
    for trial in trials:
        mine = figures[trial.peer.name]
        ratios = what == "cpu"
        cells = [
            _cell(mine.get(step), ours.get(step) if ratios else None, figures.get(FLOOR[step], {}).get(step)) for step in STEPS
        ]
        if trial.sees == "no":
            cells[-1] += " !"
        largest = [max(samples, key=lambda sample: sample.memory) for samples in trial.samples.values()]
        rows.append(_row([_bold(trial.peer.name), *cells, _megabytes(largest, worst=True)]))
    return rows


def _cell(value: float | None, ours: float | None, floor: float | None) -> str:
    if value is None:
        return "-"
    if not ours or not floor:
        return _number(value)
    return f"{_number(value)} ({value / ours:.1f}, {value / floor:.1f})"


def _work(trials: Sequence[Trial]) -> list[str]:
    rows = ["| | files exact | a user's edit seen | faults |", "|---|---|---|---|"]
    for trial in trials:
        sees = trial.sees or "no check"
        if trial.peer.name not in FLOORS or trial.faults:
            rows.append(_row([_bold(trial.peer.name), trial.exact or "-", sees, "; ".join(sorted(trial.faults)) or "none"]))
    return rows


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _bold(name: str) -> str:
    return f"**{name}**" if name == OURS.name else f"*{name}*" if name in FLOORS else name


def _number(value: float) -> str:
    return f"{value:.3f}" if value < 1 else f"{value:.2f}" if value < 10 else f"{value:.1f}"


def _megabytes(samples: Sequence[Sample], *, worst: bool = False) -> str:
    if not samples:
        return "-"
    size = max(sample.memory for sample in samples) if worst else median(samples, "memory")
    return f"{size / 1e6:.0f}"


def plain(
    started: Mapping[str, list[Sample]],
    found: Mapping[int, list[Trial]],
    missing: Mapping[str, str],
    facts: Mapping[str, str | int],
) -> dict[str, Any]:
    """Return everything as plain data, every sample of it."""
    return {
        "machine": dict(facts),
        "versions": {peer.name: _version(peer) for peer in PEERS.values()},
        "missing": dict(missing),
        "start": {name: [_sample(sample) for sample in samples] for name, samples in started.items()},
        "sizes": {
            size: {
                trial.peer.name: {
                    "exact": trial.exact, "sees": trial.sees, "faults": sorted(trial.faults),
                    "steps": {step: [_sample(sample) for sample in samples] for step, samples in trial.samples.items()},
                }
                for trial in trials
            }
            for size, trials in found.items()
        },
    }  # fmt: skip


def _version(peer: Peer) -> str:
    return peer.package.rpartition("==")[2] if "==" in peer.package else peer.package.rpartition("@")[2]


def _sample(sample: Sample) -> dict[str, float]:
    return {"cpu": sample.cpu, "wall": sample.wall, "memory": sample.memory, "code": sample.code}
