"""Scopes: which names a text binds at its top, and which it uses that nothing binds."""

from __future__ import annotations

import ast
import builtins
import re
import symtable
import warnings
from dataclasses import dataclass

BUILTIN = frozenset(dir(builtins)) | {
    "__file__",
    "__path__",
    "__builtins__",
    "__annotations__",
    "__class__",
    "__module__",
    "__qualname__",
}

_BINDS = re.compile(
    r"""^(?:async\s+def|def|class)\s+(\w+)|^([A-Za-z_]\w*)\s*(?::[^=\n]+)?=[^=]|^(?:for|with)\s.*?(?:\bas\s+)?(\w+)|^\s*global\s+(\w+)""",
    re.MULTILINE | re.VERBOSE,
)
_IMPORTS = re.compile(r"^[ \t]*(?:from\s+[\w.]+\s+)?import\s+(\([^)]*\)|[^\n]*)", re.MULTILINE)


_LATER = re.compile(r"^from[ \t]+__future__\b", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Names:
    """The names bound at the top of a text, those used that nothing in it binds, and whether a star import may bind more."""

    bound: frozenset[str]
    loose: frozenset[str]
    star: bool = False


def _walk(table: symtable.SymbolTable, bound: set[str], used: set[str]) -> None:
    stack = [table]
    while stack:
        scope = stack.pop()
        stack.extend(scope.get_children())
        top = scope.get_type() == "module"
        for symbol in scope.get_symbols():
            binds = symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace()
            if binds and (top or symbol.is_declared_global()):
                bound.add(symbol.get_name())
            elif symbol.is_referenced() and (symbol.is_global() or top):
                used.add(symbol.get_name())


def names(text: str) -> Names | None:
    """Return the names of a text that compiles; None where it does not."""
    bound: set[str] = set()
    used: set[str] = set()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            # Under this import annotations are not even looked at; names lost from them are missed all the same.
            _walk(symtable.symtable(_LATER.sub("from _future_ ", text), "<text>", "exec"), bound, used)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None
    return Names(
        frozenset(bound), frozenset(used - bound - BUILTIN), bool(re.search(r"^\s*from\s+\S+\s+import\s+\*", text, re.MULTILINE))
    )


def bound_roughly(text: str) -> frozenset[str]:
    """Return the names that a text binds at its top as far as its lines tell; it need not parse."""
    exact = names(text)
    if exact:
        return exact.bound
    found = {name for groups in _BINDS.findall(text) for name in groups if name}
    for listed in _IMPORTS.findall(text):
        for part in re.sub(r"#[^\n]*", "", listed).strip("()").split(","):
            words = part.split()
            if words:
                found.add(words[-1].split(".")[0])
    return frozenset(found)


def at_the_top(body: list[ast.stmt]) -> list[ast.stmt]:
    """Return the statements that run at the top of a module: those in `if`, `try` and `with` there too."""
    found: list[ast.stmt] = []
    stack = list(reversed(body))
    while stack:
        node = stack.pop()
        found.append(node)
        if isinstance(node, (ast.If, ast.Try, ast.With, ast.For, ast.While)):
            parts = [getattr(node, field, []) for field in ("finalbody", "orelse", "body")]
            parts.extend(handler.body for handler in getattr(node, "handlers", []))
            stack.extend(child for part in parts for child in reversed(part))
    return found
