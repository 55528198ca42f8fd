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
_TEXT = 200
"""Letters from which a text of a body is no name of something, but something to work on."""
STEEP, _ALMOST = 1.5, 1.3
"""The exponent from which work grows faster than what is asked for."""


def numbers(what: Ask) -> Iterator[str]:
    """Yield the names of what may say how much is asked for: parameters, parts of the path, and of a body the numbers, lists
    and long texts, or the text that it is.

    What removes or changes something is left alone; a POST is often a question with a body.
    """
    if what.method not in ("GET", "HEAD", "POST"):
        return
    parts = urlsplit(what.path)
    yield from (name for name, value in parse_qsl(parts.query) if _NUMBER.match(value) and not _NOT_A_SIZE.search(name))
    yield from (_BODY + name for name, value in _body(what).items() if _says_how_much(name, value))
    yield from (f"{_PATH}{place}" for place, part in enumerate(parts.path.split("/")) if _NUMBER.match(part))


def _says_how_much(name: str, value: object) -> bool:
    if isinstance(value, str):
        return len(value) >= _TEXT
    if isinstance(value, list):
        return len(value) > 1
    return type(value) is int and value > 1 and not _NOT_A_SIZE.search(name)


def _body(what: Ask) -> Mapping[str, Any]:
    """Return the values of a body by name: those in objects by the names of both with a point between, and by no name what
    is a whole body itself."""
    found = _read(what)
    return dict(_flat(found, "")) if isinstance(found, dict) else {"": found}


def _read(what: Ask) -> Any:
    kind = next((value for name, value in what.headers if name.lower() == "content-type"), "")
    try:
        return json.loads(what.body) if what.body.lstrip()[:1] in ("{", "[") else what.body if kind.startswith("text/") else {}
    except ValueError:
        return {}


def _flat(body: Mapping[str, Any], outer: str) -> Iterator[tuple[str, Any]]:
    for name, value in body.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{outer}{name}.")
        else:
            yield outer + name, value


def _put(body: Any, name: str, new: Any, outer: str = "") -> Any:
    """Return a body with another value of a name."""
    if not isinstance(body, dict):
        return new
    return {
        key: _put(value, name, new, f"{outer}{key}.") if isinstance(value, dict) else new if outer + key == name else value
        for key, value in body.items()
    }


def size(what: Ask, name: str) -> float:
    """Return how much of something is asked for; a list or a text is as large as it is long."""
    if name.startswith(_BODY):
        value = _body(what)[name.removeprefix(_BODY)]
        return float(len(value) if isinstance(value, list | str) else value)
    if name.startswith(_PATH):
        return float(urlsplit(what.path).path.split("/")[int(name.removeprefix(_PATH))])
    return float(dict(parse_qsl(urlsplit(what.path).query))[name])


def is_varied(what: Ask, name: str) -> bool:
    """Whether something is a list of values that all differ: of a longer one, more would differ."""
    value = _body(what).get(name.removeprefix(_BODY)) if name.startswith(_BODY) else None
    return isinstance(value, list) and len({json.dumps(one, sort_keys=True) for one in value}) == len(value)


def times(what: Ask, name: str, factor: float, *, varied: bool = False) -> Ask:
    """Return the request with one of its numbers multiplied, never below 1; a list or a text is repeated or cut, a `varied`
    list goes on with values that it does not have yet."""
    parts = urlsplit(what.path)
    if name.startswith(_BODY):
        value = _body(what)[name.removeprefix(_BODY)]
        body = _put(_read(what), name.removeprefix(_BODY), _more(value, factor, varied))
        return replace(what, body=body if isinstance(body, str) else json.dumps(body))
    if name.startswith(_PATH):
        steps = parts.path.split("/")
        place = int(name.removeprefix(_PATH))
        steps[place] = str(_more(int(steps[place]), factor))
        return replace(what, path=urlunsplit(parts._replace(path="/".join(steps))))
    pairs = [(key, str(_more(int(value), factor)) if key == name else value) for key, value in parse_qsl(parts.query)]
    return replace(what, path=urlunsplit(parts._replace(query=urlencode(pairs))))


def _more(value: Any, factor: float, varied: bool = False) -> Any:
    if not isinstance(value, list | str):
        return max(1, round(value * factor))
    whole: Any = value
    for copy in range(1, round(factor + 0.5)):
        whole = whole + (_others(value, copy) if varied and isinstance(value, list) else value)
    return whole[: max(1, round(len(value) * factor))]


def _others(values: list[Any], copy: int) -> list[Any]:
    """Return a list like another, with other values where all of those differ."""
    if values and all(isinstance(one, dict) for one in values):
        names = [name for name in values[0] if all(name in one for one in values)]
        columns = {name: _others([one[name] for one in values], copy) for name in names}
        return [{**one, **{name: columns[name][place] for name in names}} for place, one in enumerate(values)]
    if copy and all(isinstance(one, str) for one in values) and len(set(values)) == len(values):
        return [f"{one}{copy}" for one in values]
    if copy and all(type(one) is int for one in values) and len(set(values)) == len(values):
        return [one + copy * (max(values) - min(values) + 1) for one in values]
    return values


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
