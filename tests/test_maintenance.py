"""A team that maintains a project's own files: handed from one agent to the next, proven, reported, and still the user's."""

from __future__ import annotations

import json

import pytest
import yaml

from team_project import lent

BROKEN = "import os, json\n\ndef load(path)\n    return json.loads(open(path).read())\n"
MENDED = "import json\n\ndef load(path):\n    return json.loads(open(path).read())\n"
OLD = "from typing import List\n\n\ndef names(rows: List[str]) -> List[str]:\n    return [row for row in rows]\n"
NEW = "\n\ndef names(rows: list[str]) -> list[str]:\n    return [row for row in rows]\n"
UNSURE = "def area(width, height\n    return width * height +\n"
PROJECT = {
    "src/pkg/__init__.py": "",
    "src/pkg/broken.py": BROKEN,
    "src/pkg/old.py": OLD,
    "src/pkg/held.py": OLD,
    "src/pkg/unsure.py": UNSURE,
    "tests/test_load.py": "from pkg.broken import load\n\n\ndef test_load():\n    assert callable(load)\n",
    "tests/test_old.py": "from pkg.old import names\n\n\ndef test_names():\n    assert names(['a']) == ['a']\n",
    "tests/test_held.py": "from pkg.held import names\n\n\n"
    "def test_hints():\n    assert names.__annotations__['return'].__module__ == 'typing'\n",
}
REPORT, BEFORE = "docs/maintenance/report.md", "docs/maintenance/before.json"


@pytest.fixture
def project():
    with lent() as made:
        (made.root / "request.md").unlink()
        yield made


def lay(project, files):
    for path, text in files.items():
        (project.root / path).parent.mkdir(parents=True, exist_ok=True)
        (project.root / path).write_text(text)


def stands(project):
    """Return what stands in the project, but for when it was written."""
    return {path: file[:2] for path, file in project.files().items()}


def maintained(project, **agents):
    """Begin with the ready team; `agents` says what is other in some of them."""
    assert project.bmadp("init", "--team", "maintenance").code == 0
    told = yaml.safe_load(project.manifest.read_text())
    for name, more in agents.items():
        told["agents"][name] |= more
    if agents:
        project.write(yaml.safe_dump(told, sort_keys=False, width=1000))


def code(call, **data):
    return {"runtime": {"python": {"call": f"bmad_provisioner.kinds.code.team:{call}", "data": data}}}


# --- the ready team -----------------------------------------------------------------------------------------------------


def test_a_broken_project_is_tested_repaired_adapted_and_reviewed_in_one_transaction(project):
    lay(project, PROJECT)
    maintained(project)
    before = stands(project)
    said = project.bmadp("apply", "--yes", "--json")
    assert said.code == 0, said.err
    assert {path: project.read(path) for path in PROJECT} == {**PROJECT, "src/pkg/broken.py": MENDED, "src/pkg/old.py": NEW}

    found = json.loads(project.read(BEFORE))
    assert not found["well"] and found["passed"] == 2 and list(found["failed"]) == ["::tests.test_load"]
    report = project.read(REPORT)
    assert "2 of 8 Python files changed, 0 taken back." in report
    assert "- before: 2 pass, 1 fail: `::tests.test_load`" in report and "1 test passes that did not before" in report
    sections = {part.partition("`")[0]: part for part in report.split("## `")[1:]}
    assert "repaired" in sections["src/pkg/broken.py"] and "`os` is used nowhere" in sections["src/pkg/broken.py"]
    assert "modern-syntax" in sections["src/pkg/old.py"]
    assert "left as it was" in sections["src/pkg/held.py"] and "`tests.test_held::test_hints` fails" in sections["src/pkg/held.py"]
    assert "could be repaired" in sections["src/pkg/unsure.py"]

    again = project.steps("--yes", verb="run")
    assert {task["status"] for name, task in again.items() if not task.get("quiet")} == {"cached"}
    assert project.bmadp("apply", "--yes").out.startswith("nothing to do")
    assert "never ran here" in project.bmadp("why", "repairer").out
    assert "made by task `reviewer`" in project.bmadp("why", "src/pkg/old.py").out
    assert project.bmadp("restore", "--yes").code == 0 and stands(project) == before


CHEAP = ["sh", "-c", "! grep -rq forbidden src"]


