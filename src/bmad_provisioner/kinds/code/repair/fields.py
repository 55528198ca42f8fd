"""Fields: braces of formatted strings that were lost."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Set

from bmad_provisioner.kinds.code.repair.lexing import Source, Token
from bmad_provisioner.kinds.code.repair.model import SYNTAX, Edit
from bmad_provisioner.kinds.code.repair.oracle import tree

_FORMATTED = re.compile(r"(?:[fF][rR]?|[rR][fF])(\"\"\"|'''|\"|')")
_FORMAT = re.compile(r"(?:=|![rsa])?(?::[^{}\"']*)?\Z")
_END = re.compile(r"(?<!\w)|(?!\w)|(?<=[^\W_])_+(?!\w)")
_MARKS = re.compile(r"\{\{|\}\}|[{}]")


def guesses(source: Source, rows: Set[int]) -> Iterator[Edit]:
    """Yield the braces that the formatted strings on some lines (from 0) may have lost."""
    for token in source.tokens:
        begun = _FORMATTED.match(token.text)
        if begun and token.kind == "string" and source.row(token.start) in rows:
            yield from _fields(source.text, token, begun.end(), len(token.text) - len(begun[1]))


def _fields(text: str, token: Token, start: int, end: int) -> Iterator[Edit]:
    opened: list[int] = []
    for mark in _MARKS.finditer(token.text, start, end):
        if mark[0] == "{":
            if opened:
                yield from _closed(text, token, opened[-1] + 1, mark.start())
            opened.append(mark.end() - 1)
        elif mark[0] == "}" and opened:
            opened.pop()
        elif mark[0] == "}":
            yield from _opened(token, start, mark.start())
    if opened:
        yield from _closed(text, token, opened[-1] + 1, end)


def _closed(text: str, token: Token, start: int, end: int) -> Iterator[Edit]:
    """Shut a field behind each part of it that is an expression."""
    for place in range(start + 1, end + 1):
        inner = token.text[start:place]
        ends = _END.match(token.text, place)
        form = _FORMAT.search(inner)
        bare = inner[: form.start()] if form else inner
        if ends and _is_value(bare) and len(bare) == len(bare.rstrip()):
            cost = 0.8 + 1.5 * (bare != inner) + 1.5 * (not re.fullmatch(r"[\w.]+", bare)) + _cut(text, token.text, start, place)
            yield Edit(token.start + place, token.start + place, "}", SYNTAX, cost, "a field of a formatted string has no end")


def _cut(text: str, string: str, start: int, place: int) -> float:
    """Return what speaks against the end of a field at a place, by whether a file knows the attribute before or behind it."""
    before, behind = re.search(r"\.\w+$", string[start:place]), re.match(r"\.\w+", string[place:])
    return (3.0 if behind and text.count(behind[0]) > 1 else 0.5 * bool(behind)) + 0.5 * bool(before and text.count(before[0]) < 2)


def _opened(token: Token, start: int, end: int) -> Iterator[Edit]:
    """Begin a field before each word from which on it is an expression."""
    for place in range(start, end):
        inner = token.text[place:end]
        form = _FORMAT.search(inner)
        whole = not re.match(r"[\w.]", token.text[place - 1]) or place == start
        if whole and inner[0].isidentifier() and (_is_value(inner) or (form and _is_value(inner[: form.start()]))):
            yield Edit(token.start + place, token.start + place, "{", SYNTAX, 0.8, "a field of a formatted string has no beginning")


def _is_value(text: str) -> bool:
    parsed = tree(text.strip())
    return isinstance(parsed, ast.Module) and len(parsed.body) == 1 and isinstance(parsed.body[0], ast.Expr)
