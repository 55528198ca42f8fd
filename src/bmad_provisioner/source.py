"""Source: the file a document is written in: found, and read without waiting or choking on it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from bmad_provisioner.errors import UsageError

DEFAULT_NAME = "bmad-provisioner.yaml"
MOST_BYTES = 4_000_000
"""No document is larger (`strict_yaml` refuses it); of a longer file no more is read than shows that it is."""


def find(start: Path) -> Path:
    """Return the nearest `bmad-provisioner.yaml` at or above the folder `start`; raises UsageError if there is none."""
    here = Path(os.path.abspath(start))
    for folder in (here, *here.parents):
        if os.path.lexists(folder / DEFAULT_NAME):
            return folder / DEFAULT_NAME
    raise UsageError(
        f"no `{DEFAULT_NAME}` in `{here}` or above it", hint="`bmadp init` writes one, or name the file: `bmadp VERB FILE`"
    )


def read(path: Path) -> bytes:
    """Return the bytes of a document's file; never waits on a pipe or a device, never reads far beyond the most."""
    name = f"`{path}`"
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            what = "a folder" if path.is_dir() else "no plain file"
            raise UsageError(f"{name} is {what}", hint=f"name the file, like `{path / DEFAULT_NAME}`" if path.is_dir() else "")
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # it may have become a pipe since
        with open(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise UsageError(f"{name} is no plain file")
            return file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise UsageError(f"{name} does not exist", hint="`bmadp init` writes one to start from") from None
    except OSError as error:
        raise UsageError(f"{name} cannot be read: {(error.strerror or str(error)).lower()}") from error
    except ValueError as error:  # a NUL in the path
        raise UsageError(f"{path.as_posix()!r} is no path: {error}") from error
