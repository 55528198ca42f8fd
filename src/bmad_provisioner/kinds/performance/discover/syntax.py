"""Syntax: small questions to Python's syntax tree: whose method is called, with which text, whose handler that is."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator

VERBS = {verb: verb.upper() for verb in ("get", "post", "put", "patch", "delete", "head", "options")}


def called(func: ast.expr) -> tuple[str, str]:
    """Return whose method is called, as it is written, and its name."""
    if isinstance(func, ast.Attribute):
        return dotted(func.value), func.attr
    return "", func.id if isinstance(func, ast.Name) else ""


def dotted(node: ast.expr | None) -> str:
    """Return a name with its dots; empty for everything else."""
    return ast.unparse(node) if isinstance(node, ast.Name | ast.Attribute) else ""


def text(node: ast.AST | None) -> str | None:
    """Return the text that is written there."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def first(node: ast.Call) -> str | None:
    """Return the first argument where it is a text."""
    return text(node.args[0]) if node.args else None


def keyword(node: ast.Call, name: str) -> ast.expr | None:
    """Return an argument by its name."""
    return next((one.value for one in node.keywords if one.arg == name), None)


def summands(node: ast.expr | None) -> Iterator[str]:
    """Yield the dotted names that a value is, or is added up from."""
    parts: Iterable[ast.expr | None] = (node.left, node.right) if isinstance(node, ast.BinOp) else (node,)
    yield from filter(None, map(dotted, parts))


def methods(node: ast.Call) -> list[str]:
    """Return the methods that a registration names; GET where it names none."""
    given = keyword(node, "methods") or keyword(node, "method")
    texts = [text(one) or "" for one in ast.walk(given)] if given is not None else []
    return sorted({VERBS[one.lower()] for one in texts if one.lower() in VERBS}) or ["GET"]


def handler(node: ast.expr) -> str:
    """Return the dotted name of a handler, without what is called to get at it."""
    while isinstance(node, ast.Call):
        inner = next((one for one in node.args if dotted(one)), None)
        node = node.func if isinstance(node.func, ast.Attribute) or inner is None else inner
    return dotted(node).removesuffix(".as_view")


def number(node: ast.expr | None) -> int:
    """Return a port as it is written, alone or as the default of a setting; 0 where there is none."""
    for one in ast.walk(node) if isinstance(node, ast.Constant | ast.Call | ast.BoolOp) else ():
        value = one.value if isinstance(one, ast.Constant) else None
        if isinstance(value, int | str) and not isinstance(value, bool) and re.fullmatch(r"\d{2,5}", str(value)):
            return int(value)
    return 0
