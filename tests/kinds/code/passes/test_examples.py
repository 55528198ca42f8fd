"""Examples: what each pass that ships says of itself is so, in every form that a file can have."""

from __future__ import annotations

import pytest

from bmad_provisioner.kinds.code.passes.annotations import ANNOTATIONS
from bmad_provisioner.kinds.code.passes.docstrings import DOCSTRINGS
from bmad_provisioner.kinds.code.passes.import_order import IMPORT_ORDER
from bmad_provisioner.kinds.code.passes.modern_syntax import MODERN_SYNTAX
from bmad_provisioner.kinds.code.passes.unused_imports import UNUSED_IMPORTS
from bmad_provisioner.kinds.code.rewrite import rewrite
from bmad_provisioner.kinds.code.rewriting import Example, Pass
from kinds.code.whole_file import whole_file

SHIPPED = (ANNOTATIONS, DOCSTRINGS, IMPORT_ORDER, MODERN_SYNTAX, UNUSED_IMPORTS)
EXAMPLES = [(one, example) for one in SHIPPED for example in one.examples]

examples = pytest.mark.parametrize(
    ("one", "example"), EXAMPLES, ids=[f"{one.name}: {example.title or example.after.strip()[:40]}" for one, example in EXAMPLES]
)


@examples
def test_a_pass_does_what_its_example_says(one: Pass, example: Example) -> None:
    done = rewrite(example.before.encode(), [one], example.asked)
    assert done.data.decode() == example.after
    assert not done.failures
    assert bool(done.notes) is (example.before != example.after)


@examples
def test_a_second_run_changes_nothing(one: Pass, example: Example) -> None:
    assert rewrite(example.after.encode(), [one], example.asked).data.decode() == example.after


@examples
def test_libcst_makes_the_same_of_the_whole_file(one: Pass, example: Example) -> None:
    assert whole_file(example.before.encode(), [one], dict(example.asked)).decode() == example.after


@examples
@pytest.mark.parametrize(
    "frame", ["\N{BYTE ORDER MARK}{}", "\n\f\n{}", "# é\n\n\n{}", "{}\n# the end"], ids=["mark", "form feed", "letters", "comment"]
)
def test_what_stands_around_it_stays(one: Pass, example: Example, frame: str) -> None:
    before, after = (frame.replace("{}", code.replace("\r\n", "\n")).encode() for code in (example.before, example.after))
    assert rewrite(before, [one], example.asked).data == after
    windows = [code.replace(b"\n", b"\r\n") for code in (before, after)]
    assert rewrite(windows[0], [one], example.asked).data == windows[1]


@pytest.mark.parametrize("one", SHIPPED, ids=lambda one: one.name)
def test_a_pass_shows_what_it_does_and_what_it_leaves_alone(one: Pass) -> None:
    assert any(example.before != example.after for example in one.examples)
    assert all(example.title for example in one.examples if example.before == example.after)
    assert sum(example.before == example.after for example in one.examples) >= 3


@examples
def test_a_needle_is_in_every_file_that_changes(one: Pass, example: Example) -> None:
    found = any(needle in example.before.encode() for needle in one.needles)
    assert found or example.before == example.after
