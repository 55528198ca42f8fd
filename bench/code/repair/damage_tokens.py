"""Damage to tokens: lost, doubled and mistyped colons, commas, quotes, brackets and keywords; habits from other languages."""

from __future__ import annotations

import ast
import keyword
import re
import tokenize
from collections.abc import Iterator
from random import Random
from tokenize import TokenInfo

from source import Damage, Edit, Source

_OPEN, _CLOSE = "([{", ")]}"
_PAIRS = dict(zip(_OPEN, _CLOSE, strict=True)) | dict(zip(_CLOSE, _OPEN, strict=True))
_BLOCKS = frozenset(["async", "class", "def", "elif", "else", "except", "finally", "for", "if", "try", "while", "with"])


def _operators(source: Source, *wanted: str) -> Iterator[TokenInfo]:
    return (token for token in source.tokens if token.type == tokenize.OP and token.string in wanted)


def _replaced(source: Source, token: TokenInfo, text: str = "") -> Damage:
    return (Edit(source.at(token.start), source.at(token.end), text),)


def lost_colon(source: Source, _rng: Random) -> Iterator[Damage]:
    """The colon at the end of a header is lost."""
    first, depth = "", 0
    for token, after in zip(source.tokens, source.tokens[1:], strict=False):
        if token.type in (tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.NL, tokenize.COMMENT):
            first = "" if token.type == tokenize.NEWLINE else first
            continue
        first = first or token.string
        depth += (token.string in _PAIRS and token.type == tokenize.OP) * (1 if token.string in _OPEN else -1)
        ends = after.type in (tokenize.NEWLINE, tokenize.COMMENT)
        if token.string == ":" and depth == 0 and first in _BLOCKS and ends:
            yield _replaced(source, token)


def lost_closing_bracket(source: Source, _rng: Random) -> Iterator[Damage]:
    """A closing bracket is lost."""
    return (_replaced(source, token) for token in _operators(source, *_CLOSE))


def lost_opening_bracket(source: Source, _rng: Random) -> Iterator[Damage]:
    """An opening bracket is lost."""
    return (_replaced(source, token) for token in _operators(source, *_OPEN))


def doubled_bracket(source: Source, _rng: Random) -> Iterator[Damage]:
    """A closing bracket stands there twice."""
    return (_replaced(source, token, token.string * 2) for token in _operators(source, *_CLOSE))


def wrong_bracket(source: Source, rng: Random) -> Iterator[Damage]:
    """A bracket is closed by one of another shape."""
    for token in _operators(source, *_CLOSE):
        yield _replaced(source, token, rng.choice([one for one in _CLOSE if one != token.string]))


def _strings(source: Source) -> Iterator[tuple[TokenInfo, str]]:
    for token in source.tokens:
        if token.type == tokenize.STRING:
            quote = re.match(r"\w*(\"\"\"|'''|\"|')", token.string)
            if quote:
                yield token, quote[1]


def lost_quote(source: Source, rng: Random) -> Iterator[Damage]:
    """One of the quotes of a string is lost, mostly the last."""
    for token, quote in _strings(source):
        if len(quote) == 1 and len(token.string) > 2:
            place = source.at(token.end) - 1 if rng.random() < 0.8 else source.at(token.start) + token.string.index(quote)
            yield (Edit(place, place + 1),)


def mixed_quotes(source: Source, _rng: Random) -> Iterator[Damage]:
    """A string begins with one quote and ends with the other."""
    for token, quote in _strings(source):
        if len(quote) == 1:
            yield (Edit(source.at(token.end) - 1, source.at(token.end), "'" if quote == '"' else '"'),)


def lost_triple_quote(source: Source, rng: Random) -> Iterator[Damage]:
    """The end of a docstring of one line is lost, or one or two of its three quotes."""
    for token, quote in _strings(source):
        if len(quote) == 3 and token.start[0] == token.end[0] and source.lines[token.start[0] - 1].rstrip().endswith(token.string):
            yield (Edit(source.at(token.end) - rng.choice((1, 2, 3, 3)), source.at(token.end)),)


