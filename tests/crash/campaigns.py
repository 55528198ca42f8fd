"""Campaigns: break every call of every verb in every way, recover, judge."""

from __future__ import annotations

import errno
import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from crash import check, driver
from crash.driver import Scenario
from crash.preload import Fault, Run, forked

Item = TypeVar("Item")
ERRORS = (errno.ENOSPC, errno.EIO, errno.EACCES)
TOLD = "while a failed commit was taken back"
"""What the product says when the disk, broken for good, kept it from taking back what it had begun: the one way out of I5."""


@dataclass
class Tally:
    """How often a campaign tried something, and what went wrong."""

    tried: int = 0
    violations: int = 0
    examples: list[str] = field(default_factory=list)
    notes: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    def count(self, label: str, faults: Sequence[str]) -> None:
        self.tried += 1
        if faults:
            self.violations += 1
            if len(self.examples) < 12:
                self.examples.append(f"{label}: {'; '.join(faults[:4])}")

    def add(self, other: dict[str, Any]) -> None:
        self.tried += other["tried"]
        self.violations += other["violations"]
        self.examples = (self.examples + other["examples"])[:12]
        self.notes.update(other["notes"])

    def plain(self) -> dict[str, Any]:
        rate = round(self.tried / self.seconds, 1) if self.seconds else 0
        return {
            "tried": self.tried,
            "violations": self.violations,
            "notes": dict(sorted(self.notes.items())),
            "seconds": round(self.seconds, 1),
            "per_second": rate,
            "examples": self.examples,
        }


def spread(items: Sequence[Item], function: Callable[[Item, Path, Tally], None], folder: Path, jobs: int) -> Tally:
    """Run `function` on every item in `jobs` processes; each has a folder of its own with a neighbour to guard (I8)."""
    start, total, readers = time.monotonic(), Tally(), []
    for number in range(jobs):
        reader, writer = os.pipe()
        if os.fork() == 0:
            os.close(reader)
            _worker(items[number::jobs], function, folder, writer)
        os.close(writer)
        readers.append(reader)
    for reader in readers:
        with os.fdopen(reader, "rb") as pipe:
            data = pipe.read()
        total.add(json.loads(data) if data else {"tried": 0, "violations": 1, "examples": ["a worker died"], "notes": {}})
    for _ in readers:
        os.wait()
    total.seconds = time.monotonic() - start
    return total


def _worker(items: Sequence[Item], function: Callable[[Item, Path, Tally], None], folder: Path, writer: int) -> None:
    tally = Tally()
    parent = folder / f"work-{os.getpid()}"
    try:
        (parent / "neighbour").mkdir(parents=True)
        (parent / "neighbour" / "file.txt").write_text("not yours\n")
        for item in items:
            before = check.outside(parent, parent / "project")
            function(item, parent / "project", tally)
            if check.outside(parent, parent / "project") != before:
                tally.violations += 1
                tally.examples.append(f"I8: something beside the project changed: {item!r:.200}")
    except BaseException as error:  # noqa: BLE001 - told to the parent
        tally.violations += 1
        tally.examples.append(f"the harness failed: {type(error).__name__}: {error}")
    with os.fdopen(writer, "wb") as pipe:
        pipe.write(json.dumps(tally.plain()).encode())
    os._exit(0)


def points(one: Scenario, folder: Path, modes: Iterable[str], *, portable: bool) -> list[tuple[Scenario, Fault]]:
    """Return a fault for every call that the verb makes, in every mode that makes sense for that call."""
    root = folder / "count"
    check.lay(one.case.before, root)
    run = forked(lambda: one.verb(root), root, Fault(portable=portable))
    found = []
    for mode in modes:
        for at in range(1, run.calls + 1):
            if mode in ("fail", "sticky"):
                found += [(one, Fault(at, mode, number, portable)) for number in ERRORS]
            else:
                found.append((one, Fault(at, mode, portable=portable)))
    return found


def judged_run(one: Scenario, run: Run, root: Path, tally: Tally) -> tuple[list[str], str]:
    """Judge the moment after a run; return what is wrong and which side recovery must come to."""
    now = check.load(root)
    if run.killed:
        return check.crashed(now, one.case).faults, ""
    if not run.met:
        tally.notes["call not reached"] += 1
    if run.code == 0:
        return check.settled(now, one.case, must="new").faults, "new"
    tally.notes["failed runs"] += 1
    if run.code == 3:
        tally.notes["failed runs that are not told as the disk's fault"] += 1
    if TOLD in run.said:
        tally.notes["failed runs that said they could not take back"] += 1
        return check.crashed(now, one.case).faults, ""
    return check.settled(now, one.case, must="old").faults, "old"


