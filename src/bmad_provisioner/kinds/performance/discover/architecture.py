"""Architecture: the page of what is there: targets, what they are made of, what they answer, where they keep things."""

from __future__ import annotations

from collections.abc import Iterator

from bmad_provisioner.kinds.performance.discover.facts import (
    CACHE,
    CI,
    CONTAINER,
    DATABASE,
    DRIVER,
    LANGUAGE,
    QUEUE,
    SERVER,
    Found,
    Route,
    Thing,
)
from bmad_provisioner.kinds.performance.discover.markdown import code, page, section, table
from bmad_provisioner.kinds.performance.discover.serving import framework, frameworks
from bmad_provisioner.kinds.performance.order import COMMAND, FUNCTION, SERVICE, Order, Target
from bmad_provisioner.kinds.performance.report.wording import counted

_STORES = (DATABASE, CACHE, QUEUE)


def architecture_md(order: Order, found: Found) -> str:
    """Return the page of what the project's files show of its parts; what they do not show is not in it."""
    parts = (*found.of(LANGUAGE), *frameworks(found), *found.of(SERVER, DRIVER, CONTAINER, CI))
    return page(
        f"Architecture of {order.name}",
        ("What the files of the project show, each with where it stands. What they do not show is not here.", ""),
        section("Picture", _picture(order, found)),
        section(
            "Targets", table(("target", "what", "how it is reached", "served by"), (_target(one, found) for one in order.targets))
        ),
        section("Parts", table(("part", "which", "where", "as it stands there"), map(_thing, parts))),
        section("Stores", _stores(found), "No database, cache or queue was found."),
        section("Routes", _routes(found), "No route was found."),
    )


def _target(target: Target, found: Found) -> tuple[str, ...]:
    reached = {
        SERVICE: f"{code(target.url)}{f', started by {code(chr(32).join(target.start))}' if target.start else ', running already'}",
        COMMAND: code(" ".join(target.command)),
        FUNCTION: code(target.python),
    }.get(target.sort, f"by what the variable {code(target.dsn_env)} holds")
    kind, at = framework(found, target)
    return target.name, target.sort, reached, f"{kind} ({code(at)})" if kind else ""


def _thing(one: Thing) -> tuple[str, ...]:
    return one.role, one.name, code(one.at), code(one.said)


def _stores(found: Found) -> Iterator[str]:
    yield from table(("part", "which", "where", "as it stands there"), map(_thing, found.of(*_STORES)))
    names = {one.name: one for one in reversed(found.settings)}
    if names:
        told = ", ".join(f"{code(name)} ({code(names[name].at)})" for name in sorted(names))
        yield from (f"Settings that are read from the environment (names only): {told}.", "")


def _routes(found: Found) -> Iterator[str]:
    rows = [(one.method, code(one.path), code(one.handler), code(one.at), _remark(one)) for one in found.routes]
    yield from table(("method", "path", "handler", "where", ""), rows)
    promised = {(one.method, one.path): one for one in found.operations}
    if promised:
        files = ", ".join(code(path) for path in sorted({one.at.path for one in promised.values()}))
        with_examples = sum(bool(one.example) for one in promised.values())
        asked = f"{with_examples:,} can be asked for with the values that stand there"
        yield f"{files}: {counted(len(promised), 'operation')}, of which {asked}."
        yield ""


def _remark(one: Route) -> str:
    return ", ".join(filter(None, (one.framework, "page" if one.page else "")))


def _picture(order: Order, found: Found) -> Iterator[str]:
    """Yield a flow chart: who asks whom; a dashed line where the files name a store without saying which target uses it."""
    stores = found.of(*_STORES)
    targets = list(enumerate(order.targets))
    yield from ("```mermaid", "flowchart LR")
    if any(target.sort == SERVICE for _, target in targets):
        yield "  clients((clients))"
    for number, target in targets:
        kind, _ = framework(found, target)
        yield f'  t{number}["{_label(target.name)}{f"<br/>{_label(kind)}" if kind else ""}"]'
        if target.sort == SERVICE:
            yield f"  clients --> t{number}"
    for place, store in enumerate(stores):
        yield f'  s{place}[("{_label(store.name)}")]'
        yield from (f"  t{number} -.-> s{place}" for number, target in targets if target.sort == SERVICE)
    yield from ("```", "")
    if stores and any(target.sort == SERVICE for _, target in targets):
        yield from ("A dashed line: the project names the store; which requests go there is seen when they are profiled.", "")


def _label(text: str) -> str:
    return code(text).strip("`").replace('"', "'").replace("<", "(").replace(">", ")")
