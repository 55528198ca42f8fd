"""Hand-written skills are brought along byte for byte, and judged by the same rules."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bmad_provisioner.digest import Digest, Entry
from bmad_provisioner.engine.task import Action
from bmad_provisioner.kinds.skills.catalogue import catalogue, cost
from bmad_provisioner.kinds.skills.fetch import FETCH, FetchError, contents
from bmad_provisioner.kinds.skills.kind import SKILLS
from bmad_provisioner.kinds.skills.rules import RULES, conformance
from kinds.skills.provision import document, provision

GOOD = b"---\nname: review\ndescription: Reviews code. Use when a change is ready.\n---\n\n# Review\n\nRead it.\n"


def with_source(source: Any = "./skills/review") -> dict[str, Any]:
    return {"project": {"name": "P", "bmad_version": "6.12.0", "skills": [{"source": source}]}}


def test_a_folder_is_copied_as_it_is() -> None:
    files = {
        "beside:skills/review/SKILL.md": GOOD,
        "beside:skills/review/scripts/a.bin": b"\x00\xff",
        "beside:skills/review/.git/x": b"x",
    }
    result = provision(with_source(), files)
    assert result.errors == []
    assert result.files[".claude/skills/review/SKILL.md"] == GOOD
    assert result.files[".agents/skills/review/scripts/a.bin"] == b"\x00\xff"
    assert not any(".git" in path for path in result.files)
    assert SKILLS.scope(document(with_source())).beside == ("skills/review",)


@pytest.mark.parametrize("what", ["symlink:/etc/passwd", "special", "directory"])
def test_what_is_no_plain_file_is_refused(what: str) -> None:
    result = provision(with_source(), {"beside:skills/review/SKILL.md": GOOD}, {"beside:skills/review/link": Entry(Digest(what))})
    assert any("skills/review/link" in error and what in error for error in result.errors)


def test_a_folder_that_is_not_there_is_named_with_what_is_near() -> None:
    result = provision(with_source("./skills/revew"), {"beside:skills/review/SKILL.md": GOOD})
    assert "`skills/revew` is not there" in result.errors[0] and "`skills/review`" in result.errors[0]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (b"# no front matter\n", "skill-frontmatter"),
        (b"---\nname: review\ndescription: a: b: c\n---\nx\n", "skill-frontmatter"),
        (b"---\nname: review\ndescription: Use when x\nmetadata: {a: b}\n---\nx\n", "skill-frontmatter"),
        (b"---\nname: review\ndescription: Use when x\nversion: 1\n---\nx\n", "skill-frontmatter"),
        (b"---\nname: other\ndescription: Use when x\n---\nx\n", "skill-name"),
        (b"---\nname: review\n---\nx\n", "skill-description"),
        (b"---\nname: review\ndescription: Use when " + b"x" * 1020 + b"\n---\nx\n", "skill-description"),
        (b"---\nname: review\ndescription: Reviews.\n---\nx\n", "skill-when"),
        (b"---\nname: review\ndescription: Use when x\n---\n\n", "skill-body"),
        (b"---\nname: review\ndescription: Use when x\n---\n" + b"x\n" * 501, "skill-length"),
        (b"---\nname: review\ndescription: Use when x\n---\n{installed_path}/x\n", "skill-installed-path"),
        (b"---\nname: review\ndescription: Use when x\n---\nThis takes 5 minutes.\n", "skill-estimate"),
        (b"---\nname: review\ndescription: Use when x\n---\nDur\xc3\xa9e : 2 heures\n", "skill-estimate"),
        (b"---\nname: review\ndescription: Use when x\n---\nRead .claude/skills/other/SKILL.md\n", "skill-trespass"),
        (b"---\nname: review\ndescription: Use when x\n---\nhidden \xe2\x80\xae text\n", "hidden-text"),
        (b"---\nname: review\ndescription: Use when x\n---\nnul \x00\n", "hidden-text"),
        (b"\xff\xfe", "skill-file"),
    ],
)
def test_each_rule_finds_its_fault(text: bytes, rule: str) -> None:
    found = conformance("review", {"SKILL.md": text}, "skills/review").findings
    assert rule in {f.rule for f in found} and all(f.rule in RULES for f in found)


@pytest.mark.parametrize("description", ["Use when x", "Use if x", "À utiliser quand x", "À utiliser si x"])
def test_a_good_skill_has_no_findings(description: str) -> None:
    text = f"---\nname: review\ndescription: {description}\n---\n\nAnswer in <2s. See ../review/x.md and 👩‍⚕️.\n".encode()
    assert conformance("review", {"SKILL.md": text}, "").findings == ()


def git(folder: Path, *arguments: str) -> str:
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"}
    identity = ["-c", "user.name=t", "-c", "user.email=t@t", "-c", "init.defaultBranch=main"]
    return subprocess.run(
        ["git", *identity, *arguments], cwd=folder, env=environment, check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repo"
    (folder / "skills/review/scripts").mkdir(parents=True)
    (folder / "skills/review/SKILL.md").write_bytes(GOOD)
    (folder / "skills/review/scripts/run.sh").write_bytes(b"#!/bin/sh\n")
    (folder / "skills/review/scripts/run.sh").chmod(0o755)
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "one")
    git(folder, "tag", "v1")
    return folder


def test_a_skill_of_a_git_repository_comes_at_its_ref(repository: Path) -> None:
    commit = git(repository, "rev-parse", "HEAD")
    (repository / "skills/review/SKILL.md").write_bytes(GOOD + b"later\n")
    git(repository, "commit", "-qam", "two")
    for ref in ("v1", commit):
        result = provision(with_source({"git": f"file://{repository}", "ref": ref, "path": "skills/review"}))
        assert result.errors == []
        assert result.files[".claude/skills/review/SKILL.md"] == GOOD
        output = result.outputs["skill review"]
        assert output.facts["commit"] == commit
        assert output.files[".claude/skills/review/scripts/run.sh"].executable
    assert (
        provision(with_source({"git": f"file://{repository}", "path": "skills/review"})).files[".claude/skills/review/SKILL.md"]
        != GOOD
    )


def test_fetching_is_held_back_in_a_plan() -> None:
    assert isinstance(FETCH, Action) and FETCH.external


@pytest.mark.parametrize(("ref", "path"), [("nowhere", "skills/review"), ("v1", "skills/none"), ("v1", "skills/review/SKILL.md")])
def test_what_git_cannot_give_is_a_finding(repository: Path, ref: str, path: str) -> None:
    result = provision(with_source({"git": f"file://{repository}", "ref": ref, "path": path}))
    assert result.errors and not result.files


def test_links_and_submodules_of_a_repository_are_refused(repository: Path) -> None:
    (repository / "skills/review/link").symlink_to("/etc/passwd")
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "link")
    with pytest.raises(FetchError, match="a symbolic link"):
        contents(f"file://{repository}", "HEAD", "skills/review")


def test_a_catalogue_is_added_up_and_says_what_is_hidden() -> None:
    facts = [{"catalogue": {f"skill-{n:03}": 400}} for n in range(30)]
    assert len(catalogue(facts)) == 30
    for each in cost(facts):
        assert each.characters == 30 * 409 and each.tokens == -(-each.characters // 4)
        assert len(each.hidden) == 30 - each.limit // 409 and each.source
