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


def imported(files: Iterable[Path]) -> list[str]:
    """Return every name that one of the files takes from another module."""
    nodes = (node for file in files for node in ast.walk(ast.parse(file.read_bytes())))
    return sorted({alias.name for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names})
