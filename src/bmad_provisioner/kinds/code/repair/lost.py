"""Lost: keywords that are missing, where what stands around the gap leaves one that fits."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from bmad_provisioner.kinds.code.repair.lexing import Source, Token
from bmad_provisioner.kinds.code.repair.model import SYNTAX, Edit
from bmad_provisioner.kinds.code.repair.oracle import Trouble
from bmad_provisioner.kinds.code.repair.punctuation import around

_METHOD = re.compile(r"[A-Za-z_]\w*\(.*\)\s*(?:->.+)?:\s*$", re.DOTALL)
_MODULE = re.compile(r"(from\s+(?:\.+|\.*[A-Za-z_][\w.]*))[ \t]+(?!import\b)[\w(*]")
_BEFORE_NAME = frozenset({"with", "except", "import", "from"})


def guesses(source: Source, found: Trouble) -> Iterator[Edit]:
    """Yield the keywords that may be missing near a fault."""
    for first, last in source.statements:
        if first > found.line or last < found.line - 1:
            continue
        start = source.starts[first]
        row = [token for token in source.code if start <= token.start < source.starts[last]]
        if row:
            yield from _defines(source.text[row[0].start : source.starts[last]], row)
            yield from _imports(source.text[row[0].start : source.starts[last]], row[0].start)
    yield from _between(source, around(source, found, 2, 1))


def _insert(at: int, word: str, cost: float) -> Edit:
    return Edit(at, at, word, SYNTAX, cost, f"`{word.strip()}` is missing")


def _defines(text: str, row: list[Token]) -> Iterator[Edit]:
    if row[0].kind == "name" and _METHOD.match(text):
        yield _insert(row[0].start, "def ", 0.8)
        if row[1].text != "(":
            return
        if row[0].text[0].isupper():
            yield _insert(row[0].start, "class ", 0.8)


def _imports(text: str, start: int) -> Iterator[Edit]:
    found = _MODULE.match(text)
    if found:
        yield _insert(start + found.end(1), " import", 0.8)


def _between(source: Source, tokens: list[Token]) -> Iterator[Edit]:
    """Put a keyword between two expressions that stand side by side."""
    opens = {source.row(token.start): token.text for token in reversed(tokens)}
    for place, (before, after) in enumerate(itertools.pairwise(tokens), 2):
        if not before.ends_atom or not after.begins_atom:
            continue
        first = opens[source.row(before.start)]
        third = tokens[place].text if place < len(tokens) else ""
        loops = next((token.text for token in reversed(tokens[: place - 1]) if token.text in ("for", "in", "lambda")), "")
        if after.kind == "name" and third in (":", ",", ")") and (first in _BEFORE_NAME or first == "async"):
            yield _insert(before.end, " as", 0.8)
        if loops == "for" and (before.kind == "name" or before.text == ")"):
            yield _insert(before.end, " in", 0.8)
        if after.kind == "name" and third == "in" and loops != "for":
            yield _insert(before.end, " for", 0.8)
        if loops == "in":
            yield _insert(before.end, " if", 2.5)
