"""Installed: exactly what a command would run, so that an answer is not taken for that of another version."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from shutil import which

from bmad_provisioner.digest import digest

_SMALL = 1024 * 1024


def installed(command: Sequence[str]) -> str | None:
    """Return the command's words, each file among them with its version; `None` where its program is not there.

    The version is that of the npm package the file lies in. Of other files it is the start of their digest, or, where they are
    large, their size and time of change.
    """
    program = which(command[0]) if command else None
    if program is None:
        return None
    files = [(command[0], Path(program)), *((word, Path(word)) for word in command[1:])]
    return " ".join(f"{word}@{_version(path.resolve())}" if path.is_file() else word for word, path in files)


def _version(file: Path) -> str:
    for folder in file.parents if "node_modules" in file.parts else ():
        if folder.name == "node_modules":
            break
        try:
            return str(json.loads((folder / "package.json").read_bytes())["version"])
        except (OSError, ValueError, LookupError, TypeError):
            continue
    told = file.stat()
    return digest(file.read_bytes())[:12] if told.st_size <= _SMALL else f"{told.st_size}-{told.st_mtime_ns}"
