"""Awaits: `await` where nothing can wait, and coroutines that nothing awaits."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bmad_provisioner.kinds.code.repair.classes import Class, is_stub, lineage
from bmad_provisioner.kinds.code.repair.customs import called, customs
from bmad_provisioner.kinds.code.repair.facts import absolute
from bmad_provisioner.kinds.code.repair.knows import Knows
from bmad_provisioner.kinds.code.repair.members import Members
from bmad_provisioner.kinds.code.repair.model import AWAITS
from bmad_provisioner.kinds.code.repair.places import Function, Idea, Parsed
from bmad_provisioner.kinds.code.repair.plainness import OF_VALUES, gives_plainly

_SYNC = frozenset(
    {"os", "os.path", "json", "re", "math", "time", "logging", "shutil", "random", "copy", "pickle", "struct", "sys", "base64"}
)
_SYNC |= frozenset(
    {"itertools", "functools", "operator", "textwrap", "string", "hashlib", "uuid", "warnings", "datetime", "traceback"}
)
_BUILTIN = frozenset(dir(builtins)) - {"anext", "aiter", "super", "__import__"}
_LOGS = frozenset({"debug", "info", "warning", "error", "exception", "critical"})
_OF_TEXT = frozenset(
    {
        "strip",
        "lstrip",
        "rstrip",
        "rsplit",
        "splitlines",
        "startswith",
        "endswith",
        "encode",
        "decode",
        "lower",
        "upper",
        "create_future",
    }
)
"""Methods that no library makes coroutines of."""
_COROUTINES = frozenset(
    {
        "sleep",
        "wait_for",
        "wait",
        "open_connection",
        "start_server",
        "to_thread",
        "create_subprocess_exec",
        "create_subprocess_shell",
    }
)
_OF_COROUTINES = frozenset(
    {"close", "send", "throw", "cr_await", "cr_code", "cr_frame", "cr_running", "cr_origin", "add_done_callback", "cancel"}
)


def ideas(parsed: Parsed, known: Knows) -> Iterator[Idea]:
    """Yield awaits to be dropped and awaits to be added, as far as what is called is known for sure."""
    if "async" not in parsed.text:
        return
    calls = Calls(Members(parsed, known))
    for node in parsed.every(ast.Await, ast.Call):
        if isinstance(node, ast.Await) and isinstance(node.value, ast.Call):
            sure = calls.plain(node.value)
            if sure:
                start = parsed.start(node)
                reason = f"`{ast.unparse(node.value.func)}` returns nothing to await"
                yield Idea(start, parsed.start(node.value), "", AWAITS, sure, reason)
        elif isinstance(node, ast.Call) and is_dropped(parsed, node) and isinstance(parsed.function(node), ast.AsyncFunctionDef):
            sure = calls.coroutine(node)
            if sure:
                yield _awaited(parsed, node, sure)


@dataclass(frozen=True)
class Calls:
    """What the calls of one file give: a coroutine, something else, or who knows."""

    members: Members

    @cached_property
    def customs(self) -> dict[str, Any]:
        """What the file itself awaits and does not."""
        return customs(self.members.parsed)

    @cached_property
    def imported(self) -> dict[str, tuple[str, str]]:
        """Return local name -> (module, name there) of what the file imports at its top, and binds in no other way."""
        parsed, known = self.members.parsed, self.members.known
        found: dict[str, tuple[str, str]] = {}
        for node in parsed.tree.body:
            if isinstance(node, ast.ImportFrom):
                module = absolute(node.module or "", node.level, known.own, known.package)
                found |= {alias.asname or alias.name: (module, alias.name) for alias in node.names}
            elif isinstance(node, ast.Import):
                found |= {
                    alias.asname or alias.name: (alias.name, "") for alias in node.names if alias.asname or "." not in alias.name
                }
        return {
            name: where for name, where in found.items() if not any(isinstance(u.ctx, ast.Store) for u in parsed.uses.get(name, []))
        }

    def coroutine(self, call: ast.Call) -> float:
        """Return how sure it is that a call gives a coroutine."""
        found = self.definition(call)
        if found:
            yields = any(isinstance(n, ast.Yield | ast.YieldFrom) for n in ast.walk(found))
            return 0.93 if isinstance(found, ast.AsyncFunctionDef) and not yields else 0.0
        func, known = call.func, self.members.known
        if isinstance(func, ast.Name):
            module, name = self.imported.get(func.id, ("", ""))
            there = module in known.closed and name in known.coroutines.get(module, ())
            return 0.93 if there or (module == "asyncio" and name in _COROUTINES) else 0.0
        if not isinstance(func, ast.Attribute):
            return 0.0
        holder = ast.unparse(func.value)
        if self.imported.get(holder, ("", "?"))[1] == "":
            module = self.imported[holder][0]
            there = module in known.closed and func.attr in known.coroutines.get(module, ())
            return 0.93 if there or (module == "asyncio" and func.attr in _COROUTINES) else 0.0
        one = self._inherited(call)
        if one is not None:
            return 0.92 if func.attr in one.coroutines else 0.0
        key = called(call)
        alone = self.customs["bare"].get(key, 0) == 1 and func.attr not in self.customs["sync"] and not self._is_bare(func)
        return 0.85 if alone and (key in known.awaited or self.customs["awaited"].get(key, 0) >= 3) else 0.0

    def _is_bare(self, func: ast.Attribute) -> bool:
        """Whether the file calls other methods of the same thing, and awaits none of them, or hands this one on uncalled."""
        parsed, holder = self.members.parsed, ast.unparse(func.value)
        waits = plainly = 0
        for node in parsed.every(ast.Attribute):
            if node is func or ast.unparse(node.value) != holder:
                continue
            call = parsed.parents[node]
            if isinstance(call, ast.Call) and call.func is node:
                waits += isinstance(parsed.parents[call], ast.Await)
                plainly += isinstance(parsed.function(call), ast.AsyncFunctionDef)
            elif node.attr == func.attr:
                return True
        return plainly > 0 and waits == 0

    def definition(self, call: ast.Call) -> Function | None:
        """Return the one function in the file that a call surely means: of the module, or a method of the class it stands in."""
        func, parsed = call.func, self.members.parsed
        if isinstance(func, ast.Name):
            body, name = parsed.tree.body, func.id
            if any(isinstance(use.ctx, ast.Store) for use in parsed.uses.get(name, [])):
                return None
        elif isinstance(func, ast.Attribute) and isinstance(func.value, ast.Name) and func.value.id == "self":
            holder = next((outer for outer in parsed.above(call) if isinstance(outer, ast.ClassDef)), None)
            if holder is None:
                return None
            body, name = holder.body, func.attr
        else:
            return None
        found = [node for node in body if isinstance(node, Function) and node.name == name]
        return found[0] if len(found) == 1 and not found[0].decorator_list else None

    def _inherited(self, call: ast.Call) -> Class | None:
        """Return the class of the project that a method of `self` or `super()` comes from."""
        func = call.func
        if not isinstance(func, ast.Attribute) or ast.unparse(func.value) not in ("self", "super()"):
            return None
        holder = next((outer for outer in self.members.parsed.above(call) if isinstance(outer, ast.ClassDef)), None)
        if holder is None or holder not in self.members.classes:
            return None
        above, _ = lineage(self.members.classes[holder].bases, self.members.all)
        return next((one for one in above.values() if func.attr in one.members), None)

    def plain(self, call: ast.Call) -> float:
        """Return how sure it is that a call gives nothing to await; 0 where nothing says so."""
        found, func, known = self.definition(call), call.func, self.members.known
        if found is not None:
            return 0.92 if gives_plainly(found) and not is_stub(found) and found.name not in known.asyncs else 0.0
        if isinstance(func, ast.Name):
            return self._plain_name(func)
        return self._plain_attribute(call, func) if isinstance(func, ast.Attribute) else 0.0

    def _plain_name(self, func: ast.Name) -> float:
        parsed, known = self.members.parsed, self.members.known
        if func.id in _BUILTIN and func.id not in self.imported:
            return 0.95 if not any(isinstance(use.ctx, ast.Store) for use in parsed.uses.get(func.id, [])) else 0.0
        one = self.members.all.get(self.members.imported.get(func.id, f"{known.own}.{func.id}"))
        if one is not None:
            above, closed = lineage(one.bases, self.members.all)
            builtin = any(issubclass(_builtin(base), BaseException) for c in (one, *above.values()) for base in c.bases)
            waits = any("__await__" in each.members for each in (one, *above.values()))
            return 0.92 if (closed or builtin) and not one.is_open and not waits else 0.0
        module, name = self.imported.get(func.id, ("", ""))
        return 0.92 if name in known.functions.get(module, ()) or (module in _SYNC and name) else 0.0

    def _plain_attribute(self, call: ast.Call, func: ast.Attribute) -> float:
        known, holder = self.members.known, ast.unparse(func.value)
        first = holder.split(".")[0]
        if holder in _SYNC and self.imported.get(first) == (first, ""):
            return 0.95
        if func.attr in _LOGS and re.search(r"(?:^|[._])log(?:ger)?$", holder, re.IGNORECASE):
            return 0.9
        if (func.attr in _OF_TEXT and holder not in ("self", "cls", "super()")) or (
            isinstance(func.value, ast.Constant) and isinstance(func.value.value, str | bytes)
        ):
            return 0.92
        one = self._inherited(call)
        if one is not None:
            return (
                0.9 if func.attr in one.plain and func.attr not in known.asyncs and func.attr not in self.customs["async"] else 0.0
            )
        key = called(call)
        alone = self.customs["awaited"].get(key, 0) == 1 and func.attr not in self.customs["async"]
        if alone and key in known.unawaited:
            return 0.85
        return self._by_custom(func)

    def _by_custom(self, func: ast.Attribute) -> float:
        """Ask how the file's other coroutines call the same thing: always without `await` is an answer."""
        parsed, what = self.members.parsed, ast.unparse(func)
        if what.startswith("self.") and what.count(".") == 1:
            return 0.0
        plainly = 0
        for node in ast.walk(parsed.tree):
            other = node.func if isinstance(node, ast.Call) else None
            if isinstance(other, ast.Attribute) and other is not func and other.attr == func.attr:
                if isinstance(parsed.parents.get(node), ast.Await):
                    return 0.0
                plainly += ast.unparse(other) == what and isinstance(parsed.function(node), ast.AsyncFunctionDef)
        return 0.85 if plainly >= 2 else 0.0


