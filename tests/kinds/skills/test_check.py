"""Every fault of a manifest is named at once, with its place, line and remedy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bmad_provisioner import edit
from bmad_provisioner.finding import Severity
from bmad_provisioner.kinds.skills import doctor, legacy
from bmad_provisioner.kinds.skills.kind import ADOPTION, DIAGNOSIS, SKILLS
from bmad_provisioner.kinds.skills.rules import RULES
from kinds.skills.provision import BMAD_6_12, document, provision

PROTOTYPE = """\
project:
  name: HealthAI-Platform
  bmad_version: v6.x
  root: ~/projects/HealthAI-Platform
  leaders:
    - name: dev-leader
      domain: generic
      phase: 4-implementation
      specialists:
        - {id: frontend, name: Frontend Developer, domain: "React, Vue, CSS", skills: [UI development, FHIR dashboards]}
        - {id: backend, name: Backend Developer, domain: "FastAPI, Database", skills: [REST APIs]}
    - name: qa-leader
      domain: healthcare
      phase: 4-implementation
      specialists:
        - {id: unit, name: Unit Test Specialist, domain: "pytest, jest", skills: [TDD, mocking]}
    - name: cis-leader
      domain: cis
      phase: 1-discovery
      specialists:
        - {id: storytelling, name: Storytelling Expert, domain: Narrative design, skills: [presentations]}
  customizations:
    dev-leader:
      memories: ["Performance SLA: <2s response time"]
      principles: ["Log all PHI access"]
      menu_additions:
        - trigger: health-dev
          workflow: '{project-root}/_bmad/custom-skills/dev-leader/workflows/healthcare-dev.yaml'
          description: "[HEALTH-DEV] Healthcare-specific dev workflow"
  integration:
    workflows:
      - {phase: 4-implementation, name: healthai-dev-workflow, sequence: [sm, dev-leader, specialist, qa-leader, test-specialist]}
      - {phase: 1-discovery, name: healthai-innovation, sequence: [analyst, cis-leader, storytelling]}
