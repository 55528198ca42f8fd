"""Adoption: what a project holds becomes a manifest, and nothing is lost on the way."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from bmad_install import VERSIONS, Given, Look, install, update
from bmad_provisioner.kinds.skills.bmad import detect
from bmad_provisioner.kinds.skills.doctor import diagnose
from bmad_provisioner.kinds.skills.kind import SKILLS
from bmad_provisioner.kinds.skills.legacy import Adopted, adopt
from bmad_provisioner.kinds.skills.versions import satisfies
from kinds.skills.provision import document

HOME = "_bmad/custom-skills"
SKILL = "---\nname: {0}\ndescription: Does {0}. Use when asked.\n---\n# {0}\n"
BMAD = {"_bmad/_config/manifest.yaml": "installation:\n  version: 6.12.0\nides: [claude-code, cursor]\n"}

LEADER = """\
name: leader-dev
type: leader
expertise:
  domain: generic
  specialists: [frontend, backend]
"""
BACKEND = """\
name: specialist-backend
display_name: Backend Developer
type: specialist
leader: dev
expertise:
  domain: FastAPI, Database
  skills: [REST APIs, data models]
"""
FRONTEND = """\
# Frontend Developer - Specialist Agent

## Role
Builds the pages

## Domain Expertise
React, CSS

## Specialized Skills

- components
- styling

## When to Use This Specialist
{specialist['trigger_conditions']}
{compliance_section}

## Compliance Notes
- keep PHI out of the browser
"""
CUSTOMIZE = """\
memories:
  - "React in front, FastAPI behind"
principles:
  - Log every access
menu:
  - trigger: route
    workflow: '{{project-root}}/skills/dev-leader/workflows/route-to-specialist.yaml'
    description: Route it
  - trigger: ship
    workflow: '{project-root}/_bmad/custom-skills/dev-leader/workflows/delivery.yaml'
    description: Deliver
  - trigger: own
    workflow: '{project-root}/_bmad/custom-skills/dev-leader/workflows/odd.yaml'
    description: Odd one
