"""Merged: what came of a three-way merge."""

from dataclasses import dataclass

BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"


@dataclass(frozen=True, slots=True)
class Merged:
    """The merged bytes; while `conflicts` > 0 they are for showing: markers in text, the user's value in rows and keys."""

    data: bytes
    conflicts: int
    notes: tuple[str, ...] = ()
