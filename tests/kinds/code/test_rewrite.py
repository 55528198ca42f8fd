"""Rewrite: what becomes of a file, whatever its passes do."""

# ruff: noqa: N802 - so LibCST names what visitors have
from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator

import libcst as cst
import pytest

from bmad_provisioner.errors import TaskError
from bmad_provisioner.kinds.code.judge import fits
from bmad_provisioner.kinds.code.module import Hit, Module
from bmad_provisioner.kinds.code.passes.annotations import ANNOTATIONS
from bmad_provisioner.kinds.code.passes.import_order import IMPORT_ORDER
from bmad_provisioner.kinds.code.passes.modern_syntax import MODERN_SYNTAX
from bmad_provisioner.kinds.code.passes.unused_imports import UNUSED_IMPORTS
from bmad_provisioner.kinds.code.rewrite import ROUNDS, parse, rewrite
from bmad_provisioner.kinds.code.rewriting import Pass, Scope
from kinds.code.toy_passes import GUARD, NO_PRINT, TOYS
from kinds.code.whole_file import whole_file


def names(module: Module) -> Iterator[Hit]:
    """Yield every name that is read, as a hit without a text."""
    return (module.hit(node) for node in ast.walk(module.tree) if isinstance(node, ast.Name))


def exact(name: str, old: str, new: str) -> Pass:
    """Return a pass that puts one text in the place of another, and promises nothing."""

    def find(module: Module) -> Iterator[Hit]:
        at = module.text.find(old)
        if at >= 0:
            yield Hit(at, at + len(old), new)

    return Pass(name, "1", (), find)


def raises(_module: Module) -> Iterator[Hit]:
    raise ZeroDivisionError("oh")


class Raises(cst.CSTTransformer):
    def visit_Name(self, node: cst.Name) -> bool:
        raise ZeroDivisionError("oh")


class Breaks(cst.CSTTransformer):
    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.Name:
        return updated_node.with_changes(value="None")


class Swaps(cst.CSTTransformer):
    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.Name:
        return updated_node.with_changes(value={"a": "b", "b": "a"}.get(updated_node.value, updated_node.value))


@pytest.mark.parametrize(
    "data",
    [
        b"def f():\r\n\tx = 1   \r\n\treturn x;\r\n\r\n\x0c\r\ndef g():\r\n\tprint(1)",
        b"\xef\xbb\xbf# coding: utf-8\nclass A:\n   '''\xc3\xa4'''\n   def f(self): print('\xc3\xa9')\n\n\n",
        b"# -*- coding: latin-1 -*-\nx = '\xe4'\ndef f(a='\xe9'):\n  print('\xdf')\n",
        b"if x: print(1)\nelse:\n  # below\n  pass\n    # deeper\n# not\nprint(2)\n    # after\n",
    ],
    ids=["CRLF, tabs, form feed, no end", "BOM", "latin-1", "comments"],
)
@pytest.mark.parametrize("passes", [(ANNOTATIONS,), (NO_PRINT,), (ANNOTATIONS, *TOYS)], ids=["exact", "one", "all"])
def test_only_what_is_meant_changes(data: bytes, passes: tuple[Pass, ...]) -> None:
    done = rewrite(data, passes, {})
    assert done.data == whole_file(data, passes, {})
    assert rewrite(done.data, passes, {}).data == done.data


def test_lone_carriage_returns_stay_or_the_pass_says_that_it_cannot_keep_them() -> None:
    done = rewrite(b"x = 1\rdef f():\r  print(2)\r", [ANNOTATIONS, NO_PRINT], {})
    assert done.data == b"x = 1\rdef f() -> None:\r  print(2)\r"
    assert [failure.rule for failure in done.failures] == ["no-print"]


@pytest.mark.parametrize("data", [b"print()\n", b"# a\n\nprint()\n# b\n", b"\nprint()", b"# a\nprint(1)\n\n# b\nprint(2)\n"])
def test_nothing_may_be_left_of_a_file(data: bytes) -> None:
    assert rewrite(data, [NO_PRINT], {}).data == whole_file(data, [NO_PRINT], {})


