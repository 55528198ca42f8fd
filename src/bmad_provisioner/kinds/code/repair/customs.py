"""Customs: which calls the coroutines of a file await and which they do not, by what is called and the word before it."""

from __future__ import annotations

import ast
from collections import Counter
from typing import Any

from bmad_provisioner.kinds.code.repair.classes import Function


def called(node: ast.Call) -> str:
    """Return `word.name` for a call of a member of something that is called so; empty for all other calls, and for `self`."""
    func = node.func
    if not isinstance(func, ast.Attribute):
        return ""
    holder = func.value
    word = holder.attr if isinstance(holder, ast.Attribute) else holder.id if isinstance(holder, ast.Name) else ""
    return f"{word.strip('_')}.{func.attr}" if word not in ("", "self", "cls") else ""


def customs(parsed: ast.Module, text: str) -> dict[str, Any]:
    """Return what is awaited, what stands bare where a coroutine could be awaited, and which functions are which: plain data."""
    if "async" not in text:
        names = {node.name for node in ast.walk(parsed) if isinstance(node, ast.FunctionDef)}
        return {"awaited": {}, "bare": {}, "async": [], "sync": sorted(names)}
    seen: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
    defined: dict[bool, set[str]] = {True: set(), False: set()}
    stack: list[tuple[ast.AST, bool, bool]] = [(parsed, False, False)]
    while stack:
        node, inside, waits = stack.pop()
        if isinstance(node, Function):
            defined[isinstance(node, ast.AsyncFunctionDef)].add(node.name)
            inside = isinstance(node, ast.AsyncFunctionDef)
        elif isinstance(node, ast.Lambda | ast.ClassDef):
            inside = False
        elif isinstance(node, ast.Call) and inside and called(node):
            seen[waits][called(node)] += 1
        for child in ast.iter_child_nodes(node):
            # What is handed to another call, or on to the caller, may be awaited there.
            handed = (
                isinstance(child, ast.Call) and isinstance(node, ast.Call | ast.Return | ast.keyword) and child is not _func(node)
            )
            if handed:
                stack.extend((below, inside, False) for below in ast.iter_child_nodes(child))
            else:
                stack.append((child, inside, isinstance(node, ast.Await)))
    return {"awaited": dict(seen[True]), "bare": dict(seen[False]), "async": sorted(defined[True]), "sync": sorted(defined[False])}


def _func(node: ast.AST) -> ast.expr | None:
    return node.func if isinstance(node, ast.Call) else None
