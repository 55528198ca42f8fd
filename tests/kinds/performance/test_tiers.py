"""Tiers: files that nobody uses are told, and by what that is known."""

from __future__ import annotations

import pytest

from bmad_provisioner.kinds.performance.tiers import DAY, Kept, tiers

_NOW = 1000 * DAY


def _kept(path: str, size: int, changed: float, read: float) -> Kept:
    """Return a file that was changed and read so many days ago."""
    return Kept(path, size, _NOW - changed * DAY, _NOW - read * DAY)


@pytest.mark.parametrize(
    ("changed", "read", "tier"),
    [
        (500, 0, "hot"),
        (500, 29.9, "hot"),
        (500, 30, "cool"),
        (500, 100, "cold"),
        (500, 365, "archive"),
        (2, 2, "hot"),
        (-1, -1, "hot"),
    ],
)
def test_a_file_belongs_where_its_last_use_puts_it(changed: float, read: float, tier: str) -> None:
    said = tiers([_kept("a", 10, changed, read), _kept("other", 1, 50, 1)], _NOW)
    assert next(one.name for one in said.tiers if any(file.path == "a" for file in one.largest)) == tier


def test_a_disk_that_records_no_reads_is_gone_by_changes_and_said_so() -> None:
    said = tiers([_kept("a", 10, 400, 400), _kept("b", 30, 5, 5)], _NOW)
    assert not said.reads_known
    assert [(one.name, one.files, one.size, one.share) for one in said.tiers if one.files] == [
        ("hot", 1, 30, 0.75),
        ("archive", 1, 10, 0.25),
    ]


def test_the_largest_come_first() -> None:
    archive = tiers([_kept(f"{size}", size, 800, 700) for size in range(1, 9)], _NOW).tiers[-1]
    assert [file.size for file in archive.largest] == [8, 7, 6, 5, 4]


def test_no_files_are_no_error() -> None:
    assert sum(one.files for one in tiers([], _NOW).tiers) == 0
