"""Decoding: bytes that are not in the encoding they should be in, and text that was decoded wrongly and saved so."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from bmad_provisioner.errors import TaskError
from bmad_provisioner.kinds.code.repair.oracle import trouble
from bmad_provisioner.kinds.code.text import Text, read

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_USUAL = re.compile("^[\x00-\x7f\u00a0-\u00ff\u2010-\u2026\u20ac\u2122\u0152\u0153\u0160\u0161\u0178\u017d\u017e]*$")


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
    try:
        text = read(data)
    except TaskError:
        if b"\0" in data:
            raise
        return _foreign(data)
    if text.text.startswith("\ufeff"):
        return Decoded(Text(text.text.lstrip("\ufeff"), text.encoding, text.bom), "a byte order mark stands twice", 0.95)
    return _garbled(text)


def _foreign(data: bytes) -> Decoded:
    """Read bytes that are no UTF-8 as Windows or Latin-1 text, and drop a declaration that says otherwise."""
    for encoding in ("utf-8", "cp1252", "latin-1"):
        try:
            text = data.removeprefix(codecs.BOM_UTF8).decode(encoding)
        except UnicodeDecodeError:
            continue
        text = re.sub(r"\A((?:#[^\n]*\n)?#[^\n]*?coding[:=][ \t]*)[-\w.]+", r"\1utf-8", text)
        usual = bool(_USUAL.match(text)) and trouble(text) is None
        return Decoded(Text(text), f"its bytes are {encoding}, not what it declares", 0.9 if usual else 0.5)
    raise TaskError("its bytes are in no encoding that Python knows")


def _bytes(text: str, encoding: str) -> bytes:
    """Encode as careless programs do: what the table has no place for keeps its own number."""
    try:
        return text.encode(encoding)
    except UnicodeEncodeError:
        return b"".join(c.encode("latin-1") if "\x80" <= c <= "\x9f" else c.encode(encoding) for c in text)


def _garbled(text: Text) -> Decoded:
    """Undo one wrong decoding, if every letter of the whole file takes part in it."""
    if text.text.isascii() or text.encoding != "utf-8":
        return Decoded(text)
    for encoding in ("cp1252", "latin-1", "mac_roman"):
        try:
            meant = _bytes(text.text, encoding).decode("utf-8")
        except (UnicodeEncodeError, UnicodeDecodeError):
            continue
        if not re.search("[\x80-\x9f\ufffd]", meant):
            return Decoded(Text(meant, text.encoding, text.bom), f"it was UTF-8, read as {encoding} and saved again", 0.93)
    return Decoded(text)
