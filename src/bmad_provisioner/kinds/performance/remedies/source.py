"""Source: the files of a project as text, with what was changed in them so far, and back to the last byte."""

from __future__ import annotations

import ast
import codecs
import io
import re
import tokenize
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

_BOM = codecs.BOM_UTF8
_BREAK = re.compile(r"\r\n|\r|\n")
_NOT_THEIRS = frozenset(("node_modules", "site-packages", "venv", "vendor", "_vendor", "vendored", "third_party", "build", "dist"))
_BESIDE = frozenset(("test", "tests", "testing", "examples", "docs", "bench", "benchmarks", "samples"))
_TEST = re.compile(r"(^test_.*|.*_test|^conftest)\.py$")
_LARGEST = 1_000_000
"""Characters from which a file is data rather than source."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file as text: line ends as they stand there, its encoding, and whether a mark of UTF-8 begins it."""

    path: str
    text: str
    encoding: str = "utf-8"
    bom: bool = False

    @property
    def data(self) -> bytes:
        """Its bytes."""
        return (_BOM if self.bom else b"") + self.text.encode(self.encoding)

    @property
    def newline(self) -> str:
        """How its first line ends."""
        found = _BREAK.search(self.text)
        return found[0] if found else "\n"

    def with_put(self, at: int, text: str, instead: int = 0) -> Source:
        """Return it with a text put in at an offset, `instead` of so many characters."""
        return replace(self, text=self.text[:at] + text + self.text[at + instead :])

    def line(self, at: int) -> int:
        """Return the number of the line that an offset is in, from 1."""
        return len(_BREAK.findall(self.text, 0, at)) + 1

    def bounds(self, at: int) -> tuple[int, int]:
        """Return where the line of an offset begins, and where it ends without its line end."""
        begins = max((found.end() for found in _BREAK.finditer(self.text, 0, at)), default=0)
        found = _BREAK.search(self.text, at)
        return begins, found.start() if found else len(self.text)

    def indent(self, at: int) -> str:
        """Return the blanks that the line of an offset begins with."""
        begins, ends = self.bounds(at)
        line = self.text[begins:ends]
        return line[: len(line) - len(line.lstrip())]

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        """Return the offsets of a part of its syntax tree; columns there are bytes of UTF-8."""
        starts = [0, *(found.end() for found in _BREAK.finditer(self.text))]

        def at(line: int, column: int) -> int:
            begins = starts[line - 1]
            rest = self.text[begins : starts[line] if line < len(starts) else None]
            return begins + len(rest.encode()[:column].decode())

        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return at(node.lineno, node.col_offset), at(node.end_lineno, node.end_col_offset)

    def stands_alone(self, node: ast.expr | ast.stmt) -> bool:
        """Whether nothing but blanks and a comment is on its lines besides."""
        start, end = self.span(node)
        before, after = self.text[self.bounds(start)[0] : start], self.text[end : self.bounds(end)[1]]
        return not before.strip() and (not after.strip() or after.lstrip().startswith("#"))


@dataclass(frozen=True, slots=True)
class Edit:
    """A file as it becomes, what that does in words, and the line where it begins."""

    source: Source
    told: str
    line: int


class Project:
    """The files of a project that are its own; those that tests or examples live on are left out."""

    def __init__(self, paths: Collection[str], read: Callable[[str], bytes]) -> None:
        self._read = read
        self._paths = dict.fromkeys(sorted(path for path in paths if _is_own(path)))
        self._known: dict[str, Source | None] = {}

    def sources(self, *endings: str) -> Iterator[Source]:
        """Yield the files with such an ending, as they are by now."""
        for path in self._paths:
            if path.endswith(endings):
                source = self.source(path)
                if source is not None:
                    yield source

    def source(self, path: str) -> Source | None:
        """Return a file as it is by now; nothing where it is none of its own, or no text."""
        if path not in self._known:
            self._known[path] = _source(path, self._read(path)) if path in self._paths else None
        return self._known[path]

    def put(self, source: Source) -> None:
        """Take a file as it is from now on."""
        self._known[source.path] = source


def tree(source: Source) -> ast.Module | None:
    """Return the syntax tree of a Python file; nothing where it has none."""
    try:
        return ast.parse(source.text)
    except (SyntaxError, ValueError):
        return None


def name_of(node: ast.expr) -> str:
    """Return a name with its dots, of names and attributes only; empty where it is more than that."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        inner = name_of(node.value)
        return f"{inner}.{node.attr}" if inner else ""
    return ""


def _is_own(path: str) -> bool:
    *folders, name = PurePosixPath(path).parts
    if any(part in _NOT_THEIRS or part in _BESIDE or part.startswith(".") for part in folders):
        return False
    return not _TEST.match(name)


def _source(path: str, data: bytes) -> Source | None:
    if b"\0" in data or len(data) > _LARGEST:
        return None
    bom = data.startswith(_BOM)
    try:
        encoding = tokenize.detect_encoding(io.BytesIO(data).readline)[0] if path.endswith(".py") else "utf-8"
        encoding = "utf-8" if encoding == "utf-8-sig" else encoding
        source = Source(path, data.removeprefix(_BOM).decode(encoding), encoding, bom)
    except (SyntaxError, UnicodeDecodeError, LookupError):
        return None
    return source if source.data == data else None
