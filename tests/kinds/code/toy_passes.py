"""Toy passes: five transformers of the kind that users write, which know nothing of positions."""

# ruff: noqa: N802 - so LibCST names what visitors have
from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

import libcst as cst

from bmad_provisioner.kinds.code.module import Hit, Module, first_line, own
from bmad_provisioner.kinds.code.rewriting import Pass


def _finds(needle: str, is_meant: Callable[[ast.AST], bool]) -> Callable[[Module], Iterator[Hit]]:
    """Return a matcher that looks at statements with the needle; an f-string may hide anything."""

    def find(module: Module) -> Iterator[Hit]:
        for *_, node in module.near(needle):
            if any(is_meant(below) or isinstance(below, ast.JoinedStr) for below in (node, *own(node))):
                place = module.starts[first_line(node) - 1]
                yield Hit(place, place)

    return find


def _calls(name: str) -> Callable[[ast.AST], bool]:
    return lambda node: isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name


class NoPrint(cst.CSTTransformer):
    def leave_Expr(self, original_node: cst.Expr, updated_node: cst.Expr) -> cst.Expr | cst.RemovalSentinel:
        match updated_node.value:
            case cst.Call(func=cst.Name("print")):
                return cst.RemoveFromParent()
        return updated_node


class IsNone(cst.CSTTransformer):
    def leave_Comparison(self, original_node: cst.Comparison, updated_node: cst.Comparison) -> cst.Comparison:
        match updated_node.comparisons:
            case [cst.ComparisonTarget(operator=cst.Equal(), comparator=cst.Name("None")) as target]:
                return updated_node.with_changes(comparisons=[target.with_changes(operator=cst.Is())])
        return updated_node


class NotIn(cst.CSTTransformer):
    def leave_UnaryOperation(self, original_node: cst.UnaryOperation, updated_node: cst.UnaryOperation) -> cst.BaseExpression:
        match updated_node:
            case cst.UnaryOperation(
                operator=cst.Not(),
                expression=cst.Comparison(comparisons=[cst.ComparisonTarget(operator=cst.In()) as target]) as inner,
            ):
                return inner.with_changes(
                    comparisons=[target.with_changes(operator=cst.NotIn())],
                    lpar=[*updated_node.lpar, *inner.lpar],
                    rpar=[*inner.rpar, *updated_node.rpar],
                )
        return updated_node


class EmptyDict(cst.CSTTransformer):
    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        match updated_node:
            case cst.Call(func=cst.Name("dict"), args=[]):
                return cst.Dict([], lpar=updated_node.lpar, rpar=updated_node.rpar)
        return updated_node


class NoObject(cst.CSTTransformer):
    def leave_ClassDef(self, original_node: cst.ClassDef, updated_node: cst.ClassDef) -> cst.ClassDef:
        match updated_node.bases:
            case [cst.Arg(value=cst.Name("object"))] if not updated_node.keywords:
                return updated_node.with_changes(bases=[], lpar=cst.MaybeSentinel.DEFAULT, rpar=cst.MaybeSentinel.DEFAULT)
        return updated_node


class Guard(cst.CSTTransformer):
    """Puts a statement in front of every `assert`, so that LibCST has to make lines and indents of its own."""

    def leave_SimpleStatementLine(self, original_node: cst.SimpleStatementLine, updated_node: cst.SimpleStatementLine):
        match updated_node.body:
            case [cst.Assert(msg=None)]:
                said = updated_node.with_changes(body=[updated_node.body[0].with_changes(msg=cst.SimpleString("''"))])
                guard = cst.If(cst.Name("__debug__"), cst.IndentedBlock([said.with_changes(leading_lines=[])]))
                return cst.FlattenSentinel([said, guard])
        return updated_node


NO_PRINT = Pass("no-print", "1", (b"print",), _finds("print", _calls("print")), lambda *_: NoPrint())
IS_NONE = Pass(
    "is-none",
    "1",
    (b"None",),
    _finds(
        "None",
        lambda node: (
            isinstance(node, ast.Compare)
            and isinstance(node.comparators[-1], ast.Constant)
            and node.comparators[-1].value is None
            and isinstance(node.ops[0], ast.Eq)
        ),
    ),
    lambda *_: IsNone(),
)
NOT_IN = Pass(
    "not-in",
    "1",
    (b"not",),
    _finds(
        "not",
        lambda node: (
            isinstance(node, ast.UnaryOp)
            and isinstance(node.op, ast.Not)
            and isinstance(node.operand, ast.Compare)
            and isinstance(node.operand.ops[0], ast.In)
        ),
    ),
    lambda *_: NotIn(),
)
EMPTY_DICT = Pass("empty-dict", "1", (b"dict(",), _finds("dict", _calls("dict")), lambda *_: EmptyDict())
GUARD = Pass(
    "guard", "1", (b"assert",), _finds("assert", lambda node: isinstance(node, ast.Assert) and node.msg is None), lambda *_: Guard()
)
NO_OBJECT = Pass(
    "no-object",
    "1",
    (b"object",),
    _finds(
        "object", lambda node: isinstance(node, ast.ClassDef) and [getattr(parent, "id", "") for parent in node.bases] == ["object"]
    ),
    lambda *_: NoObject(),
)
FIVE = (NO_PRINT, IS_NONE, NOT_IN, EMPTY_DICT, NO_OBJECT)
TOYS = (*FIVE, GUARD)
