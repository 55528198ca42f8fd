"""Layout: what the white space and line breaks around an edit say for it or against it."""

from __future__ import annotations

import itertools
import re
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass
from math import log

from bmad_provisioner.kinds.code.repair.lexing import CLOSER, OPENER, Source, Token, indent, width

ODD_SPACE, ODD_BREAK, ODD_STRING, SAME_SHAPE = 1.5, 3.0, 1.2, -1.5
"""In nats, per place."""
TOKEN = 2.5
"""In nats: what a word or mark of code in a string costs, about as much as outside of it."""
_SIGNS = re.compile(r"[A-Za-z_]\w*\(\w*[,)]|\w\(\w+\(|\w=\w|, \w+\(|[)\]]\.\w+\(|\w\.\w+\(\)?$|, \*\w")
_IN_COMMENT = re.compile(
    r"^[\w.\[\]]+ [-+*/|&]?= \S|^\w+=\S+,$|^[\w.]+\(|^(?:if|el\w+|for|while|with|def|class)\b.*:$|^return\b|^raise \w|\+\+$|&&|\|\|"
)
_WORDS = re.compile(r"\w+|[^\w\s]")
HABIT = 0.4
"""What the order of tokens weighs beside the grammar."""


@dataclass(frozen=True, slots=True)
class _Open:
    mark: str
    base: int
    column: int
    last_on_line: bool


def _shape(tokens: list[Token]) -> tuple[str, ...]:
    kinds = {"name": "N", "number": "0", "string": "S"}
    return tuple(kinds.get(token.kind, token.text) for token in tokens)


@dataclass(frozen=True, slots=True)
class Habits:
    """How often three tokens follow each other in a file, and the first two of them."""

    threes: Counter[tuple[str, str, str]]
    twos: Counter[tuple[str, str]]


def shapes(source: Source) -> frozenset[tuple[str, ...]]:
    """Return the shape of each line with at least five tokens: words, strings and numbers left out, marks kept."""
    rows: dict[int, list[Token]] = {}
    for token in source.code:
        rows.setdefault(source.row(token.start), []).append(token)
    return frozenset(_shape(row) for row in rows.values() if len(row) >= 5)


def habits(source: Source) -> Habits:
    """Count which token follows which two in a file, names and literals left out."""
    marks = ["", "", *_shape(source.code)]
    threes = Counter(zip(marks, marks[1:], marks[2:], strict=False))
    twos = Counter(itertools.pairwise(marks))
    return Habits(threes, twos)


def _unusual(source: Source, rows: tuple[int, int], known: Habits) -> float:
    """Return how unusual the order of the tokens in some lines is, in nats."""
    lo, hi = (source.starts[min(row, len(source.starts) - 1)] for row in (rows[0], rows[1] + 1))
    first = bisect_left(source.code, lo, key=lambda token: token.start)
    last = bisect_left(source.code, hi, key=lambda token: token.start)
    marks = _shape(source.code[max(first - 2, 0) : last + 2])
    threes = zip(marks, marks[1:], marks[2:], strict=False)
    return -sum(log((known.threes[three] + 0.3) / (known.twos[three[:2]] + 3)) for three in threes)


def oddness(source: Source, rows: tuple[int, int], known: frozenset[tuple[str, ...]], usual: Habits) -> float:
    """Return how odd the lines `rows` (from 0, the last one in) look, in nats; below 0 where the file has lines like them."""
    inside: dict[int, list[Token]] = {}
    for token in source.code:
        row = source.row(token.start)
        if rows[0] <= row <= rows[1]:
            inside.setdefault(row, []).append(token)
    spaces = sum(_spaces(source.text, line) for line in inside.values())
    notes = (token for token in source.tokens if token.kind == "comment")
    spaces += sum(_comment(token.text) for token in notes if rows[0] <= source.row(token.start) <= rows[1])
    familiar = sum(SAME_SHAPE for line in inside.values() if len(line) >= 5 and _shape(line) in known)
    return spaces + familiar + _breaks(source, rows) + HABIT * _unusual(source, rows, usual)


def _spaces(text: str, line: list[Token]) -> float:
    odd = sum(_string(token) for token in line if token.kind == "string")
    for before, after in itertools.pairwise(line):
        gap = text[before.end : after.start]
        if before.text in CLOSER or after.text in (")", "]", "}", ",", ";"):
            odd += ODD_SPACE * (" " in gap and before.text != "," and not (before.text == "{" or after.text == "}"))
        elif before.text in (",", ";") or (before.text in OPENER and after.kind in ("name", "number", "string", "keyword")):
            odd += ODD_SPACE * (not gap)
        elif after.text == "(" and before.kind == "name":
            odd += ODD_SPACE * bool(gap)
        elif before.kind == after.kind == "string":
            odd += ODD_SPACE * (1.7 if gap else 3) + 2.0 * (before.text[-2:-1] in ",:")
        elif before.kind in ("name", "number", "keyword", "string") and after.kind in ("name", "number", "keyword", "string"):
            odd += ODD_SPACE * (not gap)
    return odd + sum(map(_needless, line, line[1:], line[2:], line[3:]))


def _needless(before: Token, opened: Token, inner: Token, shut: Token) -> float:
    """Find brackets around a single word that call nothing."""
    calls = before.ends_atom or before.text in ("print", "except", "class", "yield", "return", "await", "not", "del", "in")
    return 3.5 * (opened.text == "(" and shut.text == ")" and inner.ends_atom and inner.kind != "op" and not calls)


