"""Verification with real test runs: what passed still passes, and who is blamed where it does not."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from bmad_provisioner.digest import Digest, Entry, digest
from bmad_provisioner.engine.task import Inputs, Output, Turn
from bmad_provisioner.errors import TaskError
from bmad_provisioner.kinds.code.affected import affected, links, roots
from bmad_provisioner.kinds.code.inline import proving
from bmad_provisioner.kinds.code.order import Verify
from bmad_provisioner.kinds.code.verify import verify

PYTEST = (sys.executable, "-m", "pytest", "-q")
ONE = "def one():\n    return 1\n"
OTHER_ONE = "def one():\n    return 1.0\n"
TWO = "def one():\n    return 2\n"
TEST_ONE = "from {0} import one\n\n\ndef test_one():\n    assert one() == 1\n"


@dataclass(frozen=True)
class Proven:
    """What a verification said: which changes stay, and what is told by path."""

    kept: set[str]
    told: Mapping[str, str]


def proven(before: Mapping[str, str], after: Mapping[str, str], *command: str, **more: object) -> Proven:
    """Verify some files after others; `link:TARGET` as a text is a link."""
    store = {digest(text.encode()): text.encode() for text in (*before.values(), *after.values())}

    def entry(text: str) -> Entry:
        return Entry(Digest(f"symlink:{text[5:]}")) if text.startswith("link:") else Entry(digest(text.encode()))

    files = {path: entry(text) for path, text in before.items()}
    needs = {path: Output(facts={"entry": [entry(text).digest, False]}) for path, text in after.items()}
    output = verify(
        Inputs(
            proving(Verify(command or PYTEST, **more)),
            files,
            needs,
            lambda path: before[path].encode(),
            lambda data, executable=False: Entry(digest(data), executable),
            lambda entry: store[entry.digest],
            Turn(),
        )
    )
    return Proven(set(output.files), {one.path: one.message for one in output.findings})


def shell(script: str) -> tuple[str, ...]:
    return ("sh", "-c", script)


# --- what is taken back ------------------------------------------------------------------------------------------------


def test_what_breaks_a_test_is_taken_back_with_the_reason_and_the_rest_stays():
    before = {"a.py": ONE, "b.py": ONE, "test_a.py": TEST_ONE.format("a"), "test_b.py": TEST_ONE.format("b")}
    said = proven(before, {"a.py": TWO, "b.py": OTHER_ONE})
    assert said.kept == {"b.py"}
    assert "with it `test_a::test_one` fails: assert 2 == 1" in said.told["a.py"]
    assert "passes as before" in said.told["verify"]


def test_a_test_that_could_not_be_collected_before_blames_nobody_where_it_fails_after():
    before = {"a.py": "def one()\n    return 2\n", "test_a.py": TEST_ONE.format("a")}
    said = proven(before, {"a.py": TWO})
    assert said.kept == {"a.py"} and "fails as before" in said.told["verify"]


def test_tests_that_pass_only_now_are_counted():
    before = {"a.py": "def one()\n    return 1\n", "test_a.py": TEST_ONE.format("a")}
    said = proven(before, {"a.py": ONE})
    assert said.kept == {"a.py"} and "1 test passes that did not before" in said.told["verify"]


def test_a_run_that_dies_breaks_what_passed_before_though_another_test_failed_already():
    before = {"a.py": ONE, "b.py": ONE, "test_a.py": TEST_ONE.format("a") + "\n\ndef test_wrong():\n    assert one() == 3\n"}
    said = proven(before, {"a.py": "import os\n\nos._exit(3)\n"})
    assert said.kept == set() and "`test_a::test_one`" in said.told["a.py"]


def test_a_conftest_that_breaks_every_collection_is_found_among_others():
    tests = {f"tests/test_{name}.py": TEST_ONE.format(name) for name in "abc"}
    before = {"conftest.py": "NAME = 1\n", **{f"{name}.py": ONE for name in "abc"}, **tests}
    said = proven(before, {"conftest.py": "import nowhere_to_be_found\n", **{f"{name}.py": OTHER_ONE for name in "abc"}})
    assert said.kept == {"a.py", "b.py", "c.py"}


def test_of_eight_changes_behind_one_test_the_guilty_one_is_found():
    names = "abcdefgh"
    sums = " + ".join(f"{name}.one()" for name in names)
    before = {f"{name}.py": ONE for name in names}
    before["test_sum.py"] = f"import {', '.join(names)}\n\n\ndef test_sum():\n    assert {sums} == 8\n"
    after = {f"{name}.py": TWO if name == "f" else OTHER_ONE for name in names}
    assert proven(before, after, rounds=12).kept == {f"{name}.py" for name in names if name != "f"}


FOUND = {  # which of eight changes are wrong, and of how many rounds: what is at least kept
    ("c", 20): "abdefgh",
    ("cf", 20): "abdegh",
    ("abcdefgh", 20): "",
    ("", 1): "abcdefgh",
    ("h", 1): "abcd",
    ("h", 2): "abcd",
    ("h", 3): "abcdef",
    ("a", 6): "bcdefgh",
    ("c", 0): "",
}


@pytest.mark.parametrize(("wrong", "rounds"), FOUND)
def test_the_best_state_that_was_proven_is_kept_and_of_every_other_change_it_is_told(wrong, rounds):
    names = "abcdefgh"
    after = {f"{name}.py": TWO if name in wrong else OTHER_ONE for name in names}
    said = proven(dict.fromkeys(after, ONE), after, *shell("! grep -q 2 *.py"), rounds=rounds)
    kept = {path.removesuffix(".py") for path in said.kept}
    assert kept >= set(FOUND[wrong, rounds]) and not kept & set(wrong)
    assert {path.removesuffix(".py") for path in said.told.keys() - {"verify"}} == set(names) - kept


def test_a_change_that_a_failure_names_though_another_is_guilty_stays():
    before = {"a.py": ONE, "b.py": ONE}
    script = "if grep -q 2 b.py; then echo something about a.py; exit 1; fi"
    assert proven(before, {"a.py": OTHER_ONE, "b.py": TWO}, *shell(script)).kept == {"a.py"}


def test_two_changes_that_only_hold_together_both_stay():
    before = {"a.py": ONE, "b.py": "from a import one\n\n\ndef both():\n    return one()\n"}
    before["test_b.py"] = "from b import both\n\n\ndef test_both():\n    assert both() == 1\n"
    after = {"a.py": ONE.replace("one", "only"), "b.py": before["b.py"].replace("one", "only")}
    assert proven(before, after).kept == {"a.py", "b.py"}


def test_a_test_that_is_skipped_now_did_not_pass():
    skipping = "import pytest\n\na = pytest.importorskip('a')\n\n\ndef test_one():\n    assert a.one() == 1\n"
    assert proven({"a.py": ONE, "test_a.py": skipping}, {"a.py": "import nowhere_to_be_found\n" + ONE}).kept == set()


# --- flaky tests and tests that leave something ------------------------------------------------------------------------


def test_a_test_that_fails_by_turns_blames_nobody(tmp_path):
    turns = tmp_path / "turns"
    flaky = f"""from a import one
