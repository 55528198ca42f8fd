"""Visible: which names the scopes of a file bind, and what a place in it can see of them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import get_args

from bmad_provisioner.kinds.code.repair.places import Parsed

_COMPREHENSIONS = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
_FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_SCOPES = _FUNCTIONS | ast.ClassDef | _COMPREHENSIONS
_BINDING = (
    *(ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.alias, ast.ExceptHandler),
    *(ast.MatchAs, ast.MatchStar, ast.MatchMapping, ast.Global),
)


class Visible:
    """The scopes of a file: each with the names it binds."""

    def __init__(self, parsed: Parsed) -> None:
        self.parsed = parsed
        self.bound: dict[ast.AST, set[str]] = {parsed.tree: set()}
        self.top = self.bound[parsed.tree]
        for scope in parsed.every(*get_args(_SCOPES)):
            self.bound[scope] = set()
        for name in parsed.every(ast.Name):
            if not isinstance(name.ctx, ast.Load):
                self._home(name).add(name.id)
        for node in parsed.every(*_BINDING):
            self._home(node).update(_binds(node))
        for spec in parsed.every(ast.arguments):
            self.bound[parsed.parents[spec]].update(_parameters(spec))

    def _home(self, node: ast.AST) -> set[str]:
        """Return the names of the scope that a binding belongs to."""
        through = isinstance(self.parsed.parents.get(node), ast.NamedExpr)
        if isinstance(node, ast.Global):
            return self.top
        for outer in self.parsed.above(node):
            if outer in self.bound and not (through and isinstance(outer, _COMPREHENSIONS)):
                return self.bound[outer]
        return self.top

    def around(self, node: ast.AST) -> Iterator[set[str]]:
        """Yield the names of each scope that a place sees, from the inside out, the module's last."""
        below, inner = node, True
        for outer in self.parsed.above(node):
            if isinstance(outer, ast.ClassDef):
                if inner and below in outer.body:
                    yield self.bound[outer]
            elif isinstance(outer, _SCOPES) and not _is_outside(outer, below):
                yield self.bound[outer]
                inner = inner and isinstance(outer, _COMPREHENSIONS)
            below = outer
        yield self.top

    def sees(self, node: ast.AST, name: str) -> bool:
        """Whether a name is bound where a node stands."""
        return any(name in names for names in self.around(node))


def _is_outside(scope: ast.AST, part: ast.AST) -> bool:
    """Whether a part of a function belongs to the scope around it: decorators, defaults, annotations."""
    if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef):
        return part not in scope.body
    return isinstance(scope, ast.Lambda) and part is scope.args


def _parameters(node: ast.arguments) -> Iterator[str]:
    every = (*node.posonlyargs, *node.args, *node.kwonlyargs, node.vararg, node.kwarg)
    return (one.arg for one in every if one)


def _binds(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.alias):
        yield node.asname or node.name.split(".")[0]
    elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
        yield node.name
    elif isinstance(node, ast.MatchMapping) and node.rest:
        yield node.rest
    elif isinstance(node, ast.Global):
        yield from node.names
