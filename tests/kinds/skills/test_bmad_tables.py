"""What we know of BMAD, as tables: no installer needed."""

from __future__ import annotations

import pytest

from bmad_install import Given
from bmad_provisioner.digest import Digest, Entry
from bmad_provisioner.finding import Severity
from bmad_provisioner.kinds.skills.bmad import (
    ALL_FOLDERS,
    CONTEXT_FILES,
    LARGEST,
    RESERVED_CODES,
    HelpRow,
    Installation,
    detect,
    era_of,
    forbidden_reason,
    has_toml_overrides,
    help_csv,
    module_code,
    phase_name,
    quick,
    rank,
    read_yaml,
    reserved_reason,
    satisfies,
    skill_folders,
)

MANIFEST = "_bmad/_config/manifest.yaml"
NONE = Installation()
OLD = Installation("6.2.0", "B", ("claude-code", "cursor"))
NEW = Installation("6.12.0", "E", ("claude-code", "cursor"), skills=frozenset({"acme-review"}))


@pytest.mark.parametrize(
    ("version", "requirement", "met"),
    [
        ("6.12.0", "v6.x", True),
        ("6.12.0", "6", True),
        ("6.12.0", "6.12.x", True),
        ("6.12.0", "6.12", True),
        ("6.12.0", "6.1", False),
        ("6.12.0", "6.12.0", True),
        ("6.12.0", "v6.12.0", True),
        ("6.12.1", "6.12.0", False),
        ("6.12.0", ">=6.2,<7", True),
        ("6.12.0", ">= 6.2 , < 6.12", False),
        ("6.12.0", "!=6.12.0", False),
        ("6.12.0", "*", True),
        ("6.0.0-Beta.2", "v6.x", True),
        ("6.0.0-Beta.2", ">=6.0.0", False),
        ("6.0.0-Beta.2", ">6.0.0-alpha.22", True),
        ("6.0.0-alpha.10", ">6.0.0-alpha.9", True),
        ("4.44.3", "v6.x", False),
        (None, "v6.x", False),
        ("nonsense", "*", False),
    ],
)
def test_a_version_meets_a_requirement_or_not(version: str | None, requirement: str, met: bool) -> None:
    assert satisfies(version, requirement) is met


@pytest.mark.parametrize(
    "requirement", ["", "latest", ">=", ">=6.x", "6..1", "6.2 7", ">=6.2,", "^6", "six", "6.2." + "1" * 9, "٦"]
)
def test_a_malformed_requirement_is_refused_whatever_the_version(requirement: str) -> None:
    for version in ("6.12.0", None):
        with pytest.raises(ValueError, match="requirement"):
            satisfies(version, requirement)


@pytest.mark.parametrize(
    ("version", "era"),
    [
        ("4.44.3", "v4"),
        ("6.0.0-alpha.7", "A0"),
        ("6.0.0-Beta.2", "A"),
        ("6.0.4", "A"),
        ("6.1.0", "B"),
        ("6.2.2", "B"),
        ("6.3.0", "C"),
        ("6.4.0", "D"),
        ("6.10.0", "D"),
        ("6.11.0", "E"),
        ("6.11.1-next.0", "E"),
        ("6.99.0", "E"),
        ("7.0.0", "F"),
        ("1.0.0", "none"),
        ("?", "none"),
    ],
)
def test_a_version_has_an_era(version: str, era: str) -> None:
    assert era_of(version) == era


@pytest.mark.parametrize(
    ("files", "version", "era"),
    [
        ({}, None, "none"),
        ({"_bmad/acme/notes.md": "not BMAD"}, None, "none"),
        ({MANIFEST: "installation: {version: 6.12.0}"}, "6.12.0", "E"),
        ({"bmad/_cfg/manifest.yaml": "installation: {version: 6.0.0-alpha.7}\nmodules: [core, bmm]"}, "6.0.0-alpha.7", "A0"),
        ({".bmad/_cfg/manifest.yaml": "installation: {version: 6.0.0-alpha.9}"}, "6.0.0-alpha.9", "A0"),
        ({".bmad-core/install-manifest.yaml": "version: 4.44.3\ninstalled_at: '2026'"}, "4.44.3", "v4"),
        ({".claude/skills/bmad/module-manifest.toml": 'module = "bmad"\nversion = "7.0.1"\n'}, "7.0.1", "F"),
        ({MANIFEST: "installation: {version: 6.12.0}", ".bmad-core/install-manifest.yaml": "version: 4.44.3"}, "6.12.0", "E"),
    ],
)
def test_every_layout_is_recognised(files: dict[str, str], version: str | None, era: str) -> None:
    found = detect(Given(files))
    assert (found.version, found.era, found.faults) == (version, era, ())
    assert set(files) <= set(CONTEXT_FILES) or era == "none"


