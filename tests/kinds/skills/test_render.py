"""What is rendered is a valid skill, whatever the manifest says, and reads as its language should."""

from __future__ import annotations

import csv
import tomllib
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from skills_ref.validator import validate

import bmad_provisioner.kinds.skills as package
from kinds.skills.provision import BMAD_6_12, Result, provision

SAMPLES = Path(package.__file__).parent / "samples"
HOSTILE = (
    "A: B",
    "{{ 7 * 7 }} {% raw %}",
    'say "hi" \\ and `tick`',
    "pipe | in | cell \\|",
    "--- fence --- # comment",
    "```\n# escape\n```",
    "<!-- hidden --> <b>bold</b>",
    "line\nbreak\r\nand\ttab",
    "- item",
    "# heading",
    "null",
    "[flow, {a: b}]",
    "&anchor *alias !tag",
    "'single' , comma, \"double\"",
    "👩‍⚕️ emoji ❤️ é ñ 中文",
    "x" * 3000,
    "{skill} {project} {names}",
    "...",
    "%TAG ! x",
    "#{x} ${HOME} $(id)",
)


def skills(result: Result, folder: str = ".claude/skills") -> dict[str, str]:
    ends = "/SKILL.md"
    return {
        p[len(folder) + 1 : -len(ends)]: d.decode() for p, d in result.files.items() if p.startswith(folder) and p.endswith(ends)
    }


