"""Every time bomb of doctor, planted in real BMAD projects."""

from __future__ import annotations

from pathlib import Path

import pytest

from bmad_install import NEWEST, VERSIONS, Given, Look, install, update
from bmad_provisioner.finding import Finding, Severity
from bmad_provisioner.kinds.skills.bmad import detect
from bmad_provisioner.kinds.skills.doctor import DOCTOR_FILES, DOCTOR_FOLDERS, RULES, diagnose

SKILL = "---\nname: dev-leader\ndescription: Leads. Use when code is to be written.\n---\n# Lead\n"
real = pytest.mark.bmad


def plant(project: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        (project / path).write_text(text, "utf-8")


def look(project: Path) -> dict[str, Finding]:
    return {finding.rule: finding for finding in diagnose(Look(project), detect(Look(project)))}


@real
@pytest.mark.parametrize("version", VERSIONS)
def test_a_fresh_project_is_healthy(version: str, tmp_path: Path) -> None:
    assert look(install(version, tmp_path / "p")) == {}


@real
@pytest.mark.parametrize(
    ("rule", "path", "files", "severity"),
    [
        ("skill-below-bmad", "_bmad/acme/dev-leader", {"_bmad/acme/dev-leader/SKILL.md": SKILL}, Severity.ERROR),
        ("skill-below-bmad", "_bmad/_memory/x", {"_bmad/_memory/x/SKILL.md": SKILL}, Severity.ERROR),
        ("agents-below-bmad", "_bmad/acme/agents", {"_bmad/acme/agents/x.md": "# X"}, Severity.ERROR),
        ("agents-below-bmad", "_bmad/acme/a/agents", {"_bmad/acme/a/agents/x/y.md": "# X"}, Severity.ERROR),
        ("skill-in-custom", "_bmad/custom/dev-leader", {"_bmad/custom/dev-leader/SKILL.md": SKILL}, Severity.ERROR),
        ("skill-in-custom", "_bmad/custom/agents", {"_bmad/custom/agents/x.md": "# X"}, Severity.ERROR),
        ("id-collision", ".claude/skills/bmad-investigate", {".claude/skills/bmad-investigate/SKILL.md": SKILL}, Severity.ERROR),
        ("bmad-prefix", ".agents/skills/bmad-acme", {".agents/skills/bmad-acme/SKILL.md": SKILL}, Severity.WARNING),
        ("stale-skill", ".claude/skills", {".claude/skills/bmad-sm/SKILL.md": SKILL}, Severity.WARNING),
        ("stale-folder", ".cursor/skills", {".cursor/skills/bmad-help/SKILL.md": SKILL}, Severity.WARNING),
        ("stale-folder", ".claude/commands", {".claude/commands/bmad-help.md": "x"}, Severity.WARNING),
        (
            "override-unparseable",
            "_bmad/custom/bmad-agent-dev.toml",
            {"_bmad/custom/bmad-agent-dev.toml": "[agent]\nname = \n"},
            Severity.ERROR,
        ),
        ("override-unparseable", "_bmad/custom/config.user.toml", {"_bmad/custom/config.user.toml": "="}, Severity.ERROR),
        (
            "override-for-nobody",
            "_bmad/custom/bmad-quick-dev.toml",
            {"_bmad/custom/bmad-quick-dev.toml": "[workflow]\n"},
            Severity.WARNING,
        ),
        (
            "inert-customize",
            "_bmad/_config/agents/custom-qa.customize.yaml",
            {"_bmad/_config/agents/custom-qa.customize.yaml": "memories: []"},
            Severity.WARNING,
        ),
        ("backup-left", "_bmad-custom-backup-temp", {"_bmad-custom-backup-temp/custom/x.toml": ""}, Severity.ERROR),
        ("backup-left", "_bmad-modified-backup-temp", {"_bmad-modified-backup-temp/x": ""}, Severity.ERROR),
        ("bak-left", "_bmad/config.toml.bak", {"_bmad/config.toml.bak": ""}, Severity.INFO),
        ("v4-left", ".bmad-core", {".bmad-core/install-manifest.yaml": "version: 4.44.3"}, Severity.INFO),
        ("bmad-unreadable", "_bmad/_config/manifest.yaml", {"_bmad/_config/manifest.yaml": "\0"}, Severity.WARNING),
    ],
)
def test_each_time_bomb_is_found(rule: str, path: str, files: dict[str, str], severity: Severity, tmp_path: Path) -> None:
    project = install(NEWEST, tmp_path / "p")
    plant(project, files)
    found = look(project)
    assert set(found) == {rule}
    assert (found[rule].path, found[rule].severity) == (path, severity)
    assert found[rule].hint
    assert rule in RULES


@real
def test_an_unparseable_override_names_its_line(tmp_path: Path) -> None:
    project = install(NEWEST, tmp_path / "p")
    plant(project, {"_bmad/custom/bmad-agent-dev.toml": "[agent]\n\nname = \n"})
    assert look(project)["override-unparseable"].line == 3


@real
def test_what_the_contract_allows_is_no_bomb(tmp_path: Path) -> None:
    project = install(NEWEST, tmp_path / "p")
    plant(
        project,
        {
            ".claude/skills/dev-leader/SKILL.md": SKILL,
            ".claude/skills/dev-leader/agents/x.md": "x",
            "_bmad/custom/dev-leader.toml": "[agent]\n",
            "_bmad/custom/dev-leader.user.toml": "[agent]\n",
            "_bmad/custom/bmad-agent-dev.toml": "[agent]\n",
            "_bmad/acme-skills/module-help.csv": "module,skill\n",
            "_bmad/custom-skills/_src/dev-leader/SKILL.md": SKILL,
            "_bmad/.backups/custom-skills_1/dev-leader/SKILL.md": SKILL,
            "_bmad/_config/provisioner/SKILL.md": SKILL,
            "_bmad/agents/x.md": "x",
        },
    )
    assert look(project) == {}


@real
def test_the_bombs_below_bmad_go_off_when_bmad_updates_and_doctor_said_so(tmp_path: Path) -> None:
    project = install(NEWEST, tmp_path / "p")
    plant(
        project, {"_bmad/custom-skills/dev-leader/SKILL.md": SKILL, "_bmad/custom-skills/dev-leader/agents/leader-dev.md": "# Dev"}
    )
    assert {"skill-below-bmad", "agents-below-bmad"} <= set(look(project))
    update(project, mode="full")
    assert not (project / "_bmad/custom-skills/dev-leader/agents/leader-dev.md").exists()
    found = look(project)
    assert {"unknown-module", "id-collision"} <= set(found)
    assert found["id-collision"].path == ".agents/skills/dev-leader" or found["id-collision"].path == ".claude/skills/dev-leader"
    update(project, mode="full")
    assert not (project / "_bmad/custom-skills/dev-leader/SKILL.md").exists()


@real
@pytest.mark.parametrize(
    ("version", "rules"),
    [
        ("6.0.4", {"stale-folder"}),
        ("6.2.0", {"stale-folder", "stale-skill"}),
        ("6.3.0", {"stale-folder"}),
        ("6.5.0", set()),
        ("6.8.0", set()),
        (NEWEST, set()),
    ],
)
def test_what_an_upgrade_leaves_behind_is_found(version: str, rules: set[str], tmp_path: Path) -> None:
    project = install(version, tmp_path / "p")
    update(project)
    assert set(look(project)) == rules


@real
def test_old_versions_have_their_own_bombs(tmp_path: Path) -> None:
    project = install("6.2.0", tmp_path / "p")
    plant(
        project,
        {
            "_bmad/custom-skills/dev-leader/SKILL.md": SKILL,
            "_bmad/_config/custom/acme/x.yaml": "a: 1",
            "_bmad/_config/agents/custom-dev-leader.customize.yaml": "memories: []",
            ".claude/skills/bmad-acme/SKILL.md": SKILL,
        },
    )
    found = look(project)
    assert {rule: finding.severity for rule, finding in found.items()} == {
        "skill-below-bmad": Severity.WARNING,
        "cached-custom": Severity.ERROR,
        "bmad-prefix": Severity.ERROR,
    }


@real
def test_the_remedy_for_a_skill_among_the_overrides_ends_the_trouble(tmp_path: Path) -> None:
    project = install(NEWEST, tmp_path / "p")
    override = '[agent]\npersistent_facts = ["x"]\n'
    plant(
        project,
        {
            "bmad-provisioner.yaml": "project: {name: x}\n",
            "_bmad/custom/my-skill/SKILL.md": SKILL.replace("dev-leader", "my-skill"),
            "_bmad/custom/bmad-agent-dev.toml": override,
        },
    )
    planted = look(project)["skill-in-custom"].hint
    assert ".gitignore" not in planted and "modules:" not in planted
    assert "move `_bmad/custom/my-skill` out of `_bmad/custom/` and nothing else" in planted and "`bmadp heal`" in planted
    update(project, mode="full")
    listed = look(project)
    assert listed["unknown-module"].hint == listed["skill-in-custom"].hint and "entry `custom`" in listed["unknown-module"].hint
    with pytest.raises(RuntimeError):
        update(project, mode="full")
    assert not (project / "_bmad/custom").exists()
    hint = look(project)["unknown-module"].hint
    assert [hint.index(word) for word in ("restore", "take the entry `custom`", "`bmadp heal`")] and "move" not in hint
    assert "move `_bmad/custom" not in "".join(finding.hint for finding in look(project).values())

    manifest = project / "_bmad/_config/manifest.yaml"
    text = manifest.read_text("utf-8")
    start, end = text.index("  - name: custom\n"), text.index("ides:")
    manifest.write_text(text[:start] + text[end:], "utf-8")
    plant(project, {"_bmad/custom/.gitignore": "*.user.toml\n", "_bmad/custom/bmad-agent-dev.toml": override})
    for mode in ("full", "full"):
        update(project, mode=mode)
    assert (project / "_bmad/custom/bmad-agent-dev.toml").read_text("utf-8") == override
    assert look(project) == {}


MANIFEST_6_12 = {"_bmad/_config/manifest.yaml": "installation: {version: 6.12.0}"}
DECLARED = {"bmad-provisioner.yaml": "project: {name: x}\n"}


def hints(files: dict[str, str]) -> list[str]:
    sight = Given({**MANIFEST_6_12, **files})
    return [finding.hint for finding in diagnose(sight, detect(sight))]


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"_bmad/custom-skills/dev-leader/SKILL.md": SKILL}, "`./skills/dev-leader` beside the manifest"),
        ({"_bmad/acme/dev-leader/agents/x.md": "x", "_bmad/acme/dev-leader/SKILL.md": SKILL}, "move `_bmad/acme/dev-leader` to"),
        ({"_bmad/acme/agents/x.md": "x"}, "move `_bmad/acme/agents` out of `_bmad/`"),
        ({"_bmad/custom/SKILL.md": SKILL}, "move `_bmad/custom/SKILL.md` out of `_bmad/custom/` and nothing else"),
        ({"_bmad/_config/agents/custom-qa.customize.yaml": "memories: []"}, "under `customizations:`"),
        (
            {"_bmad/_config/manifest.yaml": "installation: {version: 6.12.0}\nmodules: [{name: custom-skills, source: unknown}]\n"},
            "take the entry `custom-skills`",
        ),
    ],
)
def test_init_is_no_remedy_where_a_manifest_stands(files: dict[str, str], words: str) -> None:
    with_manifest = hints({**files, **DECLARED})
    assert with_manifest and all(words in hint for hint in with_manifest)
    assert "bmadp init" not in "".join(with_manifest)


