"""Pool: one database connection for all, where requests were seen waiting for it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from bmad_provisioner.kinds.performance.remedies.source import Edit, Project, Source, name_of, tree
from bmad_provisioner.kinds.performance.roadmap import Item

USUAL = 5
"""What SQLAlchemy keeps where it is told nothing."""
_LOCAL = re.compile(r"sqlite|:memory:|StaticPool|NullPool", re.IGNORECASE)


def pool(item: Item, project: Project) -> Edit | None:
    """Return the file with a pool of the usual size, where requests wait in the line that takes a connection of a pool of one."""
    made = [(source, name, size) for source in project.sources(".py") for name, size in _engines(source)]
    if len(made) != 1:
        return None
    source, name, size = made[0]
    takes = re.search(rf"\b{name}\.(connect|begin|raw_connection)\(", _line(item, project))
    if takes is None or _LOCAL.search(source.text):
        return None
    start, end = source.span(size)
    told = f"`{name}` keeps up to {USUAL} connections, as is usual; the database has to allow so many for each process"
    return Edit(source.with_put(start, str(USUAL), end - start), told, source.line(start))


def _line(item: Item, project: Project) -> str:
    """Return the line that a cause is in."""
    source = project.source(item.cause.path)
    lines = re.split(r"\r\n|\r|\n", source.text) if source else []
    return lines[item.cause.line - 1] if item.cause.line and item.cause.line <= len(lines) else ""


def _engines(source: Source) -> Iterator[tuple[str, ast.expr]]:
    """Yield the engines that a file makes at its top with one connection: the name, and where the size is said."""
    module = tree(source) if "create_engine" in source.text else None
    for one in module.body if module else ():
        if not (isinstance(one, ast.Assign) and isinstance(one.value, ast.Call) and len(one.targets) == 1):
            continue
        if name_of(one.value.func).rpartition(".")[2] == "create_engine" and isinstance(one.targets[0], ast.Name):
            sizes = [each.value for each in one.value.keywords if each.arg == "pool_size"]
            yield from ((one.targets[0].id, size) for size in sizes if isinstance(size, ast.Constant) and size.value == 1)
