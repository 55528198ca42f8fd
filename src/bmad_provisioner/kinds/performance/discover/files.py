"""Files: the files of a project that are worth a look, read within bounds; what cannot be read is noted, never raised."""

from __future__ import annotations

import ast
import re
import warnings
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from bmad_provisioner.digest import Plain
from bmad_provisioner.errors import BmadpError
from bmad_provisioner.kinds.performance.discover.facts import At, Unread
from bmad_provisioner.strict_yaml import parse

MOST_FILES = 6_000
LARGEST, LARGEST_IN_ALL = 1_000_000, 64_000_000
LARGEST_LOG = 16_000_000
"""Bytes of a text, of all texts, and of the end of a log."""
_STRANGE = frozenset((
    "node_modules", "site-packages", "venv", ".venv", "vendor", "third_party", "bower_components", "__pycache__", ".git", ".hg",
    ".tox", ".nox", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".next", "target",
))  # fmt: skip
_MADE = frozenset(("build", "dist"))
"""Folders at the top that hold what was made."""
_TESTS = frozenset(("test", "tests", "testing", "__tests__", "e2e", "fixtures"))


_STATUS = re.compile(r"^([ \t]*)(\d{3}):", re.MULTILINE)
"""A status as a key of YAML: OpenAPI files are full of them, and a number is no key."""


class Files:
    """The files of a project: texts by path, and what was wrong with them."""

    def __init__(self, paths: Iterable[str], read: Callable[[str], bytes]) -> None:
        own = sorted(path for path in paths if is_own(path))
        # What is nearest to the top says most; a project of many thousand files says the same thing many times.
        own.sort(key=lambda path: path.count("/"))
        self.paths: Sequence[str] = tuple(own[:MOST_FILES])
        self.left_out = len(own) - len(self.paths)
        self.unread: dict[Unread, None] = {}
        self._read = read
        self._room = LARGEST_IN_ALL
        self.text = lru_cache(maxsize=None)(self._text)
        self.lines = lru_cache(maxsize=16)(lambda path: tuple(self.text(path).split("\n")))

    def named(self, *ends: str) -> Iterator[str]:
        """Yield the paths that end so."""
        return (path for path in self.paths if path.endswith(ends))

    def note(self, path: str, why: str, line: int = 0) -> None:
        """Note that something could not be read."""
        self.unread[Unread(At(path, line), why)] = None

    def end(self, path: str) -> tuple[str, bool]:
        """Return the end of a log, and whether there is more before it; what is no UTF-8 is replaced."""
        data = self._bytes(path)
        return data[-LARGEST_LOG:].decode("utf-8", "replace"), len(data) > LARGEST_LOG

    def data(self, path: str) -> tuple[Plain, dict[tuple[str | int, ...], int]]:
        """Return what a file of JSON or YAML holds and the lines of its places; nothing where it is neither."""
        text = self.text(path)
        stream = parse(_STATUS.sub(r'\1"\2":', text).encode(), path)
        part = next(iter(stream.parts), None)
        if part is None and text.strip():
            first = next(iter(stream.findings), None)
            self.note(path, first.message if first else "it holds nothing", (first.line or 0) if first else 0)
        return (part.data, dict(part.lines)) if part else (None, {})

    def tree(self, path: str) -> ast.Module | None:
        """Return what a Python file means; nothing where it is broken."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                return ast.parse(self.text(path))
            except SyntaxError as error:
                self.note(path, f"no Python: {error.msg}", error.lineno or 0)
            except (ValueError, RecursionError, MemoryError):
                self.note(path, "no Python that can be read")
        return None

    def _text(self, path: str) -> str:
        data = self._bytes(path)
        if len(data) > min(LARGEST, self._room):
            self.note(path, f"it has {len(data):,} bytes, more than are read of a file")
            return ""
        self._room -= len(data)
        try:
            return data.decode("utf-8-sig").replace("\r\n", "\n")
        except UnicodeDecodeError as error:
            self.note(path, "bytes that are not UTF-8", data[: error.start].count(b"\n") + 1)
            return data.decode("utf-8", "replace")

    def _bytes(self, path: str) -> bytes:
        try:
            return self._read(path)
        except OSError as error:
            self.note(path, error.strerror or "it cannot be opened")
        except BmadpError as error:  # a link, or a file that somebody is just writing
            self.note(path, str(error))
        return b""


def is_own(path: str) -> bool:
    """Return whether a file is the project's own: neither a stranger's nor made."""
    folders = path.split("/")[:-1]
    ours = folders[:1] == ["performance"] and len(folders) > 1
    return not (ours or _STRANGE.intersection(folders) or _MADE.intersection(folders[:1]))


def is_test(path: str) -> bool:
    """Return whether a file is for testing: what it serves and reads is nobody's workload."""
    *folders, name = path.split("/")
    return bool(_TESTS.intersection(folders)) or name.startswith(("test_", "conftest.")) or "_test." in name or ".test." in name


def name(path: str) -> str:
    """Return the last part of a path."""
    return path.rpartition("/")[2]


def mapping(value: object) -> Mapping[str, Any]:
    """Return a mapping that a stranger's file was to have there; an empty one where it has something else."""
    return value if isinstance(value, Mapping) else {}


def sequence(value: object) -> Sequence[Any]:
    """Return a list that a stranger's file was to have there; an empty one where it has something else."""
    return value if isinstance(value, list) else []


def matches(text: str, pattern: re.Pattern[str]) -> Iterator[tuple[re.Match[str], int]]:
    """Yield where a pattern fits, with the line on which its first group starts."""
    starts = [0, *(end.end() for end in re.finditer("\n", text))]
    for found in pattern.finditer(text):
        yield found, bisect_right(starts, found.start(1))
