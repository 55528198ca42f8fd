"""Decoding: bytes that are not in the encoding they should be in, and text that was decoded wrongly and saved so."""

from __future__ import annotations

import codecs
import re
from contextlib import suppress
from dataclasses import dataclass

from bmad_provisioner.errors import TaskError
from bmad_provisioner.kinds.code.repair.lexing import Source
from bmad_provisioner.kinds.code.repair.oracle import trouble
from bmad_provisioner.kinds.code.text import Text, read

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_USUAL = re.compile("^[\x00-\x7f\u00a0-\u00ff\u2010-\u2026\u20ac\u2122\u0152\u0153\u0160\u0161\u0178\u017d\u017e]*$")
_ALIEN = re.compile("[\u00c0-\u00ff]{4}")
"""Letters that no language of Western Europe has side by side: the bytes are of another alphabet."""
_SMELL = re.compile(rb"[\xc3\xe2\xc5\xc6\xcb\xd0\xd1][\x80-\xbf]{1,2}[\xc2-\xcb\xe2]")
"""The bytes of a wrong decoding: a letter that begins a longer one in UTF-8, and right behind it one that is not plain either."""
_EXAMPLE = re.compile(r"""(["'`]).*[^\x00-\x7f].*\1""")
_FEWEST, _MOSTLY, _SLIPPED = 8, 0.7, 2


@dataclass(frozen=True, slots=True)
class Decoded:
    """A text, what had to be done to get it (empty: nothing), and how sure that is."""

    text: Text
    reason: str = ""
    confidence: float = 1.0


def decoded(data: bytes) -> Decoded:
    """Return the text of a file, by force where need be; raises TaskError where no encoding fits."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            try:
                return Decoded(Text(data.decode(encoding)), f"written in {encoding}, which Python does not read", 0.95)
            except UnicodeDecodeError as error:
                raise TaskError(f"its bytes are not {encoding}: {error}") from error
    if b"\0" in data:
        return _without_zeros(data)
    try:
        text = read(data)
    except TaskError:
        return _foreign(data)
    if text.text.startswith("\ufeff"):
        return Decoded(Text(text.text.lstrip("\ufeff"), text.encoding, text.bom), "a byte order mark stands twice", 0.95)
    return _garbled(text)


def _without_zeros(data: bytes) -> Decoded:
    """Read the wide encodings that forgot their mark; drop the zeros that fill a file up, and one or two that slipped in."""
    whole = data.rstrip(b"\0")
    filled = len(data) - len(whole) > 1 and b"\0" not in whole
    for encoding, zero, letters in () if filled else (("utf-16-le", 1, 0), ("utf-16-be", 0, 1)):
        high, low = data[zero::2], data[letters::2]
        if len(data) >= _FEWEST and high.count(0) > _MOSTLY * len(high) and b"\0" not in low:
            with suppress(UnicodeDecodeError):
                return Decoded(Text(data.decode(encoding)), f"written in {encoding}, which Python does not read", 0.95)
    rest = data.replace(b"\0", b"")
    slipped = data.count(0) <= _SLIPPED and not re.search(rb"\0\0|\w\0\w", data)
    if not rest or not (b"\0" not in whole or slipped):
        raise TaskError("it holds NUL bytes, so it is no Python")
    inner = decoded(rest)
    if b"\0" in whole and trouble(inner.text.text):
        raise TaskError("it holds a NUL byte, so it is no Python")
    reason = "NUL bytes slipped in" if b"\0" in whole else "NUL bytes fill its end"
    return Decoded(inner.text, "; ".join(filter(None, (reason, inner.reason))), min(0.95, inner.confidence))


def _foreign(data: bytes) -> Decoded:
    """Read bytes that are not what they declare as UTF-8, else as Windows or Latin-1 text; the declaration follows."""
    body = data.removeprefix(codecs.BOM_UTF8)
    for encoding in ("utf-8", "cp1252", "latin-1"):
        try:
            text = "".join(_line(line, encoding) for line in body.splitlines(keepends=True))
        except UnicodeDecodeError:
            continue
        text = re.sub(r"\A((?:#[^\n]*\n)?#[^\n]*?coding[:=][ \t]*)[-\w.]+", r"\1utf-8", text)
        sure = 0.93 if encoding == "utf-8" else 0.9 if _USUAL.match(text) and not _ALIEN.search(text) else 0.5
        return Decoded(Text(text), f"its bytes are {encoding}, not what it declares", sure)
    raise TaskError("its bytes are in no encoding that Python knows")


def _line(line: bytes, encoding: str) -> str:
    """Decode one line: UTF-8 if it is that, as files are put together from several sources."""
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode(encoding)


def _bytes(text: str, encoding: str) -> bytes:
    """Encode as careless programs do: what the table has no place for keeps its own number."""
    try:
        return text.encode(encoding)
    except UnicodeEncodeError:
        return b"".join(c.encode("latin-1") if "\x80" <= c <= "\x9f" else c.encode(encoding) for c in text)


def _meant(text: str, encoding: str) -> str | None:
    """Return what a text was before it was decoded wrongly; None if it was not."""
    try:
        meant = _bytes(text, encoding).decode("utf-8")
    except (UnicodeEncodeError, UnicodeDecodeError):
        return None
    return None if re.search("[\x80-\x9f]", meant) else meant


def garbled(data: bytes) -> bool:
    """Whether a file that may well compile holds text that was decoded wrongly; asks little of files that are plain."""
    return bool(_SMELL.search(data)) and bool(decoded(data).reason)


def _garbled(text: Text) -> Decoded:
    """Undo wrong decodings, if every letter of the whole file takes part in them, or every one of some lines."""
    if text.text.isascii() or text.encoding != "utf-8":
        return Decoded(text)
    for encoding in ("cp1252", "latin-1", "mac_roman"):
        meant = _meant(text.text, encoding)
        if meant is not None:
            again = None if meant.isascii() else _meant(meant, encoding)
            done = Text(meant if again is None else again, text.encoding, text.bom)
            return Decoded(done, f"it was UTF-8, read as {encoding} and saved again", 0.93 if _told(text.text, encoding) else 0.6)
    return _partly(text)


def _partly(text: Text) -> Decoded:
    """Undo the wrong decoding of some lines, if it is found in what they tell the reader: no test wants that."""
    for encoding in ("cp1252", "latin-1"):
        pairs = [(line, None if line.isascii() else _meant(line, encoding)) for line in text.text.splitlines(keepends=True)]
        if any(meant is not None for _, meant in pairs):
            done = "".join(line if meant is None else meant for line, meant in pairs)
            sure = 0.85 if _told(text.text, encoding) else 0.5
            return Decoded(Text(done, text.encoding, text.bom), f"some lines were UTF-8, read as {encoding} and saved again", sure)
    return Decoded(text)


def _told(text: str, encoding: str) -> bool:
    """Whether a garbled line stands in a comment or a long string, and not in quotes there, as an example would."""
    source = Source(text)
    for token in source.tokens:
        long = token.kind in ("string", "openstring") and token.text.lstrip("rRbBuUfF")[:3] in ('"""', "'''")
        if token.kind == "comment" or long:
            lines = token.text.replace('"""', "").replace("'''", "").splitlines()
            if any(not line.isascii() and not _EXAMPLE.search(line) and _meant(line, encoding) is not None for line in lines):
                return True
    return False