def _string(token: Token) -> float:
    body = token.text.strip("rRbBuUfF")
    if body[:3] in ('"""', "'''") or len(body) < 4:
        return 0.0
    body = body[1:-1]
    odd = ODD_STRING * bool(re.match(r"[,)\]}]|\s*[=.(]\w*\(|\s?\+", body)) + ODD_STRING * bool(
        re.search(r"[,(\[=+]\s*$", body) and len(body) > 2
    )
    odd += 2.0 * bool(re.search(r"[\w})]\.\w+\([^()]*\)$| if [\w.]+ else\b", body))
    odd += 2.5 * bool(re.search(r"[)\]]\.\w+[(\[]", body))
    odd += 2.5 * bool(re.search(r", (?:None|True|False)\b| [+] \w|\.join\(|^\w+: \w+,?$", body))
    odd += 0.8 * bool(re.search(r"[\w}]\.\w+\(|\w\(\)|^\w+=\w", body))
    odd += 2.5 * bool(re.match(r"(?:return|raise|yield|assert|elif) \S", body))
    odd += _mixed(token.text[-1], body) + _swallowed(token.text.split(token.text[-1])[0], token.text[-1], body)
    balance = sum(body.count(mark) - body.count(CLOSER[mark]) for mark in CLOSER)
    return odd + ODD_STRING * (balance != 0) + 0.4 * (body[0] == " ") + 0.3 * (body[-1] == " ")


def _mixed(mark: str, body: str) -> float:
    """Find the other quote alone in a string: at one of its ends, or where no apostrophe stands."""
    other = "'" if mark == '"' else '"'
    alone = body.count(other) % 2 == 1
    return 2.5 * (alone and (body.startswith(other) or body.endswith(other) or not re.search(rf"\w{other}|{other}\w", body)))


def _swallowed(prefix: str, mark: str, body: str) -> float:
    """Weigh the code that a string has swallowed: it is as long in a string as it would be outside."""
    other = "'" if mark == '"' else '"'
    braces = 0 if "f" in prefix.lower() else len(re.findall(r"\{[a-z_][^{}\s]*\}", body))
    bare = re.sub(r"%[-\d.]*[a-zA-Z]|\{[^{}\s\"']*\}|\\.", "", body)
    single = bare.count(other) % 2
    cut = single and re.search(
        rf"{other}[)\]}}:,]|\w{other}%|{other} (?:if|else|in|for|and|or|%) |[(\[,=] ?{other}(?:\w|\s*$)", bare
    )
    pair = re.search(
        rf"{other}[:,] \w[\w.()\[\]]*, {other}|{other}(?:, ?|: ?| [+%] ?|[)\]] ?){other}|{other} [+%] |[+%] {other}|{other}\.\w+\(",
        bare,
    )
    signs = cut or pair or _SIGNS.search(bare)
    size = TOKEN * len(_WORDS.findall(bare)) * bool(signs) + 2 * TOKEN * bool(cut)
    return size + 4 * TOKEN * braces + 2 * TOKEN * body.startswith(("f{", "F{"))


def _comment(text: str) -> float:
    """Find what a comment has swallowed: code, a quote alone, or a sign right behind its mark."""
    code = _IN_COMMENT.search(text.lstrip("# "))
    return (
        TOKEN * len(_WORDS.findall(text)) * bool(code) + 4.0 * (text.count('"') % 2) + 1.5 * (not re.match(r"#+[\s!:\w]|#+$", text))
    )


def _breaks(source: Source, rows: tuple[int, int]) -> float:
    """Hold each line that begins inside a bracket against the place its bracket gives it."""
    odd, row, column = 0.0, -1, 0
    opened: list[_Open] = []
    content: dict[int, int] = {}
    tokens = source.code
    for place, token in enumerate(tokens):
        here = source.row(token.start)
        if here > rows[1]:
            break
        column = token.start - source.starts[here]
        if here != row and opened and rows[0] <= here:
            odd += _break(opened, content, token, width(source.lines[here]))
        row = here
        if token.text in CLOSER:
            last = place + 1 == len(tokens) or source.row(tokens[place + 1].start) != here
            opened.append(_Open(token.text, width(source.lines[here]), column, last))
        elif token.text in OPENER and opened:
            content.pop(len(opened), None)
            opened.pop()
    return odd


def _break(opened: list[_Open], content: dict[int, int], token: Token, wide: int) -> float:
    top = opened[-1]
    if token.text in OPENER:
        return ODD_BREAK * (wide not in (top.base, top.column, content.get(len(opened), top.base)))
    if len(opened) in content:
        return ODD_BREAK * (wide != content[len(opened)])
    content[len(opened)] = wide
    if top.last_on_line:
        return ODD_BREAK * (wide <= top.base)
    return 0.0 if wide == top.column + 1 else ODD_BREAK * 0.5 if wide > top.base else ODD_BREAK * 1.5


def unit(source: Source) -> str:
    """Return one step of indentation as the file has it: the commonest difference between a header and its body."""
    seen: dict[str, int] = {}
    for before, after in zip(source.lines, source.lines[1:], strict=False):
        if before.rstrip().endswith(":") and indent(after).startswith(indent(before)) and after.strip():
            step = indent(after)[len(indent(before)) :]
            seen[step] = seen.get(step, 0) + bool(step)
    return max(seen, key=lambda step: (seen[step], -len(step.expandtabs(8))), default="    ") or "    "
