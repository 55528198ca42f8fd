"""Bytecode: the folder for compiled templates, if there is one that only we can write to.

What is read from it is code that runs. So it counts only if it and every folder above it belong to us or to root and nobody
else may write there (or only what is their own, as in `/tmp`).
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def bytecode_folder() -> Path | None:
    """Return `$XDG_CACHE_HOME/bmadp/templates` (else `~/.cache/...`), made with mode 0700; `None` if it cannot be trusted."""
    told = os.environ.get("XDG_CACHE_HOME", "")
    home = Path(told) if os.path.isabs(told) else Path(os.path.expanduser("~")) / ".cache"
    folder = home / "bmadp" / "templates"
    if not folder.is_absolute():
        return None
    with suppress(OSError):
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder if _ours(folder) and os.access(folder, os.W_OK) else None
    return None


def _ours(folder: Path) -> bool:
    """Return whether nobody but us and root can put anything at `folder`, links on the way to it included."""
    seen = folder.lstat()
    if not stat.S_ISDIR(seen.st_mode) or seen.st_uid != os.geteuid() or seen.st_mode & _OTHERS:
        return False
    return all(_guarded(place) for place in (*folder.parents, *folder.resolve().parents))


def _guarded(place: Path) -> bool:
    seen = place.lstat()
    loose = seen.st_mode & _OTHERS and not seen.st_mode & stat.S_ISVTX and not stat.S_ISLNK(seen.st_mode)
    return seen.st_uid in {0, os.geteuid()} and not loose
