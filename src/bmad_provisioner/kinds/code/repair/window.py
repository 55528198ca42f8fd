"""Window: the top-level statements around a fault, so that a long file costs no more than a short one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice

from bmad_provisioner.kinds.code.repair.oracle import Trouble, tree

_HEAD = re.compile(r"^(?:def|class|async def|@|import|from)\b|^@", re.MULTILINE)
_TRIES = 6


def _parses(text: str) -> bool:
    return not isinstance(tree(text), Trouble)


def window(text: str, found: Trouble) -> tuple[int, int]:
    """Return the range of offsets that holds a fault: what is before it parses; what is behind it seems to."""
    offset = 0
    for _ in range(found.line):
        offset = text.find("\n", offset) + 1 or len(text)
    heads = [match.start() for match in _HEAD.finditer(text)]
    before = reversed([head for head in heads if head < offset])
    start = next((head for head in islice(before, _TRIES) if _parses(text[:head])), 0)
    after = [head for head in heads if head >= offset]
    if found.message.startswith("expected an indented block"):
        return start, len(text)
    return start, _end(text, after)


def _end(text: str, heads: Iterable[int]) -> int:
    """Return the first head behind the fault from which a statement parses; its decorators may be heads of their own."""
    tried = list(islice(heads, _TRIES + 3))
    for place, start in enumerate(tried[:_TRIES]):
        stops = [*tried[place + 1 : place + 4], len(text)]
        if any(_parses(text[start:stop]) for stop in stops[:3]):
            return start
    return len(text)