def front(text: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(text.split("\n---\n", 1)[0].removeprefix("---\n"))
    return loaded


def assert_valid(result: Result, root: Path) -> None:
    assert result.errors == []
    result.write(root)
    for skill in skills(result):
        assert validate(root / ".claude/skills" / skill) == [], skill
        assert result.files[f".claude/skills/{skill}/SKILL.md"] == result.files[f".agents/skills/{skill}/SKILL.md"]


def hostile(text: str, domain: str, language: str) -> dict[str, Any]:
    people = [
        {"id": "one", "name": text, "domain": text, "skills": [text, "x"], "compliance_notes": text},
        {"id": "two", "name": "Two"},
    ]
    menu = [{"trigger": text, "prompt": text, "description": text}, {"trigger": "w", "workflow": "flow", "description": "d"}]
    return {
        "project": {
            "name": text,
            "language": language,
            "leaders": [{"name": "dev-leader", "domain": domain, "phase": "anytime", "specialists": people}, {"name": "solo"}],
            "customizations": {
                "dev-leader": {"memories": [text], "principles": [text], "menu_additions": menu},
                "bmad-agent-dev": {"memories": [text], "principles": [text], "menu_additions": menu},
                "bmad-build": {"memories": [text], "principles": [text]},
            },
            "integration": {
                "workflows": [{"name": "flow", "phase": 4, "sequence": ["sm", "dev-leader", "specialist", "two", "solo"]}]
            },
        }
    }


@pytest.mark.parametrize("name", ["health-platform", "plateforme-sante"])
def test_the_samples_render_without_a_remark(name: str, tmp_path: Path) -> None:
    result = provision((SAMPLES / f"{name}.yaml").read_text())
    assert [str(f) for f in result.findings] == []
    assert_valid(result, tmp_path)
    assert len(skills(result)) == 23


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("domain", ["generic", "healthcare", "qa", "cis"])
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(text: str, domain: str, language: str, tmp_path: Path) -> None:
    result = provision(hostile(text, domain, language))
    assert_valid(result, tmp_path)
    for skill, content in skills(result).items():
        assert "49" not in content
        assert front(content).keys() == {"name", "description"}
        assert front(content)["name"] == skill
        assert content.count("\n```") == 0
        assert len({line.count("|") - line.count("\\|") for line in content.splitlines() if line.startswith("| ")} - {4, 5}) == 0
    for path, data in result.files.items():
        assert b"\r" not in data and data.endswith(b"\n"), path
        if path.endswith(".toml"):
            tomllib.loads(data.decode())
        if path.endswith(".csv"):
            rows = list(csv.reader(StringIO(data.decode())))
            assert {len(row) for row in rows} == {len(rows[0])}, path


def test_what_bmad_reads_says_what_the_manifest_says() -> None:
    text = 'quote " and {{ braces }} | pipe'
    files = provision(hostile(text, "qa", "en")).files
    leader = tomllib.loads(files[".claude/skills/dev-leader/customize.toml"].decode())["agent"]
    assert leader["persistent_facts"] == [text] and leader["principles"] == [text]
    assert leader["menu"][-2:] == [
        {"code": text, "description": text, "prompt": text},
        {"code": "w", "description": "d", "skill": "flow"},
    ]
    agent = tomllib.loads(files["_bmad/custom/bmad-agent-dev.toml"].decode())
    assert agent["agent"]["persistent_facts"] == [text] and agent["agent"]["menu"][0]["prompt"] == text
    assert tomllib.loads(files["_bmad/custom/bmad-build.toml"].decode()) == {"workflow": {"persistent_facts": [text, text]}}
    roster = files["_bmad/custom/config.toml"].decode()
    assert roster.startswith("# >>> bmad-provisioner\n") and roster.endswith("# <<< bmad-provisioner\n")
    assert set(tomllib.loads(roster)["agents"]) == {"dev-leader", "solo"}
    assert tomllib.loads(roster)["agents"]["dev-leader"]["team"] == text


def test_nothing_is_written_where_bmad_would_delete_it() -> None:
    paths = provision((SAMPLES / "health-platform.yaml").read_text()).files
    below = sorted(path for path in paths if path.startswith("_bmad/"))
    assert below == ["_bmad/carebridge-skills/module-help.csv", "_bmad/custom/config.toml"]


def test_without_bmad_there_are_skills_and_nothing_else() -> None:
    result = provision((SAMPLES / "health-platform.yaml").read_text(), {})
    assert {path.split("/")[0] for path in result.files} == {".claude", ".agents"}
    assert not any(path.endswith("customize.toml") for path in result.files)
    assert "resolve_customization" not in skills(result)["dev-leader"]


def test_an_old_bmad_gets_no_overrides_and_is_told_why() -> None:
    old = {"_bmad/_config/manifest.yaml": b"installation:\n  version: 6.2.0\nmodules: []\nides: [claude-code]\n"}
    manifest = {
        "project": {"name": "P", "leaders": [{"name": "a-leader"}], "customizations": {"bmad-agent-dev": {"memories": ["m"]}}}
    }
    result = provision(manifest, old)
    assert not any(path.endswith(".toml") for path in result.files)
    assert [f.rule for f in result.findings if f.rule == "bmad-support"] == ["bmad-support", "bmad-support"]


def test_rendering_is_deterministic() -> None:
    sample = (SAMPLES / "plateforme-sante.yaml").read_text()
    assert provision(sample).files == provision(sample).files


def test_one_changed_specialist_changes_its_files_and_its_leaders() -> None:
    sample = (SAMPLES / "health-platform.yaml").read_text()
    before = provision(sample).files
    notes = provision(sample.replace("Every route that returns patient data", "Each route that returns patient data")).files
    assert {p.split("/")[2] for p in before if before[p] != notes[p]} == {"dev-backend"}
    words = provision(sample.replace("clinical data models]", "clinical data models, caching]")).files
    assert {p.split("/")[2] for p in before if before[p] != words[p]} == {"dev-backend", "dev-leader"}


@pytest.mark.parametrize(("name", "english"), [("health-platform", True), ("plateforme-sante", False)])
def test_everything_is_in_the_manifests_language(name: str, english: bool) -> None:
    texts = skills(provision((SAMPLES / f"{name}.yaml").read_text()))
    for text in texts.values():
        assert ("Use when" in text) is english
        assert ("À utiliser quand" in text) is not english
        assert ("Invoke the" in text) is english
        assert not english or " : " not in text.replace("\N{NO-BREAK SPACE}", " ")


def test_healthcare_brings_its_references_and_promises_no_compliance() -> None:
    files = provision((SAMPLES / "health-platform.yaml").read_text()).files
    folder = ".claude/skills/qa-unit/"
    assert {p.removeprefix(folder) for p in files if p.startswith(folder)} == {
        "SKILL.md",
        "references/phi-handling.md",
        "references/hipaa-safeguards.md",
        "references/audit-and-encryption.md",
        "data/phi-identifiers.csv",
    }
    text = "".join(files[p].decode() for p in files if p.startswith(folder)).lower()
    assert "compliant" not in text and "supports" in text
    for section in ("164.308", "164.310", "164.312", "164.316"):
        assert section in text
    assert files[folder + "data/phi-identifiers.csv"].count(b"\n") == 19


def test_a_leader_before_its_own_specialist_plans_and_does_not_do() -> None:
    text = skills(provision((SAMPLES / "health-platform.yaml").read_text()))["care-delivery"]
    assert "Ask it to cut and order the work" in text
    assert "Invoke the `bmad-agent-pm` skill (BMAD's Product Manager)." in text


def test_the_catalogue_of_each_task_is_its_description() -> None:
    result = provision((SAMPLES / "health-platform.yaml").read_text())
    for output in result.outputs.values():
        for skill, length in output.facts.get("catalogue", {}).items():  # type: ignore[union-attr]
            assert length == len(front(result.files[f".claude/skills/{skill}/SKILL.md"].decode())["description"])


def test_cursor_on_old_versions_has_its_own_folder() -> None:
    old = dict(BMAD_6_12) | {"_bmad/_config/manifest.yaml": b"installation:\n  version: 6.3.0\nmodules: []\nides: [cursor]\n"}
    assert any(
        p.startswith(".cursor/skills/") for p in provision({"project": {"name": "P", "leaders": [{"name": "a"}]}}, old).files
    )
