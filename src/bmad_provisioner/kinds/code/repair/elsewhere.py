"""Elsewhere: operators, declarations and headers as other languages write them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from bmad_provisioner.kinds.code.repair.legacy import SURE
from bmad_provisioner.kinds.code.repair.lexing import CLOSER, HEADERS, OPENER, Source, Token, indent, width
from bmad_provisioner.kinds.code.repair.model import SYNTAX, Edit
from bmad_provisioner.kinds.code.repair.oracle import Trouble
from bmad_provisioner.kinds.code.repair.punctuation import around, within

_MEANT = {
    "&&": "and",
    "||": "or",
    "===": "==",
    "!==": "!=",
    "=>": ">=",
    "=<": "<=",
    "=!": "!=",
    "=*": "*=",
    "=/": "/=",
    "=%": "%=",
}
"""What two marks side by side are in Python."""
_PARTED = frozenset({"+=", "-=", "*=", "/=", "%=", "|=", "&=", "==", "!=", "<=", ">=", "**", "//", ":=", "->", "<<", ">>"})
_DECLARES = frozenset(
    {"var", "let", "const", "my", "auto", "final", "local", "int", "float", "double", "string", "String", "char", "bool", "boolean"}
)
_STATEMENT_END = re.compile(r";(?=[ \t]*(?:#.*)?[\r\n]*\Z)")
_SHUT = re.compile(r"[ \t]*\}[ \t;]*(?:(?:else|elif|except|finally)\b.*)?[\r\n]*\Z")
_HEADER = re.compile(
    rf"[ \t]*(?:\}}[ \t]*)?(?:(?:{'|'.join(sorted(HEADERS))})\b|[)\]]).*[\w)\]}}'\"]$|[ \t]*(?:\}}[ \t]*)?(?:else|try|finally|\))$",
    re.DOTALL,
)
_BEFORE_VALUE = frozenset({"in", "is", "not", "and", "or", "if", "await", "as", "from", "lambda", "yield", "return"})
_REACH = 30
"""Lines above a fault in which a block may begin."""
_ARROWS = (("-", ">"), ("=", ">"), ("-", "->"), (">", "-"), ("~", ">"), ("-",), ("=",), (">",), (":",))


def guesses(source: Source, found: Trouble) -> Iterator[Edit]:
    """Yield Python's way to say what another language says near a fault."""
    tokens = around(source, found, 1, 1)
    yield from _operators(source, tokens)
    yield from _whole_line(source, found)
    yield from _steps(source, tokens)
    yield from _declared(source, tokens)
    yield from _headers(source, found)
    yield from _blocks(source, found)
    for first, last in source.statements:
        if first <= found.line and last >= found.line - 1:
            row = [token for token in source.code if source.starts[first] <= token.start < source.starts[last]]
            yield from _arrow(source.text, row)


def _translated(text: str, before: Token, after: Token) -> Edit | None:
    """Return the word for a sign of another language that two tokens may be the beginning of."""
    pair = before.text + after.text
    if before.end == after.start and pair in _MEANT:
        word, end = _MEANT[pair], after.end
    elif before.text == "!":
        word, end, pair = "not", after.start, "!"
    else:
        return None
    left = text[before.start - 1 : before.start]
    gap = " " * (word.isalpha() and not left.isspace() and left not in CLOSER)
    space = " " * (word.isalpha() and not text[end : end + 1].isspace())
    return Edit(
        before.start, end, gap + word + space, SYNTAX, SURE if pair in ("&&", "||") else 0.3, f"`{pair}` is no operator of Python"
    )


def _operators(source: Source, tokens: list[Token]) -> Iterator[Edit]:
    for before, after in itertools.pairwise(tokens):
        edit = _translated(source.text, before, after)
        keyed = edit and before.text + after.text == "=>" and within(source, before) == "{"
        if edit and keyed:
            start = len(source.text[: edit.start].rstrip(" "))
            yield Edit(start, edit.end, ":", SYNTAX, SURE, "a colon stands between a key and its value, not `=>`")
        elif edit:
            tail = before.text == "!" and source.text[before.start - 1 : before.start].isalnum()
            yield Edit(edit.start, edit.end, edit.new, SYNTAX, 3.0 if tail else edit.cost, edit.reason)
        gap = source.text[before.end : after.start]
        if gap and not gap.strip(" ") and before.text + after.text in _PARTED:
            cost = 0.5 if after.text == "=" else 2.5
            yield Edit(before.end, after.start, "", SYNTAX, cost, f"a blank parts `{before.text + after.text}`")