@pytest.mark.parametrize(
    "content",
    [
        b"\x00",
        b"\xff\xfe\x00",
        b"[" * 400_000,
        b"a: &a [1]\nb: *a",
        b"installation: 7",
        b"installation: {version: [6]}",
        b"installation: {version: newest}",
        b"9" * 900_000,
        b"- x",
        b"",
        b"installation: {version: 6.12.0}\n#" + b"x" * LARGEST,
        b"!!python/object/apply:os.system [ls]",
        b"a: 2026-99-99",
    ],
)
def test_a_broken_manifest_is_a_finding_and_the_era_is_told_by_the_rest(content: bytes) -> None:
    for evidence, era in (
        ({"_bmad/config.toml": "", "_bmad/render/.gitignore": ""}, "E"),
        ({"_bmad/config.toml": ""}, "D"),
        ({"_bmad/_config/skill-manifest.csv": "canonicalId\n"}, "C"),
        ({"_bmad/_config/skill-manifest.csv": "canonicalId\n", "_bmad/_config/workflow-manifest.csv": ""}, "B"),
        ({"_bmad/_config/workflow-manifest.csv": ""}, "A"),
        ({}, "none"),
    ):
        found = detect(Given({MANIFEST: content, **evidence}))
        assert (found.version, found.era) == (None, era)
        assert [(fault.rule, fault.severity) for fault in found.faults] == [("bmad-unreadable", Severity.WARNING)]


@pytest.mark.parametrize("word", ["null", "true", "'core'", "core # x", "{a: b}", "&a x", "12", "a: b", ""])
def test_a_manifest_with_anything_unusual_is_left_to_yaml(word: str) -> None:
    text = "installation:\n  version: 6.12.0\nmodules:\n  - name: {0}\n    source: built-in\nides:\n  - {1}\n"
    assert quick(text.format("core", "cursor").encode()) == Installation("6.12.0", "E", ("cursor",), ("core",))
    assert quick(text.format(word, "cursor").encode()) is None
    assert quick(text.format("core", word).encode()) is None


def test_broken_lists_are_read_as_far_as_they_go() -> None:
    lists = {
        "_bmad/_config/skill-manifest.csv": b'canonicalId,name,module\n"bmad-help","x","core"\nshort\n"dev-leader","x","custom-skills"\n\xff,\n',
        "_bmad/_config/agent-manifest.csv": 'name\n"' + "x" * 200_000,
        "_bmad/config.toml": '[agents.bmad-agent-dev]\n[agents."odd one"]\n[[broken\n',
    }
    found = detect(Given({MANIFEST: "installation: {version: 6.12.0}\nides: {a: b}\nmodules: [{name: core}, bmm, 7, {}]", **lists}))
    assert "bmad-help" in found.skills
    assert "dev-leader" not in found.skills
    assert found.agents == {"bmad-agent-dev", "dev", "odd one"}
    assert (found.ides, found.modules) == ((), ("core", "bmm"))


def test_a_link_is_not_read() -> None:
    class Linked(Given):
        def entry(self, path: str) -> Entry | None:
            return Entry(Digest("symlink:/etc/passwd")) if path in self.files else None

        def read(self, path: str) -> bytes:
            raise AssertionError("a link was read")

    found = detect(Linked(dict.fromkeys(CONTEXT_FILES, "")))
    assert found.version is None
    assert found.faults


