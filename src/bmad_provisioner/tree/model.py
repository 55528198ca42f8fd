"""The state of files, and the steps between two states."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import TypeAlias

from bmad_provisioner.digest import Entry

Tree: TypeAlias = Mapping[str, Entry]
BESIDE = "beside:"
"""Prefix of paths that lie beside the document and not in the project: read, never written."""


class Gap(str, Enum):
    """How a file differs from what it should be."""

    MISSING = "missing"
    """It should be there and is not: new, or lost."""
    OUTDATED = "outdated"
    """It is as we left it, or merges cleanly, and should now be something else."""
    DRIFTED = "drifted"
    """It was edited here and nothing else is asked of it: the edit stays."""
    CONFLICT = "conflict"
    """It was edited here and should also change: somebody has to choose."""
    ORPHANED = "orphaned"
    """We made it and nothing asks for it any more."""


@dataclass(frozen=True, slots=True)
class Change:
    """One path from what stands there (`before`) to what will (`after`); `None` is absence.

    `wanted` is what the document asks for: it becomes the recorded base of the next three-way merge, and
    differs from `after` where an edit made here is kept.
    """

    path: str
    gap: Gap
    before: Entry | None
    after: Entry | None
    wanted: Entry | None
    reason: str = ""

    @property
    def writes(self) -> bool:
        """Whether applying it touches the disk."""
        return self.before != self.after


def invert(changes: Iterable[Change]) -> tuple[Change, ...]:
    """The way back."""
    return tuple(replace(c, before=c.after, after=c.before) for c in reversed(tuple(changes)))


@dataclass(frozen=True, slots=True)
class Scope:
    """What a document has to see before it can be compiled.

    `files` are exact paths in the project, `folders` are walked in the project, `beside` are folders (or
    files) walked beside the document; the latter appear in the tree with the prefix `beside:`. `globs` are patterns of
    files in the project; those after a `!` are left out.
    """

    files: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    globs: tuple[str, ...] = ()