def _whole_line(source: Source, found: Trouble) -> Iterator[Edit]:
    """Translate all signs of a line at once, where there are several."""
    row = around(source, found, 0, 0)
    edits: list[Edit] = []
    for before, after in itertools.pairwise(row):
        edit = _translated(source.text, before, after)
        if edit and (not edits or edit.start >= edits[-1].end):
            edits.append(edit)
    if len(edits) > 1:
        start, text = edits[0].start, source.text[edits[0].start : edits[-1].end]
        for edit in reversed(edits):
            text = text[: edit.start - start] + edit.new + text[edit.end - start :]
        yield Edit(start, edits[-1].end, text, SYNTAX, max(edit.cost for edit in edits), "these are no operators of Python")


def _steps(source: Source, tokens: list[Token]) -> Iterator[Edit]:
    """Write `x += 1` for `x++`."""
    for name, one, two in zip(tokens, tokens[1:], tokens[2:], strict=False):
        pair = one.text + two.text
        after = source.text[two.end :].lstrip(" \t")[:1]
        if name.ends_atom and pair in ("++", "--") and one.end == two.start and after in ("", "\n", "\r", ";", "#"):
            yield Edit(name.end, two.end, f" {one.text}= 1", SYNTAX, SURE, f"`{pair}` is no operator of Python")


def _declared(source: Source, tokens: list[Token]) -> Iterator[Edit]:
    """Drop the word that declares a variable, or makes an object, elsewhere."""
    for word, name, mark in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if name.kind != "name" or source.row(name.start) != source.row(word.start):
            continue
        first = not source.text[source.starts[source.row(word.start)] : word.start].strip()
        if (first and word.text in _DECLARES and mark.text == "=") or (word.text == "new" and mark.text in ("(", ".")):
            yield Edit(word.start, name.start, "", SYNTAX, 0.3, f"Python needs no `{word.text}` here")


def _headers(source: Source, found: Trouble) -> Iterator[Edit]:
    """Open a block with a colon where something else stands at the end of its header."""
    for row in range(max(found.line - 3, 0), min(found.line + 1, len(source.lines))):
        here = around(source, Trouble(row + 1, 0, 0, ""), 0, 0)
        if len(here) < 2 or here[0].text not in HEADERS:
            continue
        if here[-1].text in (";", "{"):
            start = len(source.text[: here[-1].start].rstrip(" \t"))
            yield Edit(start, here[-1].end, ":", SYNTAX, 0.8, f"a colon opens a block, not `{here[-1].text}`")
        elif here[-1].text == here[-2].text == ":":
            yield Edit(here[-2].end, here[-1].end, "", SYNTAX, 0.3, "one colon opens a block")


def _blocks(source: Source, found: Trouble) -> Iterator[Edit]:
    """Write a block in braces with a colon alone."""
    for row in range(max(found.line - _REACH, 0), min(found.line + 1, len(source.lines))):
        line = source.lines[row]
        head = line.rstrip().removesuffix("{").rstrip()
        word = re.search(r"\w+$", head)
        opens = line.rstrip().endswith("{") and _HEADER.match(head) and not (word and word[0] in _BEFORE_VALUE)
        end = _brace(source, row) if opens else 0
        if not end:
            continue
        body = [_STATEMENT_END.sub("", inner) for inner in source.lines[row + 1 : end]]
        behind = source.lines[end].strip()[1:].strip(" ;\r\n")
        last = f"{indent(source.lines[end])}{behind}{source.lines[end][len(source.lines[end].rstrip()) :]}" if behind else ""
        new = f"{head}:{line[len(line.rstrip()) :]}{''.join(body)}{last}"
        yield Edit(source.starts[row], source.starts[end + 1], new, SYNTAX, SURE, "a block stands in braces")


def _brace(source: Source, row: int) -> int:
    """Return the line that shuts the block which a line opens with a brace: as deep, with all between deeper; 0: none."""
    deep = width(source.lines[row])
    for below in range(row + 1, len(source.lines)):
        line = source.lines[below]
        if line.strip() and width(line) <= deep:
            return below if width(line) == deep and _SHUT.match(line) else 0
    return 0


def _arrow(text: str, row: list[Token]) -> Iterator[Edit]:
    """Put an arrow between the parameters of a function and what it returns."""
    if "def" not in [token.text for token in row[:2]]:
        return
    depth = 0
    for place, token in enumerate(row):
        depth += (token.text in CLOSER) - (token.text in OPENER)
        if token.text == ")" and depth == 0:
            yield from _after_parameters(text, token, row[place + 1 :])
            return


def _after_parameters(text: str, shut: Token, rest: list[Token]) -> Iterator[Edit]:
    reason = "`->` stands between a function's parameters and what it returns"
    for marks in _ARROWS:
        behind = rest[len(marks) :]
        if tuple(token.text for token in rest[: len(marks)]) == marks and any(token.text == ":" for token in behind[1:]):
            yield Edit(shut.end, behind[0].start, " -> ", SYNTAX, 0.3, reason)
            return
    if rest and rest[0].begins_atom and text[shut.end : rest[0].start].isspace():
        yield Edit(shut.end, shut.end, " ->", SYNTAX, 0.6, reason)
