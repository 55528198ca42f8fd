"""Letters: characters that only look like those of Python, at the place where the compiler stumbles over them."""

from __future__ import annotations

from collections.abc import Iterator

from bmad_provisioner.kinds.code.repair.lexing import Source
from bmad_provisioner.kinds.code.repair.model import ENCODING, Edit
from bmad_provisioner.kinds.code.repair.oracle import Trouble

_SINGLE, _DOUBLE = "\u2018\u2019\u201a\u201b\u2032`\u00b4", "\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb"
_SPACES = "\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
_NOTHING = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u200e\u200f\u202a\u202b\u202c\u202d\u202e"
_DASHES = dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-")
_ALIKE = _DASHES | {"\u00d7": "*", "\u00f7": "/", "\u2264": "<=", "\u2265": ">=", "\u2260": "!=", "\u2026": "...", "\u2192": "->"}
_WIDE = {chr(0xFEE0 + code): chr(code) for code in range(0x21, 0x7F) if not chr(code).isalnum()}
_WIDE |= {"\u3002": "."}


def _plain(letter: str) -> str | None:
    if letter in _SPACES:
        return " "
    if letter in _NOTHING:
        return ""
    return "'" if letter in _SINGLE else '"' if letter in _DOUBLE else _ALIKE.get(letter, _WIDE.get(letter))


def guesses(source: Source, found: Trouble) -> Iterator[Edit]:
    """Yield the plain spelling of an odd character, alone and with all others of its line outside of strings."""
    if found.line < 1 or found.line > len(source.lines):
        return
    begin, end = source.starts[found.line - 1], source.starts[found.line]
    here = source.at(found.line, found.column)
    odd = [token for token in source.tokens if begin <= token.start < end and token.kind in ("odd", "name")]
    places = [token.start + i for token in odd for i, letter in enumerate(token.text) if _plain(letter) is not None]
    places = [place for place in places if source.text[place] != "`"]
    if not places or min(abs(place - here) for place in places) > 1:
        return
    reason = "a character that only looks like one of Python's"
    row = "".join(_plain(c) or "" if begin + i in places else c for i, c in enumerate(source.text[begin:end]))
    yield Edit(begin, end, row, ENCODING, 0.3, reason)
    quotes = [p for p in places if source.text[p] in _SINGLE + _DOUBLE]
    if len(quotes) >= 2:
        yield from _quoted(source, begin, end, quotes, reason)
    nearest = min(places, key=lambda place: abs(place - here))
    yield Edit(nearest, nearest + 1, _plain(source.text[nearest]) or "", ENCODING, 0.9, reason)


def _quoted(source: Source, begin: int, end: int, quotes: list[int], reason: str) -> Iterator[Edit]:
    """Take the first and the last quote for the ends of one string, all between them for its text."""
    first, last = quotes[0], quotes[-1]
    for mark in ('"', "'"):
        inner = source.text[first + 1 : last]
        if mark not in inner and mark not in source.text[begin:first] + source.text[last + 1 : end]:
            yield Edit(first, last + 1, mark + inner + mark, ENCODING, 0.8, reason)
