"""Chaos: many writers at once, and long random lives of one project, with kills and a user who edits in between."""

from __future__ import annotations

import errno
import json
import os
import random
from pathlib import Path

from crash import check, driver
from crash.campaigns import Tally
from crash.preload import Fault, Run, forked

NAMES = ("skills/a/SKILL.md", "skills/a/run.sh", "skills/b/SKILL.md", "skills/b/refs/x.md", "top.md", "c/d/e.md")


def replayed(start: check.Content, content: check.Content) -> dict[str, str]:
    """Add up the receipts' own account of what they did to `start`: what should stand if nobody else wrote."""
    files = {path: name for path, (name, _bits) in check.tree(start).files.items()}
    known = {name for name, _data in check.receipts(start)}
    for name, data in check.receipts(content):
        if name in known:
            continue
        for path, _gap, before, after, _wanted, _reason in json.loads(data)["changes"]:
            if before == after:
                continue
            if files.get(path) != (before[0] if before else None):
                files[path] = f"receipt {name[:8]} found something else"
            elif after is None:
                files.pop(path)
            else:
                files[path] = after[0]
    return files


def _document(chance: random.Random, prefix: str = "") -> driver.Files:
    chosen = chance.sample(NAMES, chance.randint(1, len(NAMES)))
    return {prefix + name: (f"{name} {chance.randint(1, 4)}\n", chance.random() < 0.4) for name in chosen}


def writers(seed: int, root: Path, tally: Tally) -> None:
    """Six processes apply six documents at once, twice; some are killed, some fail; then one recovery."""
    chance = random.Random(seed)
    check.lay([], root)
    start = check.load(root)
    for _round in range(2):
        children = []
        for number in range(6):
            files = _document(chance, f"{'shared' if number < 2 else number}/")
            doomed = chance.random() < 0.5
            mode = chance.choice(("before", "after", "torn", "fail", "sticky"))
            fault = Fault(chance.randint(1, 130), mode, errno.EIO) if doomed else Fault()
            child = os.fork()
            if child == 0:
                name = "shared" if number < 2 else f"writer{number}"
                run = forked(lambda files=files, name=name: driver.apply(root, files, name=name), root, fault)
                os._exit(2 if run.killed else 1 if run.code else 0)
            children.append(child)
        for child in children:
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            tally.notes[("writers through", "writers failed", "writers killed")[code]] += 1
    run = forked(lambda: driver.recover(root), root)
    now = check.load(root)
    faults = [f"I6: recovery fails: {run.said}"] if run.code else []
    faults += [f"I7: {fault}" for fault in check.chain_faults(check.receipts(now))]
    actual = {path: name for path, (name, _bits) in check.tree(now).files.items()}
    if replayed(start, now) != actual:
        faults.append("I2, I7: the tree is not what the receipts add up to")
    faults += [f"I6: left over: {path}" for path in check.leftovers(now)]
    tally.count(f"writers, seed {seed}", faults)


class Life:
    """A project, and what its user ever wrote in it."""

    def __init__(self, seed: int, root: Path) -> None:
        self.chance, self.root, self.seed = random.Random(seed), root, seed
        self.written: set[str] = set()
        self.steps: list[str] = []

    def edit(self) -> None:
        """The user writes, removes or marks a file."""
        path = self.root / self.chance.choice((*NAMES, "mine.md"))
        kind = self.chance.choice(("write", "write", "write", "remove", "mode"))
        self.steps.append(f"{kind} {path.name}")
        if path.is_file():
            # What the user themself replaces or removes is theirs to lose.
            self.written.discard(check.sha(path.read_bytes()))
        if kind == "write" and all(not parent.is_file() for parent in path.parents):
            path.parent.mkdir(parents=True, exist_ok=True)
            data = f"the user's {self.chance.random()}\n".encode()
            path.write_bytes(data)
            self.written.add(check.sha(data))
        elif kind == "remove":
            path.unlink(missing_ok=True)
        elif path.is_file():
            path.chmod(self.chance.choice((0o600, 0o644, 0o755)))
            self.written.add(check.sha(path.read_bytes()))

    def verb(self, fault: Fault) -> Run:
        """One verb; conflicts are decided one way or the other, as a user would."""
        kind = self.chance.choice(("apply", "apply", "heal", "restore"))
        self.steps.append(f"{kind} {fault}")
        files = _document(self.chance)
        choice = self.chance.choice(("ours", "theirs"))
        root = self.root

        def go() -> int:
            from bmad_provisioner.errors import ConflictError, UsageError  # noqa: PLC0415

            do = (
                (lambda c: driver.restore(root, choices=c))
                if kind == "restore"
                else (lambda c: driver.apply(root, files, verb=kind, choices=c))
            )
            try:
                return do({})
            except ConflictError as error:
                paths = [part for part in str(error).split("`")[1::2]]
                return do(dict.fromkeys(paths, choice))
            except UsageError:
                return 0

        return forked(go, root, fault)


def life(seed: int, root: Path, tally: Tally, *, steps: int = 25) -> None:
    """Verbs at random, half of them broken, edits between; after each: nothing of the user lost, the journal whole."""
    check.lay([], root)
    one = Life(seed, root)
    portable = seed % 3 == 0
    for _step in range(steps):
        for _edit in range(one.chance.randint(0, 2)):
            one.edit()
        broken = one.chance.random() < 0.5
        mode = one.chance.choice(("before", "after", "torn", "fail", "sticky"))
        number = one.chance.choice((errno.ENOSPC, errno.EIO, errno.EACCES))
        fault = Fault(one.chance.randint(1, 120), mode, number, portable) if broken else Fault(portable=portable)
        run = one.verb(fault)
        tally.notes["killed" if run.killed else "failed" if run.code else "through"] += 1
        if one.chance.random() < 0.5:
            one.edit()
        forked(lambda: driver.recover(root), root, Fault(one.chance.randint(1, 40), "after", portable=portable))
        if one.chance.random() < 0.3:
            one.edit()
        again = forked(lambda: driver.recover(root), root, Fault(portable=portable))
        now = check.load(root)
        faults = [f"I6: recovery fails: {again.said}"] if again.code else []
        faults += [f"I3: the user's {name[:12]} is nowhere" for name in check.lost(now, one.written, anywhere=False)]
        faults += [f"I7: {fault}" for fault in check.chain_faults(check.receipts(now))]
        faults += [f"I6: left over: {path}" for path in check.leftovers(now)]
        if run.code == 3 and not broken:
            faults.append(f"a bug of ours: {run.said}")
        tally.count(f"life {seed}: {'; '.join(one.steps[-6:])}", faults)
        if faults:
            return
