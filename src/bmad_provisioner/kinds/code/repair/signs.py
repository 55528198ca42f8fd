"""Signs: what in one file may be a fault, told before anything is known of the other files."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from bmad_provisioner.kinds.code.repair import awaits, imports, members, stdlib
from bmad_provisioner.kinds.code.repair.knows import Knows
from bmad_provisioner.kinds.code.repair.places import Function, Parsed
from bmad_provisioner.kinds.code.repair.scopes import Names
from bmad_provisioner.kinds.code.repair.unbound import loose

NO_SIGNS: Mapping[str, Any] = MappingProxyType(
    {
        "loose": [],
        "strange": [],
        "doubtful": False,
        "awaits": [],
        "drops": [],
        "reads": [],
        "modules": [],
        "promised": [],
        "heirs": [],
    }
)
"""What is said of a file that does not compile: it will be looked at anyway."""


def signs(parsed: Parsed, found: Names) -> Mapping[str, Any]:
    """Return, as plain data, the unbound names of a file and whatever else the project may know to be a fault."""
    try:
        seen = members.Members(parsed, Knows())
        awaited, dropped = _calls(parsed) if "async" in parsed.text else (set[str](), set[str]())
        return {
            "loose": loose(parsed, found),
            "strange": sorted(members.strange(seen)),
            "doubtful": any(True for _ in members.misspelt(seen, objects=False))
            or any(True for _ in awaits.ideas(parsed, Knows())),
            "awaits": sorted(awaited),
            "drops": sorted(dropped),
            "reads": sorted(members.reads(seen)),
            "modules": sorted(_modules(parsed)),
            "promised": sorted(imports.unkept(parsed, found)),
            "heirs": sorted(_heirs(seen)),
        }
    except RecursionError:
        return NO_SIGNS


def _calls(parsed: Parsed) -> tuple[set[str], set[str]]:
    """Return the last names of what is awaited, and of what is called where a coroutine would be lost."""
    awaited, dropped = set[str](), set[str]()
    for node in parsed.every(ast.Await, ast.Call):
        call = node.value if isinstance(node, ast.Await) else node
        if isinstance(call, ast.Call):
            name = getattr(call.func, "attr", "") or getattr(call.func, "id", "")
            if node is not call:
                awaited.add(name)
            elif awaits.is_dropped(parsed, call) and isinstance(parsed.function(call), Function):
                dropped.add(name)
    return awaited, dropped


def _heirs(seen: members.Members) -> set[str]:
    """Return the classes of the file that it makes objects of."""
    made = {node.func.id for node in seen.parsed.every(ast.Call) if isinstance(node.func, ast.Name)}
    return {node.name for node in seen.classes if node.name in made and node.bases}


def _modules(parsed: Parsed) -> set[str]:
    """Return the modules a file imports that neither the library nor what is installed here has."""
    found = set[str]()
    for whole in parsed.every(ast.Import):
        found |= {alias.name for alias in whole.names}
    found |= {node.module for node in parsed.every(ast.ImportFrom) if not node.level and node.module}
    return {
        name for name in found if not stdlib.is_module(name.partition(".")[0]) and name.partition(".")[0] not in stdlib.installed()
    }
