"""What we believe of BMAD, held against six real installs."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from bmad_install import NEWEST, VERSIONS, Given, Look, install, installer, update
from bmad_provisioner.kinds.skills.bmad import (
    PHASES,
    REMOVALS,
    SHARED_FILES,
    TOOLS,
    HelpRow,
    Installation,
    detect,
    forbidden_reason,
    has_toml_overrides,
    help_csv,
    module_code,
    phase_name,
    quick,
    read_yaml,
    reserved_reason,
    skill_folders,
)

pytestmark = pytest.mark.bmad

ERAS = {"6.0.4": "A", "6.2.0": "B", "6.3.0": "C", "6.5.0": "D", "6.8.0": "D", "6.12.0": "E"}
every_version = pytest.mark.parametrize("version", VERSIONS)


@pytest.fixture
def project(version: str, tmp_path: Path) -> Path:
    return install(version, tmp_path / "project")


@pytest.fixture
def installation(project: Path) -> Installation:
    return detect(Look(project))


@every_version
def test_version_era_tools_and_modules_are_seen(version: str, installation: Installation) -> None:
    assert (installation.version, installation.era) == (version, ERAS[version])
    assert installation.ides == ("claude-code", "cursor")
    assert installation.modules == ("core", "bmm")
    assert installation.faults == ()
    assert has_toml_overrides(installation) == (ERAS[version] in "DE")


@every_version
def test_bmads_own_manifest_is_read_the_same_with_and_without_yaml(version: str, project: Path) -> None:
    path = "_bmad/_config/manifest.yaml"
    data = (project / path).read_bytes()
    same = data + b"# as YAML\n"
    assert quick(data) is not None
    assert quick(same) is None
    assert quick(data) == detect(Given({path: same})) == detect(Given({path: data}))


@every_version
def test_agents_and_skills_are_seen(version: str, installation: Installation) -> None:
    assert {"dev", "analyst", "pm", "architect"} <= installation.agents
    assert ("sm" in installation.agents) == (version in ("6.0.4", "6.2.0"))
    assert {"bmad-brainstorming", "bmad-party-mode"} <= installation.skills


@every_version
def test_skills_are_where_we_would_put_ours(version: str, project: Path, installation: Installation) -> None:
    holding = {path.parent.parent.relative_to(project).as_posix() for path in project.glob(".*/skills/*/SKILL.md")}
    assert holding == (set() if version == "6.0.4" else set(skill_folders(installation)))


@every_version
def test_every_skill_of_bmad_is_reserved(version: str, project: Path, installation: Installation) -> None:
    for path in project.glob(".*/skills/*/SKILL.md"):
        assert reserved_reason(path.parent.name, installation), path
    assert reserved_reason("dev-leader", installation) is None


@every_version
def test_phases_are_called_what_bmad_calls_them(version: str, project: Path, installation: Installation) -> None:
    text = (project / "_bmad/_config/bmad-help.csv").read_text("utf-8")
    words = {field for row in csv.reader(text.splitlines()) for field in row}
    for phase in PHASES:
        assert phase_name(phase, installation) in words


@every_version
def test_no_path_that_bmad_wrote_may_be_written_but_the_shared_ones(version: str, project: Path) -> None:
    allowed = {path for path in Look(project).tree if forbidden_reason(path) is None}
    assert allowed <= SHARED_FILES
    assert "_bmad/_config/bmad-help.csv" in allowed


@every_version
def test_our_help_rows_appear_after_the_next_run_of_bmad(version: str, project: Path, installation: Installation) -> None:
    code = module_code("Health, AI")
    row = HelpRow(
        "dev-leader", 'The "Dev" Leader', "DVL", "Routes, and\ncoordinates", phase_name("4", installation) or "", "qa-leader"
    )
    home = project / "_bmad" / code
    home.mkdir()
    (home / "module-help.csv").write_bytes(help_csv(code, [row], installation))
    update(project, to=version)
    assert _help(project, code) >= {code, "dev-leader", 'The "Dev" Leader', "DVL", "Routes, and coordinates", row.phase}
    now = detect(Look(project))
    (home / "module-help.csv").write_bytes(help_csv(code, [row], now))
    for mode in ("quick", "full"):
        update(project, to=NEWEST, mode=mode)
        assert _help(project, code) >= {code, "dev-leader", "DVL", "Routes, and coordinates"}
    assert (home / "module-help.csv").exists()
    assert code not in detect(Look(project)).modules


@every_version
def test_an_update_is_seen(version: str, project: Path) -> None:
    update(project)
    after = detect(Look(project))
    assert (after.version, after.era, after.ides) == (NEWEST, "E", ("claude-code", "cursor"))
    assert after.agents >= {"bmad-agent-dev", "dev"}


def test_our_tools_and_removals_are_those_of_the_newest_installer() -> None:
    tools = Path(installer(NEWEST)[1]).parent
    platforms = read_yaml((tools / "ide" / "platform-codes.yaml").read_bytes())["platforms"]
    assert set(platforms) == TOOLS
    for tool, platform in platforms.items():
        assert skill_folders(Installation(NEWEST, "E"), [tool]) == (platform["installer"]["target_dir"],)
    lines = (tools.parent.parent / "removals.txt").read_text("utf-8").splitlines()
    assert {line.strip() for line in lines if line.strip() and not line.startswith("#")} == REMOVALS


@pytest.mark.parametrize("version", ["6.2.0", "6.3.0", "6.5.0", "6.8.0"])
def test_folders_are_those_of_each_older_installer(version: str) -> None:
    tools = Path(installer(version)[1]).parent
    table = next(path for path in tools.rglob("platform-codes.yaml") if path.parent.name == "ide")
    for tool, platform in read_yaml(table.read_bytes())["platforms"].items():
        assert skill_folders(Installation(version, ERAS[version]), [tool]) == (platform["installer"]["target_dir"],), tool


def _help(project: Path, code: str) -> set[str]:
    """Return the fields of our row, wherever this version puts them."""
    text = (project / "_bmad/_config/bmad-help.csv").read_text("utf-8")
    return next(set(row) for row in csv.reader(text.splitlines()) if row[0] == code)
