"""Quoted: the names in annotations that stand in quotes, as if they stood there without."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bmad_provisioner.kinds.code.repair.places import Parsed

_NO_TYPES = frozenset({"Literal", "Annotated"})


def quoted(parsed: Parsed) -> Iterator[tuple[ast.Constant, ast.Name]]:
    """Yield the names in quoted annotations, at the place they have in the text, and the string that each stands in."""
    annotations = [node.annotation for node in parsed.every(ast.arg)] + [node.annotation for node in parsed.every(ast.AnnAssign)]
    returns = [node.returns for node in parsed.every(ast.FunctionDef)] + [
        node.returns for node in parsed.every(ast.AsyncFunctionDef)
    ]
    for one in annotations + returns:
        yield from _in(parsed, one)


def _in(parsed: Parsed, annotation: ast.expr | None) -> Iterator[tuple[ast.Constant, ast.Name]]:
    stack: list[ast.AST] = [annotation] if annotation else []
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from _of(parsed, node)
        elif isinstance(node, ast.Subscript) and ast.unparse(node.value).rpartition(".")[2] in _NO_TYPES:
            continue
        elif not isinstance(node, ast.Call):
            stack.extend(ast.iter_child_nodes(node))


def _of(parsed: Parsed, string: ast.Constant) -> Iterator[tuple[ast.Constant, ast.Name]]:
    """Yield the names in one string, unless it is written in another way than it reads."""
    if string.lineno != string.end_lineno or parsed.text[parsed.start(string) + 1 : parsed.end(string) - 1] != string.value:
        return
    try:
        inner = ast.parse(string.value, mode="eval")
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(inner):
        if isinstance(node, ast.Name):
            shift = string.col_offset + 1
            node.lineno = node.end_lineno = string.lineno
            node.col_offset, node.end_col_offset = node.col_offset + shift, (node.end_col_offset or 0) + shift
            yield string, node
