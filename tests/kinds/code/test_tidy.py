"""One file: what a pass that fails or never comes back costs it, and what stays with the others."""

from __future__ import annotations

import sys

import pytest

from bmad_provisioner.digest import Entry, digest
from bmad_provisioner.engine.task import Inputs, Output
from bmad_provisioner.kinds.code import tidy
from bmad_provisioner.kinds.code.load import load

PASSES = """\
import time
from bmad_provisioner.kinds.code.rewriting import Pass

def _loop(module):
    while True:
        time.sleep(0.01)

def _fail(module):
    raise RuntimeError("it is broken")

LOOPS = Pass("loops", "1", (), _loop)
FAILS = Pass("fails", "1", (), _fail)
"""
OLD = b"from typing import List\n\n\ndef names() -> List[str]:\n    return []\n"


@pytest.fixture(autouse=True)
def hasty(tmp_path, monkeypatch):
    (tmp_path / "stranger_passes.py").write_text(PASSES)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(tidy, "PATIENCE", 0.2)
    monkeypatch.setattr(tidy, "_stopped", {})
    yield
    sys.modules.pop("stranger_passes", None)


def tidied(*names: str) -> tuple[Output, bytes]:
    kept: dict[str, bytes] = {}

    def keep(data: bytes, executable: bool = False) -> Entry:
        kept[digest(data)] = data
        return Entry(digest(data), executable)

    passes = [[name, one.identity] for name, one in zip(names, load(names), strict=True)]
    args = {"path": "a.py", "python": "3.11", "repair": [], "sure": 0.9, "verified": False, "passes": passes}
    output = tidy.tidy(Inputs(args, {"a.py": Entry(digest(OLD))}, {}, lambda path: OLD, keep, lambda entry: kept[entry.digest]))
    return output, kept[output.files["a.py"].digest] if output.files else OLD


def rules(output: Output) -> list[str]:
    return [one.rule for one in output.findings]


@pytest.mark.parametrize("name", ["LOOPS", "FAILS"])
def test_a_pass_that_fails_is_left_out_and_the_others_do_their_work(name):
    output, data = tidied(f"stranger_passes:{name}", "modern-syntax")
    assert b"-> list[str]" in data
    assert "code-left-out" in rules(output) and "code-rewritten" in rules(output)
    assert output.fleeting is (name == "LOOPS"), "what was stopped may come back another time"


def test_a_pass_that_had_to_be_stopped_three_times_is_asked_no_more():
    said = [tidied("stranger_passes:LOOPS")[0] for _ in range(5)]
    assert [rules(one) for one in said] == [["code-left-out"]] * 3 + [["code-quarantined"]] * 2
    assert all(one.fleeting for one in said)
