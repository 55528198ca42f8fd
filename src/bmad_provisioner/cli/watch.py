"""Watch: a verb run again whenever a file that its manifest looks at changes, until somebody ends it."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bmad_provisioner import api, document
from bmad_provisioner.cli.code import counts
from bmad_provisioner.cli.options import Manifest, read_manifest, shown
from bmad_provisioner.cli.tell import CLEAN, counted, say, tell
from bmad_provisioner.cli.work import root_of
from bmad_provisioner.errors import BmadpError, UsageError
from bmad_provisioner.plan import Plan
from bmad_provisioner.session import Session
from bmad_provisioner.tree.journal import Receipt
from bmad_provisioner.tree.observe import Index, observe
from bmad_provisioner.tree.search import paths

PERIOD = 0.4
"""Seconds from one look to the next; where a look takes long, ten times as long as it takes."""
_QUIET = 0.1
"""Seconds for which nothing may change before a run: a checkout changes many files, one after the other."""
_MOST = 20
"""Looks for which that is waited for."""
_NAMED = 3

Stamps = Mapping[str, tuple[int, int, int]]
"""By path: inode, size, and time of change in nanoseconds, which nobody can set."""
Ran = tuple[Sequence[Plan], Sequence[Receipt]]
Once = Callable[[], Ran]


@dataclass(frozen=True, slots=True)
class Sphere:
    """What is looked at: the manifest, patterns in the project, patterns beside the manifest, and the files once made."""

    manifest: Path
    root: str
    patterns: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    made: tuple[str, ...] = ()

    def stamps(self) -> Stamps:
        """Return how every file is known now."""
        found: dict[str, tuple[int, int, int]] = {}
        for path in self._paths():
            try:
                info = os.lstat(path)
            except OSError:
                continue
            found[path] = (info.st_ino, info.st_size, info.st_ctime_ns)
        return found

    def _paths(self) -> Iterator[str]:
        yield str(self.manifest)
        yield from (f"{self.root}/{path}" for path in paths(self.root, self.patterns))
        yield from (f"{self.root}/{path}" for path in self.made)
        here = str(self.manifest.parent)
        yield from (f"{here}/{path}" for path in paths(here, self.beside))


def sphere(manifest: Manifest, folder: Path | None) -> Sphere:
    """Return what the documents of a manifest look at; raises DocumentError where they are wrong."""
    documents = document.parse(manifest.data, shown(manifest.path)).documents
    place = root_of(documents, manifest, folder)
    scopes = [api.kind_of(one).scope(one) for one in documents]
    patterns = [glob for scope in scopes for glob in scope.globs]
    plain = [path for scope in scopes for part in (scope.files, scope.folders) for path in part]
    beside = [path for scope in scopes for path in scope.beside]
    with Session(place, emit=lambda _event: None, begin=False) as session:
        trees = session.journal.recorded().trees
    made = [path for one in documents for path in trees.get(one.identity, ())]
    return Sphere(manifest.path, str(place.root), (*patterns, *_whole(plain)), _whole(beside), tuple(made))


def _whole(places: Sequence[str]) -> tuple[str, ...]:
    """Return patterns for files, and for all that is in folders: which of both a place is may change."""
    return tuple(pattern for place in places for pattern in (place, f"{place}/**"))


@dataclass(slots=True)
class _Log:
    """What came of all runs."""

    since: float = field(default_factory=time.monotonic)
    runs: int = 0
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, plans: Sequence[Plan], receipts: Sequence[Receipt]) -> None:
        self.runs += 1
        for receipt in receipts:
            self.counts["written"] += sum(change.writes for change in receipt.changes)
            made = next((one for one in plans if one.document == receipt.document), None)
            for word, count in counts(made).items() if made is not None else ():
                self.counts[word] += count

    def __str__(self) -> str:
        told = ", ".join(f"{count:,} {word}" for word, count in self.counts.items())
        return f"watched for {time.monotonic() - self.since:.0f} s: {counted(self.runs, 'run')}{f': {told}' if told else ''}"


def watch(once: Once, manifest: Path | None, folder: Path | None) -> int:
    """Run a verb, and again after each change; an interrupt ends it: with 0 while it waits, with 130 in the midst of a run."""
    log, busy = _Log(), True
    watched = sphere(read_manifest(manifest, folder), folder)
    try:
        while True:
            before = watched.stamps()
            receipts = _run(once, log)
            watched = _again(watched, manifest, folder)
            after = watched.stamps()
            if set(_moved(before, after)) - _own(watched.root, receipts):
                continue  # somebody was at work meanwhile
            busy = False
            say(f"watching {counted(len(after), 'file')}; Ctrl-C ends it")
            moved = _wait(watched, after)
            busy = True
            say()
            say(f"{time.strftime('%H:%M:%S')}  {_named(moved, watched.root)}")
    except KeyboardInterrupt:
        say()
        say(str(log))
        if busy:
            raise
        return CLEAN


def _run(once: Once, log: _Log) -> Sequence[Receipt]:
    """Run the verb; what a user can mend is told, and waited for."""
    try:
        plans, receipts = once()
    except BmadpError as error:
        tell(error)
        plans, receipts = (), ()
    log.add(plans, receipts)
    return receipts


def _again(known: Sphere, manifest: Path | None, folder: Path | None) -> Sphere:
    """Return what is looked at now; as long as the manifest is wrong, what was looked at before."""
    try:
        return sphere(read_manifest(manifest, folder), folder)
    except BmadpError:
        return known


def _own(root: str, receipts: Sequence[Receipt]) -> set[str]:
    """Return the files that hold what we wrote: nobody else changed them since."""
    written = {change.path: change.after for receipt in receipts for change in receipt.changes if change.writes}
    now = observe(root, written, Index(None))
    return {f"{root}/{path}" for path, after in written.items() if now.get(path) == after}


def _moved(before: Stamps, after: Stamps) -> list[str]:
    return sorted(path for path in {**before, **after} if before.get(path) != after.get(path))


def _wait(watched: Sphere, known: Stamps) -> list[str]:
    """Wait until files change and then rest, and return their paths."""
    while True:
        start = time.monotonic()
        now = watched.stamps()
        took = time.monotonic() - start
        if now != known:
            break
        time.sleep(max(PERIOD, 10 * took))
    for _ in range(_MOST):
        time.sleep(_QUIET)
        last, now = now, watched.stamps()
        if last == now:
            break
    return _moved(known, now)


def _named(moved: Sequence[str], root: str) -> str:
    names = [path.removeprefix(f"{root}/") for path in moved]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"changed: {', '.join(names[:_NAMED])}{more}"


def alone(**others: object) -> None:
    """Raise UsageError where an option was given that makes no sense for what is run again and again."""
    given = next((name for name, value in others.items() if value), None)
    if given:
        raise UsageError(f"`--watch` and `--{given.replace('_', '-')}` do not go together", hint="leave one of them out")