def test_a_file_without_a_needle_is_not_even_parsed() -> None:
    assert rewrite(b"def broken(:", [UNUSED_IMPORTS, NO_PRINT], {}).data == b"def broken(:"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"def f(:\n", "line 1: it does not parse"),
        (b"def f(a='\xff'): pass", "its "),
        (b"def \0", "NUL"),
        (b"def f(): " + b"-" * 100_000 + b"1", "parse"),
    ],
    ids=["syntax", "bytes", "NUL", "depth"],
)
def test_what_is_no_python_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(TaskError, match=message):
        rewrite(data, [ANNOTATIONS], {})


@pytest.mark.parametrize(
    ("guilty", "reason"),
    [
        (Pass("bad", "1", (), raises), "it raised ZeroDivisionError: oh"),
        (Pass("bad", "1", (), names, lambda *_: Raises()), "it raised ZeroDivisionError: oh"),
        (Pass("bad", "1", (), names, lambda *_: Breaks()), "invalid syntax"),
        (Pass("bad", "1", (), names, lambda *_: Swaps()), f"it still changes the file after {ROUNDS} rounds"),
        (exact("bad", "print", "x ("), "what it made does not compile: "),
        (exact("bad", "print", "print or print"), f"it still changes the file after {ROUNDS} rounds"),
    ],
    ids=["matcher raises", "transformer raises", "transformer breaks", "transformer swaps", "text breaks", "text grows"],
)
@pytest.mark.parametrize("others", [(ANNOTATIONS, GUARD), (ANNOTATIONS,), (GUARD,), ()], ids=["both", "exact", "LibCST", "alone"])
def test_a_pass_that_cannot_be_trusted_is_left_out_and_the_others_go_on(
    guilty: Pass, reason: str, others: tuple[Pass, ...]
) -> None:
    data = b"def f(a):\n    assert a\n    print(a)\n"
    for passes in ((guilty, *others), (*others, guilty)):
        done = rewrite(data, passes, {})
        assert [failure.rule for failure in done.failures] == ["bad"]
        assert reason in done.failures[0].reason
        assert done.data == rewrite(data, others, {}).data


def test_a_text_that_breaks_its_statement_is_found_though_it_promised_not_to() -> None:
    def find(module: Module) -> Iterator[Hit]:
        yield Hit(0, 1, "1 +", settled=True)

    done = rewrite(b"x = 1\n", [Pass("bad", "1", (), find)], {})
    assert done.data == b"x = 1\n"
    assert [failure.rule for failure in done.failures] == ["bad"]


def test_a_pass_that_is_not_steady_is_asked_again_after_what_another_did() -> None:
    def find(module: Module) -> Iterator[Hit]:
        if "-> None" in module.text and "#" not in module.text:
            yield Hit(0, 0, "# nothing\n", settled=True)

    done = rewrite(b"def f():\n    print()\n", [Pass("late", "1", (), find), ANNOTATIONS], {})
    assert done.data == b"# nothing\ndef f() -> None:\n    print()\n"


@pytest.mark.parametrize(("opens", "closes"), [("(1", "2)"), ("[1", "2]"), ("'''1", "2'''"), ("1 + \\", "2")])
def test_a_text_that_leans_on_the_next_statement_is_found(opens: str, closes: str) -> None:
    def find(module: Module) -> Iterator[Hit]:
        for statement, text in zip(module.tree.body, (opens, closes), strict=True):
            assert isinstance(statement, ast.Assign)
            yield module.exact(statement, statement.value, text, "")

    data = b"x = 7\ny = 8\n"
    module = parse(data.decode(), {})
    assert not fits(module, list(find(module)))


