"""Score: what became of a damaged file, by its tree: the imports at the top of a module are a set, all else has its order."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cases import TWICE, Case
from mutate import HOPELESS
from source import tree

REPAIRED, WRONG, PARTLY, LEFT = "repaired", "wrong", "partly", "left"
"""The healthy tree; another one, neither the healthy nor the damaged; changed, and still does not compile; as it was."""


@dataclass(frozen=True, slots=True)
class Scored:
    """The fate of one damaged file, and whether every byte is as in the healthy one."""

    name: str
    kind: str
    fate: str
    exact: bool


@dataclass(frozen=True, slots=True)
class Tally:
    """What a tool did to all files: the fates by kind; healthy files, those changed, those whose tree changed; its costs."""

    tool: str
    fates: Mapping[str, Mapping[str, int]]
    exact: int
    healthy: int
    touched: int
    altered: int
    seconds: float
    failures: int

    def count(self, fate: str, kinds: Iterable[str] | None = None) -> int:
        """Return how many files met a fate; without kinds, all with a single fault that can be repaired."""
        chosen = self.single() if kinds is None else kinds
        return sum(self.fates[kind].get(fate, 0) for kind in chosen if kind in self.fates)

    def single(self) -> list[str]:
        """Return the kinds of a single fault that can be repaired."""
        return [kind for kind in self.fates if kind not in HOPELESS and kind != TWICE]

    def size(self, kinds: Iterable[str] | None = None) -> int:
        """Return how many files there are."""
        chosen = self.single() if kinds is None else kinds
        return sum(sum(self.fates.get(kind, {}).values()) for kind in chosen)


def shape(data: bytes) -> tuple[frozenset[str], str] | None:
    """Return what a file means: the imports at its top as a set, and the rest of its tree; None if it does not compile."""
    parsed = tree(data)
    if parsed is None:
        return None
    for node in ast.walk(parsed):
        if isinstance(node, ast.Constant):
            node.kind = None
    imports, rest = set(), []
    for node in parsed.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            home = (node.level, node.module or "") if isinstance(node, ast.ImportFrom) else ()
            imports |= {f"{home} {alias.name} {alias.asname}" for alias in node.names}
        else:
            rest.append(ast.dump(node))
    return frozenset(imports), "\n".join(rest)


def fate(case: Case, after: bytes) -> str:
    """Return what became of a damaged file; of one beyond repair, anything that compiles is wrong."""
    if after == case.damaged:
        return LEFT
    now, before = shape(after), shape(case.damaged)
    if now is None:
        return PARTLY if before is None else WRONG
    if case.kind in HOPELESS:
        return WRONG
    if now == shape(case.healthy):
        return REPAIRED
    return LEFT if now == before else WRONG


def scored(case: Case, after: bytes) -> Scored:
    """Return the fate of a file."""
    return Scored(case.name, case.kind, fate(case, after), after == case.healthy)


def tally(tool: str, results: Iterable[Scored], healthy: Iterable[tuple[bytes, bytes]], seconds: float, failures: int) -> Tally:
    """Count what a tool did; a healthy file is given as it was and as it is."""
    fates: dict[str, Counter[str]] = {}
    exact = 0
    for one in results:
        fates.setdefault(one.kind, Counter())[one.fate] += 1
        exact += one.exact and one.fate == REPAIRED and one.kind != TWICE
    pairs = list(healthy)
    touched = [(before, after) for before, after in pairs if before != after]
    altered = sum(shape(before) != shape(after) for before, after in touched)
    return Tally(
        tool, {kind: dict(one) for kind, one in fates.items()}, exact, len(pairs), len(touched), altered, seconds, failures
    )
