"""Customs: which calls the coroutines of a file await and which they do not, by what is called and the word before it."""

from __future__ import annotations

import ast
from collections import Counter
from typing import Any

from bmad_provisioner.kinds.code.repair.places import Parsed


def called(node: ast.Call) -> str:
    """Return `word.name` for a call of a member of something that is called so; empty for all other calls, and for `self`."""
    func = node.func
    if not isinstance(func, ast.Attribute):
        return ""
    holder = func.value
    word = holder.attr if isinstance(holder, ast.Attribute) else holder.id if isinstance(holder, ast.Name) else ""
    return f"{word.strip('_')}.{func.attr}" if word not in ("", "self", "cls") else ""


def customs(parsed: Parsed) -> dict[str, Any]:
    """Return what is awaited, what stands bare where a coroutine could be awaited, and which functions are which: plain data."""
    awaited, bare = Counter[str](), Counter[str]()
    for node in parsed.every(ast.Call) if parsed.every(ast.AsyncFunctionDef) else ():
        name = called(node)
        if name and isinstance(parsed.function(node), ast.AsyncFunctionDef):
            above = parsed.parents[node]
            # What is handed to another call, or on to the caller, may be awaited there.
            if isinstance(above, ast.Await):
                awaited[name] += 1
            elif not isinstance(above, ast.Return | ast.keyword) and not (isinstance(above, ast.Call) and above.func is not node):
                bare[name] += 1
    coroutines = {node.name for node in parsed.every(ast.AsyncFunctionDef)}
    functions = {node.name for node in parsed.every(ast.FunctionDef)}
    return {"awaited": dict(awaited), "bare": dict(bare), "async": sorted(coroutines), "sync": sorted(functions)}
