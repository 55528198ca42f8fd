"""Check: what stands on the disk, read without a line of the product's own code."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import stat
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

STATE = ".bmad-provisioner"
File = tuple[str, int]
"""The SHA-256 of a file's bytes (or `-> target` of a link), and its permission bits."""
Content = list[tuple[str, str, int, bytes]]
"""Everything below a folder: path, kind (`d`, `f`, `l`, or `h` and the path that is the same file), permission bits, bytes."""


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def load(root: Path | str) -> Content:
    """Read a whole folder into memory, folders before what is in them."""
    found: Content = []
    names: dict[int, str] = {}

    def descend(place: str, prefix: str) -> None:
        for item in sorted(os.scandir(place), key=lambda one: one.name):
            path, info = prefix + item.name, item.stat(follow_symlinks=False)
            bits = stat.S_IMODE(info.st_mode)
            if item.is_symlink():
                found.append((path, "l", bits, os.fsencode(os.readlink(item.path))))
            elif item.is_dir():
                found.append((path, "d", bits, b""))
                descend(item.path, path + "/")
            else:
                kind = f"h{names[info.st_ino]}" if info.st_ino in names else "f"
                if info.st_nlink > 1:
                    names.setdefault(info.st_ino, path)
                with open(item.path, "rb") as file:
                    found.append((path, kind, bits, file.read()))

    descend(str(root), "")
    return found


