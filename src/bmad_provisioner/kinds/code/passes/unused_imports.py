"""Unused imports: names that an import binds and nothing else in the file mentions, not even in a string or a comment."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from bmad_provisioner.kinds.code.module import Hit, Module
from bmad_provisioner.kinds.code.passes.imports import Statement, without
from bmad_provisioner.kinds.code.rewriting import Example, Pass, untouched

_FACES = {"__init__.py", "conftest.py"}
"""Files that import for others to take."""
_BY_NAME = re.compile(r"\b(?:globals|locals|vars|eval|exec)\s*\(|sys\.modules\b")
_FOR_EFFECT = {"readline", "rlcompleter", "this", "antigravity", "site", "usercustomize", "sitecustomize", "__main__"}


def find(module: Module) -> Iterator[Hit]:
    """Yield the unused names of the imports at the top level."""
    body = module.tree.body
    if PurePosixPath(module.path).name in _FACES or all(_is_idle(node) for node in body):
        return
    wanted = module.asked.get("wanted")
    taken = {str(name) for name in wanted} if isinstance(wanted, list | tuple) else set()
    hits: list[Hit] = []
    for node in body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            unused = [alias for alias in node.names if _is_unused(module, node, alias, taken)]
            names = ", ".join(f"`{alias.asname or alias.name}`" for alias in unused)
            hits += without(module, node, unused, f"{names} is used nowhere") if unused else ()
    if hits and not _BY_NAME.search(module.text):
        yield from hits


def _is_idle(node: ast.stmt) -> bool:
    docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return docstring or isinstance(node, ast.Import | ast.ImportFrom)


def _is_unused(module: Module, node: Statement, alias: ast.alias, taken: set[str]) -> bool:
    if alias.name in ("*", alias.asname) or (alias.asname is None and "." in alias.name):
        return False  # `import a.b` binds `a`, and is often there for what loading `b` does
    if isinstance(node, ast.ImportFrom):
        if node.module is None or node.module == "__future__":
            return False  # `from . import b` may be there for what loading `b` does
    elif alias.name in _FOR_EFFECT or alias.name in PurePosixPath(module.path).parts:
        return False
    name = alias.asname or alias.name
    return name not in taken and not _appears(module.text, name, (module.start(node), module.end(node)))


def _appears(text: str, name: str, but: tuple[int, int]) -> bool:
    """Whether a name stands anywhere in a text as a whole word, outside a range."""
    return _within(text, name, but[1], len(text)) or _within(text, name, 0, but[0])


def _within(text: str, name: str, start: int, end: int) -> bool:
    at = text.find(name, start, end)
    while at >= 0:
        after = at + len(name)
        if not _is_letter(text[at - 1 : at]) and not _is_letter(text[after : after + 1]):
            return True
        at = text.find(name, after, end)
    return False


def _is_letter(letter: str) -> bool:
    return letter.isalnum() or letter == "_"


UNUSED_IMPORTS = Pass(
    "unused-imports",
    "1",
    (b"import",),
    find,
    examples=(
        Example("import os\nimport sys\n\nprint(sys)\n", "import sys\n\nprint(sys)\n"),
        Example("from a import b, c, d\n\nprint(c)\n", "from a import c\n\nprint(c)\n"),
        Example("from a import (\n    b,\n    c,\n    d,\n)\n\nprint(b)\n", "from a import (\n    b,\n)\n\nprint(b)\n"),
        Example("import os as o, sys\r\nprint(sys)\r\n", "import sys\r\nprint(sys)\r\n"),
        untouched("import os\n\n__all__ = ['os']\n", "it is offered to others"),
        untouched("import os  # noqa\n\nprint()\n", "a comment speaks of it"),
        untouched("from a import b as b\n\nprint()\n", "so one says that it is for others"),
        untouched("from a import b\n\nx = 1\n", "another file takes it from here", wanted=["b"]),
        untouched("from a import b\n\nx = 1\n", "others import from a package's face", path="p/__init__.py"),
        untouched("try:\n    import a\nexcept ImportError:\n    pass\n", "it asks whether there is one"),
        untouched("from a import *\nfrom . import signals\nimport b.c\n\nprint()\n", "loading it may be the point"),
        untouched("from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    import os\n\nx: 'os.PathLike'\n", "a string uses it"),
        untouched("import os\n\nprint(globals()[name])\n", "somebody may ask for it by name"),
        untouched("import os; print()\n", "it shares its line"),
        untouched("from a import b\n", "a file that only imports is there for others"),
    ),
)