def test_adoption_is_the_remedy_only_for_what_it_adopts() -> None:
    assert "`bmadp init --adopt`" in hints({"_bmad/custom-skills/dev-leader/SKILL.md": SKILL})[0]
    elsewhere = hints({"_bmad/acme/dev-leader/SKILL.md": SKILL})[0]
    assert "--adopt" not in elsewhere and "`bmadp init` writes one" in elsewhere
    listed = "installation: {version: 6.12.0}\nmodules: [{name: custom-skills, source: unknown}]\n"
    assert "`bmadp init --adopt`" in hints({"_bmad/_config/manifest.yaml": listed})[0]


def test_what_an_older_bmad_left_is_one_remark_a_folder_with_one_command() -> None:
    left = {f".claude/skills/bmad-{name}/SKILL.md": SKILL for name in ("dev", "pm", "sm")}
    old = {f".cursor/skills/bmad-{name}/SKILL.md": SKILL for name in ("help", "party-mode")}
    sight = Given({**MANIFEST_6_12, **left, **old})
    found = {finding.rule: finding for finding in diagnose(sight, detect(sight))}
    assert set(found) == {"stale-skill", "stale-folder"}
    assert '`rm -r ".claude/skills/bmad-dev" ".claude/skills/bmad-pm" ".claude/skills/bmad-sm"`' in found["stale-skill"].hint
    assert "3 skills" in found["stale-skill"].message
    assert '`rm -r ".cursor/skills"/bmad*`' in found["stale-folder"].hint


