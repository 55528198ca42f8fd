"""Spelling: names that differ by one letter from one that is bound where they stand, and methods that lost `self`."""

from __future__ import annotations

import ast
import builtins
import re
from collections import Counter
from collections.abc import Iterator

from bmad_provisioner.kinds.code.repair.lexing import distance_one
from bmad_provisioner.kinds.code.repair.model import SIGNATURES
from bmad_provisioner.kinds.code.repair.places import Function, Idea, Parsed
from bmad_provisioner.kinds.code.repair.vocabulary import sounder

_BUILTIN = frozenset(name for name in dir(builtins) if len(name) > 2 and name[0] != "_")


def _bound_in(function: Function) -> set[str]:
    spec = function.args
    names = {arg.arg for arg in (*spec.posonlyargs, *spec.args, *spec.kwonlyargs, spec.vararg, spec.kwarg) if arg}
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            names.add(node.id)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.ExceptHandler)) and node is not function:
            names.add(node.name or "")
    return names


def _is_same(name: str, other: str) -> bool:
    """Whether two names differ only by case and underscores."""
    return name != other and len(name) > 2 and name.replace("_", "").lower() == other.replace("_", "").lower()


def _is_like(name: str, other: str) -> bool:
    """Whether two names are both written as names of classes, or both as names of anything else."""
    first, second = (one.strip("_")[:1].isupper() and ("_" not in one.strip("_") or one.isupper()) for one in (name, other))
    return first == second


def misspelt(parsed: Parsed, name: str, top: frozenset[str]) -> list[Idea]:
    """Return what an unbound name may have been, where exactly one letter tells them apart."""
    if len(name) < 3:
        return []
    uses = parsed.uses.get(name, [])
    counts = Counter(re.findall(r"[^\W\d]\w*", parsed.text))
    found: set[str] | None = None
    for use in uses:
        visible = set(top) | _BUILTIN
        for outer in parsed.above(use):
            visible |= _bound_in(outer) if isinstance(outer, (ast.FunctionDef, ast.AsyncFunctionDef)) else set()
            visible |= {arg.arg for arg in outer.args.args} if isinstance(outer, ast.Lambda) else set()
        alike = {other for other in visible if len(other) > 2 and (distance_one(name, other) or _is_same(name, other))}
        found = alike if found is None else found & alike
    nodes = (node for node in ast.walk(parsed.tree) if isinstance(node, ast.Import | ast.ImportFrom))
    imported = {alias.asname or alias.name for node in nodes for alias in node.names}
    ideas = []
    for meant in sorted(found or ()):
        known = counts[meant] >= 2 or meant in _BUILTIN or meant in imported or sounder(meant, name, parsed.text) == meant
        known = _is_same(name, meant) or (known and sounder(name, meant, parsed.text) != name)
        # `Image` beside a variable `image` is a class that was not imported more often than a slip.
        known = known and (_is_like(name, meant) or (meant in _BUILTIN and len(meant) > 7))
        sure = (0.9 if counts[name] <= 2 and known else 0.5) / len(found or ())
        ideas += [
            Idea(parsed.start(use), parsed.end(use), meant, SIGNATURES, sure, f"`{name}` is bound nowhere; `{meant}` is")
            for use in uses
        ]
    return ideas


def selfless(parsed: Parsed, name: str) -> Iterator[Idea]:
    """Yield the methods that use `self` (or `cls`) without taking it."""
    seen: set[ast.AST] = set()
    for use in parsed.uses.get(name, []):
        method = next(
            (o for o in parsed.above(use) if isinstance(o, (ast.FunctionDef, ast.AsyncFunctionDef)) and parsed.owner(o)), None
        )
        if method is None or method in seen:
            continue
        seen.add(method)
        marks = {ast.unparse(mark) for mark in method.decorator_list}
        if "staticmethod" in marks or (name == "cls") != bool(
            "classmethod" in marks or method.name in ("__new__", "__init_subclass__")
        ):
            continue
        at = re.compile(r"def\s+\w+\s*\(\s*").search(parsed.text, parsed.start(method))
        if at and not any(arg.arg in ("self", "cls") for arg in method.args.args):
            empty = parsed.text[at.end() : at.end() + 1] == ")"
            yield Idea(
                at.end(),
                at.end(),
                name if empty else f"{name}, ",
                SIGNATURES,
                0.95,
                f"`{method.name}` uses `{name}` without taking it",
            )
