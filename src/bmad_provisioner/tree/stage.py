"""Stage: lay the new bytes down beside the project, so that publishing only renames."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from bmad_provisioner.digest import Digest, Entry
from bmad_provisioner.errors import CommitError
from bmad_provisioner.tree.journal import unpack
from bmad_provisioner.tree.model import Change


class Move(str, Enum):
    """What a step does to its path."""

    CREATE = "create"
    REPLACE = "replace"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Step:
    """One move between `slot`, a name in the transaction's folder, and `path` in the project.

    A `CREATE` may move a whole new folder: `files` then lists what is in it, relative to `path`; for a single
    file it holds that file under an empty name.
    """

    move: Move
    slot: str
    path: str
    before: Entry | None = None
    after: Entry | None = None
    files: Mapping[str, Entry] = field(default_factory=dict)

    def paths(self) -> Iterable[str]:
        """Return the project paths that the step touches."""
        return [f"{self.path}/{name}".rstrip("/") for name in self.files] if self.files else [self.path]


Mark = tuple[int, int]
"""The inode and modification time (nanoseconds) of a file as it was staged: renames keep both, an edit does not."""


@dataclass(frozen=True, slots=True)
class Staged:
    """The steps, the folders they make, the permission bits of files they remove, what to sync, and the marks of new files."""

    steps: tuple[Step, ...]
    folders: tuple[str, ...]
    modes: Mapping[str, int]
    written: tuple[str, ...]
    marks: Mapping[str, Mark]


def encode(steps: Sequence[Step], prune: Sequence[str], *, exchange: bool) -> bytes:
    """Return the steps, the folders to prune, and whether the steps swap files, as bytes."""
    rows = [
        [s.move.value, s.slot, s.path, _pack(s.before), _pack(s.after), {name: _pack(entry) for name, entry in s.files.items()}]
        for s in steps
    ]
    return json.dumps({"steps": rows, "prune": list(prune), "exchange": exchange}, separators=(",", ":")).encode()


def decode(data: bytes) -> tuple[tuple[Step, ...], tuple[str, ...], bool]:
    """Return what `encode` wrote."""
    body = json.loads(data)
    steps = tuple(
        Step(Move(m), slot, path, unpack(before), unpack(after), {name: Entry(d, x) for name, (d, x) in files.items()})
        for m, slot, path, before, after, files in body["steps"]
    )
    return steps, tuple(body["prune"]), body["exchange"]


def _pack(entry: Entry | None) -> list[Digest | bool] | None:
    return None if entry is None else [entry.digest, entry.executable]


def stage(
    changes: Iterable[Change],
    *,
    root: str,
    folder: str,
    read: Callable[[Digest], Iterable[bytes]],
    modes: Mapping[str, int] | None = None,
) -> Staged:
    """Write the bytes of `changes` below `folder` and return the steps that publish them.

    New files below a folder that does not exist yet are laid down as that folder, to be moved in one piece.
    `read` returns bytes part by part. `modes` are permission bits for files to be created; others follow the umask.
    Nothing is synced here.
    """
    writer = _Writer(root, folder, read, modes or {})
    for change in changes:
        if change.before is None:
            writer.create(change)
        elif change.after is None:
            writer.delete(change)
        else:
            writer.replace(change)
    return writer.staged()


class _Writer:
    def __init__(self, root: str, folder: str, read: Callable[[Digest], Iterable[bytes]], modes: Mapping[str, int]) -> None:
        self._root, self._folder, self._read, self._given = root, folder, read, modes
        self._device = os.stat(folder).st_dev
        self._exists: dict[str, bool] = {"": True}
        self._groups: dict[str, dict[str, Entry]] = {}
        self._slots: dict[str, str] = {}
        self._steps: list[Step] = []
        self._folders: list[str] = []
        self._laid: set[str] = set()
        self._modes: dict[str, int] = {}
        self._written: list[str] = []
        self._checked: set[str] = set()
        self._marks: dict[str, Mark] = {}

    def create(self, change: Change) -> None:
        assert change.after is not None
        top = self._topmost_missing(change.path)
        group = self._groups.setdefault(top, {})
        slot = self._slots.setdefault(top, self._next())
        name = change.path[len(top) + 1 :]
        group[name] = change.after
        self._make_folders(slot, top, name)
        self._write(f"{slot}/{name}".rstrip("/"), change, self._given.get(change.path))

    def replace(self, change: Change) -> None:
        assert change.after is not None
        self._same_device(change.path)
        slot = self._next()
        mode = stat.S_IMODE(os.lstat(f"{self._root}/{change.path}").st_mode)
        mode = mode | (mode & 0o444) >> 2 if change.after.executable else mode & ~0o111
        self._write(slot, change, mode)
        self._steps.append(Step(Move.REPLACE, slot, change.path, change.before, change.after))

    def delete(self, change: Change) -> None:
        self._same_device(change.path)
        self._modes[change.path] = stat.S_IMODE(os.lstat(f"{self._root}/{change.path}").st_mode)
        self._steps.append(Step(Move.DELETE, self._next(), change.path, change.before))

    def staged(self) -> Staged:
        creates = [Step(Move.CREATE, self._slots[top], top, files=files) for top, files in self._groups.items()]
        return Staged((*creates, *self._steps), tuple(self._folders), self._modes, tuple(self._written), self._marks)

    def _next(self) -> str:
        return str(len(self._slots) + len(self._steps))

    def _topmost_missing(self, path: str) -> str:
        start = path.find("/")
        while start >= 0:
            folder = path[:start]
            if folder not in self._exists:
                self._exists[folder] = os.path.lexists(f"{self._root}/{folder}")
            if not self._exists[folder]:
                self._same_device(folder)
                return folder
            start = path.find("/", start + 1)
        self._same_device(path)
        return path

    def _make_folders(self, slot: str, top: str, name: str) -> None:
        parts = name.split("/")[:-1] if name else []
        if name and top not in self._laid:
            self._mkdir(slot, top)
        for end in range(1, len(parts) + 1):
            below = "/".join(parts[:end])
            if f"{top}/{below}" not in self._laid:
                self._mkdir(f"{slot}/{below}", f"{top}/{below}")

    def _mkdir(self, slot: str, folder: str) -> None:
        os.mkdir(f"{self._folder}/{slot}")
        self._laid.add(folder)
        self._folders.append(folder)
        self._written.append(f"{self._folder}/{slot}")

    def _write(self, slot: str, change: Change, mode: int | None) -> None:
        path, entry = f"{self._folder}/{slot}", change.after
        assert entry is not None
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o777 if entry.executable else 0o666)
        try:
            for part in self._read(entry.digest):
                data = part
                while data:
                    data = data[os.write(handle, data) :]
            if mode is not None:
                os.fchmod(handle, mode)
            info = os.fstat(handle)
            self._marks[change.path] = (info.st_ino, info.st_mtime_ns)
        finally:
            os.close(handle)
        self._written.append(path)

    def _same_device(self, path: str) -> None:
        above = path.rpartition("/")[0]
        if above in self._checked:
            return
        self._checked.add(above)
        if os.stat(f"{self._root}/{above}").st_dev != self._device:
            raise CommitError(
                f"`{above or '.'}` is on another file system than `.bmad-provisioner`, so nothing can be renamed into it",
                hint="make it a plain folder of the project, or provision the project that it belongs to",
            )
