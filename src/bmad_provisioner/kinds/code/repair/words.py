"""Words: keywords written with one letter wrong."""

from __future__ import annotations

import itertools
import keyword
from collections import Counter
from collections.abc import Iterator

from bmad_provisioner.kinds.code.repair.lexing import HEADERS, Source, Token, distance_one
from bmad_provisioner.kinds.code.repair.likely import called_names
from bmad_provisioner.kinds.code.repair.model import SYNTAX, Edit
from bmad_provisioner.kinds.code.repair.oracle import Trouble
from bmad_provisioner.kinds.code.repair.punctuation import around
from bmad_provisioner.kinds.code.repair.scopes import BUILTIN

_KEYWORDS = tuple(sorted(set(keyword.kwlist) - {"None", "True", "False"}))
_FOREIGN = {
    "function": "def",
    "func": "def",
    "fn": "def",
    "fun": "def",
    "sub": "def",
    "throw": "raise",
    "elseif": "elif",
    "elsif": "elif",
    "delete": "del",
    "require": "import",
    "using": "import",
    "until": "while",
    "catch": "except",
    "foreach": "for",
    "switch": "match",
}


def guesses(source: Source, found: Trouble, words: Counter[str]) -> Iterator[Edit]:
    """Yield the keywords that a word near a fault may have been."""
    tokens = around(source, found, 2, 1)
    rows = [first for first, last in source.statements if first < found.line - 3 and last >= found.line]
    tokens = [*(token for row in rows for token in around(source, Trouble(row + 1, 0, 0, ""), 0, 0)[:1]), *tokens]
    for place, token in enumerate(tokens):
        first = place == 0 or source.row(tokens[place - 1].start) != source.row(token.start)
        near = source.row(token.start) == found.line - 1
        if (token.kind in ("name", "keyword", "number", "odd") and len(token.text) > 1) or token.kind == "name":
            yield from _spellings(token, first, near)
    yield from _glued(tokens, words)
    yield from _parted(source, tokens, words)


def _spellings(token: Token, first: bool, near: bool) -> Iterator[Edit]:
    word = token.text
    if word.lower() in _KEYWORDS and not keyword.iskeyword(word):
        meant = word.lower()
        yield Edit(token.start, token.end, meant, SYNTAX, 0.5 + 0.6 * (not near), f"`{meant}` is written in small letters")
    for meant in _KEYWORDS:
        if not distance_one(word, meant):
            continue
        cost = 0.9 + 0.6 * (not near) + 2.0 * (token.kind == "keyword") + 1.0 * (len(word) < 3)
        cost += 1.5 * (first and meant in ("in", "is", "and", "or", "not", "as")) + 1.5 * (
            not first and meant in (HEADERS | {"return"}) - {"if", "for", "else", "async"}
        )
        yield Edit(token.start, token.end, meant, SYNTAX, cost, f"`{word}` looks like `{meant}`")
    if first and word in _FOREIGN:
        yield Edit(token.start, token.end, _FOREIGN[word], SYNTAX, 1.5, f"`{word}` is `{_FOREIGN[word]}` in Python")


def _glued(tokens: list[Token], words: Counter[str]) -> Iterator[Edit]:
    """Part a keyword from the word that it runs into."""
    for token in tokens:
        if token.kind != "name":
            continue
        for meant in _KEYWORDS:
            rest = token.text[len(meant) :]
            if (
                len(meant) > 1
                and token.text.startswith(meant)
                and (rest in words or rest.isdigit() or rest in ("self", "None", "True", "False"))
            ):
                yield Edit(
                    token.start + len(meant), token.start + len(meant), " ", SYNTAX, 2.0, f"`{meant}` runs into the next word"
                )


def _parted(source: Source, tokens: list[Token], words: Counter[str]) -> Iterator[Edit]:
    """Join two words that a blank parts, if the file, or Python, knows the whole."""
    for one, other in itertools.pairwise(tokens):
        whole = one.text + other.text
        if not whole.isidentifier() or one.end == other.start or source.text[one.end : other.start].strip(" "):
            continue
        if whole in words or whole in BUILTIN or whole in called_names() or keyword.iskeyword(whole):
            strange = (words[one.text] < 2) + (words[other.text] < 2)
            yield Edit(one.end, other.start, "", SYNTAX, 2.0 - 0.7 * strange, f"a blank parts `{whole}`")
