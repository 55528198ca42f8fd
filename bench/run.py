"""Run: compare bmadp with its peers and with what the machine can do at best, side by side, in interleaved rounds."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import corpus
import table
from measure import Sample, machine, measure
from peers import FLOORS, OURS, PEERS, ROOT, STORE, Peer, Site, node

ROUNDS = {10: 7, 100: 5, 1000: 3}
_EDIT = "\nA line that the user added here.\n"
Samples = dict[str, list[Sample]]


class Trial:
    """One tool at one size: what its rounds cost, and whether it did the work."""

    def __init__(self, peer: Peer, count: int) -> None:
        self.peer, self.count = peer, count
        self.samples: Samples = defaultdict(list)
        self.exact = ""
        self.sees = ""
        self.faults: set[str] = set()

    def round(self, library: Path, path: str) -> None:
        """Do every step once in fresh folders, and look at the result of each."""
        site = _site(self.peer, library, self.count)
        try:
            self._steps(site, path)
        finally:
            shutil.rmtree(site.root, ignore_errors=True)

    def _steps(self, site: Site, path: str) -> None:
        peer, skills, target = self.peer, site.root / self.peer.at / "skills", site.root / self.peer.target
        cold = peer.cold or peer.apply
        if cold is None:
            return
        self._ask(site, path, "cold" if peer.copies else "", cold(site))
        if peer.apply is not None:
            self._verify("cold", skills, target)
            self._ask(site, path, "again", peer.apply(site))
            time.sleep(0.05)
            self._ask(site, path, "no-op", peer.apply(site))
            self._verify("no-op", skills, target)
        clean = self._ask(site, path, "check", peer.check(site)) if peer.check else None
        if peer.apply is not None and peer.copies:
            changed = corpus.change(skills.parent, self.count)
            self._ask(site, path, "change", peer.apply(site))
            self._verify("change", skills, target)
            if any("added upstream" not in (target / name / "SKILL.md").read_text(encoding="utf-8") for name in changed):
                self.faults.add("change: not taken")
            clean = self._ask(site, path, "", peer.check(site)) if peer.check else None
        if peer.check and clean:
            with open(target / corpus.names(self.count)[self.count // 2] / "SKILL.md", "a", encoding="utf-8") as file:
                file.write(_EDIT)
            self._judge(clean, self._ask(site, path, "drift", peer.check(site)))

    def _ask(self, site: Site, path: str, step: str, command: Sequence[str]) -> Sample:
        os.sync()
        sample = measure(command, folder=site.project, home=site.home, path=path)
        if step:
            self.samples[step].append(sample)
        if sample.code != 0 and step != "drift":
            self.faults.add(f"{step or 'check'}: exit {sample.code}")
        return sample

    def _verify(self, step: str, skills: Path, target: Path) -> None:
        wanted, there = corpus.contents(skills), corpus.contents(target)
        same = sum(there.get(name) == digest for name, digest in wanted.items())
        self.exact = f"{same}/{len(wanted)}"
        if wanted.keys() - there.keys():
            self.faults.add(f"{step}: {len(wanted.keys() - there.keys())} files missing")

    def _judge(self, clean: Sample, dirty: Sample) -> None:
        if dirty.code != clean.code:
            self.sees = f"exit {dirty.code}"
        else:
            self.sees = "prints it, exit 0" if dirty.said != clean.said else "no"


def _site(peer: Peer, library: Path, count: int) -> Site:
    site = Site(STORE / "work" / peer.name.replace(" ", "_"))
    shutil.rmtree(site.root, ignore_errors=True)
    site.project.mkdir(parents=True)
    site.home.mkdir()
    shutil.copytree(library / "skills", site.root / peer.at / "skills")
    peer.prepare(site, count)
    return site


def starts(peers: Iterable[Peer], rounds: int, path: str) -> dict[str, list[Sample]]:
    """Return what it costs to start each tool and have it say its version."""
    samples: dict[str, list[Sample]] = defaultdict(list)
    home = STORE / "work" / "start"
    for _round in range(rounds):
        for peer in (peer for peer in peers if peer.start):
            program = "node" if peer.executable == "node" else peer.path
            samples[peer.name].append(measure([program, *peer.start], folder=ROOT, home=home, path=path))
    return samples


def trials(peers: Sequence[Peer], count: int, rounds: int, path: str) -> list[Trial]:
    """Return the trials of all tools at one size: round after round, each starting with another tool."""
    library = STORE / f"corpus-{count}"
    if not library.exists():
        corpus.write(library, count)
    made = [Trial(peer, count) for peer in peers]
    for number in range(rounds):
        shift = number % len(made)
        for trial in made[shift:] + made[:shift]:
            if number and trial.peer.slow and count >= 100:
                continue
            start = time.perf_counter()
            trial.round(library, path)
            _say(f"{count} skills, round {number + 1} of {rounds}: {trial.peer.name} {time.perf_counter() - start:.1f} s")
    return made


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="10,100,1000", help="numbers of skills")
    parser.add_argument("--peers", default=",".join(PEERS), help="tools to compare with, or `none`")
    parser.add_argument("--rounds", default="", help="rounds, one number or one a size (default: 7, 5 and 3)")
    parser.add_argument("--quick", action="store_true", help="one round of 10 and 100 skills")
    parser.add_argument("--write-docs", action="store_true", help="write docs/benchmarks.md")
    return parser.parse_args()


def _available(named: str) -> tuple[list[Peer], dict[str, str]]:
    peers, missing = [OURS], {}
    for peer in [*FLOORS.values(), *(PEERS[name] for name in named.split(",") if name != "none")]:
        reason = peer.install()
        if reason:
            missing[peer.name] = reason
            _say(f"not available here: {peer.name}: {reason}")
        else:
            peers.append(peer)
    return peers, missing


def main() -> int:
    """Measure, print the tables, and keep the figures."""
    asked = _arguments()
    path = node()
    peers, missing = _available(asked.peers)
    sizes = [10, 100] if asked.quick else [int(size) for size in asked.sizes.split(",")]
    began = time.time()
    started = starts(peers, 3 if asked.quick else 15, path)
    working = [peer for peer in peers if peer.apply or peer.check]
    found: dict[int, list[Trial]] = {}
    for number, size in enumerate(sizes):
        found[size] = trials(working, size, _rounds(asked, number, size), path)
        body = json.dumps(table.plain(started, found, missing, machine()), indent=1)
        (STORE / "results.json").write_text(body, encoding="utf-8")
    text = table.page(started, found, missing, machine(), time.time() - began)
    print(text)
    if asked.write_docs:
        (ROOT / "docs/benchmarks.md").write_text(text, encoding="utf-8")
    return 1 if any(trial.faults for made in found.values() for trial in made if trial.peer is OURS) else 0


def _rounds(asked: argparse.Namespace, number: int, size: int) -> int:
    if asked.rounds:
        given = [int(rounds) for rounds in asked.rounds.split(",")]
        return given[min(number, len(given) - 1)]
    return 1 if asked.quick else ROUNDS.get(size, 3)


if __name__ == "__main__":
    sys.exit(main())
