"""The way into code: a broken package to try it on, a manifest that fits a project, hooks, and what is said of each file."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from bmad_provisioner.kinds.code.order import SURE
from bmad_provisioner.kinds.code.repair.repair import THRESHOLD
from cli.home import Home, fast

HERE = Path(__file__).resolve().parent.parent
WITH_PYTEST = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
UNION_IS_ONE = sys.version_info >= (3, 14)
"""Since then `Optional[int]` and `int | None` are of one type, and the sample's test passes with both."""


@pytest.fixture
def home():
    with fast() as lent:
        yield lent


def run(home: Home, *arguments: str):
    return home.process(*arguments, env=WITH_PYTEST)


def own_tests(home: Home) -> int:
    command = [sys.executable, "-B", "-m", "unittest", "discover", "-s", "tests"]
    return subprocess.run(command, cwd=home.root, capture_output=True, check=False).returncode


# --- the sample -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sample():
    """The broken package: as it was written, as it was said and applied, and as it was taken back."""
    with fast() as home:
        assert home.bmadp("init", "--code").code == 0
        broken, red = home.files(), own_tests(home)
        said = run(home, "apply", "--yes")
        mended, green = home.files(), own_tests(home)
        clean = run(home, "analyze", "--exit-code")
        back = run(home, "restore", "--yes")
        yield {
            "broken": broken,
            "red": red,
            "said": said,
            "mended": mended,
            "green": green,
            "clean": clean,
            "back": back,
            "after": home.files(),
        }


def test_the_sample_is_broken_in_many_ways_and_all_of_it_is_mended(sample):
    assert sample["red"] != 0 and sample["said"].code == 0 and sample["green"] == 0
    for path, (content, *_) in sample["mended"].items():
        if path.endswith(".py"):
            compile(bytes.fromhex(content), path, "exec")
    groups = set(re.findall(r"\((encoding|indentation|syntax|imports|awaits|signatures), \d+% sure\)", sample["said"].out))
    assert groups == {"encoding", "syntax", "imports", "awaits"}


def test_what_would_break_a_test_of_the_sample_is_taken_back_and_said(sample):
    same = sample["broken"]["bookshop/address.py"] == sample["mended"]["bookshop/address.py"]
    assert same is not UNION_IS_ONE
    assert ("bookshop/address.py  taken back" in sample["said"].out) is not UNION_IS_ONE


def test_once_the_sample_is_mended_there_is_nothing_to_do(sample):
    assert sample["clean"].code == 0, sample["clean"].out


def test_a_restore_leaves_the_sample_as_broken_as_it_was(sample):
    plain = [{path: file[:2] for path, file in sample[moment].items()} for moment in ("broken", "after")]
    assert sample["back"].code == 0 and plain[0] == plain[1]


SUM = "9 files: 5 repaired, 2 rewritten, 1 taken back, 3 up to date"


@pytest.mark.skipif(UNION_IS_ONE, reason="nothing is taken back there")
def test_the_readme_says_of_the_sample_what_is_said(sample):
    readme = (HERE / "README.md").read_text(encoding="utf-8")
    assert SUM in sample["said"].out and SUM in readme


def test_no_pytest_means_that_nothing_is_proven_and_nothing_is_written(home):
    home.bmadp("init", "--code")
    before = home.files()
    bare = home.folder / "bin"
    bare.mkdir()
    python = bare / "python3"
    python.write_text("#!/bin/sh\necho 'python3: No module named pytest' >&2\nexit 1\n")
    python.chmod(0o755)
    said = home.process("apply", "--yes", env={**os.environ, "PATH": f"{bare}:{os.environ['PATH']}"})
    assert said.is_one_error(1, "pytest is not installed there")
    assert home.files() == before


def test_what_holds_where_nobody_says_how_sure_is_what_is_measured():
    assert SURE == THRESHOLD


# --- a manifest that fits -----------------------------------------------------------------------------------------------

FITTING = {
    "a package": (["shop/__init__.py", "shop/a.py"], {"paths": ["shop/**/*.py"]}),
    "below src, with tests": (
        ["src/shop/a.py", "tests/test_a.py"],
        {"paths": ["src/**/*.py", "tests/**/*.py"], "verify": {"command": ["python3", "-m", "pytest", "-q"]}},
    ),
    "scripts": (["a.py", "tools/b.py"], {"paths": ["*.py", "tools/**/*.py"]}),
    "a stranger's code within": (
        ["src/shop/a.py", "src/shop/_vendor/six/b.py"],
        {"paths": ["src/**/*.py", "!src/shop/_vendor/**"]},
    ),
    "a stranger's code beside": (["shop/a.py", "vendor/b.py"], {"paths": ["shop/**/*.py"]}),
    "what is built": (["shop/build/a.py", "build/lib/shop/build/a.py"], {"paths": ["shop/**/*.py"]}),
    "an environment": (["a.py", "env/pyvenv.cfg", "env/lib/b.py"], {"paths": ["*.py"]}),
}


