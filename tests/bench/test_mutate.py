"""Every kind of damage of the repair benchmark breaks a file as its oracle says, and the same seed damages alike."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from random import Random

import pytest

sys.path.append(str(Path(__file__).parents[2] / "bench" / "code" / "repair"))

from cases import Case
from mutate import HOPELESS, KINDS, damage, damage_twice
from oracles import COMPILE, broken
from package import Package
from score import LEFT, PARTLY, REPAIRED, WRONG, fate
from source import Edit, Source, apply, tree

TEXT = Path(__file__).with_name("sample.txt").read_text(encoding="utf-8")
FILES = {
    "shop/__init__.py": b"",
    "shop/prices.py": b"def price_of(name): ...\ndef round_up(price): ...\n",
    "shop/taxes.py": b"RATE = 1\n",
    "shop/sale.py": TEXT.encode(),
}
SOURCE = Source.of("shop/sale.py", TEXT.encode(), Package.of(FILES))
ALL = {**KINDS, **HOPELESS}


@pytest.mark.parametrize("name", ALL)
def test_damage_breaks_a_healthy_file_as_its_oracle_says(name):
    kind, healthy = ALL[name], SOURCE.text.encode()

    made = [damage(kind, SOURCE, Random(seed)) for seed in range(3)]

    if name == "quotes in braces" and sys.version_info >= (3, 12):
        pytest.skip("this Python allows it")
    assert broken(SOURCE, healthy) == ""
    assert None not in made
    assert {broken(SOURCE, data) for data in made} == {kind.oracle}
    assert (tree(made[0]) is None) == (kind.oracle == COMPILE)


def test_the_same_seed_damages_alike_and_another_otherwise():
    seen = {
        name: [damage(kind, SOURCE, Random(seed)) for seed in (1, 1, 2, 3, 4, 5)]
        for name, kind in KINDS.items()
        if kind.group == "tokens"
    }

    assert all(first == again for first, again, *_others in seen.values())
    assert all(len(set(made)) > 1 for name, made in seen.items() if name not in ("quotes in braces", "single equals"))


def test_two_faults_stand_apart_and_each_breaks_the_file():
    data = damage_twice(KINDS["lost colon"], KINDS["doubled bracket"], SOURCE, Random(3))

    lines = [
        number for number, pair in enumerate(zip(TEXT.split("\n"), data.decode().split("\n"), strict=True)) if len(set(pair)) > 1
    ]
    assert len(lines) == 2
    assert lines[1] - lines[0] >= 3
    assert tree(data) is None


def test_every_kind_says_what_happened():
    assert [name for name, kind in ALL.items() if not kind.says.endswith(".")] == []
    assert len(KINDS) >= 26


def test_edits_that_overlap_are_refused():
    assert apply("abcd", [Edit(2, 3, "x"), Edit(0, 1)]) == "bxd"
    with pytest.raises(ValueError, match="overlap"):
        apply("abcd", [Edit(0, 2), Edit(1, 3)])


HEALTHY, DAMAGED = b"import b\nimport a\nx = [1, 2]\n", b"import b\nimport a\nx = [1, 2\n"


@pytest.mark.parametrize(
    ("kind", "after", "expected"),
    [
        ("lost closing bracket", DAMAGED, LEFT),
        ("lost closing bracket", b"import a\nimport b\nx = [1,2]\n", REPAIRED),
        ("lost closing bracket", b"import b\nimport a\nx = [1], 2\n", WRONG),
        ("lost closing bracket", b"import b\nimport a\nx = 1, 2]\n", PARTLY),
        ("truncated", HEALTHY, WRONG),
        ("truncated", DAMAGED, LEFT),
    ],
)
def test_a_file_is_repaired_if_its_tree_is_the_healthy_one_but_for_the_order_of_imports(kind, after, expected):
    case = Case("one", kind, "dev", "one.py", HEALTHY, DAMAGED)

    assert fate(case, after) == expected


def test_a_file_that_compiled_and_only_changed_its_form_is_left():
    case = Case("one", "misspelt name", "dev", "one.py", b"x = 1\nprint(x)\n", b"x = 1\nprint(y)\n")

    assert fate(case, b"x  =  1\nprint(y)\n") == LEFT
    assert fate(case, b"print(y)\n") == WRONG
    assert ast.dump(tree(case.damaged)) != ast.dump(tree(case.healthy))