def test_a_custom_module_is_warned_of() -> None:
    manifest = "installation: {version: 6.12.0}\nmodules:\n- {name: acme, source: custom, localPath: /x}\n- {name: old, source: unknown}\n- 7\n"
    sight = Given({"_bmad/_config/manifest.yaml": manifest})
    assert [(f.rule, f.severity) for f in diagnose(sight, detect(sight))] == [
        ("unknown-module", Severity.ERROR),
        ("custom-module", Severity.WARNING),
    ]


def test_nothing_is_said_where_there_is_no_bmad() -> None:
    sight = Given({"_bmad/acme/SKILL.md": SKILL, ".claude/skills/bmad-x/SKILL.md": SKILL})
    assert diagnose(sight, detect(sight)) == ()


@pytest.mark.parametrize("content", [b"\xff", b"\x00", b"[" * 300_000, b"x = 1" + b"0" * 5000, b"a" * 1_000_001])
def test_hostile_overrides_are_findings(content: bytes) -> None:
    sight = Given({"_bmad/_config/manifest.yaml": "installation: {version: 6.12.0}", "_bmad/custom/config.toml": content})
    assert [f.rule for f in diagnose(sight, detect(sight))] == ["override-unparseable"]


def test_errors_come_first_and_every_rule_is_described() -> None:
    assert all((line and line[0] != line[0].upper()) or line.startswith(("BMAD", "`")) for line in RULES.values())
    assert "_bmad" in DOCTOR_FOLDERS
    assert "_bmad/_config/manifest.yaml" in DOCTOR_FILES
