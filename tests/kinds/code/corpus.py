"""Corpus: real packages to rewrite, and what their files take from each other."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path


def installed(*names: str) -> list[Path]:
    """Return the Python files of installed packages, in order."""
    found: list[Path] = []
    for name in names:
        spec = find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        found += sorted(Path(spec.origin).parent.rglob("*.py"))
    return found


def wanted(root: Path, files: Iterable[Path]) -> dict[str, list[str]]:
    """Return by path which names other files take out of a file, by `from module import name` or `module.name` anywhere."""
    names: set[str] = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_bytes())):
            if isinstance(node, ast.ImportFrom):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.Attribute):
                names.add(node.attr)
    everything = sorted(names)
    return {file.relative_to(root).as_posix(): everything for file in files}
