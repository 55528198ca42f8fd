"""Lexing: the tokens of a text that need not be Python: it never fails, and says where brackets and strings stay open."""

from __future__ import annotations

import keyword
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

CLOSER = {"(": ")", "[": "]", "{": "}"}
OPENER = {shut: opened for opened, shut in CLOSER.items()}
HEADERS = frozenset(
    {"if", "elif", "else", "for", "while", "def", "class", "try", "except", "finally", "with", "async", "match", "case"}
)
STARTERS = (HEADERS | {"return", "raise", "import", "from", "pass", "break", "continue", "del", "assert", "global", "nonlocal"}) - {
    "match",
    "case",
}
"""Words that begin a statement (some of them may stand inside an expression too)."""
NEVER_INSIDE = STARTERS - {"if", "else", "for", "async", "from"}
"""Words that never stand inside brackets."""

_SCAN = re.compile(
    r"""(?P<space>[ \t\f]+|\\\r?\n)
      |(?P<newline>\r?\n|\r)
      |(?P<comment>\#[^\r\n]*)
      |(?P<string>(?:[rRbBuUfF]{1,2})?(?:'''(?:[^\\]|\\.|\\\n)*?'''|\"\"\"(?:[^\\]|\\.|\\\n)*?\"\"\"
                 |'(?!'')(?:[^'\\\r\n]|\\\r?\n|\\.)*'|\"(?!\"\")(?:[^\"\\\r\n]|\\\r?\n|\\.)*\"))
      |(?P<openstring>(?:[rRbBuUfF]{1,2})?(?:'''|\"\"\")[\s\S]*|(?:[rRbBuUfF]{1,2})?['\"][^\r\n]*)
      |(?P<number>(?:\d[\w]*\.?|\.\d)[\w]*(?:(?<=[eE])[+-]\d+)?)
      |(?P<name>[^\W\d]\w*)
      |(?P<op>\*\*=?|//=?|>>=?|<<=?|<>|!=|==|->|:=|\.\.\.|[-+*/%@&|^=<>]=?|[~:;.,()\[\]{}])
      |(?P<odd>[\s\S])""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Token:
    """One token: its kind (name, keyword, string, openstring, number, op, odd, comment, newline), text, and where it stands."""

    kind: str
    text: str
    start: int
    end: int

    @property
    def ends_atom(self) -> bool:
        """Whether an expression may end with it."""
        return self.kind in ("name", "string", "number") or self.text in (")", "]", "}", "None", "True", "False", "...")

    @property
    def begins_atom(self) -> bool:
        """Whether an expression may begin with it."""
        words = ("None", "True", "False", "...", "(", "[", "{", "lambda", "not", "await")
        return self.kind in ("name", "string", "number", "openstring") or self.text in words


def _tokens(text: str) -> Iterable[Token]:
    for match in _SCAN.finditer(text):
        kind = match.lastgroup or "odd"
        if kind != "space":
            word = match.group()
            yield Token("keyword" if kind == "name" and keyword.iskeyword(word) else kind, word, match.start(), match.end())


class Source:
    """A text with its lines and tokens, found when first asked for."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def starts(self) -> list[int]:
        """Where each line begins; the last one is the end of the text."""
        return [0, *(match.end() for match in re.finditer(r"\r\n|\n|\r", self.text)), len(self.text)]

    @cached_property
    def lines(self) -> list[str]:
        """Return the lines with their ends."""
        return [self.text[a:b] for a, b in zip(self.starts, self.starts[1:], strict=False) if a < b]

    @cached_property
    def tokens(self) -> list[Token]:
        """Return all tokens but spaces."""
        return list(_tokens(self.text))

    @cached_property
    def code(self) -> list[Token]:
        """Return the tokens without comments and line ends."""
        return [token for token in self.tokens if token.kind not in ("comment", "newline")]

    def row(self, offset: int) -> int:
        """Return the line of an offset, from 0."""
        return min(bisect_right(self.starts, offset) - 1, max(len(self.lines) - 1, 0))

    def at(self, line: int, column: int) -> int:
        """Return the offset of a line and column as the compiler counts them, from 1."""
        line = min(max(line, 1), len(self.starts) - 1)
        return min(self.starts[line - 1] + max(column - 1, 0), len(self.text))

    def index(self, offset: int) -> int:
        """Return the index in `code` of the first token that ends after an offset."""
        return bisect_right(self.code, offset, key=lambda token: token.end)

    def fresh(self, place: int) -> bool:
        """Whether the token at a place of `code` begins a statement for sure: by its word, or at the left edge."""
        token = self.code[place]
        start = self.starts[self.row(token.start)]
        if self.text[start : token.start].strip():
            return False
        if token.text in NEVER_INSIDE:
            return True
        before = self.code[place - 1] if place else None
        done = before is None or not (before.kind == "op" and before.text not in OPENER)
        empty = "\n" in self.text[before.end : token.start].strip(" \t")[1:] if before else True
        long = token.kind == "string" and token.text.endswith(('"""', "'''"))
        return token.start == start and (token.kind in ("name", "keyword") or token.text == "@" or long) and (done or empty)

    @cached_property
    def statements(self) -> list[tuple[int, int]]:
        """Return the logical lines as (first row, row behind the last); blank rows are left out."""
        rows: list[tuple[int, int]] = []
        depth, first, place = 0, -1, -1
        for token in self.tokens:
            if token.kind == "comment":
                continue
            if token.kind == "newline":
                if first >= 0 and depth == 0:
                    rows.append((first, self.row(token.start) + 1))
                    first = -1
                continue
            place += 1
            if depth and self.fresh(place):
                rows.append((first, self.row(token.start)))
                depth, first = 0, -1
            first = self.row(token.start) if first < 0 else first
            depth = max(0, depth + (token.text in CLOSER) - (token.text in OPENER)) if token.kind == "op" else depth
        return [*rows, (first, len(self.lines))] if first >= 0 else rows


def indent(line: str) -> str:
    """Return the white space that begins a line."""
    return line[: len(line) - len(line.lstrip(" \t\f"))]


def width(line: str) -> int:
    """Return how deep a line is indented, tabs to the next multiple of eight as the compiler has it."""
    return len(indent(line).expandtabs(8))


def distance_one(a: str, b: str) -> bool:
    """Whether one letter lost, added, changed, or two neighbours swapped make one word of the other."""
    if a == b or abs(len(a) - len(b)) > 1:
        return False
    at = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    if len(a) == len(b):
        return a[at + 1 :] == b[at + 1 :] or (a[at : at + 2] == b[at : at + 2][::-1] and a[at + 2 :] == b[at + 2 :])
    return a[at + 1 :] == b[at:] if len(a) > len(b) else a[at:] == b[at + 1 :]


def near_words(words: Iterable[str]) -> Callable[[str], set[str]]:
    """Return the function from a word to those of some words that may differ from it by one letter, found without comparing all.

    What differs by one letter begins or ends alike: long words with three letters, short ones with one.
    """
    ends: dict[str, list[str]] = {}
    for word in words:
        for end in _ends(word, 1 if len(word) < _SHORT else 3):
            ends.setdefault(end, []).append(word)
    return lambda name: {
        word for size in (1, 3) for end in _ends(name, size) for word in ends.get(end, ()) if abs(len(word) - len(name)) <= 1
    }


_SHORT = 7


def _ends(word: str, size: int) -> tuple[str, str]:
    return f"^{word[:size]}", f"{word[-size:]}$"