def _builtin(dotted: str) -> type:
    found = getattr(builtins, dotted.removeprefix("builtins."), object) if dotted.startswith("builtins.") else object
    return found if isinstance(found, type) else object


_OPERANDS = (ast.Expr, ast.Compare, ast.BinOp, ast.FormattedValue, ast.Starred)
_PLACES: dict[type[ast.AST], str] = {
    **dict.fromkeys((ast.If, ast.While, ast.IfExp, ast.Assert), "test"),
    **dict.fromkeys((ast.For, ast.AsyncFor, ast.comprehension), "iter"),
    ast.withitem: "context_expr",
    ast.Subscript: "value",
}
"""Where no coroutine can stand, by kind of node."""


def is_dropped(parsed: Parsed, call: ast.expr) -> bool:
    """Whether the coroutine a call gives is used as no coroutine can be."""
    parent = parsed.parents[call]
    if isinstance(parent, ast.NamedExpr | ast.BoolOp):
        return is_dropped(parsed, parent)
    if isinstance(parent, ast.Call):
        return call in parent.args and _takes_values(parent)
    if isinstance(parent, ast.UnaryOp):
        return isinstance(parent.op, ast.Not)
    if isinstance(parent, ast.Attribute):
        return parent.attr not in _OF_COROUTINES
    if isinstance(parent, ast.Assign) and len(parent.targets) == 1:
        target = parent.targets[0]
        return isinstance(target, ast.Tuple) or (isinstance(target, ast.Name) and _used_as_value(parsed, parent, target))
    return isinstance(parent, _OPERANDS) or getattr(parent, _PLACES.get(type(parent), ""), None) is call


