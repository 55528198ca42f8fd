"""Scratch: a copy of the project in which it is measured, so that nothing it does reaches the project."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bmad_provisioner.digest import Entry
from bmad_provisioner.engine.task import Inputs


@contextmanager
def laid(inputs: Inputs, state: Mapping[str, Entry] | None = None) -> Iterator[Path]:
    """Give a folder that holds a state: what the task reads as it stands, unless another is given; links only to inside."""
    wanted = standing(inputs) if state is None else state
    with TemporaryDirectory(prefix="bmadp-", ignore_cleanup_errors=True) as scratch:
        folder = Path(scratch).resolve() / "project"
        folder.mkdir()
        for path, entry in wanted.items():
            _lay(inputs, path, entry, folder / path)
        yield folder


def standing(inputs: Inputs) -> dict[str, Entry]:
    """Return the files that the task reads, as they stand."""
    return {path: entry for path, entry in inputs.files.items() if entry is not None and _is_laid(path, entry)}


def _lay(inputs: Inputs, path: str, entry: Entry, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    if not entry.is_plain:
        place.symlink_to(entry.digest.partition(":")[2])
        return
    if inputs.files.get(path) == entry:
        place.write_bytes(inputs.read(path))
    else:
        inputs.lay(entry, place)
    place.chmod(0o755 if entry.executable else 0o644)


def _is_laid(path: str, entry: Entry) -> bool:
    if entry.is_plain:
        return True
    target = entry.digest.partition(":")[2] if entry.digest.startswith("symlink:") else "/"
    return not target.startswith("/") and not os.path.normpath(os.path.join(os.path.dirname(path), target)).startswith("..")
