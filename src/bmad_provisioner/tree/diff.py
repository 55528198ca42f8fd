"""Diff: what separates the files there are from the files there should be."""

from __future__ import annotations

from bmad_provisioner.digest import Entry
from bmad_provisioner.tree.model import Change, Gap, Tree

_REASONS = {
    (Gap.MISSING, False): "new",
    (Gap.MISSING, True): "made before, and gone",
    (Gap.OUTDATED, True): "the document asks for something else",
    (Gap.DRIFTED, True): "edited here; the edit is kept",
    (Gap.CONFLICT, False): "something else stands there",
    (Gap.CONFLICT, True): "edited here, and the document asks for something else",
    (Gap.ORPHANED, True): "no longer declared",
}


def diff(actual: Tree, desired: Tree, recorded: Tree) -> tuple[Change, ...]:
    """Return a change for every path that is not as it should be, by path.

    `actual` is the disk, `desired` the document, `recorded` what we last made: three states, so that the one
    who moved a file is known.
    """
    changes = []
    for path in sorted({*desired, *recorded}):
        mine, theirs, base = actual.get(path), desired.get(path), recorded.get(path)
        found = _gap(mine, theirs, base)
        if found is not None:
            after = mine if found in (Gap.DRIFTED, Gap.CONFLICT) else theirs
            reason = _reason(found, theirs, base) if mine is None or mine.is_plain else _obstacle(mine)
            changes.append(Change(path, found, mine, after, theirs, reason))
    return tuple(changes)


def _obstacle(mine: Entry) -> str:
    """Say what stands there that is no plain file: it is never followed, and never replaced."""
    what, _, where = mine.digest.partition(":")
    words = {"symlink": "a symbolic link", "behind-symlink": f"the symbolic link `{where}`", "directory": "a folder"}
    return f"{words.get(what, 'no plain file')} stands {'in the way' if what == 'behind-symlink' else 'there'}; remove it"


def _gap(mine: Entry | None, theirs: Entry | None, base: Entry | None) -> Gap | None:
    if mine == theirs:
        return None
    if theirs is None:
        return Gap.ORPHANED if mine == base else Gap.CONFLICT
    if mine is None:
        return Gap.MISSING
    if not mine.is_plain:
        return Gap.CONFLICT
    if mine == base:
        return Gap.OUTDATED
    return Gap.DRIFTED if theirs == base else Gap.CONFLICT


def _reason(found: Gap, theirs: Entry | None, base: Entry | None) -> str:
    if found is Gap.CONFLICT and theirs is None:
        return "edited here, and no longer declared"
    return _REASONS[found, base is not None]