"""
DELIVERY = """\
name: Delivery Chain
phase: 4-implementation
steps:
- {name: a, agent: leader-dev, handoff: leader-qa}
- {name: b, agent: 'specialist-{{x.specialist_id}}'}
- {name: c, agent: leader-qa}
- {name: d, agent: specialist-backend}
"""
DEV = {
    f"{HOME}/dev-leader/SKILL.md": "# dev-leader\n\nagents/specialist-frontend.md\n",
    f"{HOME}/dev-leader/agents/leader-dev.md": "# Dev - Leader Agent\n",
    f"{HOME}/dev-leader/agents/leader-dev.agent.yaml": LEADER,
    f"{HOME}/dev-leader/agents/specialist-backend.agent.yaml": BACKEND,
    f"{HOME}/dev-leader/agents/specialist-frontend.md": FRONTEND,
    f"{HOME}/dev-leader/workflows/route-to-specialist.yaml": "name: route-to-specialist\n",
    f"{HOME}/dev-leader/workflows/dev-complete.yaml": "name: dev-complete\nphase: 4-implementation\n",
    f"{HOME}/dev-leader/workflows/delivery.yaml": DELIVERY,
    f"{HOME}/dev-leader/workflows/odd.yaml": "name: odd\nsteps: [{agent: nobody}]\n",
    f"{HOME}/dev-leader/references/routing-rules.md": "# Rules\n",
    "_bmad/_config/agents/custom-dev-leader.customize.yaml": CUSTOMIZE,
}
QA = {
    f"{HOME}/qa-leader/SKILL.md": "# qa\n\nDefault phase: **3-arch**\n",
    f"{HOME}/qa-leader/agents/leader-qa.md": "# Qa - Leader Agent\n",
    f"{HOME}/qa-leader/agents/specialist-unit.md": "# Unit Tester - Specialist Agent\n\n## Domain Expertise\npytest\n\n## Core Skills\n- mocking\n",
    f"{HOME}/qa-leader/data/phi-keywords.csv": "keyword,category,risk_level\npatient,PHI,HIGH\nmy own,PHI,LOW\n",
}


def adopted(files: dict[str, Any], name: str = "Health") -> Adopted:
    sight = Given({**BMAD, **files})
    return adopt(sight, detect(sight), name=name)


def project_of(result: Adopted) -> Any:
    return result.manifest["project"]


def test_the_prototypes_layout_becomes_leaders_customisations_and_workflows() -> None:
    result = adopted({**DEV, **QA})
    assert result.manifest == {
        "kind": "Skills",
        "project": {
            "name": "Health",
            "bmad_version": ">=6.12,<7",
            "leaders": [
                {
                    "name": "dev-leader",
                    "domain": "generic",
                    "phase": "4-implementation",
                    "specialists": [
                        {
                            "id": "frontend",
                            "name": "Frontend Developer",
                            "domain": "React, CSS",
                            "skills": ["components", "styling"],
                            "compliance_notes": "keep PHI out of the browser",
                        },
                        {
                            "id": "backend",
                            "name": "Backend Developer",
                            "domain": "FastAPI, Database",
                            "skills": ["REST APIs", "data models"],
                        },
                    ],
                },
                {
                    "name": "qa-leader",
                    "domain": "healthcare",
                    "phase": "3-solutioning",
                    "specialists": [{"id": "unit", "name": "Unit Tester", "domain": "pytest", "skills": ["mocking"]}],
                },
            ],
            "customizations": {
                "dev-leader": {
                    "memories": ["React in front, FastAPI behind"],
                    "principles": ["Log every access"],
                    "menu_additions": [
                        {"trigger": "route", "skill": "dev-leader", "description": "Route it"},
                        {"trigger": "ship", "skill": "delivery-chain", "description": "Deliver"},
                        {
                            "trigger": "own",
                            "workflow": "{project-root}/adopted/custom-skills/dev-leader/workflows/odd.yaml",
                            "description": "Odd one",
                        },
                    ],
                }
            },
            "integration": {
                "workflows": [
                    {
                        "name": "delivery-chain",
                        "phase": "4-implementation",
                        "sequence": ["dev-leader", "specialist", "qa-leader", "dev-leader/backend"],
                    }
                ]
            },
        },
    }
    assert [finding.path for finding in result.findings] == [f"{HOME}/dev-leader/workflows/odd.yaml"]


def test_every_file_of_the_prototype_is_kept_before_it_goes() -> None:
    result = adopted({**DEV, **QA, f"{HOME}/config.yaml": "a: b"})
    assert set(result.removals) == {*DEV, *QA, f"{HOME}/config.yaml"}
    copied = dict(result.copies)
    assert {path for path in result.removals if path not in copied} == {f"{HOME}/config.yaml"}
    assert copied[f"{HOME}/qa-leader/data/phi-keywords.csv"] == "adopted/custom-skills/qa-leader/data/phi-keywords.csv"
    assert len(set(copied.values())) == len(copied)


def test_an_earlier_adoption_is_not_overwritten() -> None:
    target = "adopted/custom-skills/dev-leader/SKILL.md"
    copied = dict(adopted({**DEV, target: "# of an earlier adoption"}).copies)
    assert copied[f"{HOME}/dev-leader/SKILL.md"].startswith(f"{target}.")


def test_what_bmad_took_from_its_folder_is_read_from_its_copies_in_the_tools_folders() -> None:
    moved = {path.replace(HOME, ".claude/skills"): text for path, text in DEV.items() if path.startswith(HOME)}
    assert project_of(adopted(moved))["leaders"] == project_of(adopted(DEV))["leaders"]
    half = {path: text for path, text in DEV.items() if "/agents/" not in path}
    result = adopted({**moved, **half})
    assert project_of(result)["leaders"] == project_of(adopted(DEV))["leaders"]
    assert set(result.removals) == {*moved, *half}
    kept = [path for path, _ in result.copies if path.endswith("leader/SKILL.md")]
    assert kept == [f"{HOME}/dev-leader/SKILL.md"]
    differing = adopted({**moved, **DEV, ".claude/skills/dev-leader/SKILL.md": "# edited\n"})
    assert dict(differing.copies)[".claude/skills/dev-leader/SKILL.md"] == "adopted/claude-skills/dev-leader/SKILL.md"


def test_skills_written_by_hand_come_along_whole() -> None:
    files = {
        ".claude/skills/code-review/SKILL.md": SKILL.format("code-review"),
        ".claude/skills/code-review/scripts/run.sh": "ls\n",
        ".agents/skills/code-review/SKILL.md": SKILL.format("code-review"),
        ".agents/skills/code-review/scripts/run.sh": "ls\n",
        ".cursor/skills/notes/SKILL.md": SKILL.format("notes"),
        ".claude/skills/bmad-help/SKILL.md": SKILL.format("bmad-help"),
        ".claude/skills/README.md": "no skill",
        f"{HOME}/release/SKILL.md": SKILL.format("release"),
    }
    result = adopted(files)
    assert project_of(result)["skills"] == [
        {"source": "./skills/release"},
        {"source": "./skills/code-review"},
        {"source": "./skills/notes"},
    ]
    assert dict(result.copies) == {
        f"{HOME}/release/SKILL.md": "skills/release/SKILL.md",
        ".claude/skills/code-review/SKILL.md": "skills/code-review/SKILL.md",
        ".claude/skills/code-review/scripts/run.sh": "skills/code-review/scripts/run.sh",
        ".cursor/skills/notes/SKILL.md": "skills/notes/SKILL.md",
    }
    assert result.removals == (f"{HOME}/release/SKILL.md",)
    assert result.findings == ()


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({".claude/skills/a/SKILL.md": "1", ".agents/skills/a/SKILL.md": "2"}, "differs from `.claude/skills/a`"),
        ({".claude/skills/My_Skill/SKILL.md": "1"}, "cannot be a skill's name"),
        ({**DEV, ".claude/skills/dev-frontend/SKILL.md": "1"}, "makes a skill `dev-frontend`"),
        ({".claude/skills/a/SKILL.md": "1", "skills/a/SKILL.md": "2"}, "holds something else"),
        ({f"{HOME}/misc/notes.md": "1"}, "no leader and has no `SKILL.md`"),
        ({f"{HOME}/x-leader/agents/leader-x.md": "# X"}, "has no specialists"),
        ({f"{HOME}/x-leader/agents/specialist-y.md": "# Y"}, "names no domain"),
        ({f"{HOME}/x-leader/agents/specialist-Big_Y.md": "# Y"}, "becomes `big-y`"),
        ({f"{HOME}/X Leader/agents/specialist-y.md": "# Y"}, "called `x-leader`"),
        ({f"{HOME}/x-leader/agents/specialist-y.agent.yaml": "a: [\0"}, "not readable as YAML"),
        ({f"{HOME}/x-leader/agents/specialist-y.agent.yaml": "a: &a [1]\nb: *a"}, "aliases"),
        ({"_bmad/_config/agents/custom-gone.customize.yaml": "memories: [x]"}, "which is not here"),
        (
            {**DEV, "_bmad/_config/agents/custom-dev-leader.customize.yaml": "prompts: [x]\nodd: 1"},
            "`odd`, `prompts` cannot be told",
        ),
        ({**DEV, "_bmad/_config/agents/custom-dev-leader.customize.yaml": "menu: [{description: x}]"}, "names no trigger"),
        ({**DEV, "_bmad/_config/agents/custom-dev-leader.customize.yaml": "persona: {role: x}"}, "`persona.role` cannot be told"),
        (
            {**DEV, **QA, f"{HOME}/qa-leader/workflows/chain.yaml": DELIVERY.replace("specialist-backend", "leader-dev")},
            "is called `delivery-chain` too",
        ),
        (
            {
                **DEV,
                "_bmad/_config/agents/custom-dev-leader.customize.yaml": "menu: [{trigger: x, workflow: skills/dev-leader/workflows/no.yaml}]",
            },
            "which is not there",
        ),
    ],
)
def test_what_is_not_understood_is_said_with_a_remedy(files: dict[str, str], words: str) -> None:
    found = [finding for finding in adopted(files).findings if words in finding.message]
    assert len(found) == 1
    assert found[0].rule == "adopt-unclear"
    assert found[0].path


def test_customisations_of_bmads_own_agents_are_taken_over_and_their_files_left() -> None:
    path = "_bmad/_config/agents/bmm-dev.customize.yaml"
    empty = "_bmad/_config/agents/bmm-pm.customize.yaml"
    text = "agent:\n  metadata:\n    name: ''\npersona:\n  role: ''\n  principles: [be brief]\nmemories: [uses uv]\ncritical_actions: []\nmenu: []\n"
    files = {path: text, empty: "memories: []\n", "_bmad/config.toml": '[core]\nproject_name = "Shop"\n[agents.bmad-agent-dev]\n'}
    result = adopted(files, name="")
    assert project_of(result) == {
        "name": "Shop",
        "bmad_version": ">=6.12,<7",
        "customizations": {"bmad-agent-dev": {"memories": ["uses uv"], "principles": ["be brief"]}},
    }
    assert (result.removals, result.findings) == ((), ())


def test_what_is_already_ours_is_not_adopted() -> None:
    sight = Given(
        {".claude/skills/dev-leader/SKILL.md": SKILL.format("dev-leader"), ".claude/skills/x/SKILL.md": SKILL.format("x")}
    )
    result = adopt(sight, detect(sight), managed=frozenset({".claude/skills/dev-leader/SKILL.md"}))
    assert project_of(result)["skills"] == [{"source": "./skills/x"}]


def test_an_empty_project_gives_an_empty_manifest() -> None:
    sight = Given({})
    assert adopt(sight, detect(sight)) == Adopted({"kind": "Skills", "project": {"name": "project"}})


@pytest.mark.parametrize(
    ("version", "asked"),
    [
        ("6.2.2", ">=6.2,<7"),
        ("6.12.0", ">=6.12,<7"),
        ("6.0.0-alpha.7", ">=6.0.0-alpha.7,<7"),
        ("7.1.0", ">=7.1,<8"),
        ("4.44.3", None),
    ],
)
def test_the_manifest_asks_for_the_bmad_that_is_here_and_no_other_major(version: str, asked: str | None) -> None:
    sight = Given({"_bmad/_config/manifest.yaml": f"installation:\n  version: {version}\n"})
    found = adopt(sight, detect(sight))
    assert project_of(found).get("bmad_version") == asked
    read = document(found.manifest)
    assert SKILLS.check(read) == ()
    assert asked is None or satisfies(version, asked)


@pytest.mark.parametrize(
    ("entry", "edited"),
    [
        ("  - name: custom-skills\n    version: null\n    source: unknown\n", True),
        ("  - source: unknown\n    name: custom-skills\n", False),
        ("  - name: custom-skills\n    source: custom\n    localPath: /x\n", None),
    ],
)
def test_only_the_entry_that_makes_bmad_delete_leaves_its_manifest(entry: str, edited: bool | None) -> None:
    before = f"installation:\n  version: 6.12.0 # kept\nmodules:\n  - name: core\n    source: built-in\n{entry}  - name: bmm\n    source: built-in\nides: [cursor]\n"
    result = adopted({"_bmad/_config/manifest.yaml": before})
    assert result.rewrites == ({"_bmad/_config/manifest.yaml": before.replace(entry, "").encode()} if edited else {})
    assert len(result.findings) == (edited is False)


@pytest.mark.bmad
@pytest.mark.parametrize("version", VERSIONS)
def test_a_real_project_is_migrated_and_survives_bmads_updates(version: str, tmp_path: Path) -> None:
    project = install(version, tmp_path / "p")
    tree = {**DEV, **QA, f"{HOME}/release/SKILL.md": SKILL.format("release")}
    tree[f"{HOME}/dev-leader/SKILL.md"] = SKILL.format("dev-leader")
    write(project, tree)
    expected = project_of(adopt(Look(project), detect(Look(project)), name="Health"))
    if version != "6.0.4":
        update(project, to=version)
    look = Look(project)
    result = adopt(look, detect(look), name="Health")
    assert [each["name"] for each in project_of(result)["leaders"]] == ["dev-leader", "qa-leader"]
    assert project_of(result) == expected
    before = {path: (project / path).read_bytes() for path in result.removals}
    perform(project, result)
    kept = {path.read_bytes() for folder in ("adopted", "skills") for path in (project / folder).rglob("*") if path.is_file()}
    assert {data for path, data in before.items() if path != f"{HOME}/config.yaml"} <= kept
    assert not any((project / HOME).rglob("*.md"))
    assert "custom-skills" not in yaml.safe_load((project / "_bmad/_config/manifest.yaml").read_text()).get("modules", [])
    after = snapshot(project)
    for mode in ("quick", "full", "full"):
        update(project, mode=mode)
    assert {path: data for path, data in snapshot(project).items() if path in after} == after
    left = {finding.rule for finding in diagnose(Look(project), detect(Look(project)))}
    assert left <= {"stale-folder", "stale-skill"}
    assert "custom-skills" not in detect(Look(project)).modules


def write(project: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        (project / path).write_text(text, "utf-8")


def perform(project: Path, result: Adopted) -> None:
    """Do what an adoption asks for: copy, rewrite, remove, and let empty folders go."""
    for source, target in result.copies:
        (project / target).parent.mkdir(parents=True, exist_ok=True)
        (project / target).write_bytes((project / source).read_bytes())
    for path, data in result.rewrites.items():
        (project / path).write_bytes(data)
    for path in result.removals:
        (project / path).unlink()
    for folder, _, _ in os.walk(project / HOME, topdown=False):
        os.rmdir(folder)


def snapshot(project: Path) -> dict[str, bytes]:
    folders = (project / "adopted", project / "skills")
    return {str(path): path.read_bytes() for folder in folders for path in folder.rglob("*") if path.is_file()}
