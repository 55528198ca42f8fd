"""Quotes: string literals of one line that lost an end or a beginning, and quotes of the same kind within braces."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator

from bmad_provisioner.kinds.code.repair import fields
from bmad_provisioner.kinds.code.repair.lexing import Source, Token, indent
from bmad_provisioner.kinds.code.repair.model import SYNTAX, Edit
from bmad_provisioner.kinds.code.repair.oracle import Trouble

_LONGEST_LINE = 400
_MOST_QUOTES = 24
_ROWS = 12
"""Lines around a fault in which the quotes of a formatted string are looked at."""
_PREFIX = re.compile(r"(?<!\w)(?:[rbuf]|[rb][rbf]|fr)$", re.IGNORECASE)
_APOSTROPHE = re.compile(r"(?<=[a-zA-Z])['\"](?=(?:s|t|re|ll|ve|d|m)\b)")
_FORMATTED = re.compile(r"(?<!\w)(?:[fF][rR]?|[rR][fF])(['\"])(?!\1\1)")


def guesses(source: Source, found: Trouble) -> Iterator[Edit]:
    """Yield the edits that may put the quotes of the strings near a fault right."""
    for token in source.tokens:
        if token.kind == "openstring" and not re.match(r"[a-zA-Z]*(\"\"\"|''')", token.text):
            yield from _lines(source, token)
    spans = [(first, last) for first, last in source.statements if first <= found.line and last >= found.line - 1]
    rows = {row for first, last in spans for row in range(max(first, found.line - _ROWS), min(last, found.line + _ROWS))}
    for row in sorted(rows):
        yield from _braces(source.lines[row], source.starts[row])
    if found.message.startswith("f-string"):
        yield from fields.guesses(source, rows | {found.line - 1})


def _lines(source: Source, token: Token) -> Iterator[Edit]:
    """Weigh every place of a line at which a string may begin or end."""
    mark = token.text.lstrip("rRbBuUfF")[0]
    row = source.row(token.start)
    begin, end = source.starts[row], source.starts[row + 1]
    line = source.text[begin:end].rstrip("\r\n")
    at = token.start + token.text.index(mark) - begin
    if len(line) > _LONGEST_LINE:
        return
    for place in range(len(indent(line)), len(line) + 1):
        costs = (
            [_ending(line, at, place)]
            if place > at
            else [_beginning(line, place), _ending(line, line.find(mark), place) * (line[:place].count(mark) % 2)]
        )
        cost = min(filter(None, costs), default=0.0)
        if cost:
            yield Edit(begin + place, begin + place, mark, SYNTAX, cost, f"a string has one {mark} only")
    yield Edit(begin + at, begin + at + 1, "", SYNTAX, 6.0, f"a {mark} stands alone")
    yield from _mixed(line, begin, at, mark)
    for match in _APOSTROPHE.finditer(line):
        if mark == "'":
            yield Edit(begin + match.start(), begin + match.end(), "\\'", SYNTAX, 0.8, "an apostrophe ends the string it stands in")
        else:
            yield Edit(begin + match.start(), begin + match.end(), "", SYNTAX, 3.0, f"a {mark} stands within a word")


def _ending(line: str, at: int, place: int) -> float:
    """Return how unlikely it is that the string which begins `at` lost its end at a place; 0 for never."""
    if place <= at:
        return 0.0
    left, right = line[place - 1], line[place : place + 1]
    rest = line[place:].strip()
    usual = not rest or re.fullmatch(r"[)\]},:]+", rest)
    if right.isalnum() or right == "_":
        return 0.0
    if left.isspace():
        return 0.0 if rest and rest[0] not in ")]}," else 1.0 if place == len(line) else 2.2
    return (1.0 if usual else 1.3) + 2.0 * (place == at + 1)


def _beginning(line: str, place: int) -> float:
    """Return how unlikely it is that the string which seems to begin further right began at a place; 0 for never."""
    left, right = line[place - 1 : place], line[place : place + 1]
    prefix = _PREFIX.search(line[:place])
    word = re.search(r"\w*$", line[:place])
    word = re.match(r"\w*", line[word.start() :]) if word else None
    if word and keyword.iskeyword(word[0]) and left.isalnum():
        return 0.0
    if prefix and right:
        return 0.8
    if right == " ":
        return 1.3 if left in ("(", "[", "{", ",") else 0.0
    if right.isspace() or right in ("", ",", ")"):
        return 0.0
    return 1.3 if not left.isalnum() and left != "_" else 2.4


def _mixed(line: str, begin: int, at: int, mark: str) -> Iterator[Edit]:
    """Let a string end with the quote it begins with, or begin with the one it ends with."""
    for match in list(re.finditer("[\"']", line))[:_MOST_QUOTES]:
        place, old = match.start(), match[0]
        new = "'" if old == '"' else '"'
        after, before = line[place + 1 : place + 2], line[place - 1 : place]
        if after.isalnum() and before.isalnum():
            continue
        cost = 1.2 + 0.4 * (place == at) + 0.4 * (old == mark)
        yield Edit(begin + place, begin + place + 1, new, SYNTAX, cost, f"a string begins with {new} and ends with {old}")


def _braces(line: str, begin: int) -> Iterator[Edit]:
    """Write the other quote inside the braces of a formatted string, where the quote around it stands."""
    for match in _FORMATTED.finditer(line):
        mark = match[1]
        other = "'" if mark == '"' else '"'
        places, end = _nested(line, match.end(), mark)
        inside = line[places[0] : places[-1]] if places else ""
        if end and places and other not in inside and "\\" not in inside:
            new = "".join(other if place in places else line[place] for place in range(match.end(), end))
            reason = f"before Python 3.12, {mark} cannot stand in the braces of a string that begins with it"
            yield Edit(begin + match.end(), begin + end, new, SYNTAX, 0.05, reason)


def _nested(line: str, start: int, mark: str) -> tuple[list[int], int]:
    """Return where a quote stands within the braces of a formatted string, and where the string ends; 0: nowhere."""
    depth, place, places = 0, start, list[int]()
    while place < len(line):
        letter = line[place]
        if letter == "\\" or (depth == 0 and line[place : place + 2] in ("{{", "}}")):
            place += 2
            continue
        depth += (letter == "{") - (letter == "}")
        if letter == mark:
            if depth <= 0:
                return (places, place) if len(places) % 2 == 0 else ([], 0)
            places.append(place)
        place += 1
    return [], 0
