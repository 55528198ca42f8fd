"""Oracles: whether a damaged file is really broken, and the healthy one was not."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator

from pyflakes.checker import Checker
from pyflakes.messages import UndefinedExport, UndefinedLocal, UndefinedName
from source import Source, tree

COMPILE, UNDEFINED, IMPORT = "does not compile", "undefined name", "wrong import"
MEMBER, AWAIT, MOJIBAKE = "no member", "wrong await", "mojibake"
Functions = ast.FunctionDef | ast.AsyncFunctionDef


def broken(source: Source, data: bytes) -> str:
    """Return what is wrong with the damaged file that was not with the healthy one; empty where nothing is."""
    damaged = tree(data)
    if damaged is None:
        return COMPILE
    if ast.dump(damaged) == ast.dump(source.tree):
        return ""
    if undefined(damaged) - undefined(source.tree):
        return UNDEFINED
    missing = source.package.missing
    if set(missing(source.path, damaged)) - set(missing(source.path, source.tree)):
        return IMPORT
    if _strange_members(source, damaged):
        return MEMBER
    if wrong_awaits(damaged) > wrong_awaits(source.tree):
        return AWAIT
    return MOJIBAKE if _is_mojibake(source, data) else ""


def undefined(parsed: ast.Module) -> set[str]:
    """Return the names that are used and bound nowhere, as pyflakes sees them."""
    kinds = (UndefinedName, UndefinedLocal, UndefinedExport)
    return {str(one.message_args[0]) for one in Checker(parsed, "file.py").messages if isinstance(one, kinds)}


def _members(parsed: ast.Module) -> set[str]:
    reads = (node for node in ast.walk(parsed) if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load))
    return {node.attr for node in reads if isinstance(node.value, ast.Name) and node.value.id == "self"}


def _strange_members(source: Source, damaged: ast.Module) -> bool:
    """Members of `self` whose name stands nowhere in the whole package; what was there is defined in the same file."""
    lost = _members(source.tree) - _members(damaged)
    new = _members(damaged) - _members(source.tree)
    known = {node.name for node in source.nodes if isinstance(node, Functions)}
    known |= {node.attr for node in source.nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)}
    return len(new) == 1 and not (new & source.package.words) and lost <= known


def _own_returns(function: Functions) -> Iterator[ast.AST]:
    """Yield what says what a call gives: `yield`, and `return` with a value, of the function itself."""
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Yield | ast.YieldFrom) or (isinstance(node, ast.Return) and node.value):
            yield node
        if not isinstance(node, Functions | ast.Lambda | ast.ClassDef):
            waiting += ast.iter_child_nodes(node)


def _says_something(function: Functions) -> bool:
    return not all(isinstance(one, ast.Pass | ast.Raise) or _is_constant(one) for one in function.body)


def _is_constant(one: ast.stmt) -> bool:
    return isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant)


def _unlike_others(parsed: ast.Module) -> Iterator[tuple[str, Functions]]:
    """Yield the functions whose name is bound once in the file, undecorated: how they are called, and they."""
    bound = Counter(node.name for node in ast.walk(parsed) if isinstance(node, Functions | ast.ClassDef))
    bound.update(node.id for node in ast.walk(parsed) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
    bound.update(node.attr for node in ast.walk(parsed) if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store))
    for owner in ast.walk(parsed):
        if isinstance(owner, ast.Module | ast.ClassDef):
            for node in owner.body:
                if isinstance(node, Functions) and bound[node.name] == 1 and not node.decorator_list and _says_something(node):
                    yield (f"self.{node.name}" if isinstance(owner, ast.ClassDef) else node.name), node


def sync_functions(parsed: ast.Module) -> set[str]:
    """Return how those functions are called that are plain and always return None."""
    return {
        call
        for call, node in _unlike_others(parsed)
        if isinstance(node, ast.FunctionDef) and next(_own_returns(node), None) is None
    }


def coroutines(parsed: ast.Module) -> set[str]:
    """Return how those functions are called that must be awaited."""
    return {
        call
        for call, node in _unlike_others(parsed)
        if isinstance(node, ast.AsyncFunctionDef) and not any(isinstance(one, ast.Yield) for one in _own_returns(node))
    }


def awaits_sync(node: ast.expr, known: set[str]) -> bool:
    """Return whether it is a call of one of these."""
    return isinstance(node, ast.Call) and ast.unparse(node.func) in known


def wrong_awaits(parsed: ast.Module) -> int:
    """Return how many calls await what is no coroutine, or forget to, as far as the file itself tells."""
    plain, must = sync_functions(parsed), coroutines(parsed)
    nodes = list(ast.walk(parsed))
    needless = sum(isinstance(node, ast.Await) and awaits_sync(node.value, plain) for node in nodes)
    return needless + sum(isinstance(node, ast.Expr) and awaits_sync(node.value, must) for node in nodes)


def _is_mojibake(source: Source, data: bytes) -> bool:
    for name in ("cp1252", "latin-1"):
        try:
            if data.decode().encode(name) == source.text.encode():
                return True
        except UnicodeError:
            continue
    return False
