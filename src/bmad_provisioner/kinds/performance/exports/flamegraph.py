"""Flame graph: sampled stacks as one picture that needs no program but a browser, and can be read without moving the mouse.

The layout is Brendan Gregg's: callers below, what they call on top of them, as wide as the part of all looks they were in.
Of one width, neighbours stand in the order of the alphabet.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html import escape
from zlib import crc32

from bmad_provisioner.characters import scrubbed
from bmad_provisioner.kinds.performance.exports.profiles import Frame, Stacks

WIDTH = 1200
_MARGIN, _ROW, _HEAD, _FOOT = 10, 17, 50, 10
_LETTER = 6.7
"""Width of a letter of the fixed width used, in pixels at its size; a little more than it is."""
_LEAST = 2.0
"""Pixels below which nothing is drawn: nobody could point at it, and towers of imports would make the picture tall."""
_IMPORTS = "<frozen importlib"
"""What stands between two modules of which one imports the other."""
PROJECT, LIBRARY, NATIVE = "project", "library", "native"
_HUES = {PROJECT: (14, 30, 82), LIBRARY: (205, 22, 45), NATIVE: (90, 20, 30)}
"""Of each sort of frame: the first hue, how far hues go from it (degrees), and how full they are (per cent)."""

Told = Callable[[float], str]


@dataclass(slots=True)
class _Node:
    """A function where it was called from: what it weighs, and what it calls."""

    weight: float = 0.0
    calls: dict[tuple[str, str], _Node] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Box:
    """A function as it is drawn: its depth from 0, its left edge and its width in parts of the whole."""

    frame: Frame
    depth: int
    left: float
    width: float
    weight: float


def samples(value: float) -> str:
    """Return a number of looks as people read it."""
    return f"{value:,.0f} sample{'' if round(value) == 1 else 's'}"


def flamegraph(title: str, stacks: Stacks, told: Told = samples) -> str:
    """Return an SVG of stacks; `told` says what a weight is: `told_size` where they are bytes.

    The same stacks give the same picture. Paths from the root of the project are the project's own, absolute ones are of
    libraries, and what has no file of its own is native.
    """
    root = _tree(stacks)
    boxes = [box for box in _boxes(root) if box.width * (WIDTH - 2 * _MARGIN) >= _LEAST]
    deep = max((box.depth for box in boxes), default=0) + 1
    height = _HEAD + deep * _ROW + _FOOT
    drawn = "".join(_drawn(box, height, root.weight, told) for box in boxes)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'font-family="ui-monospace, Menlo, Consolas, monospace" font-size="11" role="img">\n'
        f"<title>{_text(title)}</title>\n"
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>\n'
        f'<text x="{_MARGIN}" y="22" font-size="15" fill="#222">{_text(_clipped(title, WIDTH * 0.55))}</text>\n'
        f'<text x="{WIDTH - _MARGIN}" y="22" text-anchor="end" fill="#666">{_text(told(root.weight))}</text>\n'
        f"{_legend()}{drawn}</svg>\n"
    )


def _tree(stacks: Stacks) -> _Node:
    root = _Node()
    for stack, weight in stacks.items():
        root.weight += weight
        node = root
        for frame in (one for one in stack if not one.path.startswith(_IMPORTS)):
            node = node.calls.setdefault((frame.name, frame.path), _Node())
            node.weight += weight
    return root


def _boxes(root: _Node) -> Iterator[_Box]:
    """Yield every function but the root; those of one caller side by side, by name."""
    waiting: list[tuple[_Node, int, float]] = [(root, 0, 0.0)]
    while waiting:
        node, depth, left = waiting.pop()
        for (name, path), called in sorted(node.calls.items()):
            width = called.weight / root.weight if root.weight else 0.0
            yield _Box(Frame(name, path), depth, left, width, called.weight)
            waiting.append((called, depth + 1, left))
            left += width


def _drawn(box: _Box, height: int, whole: float, told: Told) -> str:
    x, width = _MARGIN + box.left * (WIDTH - 2 * _MARGIN), box.width * (WIDTH - 2 * _MARGIN)
    y = height - _FOOT - (box.depth + 1) * _ROW
    label = _clipped(box.frame.name, width - 6)
    text = f'<text x="{x + 3:.1f}" y="{y + 12}" fill="#111">{_text(label)}</text>' if label else ""
    said = f"{box.frame}: {told(box.weight)}, {box.weight / whole:.1%}"
    place = f'x="{x:.1f}" y="{y}" width="{width - 0.5:.1f}" height="{_ROW - 1}" rx="2"'
    return f'<g class="{sort(box.frame)}"><title>{_text(said)}</title><rect {place} fill="{_colour(box.frame)}"/>{text}</g>\n'


def _legend() -> str:
    parts = []
    for place, (name, (hue, _, full)) in enumerate(_HUES.items()):
        x = _MARGIN + place * 90
        parts.append(f'<rect x="{x}" y="32" width="10" height="10" rx="2" fill="hsl({hue}, {full}%, 68%)"/>')
        parts.append(f'<text x="{x + 14}" y="41" fill="#666">{name}</text>\n')
    return "".join(parts)


def sort(frame: Frame) -> str:
    """Return whose a frame is: of the project, of a library, or native: of the interpreter or of compiled code."""
    if not frame.path or frame.path.startswith("<") or not frame.path.endswith((".py", ".pyx", ".pyi", ".pyw")):
        return NATIVE
    return LIBRARY if os.path.isabs(frame.path) else PROJECT


def _colour(frame: Frame) -> str:
    """Return a colour of its sort that is the function's own in every picture."""
    first, far, full = _HUES[sort(frame)]
    drawn = crc32(f"{frame.path} {frame.name}".encode("utf-8", "replace"))
    return f"hsl({first + drawn % far}, {full}%, {62 + drawn // 1000 % 14}%)"


def _clipped(text: str, width: float) -> str:
    """Return as much of a text as there is room for; nothing where that says nothing."""
    room = int(width / _LETTER)
    if len(text) <= room:
        return text
    return f"{text[: room - 1]}…" if room >= 3 else ""


def _text(text: str) -> str:
    return escape(scrubbed(text).replace("\n", " "))
