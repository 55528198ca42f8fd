"""Journal: what was done to a project, when, by whom; each receipt names the one before."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bmad_provisioner.digest import Digest, Entry, Plain, canonical, digest
from bmad_provisioner.errors import DamagedError
from bmad_provisioner.finding import Finding
from bmad_provisioner.tree.model import Change, Gap

FIRST = Digest("0" * 64)
"""What the first receipt names as the one before."""

RULES: Mapping[str, str] = {
    "journal-damaged": "a receipt's bytes are not those its name stands for",
    "journal-gap": "a receipt between two others is gone",
    "journal-chain": "a receipt does not name the one before it",
    "journal-shortened": "the newest receipt that the snapshot knows is gone",
}
"""Every rule of the journal's check by its id, with what it finds."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """One transaction: everything needed to show it, check it, and take it back.

    `records` are the paths whose recorded state it sets (`None`: forgotten); `folders` were made by it;
    `modes` keeps the permission bits of files it removed; `undoes` is the number of the receipt it takes back.
    """

    number: int
    previous: Digest
    verb: str
    who: str
    when: str
    document: str
    changes: tuple[Change, ...] = ()
    records: Mapping[str, Entry | None] = field(default_factory=dict)
    folders: tuple[str, ...] = ()
    modes: Mapping[str, int] = field(default_factory=dict)
    undoes: int | None = None
    context: Mapping[str, Plain] = field(default_factory=dict)

    def encode(self) -> bytes:
        """Return the receipt's one spelling as bytes; its digest is its name."""
        return canonical(
            {
                "number": self.number,
                "previous": self.previous,
                "verb": self.verb,
                "who": self.who,
                "when": self.when,
                "document": self.document,
                "changes": [
                    [c.path, c.gap.value, _pack(c.before), _pack(c.after), _pack(c.wanted), c.reason] for c in self.changes
                ],
                "records": {path: _pack(entry) for path, entry in self.records.items()},
                "folders": list(self.folders),
                "modes": dict(self.modes),
                "undoes": self.undoes,
                "context": dict(self.context),
            }
        )

    @property
    def name(self) -> str:
        """The receipt's file name: its number, and the digest of its bytes."""
        return f"{self.number:08d}-{digest(self.encode())}.json"


