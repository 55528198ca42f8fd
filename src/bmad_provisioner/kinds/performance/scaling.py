"""Scaling: the numbers in a request, and how the work grows when one of them is doubled."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import log
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from bmad_provisioner.kinds.performance.order import Ask

_NUMBER = re.compile(r"^[1-9]\d{0,6}$")
_NOT_A_SIZE = re.compile(
    r"(^|_)(id|page|offset|start|lat|lon|version|v|ts|time|date|year|month|day|port|code|zip|seed)$", re.IGNORECASE
)
_BODY, _PATH = "body ", "path "
STEEP, _ALMOST = 1.5, 1.3
"""The exponent from which work grows faster than what is asked for."""


def numbers(what: Ask) -> Iterator[str]:
    """Yield the names of what may say how much is asked for: parameters, numbers and lists of a JSON body, parts of the path.

    What removes or changes something is left alone; a POST is often a question with a body.
    """
    if what.method not in ("GET", "HEAD", "POST"):
        return
    parts = urlsplit(what.path)
    yield from (name for name, value in parse_qsl(parts.query) if _NUMBER.match(value) and not _NOT_A_SIZE.search(name))
    yield from (_BODY + name for name, value in _body(what).items() if _says_how_much(name, value))
    yield from (f"{_PATH}{place}" for place, part in enumerate(parts.path.split("/")) if _NUMBER.match(part))


def _says_how_much(name: str, value: object) -> bool:
    if isinstance(value, list):
        return len(value) > 1
    return type(value) is int and value > 1 and not _NOT_A_SIZE.search(name)


def _body(what: Ask) -> Mapping[str, Any]:
    try:
        found = json.loads(what.body) if what.body.lstrip()[:1] == "{" else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def size(what: Ask, name: str) -> float:
    """Return how much of something is asked for; a list is as large as it is long."""
    if name.startswith(_BODY):
        value = _body(what)[name.removeprefix(_BODY)]
        return float(len(value) if isinstance(value, list) else value)
    if name.startswith(_PATH):
        return float(urlsplit(what.path).path.split("/")[int(name.removeprefix(_PATH))])
    return float(dict(parse_qsl(urlsplit(what.path).query))[name])


def times(what: Ask, name: str, factor: float) -> Ask:
    """Return the request with one of its numbers multiplied, never below 1; a list is repeated or cut."""
    parts = urlsplit(what.path)
    if name.startswith(_BODY):
        body = dict(_body(what))
        body[name.removeprefix(_BODY)] = _more(body[name.removeprefix(_BODY)], factor)
        return replace(what, body=json.dumps(body))
    if name.startswith(_PATH):
        steps = parts.path.split("/")
        place = int(name.removeprefix(_PATH))
        steps[place] = str(_more(int(steps[place]), factor))
        return replace(what, path=urlunsplit(parts._replace(path="/".join(steps))))
    pairs = [(key, str(_more(int(value), factor)) if key == name else value) for key, value in parse_qsl(parts.query)]
    return replace(what, path=urlunsplit(parts._replace(query=urlencode(pairs))))


def _more(value: Any, factor: float) -> Any:
    if isinstance(value, list):
        whole = value * max(1, round(factor + 0.5))
        return whole[: max(1, round(len(value) * factor))]
    return max(1, round(value * factor))


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """Return k of cost ~ size ** k, fitted to logarithms by least squares; 0 where a cost is not positive."""
    if len(sizes) < 2 or min(costs) <= 0:
        return 0.0
    x, y = [log(size) for size in sizes], [log(cost) for cost in costs]
    mid_x, mid_y = sum(x) / len(x), sum(y) / len(y)
    spread = sum((a - mid_x) ** 2 for a in x)
    return sum((a - mid_x) * (b - mid_y) for a, b in zip(x, y, strict=True)) / spread if spread else 0.0


def is_steep(sizes: Sequence[float], costs: Sequence[float]) -> bool:
    """Whether work grows faster than what is asked for, whatever a request costs that asks for nothing.

    That constant part makes the fitted exponent smaller than it is; of three sizes, each as many times the one before, the
    differences of their costs are free of it. They are noisy, so both have to say so.
    """
    fitted = exponent(sizes, costs)
    if len(sizes) != 3 or not costs[0] < costs[1] < costs[2]:
        return fitted >= STEEP
    ratio = (sizes[2] / sizes[0]) ** 0.5
    return fitted >= STEEP or (fitted >= _ALMOST and log((costs[2] - costs[1]) / (costs[1] - costs[0])) / log(ratio) >= STEEP)
