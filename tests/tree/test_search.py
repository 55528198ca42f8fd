"""Files are found by patterns, and nothing is looked at that no pattern can mean."""

from __future__ import annotations

import os

import pytest

from bmad_provisioner.patterns import matcher, meet
from bmad_provisioner.tree.observe import Index
from bmad_provisioner.tree.search import search

FILES = [
    "setup.py", "src/a.py", "src/a.txt", "src/deep/er/b.py", "src/vendor/c.py", "src/vendored.py", "tests/test_a.py",
    "src/__pycache__/a.py", "src/.pytest_cache/b.py", "node_modules/m/x.py", ".git/hook.py", "env/pyvenv.cfg", "env/lib/d.py", "src/é/ü.py",
]  # fmt: skip
CASES = {
    "everything": (["**/*.py"], ["setup.py", "src/a.py", "src/deep/er/b.py", "src/vendor/c.py", "src/vendored.py", "src/é/ü.py", "tests/test_a.py"]),
    "one folder": (["src/*.py"], ["src/a.py", "src/vendored.py"]),
    "without a folder": (["src/**/*.py", "!src/vendor/**"], ["src/a.py", "src/deep/er/b.py", "src/vendored.py", "src/é/ü.py"]),
    "and a part of it again": (["src/**/*.py", "!src/**", "src/vendor/*.py"], ["src/vendor/c.py"]),
    "one file": (["setup.py"], ["setup.py"]),
    "what is not there": (["lib/**/*.py"], []),
    "one letter": (["src/?.py"], ["src/a.py"]),
    "two folders": (["src/deep/**/*.py", "tests/**"], ["src/deep/er/b.py", "tests/test_a.py"]),
}  # fmt: skip


@pytest.fixture
def root(tmp_path):
    for path in FILES:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(path)
    return tmp_path


@pytest.mark.parametrize("case", CASES)
def test_files_are_found_by_patterns(root, case):
    patterns, wanted = CASES[case]
    assert sorted(search(str(root), patterns, Index(None))) == wanted


def test_links_are_named_and_not_followed(root):
    os.symlink(root / "src", root / "again")
    os.symlink(root / "setup.py", root / "src/link.py")
    found = search(str(root), ["**/*.py"], Index(None))
    assert not any(path.startswith("again/") for path in found)
    assert not found["src/link.py"].is_plain


@pytest.mark.parametrize("pattern", ["**/*.py", "src/**", "a/?.py", "**/x/**/y", "*", "a/**/b.py"])
@pytest.mark.parametrize("path", ["a.py", "src/a.py", "src/x/y", "x/y", "a/b.py", "a/c/d/b.py", "x/z/q/y", "a/.py"])
def test_a_pattern_means_the_same_wherever_it_is_used(pattern, path):
    assert matcher([pattern])(path) is meet(pattern, path)