from pathlib import Path

def test_flaky():
    turns = Path({str(turns)!r})
    turns.write_text(turns.read_text() + "x" if turns.exists() else "x")
    assert one() and len(turns.read_text()) != 2
"""
    said = proven({"a.py": ONE, "test_a.py": flaky}, {"a.py": OTHER_ONE})
    assert said.kept == {"a.py"} and len(turns.read_text()) > 2


LEAVES = {
    "a file in the project": "from pathlib import Path\nplace = Path('left.txt')\nassert not place.exists()\nplace.write_text('x')",
    "another text in a file": "from pathlib import Path\nplace = Path('data.txt')\nassert place.read_text() == 'data'\nplace.write_text('x')",
    "a lost file": "from pathlib import Path\nplace = Path('data.txt')\nplace.unlink()",
    "a folder in its place": "from pathlib import Path\nplace = Path('data.txt')\nplace.unlink()\nplace.mkdir()\n(place / 'x').touch()",
    "a link in the place of a folder": "import os, shutil\nshutil.rmtree('deep')\nos.symlink('/usr', 'deep')",
    "a temporary file": "import tempfile, pathlib\nplace = pathlib.Path(tempfile.gettempdir(), 'left')\nassert not place.exists()\nplace.touch()",
}


@pytest.mark.parametrize("what", LEAVES)
def test_what_a_test_leaves_is_gone_before_the_next_run(what):
    test = "from a import one\n\n\ndef test_it():\n    assert one()\n" + "".join(
        f"    {line}\n" for line in LEAVES[what].splitlines()
    )
    said = proven({"a.py": ONE, "test_a.py": test, "data.txt": "data", "deep/data.txt": "data"}, {"a.py": OTHER_ONE})
    assert said.kept == {"a.py"} and "passes as before" in said.told["verify"], said


def test_the_project_itself_is_not_touched_by_what_a_test_writes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data.txt").write_text("data")
    test = (
        "from a import one\nfrom pathlib import Path\n\n\ndef test_it():\n    assert one()\n    Path('data.txt').write_text('x')\n"
    )
    proven({"a.py": ONE, "test_a.py": test, "data.txt": "data"}, {"a.py": OTHER_ONE})
    assert (tmp_path / "data.txt").read_text() == "data" and os.listdir(tmp_path) == ["data.txt"]


# --- the command --------------------------------------------------------------------------------------------------------


def test_another_command_is_judged_by_its_exit_code():
    said = proven({"a.py": ONE, "b.py": ONE}, {"a.py": TWO, "b.py": OTHER_ONE}, *shell("! grep -q 2 a.py"))
    assert said.kept == {"b.py"} and "a.py" in said.told


def test_a_command_that_failed_before_may_fail_after():
    said = proven({"a.py": ONE}, {"a.py": TWO}, *shell("echo too bad; exit 1"))
    assert said.kept == {"a.py"} and "fails as before: too bad" in said.told["verify"]


CANNOT = {
    "it is not there": (("no-such-program",), "is not there"),
    "a shell does not find it": (shell("no-such-program"), "cannot be run"),
    "pytest is not there": ((sys.executable, "-S", "-m", "pytest"), "pytest is not installed"),
}


@pytest.mark.parametrize("why", CANNOT)
def test_a_command_that_cannot_be_run_is_an_error_and_proves_nothing(why):
    command, words = CANNOT[why]
    with pytest.raises(TaskError, match=words):
        proven({"a.py": ONE, "test_a.py": TEST_ONE.format("a")}, {"a.py": TWO}, *command)


def test_a_command_that_takes_too_long_without_any_change_proves_nothing():
    with pytest.raises(TaskError, match=r"took longer than 0\.5 s"):
        proven({"a.py": ONE}, {"a.py": TWO}, *shell("sleep 60"), seconds=0.5)


def test_a_change_that_hangs_is_taken_back_and_nothing_of_it_lives_on(tmp_path):
    note = tmp_path / "pid"
    hang = f"if grep -q 2 a.py; then sleep 60 & echo $! >> {note}; wait; fi"
    said = proven({"a.py": ONE}, {"a.py": TWO}, *shell(hang), seconds=1.0)
    assert said.kept == set() and "took longer than 1 s" in said.told["a.py"]
    pids = note.read_text().split()
    assert pids and gone(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))


def gone(holds: Callable[[], bool]) -> bool:
    end = time.monotonic() + 10
    while not holds() and time.monotonic() < end:
        time.sleep(0.02)
    return holds()


def test_what_a_command_says_is_bounded():
    said = proven({"a.py": ONE}, {"a.py": TWO}, *shell("yes | head -c 20000000; echo done; exit 1"))
    assert said.kept == {"a.py"} and "done" in said.told["verify"] and len(said.told["verify"]) < 600


def test_a_command_sees_what_it_is_given_of_the_environment_and_writes_no_bytecode(monkeypatch):
    monkeypatch.setenv("DATABASE", "here")
    monkeypatch.setenv("SECRET", "there")
    script = 'test "$DATABASE" = here && test -z "$SECRET" && test "$PYTHONDONTWRITEBYTECODE" = 1'
    assert "passes as before" in proven({"a.py": ONE}, {"a.py": TWO}, *shell(script), env=("DATABASE",)).told["verify"]


def test_options_that_stop_early_or_need_the_cache_do_not_hide_what_passed_before():
    before = {"a.py": ONE, "test_a.py": "def test_wrong():\n    assert False\n\n\n" + TEST_ONE.format("a")}
    assert proven(before, {"a.py": TWO}, *PYTEST, "-x").kept == set()
    assert proven(before, {"a.py": OTHER_ONE}, *PYTEST, "--ff").kept == {"a.py"}


# --- the copy -----------------------------------------------------------------------------------------------------------


def test_the_copy_is_imported_and_not_what_is_installed():
    before = {"src/yaml/__init__.py": "", "src/yaml/a.py": ONE, "tests/test_a.py": TEST_ONE.format("yaml.a")}
    assert proven(before, {"src/yaml/a.py": OTHER_ONE}).told["verify"].endswith("passes as before")
    assert proven(before, {"src/yaml/a.py": TWO}).kept == set()


def test_a_file_called_like_a_standard_module_hides_it_from_nobody():
    before = {"a.py": ONE, "test_a.py": TEST_ONE.format("a"), "scripts/typing.py": "", "examples/json/__init__.py": ""}
    said = proven(before, {"a.py": OTHER_ONE, "scripts/typing.py": "x = 1\n"}, affected=False)
    assert "passes as before" in said.told["verify"]


def test_a_link_inside_is_laid_and_one_that_leads_out_is_not(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    before = {"a.py": ONE, "data.txt": "data", "deep/inside.txt": "link:../data.txt", "out": f"link:{tmp_path}", "up": "link:../.."}
    script = 'test "$(cat deep/inside.txt)" = data && ! test -e out && ! test -L up'
    assert "passes as before" in proven(before, {"a.py": TWO}, *shell(script)).told["verify"]


# --- which tests --------------------------------------------------------------------------------------------------------

TREE = {
    "conftest.py": "import pytest\n",
    "pkg/__init__.py": "",
    "pkg/deep/__init__.py": "",
    "pkg/deep/a.py": ONE,
    "pkg/b.py": "from .deep import a\n",
    "pkg/plugin.py": "",
    "pkg/alone.py": "",
    "scripts/tool.py": "",
    "tests/fixtures.py": "from pkg import alone\n",
    "tests/unit/__init__.py": "",
    "tests/unit/conftest.py": "from tests import fixtures\n",
    "tests/unit/test_unit.py": "def test_it(): ...\n",
    "tests/test_a.py": "import pkg.deep.a\n",
    "tests/test_b.py": "from pkg.b import a\n",
    "tests/test_named.py": "import importlib\nimportlib.import_module('pkg.plugin')\n",
    "tests/test_started.py": "run([exe, 'scripts/tool.py'])\n",
    "tests/test_module.py": "run([exe, '-m', 'tool'])\n",
    "tests/test_none.py": "import json\n",
}
REACHED = {
    "a module that is imported": ("pkg/deep/a.py", "a b"),
    "one that an imported one imports": ("pkg/b.py", "b"),
    "a package": ("pkg/deep/__init__.py", "a b"),
    "the package around": ("pkg/__init__.py", "a b named unit"),
    "a module that is named in a text": ("pkg/plugin.py", "named"),
    "a script that is started": ("scripts/tool.py", "module started"),
    "what a conftest imports": ("pkg/alone.py", "unit"),
    "a conftest below": ("tests/unit/conftest.py", "unit"),
    "the package of a test": ("tests/unit/__init__.py", "unit"),
    "a test itself": ("tests/test_none.py", "none"),
}


@pytest.mark.parametrize("what", REACHED)
def test_the_tests_that_reach_a_change_are_run(what):
    path, names = REACHED[what]
    found = affected(links({path: text.encode() for path, text in TREE.items()}), [path])
    assert found is not None
    assert " ".join(sorted(Path(each).stem.removeprefix("test_") for each in found)) == names


def test_all_tests_are_run_where_the_outermost_conftest_changed_or_other_files_hold_tests():
    assert affected(links({path: text.encode() for path, text in TREE.items()}), ["conftest.py"]) is None
    before = {"pytest.ini": "[pytest]\npython_files = check_*.py\n", "a.py": ONE, "check_a.py": TEST_ONE.format("a")}
    assert proven(before, {"a.py": TWO}).kept == set()


def test_a_change_that_no_test_reaches_stays_and_nothing_is_run(tmp_path):
    note = tmp_path / "ran"
    test = f"from pathlib import Path\nPath({str(note)!r}).touch()\n"
    said = proven({"a.py": ONE, "test_b.py": test}, {"a.py": TWO})
    assert said.kept == {"a.py"} and said.told == {"verify": "no test reaches what changed"} and not note.exists()


def test_packages_are_imported_from_the_folders_that_hold_them():
    assert roots(["src/pkg/__init__.py", "src/pkg/deep/__init__.py", "lib/other/__init__.py", "tests/test_a.py"]) == (
        "",
        "lib",
        "src",
    )
    assert roots(["queue.py", "src/pkg/__init__.py"]) == ("src",)