def lay(content: Content, root: Path | str) -> None:
    """Write what `load` read to `root`, which is emptied first."""
    shutil.rmtree(root, ignore_errors=True)
    os.mkdir(root)
    for path, kind, bits, data in content:
        full = f"{root}/{path}"
        if kind == "d":
            os.mkdir(full)
            os.chmod(full, bits | 0o700)
        elif kind == "l":
            os.symlink(os.fsdecode(data), full)
        elif kind[0] == "h":
            os.link(f"{root}/{kind[1:]}", full)
        else:
            handle = os.open(full, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
            os.write(handle, data) if len(data) < 1 << 20 else os.pwrite(handle, data, 0)
            os.fchmod(handle, bits)
            os.close(handle)


def fingerprint(content: Content) -> str:
    """Name a content, whatever process made it."""
    hashed = hashlib.sha256()
    for path, kind, bits, data in content:
        hashed.update(f"{path}\0{kind}\0{bits}\0{len(data)}\0".encode("utf-8", "surrogateescape") + data)
    return hashed.hexdigest()


@dataclass(frozen=True)
class Tree:
    """The files and folders of a project, without our own state."""

    files: Mapping[str, File]
    folders: frozenset[str]

    def without(self, paths: Iterable[str]) -> Tree:
        """Return the tree as if `paths`, and the folders above them, were not looked at."""
        gone = set(paths)
        above = {path[:end] for path in gone for end in range(len(path)) if path[end] == "/"}
        return Tree({path: file for path, file in self.files.items() if path not in gone}, self.folders - above)

    def differs(self, other: Tree) -> list[str]:
        """Return the paths at which two trees are not the same."""
        paths = {*self.files, *other.files}
        return sorted(p for p in paths if self.files.get(p) != other.files.get(p)) + sorted(self.folders ^ other.folders)


def tree(content: Content) -> Tree:
    outside = [row for row in content if row[0].partition("/")[0] != STATE]
    files = {path: (f"-> {data!r}" if kind == "l" else sha(data), bits) for path, kind, bits, data in outside if kind != "d"}
    return Tree(files, frozenset(path for path, kind, _bits, _data in outside if kind == "d"))


def receipts(content: Content) -> list[tuple[str, bytes]]:
    """Return the journal's files by name."""
    prefix = f"{STATE}/journal/"
    return [(path[len(prefix) :], data) for path, kind, _bits, data in content if path.startswith(prefix) and kind != "d"]


def chain_faults(found: Iterable[tuple[str, bytes]]) -> list[str]:
    """Return what is wrong with a journal: names, numbers, each naming the one before."""
    faults, previous, expected = [], "0" * 64, 1
    for name, data in found:
        if not name.endswith(".json"):
            faults.append(f"journal holds `{name}`")
            continue
        body = json.loads(data) if sha(data) == name[9:73] else None
        if body is None:
            faults.append(f"receipt {name[:12]} is not what its name says")
            continue
        if int(name[:8]) != expected or body["number"] != expected:
            faults.append(f"receipt {name[:8]} where {expected} should be")
        if body["previous"] != previous:
            faults.append(f"receipt {name[:8]} does not follow the one before")
        previous, expected = name[9:73], body["number"] + 1
    return faults


def kept(content: Content) -> set[str]:
    """Return the SHA-256 of every blob that can be read back whole (from a copy: reading must not mend anything)."""
    rows = [row for row in content if row[0] in (f"{STATE}/blobs.db", f"{STATE}/blobs.db-wal")]
    if not any(path.endswith(".db") for path, *_ in rows):
        return set()
    memory = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        for path, _kind, _bits, data in rows:
            Path(folder, path.rpartition("/")[2]).write_bytes(data)
        try:
            connection = sqlite3.connect(f"{folder}/blobs.db")
            try:
                connection.execute("PRAGMA journal_mode").fetchall()
                found = {
                    sha(data) for name, data in connection.execute("SELECT digest, data FROM blobs") if sha(data) == name.hex()
                }
            finally:
                connection.close()
        except sqlite3.DatabaseError:
            return set()
    return found


@dataclass(frozen=True)
class Case:
    """What one verb is to do: the states before and after it, from which the bytes that must never be lost follow."""

    before: Content
    after: Tree
    old: Tree
    old_receipts: tuple[str, ...]
    added: int = 1

    def precious(self, edited: Iterable[str] = ()) -> list[str]:
        """Return the bytes that must never be lost: all that stood there, but for what the user themself replaced."""
        return sorted({name for path, (name, _bits) in self.old.files.items() if path not in edited and name[:2] != "->"})

    @property
    def new_receipts(self) -> int:
        return len(self.old_receipts) + self.added


@dataclass
class Verdict:
    """What was found wrong, invariant by invariant."""

    faults: list[str] = field(default_factory=list)
    side: str = ""

    def add(self, invariant: str, what: object) -> None:
        self.faults.append(f"{invariant}: {what}")


def lost(content: Content, precious: Iterable[str], *, anywhere: bool) -> list[str]:
    """Return which of the bytes are neither in the project nor a readable blob; `anywhere`: nor in a transaction's folder."""
    here = {sha(data) for path, kind, _bits, data in content if kind[0] in "fh" and (anywhere or not path.startswith(STATE + "/"))}
    missing = [name for name in precious if name not in here]
    return sorted(set(missing) - kept(content)) if missing else []


def crashed(content: Content, case: Case) -> Verdict:
    """Judge the moment after a crash: I1 and I3."""
    verdict = Verdict()
    now = tree(content)
    for path in sorted({*now.files, *case.old.files, *case.after.files}):
        if now.files.get(path) not in (case.old.files.get(path), case.after.files.get(path)):
            verdict.add("I1", f"`{path}` is neither old nor new")
    for name in lost(content, case.precious(), anywhere=True):
        verdict.add("I3", f"bytes {name[:12]} are nowhere")
    return verdict


def settled(content: Content, case: Case, *, must: str = "", edited: Iterable[str] = ()) -> Verdict:
    """Judge a project that should be at rest: all old or all new (`must` says which), journal, backups, nothing left over.

    What stands at the paths that a user `edited` meanwhile is the caller's to judge.
    """
    verdict = Verdict()
    now = tree(content).without(edited)
    to_old, to_new = now.differs(case.old.without(edited)), now.differs(case.after.without(edited))
    verdict.side = "old" if not to_old else "new" if not to_new else ""
    count = len(receipts(content))
    if not to_old and not to_new:
        verdict.side = "new" if count == case.new_receipts else "old"
    if not verdict.side:
        nearer = min(to_old, to_new, key=len)
        verdict.add("I2", f"neither old nor new: {nearer[:4]}")
    elif must and verdict.side != must:
        verdict.add("I4" if must == "new" else "I5", f"the tree is {verdict.side}, not {must}")
    names = tuple(name for name, _data in receipts(content))
    if verdict.side == "old" and names != case.old_receipts:
        verdict.add("I7", f"{count} receipts for the old tree, which had {len(case.old_receipts)}")
    if verdict.side == "new" and (count != case.new_receipts or names[: len(case.old_receipts)] != case.old_receipts):
        verdict.add("I7", f"{count} receipts for the new tree, not {case.new_receipts}")
    for fault in chain_faults(receipts(content)):
        verdict.add("I7", fault)
    for name in lost(content, case.precious(edited), anywhere=False):
        verdict.add("I3", f"bytes {name[:12]} are nowhere")
    return verdict


def leftovers(content: Content) -> list[str]:
    """Return what a recovered project should not hold any more."""
    return [path for path, *_ in content if path.startswith(f"{STATE}/txn/") and path.count("/") == 2]


def outside(parent: Path, root: Path) -> list[Any]:
    """Describe everything beside the project: names, inodes, sizes, times, modes."""
    found: list[Any] = []
    for place, folders, files in os.walk(parent):
        folders[:] = sorted(name for name in folders if Path(place, name) != root)
        for name in sorted([*folders, *files]):
            info = os.lstat(Path(place, name))
            stamp = info.st_mtime_ns if not stat.S_ISDIR(info.st_mode) else 0
            found.append((str(Path(place, name)), info.st_ino, info.st_size if stamp else 0, stamp, info.st_mode))
    return found
