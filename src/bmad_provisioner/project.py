"""Project: a folder under our care, where its state lives, and who works on it."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bmad_provisioner.errors import LockedError, UsageError
from bmad_provisioner.event import Listener, Waiting

STATE = ".bmad-provisioner"
_PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Project:
    """A project folder, by its real path."""

    root: Path

    @property
    def state(self) -> Path:
        """Where receipts, backups, caches and the lock live."""
        return self.root / STATE

    @property
    def is_known(self) -> bool:
        """Whether there is state of ours."""
        return self.state.is_dir()

    @property
    def is_interrupted(self) -> bool:
        """Whether an earlier run left a transaction behind."""
        try:
            return bool(os.listdir(self.state / "txn"))
        except OSError:
            return False

    def head(self) -> str:
        """Return the file name of the newest receipt, or an empty string."""
        try:
            return max((name for name in os.listdir(self.state / "journal") if name.endswith(".json")), default="")
        except (FileNotFoundError, NotADirectoryError):
            return ""

    def prepare(self) -> bool:
        """Make the state folder; return whether it can be written."""
        if self.state.is_symlink():
            raise UsageError(
                f"`{self.state}` is a symbolic link", hint="remove it: the state must be on the project's own file system"
            )
        if self.state.exists() and not self.state.is_dir():
            raise UsageError(f"`{self.state}` is no folder", hint="move it away: it is where the state lives")
        try:
            self.state.mkdir(exist_ok=True)
            ignore = self.state / ".gitignore"
            if not ignore.exists():
                ignore.write_text("# Receipts, backups and caches of this machine: not for the repository.\n*\n")
        except OSError:
            return False
        return os.access(self.state, os.W_OK)

    @contextmanager
    def lock(
        self, *, command: str, emit: Listener, sleep: Callable[[float], None] = time.sleep, patience: float = _PATIENCE
    ) -> Iterator[None]:
        """Hold the project alone; `LockedError` naming the owner after `patience` seconds.

        The lock is the kernel's (`flock` on a file that is never deleted): it goes with the process, however
        that ends. What is written in the file is for messages only.
        """
        try:
            handle = os.open(self.state / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        except OSError as error:
            message = f"`{self.state / 'lock'}` cannot be opened: {(error.strerror or str(error)).lower()}"
            raise LockedError(message, hint="make the folder writable, or remove what stands there: it holds nothing") from error
        try:
            self._acquire(handle, emit, sleep, patience)
            os.ftruncate(handle, 0)
            os.pwrite(handle, json.dumps({"pid": os.getpid(), "host": os.uname().nodename, "command": command}).encode(), 0)
            yield
        finally:
            os.close(handle)

    def _acquire(self, handle: int, emit: Listener, sleep: Callable[[float], None], patience: float) -> None:
        waited = 0.0
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if waited == 0:
                    emit(Waiting(_owner(handle)))
                if waited >= patience:
                    raise LockedError(
                        f"`{self.root}` is in use by {_owner(handle)}",
                        hint="wait for it to end, or end it; nothing needs to be cleaned up",
                    ) from None
                sleep(0.1)
                waited += 0.1
            else:
                return


def _owner(handle: int) -> str:
    try:
        owner = json.loads(os.pread(handle, 4096, 0))
        return f"`{owner['command']}` (process {owner['pid']} on {owner['host']})"
    except (ValueError, KeyError, TypeError):
        return "another run"


def find(folder: Path) -> Project:
    """Return the project in `folder`; `UsageError` when there is no such folder, or it is none to work in."""
    try:
        root = folder.expanduser().resolve(strict=True)
    except (OSError, RuntimeError, ValueError) as error:  # also: no such user, a NUL
        raise UsageError(f"`{folder}` is no folder", hint="name the project with `--project DIR`") from error
    if not root.is_dir():
        raise UsageError(f"`{root}` is no folder", hint="name the project with `--project DIR`")
    if ".git" in root.parts or STATE in root.parts:
        raise UsageError(f"`{root}` is inside `.git` or `{STATE}`", hint="name the project's own folder with `--project DIR`")
    return Project(root)
