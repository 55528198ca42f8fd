"""Abstract: what a class that is made use of leaves unwritten of what the classes above it ask for. Only ever a proposal."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator

from bmad_provisioner.kinds.code.repair.classes import lineage
from bmad_provisioner.kinds.code.repair.members import Members
from bmad_provisioner.kinds.code.repair.model import SIGNATURES
from bmad_provisioner.kinds.code.repair.places import Idea

_UNSURE = 0.5
"""Nobody can know what the method should do."""


def unwritten(members: Members) -> Iterator[list[Idea]]:
    """Yield the methods that a class has to have before the file can make an object of it, each of which only raises."""
    parsed = members.parsed
    made = {node.func.id for node in ast.walk(parsed.tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    for node, one in members.classes.items():
        if node.name not in made or one.abstract or node.decorator_list:
            continue
        above, closed = lineage(one.bases, members.all)
        have, lacking = set(one.members), dict[str, str]()
        for each in above.values():
            lacking |= {name: header for name, header in each.abstract if name not in have}
            have |= each.members
        if lacking and closed:
            margin = " " * node.body[0].col_offset
            methods = "".join(f"\n{header}\n    raise NotImplementedError\n" for header in lacking.values())
            reason = f"`{node.name}` lacks {', '.join(f'`{name}`' for name in lacking)}, which a class above it leaves to it"
            end = parsed.end(node)
            yield [Idea(end, end, "\n" + textwrap.indent(methods, margin).rstrip("\n"), SIGNATURES, _UNSURE, reason)]
