"""Markdown: texts of others as parts of a page, so that none of them is taken for markup."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from bmad_provisioner.characters import scrubbed

_TICKS = re.compile("`+")
_BLANKS = re.compile(r"\s+")
_MARKUP = re.compile(r"([\\*\[\]|])")


def prose(text: str) -> str:
    """Return a text on one line; what stands between backticks stays code, all else is nothing but text."""
    parts = _TICKS.sub("`", _BLANKS.sub(" ", scrubbed(text)).strip()).split("`")
    if not len(parts) % 2:
        parts[-2:] = [f"{parts[-2]}'{parts[-1]}"]
    return "`".join(_piped(part) if at % 2 else _escaped(part) for at, part in enumerate(parts))


def code(text: str) -> str:
    """Return a text as code; a backtick in it becomes an apostrophe."""
    told = _BLANKS.sub(" ", scrubbed(text)).strip().replace("`", "'")
    return f"`{_piped(told)}`" if told else ""


def _escaped(text: str) -> str:
    return _MARKUP.sub(r"\\\1", text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"))


def _piped(text: str) -> str:
    return text.replace("|", "\\|")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table, an empty one after it; nothing where there are no rows. Columns of numbers end in ` >`."""
    some = list(rows)
    if not some:
        return
    yield f"| {' | '.join(title.removesuffix(' >') for title in head)} |"
    yield f"|{'|'.join('--:' if title.endswith(' >') else '---' for title in head)}|"
    yield from (f"| {' | '.join(row)} |" for row in some)
    yield ""


def page(*parts: Iterable[str]) -> str:
    """Return lines as a page: one empty line at most between two, one line break at the end."""
    lines: list[str] = []
    for line in (line for part in parts for line in part):
        if line or (lines and lines[-1]):
            lines.append(line)
    return "\n".join(lines).rstrip("\n") + "\n"
