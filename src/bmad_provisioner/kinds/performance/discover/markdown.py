"""Markdown: tables, code and places that show what strangers wrote without letting it write the page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from bmad_provisioner.characters import scrubbed

MOST_ROWS = 200
_LONGEST = 200


def code(text: object) -> str:
    """Return a text as code: one line, with nothing in it that ends the code or a cell."""
    plain = " ".join(scrubbed(str(text)).replace("`", "'").replace("|", "\\|").split())
    return f"`{plain if len(plain) <= _LONGEST else plain[: _LONGEST - 3] + '...'}`" if plain else ""


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table, and of how much of it is left out; nothing for no rows."""
    some = list(rows)
    if not some:
        return
    yield f"| {' | '.join(heads)} |"
    yield f"|{'---|' * len(heads)}"
    yield from (f"| {' | '.join(row)} |" for row in some[:MOST_ROWS])
    yield ""
    if len(some) > MOST_ROWS:
        yield from (f"And {len(some) - MOST_ROWS:,} more.", "")


def section(title: str, lines: Iterable[str], otherwise: str = "") -> Iterator[str]:
    """Yield a section; where it has no lines, what is to be said instead, or nothing at all."""
    some = list(lines) or ([otherwise, ""] if otherwise else [])
    if some:
        yield from (f"## {title}", "", *some)


def page(title: str, *parts: Iterable[str]) -> str:
    """Return a page of its parts."""
    lines = [f"# {title}", "", *(line for part in parts for line in part)]
    return "\n".join(lines).rstrip() + "\n"
