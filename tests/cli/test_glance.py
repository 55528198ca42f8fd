"""A glance parses nothing while nothing moved, and sees every kind of move."""

from __future__ import annotations

import os
import time

import pytest

from cli.home import LEADER, MANIFEST, TWO, fast

SKILL = "---\nname: good\ndescription: A good skill. Use when it is good.\n---\n# Good\n"
BMAD = "installation:\n  version: {}\nides: [claude-code]\n"


@pytest.fixture
def quiet():
    """A project where the second look is a glance."""
    with fast() as home:
        home.write(MANIFEST + "  skills: [{source: ./skills/good}]\n")
        (home.root / "skills/good").mkdir(parents=True)
        (home.root / "skills/good/SKILL.md").write_text(SKILL)
        (home.root / "_bmad/_config").mkdir(parents=True)
        (home.root / "_bmad/_config/manifest.yaml").write_text(BMAD.format("6.12.0"))
        time.sleep(0.03)
        assert home.apply().code == 0
        for _attempt in range(10):
            time.sleep(0.03)  # a file is believed once it was quiet for a tick of the clock
            if glances(home):
                yield home
                return
        raise AssertionError("it never glances")


def glances(home) -> bool:
    said = home.bmadp("analyze", "--timings")
    assert said.code in (0, 1, 2), said
    return "glance" in said.err and "parse" not in said.err


def same_second(path, text):
    info = path.stat()
    path.write_text(text)
    os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))


def edit(home):
    path = home.root / LEADER
    text = path.read_text()
    same_second(path, text.replace("leader", "LEADER", 1))


def link(home):
    path = home.root / LEADER
    path.rename(home.folder / "elsewhere")
    path.symlink_to(home.folder / "elsewhere")


def link_folder(home):
    (home.root / ".claude").rename(home.folder / "claude")
    (home.root / ".claude").symlink_to(home.folder / "claude")


MOVES = {
    "the manifest": (lambda home: home.write(TWO), 4),
    "a source": (lambda home: (home.root / "skills/good/SKILL.md").write_text(SKILL + "more\n"), 4),
    "a source in the same instant": (lambda home: same_second(home.root / "skills/good/SKILL.md", SKILL.replace("# G", "# W")), 4),
    "a new file in a source": (lambda home: (home.root / "skills/good/new.md").write_text("new\n"), 4),
    "a source that is gone": (lambda home: (home.root / "skills/good/SKILL.md").unlink(), 1),
    "a generated file that is gone": (lambda home: (home.root / LEADER).unlink(), 4),
    "an edit of a generated file": (lambda home: (home.root / LEADER).write_text("mine\n"), 5),
    "an edit that keeps size and date": (edit, 5),
    "a mode": (lambda home: (home.root / LEADER).chmod(0o755), 5),
    "a link in a file's place": (link, 6),
    "a link in a folder's place": (link_folder, 6),
    "another BMAD": (lambda home: (home.root / "_bmad/_config/manifest.yaml").write_text(BMAD.format("6.0.4")), 4),
    "a lost receipt": (lambda home: next((home.state / "journal").iterdir()).unlink(), None),
}


@pytest.mark.parametrize("what", MOVES)
def test_every_kind_of_move_is_seen(quiet, what):
    move, code = MOVES[what]
    assert quiet.bmadp("analyze", "--exit-code").code == 0
    move(quiet)
    said = quiet.bmadp("analyze", "--exit-code")
    assert said.code == code if code is not None else not glances(quiet), said


def test_a_glance_says_what_the_whole_look_said(quiet):
    glanced = quiet.bmadp("analyze", "--json").plans
    quiet.bmadp("cache", "clear")
    whole = quiet.bmadp("analyze", "--json").plans
    for plans in (glanced, whole):
        for task in plans[0]["tasks"]:
            task.pop("status"), task.pop("because")
    assert glanced == whole


def test_apply_glances_too_and_writes_nothing(quiet):
    before = {path: path.stat().st_mtime_ns for path in quiet.root.rglob("*") if path.is_file()}
    said = quiet.bmadp("apply", "--yes", "--timings")
    assert said.code == 0 and "nothing to do" in said.out and "parse" not in said.err
    assert {path: path.stat().st_mtime_ns for path in quiet.root.rglob("*") if path.is_file()} == before


def test_a_manifest_that_names_its_root_is_always_read_whole(quiet):
    quiet.write(quiet.manifest.read_text() + "  root: .\n")
    quiet.apply()
    assert not glances(quiet)
