"""Awaits: `await` where nothing can wait, and coroutines that nothing awaits."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator

from bmad_provisioner.kinds.code.repair.knows import Knows, absolute, plain
from bmad_provisioner.kinds.code.repair.lexing import Source, indent, width
from bmad_provisioner.kinds.code.repair.model import AWAITS, Edit
from bmad_provisioner.kinds.code.repair.oracle import Trouble
from bmad_provisioner.kinds.code.repair.places import Function, Idea, Parsed

_SYNC = frozenset(
    {"os", "os.path", "json", "re", "math", "time", "logging", "shutil", "random", "copy", "pickle", "struct", "sys", "base64"}
)
_SYNC |= frozenset(
    {"itertools", "functools", "operator", "textwrap", "string", "hashlib", "uuid", "warnings", "datetime", "traceback"}
)
_BUILTIN = frozenset(dir(builtins)) - {"anext", "aiter", "super", "__import__"}
_LOGS = frozenset({"debug", "info", "warning", "error", "exception", "critical"})
_OF_COROUTINES = frozenset(
    {"close", "send", "throw", "cr_await", "cr_code", "cr_frame", "cr_running", "cr_origin", "add_done_callback", "cancel"}
)


def guesses(source: Source, found: Trouble) -> Iterator[Edit]:
    """Yield the edits that let an `await` stand: its function becomes a coroutine."""
    if "outside async function" not in found.message and "outside of an asynchronous function" not in found.message:
        return
    wide = width(source.lines[found.line - 1])
    for row in range(found.line - 1, -1, -1):
        line = source.lines[row]
        if not line.strip() or line.lstrip()[0] in ")]}" or (width(line) >= wide and row != found.line - 1):
            continue
        wide = width(line)
        head = re.match(r"\s*def\s+(\w+)", line)
        if head:
            special = re.match(r"__(?!aenter|aexit|anext|call)\w+__$", head[1])
            at = source.starts[row] + len(indent(line))
            reason = f"`{head[1]}` awaits, so it must be `async`; who calls it must await it"
            yield Edit(at, at, "async ", AWAITS, 4.0 if special else 0.05, reason)
            return


def ideas(parsed: Parsed, known: Knows) -> Iterator[Idea]:
    """Yield awaits to be dropped and awaits to be added, as far as what is called is known for sure."""
    if "async" not in parsed.text:
        return
    imported = _imported(parsed, known)
    for node in ast.walk(parsed.tree):
        if isinstance(node, ast.Await) and isinstance(node.value, ast.Call):
            sure = _is_sync(parsed, node.value, known, imported)
            if sure:
                start = parsed.start(node)
                reason = f"`{ast.unparse(node.value.func)}` returns nothing to await"
                yield Idea(start, parsed.start(node.value), "", AWAITS, sure, reason)
        elif isinstance(node, ast.Call) and _is_lost(parsed, node, known, imported):
            yield _awaited(parsed, node)


def _imported(parsed: Parsed, known: Knows) -> dict[str, tuple[str, str]]:
    """Return local name -> (module, name there) of what the file imports at its top, once only."""
    found: dict[str, tuple[str, str]] = {}
    for node in parsed.tree.body:
        if isinstance(node, ast.ImportFrom):
            module = absolute(node.module or "", node.level, known.own, known.package)
            found |= {alias.asname or alias.name: (module, alias.name) for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.asname or alias.name: (alias.name, "") for alias in node.names if alias.asname or "." not in alias.name}
    return {
        name: where for name, where in found.items() if not any(isinstance(u.ctx, ast.Store) for u in parsed.uses.get(name, []))
    }


def _definition(parsed: Parsed, call: ast.Call) -> Function | None:
    """Return the one function in the file that a call surely means: of the module, or a method of the class it stands in."""
    func = call.func
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
    found = [node for node in body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name == name]
    return found[0] if len(found) == 1 and not found[0].decorator_list else None


def _is_coroutine(parsed: Parsed, call: ast.Call, known: Knows, imported: dict[str, tuple[str, str]]) -> bool:
    found = _definition(parsed, call)
    if found:
        return isinstance(found, ast.AsyncFunctionDef) and not any(
            isinstance(n, (ast.Yield, ast.YieldFrom)) for n in ast.walk(found)
        )
    if isinstance(call.func, ast.Name) and call.func.id in imported:
        module, name = imported[call.func.id]
        return module in known.closed and name in known.coroutines.get(module, ())
    return False


def _is_lost(parsed: Parsed, call: ast.Call, known: Knows, imported: dict[str, tuple[str, str]]) -> bool:
    """Whether a coroutine is made in a coroutine and then used as none can be."""
    inside = isinstance(parsed.function(call), ast.AsyncFunctionDef)
    return inside and _is_coroutine(parsed, call, known, imported) and _is_dropped(parsed, call)


def _is_sync(parsed: Parsed, call: ast.Call, known: Knows, imported: dict[str, tuple[str, str]]) -> float:
    """Return how sure it is that a call gives nothing to await; 0 where nothing says so."""
    found = _definition(parsed, call)
    if isinstance(found, ast.FunctionDef):
        return 0.92 if plain(found) and not _is_stub(found) else 0.0
    func = call.func
    if isinstance(func, ast.Name):
        if func.id in _BUILTIN and func.id not in imported:
            return 0.95 if not any(isinstance(use.ctx, ast.Store) for use in parsed.uses.get(func.id, [])) else 0.0
        module, name = imported.get(func.id, ("", ""))
        return 0.92 if name in known.functions.get(module, ()) or (module in _SYNC and name) else 0.0
    if isinstance(func, ast.Attribute):
        holder = ast.unparse(func.value)
        if holder in _SYNC and holder.split(".")[0] in imported and imported[holder.split(".")[0]] == (holder.split(".")[0], ""):
            return 0.95
        if func.attr in _LOGS and re.search(r"(?:^|[._])log(?:ger)?$", holder, re.IGNORECASE):
            return 0.9
        if isinstance(func.value, ast.Constant) and isinstance(func.value.value, (str, bytes)):
            return 0.95
        return _by_custom(parsed, func)
    return 0.0


def _is_stub(function: ast.FunctionDef) -> bool:
    """Whether a function only stands for what a subclass will write."""
    body = [node for node in function.body if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))]
    return all(isinstance(node, (ast.Pass, ast.Raise)) for node in body)


def _by_custom(parsed: Parsed, func: ast.Attribute) -> float:
    """Ask how the file's other coroutines call the same thing: always without `await` is an answer."""
    what = ast.unparse(func)
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


