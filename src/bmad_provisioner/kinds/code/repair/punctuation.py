"""Punctuation: colons, commas, equals signs and operators that were lost or doubled."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator

from bmad_provisioner.kinds.code.repair.lexing import CLOSER, HEADERS, OPENER, Source, Token
from bmad_provisioner.kinds.code.repair.model import SYNTAX, Edit
from bmad_provisioner.kinds.code.repair.oracle import Trouble, tree

_TWICE_ELSEWHERE = ("&&", "||", "++", "--")
"""Marks that stand twice on purpose in other languages."""
_OPERATORS = (" +", " -", " and", " or", " ==", " !=", " in", " not in", " %", " |")
"""A few of the operators that may be lost between two expressions: what is lost can hardly be known."""
_NO_COMMAS = frozenset({".", ";", "<", ">", "|", "/", ":", "=", "&"})
"""What may be struck, or read, in place of a comma."""
_TESTS = re.compile(r"[ \t]*(?:return|if|elif|while|assert|yield|raise|await)\b")
_REACH = 400
"""Tokens before one among which the bracket around it is sought."""
_SURE = 0.05
"""In nats; what is sure needs no other guess beside it."""
_NEAR = 3
"""Lines around the fault in which a comma may be missing."""


def around(source: Source, found: Trouble, before: int = _NEAR, after: int = _NEAR) -> list[Token]:
    """Return the tokens of the lines around a fault."""
    first, last = max(found.line - 1 - before, 0), found.line + after
    lo = source.starts[min(first, len(source.starts) - 1)]
    hi = source.starts[min(last, len(source.starts) - 1)]
    return [token for token in source.code if lo <= token.start < hi]


def _insert(at: int, mark: str, cost: float, reason: str) -> Edit:
    return Edit(at, at, mark, SYNTAX, cost, reason)


def colons(source: Source, found: Trouble) -> Iterator[Edit]:
    """Close the header of a block with the colon it lacks."""
    told = found.message.startswith("expected ':'")
    here = source.at(found.line, found.column)
    for first, last in source.statements:
        if last <= found.line - 3 or first > found.line:
            continue
        row = [token for token in source.code if source.starts[first] <= token.start < source.starts[last]]
        if row and row[0].text in HEADERS and row[-1].text != ":":
            cost = 0.3 if told else 1.5
            yield _insert(row[-1].end, ":", cost, f"`{row[0].text}` opens a block, but no colon ends its line")
            if told:
                yield from (_insert(a.end, ":", 2.0, "a colon was expected here") for a in row if a.end <= here <= a.end + 2)


def commas(source: Source, found: Trouble) -> Iterator[Edit]:
    """Part two expressions that stand side by side."""
    told = "forgot a comma" in found.message
    tokens = around(source, found)
    defines = _parameters(source, found)
    for before, after in itertools.pairwise(tokens):
        beside = before.ends_atom and (after.begins_atom or after.text in ("*", "**"))
        if beside and not (after.text in CLOSER and after.start == before.end):
            far = 0.5 * (source.row(before.start) != found.line - 1)
            # A comma leaves one blank behind, an operator two.
            far += 4.0 * (source.text[before.end : after.start].strip(" ") == "" and after.start - before.end > 1)
            in_header = any(first <= before.start < last for first, last in defines)
            yield _insert(before.end, ",", (0.7 if told else 1.6) + far, "two expressions stand side by side without a comma")
            keyed = within(source, after) == "{"
            yield _insert(
                before.end, ":", 1.4 + far if in_header or keyed else 3.0, "a key and its value stand side by side without a colon"
            )
            yield from _parted(source, found, before, after)
        elif before.text in ("*", "/") and after.kind == "name" and any(a <= before.start < b for a, b in defines):
            yield _insert(before.end, ",", 1.6, f"a comma stands behind a lone `{before.text}`")


def _parted(source: Source, found: Trouble, before: Token, after: Token) -> Iterator[Edit]:
    if after.kind == "name" and before.end == after.start - 1:
        known = source.text.count(f"{before.text}.{after.text}") > 0
        yield Edit(before.end, after.start, ".", SYNTAX, 2.0 if known else 6.0, "two names stand side by side without a dot")
    if before.kind != "keyword" and after.kind != "openstring":
        unused = before.kind == "name" and len(re.findall(rf"(?<![\w.]){re.escape(before.text)}\b", source.text)) == 1
        yield _insert(before.end, " =", 7.5 if unused else 3.6, "a name and its value stand side by side without `=`")
    if source.text[before.end : after.start].strip() == "" and found.line - 1 in (
        source.row(before.start),
        source.row(after.start),
    ):
        for mark in _OPERATORS:
            yield _insert(before.end, mark, 6.5, f"two expressions stand side by side without an operator such as `{mark[1:]}`")


def _parameters(source: Source, found: Trouble) -> list[tuple[int, int]]:
    """Return where the headers of functions around a fault begin and end."""
    near = [(first, last) for first, last in source.statements if first <= found.line + _NEAR and last >= found.line - _NEAR]
    return [
        (source.starts[first], source.starts[last])
        for first, last in near
        if re.match(r"[ \t]*(?:async[ \t]+)?def\b", source.lines[first])
    ]


def equals(source: Source, found: Trouble) -> Iterator[Edit]:
    """Compare where an assignment cannot stand; assign where a comparison is doubled."""
    told = "'=='" in found.message or '"=="' in found.message
    here = source.at(found.line, found.column)
    tests = _tests(source, found)
    for token in around(source, found, 2, 4):
        if token.text == "=":
            far = 0.3 * (abs(source.row(token.start) - found.line + 1) > 0) + 0.002 * abs(token.start - here)
            inside = within(source, token)
            if inside == "{":
                start = len(source.text[: token.start].rstrip(" "))
                yield Edit(start, token.end, ":", SYNTAX, 0.8 + far, "a colon stands between a key and its value, not `=`")
            cost = 0.6 + far if told else 2.0 + far
            cost = _SURE if not inside and _compares(source.text, token, tests) else cost + 4.0 * (inside == "{")
            yield Edit(token.start, token.end, "==", SYNTAX, cost, "`=` assigns, and an assignment cannot stand here")
        elif token.text == "==":
            yield Edit(token.start, token.end, "=", SYNTAX, 2.5, "`==` compares, and a comparison cannot stand here")
        elif token.text == ":=":
            yield Edit(token.start, token.end, "=", SYNTAX, 2.5, "`:=` cannot stand here")


def within(source: Source, token: Token) -> str:
    """Return the bracket that a token stands in; empty for none near."""
    depth, place = 0, source.index(token.start)
    for before in reversed(source.code[max(place - _REACH, 0) : place]):
        depth += (before.text in OPENER) - (before.text in CLOSER)
        if depth < 0:
            return before.text
    return ""


def _tests(source: Source, found: Trouble) -> list[tuple[int, int]]:
    """Return where the statements around a fault begin and end whose first word allows no assignment."""
    near = [(first, last) for first, last in source.statements if first <= found.line and last >= found.line - 1]
    return [(source.starts[first], source.starts[last]) for first, last in near if _TESTS.match(source.lines[first])]


def _compares(text: str, token: Token, tests: list[tuple[int, int]]) -> bool:
    """Whether a statement that allows no assignment is whole once it compares instead."""
    spans = [(first, last) for first, last in tests if first <= token.start < last]
    wholes = [f"{text[first : token.start]}=={text[token.end : last]}".strip() for first, last in spans]
    wholes = [f"if 1: pass\n{whole}" if whole.startswith("elif") else whole for whole in wholes]
    return any(isinstance(tree(f"{whole} pass" if whole.endswith(":") else whole), ast.Module) for whole in wholes)


def misplaced(source: Source, found: Trouble) -> Iterator[Edit]:
    """Write a comma for a mark that stands as a comma does: right behind an expression, a blank or a break after it."""
    for before, mark, after in zip(tokens := around(source, found, 1, 1), tokens[1:], tokens[2:], strict=False):
        blank = source.text[mark.end : mark.end + 1].isspace()
        apart = 1.3 * (source.text[before.end : mark.start] != "")
        begins = after.begins_atom or after.text in ("*", "**", "-", ")", "]", "}")
        if mark.text in _NO_COMMAS and before.ends_atom and blank and begins and within(source, mark):
            yield Edit(mark.start, mark.end, ",", SYNTAX, 1.2 + apart, f"`{mark.text}` stands where a comma belongs")


def strays(source: Source, found: Trouble) -> Iterator[Edit]:
    """Take a mark or a word away that stands twice, or that does not belong where it is."""
    tokens = around(source, found, 1, 1)
    for before, after in itertools.pairwise(tokens):
        same = before.text == after.text and before.kind in ("op", "keyword", "odd") and before.text not in "()[]{}"
        if same and before.text + after.text not in _TWICE_ELSEWHERE:
            yield Edit(before.end, after.end, "", SYNTAX, 1.2, f"`{before.text}` stands twice")
        if before.text == "else" and after.text == "if":
            yield Edit(before.start, after.end, "elif", SYNTAX, 0.3, "`else if` is `elif` in Python")
    here = source.at(found.line, found.column)
    for place, token in enumerate(tokens):
        beside = [other.text for other in tokens[max(place - 1, 0) : place + 2 : 2]]
        if not token.start <= here <= token.end or (token.text in beside and token.kind == "keyword"):
            continue
        if token.kind in ("op", "odd") and token.text not in "()[]{}":
            prefix = token.text == "!" and not source.text[token.start - 1 : token.start].isalnum()
            cost = 11.0 if prefix else 8.0 if token.text == "*" else 6.0 if token.text in ":@=" else 4.5
            yield Edit(token.start, token.end, "", SYNTAX, cost, f"`{token.text}` does not belong here")
        elif token.kind in ("name", "keyword"):
            yield Edit(token.start, token.end, "", SYNTAX, 11.0, f"`{token.text}` does not belong here")
