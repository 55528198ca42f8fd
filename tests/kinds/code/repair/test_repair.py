"""What one broken file becomes, and what is left as it is."""

from __future__ import annotations

import ast

import pytest

from bmad_provisioner.kinds.code.repair.knows import Knows, facts, knows
from bmad_provisioner.kinds.code.repair.model import ALL, SYNTAX
from bmad_provisioner.kinds.code.repair.repair import repair

HEALTHY = '''"""A shop."""

import json
import os


class Shop:
    """Sells things."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.prices = {}

    def load(self, names):
        if not os.path.exists(self.path):
            raise FileNotFoundError("no such file")
        with open(self.path) as file:
            self.prices = json.load(file)
        for name in names:
            if name == "free":
                continue
            print(name, self.prices[name])
        return len(self.prices)


def total(prices, tax=0.2):
    result = 0
    for price in prices.values():
        result += price * (1 + tax)
    return round(result, 2)
'''

FAULTS = {
    "a lost colon": ("if not os.path.exists(self.path):", "if not os.path.exists(self.path)"),
    "a lost comma": ("round(result, 2)", "round(result 2)"),
    "a lost bracket": ("os.path.exists(self.path):", "os.path.exists(self.path:"),
    "a bracket too many": ("round(result, 2)", "round(result, 2))"),
    "a lost opening bracket": ('Error("no such file")', 'Error"no such file")'),
    "a lost quote": ('"no such file"', '"no such file'),
    "a lost opening quote": ('== "free"', '== free"'),
    "= for ==": ('if name == "free"', 'if name = "free"'),
    "a keyword misspelt": ("def total", "dfe total"),
    "a keyword that lost a letter": ("    return round", "    retrn round"),
    "a line too deep": ("    result = 0", "        result = 0"),
    "a line not deep enough": ("        self.prices = {}", "      self.prices = {}"),
    "a tab among spaces": ("            self.prices = json", "\t    self.prices = json"),
    "the print of Python 2": ("print(name, self.prices[name])", "print name, self.prices[name]"),
    "the raise of Python 2": ('FileNotFoundError("no such file")', 'FileNotFoundError, "no such file"'),
    "smart quotes": ('"no such file"', "\u201cno such file\u201d"),
    "a space that does not break": ("result = 0", "result\u00a0= 0"),
    "a letter without width": ("result = 0", "\u200bresult = 0"),
    "a method without self": ("def load(self, names)", "def load(names)"),
    "a name misspelt": ("return len(self.prices)", "return lenn(self.prices)"),
    "a lost import of the library": ("import json\n", ""),
}


def _meaning(text: str) -> tuple[frozenset[str], list[str]]:
    body = ast.parse(text).body
    imports = frozenset(ast.dump(node) for node in body if isinstance(node, (ast.Import, ast.ImportFrom)))
    return imports, [ast.dump(node) for node in body if not isinstance(node, (ast.Import, ast.ImportFrom))]


@pytest.mark.parametrize(("right", "wrong"), FAULTS.values(), ids=list(FAULTS))
def test_a_seeded_fault_is_repaired_and_a_second_run_changes_nothing(right: str, wrong: str) -> None:
    broken = HEALTHY.replace(right, wrong, 1)
    assert broken != HEALTHY
    done = repair(broken.encode(), Knows())
    assert _meaning(done.data.decode()) == _meaning(HEALTHY), done
    assert done.fixes
    assert repair(done.data, Knows()).data == done.data


def test_two_faults_in_one_file_are_both_repaired() -> None:
    broken = HEALTHY.replace("exists(self.path):", "exists(self.path)", 1).replace("round(result, 2)", "round(result 2)", 1)
    assert repair(broken.encode(), Knows()).data == HEALTHY.encode()


def test_a_healthy_file_is_returned_as_it_is() -> None:
    assert repair(HEALTHY.encode(), Knows()).data == HEALTHY.encode()


@pytest.mark.parametrize("end", [HEALTHY.index("self.path) as") + 4, HEALTHY.index("no such"), HEALTHY.index("names):") + 8])
def test_a_file_that_ends_in_the_middle_is_left_alone(end: int) -> None:
    done = repair(HEALTHY[:end].encode(), Knows())
    assert (done.data, done.fixes) == (HEALTHY[:end].encode(), ())
    assert done.left


@pytest.mark.parametrize(
    "around", ["```python\n{}```\n", "Here is the new file:\n\n```python\n{}```\n\nAnything else?\n", "```\n{}"]
)
def test_fences_and_talk_around_the_code_go(around: str) -> None:
    assert repair(around.format(HEALTHY).encode(), Knows()).data == HEALTHY.encode()


def test_a_conflict_of_two_versions_that_both_fit_is_a_question() -> None:
    broken = HEALTHY.replace("    result = 0\n", "<<<<<<< HEAD\n    result = 0\n=======\n    result = 1\n>>>>>>> theirs\n")
    done = repair(broken.encode(), Knows())
    assert done.data == broken.encode()
    assert len(done.proposals) == 2


