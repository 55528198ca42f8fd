"""Classes: which members the classes of a file have, as far as its text tells, and what they leave to others to write."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bmad_provisioner.kinds.code.repair.places import Function, Parsed

_WITHOUT_MEMBERS = frozenset(
    {"abc.ABC", "typing.Generic", "typing.Protocol", "typing_extensions.Protocol", "typing_extensions.Generic", "builtins.object"}
)
"""Bases that add nothing that a program would call by name."""
_KNOWN_META = frozenset({"ABCMeta", "abc.ABCMeta"})
_PLAIN = frozenset({"str", "int", "float", "bool", "bytes", "list", "dict", "set", "tuple"})
_OPENS = frozenset({"__getattr__", "__getattribute__"})


@dataclass(frozen=True, slots=True)
class Class:
    """A class of the project: its bases as dotted names, its own members, and whether more may come from where no text tells."""

    bases: tuple[str, ...]
    members: frozenset[str]
    coroutines: frozenset[str] = frozenset()
    plain: frozenset[str] = frozenset()
    """Methods that surely give nothing to await."""
    abstract: tuple[tuple[str, str], ...] = ()
    """Name and header of what a subclass has to write."""
    is_open: bool = False


def classes(parsed: Parsed, own: str, imported: Mapping[str, str]) -> dict[str, Any]:
    """Return what the classes at the top of a file say: plain data, by name."""
    written = Written(parsed)
    return {node.name: plainly(written.read(node, own, imported)) for node in parsed.tree.body if isinstance(node, ast.ClassDef)}


def plainly(one: Class) -> list[Any]:
    """Return a class as plain data."""
    abstract = [list(pair) for pair in one.abstract]
    return [list(one.bases), sorted(one.members), sorted(one.coroutines), sorted(one.plain), abstract, one.is_open]


def told(data: Any) -> Class:
    """Return a class of plain data, as `plainly` gives it."""
    bases, members, coroutines, plain, abstract, is_open = data
    return Class(
        tuple(bases), frozenset(members), frozenset(coroutines), frozenset(plain), tuple((a, b) for a, b in abstract), bool(is_open)
    )


class Written:
    """What the functions of a file do that matters to the classes they are methods of."""

    def __init__(self, parsed: Parsed) -> None:
        self.given: dict[ast.AST, set[str]] = {}
        self.frees: set[ast.AST] = set()
        self.yields = {outer for node in parsed.every(ast.Yield) for outer in parsed.above(node) if isinstance(outer, Function)}
        for node in parsed.every(ast.Attribute):
            if node.attr == "__dict__":
                self.frees.update(parsed.above(node))
            elif isinstance(node.value, ast.Name) and not isinstance(node.ctx, ast.Load):
                self._give(parsed, node, node.value.id)
        for call in parsed.every(ast.Call):
            if _sets_freely(call):
                self.frees.update(parsed.above(call))

    def _give(self, parsed: Parsed, node: ast.Attribute, holder: str) -> None:
        for outer in parsed.above(node):
            if isinstance(outer, Function) and _first(outer) == holder:
                self.given.setdefault(outer, set()).add(node.attr)

    def read(self, node: ast.ClassDef, own: str, imported: Mapping[str, str]) -> Class:
        """Return what one class says."""
        methods = [one for one in node.body if isinstance(one, Function)]
        names = [one.name for one in methods]
        alone = [one for one in methods if names.count(one.name) == 1 and not one.decorator_list]
        metas = {ast.unparse(word.value) for word in node.keywords if word.arg == "metaclass"}
        return Class(
            tuple(_dotted(base, own, imported) for base in node.bases),
            frozenset(self._members(node)),
            frozenset(one.name for one in alone if isinstance(one, ast.AsyncFunctionDef) and one not in self.yields),
            frozenset(one.name for one in alone if isinstance(one, ast.FunctionDef) and plain(one) and not is_stub(one)),
            tuple((one.name, _header(one)) for one in methods if _is_abstract(one)),
            bool(metas - _KNOWN_META or _OPENS & set(names) or any(one in self.frees for one in methods)),
        )

    def _members(self, node: ast.ClassDef) -> Iterator[str]:
        """Yield what a body binds, and what its methods give to their first parameter."""
        stack: list[ast.AST] = list(node.body)
        while stack:
            one = stack.pop()
            if isinstance(one, Function):
                yield one.name
                yield from self.given.get(one, ())
            elif isinstance(one, ast.ClassDef):
                yield one.name
            elif isinstance(one, ast.alias):
                yield one.asname or one.name
            elif isinstance(one, ast.Name) and not isinstance(one.ctx, ast.Load):
                yield one.id
                if one.id == "__slots__":
                    yield from _slots(node)
            elif not isinstance(one, ast.Lambda):
                stack.extend(ast.iter_child_nodes(one))


def plain(node: ast.FunctionDef) -> bool:
    """Whether a call of a function surely gives nothing to await: no decorator, and only plain values returned."""
    if node.decorator_list:
        return False
    if node.returns is not None:
        return (isinstance(node.returns, ast.Constant) and node.returns.value is None) or getattr(node.returns, "id", "") in _PLAIN
    stack: list[ast.AST] = list(node.body)
    values = ast.Constant | ast.List | ast.Dict | ast.Set | ast.Tuple | ast.Compare | ast.JoinedStr | ast.ListComp | ast.DictComp
    while stack:
        inner = stack.pop()
        if isinstance(inner, ast.Return) and inner.value is not None and not isinstance(inner.value, values):
            return False
        if not isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            stack.extend(child for child in ast.iter_child_nodes(inner) if not isinstance(child, ast.expr))
    return True


def is_stub(function: Function) -> bool:
    """Whether a function only stands for what a subclass will write."""
    body = [node for node in function.body if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))]
    return all(isinstance(node, ast.Pass | ast.Raise) for node in body)


def _is_abstract(function: Function) -> bool:
    return any(ast.unparse(mark).rpartition(".")[2] in ("abstractmethod", "abstractproperty") for mark in function.decorator_list)


def _header(function: Function) -> str:
    marks = [ast.unparse(mark) for mark in function.decorator_list]
    kept = [f"@{mark}\n" for mark in marks if mark in ("property", "classmethod", "staticmethod")]
    returns = f" -> {ast.unparse(function.returns)}" if function.returns else ""
    word = "async def" if isinstance(function, ast.AsyncFunctionDef) else "def"
    return f"{''.join(kept)}{word} {function.name}({ast.unparse(function.args)}){returns}:"


def _dotted(base: ast.expr, own: str, imported: Mapping[str, str]) -> str:
    """Return the full name of a base, or `?`."""
    written = ast.unparse(base.value if isinstance(base, ast.Subscript) else base)
    first, _, rest = written.partition(".")
    if not first.isidentifier():
        return "?"
    if first in imported:
        return ".".join(filter(None, (imported[first], rest)))
    if hasattr(builtins, first):
        return f"builtins.{written}"
    return f"{own}.{written}"


def _slots(node: ast.ClassDef) -> Iterator[str]:
    for one in node.body:
        if isinstance(one, ast.Assign) and ast.unparse(one.targets[0]) == "__slots__":
            yield from (n.value for n in ast.walk(one.value) if isinstance(n, ast.Constant) and isinstance(n.value, str))


def _first(function: Function) -> str:
    spec = [*function.args.posonlyargs, *function.args.args]
    return spec[0].arg if spec else ""


def _sets_freely(call: ast.Call) -> bool:
    """Whether a call gives an object members whose names are not written there."""
    func = call.func
    sets = func.id in ("setattr", "vars") if isinstance(func, ast.Name) else getattr(func, "attr", "") == "__setattr__"
    return sets and not (len(call.args) == 3 and isinstance(call.args[1], ast.Constant))


def lineage(bases: tuple[str, ...], known: Mapping[str, Class]) -> tuple[dict[str, Class], bool]:
    """Return all classes above, nearest first, that are known, and whether these are all and none of them is open."""
    found: dict[str, Class] = {}
    closed = True
    waiting = list(bases)
    while waiting:
        name = waiting.pop(0)
        if name in known and name not in found:
            found[name] = known[name]
            closed = closed and not known[name].is_open
            waiting += known[name].bases
        elif name not in found and name not in _WITHOUT_MEMBERS:
            closed = False
    return found, closed
