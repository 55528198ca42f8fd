"""What becomes of files whose lines, indents or bytes are wrong, and of what was pasted with marks around it."""

from __future__ import annotations

import ast
import textwrap

import pytest

from bmad_provisioner.kinds.code.repair.decoding import garbled
from bmad_provisioner.kinds.code.repair.knows import Knows
from bmad_provisioner.kinds.code.repair.repair import repair

HEALTHY = '''"""A shop: café."""

import json
import os


class Shop:
    """Sells things."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.prices = {}

    def load(self, names):
        # what is not there is no shop at all, and whoever asks must be told so
        if not os.path.exists(self.path):
            raise FileNotFoundError("there is no such file in the shop")
        with open(self.path) as file:
            self.prices = json.load(file)
        for name in names:
            if name == "free":
                continue
            print(name, self.prices[name])
        return len(self.prices)


class ShopError(Exception):
    pass


def total(prices, tax=0.2):
    result = 0
    try:
        for price in prices.values():
            result += price * (1 + tax)
    except AttributeError:
        pass
    return round(result, 2)


if __name__ == "__main__":
    print(total({"tea": 1, "a & b": 2 < 3}))
'''


def _dump(text: str | bytes) -> str:
    return ast.dump(ast.parse(text))


def _numbered(mark: str) -> str:
    return "".join(f"{number:4d}{mark}{line}" for number, line in enumerate(HEALTHY.splitlines(keepends=True), 1))


def _within(first: str, last: str, prefix: str) -> str:
    start, end = HEALTHY.index(first), HEALTHY.index(last)
    return HEALTHY[:start] + textwrap.indent(HEALTHY[start:end], prefix, lambda line: True) + HEALTHY[end:]


def _spelt(**signs: str) -> str:
    text = HEALTHY
    for sign, new in {"&": "&amp;", "<": "&lt;", ">": "&gt;"}.items() if "html" in signs else {"_": r"\_", "*": r"\*"}.items():
        text = text.replace(sign, new)
    return text


PASTED = {
    "numbers and two blanks": _numbered("  "),
    "numbers and a colon": _numbered(": "),
    "numbers and a bar": _numbered(" | "),
    "numbers and a tab": _numbered("\t"),
    "a mail": "".join(f"> {line}" if line.strip() else f">{line}" for line in HEALTHY.splitlines(keepends=True)),
    "a session": _within("def total", "if __name__", "... ").replace("... def total", ">>> def total"),
    "what a diff adds": _within("class ShopError", "if __name__", "+"),
    "both sides of a diff": HEALTHY.replace("    result = 0\n", "-    result = 1\n+    result = 0\n"),
    "Markdown that escapes": _spelt(markdown=""),
    "Markdown that is bold": HEALTHY.replace("__init__", "**init**")
    .replace("__main__", "**main**")
    .replace("__name__", "**name**"),
    "the source of a page": _spelt(html=""),
    "a forgotten marker": HEALTHY.replace("    result = 0\n", "    result = 0\n=======\n"),
    "a fence with a list behind it": f"Sure:\n\n```python\n{HEALTHY}```\n\nThis version:\n- keeps the names\n- is short\n",
    "fences around a function": HEALTHY.replace("def total(", "```python\ndef total(").replace(
        "if __name__", "```\n\n\nif __name__"
    ),
    "a fence above a line of tildes": f"```python\n# shop\n# ~~~~\n{HEALTHY}",
    "a tag around the file": f'<file path="shop.py">\n{HEALTHY}</file>\n',
    "the end of a tag": f"{HEALTHY}</content>\n",
    "numbers with a letter": "".join(f"L{number}: {line}" for number, line in enumerate(HEALTHY.splitlines(keepends=True), 1)),
    "a strong word behind the code": f"{HEALTHY}\n**Changes:**\n- Added type hints\n- Fixed the bug in `total`\n",
    "a list behind the code": f"{HEALTHY}\n\nThis version:\n- keeps the public names\n- handles empty input\n",
}


@pytest.mark.parametrize("broken", PASTED.values(), ids=list(PASTED))
def test_what_the_clipboard_brought_along_goes(broken: str) -> None:
    done = repair(broken.encode(), Knows())
    assert _dump(done.data) == _dump(HEALTHY), (done.proposals, done.left)


