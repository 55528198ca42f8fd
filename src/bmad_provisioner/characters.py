"""Characters: those that nobody sees, or that a terminal obeys, found and taken out of a text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_HIDDEN = (
    (0x200B, 0x200C, "zero-width character"),
    (0x2028, 0x2029, "line separator"),
    (0x202A, 0x202E, "bidirectional control"),
    (0x2060, 0x2064, "zero-width character"),
    (0x2066, 0x2069, "bidirectional control"),
    (0x206A, 0x206F, "invisible format character"),
    (0xFEFF, 0xFEFF, "byte order mark inside the text"),
    (0xFFF9, 0xFFFB, "invisible annotation character"),
    (0xE0000, 0xE007F, "tag character"),
    (0xE0100, 0xE01EF, "variation selector"),
)
_CONTROL = ((0x00, 0x08), (0x0B, 0x0C), (0x0E, 0x1F), (0x7F, 0x9F), (0xD800, 0xDFFF), (0xFFFE, 0xFFFF))
_SUSPECT = re.compile("[" + "".join(f"{chr(first)}-{chr(last)}" for first, last, *_ in (*_CONTROL, *_HIDDEN)) + "]")
_ASCII_SUSPECT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_UNREADABLE = "\ufffd"


@dataclass(frozen=True, slots=True)
class Suspect:
    """One refused character: its code, where it stands, and the 0-based line of that (`\\n` ends a line)."""

    code: int
    line: int

    @property
    def hidden(self) -> str:
        """What kind of hidden character it is; empty for a control character."""
        return next((what for first, last, what in _HIDDEN if first <= self.code <= last), "")

    def __str__(self) -> str:
        what = self.hidden or ("NUL" if self.code == 0 else "")
        return f"U+{self.code:04X}" + (f" ({what})" if what else "")


def suspects(text: str) -> Iterator[Suspect]:
    """Yield each refused character once a line: controls but tab and line breaks, lone surrogates, what is hidden.

    The joiner U+200D and the variation selectors 1-16 pass: emoji need them.
    """
    pattern = _cheapest(text)
    line = here = 0
    while (match := pattern.search(text, here)) is not None:
        line += text.count("\n", here, match.start())
        here = (text.find("\n", match.start()) + 1 or len(text) + 1) - 1
        for character in dict.fromkeys(pattern.findall(text, match.start(), here)):
            yield Suspect(ord(character), line)


def is_clean(text: str) -> bool:
    """Say whether `text` holds no refused character."""
    return _cheapest(text).search(text) is None


def scrubbed(text: str) -> str:
    """Return `text` with U+FFFD, of the same length, for every refused character."""
    return _SUSPECT.sub(_UNREADABLE, text)


def shown(text: str) -> str:
    """Return `text` fit for a message: one short line, with nothing in it that a terminal would obey."""
    text = scrubbed(" ".join(text[:200].split()))
    return text if len(text) <= 60 else text[:57] + "..."


def _cheapest(text: str) -> re.Pattern[str]:
    return _ASCII_SUSPECT if text.isascii() else _SUSPECT
