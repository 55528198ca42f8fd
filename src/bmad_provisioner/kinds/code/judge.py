"""Judge: whether what was rewritten is still Python."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from bmad_provisioner.kinds.code.module import Hit, Module, first_line, last_line

_MARGIN = re.compile(r"[ \t\f]*")


def compiles(text: str) -> str:
    """Return why a text is no Python; empty where it is."""
    try:
        compile(text, "<rewritten>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return str(error)
    return ""


def fits(module: Module, hits: Sequence[Hit]) -> bool:
    """Whether statements still parse with hits in them, by each alone: false where it cannot be told that way.

    A statement in the midst of others is put below an `if`; of a compound one only the header is read. Compiling 40 MB
    of files costs 7 CPU seconds, as much as parsing them; the headers of 30,000 functions cost less than one.
    """
    snippets: dict[tuple[int, int], list[Hit]] = {}
    for hit in hits:
        place = _statement(module, hit)
        if place is None:
            return False
        snippets.setdefault(place, []).append(hit)
    return all(_parses(module, *place, within) for place, within in snippets.items())


def _statement(module: Module, hit: Hit) -> tuple[int, int] | None:
    """Return the range of the lines of the statement around a hit, up to its body; of several where they are of the top level."""
    line, until = module.line(hit.start), module.line(max(hit.start, hit.end - 1))
    first = module.around(line)
    last = first if until == line else module.around(until)
    if not first or not last or (first[-1] is not last[-1] and len(first) + len(last) > 2):
        return None
    body = getattr(last[-1], "body", None)
    if isinstance(body, list) and body:
        margin = _MARGIN.match(module.text, module.starts[first_line(body[0]) - 1])
        finish = margin.end() if margin else 0
    else:
        finish = _after(module, last_line(last[-1]))
    start = module.starts[first_line(first[-1]) - 1]
    return (start, finish) if start <= hit.start <= hit.end <= finish else None


def _after(module: Module, line: int) -> int:
    return module.starts[line] if line < len(module.starts) else len(module.text)


def _parses(module: Module, start: int, finish: int, hits: Sequence[Hit]) -> bool:
    """Whether the lines parse with the hits in them, and with a body where they are but a header."""
    snippet = spliced(module.text, hits, start, finish)
    body = "" if snippet.endswith(("\n", "\r")) or finish == len(module.text) else "pass"
    try:
        ast.parse(("if 1:\n" if snippet[:1] in (" ", "\t", "\f") else "") + snippet + body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def spliced(text: str, hits: Sequence[Hit], start: int = 0, finish: int | None = None) -> str:
    """Return a text, or a range of it, with the texts of hits in their places, which are given in order."""
    parts: list[str] = []
    for hit in hits:
        parts += (text[start : hit.start], hit.text or "")
        start = hit.end
    return "".join([*parts, text[start:finish]])
