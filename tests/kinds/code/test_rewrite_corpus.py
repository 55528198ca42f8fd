"""Real packages: the engine makes of every file what LibCST makes of it as a whole, and does it for good."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from bmad_provisioner.kinds.code.passes.annotations import ANNOTATIONS
from bmad_provisioner.kinds.code.passes.docstrings import DOCSTRINGS
from bmad_provisioner.kinds.code.passes.import_order import IMPORT_ORDER
from bmad_provisioner.kinds.code.passes.modern_syntax import MODERN_SYNTAX
from bmad_provisioner.kinds.code.passes.unused_imports import UNUSED_IMPORTS
from bmad_provisioner.kinds.code.rewrite import rewrite
from bmad_provisioner.kinds.code.rewriting import Pass
from kinds.code.corpus import imported, installed
from kinds.code.toy_passes import TOYS
from kinds.code.whole_file import whole_file

CACHE = Path(__file__).parents[3] / ".cache" / "bench-code"
SHIPPED = (UNUSED_IMPORTS, IMPORT_ORDER, MODERN_SYNTAX, ANNOTATIONS, DOCSTRINGS)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Keep what a parser says of old escapes to itself, and let LibCST go as deep as a sum of a thousand terms asks for."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(20 * limit)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    sys.setrecursionlimit(limit)


def differs(files: Sequence[Path], passes: Sequence[Pass]) -> list[str]:
    """Return the files for which the engine and LibCST disagree, or that a second run changes; all others compile."""
    wrong: list[str] = []
    for file in files:
        data = file.read_bytes()
        asked = {"path": "/".join(file.parts[-3:])}
        done = rewrite(data, passes, asked)
        assert not done.failures, (file, done.failures)
        if done.data != whole_file(data, passes, asked):
            wrong.append(f"{file}: not what LibCST makes of it")
        if rewrite(done.data, passes, asked).data != done.data:
            wrong.append(f"{file}: the second run changes it")
        compile(done.data, str(file), "exec", dont_inherit=True)
    return wrong


@pytest.mark.parametrize("passes", [SHIPPED, TOYS], ids=["shipped", "toys"])
@pytest.mark.parametrize("package", ["click", "jinja2", "yaml", "tomlkit"])
def test_it_makes_of_a_real_package_what_libcst_makes_of_its_whole_files(package: str, passes: tuple[Pass, ...]) -> None:
    files = installed(package)
    assert len(files) > 10
    assert not differs(files, passes)


@pytest.mark.slow
@pytest.mark.parametrize("passes", [SHIPPED, TOYS], ids=["shipped", "toys"])
@pytest.mark.parametrize("package", ["django", "sqlalchemy", "sympy"])
def test_it_does_so_for_three_large_packages(package: str, passes: tuple[Pass, ...]) -> None:
    assert not differs(sorted((_large() / package).rglob("*.py")), passes)


@pytest.mark.slow
def test_every_module_that_loaded_loads_when_it_is_rewritten(tmp_path: Path) -> None:
    large, copy = _large(), tmp_path / "rewritten"
    shutil.copytree(large, copy)
    files = sorted(large.rglob("*.py"))
    taken = imported(files)
    for file in files:
        path = file.relative_to(large).as_posix()
        (copy / path).write_bytes(rewrite(file.read_bytes(), SHIPPED, {"path": path, "wanted": taken}).data)
    before, after = _loading(large), _loading(copy)
    assert len(before) > 1_000
    assert not before - after


def _large() -> Path:
    folder = CACHE / "corpus"
    if not folder.is_dir():
        pytest.skip("`python bench/code/rewrite/corpus.py` fetches it")
    return folder


def _loading(folder: Path) -> set[str]:
    """Return the names of the modules of the large packages that load."""
    script = Path(__file__).with_name("import_all.py")
    command = [sys.executable, "-B", str(script), str(folder), "django", "sqlalchemy", "sympy"]
    environment = {**os.environ, "PYTHONPATH": str(CACHE / "needs")}
    return set(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.split())
