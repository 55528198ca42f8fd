"""What must hold for any two trees: going there, coming back, and staying."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bmad_provisioner.digest import Entry, digest
from bmad_provisioner.errors import BmadpError
from bmad_provisioner.event import ChangeCommitted, silent
from bmad_provisioner.project import Project
from bmad_provisioner.session import Session
from bmad_provisioner.tree.diff import diff
from bmad_provisioner.tree.journal import FIRST, Receipt, recorded
from bmad_provisioner.tree.model import invert
from bmad_provisioner.tree.observe import observe
from bmad_provisioner.tree.rename import Portable

names = st.sampled_from(["a", "b", "c"])
paths = st.lists(names, min_size=1, max_size=3).map("/".join)
files = st.tuples(st.binary(max_size=8), st.booleans())


def consistent(tree: dict) -> dict:
    """Drop paths that need another path of the tree as a folder."""
    return {path: file for path, file in tree.items() if not any(path.startswith(other + "/") for other in tree)}


trees = st.dictionaries(paths, files, max_size=6).map(consistent)
settled = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def write(root: Path, tree: dict) -> None:
    for path, (data, executable) in tree.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
        (root / path).chmod(0o755 if executable else 0o644)


def read(root: Path) -> dict:
    found = {}
    for folder, folders, names_ in os.walk(root):
        folders[:] = [name for name in folders if name != ".bmad-provisioner"]
        for name in names_:
            path = Path(folder, name)
            found[str(path.relative_to(root))] = (path.read_bytes(), bool(path.stat().st_mode & stat.S_IXUSR))
    return found


def transact(session: Session, changes, *, number: int, moves=None) -> Receipt:
    for change in changes:
        if change.before is not None:
            session.blobs.put((session.project.root / change.path).read_bytes())
    transactions = session.transactions
    transactions._moves = moves
    state = recorded(tuple(session.journal))
    previous = state.head[9:73] or FIRST
    records = {change.path: change.after for change in changes}
    return transactions.commit(changes, Receipt(number, previous, "apply", "me", "now", "T:t", tuple(changes), records), state)


@settled
@given(before=trees, after=trees, portable=st.booleans())
def test_committing_the_difference_gives_the_other_tree_and_inverting_it_the_first(before, after, portable):
    moves = Portable() if portable else None
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write(root, before)
        with Session(Project(root), emit=silent) as session:
            desired = {path: session.blobs.keep(data, executable) for path, (data, executable) in after.items()}
            actual = observe(folder, before, session.index)
            changes = tuple(c for c in diff(actual, desired, actual) if c.writes)
            blocked = any(path.startswith(other + "/") or other.startswith(path + "/") for path in before for other in after)
            if blocked:
                return
            receipt = transact(session, changes, number=1, moves=moves)
            assert read(root) == after
            transact(session, invert(receipt.changes), number=2, moves=moves)
            assert read(root) == before
            assert session.journal.verify() == ()
            assert os.listdir(root / ".bmad-provisioner/txn") == []


@given(before=trees, after=trees)
def test_inverting_twice_changes_nothing(before, after):
    def as_tree(tree):
        return {path: Entry(digest(data), executable) for path, (data, executable) in tree.items()}

    changes = diff(as_tree(before), as_tree(after), as_tree(before))
    assert invert(invert(changes)) == changes


def test_a_file_put_where_a_folder_was_planned_leaves_nothing_half_done(tmp_path):
    (tmp_path / "a").mkdir()

    def meddle(event):
        """A user who replaces a folder by a file between two steps."""
        if isinstance(event, ChangeCommitted) and event.path == "0/first":
            (tmp_path / "a").rmdir()
            (tmp_path / "a").write_text("mine\n")

    with Session(Project(tmp_path), emit=meddle) as session:
        desired = {path: session.blobs.keep(b"new\n") for path in ("0/first", "a/b/x", "z")}
        with pytest.raises(BmadpError):
            transact(session, diff({}, desired, {}), number=1)
        assert read(tmp_path) == {"a": (b"mine\n", False)}
        session.transactions.recover()
        assert session.transactions.pending() == []
