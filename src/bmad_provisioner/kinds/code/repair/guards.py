"""Guards: what stands around a place and says that a name, an import or a member there may be missing."""

from __future__ import annotations

import ast

from bmad_provisioner.kinds.code.repair.places import Parsed

_ANY = frozenset({"", "Exception", "BaseException"})


def expects(parsed: Parsed, node: ast.AST, *errors: str) -> bool:
    """Whether a `try` around a node catches one of some errors, or is there to try out just this line."""
    below = node
    for outer in parsed.above(node):
        if isinstance(outer, ast.Try) and below in outer.body:
            caught = {name for handler in outer.handlers for name in _caught(handler)}
            if caught & set(errors) or (caught & _ANY and len(outer.body) == 1 and _is_trial(outer.body[0])):
                return True
        below = outer
    return False


def _caught(handler: ast.ExceptHandler) -> list[str]:
    if handler.type is None:
        return [""]
    each = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return [ast.unparse(one).rpartition(".")[2] for one in each]


def _is_trial(statement: ast.stmt) -> bool:
    """Whether a statement only asks for something: an import, a name, or another name for a name."""
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return True
    value = statement.value if isinstance(statement, ast.Expr | ast.Assign) else None
    return isinstance(value, ast.Name | ast.Attribute)


def asks_member(parsed: Parsed, node: ast.AST) -> bool:
    """Whether something around a read says that the member may be missing."""
    if expects(parsed, node, "AttributeError"):
        return True
    conditions = (outer for outer in parsed.above(node) if isinstance(outer, ast.If | ast.IfExp | ast.BoolOp))
    return any("hasattr" in ast.unparse(getattr(outer, "test", outer)) for outer in conditions)
