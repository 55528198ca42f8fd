"""Damage to letters and bytes: quotes and blanks of word processors, other alphabets' signs, encodings, disks."""

from __future__ import annotations

import re
import tokenize
from collections.abc import Iterator
from random import Random

from source import Damage, Edit, Source

_BLANK = "\u00a0"
_UNSEEN = ("\u200b", "\ufeff", "\u2060", "\u200e")
_WIDE = {",": "\uff0c", "(": "\uff08", ")": "\uff09", ":": "\uff1a", "=": "\uff1d"}
_DASHES = ("\u2013", "\u2212", "\u2014")


def smart_quotes(source: Source, rng: Random) -> Iterator[Damage]:
    """A word processor made the quotes of one string, or of all on its line, typographic."""
    strings = [token for token in source.tokens if token.type == tokenize.STRING and token.start[0] == token.end[0]]
    for chosen in strings:
        row = chosen.start[0] if rng.random() < 0.3 else 0
        edits = []
        for token in strings:
            quote = re.match(r"\w*([\"'])(?!\1\1)", token.string)
            if quote and (token is chosen or token.start[0] == row):
                start, end = source.at(token.start) + quote.start(1), source.at(token.end)
                left, right = ("\u201c", "\u201d") if quote[1] == '"' else ("\u2018", "\u2019")
                edits += [Edit(start, start + 1, left), Edit(end - 1, end, right)]
        yield tuple(edits)


def hard_blanks(source: Source, rng: Random) -> Iterator[Damage]:
    """A web page gave blanks that do not break: those before a line, or one within."""
    for row, line in enumerate(source.lines):
        places = [source.starts[row] + match.start() for match in re.finditer(" ", line)]
        depth = len(source.indent(row))
        if places and line.strip():
            chosen = places[:depth] if depth and rng.random() < 0.5 else [rng.choice(places)]
            yield tuple(Edit(place, place + 1, _BLANK) for place in chosen)


def unseen_letter(source: Source, rng: Random) -> Iterator[Damage]:
    """A letter that nobody sees stands before or after a word."""
    for token in source.tokens:
        if token.type in (tokenize.NAME, tokenize.OP):
            place = source.at(rng.choice((token.start, token.end)))
            yield (Edit(place, place, rng.choice(_UNSEEN)),)


def wide_sign(source: Source, _rng: Random) -> Iterator[Damage]:
    """A sign was typed on a Chinese or Japanese keyboard."""
    for token in source.tokens:
        if token.type == tokenize.OP and token.string in _WIDE:
            yield (Edit(source.at(token.start), source.at(token.end), _WIDE[token.string]),)


def long_dash(source: Source, rng: Random) -> Iterator[Damage]:
    """A minus became a dash."""
    for token in source.tokens:
        if token.type == tokenize.OP and token.string in ("-", "->", "-="):
            start = source.at(token.start)
            yield (Edit(start, start + 1, rng.choice(_DASHES)),)


def control_letter(source: Source, rng: Random) -> Iterator[Damage]:
    """A control letter slipped in: the end of a file in DOS, a backspace, an escape."""
    end = len(source.text)
    yield (Edit(end, end, "\x1a"),)
    for token in rng.sample(source.tokens, min(3, len(source.tokens))):
        place = source.at(token.start)
        yield (Edit(place, place, rng.choice(("\x08", "\x1b", "\x7f", "\x03"))),)


def latin(source: Source, rng: Random) -> bytes | None:
    """The file was saved in a Windows or Latin encoding and does not say so."""
    return _encoded(source.text, rng.choice(("cp1252", "latin-1", "cp1252")))


def wide(source: Source, rng: Random) -> bytes | None:
    """The file was saved in UTF-16, as PowerShell's `>` does."""
    return source.text.encode("utf-16") if rng.random() < 0.7 else b"\xfe\xff" + source.text.encode("utf-16-be")


def two_marks(source: Source, _rng: Random) -> bytes | None:
    """Two marks of UTF-8 stand before the file."""
    return b"\xef\xbb\xbf" * 2 + source.text.encode()


def zero_tail(source: Source, rng: Random) -> bytes | None:
    """The machine lost power: the last block of the file on disk is filled up with zeros."""
    data = source.text.encode()
    return data + b"\0" * (rng.choice((512, 4096)) - len(data) % 512)


def wrong_cookie(source: Source, rng: Random) -> bytes | None:
    """The first line declares an encoding that the file is not in, or that there is not."""
    if source.text.startswith("#!") or "coding" in source.text[:200]:
        return None
    name = rng.choice(("ascii", "us-ascii", "utf8mb4", "unicode"))
    return f"# -*- coding: {name} -*-\n{source.text}".encode()


def mojibake(source: Source, rng: Random) -> bytes | None:
    """UTF-8 was read as a Windows or Latin encoding and saved as UTF-8: `Ã©` for `é`."""
    try:
        return source.text.encode().decode(rng.choice(("cp1252", "latin-1"))).encode()
    except UnicodeDecodeError:
        return None


def _encoded(text: str, name: str) -> bytes | None:
    try:
        return text.encode(name)
    except UnicodeEncodeError:
        return None
