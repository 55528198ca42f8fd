"""Real packages: the engine makes of every file what LibCST makes of it as a whole, and does it for good."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import pytest

from bmad_provisioner.kinds.code.passes.annotations import ANNOTATIONS
from bmad_provisioner.kinds.code.passes.docstrings import DOCSTRINGS
from bmad_provisioner.kinds.code.passes.import_order import IMPORT_ORDER
from bmad_provisioner.kinds.code.passes.modern_syntax import MODERN_SYNTAX
from bmad_provisioner.kinds.code.passes.unused_imports import UNUSED_IMPORTS
from bmad_provisioner.kinds.code.rewrite import rewrite
from bmad_provisioner.kinds.code.rewriting import Pass
from kinds.code.corpus import installed
from kinds.code.toy_passes import TOYS
from kinds.code.whole_file import whole_file

SHIPPED = (UNUSED_IMPORTS, IMPORT_ORDER, MODERN_SYNTAX, ANNOTATIONS, DOCSTRINGS)


def differs(files: Sequence[Path], passes: Sequence[Pass]) -> list[str]:
    """Return the files for which the engine and LibCST disagree, that do not compile, or that a second run changes."""
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
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(done.data, str(file), "exec", dont_inherit=True)
    return wrong


@pytest.mark.parametrize("passes", [SHIPPED, TOYS], ids=["shipped", "toys"])
@pytest.mark.parametrize("package", ["click", "jinja2", "yaml", "tomlkit"])
def test_it_makes_of_a_real_package_what_libcst_makes_of_its_whole_files(package: str, passes: tuple[Pass, ...]) -> None:
    files = installed(package)
    assert len(files) > 10
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert not differs(files, passes)
