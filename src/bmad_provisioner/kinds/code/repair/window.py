"""Window: the top-level statements around a fault, so that a long file costs no more than a short one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice

from bmad_provisioner.kinds.code.repair.oracle import Trouble, tree

_HEAD = re.compile(r"^(?:def|class|async def|@|import|from)\b|^@", re.MULTILINE)
_BLOCK = re.compile(r"(?:def|class|async def|@)")
_EDGE = re.compile(r"^[\w@]", re.MULTILINE)
_APART = re.compile(r"\n[ \t]*\r?\n[ \t]*\r?\n\Z")
"""Two empty lines: what follows begins anew."""
_TRIES = 6


def _parses(text: str) -> bool:
    return not isinstance(tree(text), Trouble)


def window(text: str, found: Trouble) -> tuple[int, int]:
    """Return the range of offsets that holds a fault: what is before it parses; what is behind it seems to."""
    offset = 0
    for _ in range(found.line):
        offset = text.find("\n", offset) + 1 or len(text)
    heads = [match.start() for match in _HEAD.finditer(text)]
    stray = "indent" in found.message or "outside" in found.message  # what stands at the margin may be what is wrong
    before = reversed([head for head in heads if head < offset and not (stray and _is_astray(text, head))])
    start = next((head for head in islice(before, _TRIES) if _parses(text[:head])), 0)
    after = [head for head in heads if head >= offset and _clear(text, head)]
    if found.message.startswith("expected an indented block"):
        return start, len(text)
    return start, _end(text, after)


def _is_astray(text: str, head: int) -> bool:
    """Whether a statement at the margin may have lost its place: it is an import, or stands close to deeper lines."""
    above = text.rfind("\n", 0, max(len(text[:head].rstrip()), 0)) + 1
    return not _BLOCK.match(text, head) or (text[above : above + 1] in (" ", "\t") and not _APART.search(text, 0, head))


def _clear(text: str, head: int) -> bool:
    """Whether an empty line or a comment stands above: a statement that decorators belong to is none to stop at."""
    above = text[text.rfind("\n", 0, max(head - 1, 0)) + 1 : head].strip()
    return not above or above.startswith("#")


def _end(text: str, heads: Iterable[int]) -> int:
    """Return the first head behind the fault from which a statement parses."""
    tried = list(islice(heads, _TRIES + 1))
    for place, start in enumerate(tried[:_TRIES]):
        stop = tried[place + 1] if place + 1 < len(tried) else len(text)
        edge = _EDGE.search(text, text.find("\n", start) + 1 or len(text)) if _APART.search(text, 0, start) else None
        if _parses(text[start:stop]) or (edge and edge.start() < stop and _parses(text[start : edge.start()])):
            return start
    return len(text)