def test_yaml_is_plain_data() -> None:
    assert read_yaml(b"\xef\xbb\xbfa: [1, two]\n") == {"a": [1, "two"]}


@pytest.mark.parametrize(
    ("installation", "tools", "folders"),
    [
        (NONE, None, (".claude/skills", ".agents/skills")),
        (NEW, None, (".claude/skills", ".agents/skills")),
        (OLD, None, (".claude/skills", ".cursor/skills")),
        (Installation("6.0.4", "A", ("claude-code", "cursor")), None, (".claude/skills", ".agents/skills")),
        (NEW, ["codex", "cursor", "gemini"], (".agents/skills",)),
        (OLD, ["gemini", "codex", "kiro", "qwen"], (".gemini/skills", ".agents/skills", ".kiro/skills", ".qwen/skills")),
        (NEW, ["kiro", "claude-code", "kiro"], (".kiro/skills", ".claude/skills")),
        (NEW, ["a-tool-of-tomorrow"], (".agents/skills",)),
        (NEW, [], (".claude/skills", ".agents/skills")),
        (Installation("6.12.0", "E", ("../../etc",)), None, (".agents/skills",)),
    ],
)
def test_skills_go_where_the_tools_look(installation: Installation, tools: list[str] | None, folders: tuple[str, ...]) -> None:
    assert skill_folders(installation, tools) == folders
    assert set(folders) <= set(ALL_FOLDERS)


@pytest.mark.parametrize(
    ("phase", "before", "since"),
    [
        ("1-analysis", "1-analysis", "plan"),
        ("1-discovery", "1-analysis", "plan"),
        ("2", "2-planning", "plan"),
        ("3-arch", "3-solutioning", "plan"),
        ("4-Implementation ", "4-implementation", "ship"),
        ("ship", "4-implementation", "ship"),
        ("0", "anytime", "anytime"),
        ("anytime", "anytime", "anytime"),
        ("5-operations", None, None),
        ("", None, None),
    ],
)
def test_a_phase_is_called_what_the_version_calls_it(phase: str, before: str | None, since: str | None) -> None:
    assert (phase_name(phase, OLD), phase_name(phase, NONE), phase_name(phase, NEW)) == (before, before, since)


def test_overrides_exist_since_6_4() -> None:
    versions = {"6.3.0": False, "6.4.0": True, "6.12.0": True, "7.0.0": True}
    assert {v: has_toml_overrides(Installation(v, era_of(v))) for v in versions} == versions
    assert has_toml_overrides(Installation(None, "D"))
    assert not has_toml_overrides(NONE)


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("bmad", "belong to BMAD"),
        ("bmad-acme", "belong to BMAD"),
        ("bmadly", "belong to BMAD"),
        ("bmad-investigate", "on every update"),
        ("acme-review", "has a skill of this name"),
        ("a" * 65, "65 characters"),
        ("Dev", "a-z"),
        ("dév", "a-z"),
        ("a_b", "a-z"),
        ("a--b", "--"),
        ("-a", "start or end"),
        ("a-", "start or end"),
        ("a\n", "a-z"),
        ("", "empty"),
        ("con", "Windows"),
    ],
)
def test_some_names_may_not_be_used(name: str, word: str) -> None:
    assert word in (reserved_reason(name, NEW) or "")


@pytest.mark.parametrize("name", ["dev-leader", "a", "a" * 64, "7zip", "not-bmad"])
def test_other_names_may(name: str) -> None:
    assert reserved_reason(name, NEW) is None


def test_a_module_code_is_steady_valid_and_never_taken() -> None:
    names = [
        "HealthAI-Platform",
        "custom",
        "bmad",
        "BMAD Method",
        "",
        "日本",
        "é",
        "a" * 300,
        "../x",
        "_config",
        "core",
        "bmm",
        "A: B",
    ]
    for name in names:
        code = module_code(name)
        assert code == module_code(name)
        assert code not in RESERVED_CODES
        assert forbidden_reason(f"_bmad/{code}/module-help.csv") is None
        assert reserved_reason(code, NONE) is None
    assert module_code("HealthAI-Platform") == "healthai-platform-skills"
    assert module_code("日本") != module_code("中国")


