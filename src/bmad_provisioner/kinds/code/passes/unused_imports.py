"""Unused imports: names that an import binds and nothing else in the file mentions, not even in a string or a comment."""

from __future__ import annotations

import ast
import re
from bisect import bisect_left
from collections.abc import Iterator
from itertools import takewhile
from pathlib import PurePosixPath
from string import ascii_letters, digits

from bmad_provisioner.kinds.code.judge import spliced
from bmad_provisioner.kinds.code.module import Hit, Module
from bmad_provisioner.kinds.code.passes.imports import Statement, without
from bmad_provisioner.kinds.code.rewriting import Example, Pass, untouched

_FACES = {"__init__.py", "conftest.py"}
"""Files that import for others to take."""
_IMPORTS = (ast.Import, ast.ImportFrom)
_REFLECTIVE = ("globals", "locals", "vars", "eval", "exec", "sys.modules")
_BY_NAME = re.compile(r"\b(?:globals|locals|vars|eval|exec)\s*\(|sys\.modules\b")
_LETTERS = frozenset(f"{ascii_letters}{digits}_")
"""What makes a longer word of a name; beside letters of other alphabets it counts as a word of its own, and stays."""
_FOR_EFFECT = {"readline", "rlcompleter", "this", "antigravity", "site", "usercustomize", "sitecustomize", "__main__"}


def find(module: Module) -> Iterator[Hit]:
    """Yield the unused names of the imports at the top level."""
    body = module.tree.body
    if module.name in _FACES or all(_is_idle(node) for node in body):
        return
    wanted = module.asked.get("wanted")
    taken = {str(name) for name in wanted} if isinstance(wanted, list | tuple) else set()
    kept = _beside_imports(module)
    text = spliced(module.text, kept)
    hits: list[Hit] = []
    for node in body:
        if isinstance(node, _IMPORTS) and (names := [alias for alias in node.names if _may_go(module, node, alias, taken)]):
            shift = _shift(kept, module.start(node))
            place = module.start(node) + shift, module.end(node) + shift
            unused = [alias for alias in names if not _is_mentioned(text, alias.asname or alias.name, *place)]
            told = ", ".join(f"`{alias.asname or alias.name}`" for alias in unused)
            hits += without(module, node, unused, f"{told} is used nowhere") if unused else ()
    if hits and not _asks_by_name(module.text):
        yield from hits


def _asks_by_name(text: str) -> bool:
    return any(word in text for word in _REFLECTIVE) and _BY_NAME.search(text) is not None


def _beside_imports(module: Module) -> list[Hit]:
    """Return what other passes do to the file, but for what they do to its imports."""
    imports = [(module.start(node), module.end(node)) for node in module.tree.body if isinstance(node, _IMPORTS)]
    kept: list[Hit] = []
    for hit in module.taken:
        index = bisect_left(imports, (hit.end, 0)) - 1
        if index < 0 or imports[index][1] <= hit.start:
            kept.append(hit)
    return kept


def _shift(hits: list[Hit], place: int) -> int:
    """Return how far a place moves when the hits before it are done."""
    return sum(len(hit.text or "") - (hit.end - hit.start) for hit in takewhile(lambda hit: hit.end <= place, hits))


def _is_idle(node: ast.stmt) -> bool:
    docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return docstring or isinstance(node, _IMPORTS)


def _may_go(module: Module, node: Statement, alias: ast.alias, taken: set[str]) -> bool:
    """Whether an import is there only for the name that it binds."""
    if alias.name in ("*", alias.asname) or (alias.asname is None and "." in alias.name):
        return False  # `import a.b` binds `a`, and is often there for what loading `b` does
    if isinstance(node, ast.ImportFrom):
        if node.module is None or node.module == "__future__":
            return False  # `from . import b` may be there for what loading `b` does
    elif alias.name in _FOR_EFFECT or alias.name in PurePosixPath(module.path).parts:
        return False
    return (alias.asname or alias.name) not in taken


def _is_mentioned(text: str, name: str, start: int, end: int) -> bool:
    """Whether a name stands anywhere in a text as a whole word, outside a range."""
    return _stands(text, name, end, len(text)) or _stands(text, name, 0, start)


def _stands(text: str, name: str, start: int, end: int) -> bool:
    at = text.find(name, start, end)
    while at >= 0:
        after = at + len(name)
        if text[at - 1 : at] not in _LETTERS and text[after : after + 1] not in _LETTERS:
            return True
        at = text.find(name, after, end)
    return False


UNUSED_IMPORTS = Pass(
    "unused-imports",
    "1",
    (b"import",),
    find,
    last=True,
    steady=True,
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
