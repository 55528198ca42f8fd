"""Punctuation: colons, commas, equals signs and operators that were lost or doubled."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from bmad_provisioner.kinds.code.repair.lexing import CLOSER, HEADERS, Source, Token
from bmad_provisioner.kinds.code.repair.model import SYNTAX, Edit
from bmad_provisioner.kinds.code.repair.oracle import Trouble

FOREIGN = {"&&": "and", "||": "or", "===": "==", "!==": "!=", "<>": "!=", "=>": ">=", "=<": "<=", "=!": "!="}
_NEAR = 3
"""Lines around the fault in which a comma may be missing."""


def around(source: Source, found: Trouble, before: int = _NEAR, after: int = _NEAR) -> list[Token]:
    """Return the tokens of the lines around a fault."""
    first, last = max(found.line - 1 - before, 0), found.line + after
    lo = source.starts[min(first, len(source.starts) - 1)]
    hi = source.starts[min(last, len(source.starts) - 1)]
    return [token for token in source.code if lo <= token.start < hi]


def _insert(at: int, mark: str, cost: float, reason: str) -> Edit:
    return Edit(at, at, mark, SYNTAX, cost, reason)


def colons(source: Source, found: Trouble) -> Iterator[Edit]:
    """Close the header of a block with the colon it lacks."""
    told = found.message.startswith("expected ':'")
    here = source.at(found.line, found.column)
    for first, last in source.statements:
        if last <= found.line - 3 or first > found.line:
            continue
        row = [token for token in source.code if source.starts[first] <= token.start < source.starts[last]]
        if row and row[0].text in HEADERS and row[-1].text != ":":
            cost = 0.3 if told else 1.5
            yield _insert(row[-1].end, ":", cost, f"`{row[0].text}` opens a block, but no colon ends its line")
            if told:
                yield from (_insert(a.end, ":", 2.0, "a colon was expected here") for a in row if a.end <= here <= a.end + 2)


def commas(source: Source, found: Trouble) -> Iterator[Edit]:
    """Part two expressions that stand side by side."""
    told = "forgot a comma" in found.message
    tokens = around(source, found)
    depth = 0
    for before, after in itertools.pairwise(tokens):
        depth += (before.text in CLOSER) - (before.text in CLOSER.values())
        beside = before.ends_atom and (after.begins_atom or after.text in ("*", "**"))
        if beside and not (after.text in CLOSER and after.start == before.end):
            near = source.row(before.start) == found.line - 1
            yield _insert(
                before.end, ",", (0.7 if told else 1.6) + 0.5 * (not near), "two expressions stand side by side without a comma"
            )
            yield _insert(before.end, ":", 3.0, "a key and its value stand side by side without a colon")
            if after.kind == "name" and before.end == after.start - 1:
                yield Edit(before.end, after.start, ".", SYNTAX, 4.5, "two names stand side by side without a dot")
            if before.kind != "keyword" and after.kind != "openstring":
                yield _insert(before.end, " =", 3.2, "a name and its value stand side by side without `=`")


def equals(source: Source, found: Trouble) -> Iterator[Edit]:
    """Compare where an assignment cannot stand; assign where a comparison is doubled."""
    told = "'=='" in found.message or '"=="' in found.message
    here = source.at(found.line, found.column)
    for token in around(source, found, 2, 4):
        if token.text == "=":
            far = 0.3 * (abs(source.row(token.start) - found.line + 1) > 0) + 0.002 * abs(token.start - here)
            yield Edit(
                token.start,
                token.end,
                "==",
                SYNTAX,
                (0.6 if told else 2.0) + far,
                "`=` assigns, and an assignment cannot stand here",
            )
        elif token.text == "==":
            yield Edit(token.start, token.end, "=", SYNTAX, 2.5, "`==` compares, and a comparison cannot stand here")
        elif token.text == ":=":
            yield Edit(token.start, token.end, "=", SYNTAX, 2.5, "`:=` cannot stand here")


def strays(source: Source, found: Trouble) -> Iterator[Edit]:
    """Take a mark away that stands twice, put Python's operator for another language's, drop what is no Python at all."""
    tokens = around(source, found, 1, 1)
    for before, after in itertools.pairwise(tokens):
        pair = before.text + after.text
        beside = before.end == after.start
        if beside and pair in FOREIGN:
            word = FOREIGN[pair]
            gap = "" if source.text[before.start - 1 : before.start].isspace() or not word.isalpha() else " "
            yield Edit(before.start, after.end, gap + word, SYNTAX, 1.0, f"`{pair}` is no operator of Python")
        if before.text == after.text and before.kind in ("op", "keyword", "odd") and before.text not in CLOSER:
            yield Edit(before.end, after.end, "", SYNTAX, 1.2, f"`{before.text}` stands twice")
        if before.text == "else" and after.text == "if":
            yield Edit(before.start, after.end, "elif", SYNTAX, 0.8, "`else if` is `elif` in Python")
    here = source.at(found.line, found.column)
    for token in tokens:
        if token.start <= here <= token.end and token.kind in ("op", "odd") and token.text not in "()[]{}":
            yield Edit(
                token.start, token.end, "", SYNTAX, 6.0 if token.text in ":@" else 4.5, f"`{token.text}` does not belong here"
            )
