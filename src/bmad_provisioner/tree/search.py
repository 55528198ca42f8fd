"""Search: the files of a project that fit patterns, without a look into what no project is written in."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from bmad_provisioner.digest import Entry
from bmad_provisioner.patterns import is_pattern, matcher
from bmad_provisioner.tree.observe import Index, observe

_APART = (".git", ".hg", ".svn", ".bmad-provisioner", "node_modules", ".tox", ".nox", ".venv")
_CACHES = ("__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis")
_PASSED_BY = frozenset((*_APART, *_CACHES))
_ENVIRONMENT = "pyvenv.cfg"
"""What stands in a folder that is a virtual environment (PEP 405)."""


def search(root: str, patterns: Sequence[str], index: Index) -> dict[str, Entry]:
    """Return the files below `root` that fit `patterns`; what follows `!` is taken out again. No link is followed."""
    return observe(root, sorted(set(paths(root, patterns))), index)


def paths(root: str, patterns: Sequence[str]) -> Iterator[str]:
    """Yield the paths of the files below `root` that fit `patterns`, without a look at the files."""
    fits, closed = matcher(patterns), _closed(patterns)
    for start in _starts(patterns):
        yield from (path for path in _below(root, start, closed) if fits(path))


def _starts(patterns: Sequence[str]) -> list[str]:
    """Return the folders to look into: what stands before the first wildcard of a pattern, but for those inside others."""
    starts = sorted({_start(pattern) for pattern in patterns if not pattern.startswith("!")})
    return [start for start in starts if not any(_is_inside(start, other) for other in starts if other != start)]


def _start(pattern: str) -> str:
    folders: list[str] = []
    for part in pattern.split("/")[:-1]:
        if is_pattern(part):
            break
        folders.append(part)
    return "/".join(folders)


def _is_inside(path: str, folder: str) -> bool:
    return not folder or path.startswith(f"{folder}/")


def _closed(patterns: Sequence[str]) -> frozenset[str]:
    """Return the folders of which nothing is wanted: `!folder/**`, where nothing after it is taken in again."""
    closed: list[str] = []
    for pattern in patterns:
        if not pattern.startswith("!"):
            closed = []
        elif pattern.endswith("/**") and not is_pattern(pattern[1:-3]):
            closed.append(pattern[1:-3])
    return frozenset(closed)


def _below(root: str, folder: str, closed: frozenset[str]) -> Iterator[str]:
    """Yield the plain files below a folder, and the links, by their paths."""
    try:
        entries = list(os.scandir(f"{root}/{folder}" if folder else root))
    except (FileNotFoundError, NotADirectoryError):
        return
    if folder and any(item.name == _ENVIRONMENT for item in entries):
        return
    for item in entries:
        path = f"{folder}/{item.name}" if folder else item.name
        if not item.is_dir(follow_symlinks=False):
            yield path
        elif item.name not in _PASSED_BY and path not in closed:
            yield from _below(root, path, closed)
