"""Scaling: the numbers in a request, and how the work grows when one of them is doubled."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import log
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from bmad_provisioner.kinds.performance.order import Ask

_NUMBER = re.compile(r"^[1-9]\d{0,6}$")
_NOT_A_SIZE = re.compile(r"(^|_)(id|page|offset|start|lat|lon|version|v|ts|time|date|year|month|day|port|code|zip|seed)$", re.IGNORECASE)
STEEP = 1.5
"""The exponent from which work grows faster than what is asked for."""


def numbers(what: Ask) -> Iterator[str]:
    """Yield the names of parameters that may say how much is asked for."""
    if what.method == "GET":
        yield from (name for name, value in parse_qsl(urlsplit(what.path).query) if _NUMBER.match(value) and not _NOT_A_SIZE.search(name))


def times(what: Ask, name: str, factor: float) -> Ask:
    """Return the request with one of its numbers multiplied."""
    parts = urlsplit(what.path)
    pairs = [(key, str(round(int(value) * factor)) if key == name else value) for key, value in parse_qsl(parts.query)]
    return replace(what, path=urlunsplit(parts._replace(query=urlencode(pairs))))


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """Return k of cost ~ size ** k, fitted to logarithms by least squares; 0 where a cost is not positive."""
    if len(sizes) < 2 or min(costs) <= 0:
        return 0.0
    x, y = [log(size) for size in sizes], [log(cost) for cost in costs]
    mid_x, mid_y = sum(x) / len(x), sum(y) / len(y)
    return sum((a - mid_x) * (b - mid_y) for a, b in zip(x, y, strict=True)) / sum((a - mid_x) ** 2 for a in x)
