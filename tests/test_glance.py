"""What a glance tells without compiling is what a whole plan would tell."""

from __future__ import annotations

import os
import time

import pytest

from bmad_provisioner.glance import glance
from bmad_provisioner.tree.model import Gap
from toy import Bench

FILES = {"a/one.txt": "one\n", "a/two.md": "two\n", "rows.csv": "id,name\n1,x\n", "run.sh": "true\n"}


@pytest.fixture
def bench(tmp_path):
    root = tmp_path / "project"
    root.mkdir()
    made = Bench(root)
    made.apply(FILES)
    settle(made)
    return made


def settle(bench):
    time.sleep(0.05)
    bench.plan(FILES)
    time.sleep(0.05)


def glanced(bench):
    with bench.session() as session:
        request = bench.request(FILES)
        return glance(session, request.source, request.beside)


def append(path, text="edited\n"):
    with open(path, "a", encoding="utf-8") as file:
        file.write(text)


EDITS = {
    "nothing": lambda root: None,
    "one file": lambda root: append(root / "a/one.txt"),
    "two files": lambda root: (append(root / "a/one.txt"), append(root / "run.sh")),
    "a mode": lambda root: os.chmod(root / "a/one.txt", 0o755),
    "a date": lambda root: os.utime(root / "a/one.txt"),
    "rows": lambda root: append(root / "rows.csv", "2,y\n"),
    "a deletion": lambda root: os.remove(root / "a/one.txt"),
    "a link": lambda root: (os.remove(root / "a/one.txt"), os.symlink("two.md", root / "a/one.txt")),
    "a folder": lambda root: (os.remove(root / "a/one.txt"), os.mkdir(root / "a/one.txt")),
    "a linked folder": lambda root: (os.rename(root / "a", root / "b"), os.symlink("b", root / "a")),
}


@pytest.mark.parametrize("edit", EDITS)
def test_a_glance_tells_what_a_whole_plan_tells_or_nothing(bench, edit):
    EDITS[edit](bench.root)
    told = glanced(bench)
    whole = bench.plan(FILES)

    assert told is None or (told.digest, told.current, told.changes) == (whole.digest, whole.current, whole.changes)
    assert (told is not None) == (edit in {"nothing", "one file", "two files", "a mode", "a date"})


def test_a_second_edit_of_an_edited_file_is_looked_at_closely(bench):
    append(bench.root / "a/one.txt")
    settle(bench)
    assert glanced(bench) is not None
    append(bench.root / "a/one.txt")

    assert glanced(bench) is None
    assert [change.gap for change in bench.plan(FILES).changes] == [Gap.DRIFTED]


@pytest.mark.parametrize("blind", ["a date to come", "a link"])
def test_no_plan_is_noted_over_a_file_that_the_index_cannot_hold(bench, blind):
    path = bench.root / "a/one.txt"
    if blind == "a link":
        os.remove(path)
        os.symlink("two.md", path)
    else:
        os.utime(path, (4e9, 4e9))
    settle(bench)
    assert glanced(bench) is None

    path.unlink()
    path.write_text("edited\n")
    assert [change.path for change in bench.plan(FILES).changes] == ["a/one.txt"]
