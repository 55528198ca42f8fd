"""Plainness: functions whose results surely are nothing to await, as far as their annotation or what they return tells."""

from __future__ import annotations

import ast

from bmad_provisioner.kinds.code.repair.places import Function

OF_VALUES = frozenset(
    {"len", "str", "int", "float", "list", "tuple", "set", "dict", "sorted", "sum", "min", "max", "any", "all", "enumerate"}
)
"""Builtins that take values and give values."""
_TYPES = frozenset({"str", "int", "float", "bool", "bytes", "list", "dict", "set", "tuple", "frozenset", "None"})
_TYPES |= frozenset({"List", "Dict", "Set", "Tuple", "FrozenSet", "Sequence", "Mapping", "Iterator", "Iterable", "Generator"})
_VALUES = (
    *(ast.Constant, ast.List, ast.Dict, ast.Set, ast.Tuple, ast.Compare, ast.JoinedStr, ast.BinOp, ast.UnaryOp),
    *(ast.ListComp, ast.DictComp, ast.SetComp, ast.GeneratorExp),
)


def gives_plainly(function: Function) -> bool:
    """Whether a call of a function surely gives a value, and none that has to be awaited."""
    if function.decorator_list or isinstance(function, ast.AsyncFunctionDef):
        return False
    if function.returns is not None:
        return _is_plain_type(function.returns)
    inner = list(_inside(function))
    given = [node.value for node in inner if isinstance(node, ast.Return) and node.value is not None]
    return all(_is_value(value, inner) for value in given)


def _is_plain_type(node: ast.expr) -> bool:
    if isinstance(node, ast.Constant):
        return node.value is None
    if isinstance(node, ast.BinOp):
        return _is_plain_type(node.left) and _is_plain_type(node.right)
    if isinstance(node, ast.Subscript):
        outer = ast.unparse(node.value).rpartition(".")[2]
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        return outer in _TYPES or (outer in ("Optional", "Union") and all(map(_is_plain_type, parts)))
    return ast.unparse(node).rpartition(".")[2] in _TYPES


def _inside(function: Function) -> list[ast.AST]:
    """Return the nodes that the function itself runs."""
    found, stack = list[ast.AST](), list[ast.AST](function.body)
    while stack:
        node = stack.pop()
        found.append(node)
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            stack.extend(ast.iter_child_nodes(node))
    return found


def _is_value(value: ast.expr, inner: list[ast.AST]) -> bool:
    if isinstance(value, ast.BoolOp):
        return all(_is_value(one, inner) for one in value.values)
    if isinstance(value, ast.IfExp):
        return _is_value(value.body, inner) and _is_value(value.orelse, inner)
    if isinstance(value, ast.Call):
        return isinstance(value.func, ast.Name) and value.func.id in OF_VALUES
    return isinstance(value, _VALUES) or (isinstance(value, ast.Name) and _holds_values(value.id, inner))


def _holds_values(name: str, inner: list[ast.AST]) -> bool:
    """Whether a variable is given literals and the like, and nothing else."""
    stores = [node for node in inner if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store)]
    simple = [node for node in inner if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign)]
    given = [
        node.value
        for node in simple
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name) and target.id == name and node.value is not None
    ]
    return bool(given) and len(given) == len(stores) and all(isinstance(one, _VALUES) for one in given)
