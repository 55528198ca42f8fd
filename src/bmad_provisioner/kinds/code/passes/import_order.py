"""Import order: the standard library, then what is installed, then the project's own, each with a blank line between.

What is not the project's own is sorted as isort does by default. The project's own imports stay in the order they have:
modules that import each other may load in one order only, and the text does not say which. A block in order is left alone,
however its blank lines are.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from itertools import groupby, pairwise
from operator import itemgetter, le
from pathlib import PurePosixPath

from bmad_provisioner.kinds.code.module import Hit, Module
from bmad_provisioner.kinds.code.passes.imports import Statement, lines_of
from bmad_provisioner.kinds.code.rewriting import Example, Pass, untouched


class _Section(IntEnum):
    FUTURE = 0
    STANDARD = 1
    INSTALLED = 2
    OWN = 3


@dataclass(frozen=True, slots=True)
class _Item:
    section: _Section
    gap: str
    """The blank lines before it, which only the project's own imports keep."""
    text: str


def find(module: Module) -> Iterator[Hit]:
    """Yield each block of imports at the top level that is not in order."""
    if module.name == "__init__.py" or "isort:" in module.text:
        return
    for tidies, nodes in groupby(module.tree.body, key=_is_import):
        if tidies and _may_move(block := [node for node in nodes if isinstance(node, (ast.Import, ast.ImportFrom))]):
            yield from _hit(module, block)


def _is_import(node: ast.stmt) -> bool:
    return isinstance(node, (ast.Import, ast.ImportFrom))


def _may_move(block: list[Statement]) -> bool:
    """Whether the order of a block does not decide what a name means: no star, no name that two of them bind."""
    names = [
        alias.asname or alias.name for node in block for alias in node.names if isinstance(node, ast.ImportFrom) or alias.asname
    ]
    heads = {
        alias.name.partition(".")[0] for node in block if isinstance(node, ast.Import) for alias in node.names if not alias.asname
    }
    return "*" not in names and len(names) == len(set(names)) and not heads & set(names)


def _hit(module: Module, block: list[Statement]) -> Iterator[Hit]:
    own = _own(module)
    ranks = [_place(_section(node, own), node) for node in block]
    if all(map(le, ranks, ranks[1:])) and not any(_is_untidy(node, own) for node in block):
        return
    items: list[_Item] = []
    start, end = module.starts[block[0].lineno - 1], None
    for node in block:
        lines = lines_of(module, node)
        gap, lead = _before(module, end, node)
        if lines is None or gap.strip(" \t\r\n"):
            return  # it shares a line, or a comment that stands alone heads more than the next import
        end = lines[1]
        text = _tidy(module, node, lines, own)
        text = text if text.endswith(("\n", "\r")) else text + module.newline
        items.append(_Item(_section(node, own), gap, lead + text))
    ordered = [item for _, item in sorted(zip(ranks, items, strict=True), key=itemgetter(0))]
    if ordered[0] is not items[0] and _has_comment_above(module, start):
        return
    text = _joined(ordered, module.newline)
    text = text if module.text[start:end].endswith(("\n", "\r")) else text.removesuffix(module.newline)
    if text != module.text[start:end]:
        yield Hit(start, end or start, text, "the order of the imports", tuple(block), settled=True)


def _before(module: Module, end: int | None, node: Statement) -> tuple[str, str]:
    """Return what stands between an import and the one that ends at `end`: the gap, and the comment lines that lead it in."""
    if end is None:
        return "", ""
    line = node.lineno
    while module.starts[line - 2] >= end and module.text.startswith("#", module.starts[line - 2]):
        line -= 1
    return module.text[end : module.starts[line - 1]], module.text[module.starts[line - 1] : module.starts[node.lineno - 1]]


def _own(module: Module) -> set[str]:
    asked = module.asked.get("own")
    names = {str(name) for name in asked} if isinstance(asked, list | tuple) else set()
    return names or set(PurePosixPath(module.path).with_suffix("").parts if module.path else ())