def test_two_passes_that_keep_each_other_going_do_so_no_longer() -> None:
    done = rewrite(b"a = 1\n", [exact("to-b", "a", "b"), exact("to-a", "b", "a")], {})
    assert [failure.rule for failure in done.failures] == ["to-a"]
    assert done.data == b"b = 1\n"


def test_what_one_pass_leaves_over_another_takes_in_the_same_run() -> None:
    data = b"from typing import Optional\n\n\ndef f(x: Optional[int]) -> None:\n    print(x)\n"
    done = rewrite(data, [UNUSED_IMPORTS, MODERN_SYNTAX], {})
    assert done.data == b"\n\ndef f(x: int | None) -> None:\n    print(x)\n"
    assert [(note.rule, note.line) for note in done.notes] == [("unused-imports", 1), ("modern-syntax", 4)]


def test_where_two_want_the_same_place_the_first_has_it() -> None:
    data = b"import sys\nimport re\nimport os\n\nprint(os, re)\n"
    done = rewrite(data, [IMPORT_ORDER, UNUSED_IMPORTS], {})
    assert done.data == b"import os\nimport re\n\nprint(os, re)\n"
    assert [note.rule for note in done.notes] == ["import-order", "unused-imports"]


def test_somebody_is_told_who_is_at_work() -> None:
    told: list[str] = []
    rewrite(b"def f():\n    print()\n", [ANNOTATIONS, NO_PRINT], {}, told.append)
    assert told[:3] == ["annotations", "no-print", "no-print"]


def test_a_transformer_that_needs_more_than_its_statement_sees_the_file() -> None:
    class Counts(cst.CSTTransformer):
        def leave_Module(self, original_node: cst.Module, updated_node: cst.Module) -> cst.Module:
            tail = cst.parse_statement(f"count = {len(original_node.body)}")
            return updated_node if "count" in original_node.code else updated_node.with_changes(body=[*updated_node.body, tail])

    count = Pass("count", "1", (), names, lambda *_: Counts(), scope=Scope.MODULE)
    assert rewrite(b"a\nb\nprint()\n", [count, NO_PRINT], {}).data == b"a\nb\ncount = 3\n"


def test_metadata_is_there_for_whom_depends_on_it() -> None:
    class Lines(cst.CSTTransformer):
        METADATA_DEPENDENCIES = (cst.metadata.PositionProvider,)

        def leave_Integer(self, original_node: cst.Integer, updated_node: cst.Integer) -> cst.Integer:
            return updated_node.with_changes(value=str(self.get_metadata(cst.metadata.PositionProvider, original_node).start.line))

    lines = Pass("lines", "1", (), names, lambda *_: Lines())
    assert rewrite(b"a = 7\nb = 7\nprint()\n", [lines, NO_PRINT], {}).data == b"a = 1\nb = 2\n"


def test_a_transformer_that_looks_away_does_not_blind_the_others() -> None:
    class Away(cst.CSTTransformer):
        def visit_FunctionDef(self, node: cst.FunctionDef) -> bool:
            return False

        def leave_Integer(self, original_node: cst.Integer, updated_node: cst.Integer) -> cst.Integer:
            return updated_node.with_changes(value="0")

    data = b"def f():\n    x = 7\n    print(7)\nprint(x)\ny = 7\n"
    away = Pass("away", "1", (), names, lambda *_: Away())
    for passes in ((away, NO_PRINT), (NO_PRINT, away)):
        assert rewrite(data, passes, {}).data == b"def f():\n    x = 7\ny = 0\n"


def test_libcst_is_loaded_for_transformers_only() -> None:
    code = """
import sys
from bmad_provisioner.kinds.code.rewrite import rewrite
from bmad_provisioner.kinds.code.passes.annotations import ANNOTATIONS
from bmad_provisioner.kinds.code.rewriting import Pass
none = Pass("none", "1", (), lambda module: (), lambda *_: None)
assert rewrite(b"def f():\\n    print()\\n", [ANNOTATIONS, none], {}).data == b"def f() -> None:\\n    print()\\n"
assert not {"libcst", "pyflakes"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
