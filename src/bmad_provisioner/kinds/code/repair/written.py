"""Written: how a file writes what it imports: whole or relative, and on which line."""

from __future__ import annotations

import ast

from bmad_provisioner.kinds.code.repair.facts import absolute
from bmad_provisioner.kinds.code.repair.knows import Knows
from bmad_provisioner.kinds.code.repair.places import Parsed
from bmad_provisioner.kinds.code.repair.scopes import at_the_top


def target(node: ast.ImportFrom, known: Knows) -> str:
    """Return the whole name of the module that an import names."""
    return absolute(node.module or "", node.level, known.own, known.package)


def spelled(parsed: Parsed, module: str, relative: bool, known: Knows, *, keep: bool = False, level: int = 0) -> str:
    """Spell a module as most imports of its project do in this file, or `relative` where there are none, or to `keep` it."""
    own = known.own.split(".") if known.package else known.own.split(".")[:-1]
    theirs = module.split(".") if module else []
    imports = [node for node in at_the_top(parsed.tree.body) if isinstance(node, ast.ImportFrom) and _inside(node, known)]
    if not keep and imports:
        dotted = sum(node.level > 0 for node in imports)
        relative = relative if 2 * dotted == len(imports) else 2 * dotted > len(imports)
    flat = "." not in known.own and not known.package
    if not relative or (not flat and own[:1] != theirs[:1]):
        return module
    same = 0
    while same < min(len(own), len(theirs)) and own[same] == theirs[same]:
        same += 1
    up = len(own) - same + 1
    if up < level <= len(own):
        up = level  # as many dots as there were
    return "." * up + ".".join(theirs[len(own) - up + 1 :])


def _inside(node: ast.ImportFrom, known: Knows) -> bool:
    return node.level > 0 or (node.module or "").split(".")[0] == known.own.split(".")[0]
