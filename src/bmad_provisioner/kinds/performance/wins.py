"""Wins: remedies of the roadmap that are safe to make, as changes of the user's files; whatever is in doubt is left to people."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from bmad_provisioner.kinds.performance.remedies.compression import compression
from bmad_provisioner.kinds.performance.remedies.indexes import index
from bmad_provisioner.kinds.performance.remedies.pool import pool
from bmad_provisioner.kinds.performance.remedies.source import Edit, Project, tree
from bmad_provisioner.kinds.performance.roadmap import Item

_MAKERS: Mapping[str, Callable[[Item, Project], Edit | None]] = {
    "missing-index": index,
    "no-compression": compression,
    "lock": pool,
}


@dataclass(frozen=True, slots=True)
class Win:
    """A remedy as it is made: the item and the kind of its cause, the file with this win and those before it, what that does
    in words, and the line where it begins."""

    item: str
    kind: str
    path: str
    data: bytes
    told: str
    line: int


def wins(items: Sequence[Item], paths: Collection[str], read: Callable[[str], bytes]) -> tuple[Win, ...]:
    """Return what can be made of a roadmap without a doubt, in its order; `read` gives the bytes of one of `paths`."""
    project = Project(paths, read)
    found = []
    for item in items:
        make = _MAKERS.get(item.cause.kind)
        edit = make(item, project) if make else None
        if edit is None or (edit.source.path.endswith(".py") and tree(edit.source) is None):
            continue
        project.put(edit.source)
        found.append(Win(item.id, item.cause.kind, edit.source.path, edit.source.data, edit.told, edit.line))
    return tuple(found)
