"""Durable: wait until what was written would survive a power cut."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

_MANY = 48
"""From this many files one `syncfs(2)` is cheaper than a `fsync(2)` each."""


def sync(paths: Sequence[str], *, anchor: str) -> None:
    """Wait for the disk to have the files and folders `paths`, all on the file system of `anchor`.

    Few are synced one by one. Many are synced with the whole file system at once: Linux since 5.8 reports
    write errors of `syncfs` as `fsync` does.
    """
    if len(paths) >= _MANY and _syncfs(anchor):
        return
    for path in paths:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _syncfs(anchor: str) -> bool:
    # Heavy, and only for a large commit.
    import ctypes  # noqa: PLC0415

    function = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if function is None:
        return False
    handle = os.open(anchor, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if function(handle) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), anchor)
    finally:
        os.close(handle)
    return True


def write_atomic(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Write `data` to `path` so that a reader, or a crash, sees the old bytes or the new; `durable` waits for the disk."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    with open(temporary, "wb") as file:
        file.write(data)
        if durable:
            file.flush()
            os.fsync(file.fileno())
    os.replace(temporary, path)
