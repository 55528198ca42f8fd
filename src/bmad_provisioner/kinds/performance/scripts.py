"""Scripts: what the engine of a browser tells of them: what never ran, which data nobody names, where the time went."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bmad_provisioner.kinds.performance.pages import Place

DATA = 1000
"""Characters from which on data in a script is worth a question."""
_NAMED = re.compile(r"([A-Za-z_$][\w$]*)\s*=\s*(?=[\"'`\[{])")
_TOKEN = re.compile(r"\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`|//[^\n]*|/\*.*?\*/|[\[{(]|[\]})]", re.DOTALL)
_LIBRARY = re.compile(
    r"/(?:node_modules|vendors?|lib|libs)/|\.min\.m?js|/(?:react|preact|vue|jquery|angular|svelte|lodash|d3)\b[^/]*\.m?js"
)
_WORD = re.compile(r"[A-Za-z_$][\w$]*")


def unused(functions: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
    """Return the characters of a script, and those that never ran, of its precise coverage (Chrome DevTools Protocol).

    Ranges nest; the innermost one that holds a character says whether it ran.
    """
    ranges = [(one["startOffset"], one["endOffset"], one["count"]) for function in functions for one in function["ranges"]]
    if not ranges:
        return 0, 0
    ranges.sort(key=lambda one: (one[0], -one[1]))
    size = max(end for _, end, _ in ranges)
    idle, at = 0, 0
    open_: list[tuple[int, int]] = []
    for start, end, count in [*ranges, (size, size, 1)]:
        while open_ and open_[-1][0] <= start:
            closed, ran = open_.pop()
            idle, at = idle + (0 if ran else max(closed - at, 0)), max(at, closed)
        if open_ and not open_[-1][1]:
            idle += max(start - at, 0)
        at = max(at, start)
        open_.append((end, count))
    return size, idle


def unread(text: str, mentions: Mapping[str, int]) -> int:
    """Return the characters of data that a script gives a name nobody says again; `mentions` counts the words of all
    that the page runs."""
    total, at = 0, 0
    while found := _NAMED.search(text, at):
        at = found.end()
        end = _end(text, at)
        if end - at >= DATA:
            total += end - at if mentions.get(found[1], 0) <= 1 else 0
            at = end
    return total


def remarks(text: str) -> int:
    """Return the characters of a script that are comments."""
    return sum(len(token[0]) for token in _TOKEN.finditer(text) if token[0].startswith(("//", "/*")))


def _end(text: str, start: int) -> int:
    """Return where the string, the list or the object ends that starts here."""
    depth = 0
    for token in _TOKEN.finditer(text, start):
        depth += (token[0] in "[{(") - (token[0] in "]})")
        if depth <= 0:
            return token.end()
    return len(text)


def words(texts: Iterable[str]) -> Counter[str]:
    """Count the words of all texts, those of long strings left out."""
    return Counter(word for text in texts for word in _WORD.findall(_LONG.sub("", text)))


_LONG = re.compile(rf"\"[^\"\\\n]{{{DATA},}}\"|'[^'\\\n]{{{DATA},}}'")


def hottest(profile: Mapping[str, Any]) -> tuple[Place, float] | None:
    """Return where a processor profile of a page spent most, and the part of what scripts of the page ran; `None`: nowhere.

    What a function has the browser do (native code, garbage) counts as its own.
    """
    nodes = {node["id"]: node for node in profile["nodes"]}
    parents = {child: node["id"] for node in nodes.values() for child in node.get("children", ())}
    spent: Counter[Place] = Counter()
    for node in nodes.values():
        place = _place(node, nodes, parents)
        if place is not None:
            spent[place] += node.get("hitCount", 0)
    total = sum(spent.values())
    if not total:
        return None
    place, hits = max(spent.items(), key=lambda item: (item[1], item[0].url, -item[0].line))
    return place, hits / total


def _place(node: Mapping[str, Any], nodes: Mapping[int, Mapping[str, Any]], parents: Mapping[int, int]) -> Place | None:
    frames = []
    at: Mapping[str, Any] | None = node
    while at is not None:
        frames.append(at["callFrame"])
        at = nodes.get(parents.get(at["id"], -1))
    return innermost(frames)


def innermost(frames: Iterable[Mapping[str, Any]]) -> Place | None:
    """Return the first place of call frames, from the inside out, in what the page's own people wrote, else in a library."""
    places = [place for frame in frames if (place := _called(frame)) is not None]
    return next((place for place in places if not _LIBRARY.search(place.url)), places[0] if places else None)


def _called(frame: Mapping[str, Any]) -> Place | None:
    """Return the place of a call frame of the page's own; `None` for the browser's."""
    if not frame["url"].startswith(("http:", "https:")):
        return None
    return Place(frame["url"].partition("#")[0], frame["lineNumber"] + 1, frame["functionName"])
