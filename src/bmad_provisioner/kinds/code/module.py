"""Module: one parsed file as the matchers of passes see it, and the places that they hit in it."""

from __future__ import annotations

import ast
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import TypeAlias

from bmad_provisioner.digest import Plain

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
Owner: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef

Asked = Mapping[str, Plain]
"""What a document asks of every pass. `python`: the oldest version that has to run the code (`"3.11"`); `path`: where the file
stands in its project; `own`: the project's own top-level packages; `wanted`: the names that other files take from this one."""

_LAST_WORD = re.compile(r"\w+(?=\s*\Z)")
_NEWLINE = re.compile(r"\r\n|\n|\r")
_OWNERS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_BODIES = ("body", "handlers", "orelse", "finalbody", "cases")
"""In the order of the text."""
_COMPOUND = frozenset(
    {ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.TryStar, ast.Match}
    | {ast.ExceptHandler, ast.match_case, *_OWNERS}
)


@dataclass(frozen=True, slots=True)
class Hit:
    """A place that a pass would rewrite, as a range of the text; `text` is what should stand there, or `None` where a
    transformer has to see it.

    `local` promises that the text stays within its statement and keeps that what it is to the rest of the file: then only the
    statement is judged, not the file. `settled` promises that it gives no pass anything new to do: then no second
    round follows.
    """

    start: int
    end: int
    text: str | None = None
    message: str = ""
    local: bool = False
    settled: bool = False


class Module:
    """The text and the syntax tree of a file, and how to get from one to the other.

    Places are offsets in the text, in characters. What costs a walk over the tree is made once, when first asked for, and
    shared by all passes.
    """

    def __init__(self, text: str, tree: ast.Module, asked: Asked) -> None:
        self.text = text
        self.tree = tree
        self.asked = asked

    @cached_property
    def python(self) -> tuple[int, ...]:
        """The oldest Python that has to run the code."""
        return tuple(int(part) for part in str(self.asked.get("python", "3.11")).split("."))

    @cached_property
    def path(self) -> str:
        """Where the file stands in its project; empty where nobody said."""
        return str(self.asked.get("path", ""))

    @cached_property
    def newline(self) -> str:
        """How its first line ends, which is how LibCST ends the lines that it makes."""
        found = _NEWLINE.search(self.text)
        return found.group() if found else "\n"

    @cached_property
    def starts(self) -> list[int]:
        """Where each line starts. Lines end as the language says: a form feed or a Unicode separator ends none."""
        if "\r" in self.text:
            return [0, *(found.end() for found in _NEWLINE.finditer(self.text))]
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

    def exact(self, node: ast.expr, text: str, message: str, *, settled: bool = True) -> Hit:
        """Return a hit that puts one expression in the place of another."""
        return Hit(self.start(node), self.end(node), text, message, local=True, settled=settled)

    def line(self, place: int) -> int:
        """Return the line, from 1, that a place is on."""
        return bisect_right(self.starts, place)

    @cached_property
    def owners(self) -> tuple[tuple[Owner, Owner | None], ...]:
        """Every function and class in the order of the text, each with the one that directly encloses it."""
        found: list[tuple[Owner, Owner | None]] = []
        todo: list[tuple[ast.AST, Owner | None]] = [(node, None) for node in reversed(self.tree.body) if type(node) in _COMPOUND]
        while todo:
            node, owner = todo.pop()
            if isinstance(node, _OWNERS):
                found.append((node, owner))
                owner = node
            todo += [(below, owner) for below in reversed(list(blocks(node)))]
        return tuple(found)

    @cached_property
    def bound(self) -> frozenset[str]:
        """Every name that a statement of the file binds somewhere: definitions, parameters, imports, targets; `*` for a star."""
        found = {name.group() for place in self._places(":=") if (name := _LAST_WORD.search(self.text, max(0, place - 200), place))}
        for statement in self.statements(self.tree.body):
            found |= _binds(statement)
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
            if type(node) in _COMPOUND:
                for name in _BODIES:
                    todo += node.__dict__.get(name, ())

    def around(self, line: int) -> list[ast.AST]:
        """Return the statements around a line, outermost first; empty between two statements of the top level."""
        found: list[ast.AST] = []
        rows: list[ast.AST] = list(self.tree.body)
        while rows:
            index = bisect_right(rows, line, key=first_line) - 1
            if index < 0 or line > (last_line(rows[index])):
                break
            found.append(rows[index])
            rows = [row for name in _BODIES for row in rows[index].__dict__.get(name, ())] if type(rows[index]) in _COMPOUND else []
        return found

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
    for name in _BODIES:
        for below in node.__dict__.get(name, ()):
            if type(below) in _COMPOUND:
                yield below


def own(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the expressions of a statement and all in them, but for the statements in its bodies and the fields of f-strings,
    whose positions Python 3.11 does not know."""
    todo: list[ast.AST] = []
    for name, value in node.__dict__.items():
        if name in _BODIES and type(node) in _COMPOUND:
            continue
        todo += value if isinstance(value, list) else [value]
    while todo:
        below = todo.pop()
        if isinstance(below, ast.AST):
            yield below
            todo += () if isinstance(below, ast.JoinedStr) else ast.iter_child_nodes(below)


def parameters(node: Function) -> list[ast.arg]:
    """Return every parameter of a function, in the order of the text."""
    args = node.args
    middle = [args.vararg] if args.vararg else []
    return [*args.posonlyargs, *args.args, *middle, *args.kwonlyargs, *([args.kwarg] if args.kwarg else [])]


def _binds(node: ast.AST) -> set[str]:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return {node.name, *(parameter.arg for parameter in parameters(node))}
        case ast.ClassDef(name=str(name)) | ast.ExceptHandler(name=str(name)):
            return {name}
        case ast.Import() | ast.ImportFrom():
            return {alias.asname or alias.name.partition(".")[0] for alias in node.names}
        case ast.Assign(targets=targets) | ast.Delete(targets=targets):
            return _names(targets)
        case ast.AnnAssign(target=target) | ast.AugAssign(target=target) | ast.For(target=target) | ast.AsyncFor(target=target):
            return _names([target])
        case ast.With(items=items) | ast.AsyncWith(items=items):
            return _names([item.optional_vars for item in items if item.optional_vars])
        case ast.Global(names=names) | ast.Nonlocal(names=names):
            return set(names)
        case ast.match_case(pattern=pattern):
            return {below.name or "" for below in ast.walk(pattern) if isinstance(below, ast.MatchAs | ast.MatchStar)}
    return set()


def _names(targets: list[ast.expr]) -> set[str]:
    found: set[str] = set()
    todo = list(targets)
    while todo:
        target = todo.pop()
        if isinstance(target, ast.Name):
            found.add(target.id)
        elif isinstance(target, ast.Starred):
            todo.append(target.value)
        elif isinstance(target, ast.Tuple | ast.List):
            todo += target.elts
    return found
