"""Markdown: texts of others as parts of a page, so that none of them is taken for markup."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from bmad_provisioner.characters import scrubbed
from bmad_provisioner.kinds.performance.report.tables import STRONG, Table

_TICKS = re.compile("`+")
_BLANKS = re.compile(r"\s+")
_TAG, _ENTITY = re.compile(r"<(?=[A-Za-z/!?])"), re.compile(r"&(?=#?\w+;)")
_MARKUP = re.compile(r"([\\*\[\]|])")


def prose(text: str) -> str:
    """Return a text on one line; what stands between backticks stays code, all else is nothing but text."""
    parts = _TICKS.sub("`", _BLANKS.sub(" ", scrubbed(text)).strip()).split("`")
    if not len(parts) % 2:
        parts[-2:] = [f"{parts[-2]}'{parts[-1]}"]
    return "`".join(_piped(part) if at % 2 else _escaped(part) for at, part in enumerate(parts))


def _escaped(text: str) -> str:
    return _MARKUP.sub(r"\\\1", _TAG.sub("&lt;", _ENTITY.sub("&amp;", text)))


def _piped(text: str) -> str:
    return text.replace("|", "\\|")


def table(made: Table) -> Iterator[str]:
    """Yield the lines of a table, an empty one after it; nothing where there are no rows."""
    if not made.rows:
        return
    yield f"| {' | '.join(title.removesuffix(' >') for title in made.head)} |"
    yield f"|{'|'.join('--:' if title.endswith(' >') else '---' for title in made.head)}|"
    yield from (f"| {' | '.join(map(_cell, row))} |" for row in made.rows)
    yield ""


def _cell(text: str) -> str:
    return f"**{text}**" if text in STRONG else prose(text)


def bullets(sentences: Iterable[str]) -> Iterator[str]:
    """Yield sentences as a list, an empty line after it."""
    yield from (f"- {prose(one)}" for one in sentences)
    yield ""


def page(*parts: Iterable[str]) -> str:
    """Return lines as a page: one empty line at most between two, one line break at the end."""
    lines: list[str] = []
    for line in (line for part in parts for line in part):
        if line or (lines and lines[-1]):
            lines.append(line)
    return "\n".join(lines).rstrip("\n") + "\n"
