"""Publish: bring staged files to their places by renames, and take them back."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from hashlib import sha256

from bmad_provisioner.digest import Digest, Entry
from bmad_provisioner.errors import BlockedError, StaleError
from bmad_provisioner.tree.folders import Folders
from bmad_provisioner.tree.rename import Place, Renames
from bmad_provisioner.tree.stage import Move, Step

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Publisher:
    """Moves between the slots of one transaction and the project.

    Whether a step is done is read from its slot alone, never remembered, and never from the project, which
    its user may edit at any moment:

    =========  =============================  ==========================================
    step       not done                       done
    =========  =============================  ==========================================
    create     the slot is there              the slot is gone
    delete     the slot is empty              the slot holds the file
    replace    the slot holds the new bytes   the slot holds the old (exchange), or is gone
    =========  =============================  ==========================================

    So every method may be interrupted anywhere and called again.
    """

    def __init__(self, project: Folders, slots: Folders, renames: Renames) -> None:
        self._project, self._slots, self._renames = project, slots, renames

    def forward(self, steps: Sequence[Step], told: Callable[[Step], None]) -> None:
        """Do every step that is not done; `StaleError` when somebody changed a file meanwhile, which is put back."""
        actions = {Move.CREATE: self._create, Move.REPLACE: self._replace, Move.DELETE: self._delete}
        for step in steps:
            actions[step.move](step)
            told(step)

    def back(self, steps: Sequence[Step]) -> None:
        """Undo every step that is done. What others changed since stays as they left it."""
        actions = {Move.CREATE: self._uncreate, Move.REPLACE: self._unreplace, Move.DELETE: self._undelete}
        for step in reversed(steps):
            # Where a folder is no longer one, nothing of ours is left to take back; what it held before is kept.
            with contextlib.suppress(BlockedError):
                actions[step.move](step)

    def _slot(self, step: Step, suffix: str = "") -> Place:
        return self._slots.at(step.slot + suffix)

    def _create(self, step: Step) -> None:
        if not self._slots.exists(step.slot):
            return
        try:
            self._renames.move(self._slot(step), self._project.at(step.path))
        except FileExistsError as error:
            raise _stale(step.path) from error

    def _uncreate(self, step: Step) -> None:
        if self._slots.exists(step.slot):
            self._unlink_twin(step)
            return
        for number, (name, entry) in enumerate(step.files.items()):
            self._withdraw(f"{step.path}/{name}".rstrip("/"), entry, f"{step.slot}.back.{number}")
        for folder in sorted({*_folders(step)}, key=len, reverse=True):
            self._project.remove(folder)

    def _withdraw(self, path: str, entry: Entry, slot: str) -> None:
        """Move a file of ours out of the project, unless it is no longer ours."""
        try:
            place = self._project.at(path)
            if _stands(place) != entry:
                return
            _take(place, self._slots.at(slot))
        except FileNotFoundError:
            return
        if _stands(self._slots.at(slot)) != entry:
            self._renames.move(self._slots.at(slot), place)

    def _replace(self, step: Step) -> None:
        if self._renames.can_exchange:
            held = _stands(self._slot(step))
            if held == step.after:
                self._renames.exchange(self._slot(step), self._target(step))
                held = _stands(self._slot(step))
            if held != step.before:
                raise _stale(step.path)
        else:
            if self._slots.exists(step.slot):
                self._replace_by_link(step)
            if _stands(self._slot(step, ".old")) != step.before:
                raise _stale(step.path)

    def _target(self, step: Step) -> Place:
        try:
            place = self._project.at(step.path)
            os.lstat(place[0], dir_fd=place[1])
        except FileNotFoundError as error:
            raise _stale(step.path) from error
        return place

    def _replace_by_link(self, step: Step) -> None:
        """Keep the old file under a second name, check it, and rename over it.

        An edit that puts another file there between the check and the rename is lost; only `exchange` excludes
        that. One that writes into the file is seen by the check that follows, for the second name is the same file.
        """
        target, old = self._target(step), self._slot(step, ".old")
        if self._slots.exists(f"{step.slot}.old"):
            os.unlink(old[0], dir_fd=old[1])
        os.link(target[0], old[0], src_dir_fd=target[1], dst_dir_fd=old[1], follow_symlinks=False)
        os.fsync(old[1])
        if _stands(old) != step.before:
            raise _stale(step.path)
        slot = self._slot(step)
        os.rename(slot[0], target[0], src_dir_fd=slot[1], dst_dir_fd=target[1])

    def _unreplace(self, step: Step) -> None:
        if self._renames.can_exchange:
            if _stands(self._slot(step)) != step.after and _stands_or_none(self._project, step.path) == step.after:
                self._renames.exchange(self._slot(step), self._project.at(step.path))
            return
        moved = not self._slots.exists(step.slot) and self._slots.exists(f"{step.slot}.old")
        if moved and _stands_or_none(self._project, step.path) == step.after:
            old, target = self._slot(step, ".old"), self._project.at(step.path)
            os.rename(old[0], target[0], src_dir_fd=old[1], dst_dir_fd=target[1])

    def _delete(self, step: Step) -> None:
        if not self._slots.exists(step.slot):
            try:
                _take(self._project.at(step.path), self._slot(step))
            except FileNotFoundError:
                return
        if _stands(self._slot(step)) != step.before:
            raise _stale(step.path)

    def _undelete(self, step: Step) -> None:
        if not self._slots.exists(step.slot):
            return
        for made in self._project.make(step.path.rpartition("/")[0]):
            # Before a file moves in: the disk may otherwise have the move and not the folder.
            os.fsync(self._project.at(made)[1])
        try:
            self._renames.move(self._slot(step), self._project.at(step.path))
        except FileExistsError:
            return  # somebody made a new file there; ours is kept with the leftovers

    def _unlink_twin(self, step: Step) -> None:
        """Remove the project's name of the file that is in the slot: a move by link and unlink was cut short."""
        try:
            slot, place = self._slot(step), self._project.at(step.path)
            one, other = os.lstat(slot[0], dir_fd=slot[1]), os.lstat(place[0], dir_fd=place[1])
        except FileNotFoundError:
            return
        if (one.st_ino, one.st_dev) == (other.st_ino, other.st_dev):
            os.unlink(place[0], dir_fd=place[1])


