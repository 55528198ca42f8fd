"""Imports: what the passes that tidy import statements have in common."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from bmad_provisioner.kinds.code.module import Hit, Module

Statement = ast.Import | ast.ImportFrom


def lines_of(module: Module, node: ast.stmt, last: ast.stmt | None = None) -> tuple[int, int] | None:
    """Return the range of the whole lines of a statement, or up to another; `None` where others share them."""
    final = last or node
    start = module.starts[node.lineno - 1]
    line = final.end_lineno or final.lineno
    end = module.starts[line] if line < len(module.starts) else len(module.text)
    before, after = module.text[start : module.start(node)], module.text[module.end(final) : end].strip()
    return (start, end) if not before and (not after or after.startswith("#")) else None


def without(module: Module, node: Statement, gone: Iterable[ast.alias], message: str) -> list[Hit]:
    """Return the hits that take names out of an import statement, or all of it; none where a comment may speak of it."""
    lines = lines_of(module, node)
    if lines is None or "#" in module.text[lines[0] : lines[1]]:
        return []
    dropped = [alias for alias in node.names if alias in list(gone)]
    if len(dropped) == len(node.names):
        return [Hit(*lines, "", message, (node,), settled=True)]
    return _ranges(module, node, dropped, message)


def _ranges(module: Module, node: Statement, dropped: list[ast.alias], message: str) -> list[Hit]:
    """Return one hit for each run of dropped names: up to the next one kept, or from the last one kept."""
    kept = [alias for alias in node.names if alias not in dropped]
    hits: list[Hit] = []
    for before, after in zip([None, *kept], [*kept, None], strict=True):
        begins = node.names.index(before) + 1 if before else 0
        ends = node.names.index(after) if after else len(node.names)
        if begins == ends:
            continue
        if after:
            hits.append(Hit(module.start(node.names[begins]), module.start(after), "", message, (node,), settled=True))
        elif before:
            hits.append(Hit(module.end(before), module.end(node.names[-1]), "", message, (node,), settled=True))
    return hits
