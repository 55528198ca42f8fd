"""Power loss: every state a power cut may leave, from the recorded calls of one run.

The run is a list of calls with their bytes. At each point of it the calls so far are either on the disk (a sync promised
them) or pending. Crash states are made of the first and of some of the second:

`ext4`   names change in order (a journal): of the pending ones a prefix is there; any sync brings all earlier ones.
         The bytes of a file are there only after a sync of that file: until then none, some or half of them.
`posix`  nothing is promised but what was synced: each pending change of a name, and each pending write, may or may not be
         there, in any combination; a sync of a folder brings its names, a sync of a file its bytes.

A rename, across folders too, is one step in both, as it is on every journalled file system.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from crash.check import Content, fingerprint

Log = Sequence[tuple[str, ...]]


@dataclass
class Effect:
    """One call, in terms of inodes. `names`: (folder, name, inode or none). `kind`: names, write, size, bits, sync, sync all."""

    kind: str
    names: list[tuple[int, str, int | None]] = field(default_factory=list)
    inode: int = -1
    offset: int = 0
    data: bytes = b""
    made: str = ""
    bits: int = 0


@dataclass
class Disk:
    """Inodes: folders as names, files as bytes."""

    folders: dict[int, dict[str, int]] = field(default_factory=lambda: {0: {}})
    files: dict[int, bytes] = field(default_factory=dict)
    bits: dict[int, int] = field(default_factory=lambda: {0: 0o755})

    def copy(self) -> Disk:
        return Disk({inode: dict(names) for inode, names in self.folders.items()}, dict(self.files), dict(self.bits))

    def apply(self, effect: Effect, *, half: bool = False) -> None:
        if effect.kind == "names":
            if effect.made and effect.inode not in self.bits:
                self.bits[effect.inode] = effect.bits
                self.folders.setdefault(effect.inode, {}) if effect.made == "d" else self.files.setdefault(effect.inode, b"")
            for folder, name, inode in effect.names:
                names = self.folders.setdefault(folder, {})
                names.pop(name, None) if inode is None else names.__setitem__(name, inode)
        elif effect.kind == "write":
            data = effect.data[: (len(effect.data) + 1) // 2] if half else effect.data
            old = self.files.get(effect.inode, b"").ljust(effect.offset, b"\0")
            self.files[effect.inode] = old[: effect.offset] + data + old[effect.offset + len(data) :]
        elif effect.kind == "size":
            old = self.files.get(effect.inode, b"")
            self.files[effect.inode] = old[: effect.offset].ljust(effect.offset, b"\0")
        elif effect.kind == "bits":
            self.bits[effect.inode] = effect.bits

    def content(self) -> Content:
        found: Content = []
        first: dict[int, str] = {}

        def descend(folder: int, prefix: str, above: frozenset[int]) -> None:
            for name, inode in sorted(self.folders.get(folder, {}).items()):
                if inode in self.folders and inode not in above:
                    found.append((prefix + name, "d", self.bits.get(inode, 0o755), b""))
                    descend(inode, f"{prefix}{name}/", above | {inode})
                elif inode in self.files:
                    kind = f"h{first[inode]}" if inode in first else "f"
                    first.setdefault(inode, prefix + name)
                    found.append((prefix + name, kind, self.bits.get(inode, 0o644), self.files[inode]))

        descend(0, "", frozenset({0}))
        return found


def disk_of(content: Content) -> Disk:
    disk, counter = Disk(), itertools.count(1)
    known = {"": 0}
    for path, kind, bits, data in content:
        inode = known[path] = known[kind[1:]] if kind[0] == "h" else next(counter)
        above, _, name = path.rpartition("/")
        disk.folders[known[above]][name] = inode
        disk.bits[inode] = bits
        if kind == "d":
            disk.folders[inode] = {}
        else:
            disk.files[inode] = data
    return disk


class _Reader:
    """Follows a log through the names as they were at each call."""

    def __init__(self, disk: Disk, root: str) -> None:
        self.live, self.root = disk.copy(), root
        self.counter = itertools.count(max(disk.bits) + 1)

    def place(self, path: str) -> tuple[int, str]:
        relative = path[len(self.root) :].strip("/")
        *above, name = relative.split("/")
        folder = 0
        for part in above:
            folder = self.live.folders[folder][part]
        return folder, name

    def inode(self, path: str) -> int | None:
        folder, name = self.place(path)
        return self.live.folders[folder].get(name) if name else 0

    def effect(self, line: tuple[str, ...]) -> Effect:
        kind, one, two, x, _y, *data = line
        number = int(x)
        if kind == "syncfs":
            return Effect("sync all")
        if one.endswith(" (deleted)") or "blobs.db-shm" in one:
            return Effect("nothing")
        if kind in ("create", "mkdir"):
            return self._made(one, "d" if kind == "mkdir" else "f", number)
        if kind in ("unlink", "rmdir"):
            return Effect("names", [(*self.place(one), None)])
        if kind in ("rename", "link"):
            return self._moved(kind, one, two, number)
        inode = self.inode(one)
        if inode is None:
            return Effect("nothing")
        kinds = {"write": "write", "trunc": "size", "chmod": "bits", "fsync": "sync"}
        return Effect(kinds[kind], [], inode, number, bytes.fromhex(data[0]) if data else b"", bits=number)

    def _made(self, path: str, made: str, bits: int) -> Effect:
        inode = next(self.counter)
        return Effect("names", [(*self.place(path), inode)], inode, made=made, bits=bits)

    def _moved(self, kind: str, one: str, two: str, flags: int) -> Effect:
        source, target = self.place(one), self.place(two)
        first, second = self.inode(one), self.inode(two)
        if kind == "link":
            return Effect("names", [(*target, first)])
        if flags == 2:
            return Effect("names", [(*source, second), (*target, first)])
        if first == second:
            return Effect("nothing")
        return Effect("names", [(*source, None), (*target, first)])


def effects(disk: Disk, log: Log, root: str) -> list[Effect]:
    reader = _Reader(disk, root)
    found = []
    for line in log:
        effect = reader.effect(line)
        reader.live.apply(effect)
        found.append(effect)
    return found


def durable(found: Sequence[Effect], end: int, model: str) -> set[int]:
    """Return which of the first `end` calls are surely on the disk."""
    safe: set[int] = set()
    for at in range(end):
        effect = found[at]
        if effect.kind not in ("sync", "sync all"):
            continue
        for before in range(at):
            if before not in safe and _brought(found[before], effect, model):
                safe.add(before)
    return safe


def _brought(one: Effect, sync: Effect, model: str) -> bool:
    if sync.kind == "sync all":
        return True
    if one.kind == "names":
        return model == "ext4" or any(folder == sync.inode for folder, _name, _inode in one.names)
    if one.kind in ("size", "bits"):
        return model == "ext4" or one.inode == sync.inode
    return one.inode == sync.inode


def states(content: Content, log: Log, root: str, *, model: str, seed: int = 0, rounds: int = 6) -> Iterator[tuple[int, Content]]:
    """Yield the distinct states that a power cut may leave, each with the number of calls that had returned."""
    disk = disk_of(content)
    found = effects(disk, log, root)
    chance, seen = random.Random(seed), set()
    for end in range(len(found) + 1):
        safe = durable(found, end, model)
        pending = [at for at in range(end) if at not in safe and found[at].kind in ("names", "write", "size", "bits")]
        for chosen, halves in _choices(found, pending, model, chance, rounds):
            state = disk.copy()
            for at in range(end):
                if at in safe or at in chosen:
                    state.apply(found[at], half=at in halves)
            made = state.content()
            name = (fingerprint(made), end == len(found))
            if name not in seen:
                seen.add(name)
                yield end, made


def _choices(
    found: Sequence[Effect], pending: Sequence[int], model: str, chance: random.Random, rounds: int
) -> Iterator[tuple[set[int], set[int]]]:
    writes = [at for at in pending if found[at].kind == "write"]
    ordered = [at for at in pending if found[at].kind != "write"]
    everything = set(pending)
    if model == "ext4":
        cuts: Iterable[int] = range(len(ordered) + 1) if len(ordered) <= 8 else sorted(chance.sample(range(len(ordered) + 1), 8))
        for cut in cuts:
            yield set(ordered[:cut]), set()
            yield set(ordered[:cut]) | set(writes), set()
            for _round in range(rounds // 3):
                some = {at for at in writes if chance.random() < 0.5}
                yield set(ordered[:cut]) | some, set(chance.sample(sorted(some), min(1, len(some))))
        return
    yield set(), set()
    yield everything, set()
    for at in pending[-40:]:
        yield everything - {at}, set()
        yield {at}, set()
    for _round in range(rounds):
        some = {at for at in pending if chance.random() < 0.5}
        torn = sorted(some & set(writes))
        yield some, set(chance.sample(torn, min(1, len(torn))))
