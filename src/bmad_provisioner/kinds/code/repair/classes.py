"""Classes: which members the classes of a file have, as far as its text tells, and what they leave to others to write."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Function = ast.FunctionDef | ast.AsyncFunctionDef
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


def classes(parsed: ast.Module, own: str, imported: Mapping[str, str]) -> dict[str, Any]:
    """Return what the classes at the top of a file say: plain data, by name."""
    found: dict[str, Any] = {}
    for node in parsed.body:
        if isinstance(node, ast.ClassDef):
            found[node.name] = plainly(read(node, own, imported))
    return found


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


def read(node: ast.ClassDef, own: str, imported: Mapping[str, str]) -> Class:
    """Return what one class says."""
    methods = [one for one in node.body if isinstance(one, Function)]
    names = [one.name for one in methods]
    alone = [one for one in methods if names.count(one.name) == 1 and not one.decorator_list]
    yields = {one.name for one in alone if any(isinstance(n, ast.Yield) for n in ast.walk(one))}
    metas = {ast.unparse(word.value) for word in node.keywords if word.arg == "metaclass"}
    return Class(
        tuple(_dotted(base, own, imported) for base in node.bases),
        frozenset(_members(node)),
        frozenset(one.name for one in alone if isinstance(one, ast.AsyncFunctionDef) and one.name not in yields),
        frozenset(one.name for one in alone if isinstance(one, ast.FunctionDef) and plain(one) and not is_stub(one)),
        tuple((one.name, _header(one)) for one in methods if _is_abstract(one)),
        bool(metas - _KNOWN_META or _OPENS & set(names) or any(_sets_freely(one) for one in methods)),
    )


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
        if not isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            stack.extend(ast.iter_child_nodes(inner))
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


def _members(node: ast.ClassDef) -> Iterator[str]:
    """Yield what a body binds, and what its methods give to their first parameter."""
    stack: list[ast.AST] = list(node.body)
    while stack:
        one = stack.pop()
        if isinstance(one, Function):
            yield one.name
            yield from _given(one)
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


def _slots(node: ast.ClassDef) -> Iterator[str]:
    for one in node.body:
        if isinstance(one, ast.Assign) and ast.unparse(one.targets[0]) == "__slots__":
            yield from (n.value for n in ast.walk(one.value) if isinstance(n, ast.Constant) and isinstance(n.value, str))


def _given(method: Function) -> Iterator[str]:
    spec = [*method.args.posonlyargs, *method.args.args]
    if spec:
        for node in ast.walk(method):
            if (
                isinstance(node, ast.Attribute)
                and not isinstance(node.ctx, ast.Load)
                and getattr(node.value, "id", "") == spec[0].arg
            ):
                yield node.attr


def _sets_freely(method: Function) -> bool:
    """Whether a method gives its object members whose names are not written there."""
    for node in ast.walk(method):
        if isinstance(node, ast.Attribute) and node.attr == "__dict__":
            return True
        if isinstance(node, ast.Call) and ast.unparse(node.func) in (
            "setattr",
            "vars",
            "object.__setattr__",
            "super().__setattr__",
        ):
            return not (len(node.args) == 3 and isinstance(node.args[1], ast.Constant))
    return False


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
