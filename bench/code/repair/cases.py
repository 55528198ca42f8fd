"""Cases: damaged files, drawn from the corpus by a seed; the same seed draws the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from random import Random

import corpus
from mutate import HOPELESS, KINDS, damage, damage_twice
from source import Source

SEEDS = {"dev": 4, "test": 20_261_121}
TWICE = "two faults"
EACH = 10
"""Cases of a kind."""
_DOS = 0.1
"""The share of cases whose lines end with CR LF."""


@dataclass(frozen=True, slots=True)
class Case:
    """A damaged file: its path in the corpus, the healthy bytes and the damaged ones."""

    name: str
    kind: str
    part: str
    path: str
    healthy: bytes
    damaged: bytes


def draw(part: str, each: int) -> Iterator[Case]:
    """Yield `each` cases of every kind, of two faults in a file five times as many, as far as the corpus has places."""
    for kind in (*KINDS.values(), *HOPELESS.values()):
        many = each * 5 if kind.name == "truncated" else each
        yield from _of(part, kind.name, many, lambda source, rng, kind=kind: damage(kind, source, rng))
    yield from _of(part, TWICE, each * 5, _two)


def _two(source: Source, rng: Random) -> bytes | None:
    kinds = [kind for kind in KINDS.values() if kind.places]
    return damage_twice(*rng.sample(kinds, 2), source, rng)


def _of(part: str, name: str, each: int, make: Callable[[Source, Random], bytes | None]) -> Iterator[Case]:
    rng = Random(f"{SEEDS[part]} {name}")
    made = 0
    for path in _turns(corpus.to_damage(part), rng):
        if made == each:
            return
        source = _source(part, path)
        data = make(source, rng)
        if data is None:
            continue
        healthy = source.text.encode()
        if rng.random() < _DOS and b"\r" not in data and b"\0" not in data:
            healthy, data = healthy.replace(b"\n", b"\r\n"), data.replace(b"\n", b"\r\n")
        yield Case(f"{name.replace(' ', '-')}-{made + 1:02d}", name, part, path, healthy, data)
        made += 1


def _turns(paths: Mapping[str, list[str]], rng: Random) -> Iterator[str]:
    """Yield the files, a package after the other, so that large packages do not crowd out small ones."""
    waiting = {package: rng.sample(files, len(files)) for package, files in sorted(paths.items())}
    while waiting:
        for package in rng.sample(sorted(waiting), len(waiting)):
            yield waiting[package].pop()
            if not waiting[package]:
                del waiting[package]


@cache
def _source(part: str, path: str) -> Source:
    found = Source.of(path, corpus.files(part)[path], corpus.package(part, path.split("/", maxsplit=1)[0]))
    assert found is not None, path
    return found
