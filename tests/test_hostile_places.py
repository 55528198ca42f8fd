"""Hostile places: links, folders, pipes and odd names where files are read or written; nothing leaves the root."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cli.home import LEADER, MANIFEST, Home, fast

SKILL = "---\nname: good\ndescription: A good skill. Use when it is good.\n---\n# Good\n"
WITH_SKILL = 'project:\n  name: P\n  bmad_version: ">=6.4,<7"\n  skills:\n    - source: ./skills/good\n'


@pytest.fixture
def home():
    with fast() as lent:
        lent.write(MANIFEST)
        yield lent


def outside(home: Home) -> Path:
    place = home.folder / "outside"
    place.mkdir(exist_ok=True)
    return place


def skill(home: Home, folder: str = "skills/good") -> Path:
    place = home.root / folder
    place.mkdir(parents=True)
    (place / "SKILL.md").write_text(SKILL)
    home.write(WITH_SKILL)
    return place


def refused(home: Home, code: int, *words: str, arguments: tuple[object, ...] = ("apply", "--yes")) -> None:
    """Run a command that must end in one clear error, with nothing changed anywhere."""
    before, beside = home.files(), home.outside()
    said = home.bmadp(*arguments)
    assert said.is_one_error(code, *words), said
    assert home.files() == before and home.outside() == beside


@pytest.mark.parametrize("place", [".claude", ".agents", ".claude/skills", ".claude/skills/dev-leader", ".agents/skills"])
@pytest.mark.parametrize("choice", [(), ("--theirs", ".claude", "--theirs", ".agents")])
def test_nothing_is_written_through_a_linked_folder(home, place, choice):
    link = home.root / place
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(outside(home))
    if choice and not place.startswith(".claude"):
        choice = choice[2:]
    refused(home, 1, "nothing was written", arguments=("apply", "--yes", *choice[:2]))


@pytest.mark.parametrize("what", ["link", "dangling link", "folder", "pipe"])
@pytest.mark.parametrize("choice", ["", "--theirs"])
def test_what_is_no_plain_file_is_never_replaced(home, what, choice):
    place = home.root / LEADER
    place.parent.mkdir(parents=True)
    (outside(home) / "target").write_text("theirs\n")
    {
        "link": lambda: place.symlink_to(outside(home) / "target"),
        "dangling link": lambda: place.symlink_to("nowhere"),
        "folder": place.mkdir,
        "pipe": lambda: os.mkfifo(place),
    }[what]()
    refused(home, 1, LEADER, "nothing was written", arguments=("apply", "--yes", *([choice, LEADER] if choice else [])))


@pytest.mark.parametrize("place", [".claude", ".claude/skills", ".claude/skills/dev-leader", ".agents"])
def test_a_file_where_a_folder_is_needed_is_an_error(home, place):
    (home.root / place).parent.mkdir(parents=True, exist_ok=True)
    (home.root / place).write_text("a file\n")
    refused(home, 1, f"`{place}` is no folder")


@pytest.mark.parametrize("what", ["link", "file"])
@pytest.mark.parametrize("verb", [("apply", "--yes"), ("analyze",), ("doctor",), ("diff",)])
def test_our_state_must_be_a_real_folder(home, what, verb):
    if what == "link":
        home.state.symlink_to(outside(home))
    else:
        home.state.write_text("a file\n")
    refused(home, 2, ".bmad-provisioner", arguments=verb)
    assert list(outside(home).iterdir()) == []


def test_a_link_inside_a_skill_is_not_followed(home):
    (skill(home) / "passwd").symlink_to("/etc/passwd")
    refused(home, 1, "bmad-provisioner.yaml:5:", "skills/good/passwd", "symlink:/etc/passwd")


def test_a_pipe_inside_a_skill_is_refused_and_not_waited_for(home):
    os.mkfifo(skill(home) / "pipe")
    refused(home, 1, "bmad-provisioner.yaml:5:", "skills/good/pipe")


@pytest.mark.parametrize("link", ["skills/good", "skills"])
def test_a_linked_skill_folder_is_refused(home, link):
    target = outside(home) / "good" if link == "skills" else outside(home)
    target.mkdir(exist_ok=True)
    (target / "SKILL.md").write_text(SKILL)
    (home.root / link).parent.mkdir(exist_ok=True)
    (home.root / link).symlink_to(outside(home))
    home.write(WITH_SKILL)
    refused(home, 1, "bmad-provisioner.yaml:5:", "symlink:")


NAMES = ["con.md", "nul", "aux.txt", "a:b", "a\\b", "x\ny", "a|b", "end ", "end.", "a\u0308.md", "\x1b[31m", "\u202etxt.md"]


@pytest.mark.parametrize("name", [*NAMES, os.fsdecode(b"\xff.md")], ids=repr)
def test_a_file_name_that_some_system_refuses_is_an_error(home, name):
    (skill(home) / name).write_text("x")
    refused(home, 1, "skills/good/")


def test_a_name_that_is_no_utf8_is_told_by_a_process_in_text_and_json(home):
    (skill(home) / os.fsdecode(b"\xff\x1b[31m.md")).write_text("x")
    for options in ([], ["--json"]):
        said = home.process("analyze", *options)
        assert said.code == 1 and "bug of ours" not in said.err and "Traceback" not in said.err, said


def test_files_of_a_skill_that_differ_in_case_are_an_error(home):
    place = skill(home)
    (place / "A.md").write_text("a")
    (place / "a.md").write_text("b")
    refused(home, 1, "where case does not count")


@pytest.mark.parametrize("text", [b"---\nname: good\ndescription: \xff\n---\n", b"", b"no front matter", b"---\nname: evil\n---\n"])
def test_a_skill_that_is_none_is_refused(home, text):
    (skill(home) / "SKILL.md").write_bytes(text)
    refused(home, 1, "skills/good/SKILL.md")


def test_a_skill_whose_text_is_a_folder_is_refused(home):
    place = skill(home)
    (place / "SKILL.md").unlink()
    (place / "SKILL.md").mkdir()
    refused(home, 1, "bmad-provisioner.yaml:5:")


PROJECTS = {
    ".git": "inside `.git`",
    ".git/hooks": "inside `.git`",
    "nowhere": "no folder",
    "~nobody-here": "no folder",
    "bmad-provisioner.yaml": "no folder",
}


@pytest.mark.parametrize("place", PROJECTS)
def test_a_project_that_cannot_be_one_is_refused(home, place):
    (home.root / ".git/hooks").mkdir(parents=True)
    refused(home, 2, PROJECTS[place], arguments=("apply", "--yes", "--project", place))


def test_a_project_inside_our_state_is_refused(home):
    home.apply()
    refused(
        home, 2, "inside `.git` or `.bmad-provisioner`", arguments=("analyze", "bmad-provisioner.yaml", "--project", home.state)
    )


MANIFESTS = {
    "pipe": "no plain file",
    "folder": "is a folder",
    "nowhere": "does not exist",
    "zero": "no plain file",
    "dangling": "does not exist",
    "loop": "symbolic links",
    "a" * 5000: "too long",
}


@pytest.mark.parametrize("name", MANIFESTS, ids=lambda name: name[:8])
def test_a_manifest_that_is_no_file_is_refused_and_not_waited_for(home, name):
    os.mkfifo(home.root / "pipe")
    (home.root / "folder").mkdir()
    (home.root / "zero").symlink_to("/dev/zero")
    (home.root / "dangling").symlink_to("not-there")
    (home.root / "loop").symlink_to("loop")
    refused(home, 2, MANIFESTS[name], arguments=("apply", "--yes", name))


PLANS = {"[]": "no plan", "\0": "no plan", "[" * 100_000: "no plan", "{}": "no plan", '{"plans": 1}': "no plan", '"x"': "no plan"}


@pytest.mark.parametrize("text", PLANS, ids=lambda text: repr(text)[:10])
def test_a_plan_file_that_is_none_is_refused(home, text):
    (home.root / "plan.json").write_text(text)
    refused(home, 2, PLANS[text], arguments=("apply", "--plan", "plan.json"))


def test_a_plan_that_is_a_pipe_is_refused_and_not_waited_for(home):
    os.mkfifo(home.root / "plan.json")
    refused(home, 2, "no plan", arguments=("apply", "--plan", "plan.json"))


@pytest.mark.parametrize("name", ["../x", "/abs", "a/b", "bmad-x", "con", "x" * 100, "", "A", "a\nb", "{{ x }}"])
def test_skill_new_refuses_a_name_that_is_none(home, name):
    refused(home, 2, "cannot be the name of a skill", arguments=("skill", "new", name))


def test_skill_new_writes_through_no_link(home):
    (home.root / "skills").symlink_to(outside(home))
    refused(home, 2, "is a symbolic link", arguments=("skill", "new", "good"))


def test_init_overwrites_nothing_not_even_a_dangling_link(home):
    home.manifest.unlink()
    home.manifest.symlink_to(outside(home) / "elsewhere.yaml")
    refused(home, 2, "already exists", arguments=("init",))


def test_why_and_show_read_nothing_outside(home):
    refused(home, 1, "neither a path", arguments=("why", "../../etc/passwd"))
    refused(home, 2, "makes no skill", arguments=("skill", "show", "../../etc"))
