"""Workload: which requests a service is measured with, as the document says it, or else as was found; none that changes anything
is made up."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from bmad_provisioner.kinds.performance.discover.access_log import is_harmless
from bmad_provisioner.kinds.performance.discover.facts import Found, Log, Traffic
from bmad_provisioner.kinds.performance.discover.routes import OWN
from bmad_provisioner.kinds.performance.order import SERVICE, Ask, Target

MOST = 12
"""Requests of a mix that was found: the most frequent ones, which carry what matters."""
_ASIDE = re.compile(
    r"^/(?:metrics|prometheus|health\w{0,10}|livez?|readyz?|ready|ping|status|favicon\.ico|robots\.txt|docs|redoc|openapi\.json|admin|static"
    r"|actuator)(?:/|$)"
)
"""What nobody comes for."""


def mix(found: Found, target: Target) -> tuple[Ask, ...]:
    """Return the requests of a service: those of the document, of access logs, of OpenAPI files, of routes, its pages, or `/`."""
    return workload(found, target)[0]


def workload(found: Found, target: Target) -> tuple[tuple[Ask, ...], str]:
    """Return the requests of a service, and who says that it is those."""
    if target.requests:
        return target.requests, "the document"
    if target.sort != SERVICE:
        return (), ""
    for way, origin in _ways(found, target):
        asks = tuple(_asks(way))
        if asks:
            return asks, origin
    return (Ask("/"),), "nobody: nothing else was found"


def _ways(found: Found, target: Target) -> Iterator[tuple[Iterable[Ask | str], str]]:
    yield _logged(found.logs), " and ".join(f"`{log.at}`" for log in found.logs)
    files = dict.fromkeys(one.at.path for one in found.operations)
    yield _promised(found), "the examples in " + ", ".join(f"`{path}`" for path in files)
    yield _routed(found), "the routes without parameters, each as often as the others"
    yield target.pages, "the pages of the document, each as often as the others"


def _logged(logs: Iterable[Log]) -> Iterator[Ask]:
    """Yield the requests that worked, most frequent first, weighted by how many there were of their shape."""
    counts: dict[str, int] = {}
    for one in _worked(logs):
        counts[one.example] = counts.get(one.example, 0) + one.count
    yield from (Ask(path, weight=float(count)) for path, count in sorted(counts.items(), key=lambda one: (-one[1], one[0])))


def _worked(logs: Iterable[Log]) -> Iterator[Traffic]:
    for log in logs:
        yield from (one for one in log.traffic if one.method == "GET" and one.example and one.failed + one.refused < one.count / 2)


def _promised(found: Found) -> Iterator[str]:
    return (one.example for one in found.operations if one.method == "GET" and one.example)


def _routed(found: Found) -> Iterator[str]:
    return (one.path for one in found.routes if one.gets and not re.search(r"[{*]", one.path) and one.framework != OWN)


def _asks(some: Iterable[Ask | str]) -> Iterator[Ask]:
    """Yield the first of some requests, each once, without what nobody comes for and what looks as if it changed something."""
    seen: set[str] = set()
    for one in some:
        ask = Ask(one) if isinstance(one, str) else one
        if len(seen) < MOST and ask.path not in seen and is_harmless(ask.path) and not _ASIDE.match(ask.path):
            seen.add(ask.path)
            yield ask
