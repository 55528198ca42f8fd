"""Every combination of what is recorded, what stands there and what is asked for."""

from __future__ import annotations

from itertools import product

import pytest

from bmad_provisioner.digest import Digest, Entry, digest
from bmad_provisioner.tree.diff import diff
from bmad_provisioner.tree.model import Gap

A, B, C = (Entry(digest(text)) for text in (b"a", b"b", b"c"))
LINK = Entry(Digest("symlink:/etc/passwd"))
NAMES = {None: "-", A: "a", B: "b", C: "c", LINK: "link"}

# recorded, actual, desired -> the gap ("." none)
TABLE = {
    "---": ".", "--a": "missing", "-a-": ".", "-aa": ".", "-ab": "conflict",
    "a--": ".", "a-a": "missing", "a-b": "missing",
    "aa-": "orphaned", "aaa": ".", "aab": "outdated",
    "ab-": "conflict", "aba": "drifted", "abb": ".", "abc": "conflict",
}  # fmt: skip


def pattern(recorded, actual, desired):
    """Spell three entries by their equality alone: `aab` is two equal and one other."""
    letters: dict[Entry, str] = {}
    return "".join("-" if e is None else letters.setdefault(e, "abc"[len(letters)]) for e in (recorded, actual, desired))


@pytest.mark.parametrize(("recorded", "actual", "desired"), list(product((None, A, B, C), repeat=3)), ids=lambda e: NAMES[e])
def test_each_combination_has_its_gap(recorded, actual, desired):
    trees = [{} if entry is None else {"f": entry} for entry in (actual, desired, recorded)]
    changes = diff(*trees)
    expected = TABLE[pattern(recorded, actual, desired)]

    assert [change.gap.value for change in changes] == ([] if expected == "." else [expected])
    for change in changes:
        assert (change.before, change.wanted) == (actual, desired)
        assert change.after == (actual if change.gap in (Gap.DRIFTED, Gap.CONFLICT) else desired)


@pytest.mark.parametrize(("recorded", "desired"), list(product((None, A, B), (A, B))), ids=lambda e: NAMES[e])
def test_what_is_no_plain_file_is_never_planned_over(recorded, desired):
    (change,) = diff({"f": LINK}, {"f": desired}, {} if recorded is None else {"f": recorded})
    assert change.gap is Gap.CONFLICT and not change.writes


def test_the_table_knows_every_pattern():
    assert {pattern(*entries) for entries in product((None, A, B, C), repeat=3)} == set(TABLE)
