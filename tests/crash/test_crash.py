"""The crash matrix: its quick subset in `make test`, all of it under the marker `slow`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

MATRIX = Path(__file__).with_name("matrix.py")


def matrix(tmp_path: Path, *arguments: str, timeout: int = 600) -> dict:
    """Run campaigns in a process of their own (they fork and preload), and return the counts."""
    told = tmp_path / "counts.json"
    command = [sys.executable, str(MATRIX), *arguments, "--jobs", "1", "--json", str(told)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr[-3000:]}"
    return {label: row for group in json.loads(told.read_text()).values() for label, row in group.items()}


@pytest.mark.parametrize("campaign", ["kills", "errors", "pairs", "saves", "power", "concurrent,sequences"])
def test_whatever_breaks_nothing_is_lost_and_nothing_is_half_done(campaign, tmp_path):
    rows = matrix(tmp_path, "--quick", "--only", campaign)
    assert sum(row["tried"] for row in rows.values()) > 8
    assert sum(row["violations"] for row in rows.values()) == 0


def test_the_harness_notices_a_sync_that_was_taken_out(tmp_path):
    rows = matrix(tmp_path, "--quick", "--only", "mutants")
    assert len(rows) == 2
    assert all(row["notes"]["states that show it"] > 0 for row in rows.values())


@pytest.mark.slow
def test_the_whole_matrix(tmp_path):
    rows = matrix(tmp_path, timeout=3 * 3600)
    assert sum(row["violations"] for row in rows.values()) == 0