def _is_dropped(parsed: Parsed, call: ast.Call) -> bool:
    """Whether the coroutine a call gives is used as no coroutine can be."""
    parent = parsed.parents[call]
    if isinstance(parent, (ast.Expr, ast.Compare, ast.BinOp, ast.Subscript, ast.FormattedValue)):
        return not (isinstance(parent, ast.Subscript) and parent.slice is call)
    if isinstance(parent, (ast.If, ast.While, ast.IfExp)):
        return parent.test is call
    if isinstance(parent, (ast.For, ast.comprehension)):
        return parent.iter is call
    if isinstance(parent, ast.UnaryOp):
        return isinstance(parent.op, ast.Not)
    if isinstance(parent, ast.Attribute):
        return parent.attr not in _OF_COROUTINES
    if isinstance(parent, ast.Assign) and len(parent.targets) == 1:
        target = parent.targets[0]
        return isinstance(target, ast.Tuple) or (isinstance(target, ast.Name) and _used_as_value(parsed, parent, target))
    return False


def _used_as_value(parsed: Parsed, made: ast.Assign, target: ast.Name) -> bool:
    function = parsed.function(made)
    uses = [use for use in parsed.uses[target.id] if use is not target and parsed.function(use) is function]
    stores = [use for use in uses if not isinstance(use.ctx, ast.Load)]
    if stores or not uses or any(isinstance(parsed.parents[use], (ast.Await, ast.Call, ast.Return, ast.Starred)) for use in uses):
        return False
    for use in uses:
        parent = parsed.parents[use]
        fits = isinstance(parent, (ast.Attribute, ast.Compare, ast.For)) and getattr(parent, "attr", "") not in _OF_COROUTINES
        if fits or (isinstance(parent, ast.Subscript) and parent.value is use):
            return True
    return False


def _awaited(parsed: Parsed, call: ast.Call) -> Idea:
    start, end = parsed.start(call), parsed.end(call)
    parent = parsed.parents[call]
    reason = f"`{ast.unparse(call.func)}` is a coroutine, and nothing awaits it"
    tight = isinstance(parent, ast.Attribute) or (isinstance(parent, ast.Subscript) and parent.value is call)
    new = f"(await {parsed.text[start:end]})" if tight else f"await {parsed.text[start:end]}"
    return Idea(start, end, new, AWAITS, 0.93, reason)
