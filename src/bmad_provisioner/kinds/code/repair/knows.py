"""Knows: what the project says of its names: who imports what from where, who defines what, what is a coroutine."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bmad_provisioner.kinds.code.repair.oracle import tree
from bmad_provisioner.kinds.code.repair.scopes import at_the_top, bound_roughly

Vote = tuple[str, str, str, int, int]
"""Module (absolute), name there (empty for `import module`), asname or empty, level as written, how often."""

_DYNAMIC = re.compile(
    r"^from\s+\S+\s+import\s+\*|\bglobals\(\)|\bsys\.modules\b|^def __getattr__|\bexec\(|\bsetattr\(", re.MULTILINE
)
_FROM = re.compile(r"^[ \t]*from[ \t]+(\.*)([\w.]*)[ \t]+import[ \t]+(\([^)]*\)|[^\n#]*)", re.MULTILINE)
_STAR = re.compile(r"^[ \t]*from[ \t]+(\.*)([\w.]*)[ \t]+import[ \t]+\*", re.MULTILINE)
_IMPORT = re.compile(r"^[ \t]*import[ \t]+([^\n#]+)", re.MULTILINE)
_DEFINES = re.compile(r"^(async\s+)?(?:def|class)\s+(\w+)|^([A-Za-z_]\w*)\s*(?::[^=\n]+)?=[^=]", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Knows:
    """What the other files of a project say, as one file sees it."""

    own: str = ""
    package: bool = False
    imports: Mapping[str, tuple[Vote, ...]] = field(default_factory=dict)
    defines: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    exports: Mapping[str, frozenset[str]] = field(default_factory=dict)
    closed: frozenset[str] = frozenset()
    """Modules whose exports are all that they will ever have."""
    coroutines: Mapping[str, frozenset[str]] = field(default_factory=dict)
    functions: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Module -> top-level functions that are surely not awaitable."""


def module_of(path: str) -> str:
    """Return the dotted name of a file, as if its first folder (or `src`) were the place imports begin at."""
    parts = path.removesuffix(".py").replace("\\", "/").strip("/").split("/")
    parts = parts[1:] if parts[0] in ("src", "lib", ".") else parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def absolute(module: str, level: int, own: str, package: bool) -> str:
    """Return the absolute name of what a relative import means in module `own`."""
    if not level:
        return module
    parts = own.split(".") if own else []
    up = level - 1 if package else level
    return ".".join([*parts[: len(parts) - up], *([module] if module else [])])


def facts(path: str, text: str) -> dict[str, Any]:
    """Survey one file for the index of the project: plain data; a file that does not parse is read line by line."""
    parsed = tree(text)
    own, package = module_of(path), path.endswith("__init__.py")
    seen = _surveyed(parsed) if isinstance(parsed, ast.Module) else _skimmed(text)
    imports, defines, coroutines, functions = seen
    return {
        "module": own,
        "package": package,
        "imports": [
            [local, absolute(module, level, own, package), name, alias, level] for local, module, name, alias, level in imports
        ],
        "defines": sorted(set(defines)),
        "exports": sorted(bound_roughly(text)),
        "stars": [absolute(module, len(dots), own, package) for dots, module in _STAR.findall(text)],
        "closed": isinstance(parsed, ast.Module) and not _DYNAMIC.search(text),
        "coroutines": coroutines,
        "functions": functions,
    }


_Import = tuple[str, str, str, str, int]
_Seen = tuple[list[_Import], list[str], list[str], list[str]]


def _surveyed(parsed: ast.Module) -> _Seen:
    imports: list[_Import] = []
    defines: list[str] = []
    coroutines: list[str] = []
    functions: list[str] = []
    for node in at_the_top(parsed.body):
        if isinstance(node, ast.ImportFrom) and node.names[0].name != "*":
            imports += [(a.asname or a.name, node.module or "", a.name, a.asname or "", node.level) for a in node.names]
        elif isinstance(node, ast.Import):
            imports += [(a.asname or a.name.split(".")[0], a.name, "", a.asname or "", 0) for a in node.names]
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            defines.append(node.name)
            if isinstance(node, ast.AsyncFunctionDef) and not node.decorator_list:
                coroutines.append(node.name)
            elif isinstance(node, ast.FunctionDef) and plain(node):
                functions.append(node.name)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            defines += [target.id for target in targets if isinstance(target, ast.Name)]
    return imports, defines, coroutines, functions


