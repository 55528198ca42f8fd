"""Merge: one file out of what we recorded, what the user made of it, and what the document asks for now."""

from pathlib import PurePosixPath

from bmad_provisioner.tree.merge_csv import merge_csv
from bmad_provisioner.tree.merge_lines import merge_lines
from bmad_provisioner.tree.merged import Merged


def strategy(path: str) -> str:
    """How the file at `path` merges: by `rows` (CSV), by `keys` (TOML), or by `lines`."""
    return {".csv": "rows", ".toml": "keys"}.get(PurePosixPath(path).suffix.lower(), "lines")


def merge(path: str, base: bytes | None, mine: bytes | None, theirs: bytes | None) -> Merged | None:
    """Merge the change from `base` to `theirs` into `mine`; None if the file cannot be merged at all.

    `base` is what we generated last, `mine` what stands on disk, `theirs` what the document asks for; None is an absent file.
    Rows and keys put back what of ours is missing, and answer empty bytes where nothing is left to keep: delete the file.
    """
    how = strategy(path)
    if how == "rows":
        return merge_csv(base, mine, theirs)
    if how == "keys":
        from bmad_provisioner.tree.merge_toml import merge_toml  # noqa: PLC0415 - tomlkit costs 30 ms to import

        return merge_toml(base, mine, theirs)
    return merge_lines(base, mine, theirs)
