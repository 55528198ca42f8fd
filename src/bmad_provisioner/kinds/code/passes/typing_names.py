"""Typing names: how an annotation made of `typing` is written since Python 3.9 and 3.10."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from bmad_provisioner.kinds.code.module import Hit, Module, own, parameters

_NEEDLES = ("Optional[", "Union[", "List[", "Dict[", "Tuple[", "Set[", "Type[")
_OLD = re.compile(r"\b(?:Optional|Union|List|Dict|Tuple|Set|FrozenSet|Type)\[")
_BUILTINS = {"List": "list", "Dict": "dict", "Tuple": "tuple", "Set": "set", "FrozenSet": "frozenset", "Type": "type"}
_CERTAIN = {"None", "Any", *_BUILTINS.values(), "int", "str", "float", "bool", "bytes", "complex", "object"}


def find(module: Module) -> Iterator[Hit]:
    """Yield the annotations that can be written without `typing`, outermost first."""
    if module.python < (3, 9):
        return
    names = _imported(module)
    for *_, node in module.near(*_NEEDLES) if names else ():
        for annotation in _annotations(node):
            yield from _hits(module, node, annotation, names)


def _imported(module: Module) -> dict[str, str]:
    """Return the names that `typing` gave the file, by how the file calls them and where nothing else may be meant."""
    found: dict[str, str] = {}
    for node in module.tree.body:
        if isinstance(node, ast.ImportFrom) and node.module == "typing" and not node.level:
            found |= {alias.asname or alias.name: alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {f"{alias.asname or alias.name}.": "" for alias in node.names if alias.name == "typing"}
    for owner, *_ in module.owners if found else ():
        found.pop(owner.name, None)
    return found


def _annotations(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, ast.AnnAssign):
        return [node.annotation]
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        found = [parameter.annotation for parameter in parameters(node)] + [node.returns]
        return [annotation for annotation in found if annotation is not None]
    return []


def _hits(module: Module, node: ast.AST, annotation: ast.expr, names: dict[str, str]) -> Iterator[Hit]:
    text = _modern(module, annotation, names)
    if text is not None and text != module.segment(annotation):
        yield module.exact(node, annotation, text, "annotations need less of `typing`")
        return
    for below in own(annotation) if text is None else ():
        if isinstance(below, ast.Subscript) and (inner := _modern(module, below, names)) not in (None, module.segment(below)):
            yield module.exact(node, below, inner, "annotations need less of `typing`")


def _modern(module: Module, node: ast.expr, names: dict[str, str]) -> str | None:
    """Return the text of an annotation in today's words; `None` where it may come to mean something else."""
    text = module.segment(node)
    if any(letter in text for letter in "\n\r#'\""):
        return None
    if not isinstance(node, ast.Subscript):
        return text if not _OLD.search(text) else None
    name = _name(node.value, names)
    parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    inner = [_modern(module, part, names) for part in parts]
    if not parts or any(part is None for part in inner):
        return None
    words = [part for part in inner if part is not None]
    if name in ("Optional", "Union"):
        certain = module.python >= (3, 10) and all(_is_class(module, part, names) for part in parts)
        return " | ".join([*words, *(["None"] if name == "Optional" and words[-1] != "None" else [])]) if certain else None
    if name in _BUILTINS:
        if not module.plain(_BUILTINS[name]) or "*" in text:
            return None
        return f"{_BUILTINS[name]}[{', '.join(words)}]"
    head = module.segment(node.value)
    start = module.text[module.end(node.value) : module.start(parts[0])]
    end = module.text[module.end(parts[-1]) : module.end(node)]
    return f"{head}{start}{', '.join(words)}{end}" if not _OLD.search(head + "[") else None


def _name(node: ast.expr, names: dict[str, str]) -> str:
    match node:
        case ast.Name(id=name):
            return names.get(name, "")
        case ast.Attribute(value=ast.Name(id=home), attr=name) if f"{home}." in names:
            return name
    return ""


def _is_class(module: Module, node: ast.expr, names: dict[str, str]) -> bool:
    """Whether `|` surely works on what an annotation's part is when it runs; always, where annotations never run."""
    if _never_runs(module):
        return True
    match node:
        case ast.Constant(value=None):
            return True
        case ast.Name(id=name):
            return name in _CERTAIN or names.get(name, "") in {*_BUILTINS, "Any"} or name in _classes(module)
        case ast.Subscript(value=value):
            known = _name(value, names)
            return known in {*_BUILTINS, "Optional", "Union"} or (isinstance(value, ast.Name) and value.id in _CERTAIN)
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _is_class(module, left, names) and _is_class(module, right, names)
    return False


def _never_runs(module: Module) -> bool:
    return any(
        isinstance(node, ast.ImportFrom)
        and node.module == "__future__"
        and any(alias.name == "annotations" for alias in node.names)
        for node in module.tree.body
    )


def _classes(module: Module) -> set[str]:
    """Return the classes of the top level that have no metaclass to give `|` another meaning."""
    return {node.name for node in module.tree.body if isinstance(node, ast.ClassDef) and not node.keywords}
