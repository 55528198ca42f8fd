"""Damage by age: what Python 2 wrote otherwise."""

from __future__ import annotations

import ast
import re
import tokenize
from collections.abc import Iterator
from random import Random

from source import Damage, Edit, Source


def print_statement(source: Source, _rng: Random) -> Iterator[Damage]:
    """`print` is a statement."""
    for node in source.nodes:
        call = node.value if isinstance(node, ast.Expr) else None
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "print" and _plain(call):
            start, end = source.span(call.func)[1], source.span(call)[1]
            inside = source.text[start + 1 : end - 1]
            if "\n" not in inside and not inside.rstrip().endswith(","):
                yield (Edit(start, start + 1, " "), Edit(end - 1, end))


def _plain(call: ast.Call) -> bool:
    return bool(call.args) and not call.keywords and not any(isinstance(one, ast.Starred | ast.GeneratorExp) for one in call.args)


def except_comma(source: Source, _rng: Random) -> Iterator[Damage]:
    """`except Error, error:` catches one."""
    for node in source.nodes:
        if isinstance(node, ast.ExceptHandler) and node.name and node.type:
            end = source.span(node.type)[1]
            match = re.compile(r"\)?\s+as\s+").match(source.text, end)
            if match and not match[0].startswith(")"):
                yield (Edit(end, match.end(), ", "),)


def raise_comma(source: Source, _rng: Random) -> Iterator[Damage]:
    """`raise Error, "message"` raises one."""
    for node in source.nodes:
        call = node.exc if isinstance(node, ast.Raise) and not node.cause else None
        if isinstance(call, ast.Call) and _plain(call) and len(call.args) == 1 and call.lineno == call.end_lineno:
            start, end = source.span(call.func)[1], source.span(call)[1]
            if not source.text[start : end - 1].rstrip().endswith(","):
                yield (Edit(start, start + 1, ", "), Edit(end - 1, end))


def old_numbers(source: Source, _rng: Random) -> Iterator[Damage]:
    """Long numbers end with `L`, octal ones begin with `0`."""
    for token in source.tokens:
        start, end = source.at(token.start), source.at(token.end)
        if token.type == tokenize.NUMBER and re.fullmatch(r"0o[0-7]+", token.string):
            yield (Edit(start + 1, start + 2),)
        elif token.type == tokenize.NUMBER and re.fullmatch(r"[1-9][0-9]*", token.string):
            yield (Edit(end, end, "L"),)


def unequal(source: Source, _rng: Random) -> Iterator[Damage]:
    """`<>` stands for `!=`."""
    for token in source.tokens:
        if token.type == tokenize.OP and token.string == "!=":
            yield (Edit(source.at(token.start), source.at(token.end), "<>"),)


def backticks(source: Source, _rng: Random) -> Iterator[Damage]:
    """Backticks stand for `repr`."""
    for node in source.nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "repr" and _plain(node):
            start, end = source.span(node)
            yield (Edit(start, source.span(node.func)[1] + 1, "`"), Edit(end - 1, end, "`"))


_OLD = {"range": "xrange", "input": "raw_input", "chr": "unichr", "str": "unicode"}


def old_names(source: Source, rng: Random) -> Iterator[Damage]:
    """All uses of a name are the old one: `xrange`, `unicode`, `raw_input`, `unichr`."""
    for new in rng.sample(sorted(_OLD), len(_OLD)):
        uses = [node for node in source.nodes if isinstance(node, ast.Name) and node.id == new]
        if uses and _OLD[new] not in source.text and all(isinstance(node.ctx, ast.Load) for node in uses):
            yield tuple(Edit(*source.span(node), _OLD[new]) for node in uses)