def _takes_values(call: ast.Call) -> bool:
    """Whether a call takes no coroutine: a builtin's, or one of a module of the library that knows of none."""
    module, _, name = ast.unparse(call.func).rpartition(".")
    return module in _SYNC if module else name in OF_VALUES


def _used_as_value(parsed: Parsed, made: ast.Assign, target: ast.Name) -> bool:
    function = parsed.function(made)
    uses = [use for use in parsed.uses[target.id] if use is not target and parsed.function(use) is function]
    stores = [use for use in uses if not isinstance(use.ctx, ast.Load)]
    if stores or any(isinstance(parsed.parents[use], ast.Await) for use in uses):
        return False
    return any(_is_of_value(parsed, use) for use in uses)


def _is_of_value(parsed: Parsed, use: ast.Name) -> bool:
    """Whether a use of a variable is none that a coroutine could be put to."""
    parent = parsed.parents[use]
    if isinstance(parent, ast.Compare) and all(isinstance(op, ast.Is | ast.IsNot) for op in parent.ops):
        return False  # `is None` may be asked of a coroutine too
    return not isinstance(parent, ast.Assign | ast.Expr | ast.NamedExpr | ast.BoolOp) and is_dropped(parsed, use)


def _awaited(parsed: Parsed, call: ast.Call, sure: float) -> Idea:
    start, end = parsed.start(call), parsed.end(call)
    parent = parsed.parents[call]
    reason = f"`{ast.unparse(call.func)}` is a coroutine, and nothing awaits it"
    tight = isinstance(parent, ast.Attribute) or (isinstance(parent, ast.Subscript) and parent.value is call)
    new = f"(await {parsed.text[start:end]})" if tight else f"await {parsed.text[start:end]}"
    return Idea(start, end, new, AWAITS, sure, reason)
