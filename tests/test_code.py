"""Code in a project: what is repaired, rewritten, proven and taken back, and what stays the user's."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import yaml

from cli.home import Home

BROKEN = "import os, json\n\ndef load(path)\n    return json.loads(open(path).read())\n"
REPAIRED = "import os, json\n\ndef load(path):\n    return json.loads(open(path).read())\n"
OLD = "from typing import List\n\n\ndef names(rows: List[str]) -> List[str]:\n    return [row for row in rows]\n"
NEW = "\n\ndef names(rows: list[str]) -> list[str]:\n    return [row for row in rows]\n"
UNSURE = "def area(width, height\n    return width * height +\n"


@pytest.fixture
def home():
    with tempfile.TemporaryDirectory() as folder:
        yield Home(Path(folder) / "home")


def code(home: Home, **more: object) -> None:
    home.write(yaml.safe_dump({"kind": "Code", "name": "tidy", "paths": ["src/**/*.py"], **more}, sort_keys=False))


def lay(home: Home, **files: str) -> None:
    for name, text in files.items():
        place = home.root / "src" / "pkg" / f"{name}.py"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text.encode())


def told(said, rule: str) -> list[tuple[str, str]]:
    return [(one["path"], one["message"]) for plan in said.plans for one in plan["findings"] if one["rule"] == rule]


def text(home: Home, name: str) -> str:
    return (home.root / "src" / "pkg" / f"{name}.py").read_bytes().decode()


def test_a_broken_file_is_repaired_an_old_one_rewritten_and_a_restore_takes_both_back(home):
    code(home, passes=["modern-syntax", "unused-imports"])
    lay(home, broken=BROKEN, old=OLD, fine="x = 1\n")
    before = {path: file[:2] for path, file in home.files().items()}
    said = home.bmadp("analyze", "--json")
    assert [change["path"] for plan in said.plans for change in plan["changes"]] == ["src/pkg/broken.py", "src/pkg/old.py"]
    assert [path for path, _ in told(said, "code-repair")] == ["src/pkg/broken.py"]
    assert home.bmadp("apply", "--yes").code == 0
    assert "def load(path):" in text(home, "broken") and "import json" in text(home, "broken") and text(home, "old") == NEW
    assert home.bmadp("apply", "--yes").out.startswith("nothing to do")
    assert home.bmadp("restore", "--yes").code == 0
    assert {path: file[:2] for path, file in home.files().items()} == before


def test_what_is_not_certain_is_told_and_left_as_it_is(home):
    code(home)
    lay(home, unsure=UNSURE)
    said = home.bmadp("apply", "--yes", "--json")
    assert said.code == 0 and told(said, "code-broken")
    assert text(home, "unsure") == UNSURE


def test_a_repair_can_be_turned_off(home):
    code(home, repair=["indentation"])
    lay(home, broken=BROKEN)
    assert home.bmadp("apply", "--yes").code == 0
    assert text(home, "broken") == BROKEN


def test_a_file_that_is_deleted_after_it_was_rewritten_stays_deleted(home):
    code(home)
    lay(home, broken=BROKEN)
    assert home.bmadp("apply", "--yes").code == 0 and text(home, "broken") == REPAIRED
    (home.root / "src/pkg/broken.py").unlink()
    assert home.bmadp("apply", "--yes").code == 0
    home.bmadp("heal", "--yes")
    assert not (home.root / "src/pkg/broken.py").exists()


def test_a_lost_import_comes_back_as_the_project_imports_it(home):
    code(home)
    lay(
        home,
        one="from os import path as place\n\nprint(place)\n",
        two="from os import path as place\n\nprint(place)\n",
        three="print(place.sep)\n",
    )
    assert home.bmadp("apply", "--yes").code == 0
    assert text(home, "three") == "from os import path as place\nprint(place.sep)\n"


def test_a_name_that_another_file_takes_is_not_unused(home):
    code(home, passes=["unused-imports"])
    lay(home, face="from json import dumps, loads\n\nVERSION = 1\n", user="from pkg.face import dumps\n\nprint(dumps(1))\n")
    assert home.bmadp("apply", "--yes").code == 0
    assert text(home, "face") == "from json import dumps\n\nVERSION = 1\n"


def test_a_change_that_turns_a_test_red_is_taken_back_and_the_others_stay(home):
    code(home, passes=["modern-syntax"], verify={"command": ["python", "-m", "pytest", "-q"]})
    lay(home, old=OLD, broken=BROKEN)
    tests = home.root / "tests"
    tests.mkdir()
    (tests / "test_old.py").write_text(
        "import typing\nfrom pkg.old import names\n\n"
        "def test_hints():\n    assert names.__annotations__['return'] == 'List[str]' or typing.get_type_hints(names)['return'] == typing.List[str]\n"
    )
    (tests / "test_load.py").write_text("from pkg.broken import load\n\ndef test_load():\n    assert callable(load)\n")
    said = home.bmadp("apply", "--yes", "--json")
    assert said.code == 0, said.err
    assert [path for path, _ in told(said, "code-taken-back")] == ["src/pkg/old.py"]
    assert text(home, "old") == OLD and text(home, "broken") == REPAIRED


BAD = {
    "no paths": ("kind: Code\nname: x\n", ":1: paths: field required"),
    "a path that climbs": ('kind: Code\nname: x\npaths: ["../*.py"]\n', ":3: paths.0: `../*.py` is refused"),
    "only what is left out": ('kind: Code\nname: x\npaths: ["!a.py"]\n', ":3: paths: only says what is left out"),
    "a pass that is not there": (
        'kind: Code\nname: x\npaths: ["a.py"]\npasses: [unused-import]\n',
        "did you mean `unused-imports`?",
    ),
    "a repair that is not there": ('kind: Code\nname: x\npaths: ["a.py"]\nrepair: [magic]\n', ":4: repair.0: must be"),
    "a command that is a text": (
        'kind: Code\nname: x\npaths: ["a.py"]\nverify: {command: pytest}\n',
        ":4: verify.command: must be a list",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_wrong_document_is_refused_with_its_line_and_nothing_changes(home, case):
    document, words = BAD[case]
    home.write(document)
    before = home.files()
    assert home.bmadp("apply", "--yes").is_one_error(2, words)
    assert home.files() == before


HOSTILE = {
    "a line of ten million letters": b"x = '" + b"a" * 10_000_000 + b"'\n",
    "brackets nested a thousand deep": b"x = " + b"[" * 1000 + b"]" * 1000 + b"\n",
    "a NUL": b"x = 1\0\n",
    "no UTF-8": b"# caf\xe9\nx = '\xff'\n",
    "an encoding that is none": b"# -*- coding: klingon -*-\nx = 1\n",
    "half a million brackets": b"(" * 500_000,
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_file_is_told_and_the_rest_is_done(home, case):
    code(
        home, passes=["modern-syntax", "import-order", "annotations", "docstrings", "unused-imports"], repair=["syntax", "imports"]
    )
    lay(home, broken=BROKEN)
    (home.root / "src/pkg/hostile.py").write_bytes(HOSTILE[case])
    said = home.bmadp("apply", "--yes", "--json")
    assert said.code == 0, said.err
    assert (home.root / "src/pkg/hostile.py").read_bytes() == HOSTILE[case]
    assert "def load(path):" in text(home, "broken")


# --- while it runs ------------------------------------------------------------------------------------------------------


def test_a_file_that_is_edited_while_it_is_verified_is_not_overwritten(home):
    edited = home.root / "src/pkg/old.py"
    code(home, passes=["modern-syntax"], verify={"command": ["sh", "-c", f"echo '# mine' >> {edited}"]})
    lay(home, old=OLD, broken=BROKEN)
    assert home.bmadp("apply", "--yes").is_one_error(1, "src/pkg/old.py")
    assert text(home, "old") == OLD + "# mine\n# mine\n" and text(home, "broken") == BROKEN


MOMENTS = [0.3, 0.6, *(pytest.param(0.05 * number, marks=pytest.mark.slow) for number in range(2, 40))]


@pytest.mark.parametrize("moment", MOMENTS)
def test_after_kill_all_of_five_hundred_files_are_rewritten_or_none(home, moment):
    code(home, passes=["modern-syntax"], repair=[])
    lay(home, **{f"m{number}": OLD.replace("names", f"names{number}") for number in range(500)})
    process = subprocess.Popen([sys.executable, "-m", "bmad_provisioner", "apply", "--yes"], cwd=home.root, stdout=-3, stderr=-3)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(moment * 3)
    process.kill()
    process.wait()
    code(home, passes=[], repair=[])
    assert home.bmadp("apply", "--yes").code == 0, "it recovers, and has nothing to do itself"
    rewritten = [path for path in (home.root / "src/pkg").glob("m*.py") if "List" not in path.read_text()]
    assert len(rewritten) in (0, 500)
    code(home, passes=["modern-syntax"], repair=[])
    assert home.bmadp("apply", "--yes").code == 0
    assert not [path for path in (home.root / "src/pkg").glob("m*.py") if "List[" in path.read_text()]
