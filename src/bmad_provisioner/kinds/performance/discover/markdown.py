"""Markdown: sections and tables of what strangers' files say, none of which can write the page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from bmad_provisioner.characters import scrubbed
from bmad_provisioner.kinds.performance.report import markdown
from bmad_provisioner.kinds.performance.report.tables import Table

MOST_ROWS = 200
_LONGEST = 200


def code(text: object) -> str:
    """Return a text as code: one line without backticks."""
    plain = " ".join(scrubbed(str(text)).replace("`", "'").split())
    return f"`{plain if len(plain) <= _LONGEST else plain[: _LONGEST - 3] + '...'}`" if plain else ""


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table, and how much of it is left out; nothing for no rows."""
    some = [tuple(row) for row in rows]
    yield from markdown.table(Table(tuple(heads), tuple(some[:MOST_ROWS])))
    if len(some) > MOST_ROWS:
        yield from (f"And {len(some) - MOST_ROWS:,} more.", "")


def section(title: str, lines: Iterable[str], otherwise: str = "") -> Iterator[str]:
    """Yield a section; where it has no lines, what is to be said instead, or nothing at all."""
    some = list(lines) or ([otherwise, ""] if otherwise else [])
    if some:
        yield from (f"## {title}", "", *some)


def page(title: str, *parts: Iterable[str]) -> str:
    """Return a page of its parts."""
    return markdown.page((f"# {markdown.prose(title)}", ""), *parts)