@pytest.mark.parametrize("case", FITTING)
def test_a_manifest_fits_what_is_there_and_nothing_else_is_written(home, case):
    files, wanted = FITTING[case]
    for path in files:
        (home.root / path).parent.mkdir(parents=True, exist_ok=True)
        (home.root / path).write_text("x = 1\n")
    before = home.files()
    assert home.bmadp("init", "--code", "--name", "shop").code == 0
    data = yaml.safe_load(home.manifest.read_text())
    assert data == {"kind": "Code", "name": "shop", "passes": ["modern-syntax", "unused-imports", "import-order"], **wanted}
    assert {path: file for path, file in home.files().items() if path != home.manifest.name} == before
    assert home.bmadp("analyze").code == 0


VERSIONS = {
    "pyproject.toml": ('[project]\nrequires-python = ">=3.9,<4"\n', "3.9"),
    "setup.cfg": ("[options]\npython_requires = >= 3.8\n", "3.8"),
    "setup.py": ("setup(python_requires='>=3.10')\n", "3.10"),
}


@pytest.mark.parametrize("name", VERSIONS)
def test_the_oldest_python_is_the_one_that_the_project_names(home, name):
    text, wanted = VERSIONS[name]
    (home.root / name).write_text(text)
    (home.root / "a.py").write_text("x = 1\n")
    home.bmadp("init", "--code")
    assert yaml.safe_load(home.manifest.read_text())["python"] == wanted


@pytest.mark.parametrize(
    "text", ["[project\n", "[project]\nrequires-python = 3\n", '[project]\nrequires-python = ">=2.7"\n', "project = 1\n"]
)
def test_where_no_python_is_named_the_default_holds(home, text):
    (home.root / "pyproject.toml").write_text(text)
    (home.root / "a.py").write_text("x = 1\n")
    assert home.bmadp("init", "--code").code == 0
    assert "python" not in yaml.safe_load(home.manifest.read_text())


def test_nothing_that_stands_there_is_overwritten(home):
    (home.root / "tests").write_text("no folder\n")
    assert home.bmadp("init", "--code").is_one_error(2, "tests` already exists")
    assert os.listdir(home.root) == ["tests"]
    home.write("kind: Code\n")
    assert home.bmadp("init", "--code").is_one_error(2, "already exists")


# --- hooks ------------------------------------------------------------------------------------------------------------

HOOKS = {hook["id"]: hook for hook in yaml.safe_load((HERE / ".pre-commit-hooks.yaml").read_text())}
LATE = {"bmadp-analyze": 4, "bmadp-apply": 0}


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_fails_or_mends_where_a_file_is_broken_and_passes_where_none_is(home, name):
    home.write('kind: Code\nname: tidy\npaths: ["*.py"]\n')
    (home.root / "a.py").write_text("def load(path)\n    return open(path).read()\n")
    verb, *options = shlex.split(HOOKS[name]["entry"])[1:]
    assert home.bmadp(verb, *options).code == LATE[name]
    home.bmadp("apply", "--yes")
    assert home.bmadp(verb, *options).code == 0


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("pre-commit"), reason="pre-commit is not installed")
def test_pre_commit_installs_and_runs_the_hook(home):
    home.write('kind: Code\nname: tidy\npaths: ["*.py"]\n')
    place = home.root / "a.py"
    place.write_text("def load(path)\n    return open(path).read()\n")
    subprocess.run("git init -q . && git add -A", shell=True, cwd=home.root, check=True)
    command = ["pre-commit", "try-repo", str(HERE), "bmadp-apply"]
    first = subprocess.run(command, cwd=home.root, capture_output=True, text=True, check=False)
    assert first.returncode == 1 and "files were modified by this hook" in first.stdout and "(path):" in place.read_text()
    subprocess.run(["git", "add", "-A"], cwd=home.root, check=True)
    assert subprocess.run(command, cwd=home.root, capture_output=True, check=False).returncode == 0


# --- what is said -----------------------------------------------------------------------------------------------------

UNSURE = "def area(width, height\n    return width * height +\n"


def many(home: Home, **files: str) -> None:
    home.write('kind: Code\nname: tidy\npaths: ["*.py"]\npasses: [modern-syntax]\n')
    for name, text in files.items():
        (home.root / f"{name}.py").write_text(text)


def test_each_file_is_told_with_what_is_done_and_what_is_not(home):
    many(home, a="def load(path)\n    return open(path, 'r').read()\n", b=UNSURE, c="class A(object):\n    pass\n", d="x = 1\n")
    said = home.bmadp("analyze")
    assert "a.py  1 repair, modern-syntax 1\n      1  `def` opens a block" in said.out
    assert "c.py  modern-syntax 1\n" in said.out and "b.py  broken" in said.out and "d.py" not in said.out
    assert re.search(r"^4 files: 1 repaired, 2 rewritten, 1 broken(, 1 proposed)?, 1 up to date$", said.out, re.MULTILINE)
    assert "1. run `bmadp diff` to see it line by line, then `bmadp apply`" in said.out and "mend by hand" in said.out
    assert said.err == ""


