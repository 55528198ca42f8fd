"""Sources: what the project's own text says of a line: the function it is in, and whether it is done again and again."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bmad_provisioner.kinds.performance.testimony import Line

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_COMPREHENSION_FRAMES = ("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>")


@dataclass(frozen=True, slots=True)
class _File:
    functions: Mapping[int, str]
    repeated: frozenset[int]


@dataclass(frozen=True, slots=True)
class Sources:
    """The Python files under a folder, read when something is asked of them; of what cannot be read nothing is known."""

    folder: Path
    _files: dict[str, _File] = field(default_factory=dict)

    def line(self, path: str, number: int) -> Line:
        """Return a line with the function it is in."""
        return Line(path, number, self._file(path).functions.get(number, ""))

    def is_repeated(self, line: Line) -> bool:
        """Whether a line is in the body of a loop of its function."""
        if line.function.endswith(_COMPREHENSION_FRAMES):
            return True
        return line.number in self._file(line.path).repeated

    def _file(self, path: str) -> _File:
        if path not in self._files:
            self._files[path] = _read(self.folder / path)
        return self._files[path]


def _read(path: Path) -> _File:
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return _File({}, frozenset())
    return _File(dict(_functions(tree, "")), frozenset(number for node in ast.walk(tree) for number in _body(node)))


def _functions(node: ast.AST, outer: str) -> Iterator[tuple[int, str]]:
    """Yield the name of the function of each line, inner functions after the outer ones."""
    for child in ast.iter_child_nodes(node):
        name = outer
        if isinstance(child, _FUNCTIONS):
            name = f"{outer}.{child.name}" if outer else child.name
            if not isinstance(child, ast.ClassDef):
                yield from ((number, name) for number in range(child.lineno, (child.end_lineno or child.lineno) + 1))
        yield from _functions(child, name)


def _body(node: ast.AST) -> Iterator[int]:
    """Yield the lines that a loop repeats: not the one where it is told over what."""
    if isinstance(node, ast.For | ast.AsyncFor | ast.While):
        for one in node.body:
            yield from _lines(one)
    elif isinstance(node, _COMPREHENSIONS):
        once = set(_lines(node.generators[0].iter))
        yield from (number for number in _lines(node) if number not in once)


def _lines(node: ast.stmt | ast.expr) -> range:
    return range(node.lineno, (node.end_lineno or node.lineno) + 1)