def recovered(one: Scenario, root: Path, *, portable: bool, must: str = "", edited: Iterable[str] = ()) -> list[str]:
    """Recover, judge, and recover again, which must change nothing."""
    run = forked(lambda: driver.recover(root), root, Fault(portable=portable))
    faults = [f"I6: recovery fails: {run.said}"] if run.code else []
    now = check.load(root)
    faults += check.settled(now, one.case, must=must, edited=edited).faults
    faults += [f"I6: left over: {path}" for path in check.leftovers(now)]
    forked(lambda: driver.recover(root), root)
    again = check.load(root)
    if check.tree(again) != check.tree(now) or check.receipts(again) != check.receipts(now):
        faults.append("I6: a second recovery changed something")
    return faults


def break_once(item: tuple[Scenario, Fault], root: Path, tally: Tally) -> None:
    """One fault in one verb, then recovery."""
    one, fault = item
    check.lay(one.case.before, root)
    run = forked(lambda: one.verb(root), root, fault)
    faults, must = judged_run(one, run, root, tally)
    faults = faults + recovered(one, root, portable=fault.portable, must=must)
    if fault.at % 7 == 0 and not faults:
        faults = _usable(one, root, tally)
    tally.count(f"{one.name}, {fault} ({run.code} {run.said})", faults)


def _usable(one: Scenario, root: Path, tally: Tally) -> list[str]:
    """The verb must still work after all that; and the product must find its own state in order."""
    tally.notes["verb repeated afterwards"] += 1
    found = forked(lambda: driver.verified(root), root)
    faults = [f"I7: the product finds {found.code} faults in its state {found.said}"] if found.code > one.alarms else []
    if check.tree(check.load(root)).differs(one.case.after):
        again = forked(lambda: one.verb(root), root)
        faults += [f"the verb fails afterwards: {again.said}"] if again.code else []
        faults += check.settled(check.load(root), one.case, must="new").faults
    return faults


def killed_states(one: Scenario, folder: Path, *, portable: bool, step: int = 1) -> list[tuple[Scenario, bool, check.Content]]:
    """Return the distinct states that a kill of the verb leaves, at every call or every few."""
    found: dict[str, check.Content] = {}
    root = folder / "killed"
    for _one, fault in points(one, folder, ("after",), portable=portable)[::step]:
        check.lay(one.case.before, root)
        if forked(lambda: one.verb(root), root, fault).killed:
            content = _stable(check.load(root))
            found.setdefault(check.fingerprint(content), content)
    return [(one, portable, content) for content in found.values()]


def _stable(content: check.Content) -> check.Content:
    """Leave out what only times and process ids differ in, and does not matter for recovery."""
    names = (".bmad-provisioner/lock", ".bmad-provisioner/blobs.db-shm", ".bmad-provisioner/index.json")
    return [row for row in content if not row[0].startswith(names)]


def kill_recovery(item: tuple[Scenario, bool, check.Content], root: Path, tally: Tally, *, step: int = 1) -> None:
    """From one killed state: kill recovery at each of its calls, or fail the call, then recover for good."""
    one, portable, content = item
    check.lay(content, root)
    calls = forked(lambda: driver.recover(root), root, Fault(portable=portable)).calls
    for at in range(1, calls + 1, step):
        for mode, number in (("before", 0), ("after", 0), ("torn", 0), ("fail", errno.EIO), ("sticky", errno.ENOSPC)):
            check.lay(content, root)
            fault = Fault(at, mode, number, portable)
            run = forked(lambda: driver.recover(root), root, fault)
            tally.notes["recoveries killed" if run.killed else "recoveries failed" if run.code else "recoveries not disturbed"] += 1
            tally.count(f"{one.name}, recovery {fault} ({run.said})", recovered(one, root, portable=portable))


SAVED = b"the user saves this just now\n"
SPOTS = ("skills/a/SKILL.md", "merged.md", "skills/a/added.md", "skills/b/SKILL.md", "kept.md")


def saves(one: Scenario, folder: Path, *, portable: bool) -> list[tuple[Scenario, Fault]]:
    """The user saves or removes a file just before each call."""
    calls = points(one, folder, ("save",), portable=portable)
    root = "/project/"
    return [
        (one, Fault(fault.at, "save", portable=portable, save=(root + path, SAVED, style)))
        for _one, fault in calls
        for path in SPOTS
        for style in ("in place", "by rename", "removed")
    ]