def test_what_compiles_and_names_what_is_not_there_is_faulty_and_not_broken(home):
    many(home, a="print(totl)\n")
    said = home.bmadp("analyze").out
    assert "a.py  faulty\n      1  `totl` is not defined" in said and "1 file: 1 faulty" in said
    assert home.bmadp("validate").out == "valid: nothing to do; 1 file: 1 faulty\n"


def test_of_many_files_some_are_told_and_all_with_all(home):
    many(home, **{f"m{number:02}": f"class A{number}(object):\n    pass\n" for number in range(30)})
    assert "and 18 more files rewritten (`--all` lists them)" in home.bmadp("analyze").out
    every = home.bmadp("analyze", "--all").out
    assert all(f"m{number:02}.py" in every for number in range(30)) and "more files" not in every


def test_a_project_in_order_is_told_in_a_line_and_so_is_one_that_stays_broken(home):
    many(home, d="x = 1\n")
    assert "nothing to do; 1 file: 1 up to date" in home.bmadp("analyze").out
    assert home.bmadp("apply", "--yes").out == "nothing to do: 1 file is up to date\n"
    many(home, b=UNSURE)
    assert "nothing to do; 2 files: 1 broken" in home.bmadp("apply", "--yes").out
    assert "b.py  broken" in home.bmadp("apply", "--yes").out, "told again from memory"
    assert home.bmadp("analyze").code == 0 and home.bmadp("analyze", "--exit-code").code == 1


def test_what_waits_for_a_verification_is_shown_before_it(home):
    many(home, a="class A(object):\n    pass\n")
    home.write(home.manifest.read_text() + "verify: {command: [sh, -c, 'true']}\n")
    assert "1 rewritten; not verified yet" in home.bmadp("analyze").out
    assert home.bmadp("analyze", "--exit-code").code == 4
    assert "-class A(object):\n+class A:\n" in home.bmadp("diff").out
    assert (home.root / "a.py").read_text() == "class A(object):\n    pass\n"
    said = home.bmadp("run", "--yes")
    assert said.code == 0 and "verified: `sh -c true` passes as before" in said.out and "agents" not in said.out
    assert (home.root / "a.py").read_text() == "class A(object):\n    pass\n"
    said = home.bmadp("apply", "--yes")
    assert "verified: `sh -c true` passes as before" in said.out
    assert home.bmadp("analyze", "--exit-code").code == 0


# --- the guide --------------------------------------------------------------------------------------------------------


def test_the_demo_walks_through_code(monkeypatch, tmp_path, capfd):
    spec = importlib.util.spec_from_file_location("demo", HERE / "scripts" / "demo.py")
    demo = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(demo)
    monkeypatch.setattr(demo, "CODE", tmp_path / "bookshop")
    monkeypatch.setenv("PATH", os.environ["PATH"])
    demo.walk_code()
    said = capfd.readouterr().out
    assert "11. " in said and "+import json" in said and "5 repaired" in said and "took back" in said


GUIDE = re.findall(r"^```python\n(.*?)^```", (HERE / "docs/guides/passes.md").read_text(), re.MULTILINE | re.DOTALL)
OLD = "def f(a):\n    print(a)\n    if a == None:\n        return 0\n    return a\n"
NEW = "def f(a):\n    if a is None:\n        return 0\n    return a\n"


def test_the_passes_of_the_guide_do_what_it_says(home):
    lib = home.folder / "lib"
    lib.mkdir()
    own, proof, codemod, adapted = GUIDE
    (lib / "our_passes.py").write_text(own)
    (lib / "test_our_passes.py").write_text(proof)
    (lib / "our_codemods.py").write_text(f"{codemod}\n\n{adapted}")
    (home.root / "a.py").write_text(OLD)
    paths = os.pathsep.join([str(lib), *filter(None, [os.environ.get("PYTHONPATH")])])
    where = {**os.environ, "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(lib)]
    tested = subprocess.run(command, cwd=lib, env=where, capture_output=True, text=True, check=False)
    assert "2 passed" in tested.stdout, tested.stdout
    for codemods in ("our_codemods:NoPrint", "our_codemods:NO_PRINT"):
        home.write(f'kind: Code\nname: ours\npaths: ["*.py"]\nrepair: []\npasses: ["our_passes:IS_NONE", "{codemods}"]\n')
        said = home.process("apply", "--yes", env=where)
        assert said.code == 0 and (home.root / "a.py").read_text() == NEW, said
        assert home.process("restore", "--yes", env=where).code == 0


def test_the_graph_of_many_files_names_a_few(home):
    many(home, **{f"m{number:02}": "x = 1\n" for number in range(30)})
    said = home.bmadp("graph").out
    assert "and 18 more" in said and max(map(len, said.splitlines())) < 400
