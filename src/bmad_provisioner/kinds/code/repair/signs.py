"""Signs: what in one file may be a fault, told before anything is known of the other files."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from bmad_provisioner.kinds.code.repair import awaits, imports, members, stdlib
from bmad_provisioner.kinds.code.repair.classes import Function
from bmad_provisioner.kinds.code.repair.knows import Knows
from bmad_provisioner.kinds.code.repair.places import Parsed
from bmad_provisioner.kinds.code.repair.scopes import Names
from bmad_provisioner.kinds.code.repair.unbound import loose, parse

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


def signs(text: str, found: Names) -> Mapping[str, Any]:
    """Return, as plain data, the unbound names of a file and whatever else the project may know to be a fault."""
    parsed = parse(text)
    if parsed is None:
        return NO_SIGNS
    try:
        seen = members.Members(parsed, Knows())
        awaited, dropped = _calls(parsed) if "async" in text else (set[str](), set[str]())
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
    for node in ast.walk(parsed.tree):
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
    calls = (node.func for node in ast.walk(seen.parsed.tree) if isinstance(node, ast.Call))
    made = {func.id for func in calls if isinstance(func, ast.Name)}
    return {node.name for node in seen.classes if node.name in made and node.bases}


def _modules(parsed: Parsed) -> set[str]:
    """Return the modules a file imports that neither the library nor what is installed here has."""
    found = set[str]()
    for node in ast.walk(parsed.tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            found.add(node.module)
    return {
        name for name in found if not stdlib.is_module(name.partition(".")[0]) and name.partition(".")[0] not in stdlib.installed()
    }