@pytest.mark.parametrize(
    "path",
    [
        ".claude/skills/dev-leader/SKILL.md",
        ".claude/skills/dev-leader/references/bmad-notes.md",
        ".agents/skills/dev-leader/agents/x.md",
        "_bmad/custom/dev-leader.toml",
        "_bmad/custom/bmad-agent-dev.toml",
        "_bmad/custom/config.toml",
        "_bmad/healthai-skills/module-help.csv",
        "_bmad/_config/agents/custom-dev-leader.customize.yaml",
        "_bmad/_config/bmad-help.csv",
        ".github/agents/dev-leader.agent.md",
        "skills/code-review/SKILL.md",
        "docs/bmad.md",
    ],
)
def test_the_contract_lets_us_write(path: str) -> None:
    assert forbidden_reason(path) is None


@pytest.mark.parametrize(
    "path",
    [
        "_bmad/custom-skills/dev-leader/SKILL.md",
        "_bmad/custom/dev-leader/SKILL.md",
        "_bmad/custom/agents/x.toml",
        "_bmad/healthai-skills/agents/module-help.csv",
        "_bmad/healthai-skills/SKILL.md",
        "_bmad/healthai-skills/skill.md",
        "_bmad/healthai-skills/notes.md",
        "_bmad/custom/me.user.toml",
        "_bmad/custom/config.user.toml",
        "_bmad/custom/.hidden.toml",
        "_bmad/custom/.gitignore",
        "_bmad/config.toml",
        "_bmad/bmm/module-help.csv",
        "_bmad/custom/module-help.csv",
        "_bmad/cis/module-help.csv",
        "_bmad/scripts/resolve_config.py",
        "_bmad/_config/manifest.yaml",
        "_bmad/_config/skill-manifest.csv",
        "_bmad/_config/agents/bmm-dev.customize.yaml",
        "_bmad/_memory/x.md",
        "_bmad",
        "_BMAD/core/config.yaml",
        ".bmad-core/core-config.yaml",
        "_bmad-output/prd.md",
        "_bmad-custom-backup-temp/x",
        ".claude/skills/bmad-help/SKILL.md",
        ".CLAUDE/Skills/BMAD-help/SKILL.md",
        ".claude/commands/BMad/agents/dev.md",
        ".github/copilot-instructions.md",
        ".bmad-provisioner/lock.json",
        ".git/hooks/pre-commit",
        "/etc/passwd",
        "../x",
        "a/../../x",
        "a//b",
        "a\\..\\b",
        "a\0b",
        "",
        ".",
    ],
)
def test_the_contract_forbids(path: str) -> None:
    assert forbidden_reason(path)


def test_help_rows_have_the_columns_of_the_version() -> None:
    row = HelpRow("dev-leader", "Dev Leader", "DL", 'Says "hi", then\r\nroutes', "4-implementation", "qa-leader", "ba-leader")
    new = help_csv("acme", [row], NEW).decode().splitlines()
    old = help_csv("acme", [row], OLD).decode().splitlines()
    assert new[0].startswith("module,skill,display-name,menu-code,description,action,args,phase,preceded-by,followed-by,")
    assert new[1] == 'acme,dev-leader,Dev Leader,DL,"Says ""hi"", then routes",,,4-implementation,qa-leader,ba-leader,false,,'
    assert old[0].startswith("module,phase,name,code,sequence,workflow-file,command,required,")
    assert old[1] == 'acme,4-implementation,Dev Leader,DL,10,skill:dev-leader,dev-leader,false,,,"Says ""hi"", then routes",,'
    assert help_csv("acme", [row], NONE) == help_csv("acme", [row], NEW)
    assert help_csv("acme", [], NEW).count(b"\n") == 1


def test_versions_are_ordered_as_semantic_versioning_says() -> None:
    versions = ["4.44.3", "6.0.0-alpha.2", "6.0.0-alpha.10", "6.0.0-Beta.2", "6.0.0", "6.0.4", "6.11.1-next.0", "6.11.1", "7"]
    assert sorted(reversed(versions), key=lambda version: rank(version) or ()) == versions
