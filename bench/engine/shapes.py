"""Shapes: the graphs that everybody runs, and how fast each could be run at best."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

UNIT = 0.01
"""Seconds that one unit of an agent's work takes."""
WORKERS = 4


class Node(NamedTuple):
    """A task: its name, those it needs, and its units of work."""

    name: str
    needs: tuple[str, ...]
    units: int = 0


def layers(count: int, width: int = 100, fan: int = 3) -> list[Node]:
    """Return `count` empty tasks in layers; each needs a few of the layer before."""
    nodes = []
    for number in range(count):
        layer, place = divmod(number, width)
        needs = {f"t{(layer - 1) * width + (place + 7 * step) % width}" for step in range(fan)} if layer else set()
        nodes.append(Node(f"t{number}", tuple(sorted(needs))))
    return nodes


TEAM = [
    Node("product-manager", (), 15),
    Node("technical-architect", ("product-manager",), 20),
    Node("frontend-developer", ("technical-architect",), 30),
    Node("backend-developer", ("technical-architect",), 35),
    Node("devops-engineer", ("technical-architect",), 15),
    Node("qa-engineer", ("frontend-developer", "backend-developer"), 20),
    Node("site-reliability-engineer", ("devops-engineer", "qa-engineer"), 20),
    Node("development-coordinator", ("site-reliability-engineer",), 10),
]
FIVE = [Node(f"agent-{number}", (), 6) for number in range(5)]
SHAPES = {"1,000 empty tasks": layers(1_000), "10,000 empty tasks": layers(10_000), "team": TEAM, "five": FIVE}


def work(nodes: Sequence[Node]) -> int:
    """Return the units of all."""
    return sum(node.units for node in nodes)


def path(nodes: Sequence[Node]) -> int:
    """Return the units on the longest path."""
    longest: dict[str, int] = {}
    for node in nodes:
        longest[node.name] = node.units + max((longest[need] for need in node.needs), default=0)
    return max(longest.values())


def packed(nodes: Sequence[Node], workers: int = WORKERS) -> int:
    """Return the units that tasks take which need nothing, packed by hand: the largest first, to whoever is free first."""
    ends = [0] * workers
    for units in sorted((node.units for node in nodes if not node.needs), reverse=True):
        ends[ends.index(min(ends))] += units
    return max(ends)


def bound(nodes: Sequence[Node]) -> float:
    """Return the seconds below which no scheduler comes: the longest path, the work over the workers, the packing."""
    return UNIT * max(path(nodes), work(nodes) / WORKERS, packed(nodes))
