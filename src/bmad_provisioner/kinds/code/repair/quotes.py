"""Quotes: string literals that lost an end or a beginning."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bmad_provisioner.kinds.code.repair.lexing import Source, Token, indent, width
from bmad_provisioner.kinds.code.repair.model import SYNTAX, Edit
from bmad_provisioner.kinds.code.repair.oracle import Trouble

_CODE = re.compile(
    r"^[ \t]*(?:(?:async\s+)?def \w+\s*\(|class \w+\s*[(:]|return\b|import \w|from [\w.]+ import|@\w"
    r"|if .*:$|for .* in .*:$|[\w.]+ = )",
    re.MULTILINE,
)
_LONGEST_LINE = 400
_REACH = 60
"""Lines after an open triple quote among which its end is sought."""


def guesses(source: Source, found: Trouble) -> Iterator[Edit]:
    """Yield the edits that may put the quotes near a fault right."""
    for token in source.tokens:
        if token.kind == "openstring":
            triple = re.match(r"[a-zA-Z]*(\"\"\"|''')", token.text)
            yield from _triple(source, token, triple[1]) if triple else _single(source, token)
        elif token.kind == "string" and token.text[-3:] in ('"""', "'''") and _CODE.search(token.text):
            yield from _triple(source, token, token.text[-3:])
    yield from _opening(source, found)


def _single(source: Source, token: Token) -> Iterator[Edit]:
    mark = token.text.lstrip("rRbBuUfF")[0]
    row = source.row(token.start)
    begin, end = source.starts[row], source.starts[row + 1]
    line = source.text[begin:end].rstrip("\r\n")
    at = token.start + token.text.index(mark)
    if len(line) > _LONGEST_LINE:
        return
    for place in range(len(indent(line)), len(line) + 1):
        left, right = line[place - 1 : place], line[place : place + 1]
        closes = begin + place > at and not left.isspace() and (not right or not right.isalnum())
        opens = (
            not right.isspace()
            and right not in ("", ",", ")")
            and (not left or not left.isalnum() or (left in "rbuf" and place < 3))
        )
        spaced = right == " " and left in ("(", "[", "{") and begin + place < at
        glued = bool(left) and left.isalnum() and begin + place < at
        if closes or opens or glued or spaced:
            opens = opens or spaced
            rest = line[place:].strip()
            usual = not rest or re.fullmatch(r"[)\]},:]+", rest)
            cost = 1.0 if closes and usual else 1.3 if closes or opens else 2.4
            yield Edit(begin + place, begin + place, mark, SYNTAX, cost, f"a string has one {mark} only")
    yield Edit(at, at + 1, "", SYNTAX, 5.0, f"a {mark} stands alone")
    other = "'" if mark == '"' else '"'
    for match in re.finditer(other, source.text[at + 1 : begin + len(line)]):
        place = at + 1 + match.start()
        yield Edit(place, place + 1, mark, SYNTAX, 2.0, f"a string begins with {mark} and ends with {other}")
        yield Edit(at, at + 1, other, SYNTAX, 2.2, f"a string begins with {mark} and ends with {other}")


def _triple(source: Source, token: Token, mark: str) -> Iterator[Edit]:
    """End a long string at the end of a line of it: before what looks like code, best on a line of white space alone."""
    row = source.row(token.start)
    base = width(source.lines[row])
    reason = f"a string that begins with {mark} runs on into the code"
    for here in range(row, min(row + _REACH, len(source.lines))):
        line = source.lines[here].rstrip("\r\n")
        end = source.starts[here] + len(line)
        if end <= token.start + len(mark):
            continue
        after = source.lines[here + 1] if here + 1 < len(source.lines) else ""
        blank_here, blank_after = not line.strip(), not after.strip()
        if line.endswith(mark[:2]) and not line.endswith(mark):
            yield Edit(end, end, mark[0], SYNTAX, 0.4, reason)
        elif blank_here and here > row and width(line + "x") == base:
            yield Edit(end, end, mark, SYNTAX, 0.6, reason)
        elif (
            not blank_here
            and not line.rstrip().endswith((":", ","))
            and not _CODE.match(line)
            and (blank_after or width(after) <= base)
        ):
            yield Edit(end, end, mark, SYNTAX, 1.6 + 3.0 * (here > row), reason)
        if here > row and re.match(r"\s*(?:async def|def|class) \w+.*:\s*$", line):
            return


def _opening(source: Source, found: Trouble) -> Iterator[Edit]:
    """Begin a long string where prose is read as code, if a triple quote below has no beginning."""
    row = min(found.line, len(source.lines)) - 1
    for here in (row, row - 1, row - 2):
        if here < 0:
            continue
        line = source.lines[here]
        start = source.starts[here] + len(indent(line))
        for mark in ('"""', "'''"):
            if mark in source.text[start:] and not line.lstrip().startswith(mark):
                doubled = line.lstrip().startswith(mark[:2])
                new = mark[0] if doubled else mark
                yield Edit(start, start, new, SYNTAX, 0.8 if doubled else 4.0, f"the string that ends with {mark} has no beginning")
