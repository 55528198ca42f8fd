"""Verbs to start and edit with, and the command line itself: init, schema, skill, doctor, help, version, completion."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from bmad_provisioner import __version__
from bmad_provisioner.cli.main import ALIASES, VERBS
from bmad_provisioner.kinds.skills.model import Leader, Project, Specialist
from cli.home import LEADER, MANIFEST, fast

BMADP = [sys.executable, "-m", "bmad_provisioner"]


@pytest.fixture
def home():
    with fast() as lent:
        lent.write(MANIFEST)
        yield lent


# --- init, schema -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_scaffold_applies_cleanly(home, language):
    home.manifest.unlink()
    said = home.bmadp("init", "--language", language)
    assert said.code == 0 and "wrote" in said.out and "bmadp analyze" in said.err
    said = home.bmadp("apply", "--yes")
    assert said.code == 0 and "warning" not in said.err and "error" not in said.err
    assert home.bmadp("validate").code == 0


def test_init_refuses_to_overwrite_and_speaks_json(home):
    assert home.bmadp("init").is_one_error(2, "already exists")
    home.manifest.unlink()
    assert home.bmadp("init", "--json", "--name", "P").json["manifest"] == str(home.manifest)


@pytest.mark.parametrize("name", ["A: B", "{x}", "null", "5", 'a"b', "#x", "%s{}"])
def test_init_writes_a_manifest_that_is_right_whatever_the_name(home, name):
    home.manifest.unlink()
    assert home.bmadp("init", "--name", name).code == 0
    assert home.bmadp("analyze", "--json").plans[0]["document"] == f"Skills:{name}"


def test_adopting_an_empty_project_and_taking_it_back(home):
    home.manifest.unlink()
    before = home.files()
    assert home.bmadp("init", "--adopt").is_one_error(2, "nobody to ask")
    assert home.files() == before
    assert home.bmadp("init", "--adopt", "--yes").code == 0 and home.manifest.is_file()
    assert home.bmadp("restore", "--yes").code == 0
    assert home.files() == before


def test_the_schema_names_every_field_of_the_model(home):
    schema = home.bmadp("schema").json
    assert schema["$schema"].startswith("https://json-schema.org/")
    text = json.dumps(schema)
    for model in (Project, Leader, Specialist):
        assert all(f'"{field}"' in text for field in model.model_fields)
    references = [part for part in walk(schema) if isinstance(part, str) and part.startswith("#/$defs/")]
    assert references and all(reference.removeprefix("#/$defs/") in schema["$defs"] for reference in references)


def walk(value):
    yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from walk(part)


# --- skill ------------------------------------------------------------------------------------------------------------


def test_a_skill_is_made_listed_shown_and_removed(home):
    said = home.bmadp("skill", "new", "code-review", "--description", "Review code. Use before a merge.")
    assert said.code == 0 and "skills/code-review/SKILL.md" in said.out
    assert "source: ./skills/code-review" in home.manifest.read_text()
    assert home.apply().code == 0 and (home.root / ".claude/skills/code-review/SKILL.md").is_file()
    rows = home.bmadp("skill", "list", "--json").json
    assert {row["skill"]: row["state"] for row in rows} == dict.fromkeys(
        ("code-review", "dev-frontend", "dev-leader"), "up to date"
    )
    assert "code-review" in home.bmadp("skill", "list").out
    assert "Review code" in home.bmadp("skill", "show", "code-review").out
    assert home.bmadp("skill", "show", "dev-leader", "--json").json["text"] == (home.root / LEADER).read_text()
    assert home.bmadp("skill", "remove", "code-review", "--json").json["removed"] == "code-review"
    assert home.apply().code == 0 and not (home.root / ".claude/skills/code-review").exists()
    assert (home.root / "skills/code-review/SKILL.md").is_file()


def test_what_others_need_is_not_removed(home):
    home.write(MANIFEST + "  skills: [{source: ./skills/good, needs: [dev-leader]}]\n")
    before = home.files()
    said = home.bmadp("skill", "remove", "dev-leader")
    assert said.code == 2 and "dev-leader" in said.err
    assert home.files() == before


def test_what_is_added_to_a_leader_goes_with_it(home):
    home.write(MANIFEST + "  customizations: {dev-leader: {memories: [x]}}\n")
    assert home.bmadp("skill", "remove", "dev-leader").code == 0
    assert "dev-leader" not in home.manifest.read_text()


def test_comments_and_layout_of_the_manifest_survive_an_edit(home):
    home.write("# mine\n" + MANIFEST + "  # the end\n")
    assert home.bmadp("skill", "new", "good").code == 0
    text = home.manifest.read_text()
    assert text.startswith("# mine\n") and "# the end" in text and '">=6.4,<7"' in text


def test_a_skill_that_is_there_already_is_not_made_again(home):
    home.bmadp("skill", "new", "good")
    before = home.files()
    assert home.bmadp("skill", "new", "good").is_one_error(2, "good")
    assert home.files() == before


def test_doctor_finds_nothing_in_a_healthy_project(home):
    home.apply()
    said = home.bmadp("doctor")
    assert said.code == 0 and said.out == "nothing to mend\n"
    assert home.bmadp("doctor", "--json").json == []


# --- the command line itself ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", [*VERBS, *ALIASES, "skill new", "skill list", "cache stats", "cache prune"])
def test_every_verb_has_help(home, verb):
    for option in ("-h", "--help"):
        said = home.bmadp(*verb.split(), option)
        assert said.code == 0 and said.out.startswith("Usage: bmadp") and said.err == ""


def test_help_lists_every_verb_and_the_exit_codes(home):
    said = home.bmadp("--help")
    assert all(f"  {verb} " in said.out for verb in VERBS) and "130" in said.out


@pytest.mark.parametrize(
    ("wrong", "right"), [("aply", "apply"), ("analyse", "analyze"), ("histroy", "history"), ("provison", "provision")]
)
def test_a_mistyped_verb_is_told_the_nearest(home, wrong, right):
    said = home.bmadp(wrong)
    assert said.code == 2 and f"did you mean `{right}`?" in said.err and said.out == ""


@pytest.mark.parametrize(
    "arguments", [("zork",), ("apply", "--zork"), ("restore", "1", "2"), ("analyze", "--save"), ("skill", "zork")]
)
def test_a_wrong_command_line_is_2(home, arguments):
    said = home.bmadp(*arguments)
    assert said.code == 2 and said.err and "Traceback" not in said.err


def test_the_version_is_told(home):
    for option in (home.process("--version"), home.bmadp("--version")):
        assert option.out == f"bmadp {__version__}\n" and option.code == 0


def test_timings_say_where_the_time_went_on_stderr(home):
    said = home.bmadp("apply", "--yes", "--timings")
    for step in ("parse", "observe", "compile", "run", "compare", "process"):
        assert f"\n{step} " in "\n" + said.err
    assert "peak memory" in said.err and " ms" not in said.out
    assert "glance" in home.bmadp("analyze", "--timings").err


def test_without_a_terminal_there_is_no_colour_and_with_no_color_none_either(home):
    assert "\x1b" not in home.process("analyze").out
    for variables, coloured in (({}, True), ({"NO_COLOR": "1"}, False)):
        parent, child = os.openpty()
        run = subprocess.Popen(
            [*BMADP, "analyze"], cwd=home.root, stdout=child, stderr=child, stdin=child, env={**_plain(), **variables}
        )
        os.close(child)
        text = b""
        try:
            while part := os.read(parent, 65536):
                text += part
        except OSError:
            pass  # the other end was closed
        os.close(parent)
        assert run.wait(30) == 0 and (b"\x1b[" in text) is coloured


def _plain():
    return {name: value for name, value in os.environ.items() if name != "NO_COLOR"}


def test_a_terminal_is_asked_and_a_no_changes_nothing(home):
    for answer, code in ((b"n\n", 1), (b"y\n", 0)):
        parent, child = os.openpty()
        run = subprocess.Popen([*BMADP, "apply"], cwd=home.root, stdin=child, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        os.write(parent, answer)
        _out, err = run.communicate(timeout=30)
        os.close(parent)
        os.close(child)
        assert run.returncode == code and b"apply 10 changes?" in err
        assert (home.root / LEADER).exists() is (code == 0)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_completion_script_is_printed(home, shell):
    said = home.process(env={**os.environ, "_BMADP_COMPLETE": f"{shell}_source"})
    assert "_BMADP_COMPLETE" in said.out and said.code == 0


def test_completion_knows_the_verbs(home):
    said = home.process(env={**os.environ, "_BMADP_COMPLETE": "bash_complete", "COMP_WORDS": "bmadp an", "COMP_CWORD": "1"})
    assert said.out == "plain,analyze\n"


def test_a_reader_that_goes_away_is_no_error_of_ours(home):
    run = subprocess.Popen([*BMADP, "diff"], cwd=home.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert run.stdout is not None
    run.stdout.close()
    assert run.stderr is not None
    err = run.stderr.read().decode()
    run.stderr.close()
    assert run.wait(30) in (0, 1) and "Traceback" not in err and "bug" not in err


def test_the_manifest_is_found_upwards_and_paths_are_shown_from_here(home):
    below = home.root / "src/deep"
    below.mkdir(parents=True)
    said = home.process("analyze", "--json", cwd=below)
    assert said.code == 0 and said.plans[0]["project"] == str(home.root)
    assert home.process("analyze", cwd=home.folder).is_one_error(2, "no `bmad-provisioner.yaml`", "bmadp init")
