"""Text: the bytes of a Python file as text and back, to the last byte."""

from __future__ import annotations

import codecs
import io
import tokenize
from dataclasses import dataclass

from bmad_provisioner.errors import TaskError

_BOM = codecs.BOM_UTF8


@dataclass(frozen=True, slots=True)
class Text:
    """A Python file as text: line ends as they stand there, its encoding (PEP 263), and whether a mark of UTF-8 begins it."""

    text: str
    encoding: str = "utf-8"
    bom: bool = False

    def data(self) -> bytes:
        """Return the bytes; raises TaskError where its encoding has no letter for something in it."""
        try:
            body = self.text.encode(self.encoding)
        except UnicodeEncodeError as error:
            raise TaskError(f"`{error.object[error.start]}` cannot be written in {self.encoding}") from error
        return (_BOM if self.bom else b"") + body


def read(data: bytes) -> Text:
    """Return the text of a file; raises TaskError where its bytes are not in the encoding that it declares, or hold a NUL."""
    if b"\0" in data:
        raise TaskError("it holds a NUL byte, so it is no Python")
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    except SyntaxError as error:
        raise TaskError(f"its encoding: {error}") from error
    bom = data.startswith(_BOM)
    encoding = "utf-8" if encoding == "utf-8-sig" else encoding
    try:
        return Text(data.removeprefix(_BOM).decode(encoding), encoding, bom)
    except (UnicodeDecodeError, LookupError) as error:
        raise TaskError(f"its bytes are not {encoding}: {error}") from error
