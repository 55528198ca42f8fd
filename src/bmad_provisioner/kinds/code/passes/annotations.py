"""Annotations: the return types that a function's own text leaves no doubt about."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from bmad_provisioner.kinds.code.module import Function, Hit, Module, parameters
from bmad_provisioner.kinds.code.rewriting import Example, Pass, untouched

_HARMLESS = {"staticmethod", "classmethod", "property"}
_LITERALS = {bool: "bool", int: "int", float: "float", str: "str", bytes: "bytes"}
_TO_COLON = re.compile(r"(?>(?:#[^\r\n]*|[^#:])*):")
"""What can stand between the last parameter of a function and its colon: comments are jumped over."""
_NAME = re.compile(r"def\s+\w+\s*\(")


def find(module: Module) -> Iterator[Hit]:
    """Yield where ` -> type` belongs, for each function whose result is certain."""
    generators = "yield" in module.text
    for node, owner, returns in module.owners:
        if isinstance(node, ast.ClassDef) or node.returns is not None or not _is_plain(node):
            continue
        result = _result(node, returns, isinstance(owner, ast.ClassDef))
        if not result or (generators and "yield" in module.segment(node)):
            continue
        if result == "None" or module.plain(result):
            place = _place(module, node)
            if place is not None:
                yield Hit(place, place, f" -> {result}", f"`{node.name}` returns `{result}`", (node,), settled=True)


def _is_plain(node: Function) -> bool:
    """Whether no decorator reads the signature or makes something else of the function, as far as can be seen."""
    if getattr(node, "type_params", None):
        return False
    for decorator in node.decorator_list:
        match decorator:
            case ast.Name(id=name) if name in _HARMLESS:
                continue
            case ast.Attribute(attr="setter" | "deleter"):
                continue
        return False
    return True


def _result(node: Function, returns: list[ast.Return], method: bool) -> str:
    """Return the name of the type of all that a function returns; empty where that is not obvious."""
    values = [found.value for found in returns if found.value is not None]
    if not values:
        return "None" if node.name == "__init__" or not _is_stub(node, method) else ""
    names = {_literal(value) for value in values}
    if len(names) > 1 or len(values) < len(returns) or not _ends(node.body):
        return ""
    return names.pop()


def _is_stub(node: Function, method: bool) -> bool:
    """Whether a function that returns nothing may be there for others to say what it returns."""
    if any(isinstance(decorator, ast.Name) and decorator.id == "property" for decorator in node.decorator_list):
        return True
    last = node.body[-1]
    is_empty = all(map(_says_nothing, node.body))
    return isinstance(last, ast.Raise) or (is_empty and (method or last.end_lineno == node.lineno))


def _says_nothing(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Pass) or (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))


def _literal(value: ast.expr) -> str:
    match value:
        case ast.Constant(value=constant):
            return _LITERALS.get(type(constant), "")
        case ast.JoinedStr() | ast.Call(func=ast.Attribute(value=ast.Constant(value=str()), attr="format")):
            return "str"
        case ast.UnaryOp(op=ast.Not()):
            return "bool"
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)) if not isinstance(number, bool):
            return _LITERALS[type(number)]
    return ""


def _ends(body: list[ast.stmt]) -> bool:
    """Whether a body surely does not run out at its end."""
    last = body[-1]
    if isinstance(last, ast.If):
        return bool(last.orelse) and _ends(last.body) and _ends(last.orelse)
    return isinstance(last, ast.Return | ast.Raise)


def _place(module: Module, node: Function) -> int | None:
    """Return the place behind the parenthesis that closes the parameters."""
    begun = module.start(node)
    named = _NAME.search(module.text, begun)
    after = named.end() if named else begun
    args = node.args
    nodes: list[ast.arg | ast.expr] = [
        *parameters(node),
        *args.defaults,
        *(default for default in args.kw_defaults if default is not None),
    ]
    after = max([after, *(module.end(one) for one in nodes)])
    colon = _TO_COLON.match(module.text, after)
    head = module.text[begun : colon.end() - 1].rstrip() if colon else ""
    if not head.endswith(")") or "# type:" in module.text[begun : module.start(node.body[0])]:
        return None
    return begun + len(head)


ANNOTATIONS = Pass(
    "annotations",
    "1",
    (b"def ",),
    find,
    steady=True,
    examples=(
        Example("def greet(name):\n    print(name)\n", "def greet(name) -> None:\n    print(name)\n"),
        Example("class A:\n    def __init__(self):\n        pass\n", "class A:\n    def __init__(self) -> None:\n        pass\n"),
        Example(
            "def is_even(n):\n    if n % 2:\n        return False\n    return True\n",
            "def is_even(n) -> bool:\n    if n % 2:\n        return False\n    return True\n",
        ),
        Example(
            "async def name(a,  # one (or two):\n               b=(1)\n               ) :  # two\n    return f'{a}'\n",
            "async def name(a,  # one (or two):\n               b=(1)\n               ) -> str :  # two\n    return f'{a}'\n",
        ),
        untouched("def f(n):\n    if n:\n        return 1\n", "it may also run out at its end"),
        untouched("def f(n):\n    return n or None\n", "nobody knows what `n` is"),
        untouched("def f():\n    yield\n", "a generator returns no `None`"),
        untouched("class A:\n    def f(self):\n        pass\n", "a hook for others to fill"),
        untouched("def f():\n    raise NotImplementedError\n", "it never returns"),
        untouched("class A:\n    def str(self):\n        return 'a'\n", "`str` means something else here"),
        untouched("@app.get('/')\ndef f():\n    log()\n", "the decorator may read the signature"),
        untouched("def f(a):\n    # type: (int) -> None\n    print(a)\n", "a comment says it already"),
    ),
)
