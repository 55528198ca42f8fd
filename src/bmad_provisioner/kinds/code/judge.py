"""Judge: whether what was rewritten is still Python."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from itertools import accumulate

from bmad_provisioner.kinds.code.module import NEWLINE, Hit, Module, first_line, last_line


def compiles(text: str) -> str:
    """Return why a text is no Python; empty where it is."""
    try:
        compile(text, "<rewritten>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return str(error)
    return ""


def fits(module: Module, hits: Sequence[Hit]) -> bool:
    """Whether statements still parse with hits in them, by themselves: false where it cannot be told that way.

    A statement in the midst of others is put below an `if`; of a compound one only the header is read. Compiling 40 MB
    of files costs 7 CPU seconds, as much as parsing them; the headers of 30,000 functions cost less than half of one.
    """
    places: dict[tuple[int, int], list[Hit]] = {}
    for hit in hits:
        place = _lines(module, hit)
        if place is None:
            return False
        places.setdefault(place, []).append(hit)
    snippets = [_snippet(module, *place, within) for place, within in places.items()]
    try:
        tree = ast.parse("".join(snippets))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    # Each begins with a statement of the top level where it was put: so none has leant on the one before.
    begun = accumulate((len(NEWLINE.findall(snippet)) for snippet in snippets[:-1]), initial=1)
    return {node.lineno for node in tree.body}.issuperset(begun)


def _lines(module: Module, hit: Hit) -> tuple[int, int] | None:
    """Return the range of the lines of the statements that a hit says it stays within; `None` where it does not."""
    start = module.starts[first_line(hit.within[0]) - 1] if hit.within else hit.end + 1
    finish = _finish(module, hit.within[-1]) if start <= hit.start else 0
    return (start, finish) if hit.end <= finish else None


def _finish(module: Module, node: ast.AST) -> int:
    """Return where the body of a statement begins, its indent before that; where there is none below it, the end of its lines."""
    body = getattr(node, "body", None)
    if isinstance(body, list) and (place := module.indent(body[0])) is not None:
        return place
    line = last_line(node)
    return module.starts[line] if line < len(module.starts) else len(module.text)


def _snippet(module: Module, start: int, finish: int, hits: Sequence[Hit]) -> str:
    """Return lines with the hits in them, below a statement of the top level, and with a body where they are but a header."""
    text = spliced(module.text, hits, start, finish)
    head = "if 1:\n" if text[:1] in (" ", "\t", "\f") else "0\n"
    return head + text + ("" if text.endswith(("\n", "\r")) else "\n" if finish == len(module.text) else "pass\n")


def spliced(text: str, hits: Sequence[Hit], start: int = 0, finish: int | None = None) -> str:
    """Return a text, or a range of it, with the texts of hits in their places, which are given in order."""
    parts: list[str] = []
    for hit in hits:
        parts += (text[start : hit.start], hit.text or "")
        start = hit.end
    return "".join([*parts, text[start:finish]])
