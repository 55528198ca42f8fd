"""Markdown: its lines without what no reader sees, its headings, and the slugs that name them.

Only what requests and artefacts are addressed by: no inline markup, no links. Everything is linear in the text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

_LIGATURES = str.maketrans({"œ": "oe", "æ": "ae", "ß": "ss", "ø": "o", "ł": "l", "đ": "d"})
_WORDS = re.compile(r"[^\W_]+")
_HEADING = re.compile(r" {0,3}(#{1,6})(?![^ \t])")
_UNDERLINE = re.compile(r" {0,3}(=+|-{2,})[ \t]*")
_FENCE = re.compile(r"[ \t]*(`{3,}|~{3,})")
_NUMBERING = re.compile(r"\A[0-9]{1,4}(?:\.[0-9]{1,4}){0,6}[.)]?[ \t]+(?=\S)")


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its 1-based number, its text, the level of heading it is (0: none), and whether it stands in a code fence.

    A heading's text is its title, without its marks.
    """

    number: int
    text: str
    level: int = 0
    fenced: bool = False


def slug(text: str, words: int = 12) -> str:
    """Return the first words in lower case, without accents, joined by hyphens: `Écran d'accueil` is `ecran-d-accueil`.

    What holds no letter or digit is named by its digest, so that a slug is never empty and never a matter of position.
    """
    folded = unicodedata.normalize("NFKD", text[:400].lower().translate(_LIGATURES))
    plain = "".join(character for character in folded if not unicodedata.combining(character))
    parts = _WORDS.findall(unicodedata.normalize("NFC", plain))[:words]
    return "-".join(parts)[:80].strip("-") or "x" + sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def title_slug(title: str) -> str:
    """Return the slug of a heading; its numbering (`2.1 Screens`) does not count, so that renumbering renames nothing."""
    return slug(_NUMBERING.sub("", title, count=1))


def normalised(text: str) -> str:
    """Return `text` composed (NFC), with one kind of line break and without a byte order mark."""
    return unicodedata.normalize("NFC", text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n"))


def lines(text: str) -> Iterator[Line]:
    """Yield the lines that count: without front matter and comments that stand on lines of their own.

    An underlined heading comes as one line; the lines of a fence, its marks included, come as they stand.
    """
    rows = text.split("\n")
    start = _front_matter(rows)
    held: Line | None = None
    for line in _unseen_dropped(rows, start):
        underline = None if held is None or line.fenced else _UNDERLINE.fullmatch(line.text)
        if held is not None and underline:
            yield Line(held.number, held.text.strip(), 1 if underline.group(1)[0] == "=" else 2)
            held = None
            continue
        if held is not None:
            yield held
        held = line if _may_be_title(line) and (held is None or not held.text.strip()) else None
        if held is None:
            yield line
    if held is not None:
        yield held


def _front_matter(rows: list[str]) -> int:
    """Return the index of the first line after front matter."""
    if rows[0].rstrip() != "---":
        return 0
    end = next((index for index, row in enumerate(rows[1:], 1) if row.rstrip() == "---"), None)
    return 0 if end is None else end + 1


def _unseen_dropped(rows: list[str], start: int) -> Iterator[Line]:
    """Yield each line with its heading level, tracking fences and leaving out comments."""
    fence, comment = "", False
    for number, row in enumerate(rows[start:], start + 1):
        mark = _FENCE.match(row)
        if fence:
            yield Line(number, row, fenced=True)
            closes = mark and mark.group(1).startswith(fence) and not row[mark.end() :].strip()
            fence = "" if closes else fence
        elif comment or row.lstrip().startswith("<!--"):
            comment = "-->" not in row
        elif mark:
            fence = mark.group(1)
            yield Line(number, row, fenced=True)
        else:
            heading = _HEADING.match(row)
            yield Line(number, _title(row[heading.end() :]), len(heading.group(1))) if heading else Line(number, row)


def _title(text: str) -> str:
    """Return a heading's text without the hashes that may close it."""
    whole = text.strip()
    open_ended = whole.rstrip("#")
    return open_ended.rstrip() if not open_ended or open_ended[-1] in " \t" else whole


def _may_be_title(line: Line) -> bool:
    """Whether the line becomes a heading if it is underlined: plain text that is no list, quote, table or code."""
    text = line.text
    return bool(text.strip()) and not (
        line.level or line.fenced or text[0] in "\t>|" or re.match(r"\s{4}|\s*(?:[-*+]|\d+[.)])\s", text)
    )
