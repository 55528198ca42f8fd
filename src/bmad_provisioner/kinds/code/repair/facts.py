"""Facts: what one file tells the project of itself, as plain data."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

from bmad_provisioner.kinds.code.repair.classes import classes, plain
from bmad_provisioner.kinds.code.repair.customs import customs
from bmad_provisioner.kinds.code.repair.oracle import tree
from bmad_provisioner.kinds.code.repair.places import Parsed
from bmad_provisioner.kinds.code.repair.scopes import at_the_top, bound_roughly

_DYNAMIC = re.compile(
    r"^from\s+\S+\s+import\s+\*|\bglobals\(\)|\bsys\.modules\b|^def __getattr__|\bexec\(|\bsetattr\(", re.MULTILINE
)
_FROM = re.compile(r"^[ \t]*from[ \t]+(\.*)([\w.]*)[ \t]+import[ \t]+(\([^)]*\)|[^\n#]*)", re.MULTILINE)
_STAR = re.compile(r"^[ \t]*from[ \t]+(\.*)([\w.]*)[ \t]+import[ \t]+\*", re.MULTILINE)
_IMPORT = re.compile(r"^[ \t]*import[ \t]+([^\n#]+)", re.MULTILINE)
_DEFINES = re.compile(r"^(async\s+)?(?:def|class)\s+(\w+)|^([A-Za-z_]\w*)\s*(?::[^=\n]+)?=[^=]", re.MULTILINE)
_ATTRIBUTE = re.compile(r"\.\s*([^\W\d]\w*)")
BEYOND = "?"
"""Stands for the package of a relative import that has more dots than there are folders."""

_Import = tuple[str, str, str, str, int]
_Seen = dict[str, Any]


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
    base = parts[: len(parts) - up] if up <= len(parts) else [BEYOND]
    return ".".join([*base, *([module] if module else [])])


def facts(path: str, text: str) -> dict[str, Any]:
    """Survey one file for the index of the project; a file that does not parse is read line by line."""
    parsed = tree(text)
    return told(path, text, Parsed(text, parsed) if isinstance(parsed, ast.Module) else None, bound_roughly(text))


def told(path: str, text: str, parsed: Parsed | None, bound: frozenset[str]) -> dict[str, Any]:
    """Return the facts of a file that was parsed already (`None`: it does not parse), and the names bound at its top."""
    own, package = module_of(path), path.endswith("__init__.py")
    seen = _surveyed(parsed) if parsed else _skimmed(text)
    imports: list[_Import] = seen.pop("imports")
    asks: list[tuple[str, str, int]] = seen.pop("asks")
    bases = {
        local: ".".join(filter(None, (absolute(module, level, own, package), name))) for local, module, name, _, level in imports
    }
    return {
        "module": own,
        "package": package,
        "imports": [
            [local, absolute(module, level, own, package), name, alias, level] for local, module, name, alias, level in imports
        ],
        "asks": sorted({(absolute(module, level, own, package), name, level) for module, name, level in asks}),
        "exports": sorted(bound),
        "stars": [absolute(module, len(dots), own, package) for dots, module in _STAR.findall(text)],
        "closed": parsed is not None and not _DYNAMIC.search(text),
        "attributes": sorted(set(_ATTRIBUTE.findall(text))),
        "classes": classes(parsed, own, bases) if parsed else {},
        "customs": customs(parsed) if parsed else {},
        **seen,
    }


def _surveyed(parsed: Parsed) -> _Seen:
    imports: list[_Import] = []
    defines: list[str] = []
    coroutines: list[str] = []
    functions: list[str] = []
    generators = {parsed.function(node) for node in parsed.every(ast.Yield)}
    for node in at_the_top(parsed.tree.body):
        if isinstance(node, ast.ImportFrom | ast.Import):
            imports += _imports(node)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            defines.append(node.name)
            if isinstance(node, ast.AsyncFunctionDef) and not node.decorator_list and node not in generators:
                coroutines.append(node.name)
            elif isinstance(node, ast.FunctionDef) and plain(node):
                functions.append(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            defines += [target.id for target in targets if isinstance(target, ast.Name)]
    asks = [(node.module or "", alias.name, node.level) for node in unguarded(parsed) for alias in node.names if alias.name != "*"]
    return {
        "imports": imports,
        "asks": asks,
        "defines": sorted(set(defines)),
        "coroutines": coroutines,
        "functions": functions,
    }


def _imports(node: ast.Import | ast.ImportFrom) -> Iterator[_Import]:
    for one in node.names:
        if isinstance(node, ast.Import):
            yield one.asname or one.name.split(".")[0], one.name, "", one.asname or "", 0
        elif one.name != "*":
            yield one.asname or one.name, node.module or "", one.name, one.asname or "", node.level


def unguarded(parsed: Parsed) -> Iterator[ast.ImportFrom]:
    """Yield the imports of names, wherever they stand, that no `try` around them may catch."""
    imports = parsed.every(ast.ImportFrom)
    return (node for node in imports if not any(isinstance(outer, ast.Try) for outer in parsed.above(node)))


def _skimmed(text: str) -> _Seen:
    imports: list[_Import] = []
    for dots, module, listed in _FROM.findall(text):
        for part in re.sub(r"#[^\n]*", "", listed).strip("()\n ").split(","):
            words = part.split()
            if words and words[0].isidentifier():
                imports.append((words[-1], module, words[0], words[-1] if len(words) == 3 else "", len(dots)))
    asks = [(module, name, level) for _, module, name, _, level in imports]
    for listed in _IMPORT.findall(text):
        for part in listed.split(","):
            words = part.split()
            if words and len(words) in (1, 3):
                imports.append((words[-1].split(".")[0], words[0], "", words[-1] if len(words) == 3 else "", 0))
    defines = sorted({name or value for _, name, value in _DEFINES.findall(text)})
    return {"imports": imports, "asks": asks, "defines": defines, "coroutines": [], "functions": []}