def save_during(item: tuple[Scenario, Fault], root: Path, tally: Tally) -> None:
    """The user's save must stand, or be kept; everything else is all old or all new."""
    one, fault = item
    assert fault.save is not None
    path, data, style = fault.save[0].removeprefix("/project/"), fault.save[1], fault.save[2]
    check.lay(one.case.before, root)
    run = forked(
        lambda: one.verb(root), root, Fault(fault.at, "save", portable=fault.portable, save=(f"{root}/{path}", data, style))
    )
    now = check.load(root)
    faults = check.settled(now, one.case, must="new" if run.code == 0 else "old", edited=(path,)).faults
    tally.notes["runs that went through" if run.code == 0 else "runs refused as stale"] += 1
    if run.code == 3:
        faults.append(f"no proper error: {run.said}")
    if run.met and style != "removed" and check.lost(now, [check.sha(data)], anywhere=False):
        faults.append("I3: what the user saved is nowhere")
    tally.count(f"{one.name}, {fault} ({run.code} {run.said})", faults)


def save_between(item: tuple[Scenario, bool, check.Content], root: Path, tally: Tally) -> None:
    """The user saves or removes a file after a crash and before recovery."""
    one, portable, content = item
    for path in SPOTS:
        for style in ("in place", "removed"):
            check.lay(content, root)
            place = root / path
            if style == "removed":
                place.unlink(missing_ok=True)
            else:
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(SAVED)
            faults = recovered(one, root, portable=portable, edited=(path,))
            now = check.load(root)
            if style != "removed" and check.lost(now, [check.sha(SAVED)], anywhere=False):
                faults.append("I3: what the user saved is nowhere")
            tally.count(f"{one.name}, user {style} {path} before recovery", faults)


def lose_backups(item: tuple[Scenario, bool, check.Content], root: Path, tally: Tally) -> None:
    """Somebody removes blobs.db between a kill and recovery: bytes that still stood anywhere must not go with it."""
    one, portable, content = item
    if any(path.endswith(".done") for path, *_ in content):
        return  # finished: the backup is in blobs.db alone, and whoever removes that removes the backups
    rest = [row for row in content if not row[0].startswith(f"{check.STATE}/blobs.db")]
    check.lay(rest, root)
    gone = set(check.lost(rest, one.case.precious(), anywhere=True))
    faults = [fault for fault in recovered(one, root, portable=portable) if not any(name[:12] in fault for name in gone)]
    tally.count(f"{one.name}, blobs.db removed before recovery", faults)


@dataclass(frozen=True)
class Cut:
    """One state after a power cut; `finished` when the verb had returned 0 before it; `must`: the side it has to come to."""

    one: Scenario
    content: check.Content
    portable: bool
    end: int
    must: str
    label: str


def cuts(
    one: Scenario,
    folder: Path,
    *,
    model: str,
    fault: Fault,
    start: check.Content | None = None,
    limit: int = 0,
    seed: int = 0,
    mutant: Callable[[], None] | None = None,
) -> list[Cut]:
    """Record one run (of the verb; of recovery when `start` is a killed state) and build what power cuts leave of it."""
    from crash import powerloss  # noqa: PLC0415

    root = folder / "recorded"
    begin = one.case.before if start is None else start
    check.lay(begin, root)

    def go() -> int:
        if mutant:
            mutant()
        return one.verb(root) if start is None else driver.recover(root)

    run = forked(go, root, fault, log=True)
    ended = {0: "new"}.get(run.code, "old")
    if start is not None or TOLD in run.said:
        ended = ""
    made = [
        Cut(one, content, fault.portable, end, ended if end == len(run.log) else "", f"{model}, {fault}")
        for end, content in powerloss.states(begin, run.log, str(root), model=model, seed=seed)
    ]
    if limit and len(made) > limit:
        import random  # noqa: PLC0415

        made = random.Random(seed).sample(made, limit)
    return made


def power_cut(item: Cut, root: Path, tally: Tally) -> None:
    """Come up after a power cut, recover, judge."""
    check.lay(item.content, root)
    faults = recovered(item.one, root, portable=item.portable, must=item.must)
    tally.count(f"{item.one.name}, power cut after call {item.end} ({item.label})", faults)
