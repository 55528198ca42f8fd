"""Typed: what `typing` and the builtins cannot mean: forms that are never called, and those given too many or too few types."""

from __future__ import annotations

import ast
import builtins
from types import BuiltinFunctionType

_GIVEN = {
    **dict.fromkeys(("Optional", "List", "list", "Set", "set", "FrozenSet", "frozenset", "Type", "type", "Sequence"), (1, 1)),
    **dict.fromkeys(("Iterable", "Iterator", "Awaitable", "Collection", "ClassVar", "Final", "AsyncIterator"), (1, 1)),
    **dict.fromkeys(("Dict", "dict", "Mapping", "MutableMapping", "defaultdict", "DefaultDict", "Callable"), (2, 2)),
    **dict.fromkeys(("Union",), (2, 99)),
    **dict.fromkeys(("Generator", "AsyncGenerator"), (1, 3)),
}
"""How many types each may be given."""
_NEVER_CALLED = frozenset(
    {
        "Optional",
        "Union",
        "Callable",
        "Iterable",
        "Iterator",
        "Sequence",
        "Mapping",
        "Literal",
        "ClassVar",
        "Annotated",
        "Awaitable",
    }
)
_FUNCTIONS = frozenset(name for name, one in vars(builtins).items() if isinstance(one, BuiltinFunctionType)) | {"super"}

_TYPES = frozenset({"str", "int", "bool", "float", "list", "dict", "bytes", "object", "tuple"})
"""What no parameter is called."""


def misuses(tree: ast.AST) -> int:
    """Count what fails, or can hardly be meant, however the names in a tree are bound."""
    return sum(_misuse(node) for node in ast.walk(tree))


def _name(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _misuse(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        return _name(node.func) in _NEVER_CALLED
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
        return _misgiven(_name(node.value), node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice])
    if isinstance(node, ast.arg) and node.annotation is None:
        return node.arg in _TYPES or (node.arg[0].isupper() and not node.arg.isupper())
    bare = node.value if isinstance(node, ast.Attribute) or (isinstance(node, ast.keyword) and node.arg is None) else None
    return isinstance(bare, ast.Name) and bare.id in _FUNCTIONS


def _misgiven(name: str, types: list[ast.expr]) -> bool:
    if name not in _GIVEN:
        return False
    least, most = _GIVEN[name]
    first = types[0] if types else None
    dots = [place for place, one in enumerate(types) if isinstance(one, ast.Constant) and one.value is ...]
    return not least <= len(types) <= most or (dots != [0] if name == "Callable" and dots else bool(dots)) or _unlisted(name, first)


def _unlisted(name: str, first: ast.expr | None) -> bool:
    """Whether a function's parameters are given without a list of them."""
    dots = isinstance(first, ast.Constant) and first.value is ...
    plain = isinstance(first, ast.Name) and first.id in _TYPES
    return name == "Callable" and (plain or not (dots or isinstance(first, ast.List | ast.Name | ast.Subscript | ast.Attribute)))