def _section(node: Statement, own: set[str]) -> _Section:
    name = node.module if isinstance(node, ast.ImportFrom) else node.names[0].name
    if name is None or (isinstance(node, ast.ImportFrom) and node.level):
        return _Section.OWN
    top = name.partition(".")[0]
    if top == "__future__":
        return _Section.FUTURE
    if top in own:
        return _Section.OWN
    return _Section.STANDARD if top in sys.stdlib_module_names else _Section.INSTALLED


def _place(section: _Section, node: Statement) -> tuple[int, int, str, str]:
    """Return the place of an import among others; the project's own have all the same."""
    if section is _Section.OWN:
        return section, 0, "", ""
    name = (node.module or "") if isinstance(node, ast.ImportFrom) else node.names[0].name
    return section, int(isinstance(node, ast.ImportFrom)), name.lower(), name


def _is_untidy(node: Statement, own: set[str]) -> bool:
    """Whether names stand in another order than theirs, and are nobody's modules to load."""
    if not isinstance(node, ast.ImportFrom) or len(node.names) < 2 or _section(node, own) is _Section.OWN:
        return False
    ranks = [_rank(alias.name) for alias in node.names]
    return not all(map(le, ranks, ranks[1:]))


def _tidy(module: Module, node: Statement, lines: tuple[int, int], own: set[str]) -> str:
    """Return the lines of an import, with its names in order where they stand on one line."""
    text = module.text[lines[0] : lines[1]]
    start, end = module.start(node.names[0]), module.end(node.names[-1])
    if not _is_untidy(node, own) or any(letter in module.text[start:end] for letter in "#\n\r\\"):
        return text
    ordered = sorted(node.names, key=lambda alias: _rank(alias.name))
    return module.text[lines[0] : start] + ", ".join(module.segment(alias) for alias in ordered) + module.text[end : lines[1]]


def _rank(name: str) -> tuple[int, str, str]:
    """Return the place of a name among others: constants, classes, the rest."""
    kind = 0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2
    return kind, name.lower(), name


def _has_comment_above(module: Module, start: int) -> bool:
    line = module.line(start)
    return line > 1 and module.text.startswith("#", module.starts[line - 2])


def _joined(items: list[_Item], newline: str) -> str:
    text = items[0].text
    for before, item in pairwise(items):
        kept = item.gap if item.section is _Section.OWN else ""
        text += (kept if before.section is item.section else newline) + item.text
    return text


IMPORT_ORDER = Pass(
    "import-order",
    "1",
    (b"import",),
    find,
    steady=True,
    examples=(
        Example(
            "import click\nimport sys\nfrom os import path, PathLike, SEEK_SET\nimport os\n",
            "import os\nimport sys\nfrom os import SEEK_SET, PathLike, path\n\nimport click\n",
        ),
        Example(
            "from app.b import x\nfrom app.a import y\n# the clock\nimport time  # slow\n",
            "# the clock\nimport time  # slow\n\nfrom app.b import x\nfrom app.a import y\n",
            "the project's own stay in their order; comments go along",
            {"own": ["app"]},
        ),
        untouched("import os\nimport sys\n\nimport click\n\nfrom . import b\nfrom . import a\n", "it is in order"),
        untouched("import sys\n\nsys.path.append('lib')\n\nimport os\n", "what stands between may matter to the second"),
        untouched("from b import open\nfrom a import open\n", "the last one wins"),
        untouched("from b import *\nimport a\n", "nobody knows what the star binds"),
        untouched("# Copyright\nimport sys\nimport os\n", "the comment may belong to the file"),
        untouched("import sys\n\n# Installed\n\nimport os\n", "the comment heads more than one import"),
        untouched("import sys; import os\n", "they share a line"),
        untouched("import sys  # isort: skip\nimport os\n", "somebody said so"),
        untouched("import sys\nimport os\n", "a package's face decides what loads first", path="p/__init__.py"),
    ),
)
