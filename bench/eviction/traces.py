"""Traces: streams of requests, made from fixed seeds, that a cache is judged by."""

from __future__ import annotations

import itertools
import random
from bisect import bisect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

KEYS, REQUESTS = 10_000, 300_000


@dataclass(frozen=True, slots=True)
class Trace:
    """Keys in the order they are asked for; what each weighs (bytes) and what making it costs (seconds)."""

    keys: list[str]
    sizes: dict[str, int] = field(default_factory=dict)
    costs: dict[str, float] = field(default_factory=dict)

    @property
    def distinct(self) -> int:
        return len(set(self.keys))


def zipf(skew: float, seed: int) -> Trace:
    """Ask for key number n with a chance that falls as n to the power of `skew`."""
    return Trace([f"z{rank}" for rank in _ranks(random.Random(seed), KEYS, skew, REQUESTS)])


def scans(seed: int) -> Trace:
    """Interrupt a zipf 1.0 stream by long reads of keys that never come back: a third of all requests."""
    chance, ones = random.Random(seed), itertools.count()
    ranks = iter(_ranks(chance, KEYS, 1.0, REQUESTS * 2 // 3))
    keys: list[str] = []
    while block := list(itertools.islice(ranks, chance.randint(500, 3_500))):
        keys += [f"z{rank}" for rank in block]
        keys += [f"once{next(ones)}" for _ in range(len(block) // 2)]
    return Trace(keys)


def shifting(seed: int) -> Trace:
    """Work on 1,000 keys, unevenly; every 20 requests one of them gives way to a new one."""
    chance, fresh = random.Random(seed), itertools.count(1_000)
    working = [f"w{number}" for number in range(1_000)]
    keys = []
    for number, rank in enumerate(_ranks(chance, len(working), 0.8, REQUESTS)):
        if number % 20 == 0:
            working[chance.randrange(len(working))] = f"w{next(fresh)}"
        keys.append(working[rank])
    return Trace(keys)


def team(seed: int, projects: int = 60, runs: int = 6_000, people: int = 4, stay: float = 0.9) -> Trace:
    """Run the agents of 60 projects again and again, an edit or a branch switch before some.

    Four people take turns at random; after a run, nine times of ten, one stays with the project.
    """
    chance = random.Random(seed)
    teams = [_Team(f"p{number}", chance) for number in range(projects)]
    at = _ranks(chance, projects, 0.8, people)
    keys: list[str] = []
    for rank in _ranks(chance, projects, 0.8, runs):
        person = chance.randrange(people)
        if chance.random() >= stay:
            at[person] = rank
        keys += teams[at[person]].run()
    known = dict.fromkeys(keys)
    return Trace(
        keys,
        sizes={key: max(1, round(chance.lognormvariate(9.775, 1.0))) for key in known},  # mean 29 KB
        costs={key: chance.lognormvariate(2.5, 1.0) for key in known},  # mean 20 s
    )


class _Team:
    """One project: a graph of 8 to 40 agents, and its branches, each with the revision of every agent."""

    def __init__(self, name: str, chance: random.Random) -> None:
        self._name, self._chance = name, chance
        self._needs = [_needs(node, chance) for node in range(chance.randint(8, 40))]
        self._revisions = [1] * len(self._needs)
        self._branches = [[0] * len(self._needs)]
        self._branch = 0

    def run(self) -> Iterator[str]:
        """Change something, perhaps; return the key of every agent, those that are needed first."""
        if self._chance.random() < 0.20:
            self._switch()
        if self._chance.random() < 0.35:
            self._edit()
        keys: list[int] = []
        for node, needs in enumerate(self._needs):
            revision = self._branches[self._branch][node]
            keys.append(hash((node, revision, *(keys[need] for need in needs))))
        return (f"{self._name}:{node}:{key:x}" for node, key in enumerate(keys))

    def _switch(self) -> None:
        if len(self._branches) < 4 and self._chance.random() < 0.3:
            self._branches.append(list(self._branches[self._branch]))
        self._branch = self._chance.randrange(len(self._branches))

    def _edit(self) -> None:
        node = self._chance.randrange(len(self._needs))
        if self._chance.random() < 0.25:
            revision = self._chance.randrange(self._revisions[node])
        else:
            revision = self._revisions[node]
            self._revisions[node] += 1
        self._branches[self._branch][node] = revision


def _needs(node: int, chance: random.Random) -> tuple[int, ...]:
    near = range(max(0, node - 6), node)
    return tuple(chance.sample(near, min(len(near), chance.randint(1, 2))))


def _ranks(chance: random.Random, count: int, skew: float, times: int) -> list[int]:
    heights = list(itertools.accumulate((rank + 1) ** -skew for rank in range(count)))
    return [min(bisect(heights, chance.random() * heights[-1]), count - 1) for _ in range(times)]


TRACES: dict[str, Callable[[int], Trace]] = {
    "zipf 0.8": lambda seed: zipf(0.8, seed),
    "zipf 1.0": lambda seed: zipf(1.0, seed),
    "zipf 1.2": lambda seed: zipf(1.2, seed),
    "zipf 1.0 + scans": scans,
    "shifting set": shifting,
    "team re-runs": team,
    "team, scattered": lambda seed: team(seed, stay=0.0),
}