def quotes_in_braces(source: Source, _rng: Random) -> Iterator[Damage]:
    """The same quotes stand in an f-string as round it, which Python allows from 3.12 on only."""
    for token, quote in _strings(source):
        other = "'" if quote == '"' else '"'
        formatted = len(quote) == 1 and "f" in token.string.split(quote)[0].lower()
        inside = [match.span() for match in re.finditer(r"\{[^{}]*\}", token.string)] if formatted else []
        places = [source.at(token.start) + n for start, end in inside for n in range(start, end) if token.string[n] == other]
        if places:
            yield tuple(Edit(place, place + 1, quote) for place in places)


def lost_comma(source: Source, _rng: Random) -> Iterator[Damage]:
    """A comma between two things is lost."""
    return (_replaced(source, token) for token in _operators(source, ","))


def single_equals(source: Source, _rng: Random) -> Iterator[Damage]:
    """`=` stands where `==` was meant."""
    return (_replaced(source, token, "=") for token in _operators(source, "=="))


def misspelt(word: str, rng: Random) -> str:
    """Return a word with two letters swapped, one lost, doubled, or hit beside its key."""
    place = rng.randrange(len(word) - 1)
    swapped = word[:place] + word[place + 1] + word[place] + word[place + 2 :]
    lost = word[:place] + word[place + 1 :]
    doubled = word[: place + 1] + word[place:]
    keys = "qwertyuiopasdfghjklzxcvbnm"
    beside = keys[(keys.find(word[place].lower()) + 1) % len(keys)]
    return rng.choice((swapped, swapped, lost, doubled, word[:place] + beside + word[place + 1 :]))


def misspelt_keyword(source: Source, rng: Random) -> Iterator[Damage]:
    """A keyword is misspelt."""
    for token in source.tokens:
        if token.type == tokenize.NAME and keyword.iskeyword(token.string) and len(token.string) > 2 and token.string.islower():
            typed = misspelt(token.string, rng)
            if typed != token.string:
                yield _replaced(source, token, typed)


def _words(source: Source, spelt: dict[str, str]) -> Iterator[Damage]:
    for token in source.tokens:
        if token.type == tokenize.NAME and token.string in spelt:
            yield _replaced(source, token, spelt[token.string])


def else_if(source: Source, _rng: Random) -> Iterator[Damage]:
    """`else if`, as C has it."""
    return _words(source, {"elif": "else if"})


def c_operators(source: Source, _rng: Random) -> Iterator[Damage]:
    """`&&`, `||` and `!`, as C has them."""
    yield from _words(source, {"and": "&&", "or": "||"})
    for token, after in zip(source.tokens, source.tokens[1:], strict=False):
        if token.string == "not" and token.end[0] == after.start[0] and after.string != "in":
            yield (Edit(source.at(token.start), source.at(after.start), "!"),)


def c_literals(source: Source, rng: Random) -> Iterator[Damage]:
    """`true`, `false` and `null`, as JSON has them."""
    return _words(source, {"True": "true", "False": "false", "None": rng.choice(("null", "nil"))})


def increment(source: Source, _rng: Random) -> Iterator[Damage]:
    """`x++`, as C has it."""
    for node in source.nodes:
        one = isinstance(node, ast.AugAssign) and isinstance(node.value, ast.Constant) and node.value.value == 1
        if one and isinstance(node.op, ast.Add | ast.Sub):
            end = source.span(node.target)[1]
            yield (Edit(end, source.span(node)[1], "++" if isinstance(node.op, ast.Add) else "--"),)


def wrong_arrow(source: Source, rng: Random) -> Iterator[Damage]:
    """The arrow before what a function returns is another language's, or broken in two."""
    return (_replaced(source, token, rng.choice(("=>", "- >", ":", "-->"))) for token in _operators(source, "->"))
