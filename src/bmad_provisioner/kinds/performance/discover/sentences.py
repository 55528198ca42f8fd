"""Sentences: what was found in a project, in a few of them, for the top of a report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bmad_provisioner.kinds.performance.discover.facts import CACHE, DATABASE, METRICS, QUEUE, TRACING, Found, Thing
from bmad_provisioner.kinds.performance.discover.markdown import code
from bmad_provisioner.kinds.performance.discover.serving import frameworks


def sentences(found: Found) -> tuple[str, ...]:
    """Return what matters most of what was found; what stands between backticks is code."""
    return tuple(_sentences(found))


def _sentences(found: Found) -> Iterator[str]:
    some = frameworks(found)
    pages = sum(one.page for one in found.routes)
    if found.routes:
        by = f" of {_listed(some)}" if some else ""
        yield f"{len(found.routes):,} routes{by} were found, {pages:,} of them {'a page' if pages == 1 else 'pages'}"
    elif some:
        yield f"the project uses {_listed(some)}; no routes were found"
    stores = found.of(DATABASE, CACHE, QUEUE)
    if stores:
        yield f"the project names {_listed(stores)}"
    for log in found.logs:
        yield f"{code(log.at)} holds {log.count:,} requests, {log.peak:.2g} a second in the busiest minute"
    if found.limits:
        yield f"the project sets itself {len(found.limits):,} limits, the first in {code(found.limits[0].at)}"
    watching = found.of(METRICS, TRACING)
    yield f"it is watched by {_listed(watching)}" if watching else "nothing that watches it in production was found"
    if found.unread:
        yield f"{len(found.unread):,} files could not be read, the first is {code(found.unread[0].at)}: {found.unread[0].why}"


def _listed(things: Sequence[Thing]) -> str:
    told = [f"{one.name} ({code(one.at)})" for one in things[:5]]
    told += [f"{len(things) - 5:,} more"] if len(things) > 5 else []
    return " and ".join(filter(None, (", ".join(told[:-1]), told[-1])))