def cheaply(project, **adapter):
    """Begin with the ready team, proven by what costs nothing."""
    maintained(
        project,
        tester=code("test", command=[*CHEAP]),
        reviewer=code("review", command=[*CHEAP]),
        **({"adapter": adapter} if adapter else {}),
    )


def test_a_program_may_take_the_adapters_place_and_what_it_breaks_is_taken_back_to_the_last_byte(project):
    lay(project, {"src/a.py": "x = 1\n", "src/b.py": "x = 1\n", "src/broken.py": BROKEN})
    script = "sed -i 's/1/2/' src/a.py; echo '# forbidden' >> src/b.py"
    cheaply(project, runtime={"command": script})
    said = project.bmadp("apply", "--yes")
    assert said.code == 0, said.err
    assert "still objects: src/b.py" in said.err + said.out
    assert project.read("src/a.py") == "x = 2\n" and project.read("src/b.py") == "x = 1\n"
    assert project.read("src/broken.py") == BROKEN.replace("(path)\n", "(path):\n", 1)
    report = project.read(REPORT)
    assert "## `src/b.py`\n\n- the change is taken back" in report and "2 of 3 Python files changed, 1 taken back." in report


def test_a_healthy_project_stays_as_it_is_and_is_told_so(project):
    lay(project, {"src/a.py": "x = 1\n"})
    cheaply(project)
    assert project.bmadp("apply", "--yes").code == 0
    assert project.read("src/a.py") == "x = 1\n" and "0 of 1 Python files changed" in project.read(REPORT)


def test_a_tester_that_cannot_run_its_command_says_so_in_a_line_and_nothing_is_written(project):
    lay(project, PROJECT)
    maintained(project, tester=code("test", command=["no-such-program"]))
    before = stands(project)
    said = project.bmadp("apply", "--yes")
    assert said.code != 0 and "command `no-such-program` is not there" in said.err + said.out and "Traceback" not in said.err
    assert stands(project) == before


def test_who_edits_another_file_has_it_maintained_and_the_edit_stays(project):
    lay(project, {"src/a.py": "x = 1\n", "src/old.py": OLD})
    cheaply(project)
    assert project.apply().code == 0 and project.read("src/old.py") == NEW
    lay(project, {"src/a.py": OLD, "src/old.py": NEW + "# mine\n"})
    assert project.apply().code == 0
    assert project.read("src/a.py") == NEW and project.read("src/old.py") == NEW + "# mine\n"


# --- what agents amend --------------------------------------------------------------------------------------------------


def chain(project, *scripts, **last):
    """Have agents `one`, `two`, ... amend the texts of the project, each after the one before."""
    names = ["one", "two", "three"][: len(scripts)]
    agents = {
        name: project.shell(script, amends=["*.txt"], **({"needs": [names[index - 1]]} if index else {}))
        for index, (name, script) in enumerate(zip(names, scripts, strict=True))
    }
    agents[names[-1]] |= last
    project.team(agents)


def test_each_goes_on_from_what_the_one_before_left_and_the_last_state_is_written(project):
    lay(project, {"a.txt": "a\n", "b.txt": "b\n", "c.txt": "c\n"})
    chain(project, "echo 1 >> a.txt; echo 1 >> b.txt", "cat a.txt > seen; echo 2 >> a.txt", "rm -f c.txt; echo new > d.txt")
    assert project.apply().code == 0 and project.turns == ["one", "two", "three"]
    read = {name: project.read(f"{name}.txt") for name in "abcd"}
    assert read == {"a": "a\n1\n2\n", "b": "b\n1\n", "c": "c\n", "d": "new\n"}
    assert project.apply().code == 0 and project.bmadp("run", "--yes").code == 0 and project.turns == []
    (plan,) = project.bmadp("analyze", "--json").plans
    assert plan["clean"]


def test_a_file_that_was_amended_stays_the_users_when_nobody_amends_it_any_more(project):
    lay(project, {"a.txt": "a\n"})
    chain(project, "echo 1 >> a.txt; echo new > n.txt")
    assert project.apply().code == 0 and project.read("a.txt") == "a\n1\n"
    chain(project, "true")
    assert project.apply().code == 0
    assert project.read("a.txt") == "a\n1\n", "it was there before the team"
    assert not (project.root / "n.txt").exists(), "the team made it"
    project.team({"other": project.maker("other.md", "x")})
    assert project.apply().code == 0 and project.read("a.txt") == "a\n1\n"


