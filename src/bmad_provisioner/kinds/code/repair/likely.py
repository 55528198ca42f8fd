"""Likely: how usual the structure of a syntax tree is, measured against Python's own library and against the file itself.

A probabilistic grammar: each node answers for its children (kind of child given kind of parent and field, length of lists, which
statement follows which), and each call of a known name for the number and kinds of its arguments. `likely.json` holds the counts,
made by `scripts/likely.py` of the standard library of CPython 3.11; the file's other statements are added, and weigh more.
"""

from __future__ import annotations

import ast
import itertools
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import resources
from math import log

Counts = dict[str, dict[str, int]]

_SKIPPED = frozenset({"ctx", "op", "type_comment", "kind", "conversion", "simple", "type_ignores"})
_ROWS = (ast.List, ast.Set, ast.Tuple, ast.Dict)
_LONGEST = 6
_OWN = 4
"""How many of the library's calls one call in the same file is worth."""
_USUAL = 12
"""How many choices of a kind in the same file weigh as much as all the library's."""


def _label(node: object) -> str:
    if isinstance(node, ast.Constant):
        kind = type(node.value).__name__
        return kind if kind in ("str", "bytes") else "num" if kind in ("int", "float", "complex") else "const"
    if isinstance(node, ast.Expr):
        return f"Expr:{_label(node.value)}"
    if isinstance(node, ast.BinOp):
        return f"Bin{type(node.op).__name__}" if isinstance(node.op, (ast.Mod, ast.MatMult, ast.BitOr, ast.Add)) else "Bin"
    if isinstance(node, ast.UnaryOp):
        return f"Un{type(node.op).__name__}"
    if isinstance(node, ast.Tuple):
        return f"Tuple{min(len(node.elts), 2)}"
    if isinstance(node, ast.alias):
        return "alias"
    return type(node).__name__


def called(node: ast.Call) -> str:
    """Return the last name of what is called; empty where it has none."""
    return node.func.id if isinstance(node.func, ast.Name) else node.func.attr if isinstance(node.func, ast.Attribute) else ""


def _calls(node: ast.Call) -> Iterator[tuple[str, str]]:
    name = called(node)
    if name:
        yield f"({name}#", str(min(len(node.args), _LONGEST))
        for place, arg in enumerate(node.args[:3]):
            yield f"({name}{place}", _label(arg)


def _children(node: ast.AST, label: str) -> Iterator[tuple[str, str]]:
    for field, value in ast.iter_fields(node):
        if field in _SKIPPED:
            continue
        where = f"{label}.{field}"
        if isinstance(value, list):
            if value and isinstance(value[0], ast.stmt):
                names = ["^", *map(_label, value), "$"]
                yield from ((f"{where}>{a}", b) for a, b in itertools.pairwise(names))
                continue
            yield f"{where}#", str(min(len(value), _LONGEST))
            yield from _alike(where, value) if isinstance(node, _ROWS) else ((where, _label(child)) for child in value)
        elif isinstance(value, ast.AST):
            yield where, _label(value)
        elif value is None:
            yield where, "-"


def _alike(where: str, value: list[ast.AST | None]) -> Iterator[tuple[str, str]]:
    """Let each element of a display answer to the one before it: they tend to be alike."""
    labels = ["^", *map(_label, value)]
    return ((f"{where}~{before}", label) for before, label in itertools.pairwise(labels))


def _nodes(tree: ast.AST, rows: tuple[int, int] | None) -> Iterator[ast.AST]:
    stack = [tree]
    while stack:
        node = stack.pop()
        yield node
        for child in ast.iter_child_nodes(node):
            outside = rows and isinstance(child, ast.stmt) and ((child.end_lineno or 0) < rows[0] or child.lineno > rows[1])
            if not outside:
                stack.append(child)


def events(tree: ast.AST, rows: tuple[int, int] | None = None) -> Iterator[tuple[str, str]]:
    """Yield (circumstance, outcome) of every choice in a tree, or of those in statements that touch some lines (from 1)."""
    for node in _nodes(tree, rows):
        yield from _children(node, _label(node))
        if isinstance(node, ast.Call):
            yield from _calls(node)


def counts(trees: Iterable[ast.AST], rarest: int = 1) -> Counts:
    """Count the choices in some trees; of calls only names that occur `rarest` times."""
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for tree in trees:
        for circumstance, outcome in events(tree):
            found[circumstance][outcome] += 1
    return {key: dict(seen) for key, seen in found.items() if key[0] != "(" or seen.total() >= rarest}


@cache
def _library() -> Counts:
    loaded: Counts = json.loads(resources.files(__package__).joinpath("likely.json").read_text("utf-8"))
    return loaded


def outside(tree: ast.AST, rows: tuple[int, int], own: Counts) -> Counts:
    """Add the choices of the statements that touch none of some lines (from 1) to others."""
    stack: list[ast.AST] = [tree]
    clear: list[ast.AST] = []
    while stack:
        for child in ast.iter_child_nodes(stack.pop()):
            if isinstance(child, ast.stmt) and ((child.end_lineno or 0) < rows[0] or child.lineno > rows[1]):
                clear.append(child)
            elif isinstance(child, ast.stmt | ast.ExceptHandler | ast.match_case):
                stack.append(child)
    found = defaultdict(Counter, {key: Counter(seen) for key, seen in own.items()})
    for circumstance, outcome in itertools.chain.from_iterable(map(events, clear)):
        found[circumstance][outcome] += 1
    return dict(found)


@cache
def called_names() -> frozenset[str]:
    """Return the names that the library often calls."""
    return frozenset(key[1:-1] for key in _library() if key[0] == "(" and key[-1] == "#")


def surprise(tree: ast.AST, own: Counts, rows: tuple[int, int] | None = None) -> float:
    """Return how unlikely a tree is, in nats (only differences between trees of the same text mean anything)."""
    library = _library()
    total = 0.0
    for circumstance, outcome in events(tree, rows):
        seen = library.get(circumstance, {})
        hits, size = float(seen.get(outcome, 0)), float(sum(seen.values()))
        if circumstance[0] == "(":
            mine = own.get(circumstance, {})
            hits, size = hits + _OWN * mine.get(outcome, 0), size + _OWN * sum(mine.values())
            total += _call_surprise(hits, size, outcome, circumstance)
        else:
            mine = own.get(circumstance, {})
            usual = (hits + 0.02) / (size + 1)
            total -= log((mine.get(outcome, 0) + _USUAL * usual) / (sum(mine.values()) + _USUAL))
    return total


def _call_surprise(hits: float, size: float, outcome: str, circumstance: str) -> float:
    """Judge a call by its own name, as far as that is known, relative to calls of any name (which the grammar has counted)."""
    general = _library().get("Call.args#" if circumstance[-1] == "#" else "Call.args", {})
    prior = (general.get(outcome, 0) + 0.02) / (sum(general.values()) + 1)
    return -log((hits + 3 * prior) / (size + 3) / prior)
