"""Letters: characters that only look like those of Python, or that nobody sees, where the compiler stumbles over them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bmad_provisioner.kinds.code.repair.lexing import Source, indent
from bmad_provisioner.kinds.code.repair.model import ENCODING, SYNTAX, Edit
from bmad_provisioner.kinds.code.repair.oracle import Trouble

_SINGLE, _DOUBLE = "\u2018\u2019\u201a\u201b\u2032`\u00b4", "\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb"
_SPACES = "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
_NOTHING = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_CONTROL = re.compile("[\x01-\x08\x0b\x0e-\x1f\x7f-\x9f]")
_DASHES = dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-")
_ALIKE = _DASHES | {"\u00d7": "*", "\u00f7": "/", "\u2264": "<=", "\u2265": ">=", "\u2260": "!=", "\u2026": "...", "\u2192": "->"}
_WIDE = {chr(0xFEE0 + code): chr(code) for code in range(0x21, 0x7F) if not chr(code).isalnum()}
_WIDE |= {"\u3002": ".", "\u3001": ",", "\u3010": "[", "\u3011": "]"}
_PAIR = re.compile("\u201c([^\u201c\u201d\n]*)\u201d|\u2018((?:[^\u2018\u2019\n]|\u2019(?=\\w))*)\u2019(?!\\w)")
_ESCAPED = re.compile(r"(?:\\r)?\\n")
_REASON = "a character that only looks like one of Python's"


def _plain(letter: str) -> str | None:
    if letter in _SPACES:
        return " "
    if letter in _NOTHING or _CONTROL.match(letter):
        return ""
    return "'" if letter in _SINGLE else '"' if letter in _DOUBLE else _ALIKE.get(letter, _WIDE.get(letter))


def guesses(source: Source, found: Trouble) -> Iterator[Edit]:
    """Yield the plain spelling of an odd character, alone, with all others of its line, and with all of the text."""
    if found.line < 1 or found.line > len(source.lines):
        return
    if "line continuation" in found.message:
        yield from _breaks(source, source.starts[found.line - 1], source.starts[found.line])
    begin, end = source.starts[found.line - 1], source.starts[found.line]
    places = _places(source, begin, end)
    here = source.at(found.line, found.column)
    white = begin + len(indent(source.lines[found.line - 1]))
    if not places or (min(abs(place - here) for place in places) > 1 and places[0] > white):
        return
    row = _spelt(source.text, begin, end, places)
    yield Edit(begin, end, row, ENCODING, 0.3, _REASON)
    everywhere = _places(source, 0, len(source.text))
    if len(everywhere) > len(places) + 3:
        yield Edit(0, len(source.text), _spelt(source.text, 0, len(source.text), everywhere), ENCODING, 0.35, _REASON)
    quoted = _PAIR.sub(_string, source.text[begin:end])
    if quoted != source.text[begin:end]:
        rest = "".join(_plain(c) or "" if c in _NOTHING + _SPACES else c for c in quoted)
        yield Edit(begin, end, rest, ENCODING, 0.2, _REASON)
    nearest = min(places, key=lambda place: abs(place - here))
    yield Edit(nearest, nearest + 1, _plain(source.text[nearest]) or "", ENCODING, 0.9, _REASON)


def _breaks(source: Source, begin: int, end: int) -> Iterator[Edit]:
    """Break a line where the letters of a line break stand outside of strings."""
    line = [token for token in source.tokens if begin <= token.start < end and token.kind in ("odd", "name", "keyword", "comment")]
    pieces, last, count = "", begin, 0
    for token in line:
        escaped = _ESCAPED.match(source.text, token.start, end) if token.text == "\\" else None
        if escaped:
            pieces += source.text[last : token.start] + "\n"
            last, count = escaped.end(), count + 1
    if count:
        reason = "a line break is written with a backslash and a letter"
        yield Edit(begin, end, pieces + source.text[last:end], SYNTAX, 0.1 if count > 1 else 0.3, reason)


def _places(source: Source, begin: int, end: int) -> list[int]:
    """Return where odd letters stand outside of strings and comments."""
    odd = [token for token in source.tokens if begin <= token.start < end and token.kind in ("odd", "name")]
    places = [token.start + i for token in odd for i, letter in enumerate(token.text) if _plain(letter) is not None]
    return [place for place in places if source.text[place] != "`"]


def _spelt(text: str, begin: int, end: int, places: list[int]) -> str:
    chosen = set(places)
    return "".join(_plain(text[at]) or "" if at in chosen else text[at] for at in range(begin, end))


def _string(pair: re.Match[str]) -> str:
    """Write a string in typographic quotes with plain ones, those that its text does not hold."""
    body = pair[1] if pair[1] is not None else pair[2]
    mark = '"' if pair[1] is not None else "'"
    if mark in body:
        mark = "'" if mark == '"' else '"'
    return mark + body.replace("\u2019", "'" if mark == '"' else "\u2019") + mark
