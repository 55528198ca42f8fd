"""Asked: what a measuring task is asked, read back from its arguments; and the mix of requests that was discovered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast
from urllib.parse import urljoin

from bmad_provisioner.digest import Plain
from bmad_provisioner.engine.task import Inputs
from bmad_provisioner.kinds.performance.http1 import Request
from bmad_provisioner.kinds.performance.order import Ask, Order, Target, order

DISCOVER = "discover"
"""The name of the task that says, among other things, what each service is asked for."""


def wanted(inputs: Inputs) -> tuple[Order, Target]:
    """Return what the document asks for, as far as the task was told, and its one target."""
    asked = order(cast("Mapping[str, Plain]", inputs.args["document"]))
    return asked, asked.targets[0]


def mix(inputs: Inputs, target: Target) -> tuple[Ask, ...]:
    """Return the requests of a service and their weights, as they were discovered; else what the document names."""
    output = inputs.needs.get(DISCOVER)
    rows = output.facts.get(fact(target.name)) if output is not None else None
    found = tuple(asking(cast("Mapping[str, Any]", row)) for row in cast("Sequence[Plain]", rows or ()))
    return found or target.requests or tuple(Ask(page) for page in target.pages) or (Ask(target.ready),)


def fact(target: str) -> str:
    """Return the name of the fact that holds the mix of a target."""
    return f"mix of {target}"


def told(ask: Ask) -> Plain:
    """Return a request as plain data."""
    return {
        "path": ask.path,
        "method": ask.method,
        "headers": [list(pair) for pair in ask.headers],
        "body": ask.body,
        "weight": ask.weight,
    }


def asking(row: Mapping[str, Any]) -> Ask:
    """Return the request again."""
    headers = tuple((str(name), str(value)) for name, value in row["headers"])
    return Ask(str(row["path"]), str(row["method"]), headers, str(row["body"]), float(row["weight"]))


def request(ask: Ask, url: str) -> Request:
    """Return a request as it goes over the wire."""
    headers = tuple(pair for pair in (("Accept-Encoding", "gzip"), *ask.headers))
    return Request(urljoin(url, ask.path), ask.method, headers, ask.body.encode())