LINES = {
    "an empty class": ("Exception):\n    pass\n", "Exception):\n"),
    "a lost try": ("    try:\n        for price", "        for price"),
    "a header that stands twice": ('            if name == "free":\n', '            if name == "free":\n' * 2),
    "two lines on one": ("        self.path = path\n        self", "        self.path = path        self"),
    "two lines run into each other": ("import json\nimport os", "import json import os"),
    "a wrapped comment": ("at all, and whoever", "at all, and\nwhoever"),
    "a wrapped string": ("there is no such", "there is\nno such"),
    "a wrapped string that kept its blank": ("there is no such", "there is \nno such"),
    "wrapped code": ("result += price *", "result += price\n *"),
    "blanks that do not break": ("            print(name", "\u00a0" * 12 + "print(name"),
    "a line at the margin": ("            self.prices = json", "self.prices = json"),
    "lines two levels too deep": (
        "        self.path = path\n        self.prices = {}\n",
        "                self.path = path\n                self.prices = {}\n",
    ),
    "a flat body": ("                continue", "            continue"),
}


@pytest.mark.parametrize(("right", "wrong"), LINES.values(), ids=list(LINES))
def test_a_line_that_was_lost_moved_or_wrapped_is_put_right(right: str, wrong: str) -> None:
    broken = HEALTHY.replace(right, wrong, 1)
    assert broken != HEALTHY
    done = repair(broken.encode(), Knows())
    assert _dump(done.data) == _dump(HEALTHY), (done.fixes, done.proposals, done.left)


_SNIPPET = ("import sys", "from pathlib import Path", "self.log = make_log(", "    name=str(Path(sys.argv[0])),", ")")


def _spliced(levels: tuple[int, ...]) -> str:
    """Put a snippet into a method, each of its statements on a level of its own."""
    depths = (*levels, levels[-1], levels[-1])
    lines = "".join(" " * depth + line + "\n" for depth, line in zip(depths, _SNIPPET, strict=True))
    return HEALTHY.replace(
        "        self.prices = {}\n", f"        self.prices = {{}}\n        # a log\n{lines}        self.open = True\n"
    )


@pytest.mark.parametrize("levels", [(8, 0, 0), (0, 0, 0), (4, 0, 4), (4, 4, 4), (8, 4, 4), (16, 16, 16), (4, 0, 4)], ids=str)
def test_a_snippet_that_was_spliced_in_stands_on_the_level_of_its_block(levels: tuple[int, ...]) -> None:
    done = repair(_spliced(levels).encode(), Knows())
    assert _dump(done.data) == _dump(_spliced((8, 8, 8))), (done.fixes, done.proposals, done.left)


def test_snippets_in_several_places_are_put_right_one_after_the_other() -> None:
    def twice(levels: tuple[int, ...]) -> bytes:
        text = _spliced(levels)
        return (text + "\n\n" + text[text.index("class Shop:") : text.index("class ShopError")].replace("Shop", "Store")).encode()

    assert _dump(repair(twice((8, 0, 8)), Knows()).data) == _dump(twice((8, 8, 8)))


_CLAMPED = """class Robot:
    def start(self):
        \'\'\'Begin.\'\'\'
    self.ready = True
    self.log.info("started")

    def run(self, tasks):
        # one after the other
    try:
    self.log.info("running")
           \x20
            # what there is to do
    done = {
    "tasks": len(tasks),
    "ready": self.ready
    }
    return done

    except OSError as error:
    self.log.error(error)
    return None
"""
_STRAIGHT = """class Robot:
    def start(self):
        \'\'\'Begin.\'\'\'
        self.ready = True
        self.log.info("started")

    def run(self, tasks):
        # one after the other
        try:
            self.log.info("running")
           \x20
            # what there is to do
            done = {
                "tasks": len(tasks),
                "ready": self.ready
            }
            return done

        except OSError as error:
            self.log.error(error)
            return None
"""
_LEFT_OUT = """class Robot:
    ready = False

def start(
self,
name=None,
):
self.name = name
self.ready = True

    def stop(self):
        self.ready = False
"""
_TAKEN_IN = """class Robot:
    ready = False

    def start(
        self,
        name=None,
    ):
        self.name = name
        self.ready = True

    def stop(self):
        self.ready = False
"""
FLAT = {
    "methods at the column of their headers": (_STRAIGHT, _CLAMPED),
    "a method at the margin": (_TAKEN_IN, _LEFT_OUT),
    "a snippet with the words above it": (
        'def f(a):\n    """Say it.\n\n    More.\n    """\n    b = a\n    return b\n\n\nprint(f(1))\n',
        'def f(a):\n    """Say it.\n\nMore.\n"""\nb = a\n    return b\n\n\nprint(f(1))\n',
    ),
}


