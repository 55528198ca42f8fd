"""What becomes of lost and mistyped tokens, of other languages' habits and of odd letters; what is left as a question."""

from __future__ import annotations

import ast

import pytest

from bmad_provisioner.kinds.code.repair.knows import Knows
from bmad_provisioner.kinds.code.repair.repair import repair

HEALTHY = '''"""A till."""

import re
from typing import Callable, Optional

Rule = Callable[[int], bool]
LARGE = 10
NAMES = [
    "apple",
    "pear",
]
SIZES = [
    LARGE,
    LARGE * 2,
]


class Till:
    """Counts what is paid."""

    def __init__(self, rule: Optional[Rule] = None) -> None:
        self.rule = rule
        self.coins: dict[str, int] = {}

    def pay(self, name: str, amount: int) -> int:
        """Take an amount and tell what there is."""
        if name not in NAMES and amount != 0:
            raise ValueError(f"no {name} is sold")
        if self.rule is not None and not self.rule(amount):
            return 0
        elif amount == 0:
            return sum(self.coins.values())
        self.coins[name] = self.coins.get(name, 0) + amount
        return self.coins[name]

    def find(self, pattern: str) -> list[str]:
        """List the names that fit a pattern."""
        found = [name for name in self.coins if re.match(pattern, name)]
        print("found", len(found))
        return found


def total(tills: list[Till]) -> int:
    """Add up."""
    count = 0
    for till in tills:
        count += sum(till.coins.values())
    return count
'''

TOKENS = {
    "no colon behind the header of a class": ("class Till:", "class Till"),
    "no colon in an annotation": ("self, name: str, amount", "self, name str, amount"),
    "no comma in a list over lines": ("    LARGE,\n", "    LARGE\n"),
    "two commas": ("pattern, name)", "pattern,, name)"),
    "no opener at the end of a line": ("NAMES = [", "NAMES = "),
    "no closer at the start of a line": ('    "pear",\n]', '    "pear",\n'),
    "no opener behind the name of a class": ("raise ValueError(f", "raise ValueErrorf"),
    "no opener in a definition": ("def find(self", "def findself"),
    "no closer among types": ("Optional[Rule] = None", "Optional[Rule = None"),
    "an opener twice": ("sum(self.coins.values())", "sum((self.coins.values())"),
    "a closer of the wrong kind": ("re.match(pattern, name)]", "re.match(pattern, name])"),
    "an opener of the wrong kind": ("list[Till]", "list(Till]"),
    "no quote at the end": ('print("found", len', 'print("found, len'),
    "no quote behind the f": ('f"no {name} is sold"', 'fno {name} is sold"'),
    "two kinds of quotes": ('"found", len', "\"found', len"),
    "two of the three quotes at the end": ('"""Add up."""', '"""Add up.""'),
    "no three quotes at the end": ('"""Counts what is paid."""', '"""Counts what is paid.'),
    "two of the three quotes at the beginning": ('"""List the', '""List the'),
    "= for == in a condition": ("elif amount == 0", "elif amount = 0"),
    "= for != as C has it": ("amount != 0", "amount !== 0"),
    "letters of a keyword swapped": ("    return found", "    retrun found"),
    "a keyword twice": ("for till in tills", "for till in in tills"),
    "a blank within an operator": ("count += sum", "count + = sum"),
    "= for == in what is returned": ("elif amount == 0:\n            return sum(", "elif amount = 0:\n            return sum("),
    "a semicolon for a comma": ("get(name, 0)", "get(name; 0)"),
    "a dot for a comma": ('    "apple",\n', '    "apple".\n'),
    "a closer of the wrong kind among parameters": ("rule: Optional[Rule] = None", "rule: Optional[Rule) = None"),
    "a quote lost before a comma": ('print("found", len', 'print("found, len'),
    "a keyword in capitals": ("        return found", "        RETURN found"),
    "a lost def": ("    def find(self", "    find(self"),
    "a lost import": ("from typing import", "from typing"),
    "a lost in": ("for till in tills", "for till tills"),
    "a lost for": ("[name for name in self", "[name name in self"),
    "a name in two": ("till.coins.values", "till.coi ns.values"),
    "no end of a field": ("{name} is sold", "{name is sold"),
    "no beginning of a field": ("{name} is sold", "name} is sold"),
    "no quotes round what a function says of itself": (
        '"""Take an amount and tell what there is."""',
        "Take an amount and tell what there is.",
    ),
    "no end of a long string": (
        '        """Take an amount and tell what there is."""',
        '        """Take an amount and tell what there is.',
    ),
    "the letters of line breaks": ("    count = 0\n    for till in tills:\n", "    count = 0\\n    for till in tills:\\n"),
}
ELSEWHERE = {
    "else if": ("elif amount", "else if amount"),
    "elseif": ("elif amount", "elseif amount"),
    "&&": ("NAMES and amount", "NAMES && amount"),
    "&& and ! on one line": ("is not None and not self.rule(", "is not None && !self.rule("),
    "an arrow of two strokes": ("amount: int) -> int:", "amount: int) => int:"),
    "an arrow in parts": ("amount: int) -> int:", "amount: int) - > int:"),
    "no arrow": ("amount: int) -> int:", "amount: int) int:"),
    "var": ("    count = 0", "    var count = 0"),
    "function": ("def total(", "function total("),
    "a brace behind a header": ("for till in tills:", "for till in tills {"),
    "a block in braces": (
        "    for till in tills:\n        count += sum(till.coins.values())\n",
        "    for till in tills {\n        count += sum(till.coins.values());\n    }\n",
    ),
}
LETTERS = {
    "typographic quotes round several strings": ('"apple",', "\u201capple\u201d,"),
    "single typographic quotes": ("tills:\n", "tills:  # \u2019\n\u00a0"),
    "hard blanks at the start of a line": ("        return found", "\u00a0\u00a0\u00a0\u00a0\u00a0\u00a0\u00a0\u00a0return found"),
    "a control letter": ("count = 0", "count\x7f = 0"),
    "a wide comma": ("pattern, name)", "pattern\uff0c name)"),
}


