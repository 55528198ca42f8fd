"""Settle: turn conflicts into merges where both sides can be kept, and obey the choices made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from bmad_provisioner.digest import Digest, Entry
from bmad_provisioner.tree.merge import merge, strategy
from bmad_provisioner.tree.model import Change, Gap, Tree


@dataclass(frozen=True, slots=True)
class Sides:
    """Where the bytes come from: `read` those on disk, `get` those that were kept, `keep` new ones.

    `written` is what we last wrote at a path: with what others had added by then, so it may say more than the record.
    """

    read: Callable[[str], bytes]
    get: Callable[[Digest], bytes]
    keep: Callable[..., Entry]
    written: Callable[[str], Entry | None] = lambda path: None


def settle(changes: Iterable[Change], recorded: Tree, sides: Sides, choices: Mapping[str, str]) -> tuple[Change, ...]:
    """Return the changes with what can be merged merged, and what was chosen (`ours` or `theirs`) decided.

    Files with rows or keys (CSV, TOML) are shared: what is ours in them is put back, and what is not ours is
    kept, whoever made the file. Other files are ours: an edit made here survives a change that does not touch it.
    An edit also follows its file into another folder, as when a BMAD update has a tool read its skills elsewhere.
    """
    changes = tuple(changes)
    moved = _moved(changes, recorded, sides, choices)
    settled = []
    for change in changes:
        choice = choices.get(change.path)
        result = moved.get(change.path) or (
            _chosen(change, choice) if choice else _merged(change, recorded.get(change.path), sides)
        )
        if result is not None:
            settled.append(result)
    return tuple(settled)


def _moved(changes: Sequence[Change], recorded: Tree, sides: Sides, choices: Mapping[str, str]) -> dict[str, Change]:
    """Carry what was edited in a file that is no longer declared into its new place, where the merge leaves no doubt."""
    moved: dict[str, Change] = {}
    for old, new in _moves(changes, recorded, choices):
        merged = merge(old.path, _bytes(recorded[old.path], sides), sides.read(old.path), _bytes(new.wanted, sides))
        if merged is not None and not merged.conflicts and new.wanted is not None:
            after = sides.keep(merged.data, new.wanted.executable)
            moved[new.path] = replace(new, after=after, reason=f"moved here from `{old.path}`, with what was edited there")
            moved[old.path] = replace(old, gap=Gap.ORPHANED, after=None, reason=f"moved to `{new.path}`, with what was edited here")
    return moved


def _moves(changes: Sequence[Change], recorded: Tree, choices: Mapping[str, str]) -> Iterator[tuple[Change, Change]]:
    """Pair edited files that nothing asks for any more with new ones whose paths differ in the topmost folder only."""
    old: dict[str, list[Change]] = {}
    new: dict[str, list[Change]] = {}
    for change in changes:
        below = change.path.partition("/")[2]
        if not below or change.path in choices:
            continue
        if change.wanted is None and change.before is not None and change.before.is_plain and change.gap is Gap.CONFLICT:
            old.setdefault(below, []).append(change)
        elif change.gap is Gap.MISSING and change.path not in recorded:
            new.setdefault(below, []).append(change)
    for below, ones in old.items():
        if len(ones) == len(new.get(below, ())) == 1:
            yield ones[0], new[below][0]


def _chosen(change: Change, choice: str) -> Change | None:
    if change.gap not in (Gap.CONFLICT, Gap.DRIFTED) or (change.before is not None and not change.before.is_plain):
        return change
    if choice == "ours":
        if change.wanted is None:
            return None
        return replace(change, gap=Gap.DRIFTED, after=change.before, reason="edited here; the edit was chosen")
    gap = Gap.ORPHANED if change.wanted is None else Gap.OUTDATED
    return replace(change, gap=gap, after=change.wanted, reason="the manifest's side was chosen")


def _merged(change: Change, base: Entry | None, sides: Sides) -> Change | None:
    mine, theirs = change.before, change.wanted
    if change.gap is Gap.MISSING and base is not None:
        return _put_back(change, base, sides)
    if mine is None or not mine.is_plain or change.gap is Gap.OUTDATED or (change.gap is Gap.ORPHANED and mine == base):
        return change
    shared = strategy(change.path) != "lines"
    if not shared and (change.gap is not Gap.CONFLICT or base is None or theirs is None):
        return change
    merged = merge(change.path, _bytes(base, sides), sides.read(change.path), _bytes(theirs, sides))
    if merged is None or merged.conflicts:
        return replace(change, gap=Gap.CONFLICT, after=mine) if change.gap is not Gap.DRIFTED else change
    if theirs is None and not merged.data:
        return replace(change, gap=Gap.ORPHANED, after=None)
    executable = (
        theirs.executable if theirs is not None and (base is None or theirs.executable != base.executable) else mine.executable
    )
    after = sides.keep(merged.data, executable)
    if after == mine:
        return None if shared else replace(change, gap=Gap.DRIFTED, after=mine, reason="edited here; the edit already has it")
    return replace(
        change,
        gap=Gap.OUTDATED,
        after=after,
        reason="what is ours goes in; the rest stays" if shared else "merged with what was edited here",
    )


def _put_back(change: Change, base: Entry, sides: Sides) -> Change:
    """Put a lost file back as it was when we last wrote it, with what others had in it by then."""
    last = sides.written(change.path)
    if last is None or last == base or not last.is_plain:
        return change
    merged = merge(change.path, _bytes(base, sides), _bytes(last, sides), _bytes(change.wanted, sides))
    if merged is None or merged.conflicts:
        return change
    return replace(change, after=sides.keep(merged.data, last.executable), reason=f"{change.reason}; with what others had in it")


def _bytes(entry: Entry | None, sides: Sides) -> bytes | None:
    return sides.get(entry.digest) if entry is not None and entry.is_plain else None
