"""Folders: the directories below a root, each opened once and never through a symbolic link."""

from __future__ import annotations

import errno
import os

from bmad_provisioner.errors import BlockedError

_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_LIMIT = 200


class Folders:
    """Descriptors of folders below `root`, by relative path (`""` is the root itself).

    Every component is opened relative to the one above with `O_NOFOLLOW`, so whatever is renamed or linked
    meanwhile, no operation on these descriptors can leave the root.
    """

    def __init__(self, root: str) -> None:
        self._root = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._open: dict[str, int] = {}

    def __enter__(self) -> Folders:
        return self

    def __exit__(self, *_: object) -> None:
        self.forget()
        os.close(self._root)

    def forget(self) -> None:
        """Close all but the root."""
        for handle in self._open.values():
            os.close(handle)
        self._open.clear()

    def get(self, folder: str) -> int:
        """Return a descriptor of `folder`; `FileNotFoundError` where there is none."""
        if not folder:
            return self._root
        if folder not in self._open:
            if len(self._open) >= _LIMIT:
                self.forget()
            self._open[folder] = self._walk(folder)
        return self._open[folder]

    def _walk(self, folder: str) -> int:
        handle = os.dup(self._root)
        for part in folder.split("/"):
            try:
                below = os.open(part, _FLAGS, dir_fd=handle)
            except OSError as error:
                if error.errno in (errno.ELOOP, errno.ENOTDIR):
                    raise BlockedError(
                        f"`{folder}` is or passes through a symbolic link, or is no folder", hint="make it a real folder"
                    ) from error
                raise
            finally:
                os.close(handle)
            handle = below
        return handle

    def at(self, path: str) -> tuple[str, int]:
        """Return the last part of `path` and a descriptor of the folder that holds it."""
        folder, _, name = path.rpartition("/")
        return name, self.get(folder)

    def exists(self, path: str) -> bool:
        """Whether anything (a dangling link too) stands at `path`."""
        try:
            name, folder = self.at(path)
            os.lstat(name, dir_fd=folder)
        except FileNotFoundError:
            return False
        return True

    def make(self, folder: str) -> list[str]:
        """Make `folder` and what is missing above it; return those made, the topmost first."""
        if not folder or self.exists(folder):
            return []
        made = self.make(folder.rpartition("/")[0])
        name, above = self.at(folder)
        os.mkdir(name, dir_fd=above)
        return [*made, folder]

    def remove(self, folder: str) -> bool:
        """Remove `folder` if it is empty; return whether it went."""
        handle = self._open.pop(folder, None)
        if handle is not None:
            os.close(handle)
        try:
            name, above = self.at(folder)
            os.rmdir(name, dir_fd=above)
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT, errno.ENOTDIR):
                return False
            raise
        return True