"""


def project(**values: Any) -> dict[str, Any]:
    return {"project": {"name": "P", "bmad_version": "6.12.0", **values}}


def leader(**values: Any) -> dict[str, Any]:
    return {"name": "dev-leader", "specialists": [{"id": "one", "domain": "CSS"}], **values}


@pytest.mark.parametrize("contents", [{}, BMAD_6_12])
def test_the_prototypes_format_loads_without_an_error(contents: dict[str, bytes]) -> None:
    result = provision(PROTOTYPE, contents)
    assert result.errors == []
    assert result.files
    vague = [f for f in result.findings if f.rule == "manifest-vague"]
    assert len(vague) >= 7 and all(f.hint and f.line for f in vague)


@pytest.mark.parametrize(
    ("data", "message", "hint"),
    [
        ({}, "project: field required", "top"),
        (project(langage="fr"), "project.langage: unknown key", "`language`"),
        (project(language="de"), "project.language: must be 'en' or 'fr', not `de`", ""),
        (project(bmad_version="six"), "project.bmad_version: `six` is no version requirement", ""),
        (project(bmad_version=6.2), "project.bmad_version: must be text, not a number", "quotes"),
        (project(tools=["cursr"]), "project.tools.0: unknown tool `cursr`", "`cursor`"),
        (project(tools=["emacs"]), "project.tools.0: unknown tool `emacs`", "`bmadp schema` lists the tools"),
        (project(leaders=[leader(domain="helthcare")]), "project.leaders.0.domain: unknown domain `helthcare`", "`healthcare`"),
        (project(leaders=[leader(phase="4-implementaton")]), "project.leaders.0.phase: unknown phase", "`4-implementation`"),
        (project(leaders=[leader(), leader()]), "project.leaders.1.name: leader `dev-leader` and project.leaders.0.name", "rename"),
        (project(leaders=[leader(name="bmad-x")]), "project.leaders.0.name: `bmad-x` cannot be", "`x`"),
        (project(leaders=[leader(name="Dev Leader")]), "project.leaders.0.name: `Dev Leader` cannot be", "`dev-leader`"),
        (project(leaders=[leader(name="x" * 65)]), "it has 65 characters", "for example"),
        (project(leaders=[leader(name="dev-one"), leader()]), "both make the skill `dev-one`", "rename"),
        (project(leaders=[leader(specialists=[{"id": "a"}, {"id": "a"}])]), "both make the skill `dev-a`", "rename"),
        (project(leaders=[{"specialists": []}]), "project.leaders.0.name: field required", ""),
        (project(leaders="x"), "project.leaders: must be a list, not `x`", ""),
        (project(leaders=[leader()], customizations={"dev-ledr": {}}), "no leader `dev-ledr` to customise", "`dev-leader`"),
        (project(customizations={"bmad-build": {"menu_additions": [{"trigger": "a", "description": "b"}]}}), "exactly one of", ""),
        (project(skills=[{"source": "/etc"}]), "project.skills.0.source: `/etc` is a path of one machine", "beside"),
        (project(skills=[{"source": "../x"}]), "leads out of the manifest's folder", "beside"),
        (project(skills=[{"source": {"git": "ext::sh -c id"}}]), "no https, ssh or file URL", ""),
        (project(skills=[{"source": {"git": "https://u:p@h/r"}}]), "carries a password", ""),
        (project(skills=[{"source": {"git": "https://h/r", "ref": "--upload-pack=x"}}]), "is no commit, tag or branch", ""),
        (project(skills=[{"source": {"git": "https://h/r", "ref": "v1", "path": "../x"}}]), "no folder inside", ""),
        (project(skills=[{"source": "git@github.com:a/b.git"}]), "no https, ssh or file URL", "ssh://git@github.com/a/b.git"),
        (project(skills=[{"source": "./x", "needs": ["dev-ledr"]}], leaders=[leader()]), "no leader, specialist, workflow or skill is named", "`dev-leader`"),
        (project(integration={"workflows": [{"name": "w", "sequence": ["specialist"]}]}), "no leader stands before it", "put"),
        (project(integration={"workflows": [{"name": "w", "sequence": []}]}), "must have a length of at least 1, and has 0", "the steps, for example"),
        (project(leaders=[leader()], integration={"workflows": [{"name": "w", "sequence": ["dev-leadr"]}]}), "names nobody", "`dev-leader`"),
        (project(leaders=[leader()], integration={"workflows": [{"name": "w", "sequence": ["dev-leader/tow"]}]}), "no specialist `tow`", "`one`"),
        (project(leaders=[leader(name="a\u200bb")]), "hidden character U+200B", "remove it"),
        (project(root="\u202ex"), "hidden character U+202E", "remove it"),
        (project(leaders=[leader(specialists=[{"id": "x", "name": "a\U000e0041"}])]), "hidden character U+E0041", "remove it"),
    ],
)  # fmt: skip
def test_a_fault_is_named_with_its_place_and_remedy(data: dict[str, Any], message: str, hint: str) -> None:
    found = [f for f in SKILLS.check(document(data)) if f.severity is Severity.ERROR]
    assert any(message in f.message and hint in f.hint for f in found), [str(f) for f in found]
    assert all(f.rule in RULES and f.path == "bmad-provisioner.yaml" for f in found)


def test_all_faults_come_at_once_with_their_lines() -> None:
    text = PROTOTYPE.replace("domain: cis", "domain: ciz").replace("name: qa-leader", "name: QA").replace("  root:", "  rot:")
    found = [f for f in SKILLS.check(document(text)) if f.severity is Severity.ERROR]
    assert [f.line for f in found] == sorted(f.line or 0 for f in found)
    places = {f.message.split(":")[0]: f.line for f in found}
    assert places["project.rot"] == 4 and places["project.leaders.1.name"] == 12 and places["project.leaders.2.domain"] == 18


def test_emoji_are_no_hidden_text() -> None:
    data = project(leaders=[leader(specialists=[{"id": "x", "name": "Soin 👩‍⚕️ ❤️", "domain": "d"}])])
    assert SKILLS.check(document(data)) == ()


def test_a_step_nobody_answers_to_is_found_once_the_project_is_seen() -> None:
    data = project(leaders=[leader()], integration={"workflows": [{"name": "w", "sequence": ["dev-leader", "accountant"]}]})
    assert SKILLS.check(document(data)) == ()
    assert any("`accountant`: names nobody" in error for error in provision(data).errors)
    assert any("`accountant`: names nobody" in error for error in provision(data, {}).errors)
    errors = provision(PROTOTYPE.replace("cis-leader, storytelling]", "cis-leader, accountant]")).errors
    assert len(errors) == 1 and errors[0].startswith(
        "error: bmad-provisioner.yaml:33: project.integration.workflows.1.sequence.2: "
    )


def test_an_id_of_the_installed_bmad_is_refused() -> None:
    contents = dict(BMAD_6_12)
    contents["_bmad/_config/skill-manifest.csv"] += b'"dev-leader","a","d","bmm","p"\n'
    assert any("cannot make the skill `dev-leader`" in error for error in provision(project(leaders=[leader()]), contents).errors)


def test_an_agent_that_bmad_dropped_is_a_warning_with_its_heir() -> None:
    data = project(integration={"workflows": [{"name": "w", "sequence": ["sm"]}]})
    found = provision(data).findings
    assert [(f.severity, "bmad-agent-dev" in f.hint) for f in found] == [(Severity.WARNING, True)]


def test_the_version_that_is_installed_is_compared() -> None:
    data = {"project": {"name": "P", "bmad_version": ">=6.2,<6.4"}}
    assert "has BMAD 6.12.0" in provision(data).findings[0].message


def test_a_skill_may_need_leaders_specialists_workflows_and_skills() -> None:
    flow = {"workflows": [{"name": "w", "sequence": ["dev-leader"]}]}
    sources = [{"source": "./skills/a", "needs": ["dev-leader", "dev-one", "w", "b"]}, {"source": "./skills/b"}]
    assert SKILLS.check(document(project(leaders=[leader()], skills=sources, integration=flow))) == ()


def test_the_hint_on_a_skill_that_is_not_installed_names_some_that_are() -> None:
    hints = [provision(project(customizations={name: {"memories": ["x"]}})).findings[0].hint for name in ("bmad-zzz", "bmad-biuld")]
    assert hints == [
        "it has `bmad-agent-analyst`, `bmad-agent-dev`, `bmad-agent-pm` and 1 more",
        "did you mean `bmad-build`?",
    ]


def test_the_schema_lists_the_tools() -> None:
    assert "'antigravity-cli', 'auggie'" in str(SKILLS.schema())


def test_the_schema_knows_every_key_of_the_samples() -> None:
    text = str(SKILLS.schema())
    for key in ("bmad_version", "compliance_notes", "menu_additions", "additionalProperties", "sequence", "needs"):
        assert key in text


def test_doctor_and_legacy_see_what_they_ask_for() -> None:
    assert set(DIAGNOSIS.files) == set(doctor.DOCTOR_FILES) and set(DIAGNOSIS.folders) == set(doctor.DOCTOR_FOLDERS)
    assert set(ADOPTION.files) == set(legacy.ADOPT_FILES) and set(ADOPTION.folders) == set(legacy.ADOPT_FOLDERS)


def test_a_new_skill_starts_valid_and_is_declared_where_it_can_be_found(tmp_path: Path) -> None:
    assert SKILLS.scaffold is not None
    start = SKILLS.scaffold("code-review", "")
    contents = {f"beside:{path}": text.encode() for path, text in start.files.items()}
    data = project(leaders=[leader()], skills=[start.item])
    result = provision(data, contents)
    assert result.errors == [] and ".claude/skills/code-review/SKILL.md" in result.files
    read = document(data)
    assert SKILLS.declared(read, "code-review") == (("project", "skills", 0),)
    assert SKILLS.declared(read, "dev-one") == (("project", "leaders", 0, "specialists", 0),)
    assert SKILLS.declared(read, "dev-leader/one") == SKILLS.declared(read, "dev-one")
    assert SKILLS.declared(read, "dev-leader") == (("project", "leaders", 0),) and SKILLS.declared(read, "nobody") == ()


def test_what_goes_with_a_leader_can_be_deleted_part_after_part() -> None:
    text = PROTOTYPE.partition("  integration:")[0] + "    bmad-agent-dev: {memories: [x]}\n"
    data = text.encode()
    places = SKILLS.declared(document(text), "dev-leader")
    assert places == (("project", "leaders", 0), ("project", "customizations", "dev-leader"))
    for place in places:
        data = edit.remove(data, place)
    left = document(data.decode())
    assert provision(data.decode()).errors == []
    assert SKILLS.declared(left, "dev-leader") == () and "bmad-agent-dev" in data.decode() and "dev-leader" not in data.decode()
    assert SKILLS.declared(left, "bmad-agent-dev") == ()


def test_of_entries_of_one_list_the_later_goes_first_and_what_lies_within_another_is_not_named() -> None:
    twice = project(leaders=[leader(name="x", specialists=[{"id": "x"}]), leader(name="x-x"), leader(name="x-x")])
    assert SKILLS.declared(document(twice), "x-x") == (
        ("project", "leaders", 2),
        ("project", "leaders", 1),
        ("project", "leaders", 0, "specialists", 0),
    )
    inner = project(leaders=[leader(name="x-leader", specialists=[{"id": "leader"}])])
    assert SKILLS.declared(document(inner), "x-leader") == (("project", "leaders", 0),)