@pytest.mark.parametrize(("right", "wrong"), FLAT.values(), ids=list(FLAT))
def test_a_body_that_lost_its_levels_gets_them_back(right: str, wrong: str) -> None:
    done = repair(wrong.encode(), Knows())
    assert done.data.decode() == right, (done.fixes, done.proposals, done.left)


def test_a_block_whose_end_nothing_tells_stays_a_question() -> None:
    flat = "def f(a):\nif a:\na = g(a)\nh(a)\nreturn a\n\n\ndef g(a):\n    return a\n\n\ndef h(a):\n    return a\n"
    done = repair(flat.encode(), Knows())
    assert done.data == flat.encode()
    assert done.proposals


def test_garbled_words_are_put_right_where_a_reader_meets_them_and_only_proposed_elsewhere() -> None:
    told, meant = 'x = 1\n# caf\u00c3\u00a9\ny = "\u20ac"\n', 'x = 1\n# caf\u00e9\ny = "\u20ac"\n'
    assert repair(told.encode(), Knows()).data == meant.encode()
    used = 'x = "caf\u00c3\u00a9"\ny = "\u20ac"\n'.encode()
    done = repair(used, Knows())
    assert (done.data, len(done.proposals)) == (used, 1)


@pytest.mark.parametrize(("text", "found"), [("# caf\u00c3\u00a9\n", True), ("# caf\u00e9 \u20ac\n", False), ("x = 1\n", False)])
def test_garbled_text_is_noticed_though_it_compiles(text: str, found: bool) -> None:
    assert garbled(text.encode()) is found


BYTES = {
    "zeros at the end": HEALTHY.encode() + b"\0" * 300,
    "UTF-16 with a mark": HEALTHY.encode("utf-16"),
    "UTF-16 without a mark": HEALTHY.encode("utf-16-le"),
    "UTF-16 of the other kind": HEALTHY.encode("utf-16-be"),
    "two marks": b"\xef\xbb\xbf" * 2 + HEALTHY.encode(),
    "Windows": HEALTHY.encode("cp1252"),
    "an encoding that there is not": b"# -*- coding: utf8mb4 -*-\n" + HEALTHY.encode(),
    "read wrongly and saved": HEALTHY.encode().decode("cp1252").encode(),
    "read wrongly twice": HEALTHY.encode().decode("cp1252").encode().decode("cp1252").encode(),
    "read wrongly on a Macintosh": HEALTHY.encode().decode("mac_roman").encode(),
}


@pytest.mark.parametrize("broken", BYTES.values(), ids=list(BYTES))
def test_bytes_that_are_not_what_they_should_be_become_utf_8(broken: bytes) -> None:
    assert _dump(repair(broken, Knows()).data) == _dump(HEALTHY)


DOUBTFUL = {
    "a header that is lost before a return": HEALTHY.replace('            if name == "free":\n', ""),
    "a check for types that is lost": 'from typing import TYPE_CHECKING\n\nx = 1\n    from os import path\n\ny: "path" = x\n',
    "a line between two blocks": "def f(a):\n    if a:\n        g(a)\nh(a)\n    return a\n\n\ndef g(a):\n    pass\n\n\ndef h(a):\n    pass\n",
    "two markers of a merge": HEALTHY.replace("    result = 0\n", "    result = 0\n=======\n    result = 1\n>>>>>>> theirs\n"),
    "zeros in the middle": HEALTHY.replace("result = 0", "resu\0\0\0\0 0").encode().decode(),
}


@pytest.mark.parametrize("broken", DOUBTFUL.values(), ids=list(DOUBTFUL))
def test_what_cannot_be_known_is_left_alone(broken: str) -> None:
    done = repair(broken.encode(), Knows())
    assert done.data == broken.encode(), done.fixes
    assert done.left


def test_a_broken_statement_at_the_end_is_no_prose() -> None:
    broken = HEALTHY.replace('    print(total({"tea": 1, "a & b": 2 < 3}))\n', "    print Shop\n")
    assert "print(Shop)" in repair(broken.encode(), Knows()).data.decode()


@pytest.mark.parametrize("text", ["...\n", "def f():\n    ...\n", "a = 1\n> b\n", "> \n> ```\n(", "1 | 2\n2 | 3\n3 | 4\n"])
def test_code_that_looks_like_a_mark_is_no_mark(text: str) -> None:
    assert repair(text.encode(), Knows()).fixes == ()