def _tree(data: bytes) -> str:
    return ast.dump(ast.parse(data))


@pytest.mark.parametrize(("right", "wrong"), [*TOKENS.values(), *ELSEWHERE.values()], ids=[*TOKENS, *ELSEWHERE])
def test_a_lost_or_mistyped_token_is_put_right(right: str, wrong: str) -> None:
    broken = HEALTHY.replace(right, wrong, 1)
    assert broken != HEALTHY
    done = repair(broken.encode(), Knows())
    assert not done.left, done
    assert _tree(done.data) == _tree(HEALTHY.encode()), done


@pytest.mark.parametrize(("right", "wrong"), LETTERS.values(), ids=list(LETTERS))
def test_letters_that_only_look_like_those_of_python_are_replaced(right: str, wrong: str) -> None:
    done = repair(HEALTHY.replace(right, wrong, 1).encode(), Knows())
    assert _tree(done.data) == _tree(HEALTHY.encode()), done


STATEMENTS = {
    "x++": ("def f(x):\n    x++\n    return x\n", "def f(x):\n    x += 1\n    return x\n"),
    "exec": ('def f(space):\n    exec "y = 1" in space\n', 'def f(space):\n    exec("y = 1", space)\n'),
    "raise": ('def f():\n    raise ValueError, "no"\n', 'def f():\n    raise ValueError("no")\n'),
    "except": ("try:\n    f = 1\nexcept OSError, e:\n    print(e)\n", "try:\n    f = 1\nexcept OSError as e:\n    print(e)\n"),
    "delete": ("def f(d, k):\n    delete d[k]\n", "def f(d, k):\n    del d[k]\n"),
    "= in a display with keys": ("x = {'a' = 1}\n", "x = {'a': 1}\n"),
    "no as": ("def f(a):\n    with a() b:\n        return b\n", "def f(a):\n    with a() as b:\n        return b\n"),
    "numbers": ("x = 0777 + 10L\n", "x = 0o777 + 10\n"),
    "unequal": ("def f(a, b):\n    return a <> b\n", "def f(a, b):\n    return a != b\n"),
    "backticks": ("def f(a):\n    return `a`\n", "def f(a):\n    return repr(a)\n"),
    "a raw string with u": ("import re\nx = re.compile(ur'a')\n", "import re\nx = re.compile(r'a')\n"),
    "an apostrophe": ("print('it's late')\n", "print('it\\'s late')\n"),
    "quotes in braces": ('def f(d):\n    return f"{d["a"]}"\n', "def f(d):\n    return f\"{d['a']}\"\n"),
    "a control letter at the end": ("x = 1\n\x1a", "x = 1\n"),
}


@pytest.mark.parametrize(("broken", "right"), STATEMENTS.values(), ids=list(STATEMENTS))
def test_a_statement_of_another_time_or_language_is_written_anew(broken: str, right: str) -> None:
    done = repair(broken.encode(), Knows())
    assert _tree(done.data) == _tree(right.encode()), done


QUESTIONS = {
    "a word of another language": "def f(x):\n    puts x\n",
    "a field that may end in two places": "def f(a):\n    return f'{a.b is'\n",
    "an operator that may be any": "def f(a, b):\n    return a  b\n",
    "a word that may be any": "def f(a, b):\n    if a b:\n        return a\n",
    "code that a text cut in two may have had": "def f(a):\n    return g(a,\n",
    "a string that the end of the file cuts": 'def f(a):\n    """Say what\n    it does.\n',
}


@pytest.mark.parametrize("broken", QUESTIONS.values(), ids=list(QUESTIONS))
def test_what_cannot_be_known_is_left(broken: str) -> None:
    done = repair(broken.encode(), Knows())
    assert done.data == broken.encode(), done
    assert done.left


def test_code_is_never_hidden_in_a_long_string_or_a_comment() -> None:
    broken = HEALTHY.replace("        if name not in", "        name not in", 1)
    done = repair(broken.encode(), Knows())
    assert done.data == broken.encode() or '"""name' not in done.data.decode(), done
