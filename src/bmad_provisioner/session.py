"""Session: one project with its state open, for the length of one verb."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from bmad_provisioner.digest import Entry, digest
from bmad_provisioner.errors import CommitError, DamagedError, StaleError
from bmad_provisioner.event import Event, FellBack, Listener, Warned
from bmad_provisioner.finding import Finding
from bmad_provisioner.project import STATE, Project
from bmad_provisioner.tree.model import BESIDE, Scope, Tree
from bmad_provisioner.tree.observe import Index, observe, open_file, walk

if TYPE_CHECKING:
    from bmad_provisioner.blobs import Blobs
    from bmad_provisioner.engine.disk import DiskCache
    from bmad_provisioner.settings import Settings
    from bmad_provisioner.tree.commit import Transactions
    from bmad_provisioner.tree.journal import Journal

# The modules behind blobs, cache, journal and transactions are imported when one of them is first asked for: the
# commonest verb, one that finds nothing to do, needs none of them, and they would be half of its cost.


class Session:
    """The state of a project: blobs, cache, journal and index, opened when first asked for.

    Where the project cannot be written, or has no state yet and `begin` is false, the state lives in memory and nothing
    is remembered.
    """

    def __init__(self, project: Project, *, emit: Listener, begin: bool = True, flags: Mapping[str, object] | None = None) -> None:
        self.project, self._emit, self._flags = project, emit, flags or {}
        self._settings: Settings | None = None
        self.writable = project.prepare() if begin or os.path.lexists(project.state) else False
        self.index = Index(project.state / "index.json" if self.writable else None)
        self._blobs: Blobs | None = None
        self._cache: DiskCache | None = None
        self._last: Callable[[], None] | None = None
        self.told: tuple[Finding, ...] = ()
        """What the manifest itself gave to tell, besides what a plan finds."""
        self.warned = False
        """Whether something was told that a plan does not say, and that holds for this run alone."""

    def __enter__(self) -> Session:
        return self

    def __exit__(self, failed: type[BaseException] | None, *_: object) -> None:
        if self._blobs is not None:
            self._blobs.close()
        if self._last is not None and failed is None:
            self._last()

    def also(self, listener: Callable[[Listener], Listener]) -> None:
        """Have a listener hear everything too: it is made of the one that hears it now."""
        self._emit = listener(self._emit)

    def emit(self, event: Event) -> None:
        """Tell the listener."""
        self.warned = self.warned or isinstance(event, (FellBack, Warned))
        self._emit(event)

    def at_last(self, act: Callable[[], None]) -> None:
        """Do this, instead of what was to be done so far, when all went well and the store is closed."""
        self._last = act

    def store(self) -> list[int] | None:
        """Return what the content store's file is known by, as it was last written; `None` while somebody has it open."""
        path = str(self.project.state / "blobs.db")
        try:
            info = os.lstat(path)
        except OSError:
            return None
        open_now = os.path.lexists(f"{path}-wal")
        return None if open_now else [info.st_size, info.st_mtime_ns, info.st_ctime_ns, info.st_ino, info.st_mode]

    @property
    def settings(self) -> Settings:
        """The settings that hold here: the project's file, the environment over it, flags over both."""
        if self._settings is None:
            from bmad_provisioner.settings import load  # noqa: PLC0415

            self._settings = load(self.project.root, os.environ, self._flags)
        return self._settings

    @property
    def blobs(self) -> Blobs:
        """The content store."""
        if self._blobs is None:
            from bmad_provisioner.blobs import Blobs  # noqa: PLC0415

            path = self.project.state / "blobs.db"
            self._blobs = Blobs(path if self.writable else None)
            if not self.writable and path.is_file():
                self._blobs.borrow(path)
        return self._blobs

    @property
    def cache(self) -> DiskCache:
        """The engine's cache."""
        from bmad_provisioner.engine.disk import DiskCache  # noqa: PLC0415

        if self._cache is None:
            self._cache = DiskCache(self.blobs)
        return self._cache

    @property
    def journal(self) -> Journal:
        """The receipts."""
        from bmad_provisioner.tree.journal import Journal  # noqa: PLC0415

        return Journal(self.project.state / "journal")

    @property
    def transactions(self) -> Transactions:
        """Commits to this project."""
        from bmad_provisioner.tree.commit import Transactions  # noqa: PLC0415

        return Transactions(self.project.root, self.project.state, self.blobs, emit=self.emit)

    @contextmanager
    def alone(self, command: str) -> Iterator[None]:
        """Hold the project alone, with whatever an earlier run left behind finished or taken back first."""
        if not self.writable:
            raise CommitError(
                f"`{self.project.root}` cannot be written; nothing was changed", hint=f"make it and its `{STATE}` writable"
            )
        with self.project.lock(command=command, emit=self.emit):
            self._recover()
            yield

    def _recover(self) -> None:
        try:
            self.transactions.recover()
        except (ValueError, KeyError, TypeError) as error:
            raise DamagedError(
                f"what an interrupted run left in `{self.project.state / 'txn'}` is damaged: {error}",
                hint="move that folder away: it holds what the run was to write, and what it had replaced by then",
            ) from error


class Looking:
    """What a plan sees: files of the project, and files beside the document under the prefix `beside:`."""

    def __init__(self, root: Path, beside: Path, tree: Mapping[str, Entry]) -> None:
        self._root, self._beside, self._tree = root, beside, dict(tree)

    @property
    def tree(self) -> Tree:
        """Every file seen so far."""
        return self._tree

    @property
    def root(self) -> Path:
        """Where the project lies."""
        return self._root

    def entry(self, path: str) -> Entry | None:
        """Return what stands at `path`, or `None`."""
        return self._tree.get(path)

    def add(self, tree: Tree) -> None:
        """See more files."""
        self._tree.update(tree)

    def read(self, path: str) -> bytes:
        """Return the bytes that were seen at `path`; `StaleError` when they are no longer there."""
        try:
            with self._open(path) as file:
                data = file.read()
        except OSError as error:
            raise _changed(path) from error
        if digest(data) != self._tree[path].digest:
            raise _changed(path)
        return data

    def keep(self, path: str, blobs: Blobs) -> None:
        """Lay down the bytes that were seen at `path`, however many; `StaleError` when they are no longer there."""
        from bmad_provisioner.blobs import cut  # noqa: PLC0415

        try:
            file = self._open(path)
        except OSError as error:
            raise _changed(path) from error
        with file:
            name = blobs.put_parts(cut(file))
        if name != self._tree[path].digest:
            raise _changed(path)

    def _open(self, path: str) -> BinaryIO:
        place = self._beside / path.removeprefix(BESIDE) if path.startswith(BESIDE) else self._root / path
        return open_file(str(place))


def _changed(path: str) -> StaleError:
    return StaleError(f"`{path}` changed while it was read", hint="run it again")


def look(session: Session, scope: Scope, beside: Path) -> Looking:
    """Observe all that is in scope."""
    root = str(session.project.root)
    tree = observe(root, scope.files, session.index)
    for folder in scope.folders:
        tree.update(walk(root, folder, session.index))
    if scope.globs:
        from bmad_provisioner.tree.search import search  # noqa: PLC0415 - only for who asks for it

        tree.update(search(root, scope.globs, session.index))
    for folder in scope.beside:
        tree.update(walk(str(beside), folder, session.index, prefix=BESIDE))
    return Looking(session.project.root, beside, tree)
