"""Module: one parsed file as the matchers of passes see it, and the places that they hit in it."""

from __future__ import annotations

import ast
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Any, NamedTuple, TypeAlias

from bmad_provisioner.digest import Plain

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
Owner: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef

Asked = Mapping[str, Plain]
"""What a document asks of every pass. `python`: the oldest version that has to run the code (`"3.11"`); `path`: where the file
stands in its project; `own`: the project's own top-level packages; `wanted`: the names that other files take from this one."""

_LAST_WORD = re.compile(r"\w+(?=\s*\Z)")
NEWLINE = re.compile(r"\r\n|\n|\r")
_MARGIN = re.compile(r"[ \t\f]*")
_OWNERS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_TWO = ("body", "orelse")
_FOUR = ("body", "handlers", "orelse", "finalbody")
_BODIES: dict[type[ast.AST], tuple[str, ...]] = {
    **dict.fromkeys((*_OWNERS, ast.With, ast.AsyncWith, ast.ExceptHandler, ast.match_case, ast.Module), ("body",)),
    **dict.fromkeys((ast.If, ast.For, ast.AsyncFor, ast.While), _TWO),
    **dict.fromkeys((ast.Try, ast.TryStar), _FOUR),
    ast.Match: ("cases",),
}
"""The bodies of each compound statement, in the order of the text."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A place that a pass would rewrite, as a range of the text; `text` is what should stand there, or `None` where a
    transformer has to see it.

    `within` promises that the text stays within this statement, or these that follow each other, and keeps them what they
    are to the rest of the file: then only they are judged, not the file. `settled` promises that it gives no pass anything
    new to do: then no second round follows.
    """

    start: int
    end: int
    text: str | None = None
    message: str = ""
    within: tuple[ast.AST, ...] = ()
    settled: bool = False


class Owned(NamedTuple):
    """A function or class, the one that directly encloses it, and its own `return`s: not those of the functions in it."""

    node: Owner
    owner: Owner | None
    returns: list[ast.Return]


class Module:
    """The text and the syntax tree of a file, and how to get from one to the other.

    Places are offsets in the text, in characters. What costs a walk over the tree is made once, when first asked for, and
    shared by all passes.
    """

    def __init__(self, text: str, tree: ast.Module, asked: Asked) -> None:
        self.text = text
        self.tree = tree
        self.asked = asked
        self.taken: Sequence[Hit] = ()
        """In order, the hits of the passes that were asked before those that are asked last."""

    @cached_property
    def python(self) -> tuple[int, ...]:
        """The oldest Python that has to run the code."""
        return tuple(int(part) for part in str(self.asked.get("python", "3.11")).split("."))

    @cached_property
    def path(self) -> str:
        """Where the file stands in its project; empty where nobody said."""
        return str(self.asked.get("path", ""))

    @cached_property
    def name(self) -> str:
        """The last part of its path."""
        return self.path.rpartition("/")[2]

    @cached_property
    def newline(self) -> str:
        """How its first line ends, which is how LibCST ends the lines that it makes."""
        found = NEWLINE.search(self.text)
        return found.group() if found else "\n"

    @cached_property
    def starts(self) -> list[int]:
        """Where each line starts. Lines end as the language says: a form feed or a Unicode separator ends none."""
        if "\r" in self.text:
            return [0, *(found.end() for found in NEWLINE.finditer(self.text))]
        return [0, *accumulate(map((1).__add__, map(len, self.text.split("\n"))))][:-1]

    @cached_property
    def _ascii(self) -> bool:
        return self.text.isascii()

    def offset(self, line: int, column: int) -> int:
        """Return the place of an `ast` position: a line from 1, a column in bytes of UTF-8."""
        start = self.starts[line - 1]
        if self._ascii:
            return start + column
        row = self.text[start : start + column]
        return start + column if row.isascii() else start + len(row.encode()[:column].decode())

    def start(self, node: ast.stmt | ast.expr | ast.alias | ast.arg | ast.keyword) -> int:
        """Return where a node starts; a decorated definition starts at its `def` or `class`."""
        return self.offset(node.lineno, node.col_offset)

    def end(self, node: ast.stmt | ast.expr | ast.alias | ast.arg | ast.keyword) -> int:
        """Return where a node ends."""
        return self.offset(node.end_lineno or node.lineno, node.end_col_offset or 0)

    def segment(self, node: ast.stmt | ast.expr | ast.alias) -> str:
        """Return the text of a node."""
        return self.text[self.start(node) : self.end(node)]

    def hit(self, node: ast.stmt | ast.expr | ast.alias, text: str | None = None, message: str = "") -> Hit:
        """Return a hit on the whole of a node."""
        return Hit(self.start(node), self.end(node), text, message)

    def exact(self, within: ast.AST, node: ast.expr, text: str, message: str, *, settled: bool = True) -> Hit:
        """Return a hit that puts one expression of a statement in the place of another."""
        return Hit(self.start(node), self.end(node), text, message, (within,), settled)

    def line(self, place: int) -> int:
        """Return the line, from 1, that a place is on."""
        return bisect_right(self.starts, place)

    @cached_property
    def owners(self) -> tuple[Owned, ...]:
        """Every function and class in the order of the text."""
        found: list[Owned] = []
        todo: list[tuple[ast.AST, Owner | None, list[ast.Return]]] = [(self.tree, None, [])]
        while todo:
            node, owner, returns = todo.pop()
            if isinstance(node, _OWNERS):
                found.append(Owned(node, owner, returns := []))
                owner = node
            inner: list[tuple[ast.AST, Owner | None, list[ast.Return]]] = []
            for name in _BODIES[type(node)]:
                for below in node.__dict__[name]:
                    if type(below) in _BODIES:
                        inner.append((below, owner, returns))
                    elif type(below) is ast.Return:
                        returns.append(below)
            todo += reversed(inner)
        return tuple(found)

    @cached_property
    def bound(self) -> frozenset[str]:
        """Every name that a statement of the file binds somewhere: definitions, parameters, imports, targets; `*` for a star."""
        found = {name.group() for place in self._places(":=") if (name := _LAST_WORD.search(self.text, max(0, place - 200), place))}
        for statement in self.statements(self.tree.body):
            if binds := _BINDS.get(type(statement)):
                found.update(binds(statement))
        return frozenset(found - {""})

    def plain(self, *builtins: str) -> bool:
        """Whether nothing in the file binds one of the names, so that each means what it means everywhere."""
        return not self.bound & {*builtins, "*"}

    def statements(self, body: Sequence[ast.AST]) -> Iterator[ast.AST]:
        """Yield the statements of a body and of all bodies in it."""
        todo = list(body)
        while todo:
            node = todo.pop()
            yield node
            for name in _BODIES.get(type(node), ()):
                todo += node.__dict__[name]

    def around(self, line: int) -> list[ast.AST]:
        """Return the statements around a line, outermost first; empty between two statements of the top level."""
        found: list[ast.AST] = []
        rows: list[ast.AST] = list(self.tree.body)
        while rows:
            index = bisect_right(rows, line, key=first_line) - 1
            if index < 0 or line > (last_line(rows[index])):
                break
            found.append(rows[index])
            below = rows[index].__dict__
            rows = [row for name in _BODIES.get(type(rows[index]), ()) for row in below[name]]
        return found

    def indent(self, node: ast.stmt) -> int | None:
        """Return where the indent of a statement ends; `None` where something else stands on its first line before it."""
        found = _MARGIN.match(self.text, self.starts[first_line(node) - 1])
        place = found.end() if found else 0
        return place if place == self.start(node) or self.text.startswith("@", place) else None

    def near(self, *needles: str) -> Iterator[list[ast.AST]]:
        """Yield, once each, the statements that hold one of the needles in their own lines, last in those around them."""
        seen: set[int] = set()
        for line in sorted({self.line(place) for needle in needles for place in self._places(needle)}):
            chain = self.around(line)
            for index, node in enumerate(chain, 1):
                alone = index == len(chain) or first_line(chain[index]) == line
                if alone and id(node) not in seen:
                    seen.add(id(node))
                    yield chain[:index]

    def _places(self, needle: str) -> Iterator[int]:
        place = self.text.find(needle)
        while place >= 0:
            yield place
            place = self.text.find(needle, place + 1)