def test_what_was_amended_and_edited_since_is_gone_on_from(project):
    lay(project, {"a.txt": "a\n"})
    chain(project, "grep -q 1 a.txt || echo 1 >> a.txt", "grep -q 2 a.txt || echo 2 >> a.txt")
    assert project.apply().code == 0 and project.read("a.txt") == "a\n1\n2\n"
    lay(project, {"a.txt": "mine\n1\n"})
    assert project.apply().code == 0 and project.read("a.txt") == "mine\n1\n2\n"
    assert project.bmadp("restore", "--yes").code == 0 and project.read("a.txt") == "mine\n1\n"


def test_what_a_later_agent_puts_back_is_not_changed(project):
    lay(project, {"a.txt": "a\n", "b.txt": "b\n"})
    chain(project, "echo 1 >> a.txt; echo 1 >> b.txt", "cp .bmadp-before/a.txt a.txt")
    before = project.files()
    assert project.apply().code == 0
    assert project.read("b.txt") == "b\n1\n" and project.files()["a.txt"] == before["a.txt"]


def test_who_reads_what_others_amend_reads_it_so_if_it_waits_for_them_and_else_as_it_stands(project):
    lay(project, {"a.txt": "a\n", "b.txt": "b\n"})
    project.team(
        {
            "writer": project.shell("echo 1 >> a.txt", amends=["*.txt"]),
            "before": project.shell("cat *.txt > before.md", reads=["*.txt"], makes=["before.md"]),
            "after": project.shell("cat *.txt > after.md", needs=["writer"], reads=["*.txt"], makes=["after.md"]),
        }
    )
    assert project.apply().code == 0
    assert project.read("before.md") == "a\nb\n" and project.read("after.md") == "a\n1\nb\n"
    project.turns  # noqa: B018
    assert project.apply().code == 0 and "before" in project.turns, "what it read is another file now"


def test_a_draft_that_is_sent_back_finds_what_was_there_before_beside_it(project):
    lay(project, {"a.txt": "a\n"})
    work = "if test -f .bmadp-before/a.txt; then cp .bmadp-before/a.txt a.txt; echo good >> a.txt; else echo bad >> a.txt; fi"
    verdict = """if grep -q bad a.txt; then echo '{"data": {"accepted": false, "objections": ["bad"]}}'
    else echo '{"data": {"accepted": true, "objections": []}}'; fi"""
    critic = {"command": {"command": ["sh", "-c", verdict], "answer": "json"}}
    project.team(
        {
            "writer": project.shell(work, amends=["a.txt"]),
            "critic": {"needs": ["writer"], "runtime": critic, "prompt": "Is it good?", "review": {"of": "writer", "rounds": 3}},
        }
    )
    assert project.apply().code == 0 and project.read("a.txt") == "a\ngood\n" and project.turns == ["writer", "writer"]
    assert project.apply().code == 0 and project.turns == []


WRONG = {
    "two at once": ({"one": {"amends": ["*.txt"]}, "two": {"amends": ["a.txt"]}}, "`two` and `one` both amend `a.txt`"),
    "what another makes": ({"one": {"makes": ["a.txt"]}, "two": {"amends": ["*.txt"]}}, "takes in what `one` makes"),
    "a section": ({"one": {"amends": ["a.md#top"]}}, "`#` is for sections"),
    "outside": ({"one": {"amends": ["../a.txt"]}}, "cannot be read"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_cannot_be_amended_is_refused_with_its_line(project, what):
    agents, words = WRONG[what]
    project.team({name: project.shell("true", **more) for name, more in agents.items()})
    assert project.apply().is_one_error(2, words) and project.turns == []


def test_an_agent_of_the_project_itself_never_sees_what_is_no_code_of_it(project):
    lay(project, {"a.txt": "a\n", "node_modules/b.txt": "b\n", ".venv/pyvenv.cfg": "", ".venv/c.txt": "c\n"})
    project.team({"one": project.shell("find . -name '*.txt' > list.md", reads=["**/*.txt"], makes=["list.md"])})
    assert project.apply().code == 0 and project.read("list.md") == "./a.txt\n"