def decode(data: bytes) -> Receipt:
    """Return the receipt that `data` spells; `ValueError` when it spells none."""
    try:
        body: dict[str, Any] = json.loads(data)
        return Receipt(
            number=body["number"],
            previous=Digest(body["previous"]),
            verb=body["verb"],
            who=body["who"],
            when=body["when"],
            document=body["document"],
            changes=tuple(Change(p, Gap(g), unpack(b), unpack(a), unpack(w), r) for p, g, b, a, w, r in body["changes"]),
            records={path: unpack(value) for path, value in body["records"].items()},
            folders=tuple(body["folders"]),
            modes=body["modes"],
            undoes=body["undoes"],
            context=body["context"],
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no receipt: {error!r}") from error


def _pack(entry: Entry | None) -> Plain:
    return None if entry is None else [entry.digest, entry.executable]


def unpack(value: Any) -> Entry | None:
    """Return the entry that a receipt or snapshot spells as `[digest, executable]`."""
    return None if value is None else Entry(Digest(value[0]), value[1])


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the receipts add up to: files by document, and folders we made; `head` is the last receipt's name."""

    head: str = ""
    trees: Mapping[str, Mapping[str, Entry]] = field(default_factory=dict)
    folders: frozenset[str] = frozenset()

    def tree(self, document: str) -> Mapping[str, Entry]:
        """Return the files recorded for one document."""
        return self.trees.get(document, {})

    def encode(self) -> bytes:
        """Return the snapshot as bytes."""
        trees = {name: {path: [e.digest, e.executable] for path, e in tree.items()} for name, tree in self.trees.items()}
        return json.dumps({"head": self.head, "trees": trees, "folders": sorted(self.folders)}, separators=(",", ":")).encode()

    def after(self, receipt: Receipt) -> Recorded:
        """Return what stands recorded once a receipt that undoes nothing is added."""
        tree = dict(self.tree(receipt.document))
        for path, entry in receipt.records.items():
            if entry is None:
                tree.pop(path, None)
            else:
                tree[path] = entry
        trees = {**self.trees, receipt.document: tree}
        if not tree:
            del trees[receipt.document]
        return Recorded(receipt.name, trees, self.folders | frozenset(receipt.folders))


def recorded(receipts: tuple[Receipt, ...]) -> Recorded:
    """Add up receipts. One that was taken back does not count, nor does the one that took it back."""
    silent: set[int] = set()
    for receipt in reversed(receipts):
        if receipt.number not in silent and receipt.undoes is not None:
            silent |= {receipt.number, receipt.undoes}
    state = Recorded()
    for receipt in receipts:
        if receipt.number not in silent:
            state = state.after(receipt)
    return Recorded(receipts[-1].name if receipts else "", state.trees, state.folders)


class Journal:
    """The receipts in one folder, one file each, and a snapshot of what they add up to."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.snapshot = folder.with_name("recorded.json")

    def names(self) -> list[str]:
        """Return the receipts' file names, the oldest first."""
        try:
            return sorted(name for name in os.listdir(self._folder) if name.endswith(".json"))
        except FileNotFoundError:
            return []

    def head(self) -> str:
        """Return the newest receipt's file name, or an empty string."""
        return max(self.names(), default="")

    def __iter__(self) -> Iterator[Receipt]:
        for name in self.names():
            yield self.read(name)

    def read(self, name: str) -> Receipt:
        """Return one receipt; `DamagedError` when its bytes are not what its name says."""
        data = (self._folder / name).read_bytes()
        try:
            if f"{name[:8]}-{digest(data)}.json" != name:
                raise ValueError("its bytes do not match its name")
            return decode(data)
        except ValueError as error:
            raise DamagedError(
                f"receipt `{name}` is damaged: {error}",
                hint="put it back from a copy; or move `.bmad-provisioner/` away: the next `bmadp apply` records the files anew",
            ) from error

    def get(self, number: int) -> Receipt | None:
        """Return the receipt with `number`, if there is one."""
        for name in self.names():
            if name.startswith(f"{number:08d}-"):
                return self.read(name)
        return None

    def recorded(self) -> Recorded:
        """Return what the receipts add up to, from the snapshot while it is current."""
        head = self.head()
        try:
            body = json.loads(self.snapshot.read_bytes())
            if body["head"] == head:
                trees = {name: {path: Entry(d, x) for path, (d, x) in tree.items()} for name, tree in body["trees"].items()}
                return Recorded(head, trees, frozenset(body["folders"]))
        except (OSError, ValueError, KeyError, TypeError):
            pass  # a snapshot is only a shortcut
        return recorded(tuple(self))

    def verify(self) -> tuple[Finding, ...]:
        """Check every receipt against its name and the chain; return what is wrong.

        A journal whose newest receipts *and* snapshot were taken away together cannot be told from a shorter one.
        """
        findings = []
        previous, expected = FIRST, 1
        for name in self.names():
            try:
                receipt = self.read(name)
            except DamagedError as error:
                findings.append(Finding(name, "journal-damaged", error.message))
                previous, expected = Digest(name[9:73]), expected + 1
                continue
            if receipt.number != expected:
                findings.append(Finding(name, "journal-gap", f"receipt {expected} is missing before this one"))
            if receipt.previous != previous:
                findings.append(Finding(name, "journal-chain", "it does not name the receipt before it"))
            previous, expected = Digest(name[9:73]), receipt.number + 1
        findings += self._shortened()
        return tuple(findings)

    def _shortened(self) -> list[Finding]:
        try:
            head = json.loads(self.snapshot.read_bytes())["head"]
        except (OSError, ValueError, KeyError, TypeError):
            return []
        if head and head > self.head():
            return [Finding(head, "journal-shortened", "the newest receipt is gone")]
        return []
