"""Documentation says what the code does: every verb, option, field, rule, error and exit code; and no link is dead."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import click
import pytest

from bmad_provisioner import errors
from bmad_provisioner.cli import tell
from bmad_provisioner.cli.main import ALIASES, VERBS
from bmad_provisioner.digest import Digest, Entry
from bmad_provisioner.kinds.code.repair.model import ALL
from bmad_provisioner.kinds.performance.causes import REMOVABLE
from bmad_provisioner.plugins import Plugins
from bmad_provisioner.settings import SETTINGS
from bmad_provisioner.tree.diff import diff

HERE = Path(__file__).resolve().parent.parent
DOCS = HERE / "docs"
SOURCE = HERE / "src" / "bmad_provisioner"
MARKDOWN = sorted([*DOCS.rglob("*.md"), HERE / "README.md"])


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference", HERE / "scripts" / "reference.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["reference"] = module
    spec.loader.exec_module(module)
    return module


REFERENCE = _load()


def page(name: str) -> str:
    return (DOCS / "reference" / name).read_text(encoding="utf-8")


# --- the reference ----------------------------------------------------------------------------------------------------


def test_every_generated_page_is_current() -> None:
    assert REFERENCE.stale() == [], "`make docs` writes them anew"


def test_check_exits_with_1_when_a_page_is_not_current(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in REFERENCE.pages().items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.setattr(REFERENCE, "FOLDER", tmp_path)
    monkeypatch.setattr(sys, "argv", ["reference.py", "--check"])
    assert REFERENCE.main() == 0
    (tmp_path / "rules.md").write_text("old", encoding="utf-8")
    assert REFERENCE.main() == 1
    assert (tmp_path / "rules.md").read_text(encoding="utf-8") == "old"


def test_every_verb_and_alias_is_documented() -> None:
    text = page("commands.md")
    names = [name for name, _command in REFERENCE.verbs()]
    assert set(VERBS) <= set(names)
    assert [name for name in names if f"## `bmadp {name}`\n" not in text] == []
    assert [alias for alias in ALIASES if f"`bmadp {alias}`" not in text] == []


@pytest.mark.parametrize(("name", "command"), list(REFERENCE.verbs()), ids=lambda value: value if isinstance(value, str) else "")
def test_every_option_and_argument_of_a_verb_is_documented(name: str, command: click.Command) -> None:
    section = page("commands.md").split(f"## `bmadp {name}`\n", 1)[1].split("\n## ", 1)[0]
    words = [word for param in command.params if isinstance(param, click.Option) for word in param.opts]
    assert [word for word in words if not re.search(rf"`{word}[` ]", section)] == []
    assert [param.name for param in command.params if isinstance(param, click.Option) and not param.help] == []
    arguments = [param for param in command.params if isinstance(param, click.Argument)]
    assert section.split("| Option |")[0].count("\n| `") == len(arguments)


KINDS = {"Skills": "manifest.md", "Team": "team.md", "Code": "code.md", "Performance": "performance.md"}


def test_every_kind_has_a_page() -> None:
    assert set(KINDS) == set(Plugins("bmad_provisioner.kinds"))


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_of_a_document_is_documented(kind: str) -> None:
    text = page(KINDS[kind])
    for name, model in REFERENCE.models(kind).items():
        section = text.split(f"\n## {REFERENCE.TITLES[name]}\n", 1)[1].split("\n## ", 1)[0]
        assert [field for field in model["properties"] if f"\n| `{field}` |" not in section] == [], name


@pytest.mark.parametrize("kind", KINDS)
def test_the_schema_explains_every_field(kind: str) -> None:
    models = REFERENCE.models(kind).items()
    fields = [(f"{name}.{field}", value) for name, model in models for field, value in model["properties"].items()]
    assert [name for name, value in fields if not REFERENCE.meaning(value)] == []


def test_every_setting_is_documented_with_its_variable_and_flag() -> None:
    rows = page("settings.md").splitlines()
    for setting in SETTINGS.values():
        row = next((row for row in rows if row.startswith(f"| `{setting.name}` |")), "")
        assert f"`{setting.variable}`" in row and setting.help in row, setting.name
        assert (f"`{setting.flag}`" in row) is not setting.secret, setting.name


def test_every_runtime_and_each_of_its_options_is_documented() -> None:
    text = page("runtimes.md")
    for name, runtime in REFERENCE.known_runtimes().items():
        assert f"\n| `{name}` | " in text
        complaint = next(iter(runtime.check({"no-such-option": 1})))
        assert [option for option in REFERENCE.options_of(name) if option not in complaint] == [], name
        known = re.split("there are |: ", complaint)[-1] if "no-such-option" in complaint else "template, files"
        assert set(known.replace("`", "").split(", ")) == set(REFERENCE.options_of(name)), name


def test_every_runtime_is_in_a_guide() -> None:
    guides = "".join((DOCS / "guides" / name).read_text(encoding="utf-8") for name in ("team.md", "coding-agents.md"))
    assert [name for name in REFERENCE.known_runtimes() if f"`{name}`" not in guides and f"{{{name}: " not in guides] == []


def test_every_pass_is_documented_with_each_of_its_examples() -> None:
    text = page("passes.md")
    for name, one in REFERENCE.known_passes().items():
        section = text.split(f"\n## `{name}`\n", 1)[1].split("\n## ", 1)[0]
        assert len(section.split("\n\n")[1]) > 20, f"{name} does not say what it does"
        shown = section.count("\n```python\n") + section.count("\n~~~~python\n")
        assert shown == sum(1 if example.before == example.after else 1 + bool(example.after) for example in one.examples), name


def test_every_group_of_repairs_is_documented_with_files_that_it_repairs() -> None:
    text = page("repairs.md")
    assert set(REFERENCE.REPAIRS) == ALL
    for group, (_about, examples) in REFERENCE.REPAIRS.items():
        assert f"\n## `{group}`\n" in text
        for example in examples:
            done = REFERENCE.repaired(example)
            assert group in {fix.kind for fix in done.fixes} and not done.left, example
            compile(done.data, group, "exec")


def test_what_the_page_says_is_refused_is_refused() -> None:
    for why, text in REFERENCE.REFUSED.items():
        done = REFERENCE.repaired(text)
        assert done.data == text.encode() and done.left, why


def test_every_kind_of_cause_is_documented() -> None:
    folder = SOURCE / "kinds" / "performance"
    found = {
        rule for path in folder.rglob("*.py") for rule in re.findall(r'\bClue\(\s*"([a-z0-9-]+)"', path.read_text(encoding="utf-8"))
    }
    assert found | set(REMOVABLE) == set(REFERENCE.CAUSES)
    assert [kind for kind in REFERENCE.CAUSES if f"\n| `{kind}` |" not in page("performance.md")] == []


def test_every_file_that_measuring_leaves_is_documented() -> None:
    folder = SOURCE / "kinds" / "performance"
    texts = {name: (folder / f"{name}.py").read_text(encoding="utf-8") for name in ("discovering", "concluding", "advising")}
    made = {
        file
        for text in texts.values()
        for file in re.findall(r'["/]([\w.-]+(?:/[\w-]+)?\.(?:md|json|jsonl|yaml|csv|html|xml|txt))"', text)
    }
    assert made - set(REFERENCE.MEASUREMENTS) == set()
    fixed = {name for name in REFERENCE.MEASUREMENTS if not re.search("[A-Z]{4}", name)}
    assert fixed - made == set()
    assert [name for name in REFERENCE.MEASUREMENTS if f"\n| `{name}` |" not in page("performance.md")] == []


def test_the_readme_has_every_verb() -> None:
    readme = (HERE / "README.md").read_text(encoding="utf-8")
    assert [verb for verb in VERBS if f"`bmadp {verb}`" not in readme] == []


def test_the_schema_beside_the_reference_is_what_the_verb_prints() -> None:
    printed = subprocess.run([sys.executable, "-m", "bmad_provisioner", "schema"], capture_output=True, check=True).stdout
    assert json.loads(printed) == json.loads(page("manifest.schema.json"))


def test_every_error_is_documented_and_drawn_with_its_exit_code() -> None:
    declared = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, errors.BmadpError)}
    assert {found.__name__ for found in REFERENCE.error_classes()} == declared
    for found in REFERENCE.error_classes():
        assert f"`{found.__name__}` | {found.exit_code} |" in page("errors.md")
        assert re.search(rf"{found.__name__}\s+{found.exit_code}\s", errors.__doc__ or ""), f"{found.__name__} in the drawing"


def test_every_exit_code_is_documented() -> None:
    codes = {name: value for name, value in vars(tell).items() if re.fullmatch("[A-Z]+", name) and type(value) is int}
    assert set(codes) == set(REFERENCE.CODES)
    assert [code for code in codes.values() if f"\n| {code} |" not in page("exit-codes.md")] == []


def test_every_file_of_the_state_folder_is_documented(tmp_path: Path) -> None:
    (tmp_path / "bmad-provisioner.yaml").write_text(
        "project: {name: Shop, leaders: [{name: dev-leader, specialists: [{id: web, domain: CSS}]}]}\n", encoding="utf-8"
    )
    run = [sys.executable, "-m", "bmad_provisioner"]
    logged = {**os.environ, "BMADP_PERFORMANCE_LOGGING": "true"}
    subprocess.run([*run, "apply", "--yes"], cwd=tmp_path, env=logged, capture_output=True, check=True)
    subprocess.run([*run, "validate"], cwd=tmp_path, env=logged, capture_output=True, check=True)
    found = {path.name for path in (tmp_path / ".bmad-provisioner").iterdir()}
    assert found - set(REFERENCE.FILES) == set()
    assert {name for name in REFERENCE.FILES if not name.startswith("blobs.db-")} - found == set()


# --- rules ------------------------------------------------------------------------------------------------------------


def rules_in_the_code() -> Iterator[tuple[str, str]]:
    """Yield each rule that a finding is made with, and where: literals, and all that a name in that place was ever set to."""
    for path in sorted(SOURCE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            rule = _rule(node) if isinstance(node, ast.Call) else None
            for text in _texts(rule) if rule is not None else ():
                yield text, f"{path.relative_to(HERE)}:{node.lineno}"  # type: ignore[attr-defined]


_MAKERS = {
    "error": 0,
    "warning": 0,
    "info": 0,
    "add": 0,
    "stop": 0,
    "fault": 0,
    "_bare": 0,
    "Complaint": 0,
    "Finding": 1,
    "Form": 1,
}
"""What makes a finding, and the place of the rule among its arguments."""


def _rule(call: ast.Call) -> ast.expr | None:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else call.func.id if isinstance(call.func, ast.Name) else ""
    place = _MAKERS.get(name)
    if place is None:
        return None
    given = next((word.value for word in call.keywords if word.arg == "rule"), None)
    return given or (call.args[place] if len(call.args) > place else None)


def _texts(rule: ast.expr) -> Iterator[str]:
    for node in ast.walk(rule):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", node.value):
            yield node.value


def test_the_scan_sees_the_rules_of_every_way_to_make_a_finding() -> None:
    seen = {rule for rule, _place in rules_in_the_code()}
    assert {"path-refused", "yaml-tag", "document-kind", "manifest-phase", "manifest-form", "sequence-step", "journal-gap"} <= seen


def test_every_rule_in_the_code_is_in_a_table() -> None:
    tables = {rule for table in REFERENCE.rule_tables().values() for rule in table}
    assert sorted({(rule, place) for rule, place in rules_in_the_code() if rule not in tables}) == []


def test_every_rule_in_a_table_is_used_documented_and_in_one_table_only() -> None:
    tables = [rule for table in REFERENCE.rule_tables().values() for rule in table]
    assert len(tables) == len(set(tables))
    assert [rule for rule in tables if f"\n| `{rule}` |" not in page("rules.md")] == []
    text = "\n".join(path.read_text(encoding="utf-8") for path in SOURCE.rglob("*.py"))
    assert [rule for rule in tables if _uses(rule, text) < 2] == []


def _uses(rule: str, text: str) -> int:
    """Count how often a rule is written, or the name that a module of rules gave it, but for where it is set and in the table."""
    names = [name for module in REFERENCE.rule_tables() for name, value in vars(sys.modules[module]).items() if value == rule]
    return len(re.findall(rf'"{rule}"', text)) + sum(len(re.findall(rf"\b{name}\b", text)) - 2 for name in names)


# --- links and commands -----------------------------------------------------------------------------------------------

_LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def _headings(path: Path) -> set[str]:
    text = _FENCE.sub("", path.read_text(encoding="utf-8"))
    found = re.findall(r"^#{1,6} (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in found}


@pytest.mark.parametrize("path", MARKDOWN, ids=lambda path: str(path.relative_to(HERE)))
def test_no_relative_link_is_dead(path: Path) -> None:
    dead = []
    for link in _LINK.findall(_FENCE.sub("", path.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in _headings(target)):
            dead.append(link)
    assert dead == []


def test_every_page_is_reached_from_the_index() -> None:
    seen, ahead = set(), [DOCS / "README.md"]
    while ahead:
        path = ahead.pop()
        if path in seen or path.suffix != ".md":
            continue
        seen.add(path)
        links = [link.partition("#")[0] for link in _LINK.findall(path.read_text(encoding="utf-8"))]
        ahead += [(path.parent / link).resolve() for link in links if link and not re.match(r"[a-z]+:", link)]
    written = {path for path in DOCS.rglob("*.md") if path.parent.name != "decisions"}
    assert sorted(str(path.relative_to(DOCS)) for path in written - seen) == []


@pytest.mark.parametrize("path", MARKDOWN, ids=lambda path: str(path.relative_to(HERE)))
def test_every_command_that_a_page_names_exists(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z][\w-]*):", (HERE / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    code = "\n".join(_FENCE.findall(text) + re.findall(r"`(make [^` ]+)`", text))
    made = set(re.findall(r"^(?:\$ )?make (?:PYTHON=\S+ )?([a-z][\w-]*)", code, re.MULTILINE))
    assert made - targets == set()
    known = {name for name, _command in REFERENCE.verbs()} | set(ALIASES)
    called = re.findall(r"(?:`|\$ |run: )bmadp ([a-z]+)(?: ([a-z]+)\b)?", text)
    called += re.findall(r"^bmadp ([a-z]+)(?: ([a-z]+)\b)?", "\n".join(_FENCE.findall(text)), re.MULTILINE)
    unknown = [f"{verb} {below}".strip() for verb, below in called if verb not in known]
    unknown += [
        f"{verb} {below}" for verb, below in called if verb in {"skill", "cache"} and below and f"{verb} {below}" not in known
    ]
    assert unknown == []


@pytest.mark.parametrize("path", MARKDOWN, ids=lambda path: str(path.relative_to(HERE)))
def test_every_option_that_a_page_gives_a_verb_exists(path: Path) -> None:
    options = {name: {word for param in command.params for word in param.opts} for name, command in REFERENCE.verbs()}
    wrong = []
    for line in re.findall(r"(?:^|`|\$ |run: )bmadp ([^`\n|>&;#]+)", path.read_text(encoding="utf-8"), re.MULTILINE):
        words = line.split()
        verb = ALIASES.get(words[0], words[0])
        verb = " ".join(words[:2]) if " ".join(words[:2]) in options else verb
        given = [word.partition("=")[0] for word in words if re.fullmatch(r"--[a-z-]+(=.*)?", word)]
        wrong += [f"{verb} {word}" for word in given if verb in options and word not in options[verb] | {"--help"}]
    assert wrong == []


def test_the_text_speaks_of_the_project_alone() -> None:
    words = re.compile(r"/work/|registry\.npmjs|pypi\.org|\bTODO\b", re.IGNORECASE)
    found = [f"{path.relative_to(HERE)}: {match[0]}" for path in MARKDOWN for match in words.finditer(path.read_text("utf-8"))]
    assert found == []


# --- concepts ---------------------------------------------------------------------------------------------------------


def _entry(cell: str) -> Entry | None:
    return None if cell == "none" else Entry(Digest(cell * 64))


def test_the_table_of_three_states_is_whole_and_says_what_diff_does() -> None:
    text = (DOCS / "concepts" / "three-states.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (none|a|b|c) \| (none|a|b|c) \| (none|a|b|c) \| (\w+) \|", text, re.MULTILINE)
    for recorded, actual, desired, gap in rows:
        trees = [{} if cell == "none" else {"x": _entry(cell)} for cell in (actual, desired, recorded)]
        changes = diff(*trees)  # type: ignore[arg-type]
        assert [change.gap.value for change in changes] == ([] if gap == "nothing" else [gap]), (recorded, actual, desired)
    shapes = {tuple(cell if cell == "none" else cells.index(cell) for cell in cells) for *cells, _gap in rows}
    assert len(rows) == len(shapes) == 14, "there are 15 ways for three states to agree, and one has no file"
