"""The runtime `template`: its trees, its errors, its sandbox, and the folder its bytecode may be in."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import yaml

from bmad_provisioner.errors import TaskError
from bmad_provisioner.kinds.team.runtime import Ask
from bmad_provisioner.kinds.team.runtimes.bytecode import bytecode_folder
from bmad_provisioner.kinds.team.runtimes.template import RUNTIME, as_json, markdown, python, section, shipped, sql

TASKS = [["data.1", "A task has a title."], ["data.2", "A project has a name."], ["ui.theme", "dark"]]
HOSTILE = [
    "a'b\"c\\d",
    "{{ 7 * 7 }}{% raw %}",
    "<script>alert(1)</script>",
    "a\nb\t\x07\x7f",
    "\u202edcba",
    "$(id) `id`",
    "---\n- x: y #",
    "🌍",
]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def made(files, requirements=TASKS, **context):
    options = {"files": files, "context": {"requirements": requirements, "team": "t", "inputs": {}, **context}}
    return RUNTIME.ask(Ask("dev", "", Path("."), options)).files


def test_templates_are_rendered_and_other_files_copied():
    files = made({"a/x.txt.j2": "{{ application.theme.mode }}", "b.txt": "{{ as it is }}", "_part.j2": "never"})
    assert files == {"a/x.txt": b"dark\n", "b.txt": b"{{ as it is }}"}


def test_a_path_with_entity_is_made_for_each_and_nothing_for_what_is_empty():
    files = made(
        {
            "docs/[entity].md.j2": "{% include '_name.j2' %}",
            "_name.j2": "{{ entity.name }}",
            "no.txt.j2": "{% if false %}x{% endif %}",
        }
    )
    assert files == {"docs/projects.md": b"Project\n", "docs/tasks.md": b"Task\n"}


def test_the_same_context_gives_the_same_bytes_with_and_without_bytecode(monkeypatch):
    tree = {"x.j2": "{% for r in requirements %}{{ r.path }}={{ r.text }}({{ r.group }}) {% endfor %}{{ team }}"}
    first, second = made(tree), made(tree)
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/nowhere")
    assert first == second == made(tree)
    assert first["x"] == b"data.1=A task has a title.(data) data.2=A project has a name.(data) ui.theme=dark(ui) t\n"


def test_the_model_of_an_input_counts_more_than_the_requirements():
    model = json.dumps(
        {"title": "Given", "entities": [{"name": "A", "plural": "As", "slug": "as", "fields": [{"name": "N", "slug": "n"}]}]}
    )
    files = made(
        {"x.j2": "{{ application.title }} {{ application.entities[0].slug }} {{ application.theme.mode }}"},
        inputs={"docs/application.json": model},
    )
    assert files == {"x": b"Given as dark\n"}


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"a.txt.j2": "one\n{{ nothing }}"}, "template `files/a.txt.j2`, line 2: 'nothing' is undefined"),
        ({"a.txt.j2": "{% include '_b.j2' %}", "_b.j2": "\n\n{{ application.none }}"}, "template `files/_b.j2`, line 3: "),
        ({"a.txt.j2": "\n{% if %}"}, "template `files/a.txt.j2`, line 2: Expected an expression"),
        ({"a.txt.j2": "{% include '_none.j2' %}"}, "template `files/a.txt.j2`, line 1: _none.j2"),
        ({"a.txt.j2": "{{ 1 / 0 }}"}, "template `files/a.txt.j2`, line 1: division by zero"),
        ({"a.txt.j2": "{{ ''.__class__.__mro__ }}"}, "template `files/a.txt.j2`, line 1: access to attribute '__class__'"),
        ({"a.txt.j2": "{{ requirements.append(1) }}"}, "template `files/a.txt.j2`, line 1: access to attribute 'append'"),
        ({"a.txt.j2": "x", "a.txt": "y"}, "template `files/a.txt.j2` makes `a.txt`, which is made twice"),
    ],
)
def test_an_error_names_the_template_and_the_line(files, said):
    with pytest.raises(TaskError) as refused:
        made(files)
    assert refused.value.message.startswith(said)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "say either"),
        ({"template": "fullstack/qa-engineer", "files": {"a": "b"}}, "say either"),
        ({"template": "none"}, "no shipped template"),
        ({"template": "../fullstack"}, "no shipped template"),
        ({"template": 7}, "no shipped template"),
        ({"files": {}}, "mapping"),
        ({"files": {"../a": "x"}}, "no path"),
        ({"files": {"/etc/a": "x"}}, "no path"),
        ({"files": {"a": 1}}, "no path"),
    ],
)
def test_options_that_cannot_be_are_told_before_anything_runs(options, said):
    (fault,) = RUNTIME.check(options)
    assert said in fault
    assert RUNTIME.version(options) == "absent"
    with pytest.raises(TaskError):
        RUNTIME.ask(Ask("dev", "", Path("."), options))


def test_every_shipped_tree_is_found_and_an_edited_one_has_another_version():
    assert len([name for name in shipped() if name.startswith("fullstack/")]) == 8
    versions = {RUNTIME.version({"template": name}) for name in shipped()}
    assert len(versions) == len(shipped())
    assert RUNTIME.version({"files": {"a": "x"}}) != RUNTIME.version({"files": {"a": "y"}})
    assert RUNTIME.version({"files": {"a": "x"}}) != RUNTIME.version({"files": {"b": "x"}})


@pytest.mark.parametrize("text", HOSTILE)
def test_a_value_stays_a_value_wherever_it_is_put(text):
    assert eval(python(text)) == text and "\u202e" not in python(text)
    assert eval(python((text,))) == (text,)
    assert json.loads(as_json(text)) == text
    assert yaml.safe_load(f"a: {as_json(text)}") == {"a": text}
    assert "\n" not in sql(text) and sql(text)[1:-1].count("'") == 2 * text.count("'")
    assert "<" not in markdown(text) and "\n" not in markdown(text)
    assert made({"x.j2": "{{ requirements[0].text | html }}"}, [["a", text]])["x"].find(b"<") == -1


def test_a_section_is_found_by_its_heading():
    text = "# T\n## One\na\n### Deep\nb\n## Two\nc"
    assert (section(text, "One"), section(text, "Two"), section(text, "None")) == ("a\n### Deep\nb", "c", "")


def test_bytecode_is_kept_in_a_folder_of_our_own():
    made({"x.j2": "{{ team }}"})
    folder = bytecode_folder()
    assert folder is not None and folder.stat().st_mode & 0o777 == 0o700
    assert list(folder.iterdir())


def _loosened(folder: Path) -> None:
    folder.chmod(0o770)


def _above(folder: Path) -> None:
    folder.parent.chmod(0o777)


def _linked(folder: Path) -> None:
    folder.rename(folder.parent / "elsewhere")
    folder.symlink_to(folder.parent / "elsewhere")


def _a_file(folder: Path) -> None:
    folder.rmdir()
    folder.write_text("no folder")


@pytest.mark.parametrize("spoil", [_loosened, _above, _linked, _a_file])
def test_bytecode_is_not_read_from_where_others_may_write(spoil):
    folder = bytecode_folder()
    assert folder is not None
    spoil(folder)
    assert bytecode_folder() is None
    assert made({"x.j2": "{{ team }}"}) == {"x": b"t\n"}


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give a folder away")
def test_bytecode_is_not_read_from_a_folder_of_somebody_else():
    folder = bytecode_folder()
    assert folder is not None
    os.chown(folder, 12345, 12345)
    assert bytecode_folder() is None


def test_spoilt_bytecode_is_compiled_again():
    tree = {"x.j2": "{{ team }}"}
    made(tree)
    folder = bytecode_folder()
    assert folder is not None
    for file in folder.iterdir():
        file.write_bytes(b"rubbish")
    assert made(tree) == {"x": b"t\n"}