def _take(place: Place, slot: Place) -> None:
    """Move a file out of the project into a slot of ours, where nothing stands."""
    os.rename(place[0], slot[0], src_dir_fd=place[1], dst_dir_fd=slot[1])


def _folders(step: Step) -> set[str]:
    """Return every folder that a created step brought along."""
    found = set()
    for name in step.files:
        folder = f"{step.path}/{name}".rstrip("/").rpartition("/")[0]
        while len(folder) >= len(step.path):
            found.add(folder)
            folder = folder.rpartition("/")[0]
    return found


def _stands(place: Place) -> Entry | None:
    """Return what stands at a place: its bytes are read, for only they can tell an edit."""
    try:
        handle = os.open(place[0], _READ, dir_fd=place[1])
    except FileNotFoundError:
        return None
    except OSError:
        return Entry(Digest("special:"))
    try:
        info = os.fstat(handle)
        if info.st_mode & 0o170000 != 0o100000:
            return Entry(Digest("special:"))
        hashed = sha256()
        while part := os.read(handle, 1 << 20):
            hashed.update(part)
    finally:
        os.close(handle)
    return Entry(Digest(hashed.hexdigest()), bool(info.st_mode & 0o100))


def _stands_or_none(folders: Folders, path: str) -> Entry | None:
    try:
        return _stands(folders.at(path))
    except FileNotFoundError:
        return None


def _stale(path: str) -> StaleError:
    return StaleError(f"`{path}` changed since it was planned; nothing was applied", hint="run the command again to plan anew")
