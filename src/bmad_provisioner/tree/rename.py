"""Rename: move a file without ever replacing another one, and swap two files in one step."""

from __future__ import annotations

import contextlib
import errno
import os
from typing import Protocol

_NOREPLACE, _EXCHANGE = 1, 2
_UNSUPPORTED = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EPERM)

Place = tuple[str, int]
"""A name, and the descriptor of the folder that holds it."""


class Renames(Protocol):
    """The two moves a publication needs."""

    can_exchange: bool

    def move(self, source: Place, target: Place) -> None:
        """Move a file or folder; `FileExistsError` when something stands at the target."""

    def exchange(self, one: Place, other: Place) -> None:
        """Swap two files in one step that no crash can split."""


class Native:
    """`renameat2(2)`: Linux 3.15, on ext4, xfs, btrfs, tmpfs, overlayfs and others."""

    can_exchange = True

    def __init__(self) -> None:
        # Heavy, and only for a commit.
        import ctypes  # noqa: PLC0415

        self._ctypes = ctypes
        self._function = ctypes.CDLL(None, use_errno=True).renameat2
        self._function.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint]

    def _call(self, source: Place, target: Place, flags: int) -> None:
        if self._function(source[1], os.fsencode(source[0]), target[1], os.fsencode(target[0]), flags) != 0:
            number = self._ctypes.get_errno()
            raise OSError(number, os.strerror(number), source[0], None, target[0])

    def move(self, source: Place, target: Place) -> None:
        """Move a file or folder; `FileExistsError` when something stands at the target."""
        self._call(source, target, _NOREPLACE)

    def exchange(self, one: Place, other: Place) -> None:
        """Swap two files in one step that no crash can split."""
        self._call(one, other, _EXCHANGE)


class Portable:
    """The moves that POSIX has: a hard link refuses to replace; nothing swaps.

    A folder is moved by `rename`, which refuses all but an empty folder at the target.
    """

    can_exchange = False

    def move(self, source: Place, target: Place) -> None:
        """Move a file or folder; `FileExistsError` when something stands at the target."""
        info = os.lstat(source[0], dir_fd=source[1])
        if (info.st_mode & 0o170000) == 0o040000:
            os.rename(source[0], target[0], src_dir_fd=source[1], dst_dir_fd=target[1])
            return
        try:
            os.link(source[0], target[0], src_dir_fd=source[1], dst_dir_fd=target[1], follow_symlinks=False)
        except FileExistsError:
            # A crash between the link and the unlink leaves one file under two names.
            there = os.lstat(target[0], dir_fd=target[1])
            if (there.st_ino, there.st_dev) != (info.st_ino, info.st_dev):
                raise
        # The new name must reach the disk before the old one goes, or a power cut may leave neither.
        os.fsync(target[1])
        os.unlink(source[0], dir_fd=source[1])

    def exchange(self, one: Place, other: Place) -> None:
        """Not to be had: `can_exchange` is false."""
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP), one[0], None, other[0])


def renames(folder: int) -> Renames:
    """Return the moves that the file system of `folder` supports, found by trying them on two empty files."""
    names = (".probe-a", ".probe-b")
    try:
        native = Native()
        for name in names:
            os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, dir_fd=folder))
        native.exchange((names[0], folder), (names[1], folder))
    except AttributeError:
        return Portable()
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise
        return Portable()
    finally:
        for name in names:
            with contextlib.suppress(OSError):
                os.unlink(name, dir_fd=folder)
    return native