def test_two_equally_good_places_are_a_question() -> None:
    broken = b"def f(a, b, g, h):\n    x = g(h(a, b)\n    return x\n"
    done = repair(broken, Knows())
    assert done.data == broken or done.fixes[0].confidence >= 0.8
    assert not [fix for fix in done.proposals if fix.confidence >= 0.8]


def test_a_group_that_is_turned_off_repairs_nothing() -> None:
    broken = HEALTHY.replace("exists(self.path):", "exists(self.path)", 1).encode()
    assert repair(broken, Knows(), ALL - {SYNTAX}).data == broken


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("# caf\u00e9\n".encode().decode("cp1252").encode(), "# caf\u00e9\n"),
        ("# caf\u00e9\nx = 1\n".encode("latin-1"), "# caf\u00e9\nx = 1\n"),
        ("x = 1\n".encode("utf-16"), "x = 1\n"),
    ],
    ids=["mojibake", "latin-1", "utf-16"],
)
def test_a_wrong_encoding_becomes_utf_8(data: bytes, text: str) -> None:
    assert repair(data, Knows()).data.decode() == text


HOSTILE = {
    "one line of ten megabytes": b"x = " + b"1+" * 5_000_000 + b"1\n",
    "a thousand open brackets": b"(" * 1000,
    "a thousand nested brackets": b"[" * 1000 + b"]" * 1000,
    "NUL": b"a\0b",
    "nothing but quotes": b'"' * 999,
    "deep signs": b"-" * 20_000 + b"1\n",
    "an unknown cookie and bad bytes": b"# coding: utf-8\nx = '\xff\x81'(\n",
    "calls that never end": b"f(\n" * 3000,
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=list(HOSTILE))
def test_hostile_bytes_end_in_a_fault_and_never_in_an_exception(data: bytes) -> None:
    done = repair(data, Knows())
    assert done.left or done.proposals


PROJECT = {
    "shop/__init__.py": "from .till import Till\n",
    "shop/till.py": "class Till:\n    pass\n\n\nasync def ring(bell):\n    return bell\n\n\ndef count():\n    return 3\n",
    "shop/door.py": "import numpy as np\nfrom .till import Till\n\nprint(np, Till)\n",
    "shop/desk.py": "from .till import Till\nfrom . import door\n\nprint(Till, door)\n",
}


def _known(own: str = "shop.work") -> Knows:
    return knows(own, [facts(path, text) for path, text in PROJECT.items()])


PROJECT_FAULTS = {
    "an import as the project writes it": ("from . import door\n\nprint(door, Till())\n", "from .till import Till"),
    "an alias as the project writes it": ("print(np.zeros(3))\n", "import numpy as np"),
    "a name with one home": ("from . import door\n\nprint(door, count())\n", "from .till import count"),
    "a name lost from a longer import": ("from .till import Till\n\nprint(Till, count())\n", "from .till import Till, count"),
    "a module that the name has left": ("from .door import count\n\nprint(count())\n", "from .till import count"),
    "await where its function is not async": (
        "from .till import ring\n\n\ndef go(bell):\n    return await ring(bell)\n",
        "async def go(bell):",
    ),
    "await on what is known to be plain": (
        "from .till import count\n\n\nasync def go():\n    return await count()\n",
        "    return count()",
    ),
    "a coroutine that nothing awaits": (
        "from .till import ring\n\n\nasync def go(bell):\n    ring(bell)\n",
        "    await ring(bell)",
    ),
}


@pytest.mark.parametrize(("broken", "line"), PROJECT_FAULTS.values(), ids=list(PROJECT_FAULTS))
def test_what_the_project_says_repairs_a_name(broken: str, line: str) -> None:
    done = repair(broken.encode(), _known())
    assert line in done.data.decode().splitlines(), done


def test_a_name_with_two_homes_is_a_question() -> None:
    both = [facts("shop/a.py", "def pay():\n    pass\n"), facts("shop/b.py", "def pay():\n    pass\n")]
    done = repair(b"print(pay())\n", knows("shop.work", both))
    assert done.data == b"print(pay())\n"
    assert len(done.proposals) == 2


def test_untouched_lines_keep_their_ends_and_their_mark() -> None:
    data = b"\xef\xbb\xbf" + HEALTHY.replace("\n", "\r\n").replace("round(result, 2)", "round(result 2)").encode()
    done = repair(data, Knows())
    assert done.data == b"\xef\xbb\xbf" + HEALTHY.replace("\n", "\r\n").encode()


def test_facts_of_a_file_that_does_not_parse_are_read_line_by_line() -> None:
    found = facts("src/shop/x.py", "from .till import Till as T\nimport os.path\n\ndef pay(:\n    pass\n")
    assert found["module"] == "shop.x"
    assert ["T", "shop.till", "Till", "T", 1] in found["imports"]
    assert found["defines"] == ["pay"]
    assert not found["closed"]
