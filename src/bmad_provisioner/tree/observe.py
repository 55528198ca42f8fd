"""Observe: the files on disk, as a tree."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import time
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from bmad_provisioner.digest import Digest, Entry, Plain
from bmad_provisioner.errors import StaleError
from bmad_provisioner.tree.durable import write_atomic

_TICK = 20_000_000
"""Nanoseconds within which a file system may give two writes the same time (the kernel's tick is 1 to 10 ms)."""
_FORMAT = 1
_PART = 1 << 20
"""Bytes of a file that are held at once."""
Signature = list[int]


class Index:
    """What files held when they were last hashed, so that unchanged ones are not read again.

    A file is known by size, inode, mode, modification and change time. Nobody can set the change time, so an
    edit that keeps size and date is seen. An edit within the clock tick of the one before would not be: a
    file is remembered only when it was quiet for a tick as it was hashed, and believed only when it
    changed before the index was written (git calls the other case racy).
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._old: dict[str, list[Signature | Digest]] = {}
        self._new: dict[str, list[Signature | Digest]] = {}
        self._written = 0
        self._fresh = True
        self._blind = False
        self.note: Plain = None
        """What was concluded from exactly these files; it goes when one of them changes."""
        if path is not None:
            self._load(path)

    def _load(self, path: Path) -> None:
        try:
            with open(path, "rb") as file:
                self._written = os.fstat(file.fileno()).st_mtime_ns
                body = json.loads(file.read())
            if body["format"] == _FORMAT:
                self._old, self.note = body["files"], body["note"]
        except (OSError, ValueError, KeyError, TypeError):
            self._old = {}

    def digest(self, path: str, info: os.stat_result) -> Digest | None:
        """Return what the file at `path` holds if it has not changed since it was hashed."""
        known = self._old.get(path)
        signature = _signature(info)
        if known is None or known[0] != signature or info.st_ctime_ns >= self._written:
            self._fresh = False
            return None
        self._new[path] = known
        return known[1]  # type: ignore[return-value] # the second of the pair is the digest

    def learn(self, path: str, info: os.stat_result, name: Digest, *, now: int) -> None:
        """Remember that the file at `path` held `name` at `now` (nanoseconds), if it was quiet by then."""
        if max(info.st_ctime_ns, info.st_mtime_ns) + _TICK < now:
            self._new[path] = [_signature(info), name]
        else:
            self._blind = True

    def confirm(self, root: str, path: str, name: Digest, mark: tuple[int, int]) -> bool:
        """Remember that the file at `path`, which we wrote, holds `name`, if it is still the one with that `mark`.

        The mark is its inode and modification time as it was written: whoever replaces or edits it changes one of them.
        """
        try:
            info = os.lstat(f"{root}/{path}")
        except OSError:
            return False
        self.learn(path, info, name, now=time.time_ns())
        if (info.st_ino, info.st_mtime_ns) != mark or self._new.get(path, [None])[0] != _signature(info):
            self.unlearn(path)
            return False
        return True

    def unlearn(self, path: str) -> None:
        """Know nothing of `path` any more."""
        self._new.pop(path, None)
        self._old.pop(path, None)

    def doubt(self) -> None:
        """Say that something was seen which no signature stands for."""
        self._fresh = False
        self._blind = True

    def known(self, path: str) -> Entry | None:
        """Return what stood at `path` before this look."""
        if path not in self._old:
            return None
        signature, name = self._old[path]
        return Entry(Digest(str(name)), bool(int(signature[4]) & 0o100))

    @property
    def fresh(self) -> bool:
        """Whether each of the files seen so far is as it was in the index."""
        return self._fresh

    @property
    def unchanged(self) -> bool:
        """Whether the files seen so far are, to the last one, those of the index, as they were."""
        return self._fresh and len(self._new) == len(self._old)

    def paths(self) -> list[str]:
        """Return the paths known before this look."""
        return list(self._old)

    def drop(self) -> None:
        """Remove the index; one that cannot be removed is no index, and is not believed."""
        self._old, self.note = {}, None
        if self._path is not None:
            with contextlib.suppress(OSError):
                self._path.unlink()

    def save(self, *, complete: bool, note: Plain = None) -> None:
        """Write what was seen (unless the look was `complete`: and what was known before), and what it led to.

        What it led to is not kept where some file could not be: nobody would look at that file again.
        An index that cannot be written only costs time.
        """
        note = None if self._blind else note
        if self._path is None or (self.unchanged and note == self.note):
            return
        files = self._new if complete else {**self._old, **self._new}
        body = json.dumps({"format": _FORMAT, "files": files, "note": note}, separators=(",", ":"))
        try:
            write_atomic(self._path, body.encode("utf-8", "surrogatepass"), durable=False)
        except OSError:
            return


def _signature(info: os.stat_result) -> Signature:
    return [info.st_size, info.st_mtime_ns, info.st_ctime_ns, info.st_ino, info.st_mode]


def observe(root: str, paths: Iterable[str], index: Index, *, prefix: str = "") -> dict[str, Entry]:
    """Return what stands at each of `paths` below `root`; a path where nothing stands is left out.

    A path behind a symbolic link is not followed: its entry says so.
    """
    tree = {}
    folders: dict[str, str | None] = {"": None}
    for path in paths:
        obstacle = _obstacle(root, path.rpartition("/")[0], folders)
        if obstacle == "":
            continue
        if obstacle:
            index.doubt()
            tree[prefix + path] = Entry(Digest(f"behind-symlink:{obstacle}"))
            continue
        try:
            info = os.lstat(f"{root}/{path}")
        except (FileNotFoundError, NotADirectoryError):
            continue
        tree[prefix + path] = _entry(root, path, info, index, prefix)
    return tree


def _obstacle(root: str, folder: str, known: dict[str, str | None]) -> str | None:
    """Return the symbolic link on the way to `folder`, an empty string where there is no folder, or `None`."""
    if folder not in known:
        above = _obstacle(root, folder.rpartition("/")[0], known)
        if above is None:
            try:
                mode = os.lstat(f"{root}/{folder}").st_mode
                above = folder if stat.S_ISLNK(mode) else None if stat.S_ISDIR(mode) else ""
            except (FileNotFoundError, NotADirectoryError):
                above = ""
        known[folder] = above
    return known[folder]


def blocked(root: str, paths: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield each of `paths` that cannot be made, with what stands in its way: something that is no folder, and no link."""
    for path in paths:
        folder = path.rpartition("/")[0]
        while folder:
            try:
                mode = os.lstat(f"{root}/{folder}").st_mode
            except (FileNotFoundError, NotADirectoryError):
                folder = folder.rpartition("/")[0]
                continue
            if not stat.S_ISDIR(mode) and not stat.S_ISLNK(mode):
                yield path, folder
            break


def walk(root: str, folder: str, index: Index, *, prefix: str = "") -> Iterator[tuple[str, Entry]]:
    """Yield every file below `folder` (or the file `folder` itself), in no order; links are named, not followed."""
    obstacle = _obstacle(root, folder.rpartition("/")[0], {"": None})
    if obstacle:
        index.doubt()
        yield prefix + folder, Entry(Digest(f"behind-symlink:{obstacle}"))
        return
    try:
        info = os.lstat(f"{root}/{folder}")
    except (FileNotFoundError, NotADirectoryError):
        return
    yield from _below(root, folder, info, index, prefix)


def _below(root: str, folder: str, info: os.stat_result, index: Index, prefix: str) -> Iterator[tuple[str, Entry]]:
    if not stat.S_ISDIR(info.st_mode):
        yield prefix + folder, _entry(root, folder, info, index, prefix)
        return
    with os.scandir(f"{root}/{folder}") as entries:
        for item in entries:
            path = f"{folder}/{item.name}"
            if item.is_dir(follow_symlinks=False):
                if item.name != ".git":
                    yield from _below(root, path, item.stat(follow_symlinks=False), index, prefix)
            else:
                yield prefix + path, _entry(root, path, item.stat(follow_symlinks=False), index, prefix)


def _entry(root: str, path: str, info: os.stat_result, index: Index, prefix: str) -> Entry:
    mode = info.st_mode
    if stat.S_ISREG(mode):
        name = index.digest(prefix + path, info) or _hashed(root, path, index, prefix)
        return Entry(name, bool(mode & 0o100))
    index.doubt()
    if stat.S_ISLNK(mode):
        return Entry(Digest(f"symlink:{os.readlink(f'{root}/{path}')}"))
    return Entry(Digest("directory:" if stat.S_ISDIR(mode) else "special:"))


def _hashed(root: str, path: str, index: Index, prefix: str) -> Digest:
    for _attempt in range(5):
        with open_file(f"{root}/{path}") as file:
            now, info = time.time_ns(), os.fstat(file.fileno())
            name = digest_of(file)
        if _signature(info) == _signature(os.lstat(f"{root}/{path}")):
            index.learn(prefix + path, info, name, now=now)
            return name
    raise StaleError(f"`{path}` keeps changing while it is read", hint="stop the program that writes it and try again")


def digest_of(file: BinaryIO) -> Digest:
    """Return the digest of what a file holds from here to its end."""
    hashed = sha256()
    while part := file.read(_PART):
        hashed.update(part)
    return Digest(hashed.hexdigest())


def open_file(path: str) -> BinaryIO:
    """Open a plain file to be read; never through a link, and never waiting for whoever holds the other end of a pipe."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    return os.fdopen(handle, "rb", buffering=0)
