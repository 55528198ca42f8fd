"""Vocabulary: which of two spellings is made of words that stand elsewhere too."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache

from bmad_provisioner.kinds.code.repair import stdlib

_PART = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def parts(name: str) -> Iterator[str]:
    """Yield the words that a name is made of, in small letters."""
    return (part.lower() for part in _PART.findall(name))


@cache
def _library() -> frozenset[str]:
    names = {name for exported in stdlib.exports().values() for name in exported} | set(stdlib.exports())
    return frozenset(part for name in names for part in parts(name))


def sounder(one: str, other: str, text: str, also: Iterable[str] = ()) -> str:
    """Return the spelling whose words a text, the library or other names know, where the other's are not; else nothing."""
    words = Counter(part for word in re.findall(r"[^\W\d]\w*", text) if word not in (one, other) for part in parts(word))
    known = _library() | words.keys() | {part for name in also if name not in (one, other) for part in parts(name)}
    strange = [sum(part not in known for part in parts(name)) for name in (one, other)]
    if strange[0] == strange[1]:
        return ""
    return one if strange[0] < strange[1] else other
