"""Loading: passes by name, codemods of LibCST unchanged, and what makes a pass the one it is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bmad_provisioner.errors import UsageError
from bmad_provisioner.kinds.code.load import load
from bmad_provisioner.kinds.code.passes.annotations import ANNOTATIONS
from bmad_provisioner.kinds.code.passes.docstrings import DOCSTRINGS
from bmad_provisioner.kinds.code.rewrite import rewrite
from kinds.code.toy_passes import NO_PRINT

PERCENT = "libcst.codemod.commands.convert_percent_format_to_fstring:ConvertPercentFormatStringCommand"
UNION = "libcst.codemod.commands.convert_union_to_or:ConvertUnionToOrCommand"
COMPANY = """
import libcst as cst
from libcst.codemod import VisitorBasedCodemodCommand
from bmad_provisioner.kinds.code.rewriting import Pass
from our_company.words import OLD

def find(module):
    return ()

no_print = Pass("no-print", "1", (b"print",), find)

class Rename(VisitorBasedCodemodCommand):
    DESCRIPTION = "renames"
    def leave_Name(self, original_node, updated_node):
        return updated_node.with_changes(value="new") if updated_node.value == OLD else updated_node
"""


@pytest.fixture
def company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    package = tmp_path / "our_company"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "passes.py").write_text(COMPANY)
    (package / "words.py").write_text("OLD = 'old'\n")
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.partition(".")[0] == "our_company"]:
        monkeypatch.delitem(sys.modules, name)
    return package


def test_a_pass_is_found_by_the_place_it_lives_at(company: Path) -> None:
    (found,) = load(["our_company.passes:no_print"])
    assert (found.name, found.needles) == ("no-print", (b"print",))


def test_codemods_run_as_they_are_and_together() -> None:
    passes = load([PERCENT, UNION])
    data = b"from typing import Union\nx: Union[int, str] = '%s' % y\n"
    done = rewrite(data, [*passes, NO_PRINT], {})
    assert done.data == b"x: int | str = f'{y}'\n"
    assert not done.failures
    assert rewrite(done.data, passes, {}).data == done.data


def test_a_codemod_that_skips_a_file_leaves_it_alone(company: Path) -> None:
    (company / "passes.py").write_text(
        COMPANY.replace(
            "def leave_Name",
            "def visit_Module(self, node):\n        from libcst.codemod import SkipFile\n        raise SkipFile\n    def leave_Name",
        )
    )
    done = rewrite(b"old = 1\n", load(["our_company.passes:Rename"]), {})
    assert (done.data, done.failures) == (b"old = 1\n", ())


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("our_company.passes:nothing", "does not load"),
        ("our_company.nowhere:x", "does not load"),
        ("os.path:join", "is no pass"),
        ("nobody-knows", "unknown pass"),
    ],
)
def test_what_is_no_pass_is_refused(company: Path, name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        load([name])


def test_passes_that_differ_are_known_apart() -> None:
    assert len({ANNOTATIONS.identity, DOCSTRINGS.identity, NO_PRINT.identity}) == 3
    assert load([PERCENT])[0].identity != load([UNION])[0].identity


@pytest.mark.parametrize("edited", ["passes.py", "words.py"])
def test_an_edit_of_its_code_makes_it_another_pass(company: Path, edited: str) -> None:
    code = "from bmad_provisioner.kinds.code.load import load; print(*(one.identity for one in load(['our_company.passes:no_print', 'our_company.passes:Rename'])))"

    def identities() -> str:
        return subprocess.run([sys.executable, "-c", code], cwd=company.parent, check=True, capture_output=True, text=True).stdout

    before = identities()
    assert identities() == before
    (company / edited).write_text((company / edited).read_text() + "# edited\n")
    assert not set(identities().split()) & set(before.split())