def first_line(node: ast.AST) -> int:
    """Return the line on which a statement begins, its decorators included."""
    if isinstance(node, ast.match_case):
        return node.pattern.lineno
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    line: int = node.lineno  # type: ignore[attr-defined]
    return min(line, decorators[0].lineno) if decorators else line


def last_line(node: ast.AST) -> int:
    """Return the line on which a statement ends."""
    if isinstance(node, ast.match_case):
        return last_line(node.body[-1])
    line: int = node.end_lineno  # type: ignore[attr-defined]
    return line


def blocks(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the compound statements directly below a compound one."""
    for name in _BODIES.get(type(node), ()):
        for below in node.__dict__[name]:
            if type(below) in _BODIES:
                yield below


def own(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the expressions of a statement and all in them, but for the statements in its bodies and the fields of f-strings,
    whose positions Python 3.11 does not know."""
    bodies = _BODIES.get(type(node), ())
    todo: list[Any] = [value for name, value in node.__dict__.items() if name not in bodies]
    while todo:
        below = todo.pop()
        if isinstance(below, list):
            todo += below
        elif isinstance(below, ast.AST):
            yield below
            if type(below) is not ast.JoinedStr:
                todo += [below.__dict__[name] for name in below._fields if name in below.__dict__]


def parameters(node: Function) -> list[ast.arg]:
    """Return every parameter of a function, in the order of the text."""
    args = node.args
    middle = [args.vararg] if args.vararg else []
    return [*args.posonlyargs, *args.args, *middle, *args.kwonlyargs, *([args.kwarg] if args.kwarg else [])]


def _names(*targets: ast.expr) -> Iterator[str]:
    todo = list(targets)
    while todo:
        target = todo.pop()
        if isinstance(target, ast.Name):
            yield target.id
        elif isinstance(target, ast.Starred):
            todo.append(target.value)
        elif isinstance(target, ast.Tuple | ast.List):
            todo += target.elts


_BINDS: dict[type[ast.AST], Callable[[Any], Iterable[str]]] = {
    **dict.fromkeys(
        (ast.FunctionDef, ast.AsyncFunctionDef), lambda node: (node.name, *(parameter.arg for parameter in parameters(node)))
    ),
    **dict.fromkeys((ast.ClassDef, ast.ExceptHandler), lambda node: (node.name or "",)),
    **dict.fromkeys(
        (ast.Import, ast.ImportFrom), lambda node: [alias.asname or alias.name.partition(".")[0] for alias in node.names]
    ),
    **dict.fromkeys((ast.Assign, ast.Delete), lambda node: _names(*node.targets)),
    **dict.fromkeys((ast.AnnAssign, ast.AugAssign, ast.For, ast.AsyncFor), lambda node: _names(node.target)),
    **dict.fromkeys(
        (ast.With, ast.AsyncWith), lambda node: _names(*(item.optional_vars for item in node.items if item.optional_vars))
    ),
    **dict.fromkeys((ast.Global, ast.Nonlocal), lambda node: node.names),
    ast.match_case: lambda node: [
        getattr(below, "name", None) or getattr(below, "rest", None) or "" for below in ast.walk(node.pattern)
    ],
}
"""What each kind of statement binds in its own lines."""
