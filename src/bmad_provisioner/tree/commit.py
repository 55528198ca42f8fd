"""Commit: bring the files below a root from `before` to `after`, all or none."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bmad_provisioner.blobs import Blobs, cut
from bmad_provisioner.errors import BlockedError, BmadpError, CommitError, StaleError
from bmad_provisioner.event import ChangeCommitted, Listener, Recovered
from bmad_provisioner.tree.durable import sync
from bmad_provisioner.tree.folders import Folders
from bmad_provisioner.tree.journal import Receipt, Recorded
from bmad_provisioner.tree.model import Change
from bmad_provisioner.tree.observe import digest_of
from bmad_provisioner.tree.publish import Publisher
from bmad_provisioner.tree.rename import Native, Portable, Renames, renames
from bmad_provisioner.tree.stage import Mark, Move, Staged, Step, decode, encode, stage

_STEPS = "steps.json"
_SNAPSHOT = "recorded.json"
_RECEIPT = re.compile(r"\d{8}-[0-9a-f]{64}\.json")


class Transactions:
    """Commits below one root, and what is needed to finish them or take them back after a crash.

    A transaction is a folder below `state/txn`. While it is called `ID.tmp`, nothing has happened. Its rename
    to `ID` is the commit: from then on it is carried through, by this run or the next. `ID.abort` is being
    taken back, `ID.done` is rubbish. The caller holds the project's lock.
    """

    def __init__(self, root: Path, state: Path, blobs: Blobs, *, emit: Listener, moves: Renames | None = None) -> None:
        self._root, self._state, self._blobs, self._emit, self._moves = str(root), state, blobs, emit, moves
        self._folder = state / "txn"
        self._journal = state / "journal"
        self.marks: Mapping[str, Mark] = {}
        """The marks of the files that the last commit wrote."""

    def commit(
        self, changes: Iterable[Change], receipt: Receipt, recorded: Recorded, *, modes: Mapping[str, int] | None = None
    ) -> Receipt:
        """Apply `changes`, append `receipt` and return it as written; `recorded` is the snapshot once it stands.

        The bytes that go are in the blobs already: that is the backup. On any error everything is as it was
        before, and an edit that somebody else made meanwhile is kept.
        """
        temporary = self._folder / f"{receipt.number:08d}-{os.getpid()}.tmp"
        try:
            self._blobs.flush()
            temporary.mkdir(parents=True)
            self._journal.mkdir(exist_ok=True)
            written = [change for change in changes if change.writes]
            staged = stage(written, root=self._root, folder=str(temporary), read=self._blobs.parts, modes=modes)
            receipt = replace(receipt, folders=staged.folders, modes=staged.modes)
            self.marks = staged.marks
            self._prepare(temporary, staged, receipt, recorded, exchange=self._can_exchange(temporary))
            folder = temporary.with_suffix("")
            os.rename(temporary, folder)
        except BaseException as error:
            shutil.rmtree(temporary, ignore_errors=True)
            raise _refused(error) from error
        try:
            sync([str(self._folder)], anchor=str(self._folder))
            self._forward(folder, {change.path: change for change in written})
        except BaseException as error:
            self._abort(folder)
            raise _refused(error) from error
        self._finish(folder)
        return receipt

    def _can_exchange(self, folder: Path) -> bool:
        """Find out before the commit: whoever finishes or takes back must move as it was begun, on a full disk too."""
        if self._moves is not None:
            return self._moves.can_exchange
        with Folders(str(folder)) as slots:
            return renames(slots.get("")).can_exchange

    def pending(self) -> list[str]:
        """Return the transactions that an earlier run committed and did not finish, or did not take back."""
        return [name for name in self._names() if not name.endswith((".tmp", ".done"))]

    def recover(self) -> None:
        """Finish or take back what earlier runs left; may be interrupted and repeated."""
        for name in self._names():
            folder = self._folder / name
            if name.endswith((".tmp", ".done")):
                shutil.rmtree(folder)
            elif name.endswith(".abort"):
                self._take_back(folder)
                self._emit(Recovered(name, forward=False))
            else:
                self._resume(folder)

    def _resume(self, folder: Path) -> None:
        try:
            self._forward(folder, {})
        except (StaleError, BlockedError):
            self._abort(folder)
            self._emit(Recovered(folder.name, forward=False))
            return
        # The backup may have been lost since: then what was displaced is all there is.
        self._keep_leftovers(folder)
        self._finish(folder)
        self._emit(Recovered(folder.name, forward=True))

    def _names(self) -> list[str]:
        try:
            return sorted(os.listdir(self._folder))
        except FileNotFoundError:
            return []

    def _prepare(self, folder: Path, staged: Staged, receipt: Receipt, recorded: Recorded, *, exchange: bool) -> None:
        after = recorded.after(receipt) if receipt.undoes is None else replace(recorded, head=receipt.name)
        files = {
            _STEPS: encode(staged.steps, _emptied(staged.steps, recorded.folders), exchange=exchange),
            receipt.name: receipt.encode(),
            _SNAPSHOT: after.encode(),
        }
        for name, data in files.items():
            (folder / name).write_bytes(data)
        names = [
            *staged.written,
            *(str(folder / name) for name in files),
            str(folder),
            str(self._folder),
            str(self._state),
            self._root,
        ]
        sync(names, anchor=str(folder))

    def _forward(self, folder: Path, changes: Mapping[str, Change]) -> None:
        """Publish every step and append the receipt, durably."""
        steps, prune, exchange = decode((folder / _STEPS).read_bytes())
        with Folders(self._root) as project, Folders(str(folder)) as slots:
            publisher = Publisher(project, slots, _moves(exchange=exchange))
            publisher.forward(steps, lambda step: self._tell(step, changes))
            self._sync([step.path for step in steps])
            for name in os.listdir(folder):
                if _RECEIPT.fullmatch(name):
                    os.rename(folder / name, self._journal / name)
            sync([str(self._journal)], anchor=str(self._journal))
            for path in prune:
                project.remove(path)
            self._sync(prune)

    def _tell(self, step: Step, changes: Mapping[str, Change]) -> None:
        for path in step.paths():
            if path in changes:
                self._emit(ChangeCommitted(path, changes[path].gap.value))

    def _sync(self, paths: Sequence[str]) -> None:
        """Make the names at `paths` durable, or their absence."""
        folders = sorted({path.rpartition("/")[0] for path in paths})
        paths = [f"{self._root}/{folder}" for folder in folders]
        sync([path for path in paths if os.path.isdir(path) and not os.path.islink(path)], anchor=self._root)

    def _finish(self, folder: Path) -> None:
        """Tidy up; the receipt is durable, so whatever fails here is left to the next run."""
        with contextlib.suppress(OSError):
            if (folder / _SNAPSHOT).exists():
                os.replace(folder / _SNAPSHOT, self._state / _SNAPSHOT)
            done = folder.with_name(folder.name + ".done")
            os.rename(folder, done)
            # Not before the rename is durable: slots that go while the folder still counts as committed would mislead.
            sync([str(self._folder)], anchor=str(self._folder))
            shutil.rmtree(done)

    def _abort(self, folder: Path) -> None:
        aborted = folder.with_name(folder.name + ".abort")
        try:
            os.rename(folder, aborted)
            sync([str(self._folder)], anchor=str(self._folder))
            self._take_back(aborted)
        except OSError as error:
            raise CommitError(
                f"the disk failed while a failed commit was taken back: {error}",
                hint="the next `bmadp apply` or `bmadp restore` goes on with it",
            ) from error

    def _take_back(self, folder: Path) -> None:
        try:
            steps, _prune, exchange = decode((folder / _STEPS).read_bytes())
        except FileNotFoundError:
            steps, exchange = (), False  # it was taken back, and the tidying was cut short
        with Folders(self._root) as project, Folders(str(folder)) as slots:
            Publisher(project, slots, _moves(exchange=exchange)).back(steps)
        self._withdraw_receipt(folder)
        self._sync([step.path for step in steps])
        self._keep_leftovers(folder)
        if steps:
            os.unlink(folder / _STEPS)
            sync([str(folder)], anchor=str(folder))
        shutil.rmtree(folder)

    def _withdraw_receipt(self, folder: Path) -> None:
        number = folder.name.partition("-")[0]
        for name in os.listdir(self._journal):
            if name.startswith(f"{number}-") and _RECEIPT.fullmatch(name):
                os.unlink(self._journal / name)
        sync([str(self._journal)], anchor=str(self._journal))

    def _keep_leftovers(self, folder: Path) -> None:
        """Keep bytes that are nowhere else: what others wrote just as we moved it aside."""
        for place, _folders, names in os.walk(folder):
            for name in names:
                path = Path(place, name)
                if path.parent == folder and (name in (_STEPS, _SNAPSHOT) or _RECEIPT.fullmatch(name)):
                    continue
                if path.is_file() and not path.is_symlink() and path.stat().st_size:
                    self._keep_leftover(path)
        self._blobs.flush()

    def _keep_leftover(self, path: Path) -> None:
        with open(path, "rb") as file:
            if digest_of(file) not in self._blobs:
                file.seek(0)
                self._blobs.put_parts(cut(file))


def _moves(*, exchange: bool) -> Renames:
    return Native() if exchange else Portable()


def _emptied(steps: Sequence[Step], made: Collection[str]) -> list[str]:
    """Return the folders of ours that deletions may leave empty, the deepest first."""
    found = set()
    for step in steps:
        folder = step.path.rpartition("/")[0] if step.move is Move.DELETE else ""
        while folder in made:
            found.add(folder)
            folder = folder.rpartition("/")[0]
    return sorted(found, key=lambda path: (-path.count("/"), path))


def _refused(error: BaseException) -> BaseException:
    if not isinstance(error, OSError) or isinstance(error, BmadpError):
        return error
    place = f" at `{error.filename}`" if error.filename else ""
    return CommitError(
        f"the disk refused{place}: {error.strerror or error}; everything is as it was",
        hint="make room or fix permissions, then run it again",
    )