def plain(node: ast.FunctionDef) -> bool:
    """Whether a call of a function surely gives nothing to await: no decorator, and only plain values returned."""
    if node.decorator_list:
        return False
    if node.returns is not None:
        return (isinstance(node.returns, ast.Constant) and node.returns.value is None) or getattr(node.returns, "id", "") in _PLAIN
    stack: list[ast.AST] = list(node.body)
    values = (
        ast.Constant,
        ast.List,
        ast.Dict,
        ast.Set,
        ast.Tuple,
        ast.Compare,
        ast.JoinedStr,
        ast.ListComp,
        ast.DictComp,
        ast.BoolOp,
    )
    while stack:
        inner = stack.pop()
        if isinstance(inner, ast.Return) and inner.value is not None and not isinstance(inner.value, values[:-1]):
            return False
        if not isinstance(inner, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            stack.extend(ast.iter_child_nodes(inner))
    return True


_PLAIN = frozenset({"str", "int", "float", "bool", "bytes", "list", "dict", "set", "tuple"})


def _skimmed(text: str) -> _Seen:
    imports: list[_Import] = []
    for dots, module, listed in _FROM.findall(text):
        for part in re.sub(r"#[^\n]*", "", listed).strip("()\n ").split(","):
            words = part.split()
            if words and words[0].isidentifier():
                imports.append((words[-1], module, words[0], words[-1] if len(words) == 3 else "", len(dots)))
    for listed in _IMPORT.findall(text):
        for part in listed.split(","):
            words = part.split()
            if words and len(words) in (1, 3):
                imports.append((words[-1].split(".")[0], words[0], "", words[-1] if len(words) == 3 else "", 0))
    found = _DEFINES.findall(text)
    return imports, [name or value for _, name, value in found], [], []


def knows(own_module: str, facts_of_all: Iterable[Mapping[str, Any]]) -> Knows:
    """Put the facts of a project's files together for one of them, whose own facts are left out."""
    votes: dict[str, Counter[tuple[str, str, str, int]]] = {}
    defines: dict[str, list[str]] = {}
    others: list[Mapping[str, Any]] = []
    package = False
    for one in facts_of_all:
        if one["module"] == own_module:
            package = bool(one["package"])
            continue
        others.append(one)
        for local, module, name, alias, level in one["imports"]:
            votes.setdefault(local, Counter())[(module, name, alias, level)] += 1
        for name in one["defines"]:
            defines.setdefault(name, []).append(one["module"])
    return Knows(
        own=own_module,
        package=package,
        imports={local: tuple((*vote, count) for vote, count in seen.most_common()) for local, seen in votes.items()},
        defines={name: tuple(modules) for name, modules in defines.items()},
        exports=_exports(others),
        closed=frozenset(one["module"] for one in others if one["closed"]),
        coroutines=_by_module(others, "coroutines"),
        functions=_by_module(others, "functions"),
    )


def _by_module(all_facts: Sequence[Mapping[str, Any]], key: str) -> dict[str, frozenset[str]]:
    return {one["module"]: frozenset(one[key]) for one in all_facts if one[key]}


def _exports(others: Sequence[Mapping[str, Any]]) -> dict[str, frozenset[str]]:
    """Return what each module offers, with what its star imports bring, however deep."""
    offered = {one["module"]: frozenset(one["exports"]) for one in others}
    starred = [one for one in others if one["stars"]]
    for _ in range(4):
        for one in starred:
            offered[one["module"]] = offered[one["module"]].union(*(offered.get(module, frozenset()) for module in one["stars"]))
    return offered
