"""Legacy: what Python 2 wrote otherwise."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bmad_provisioner.kinds.code.repair.lexing import CLOSER, OPENER, Source, Token
from bmad_provisioner.kinds.code.repair.model import SYNTAX, Edit
from bmad_provisioner.kinds.code.repair.oracle import Trouble, tree
from bmad_provisioner.kinds.code.repair.punctuation import around

SURE, _LIKELY = 0.05, 0.5
"""In nats; what is sure needs no other guess beside it."""
_OCTAL = re.compile(r"0[0-7]+[lL]?$")
_LONG = re.compile(r"(0[xX][0-9a-fA-F]+|\d+)[lL]$")
_EXCEPT = re.compile(r"except[ \t]+([\w.]+|\([^()\n]*\))[ \t]*,[ \t]*([A-Za-z_]\w*)[ \t]*:")


def _edit(start: int, end: int, new: str, cost: float, what: str) -> Edit:
    return Edit(start, end, new, SYNTAX, cost, f"Python 2 {what}")


def guesses(source: Source, found: Trouble) -> Iterator[Edit]:
    """Yield today's spelling of what Python 2 allowed near a fault."""
    if found.message.startswith("expected an indented block"):
        return
    rows = [span for span in source.statements if span[0] < found.line + 1 and span[1] > found.line - 2]
    for first, last in rows:
        begin, end = source.starts[first], source.starts[last]
        row = [token for token in source.code if begin <= token.start < end]
        while row and row[0].text in ("else", "try", "finally") and len(row) > 2 and row[1].text == ":":
            row = row[2:]
        for place, token in enumerate(row):
            if token.text in ("print", "exec", "raise") and (place == 0 or row[place - 1].text in (":", ";")):
                yield from _statement(source.text, _until(row[place:]))
        for match in _EXCEPT.finditer(source.text, begin, end):
            yield from _except(match)
    yield from _spellings(source, found)


def _until(row: list[Token]) -> list[Token]:
    depth = 0
    for place, token in enumerate(row):
        depth += (token.text in CLOSER) - (token.text in OPENER)
        if token.text == ";" and depth == 0:
            return row[:place]
    return row


def _parts(tokens: list[Token]) -> list[list[Token]]:
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in tokens:
        depth += (token.text in CLOSER) - (token.text in OPENER)
        if token.text == "," and depth == 0:
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def _statement(text: str, row: list[Token]) -> Iterator[Edit]:
    def written(part: list[Token]) -> str:
        return text[part[0].start : part[-1].end] if part else ""

    word, rest = row[0], row[1:]
    parts = [written(part) for part in _parts(rest)]
    if word.text == "print":
        yield from _print(word, rest, parts, written)
    elif word.text == "exec" and rest:
        names = [place for place, token in enumerate(rest) if token.text == "in"]
        where = f", {written(rest[names[-1] + 1 :])}" if names else ""
        yield _edit(
            word.start, rest[-1].end, f"exec({written(rest[: names[-1]] if names else rest)}{where})", SURE, "`exec` statement"
        )
    elif word.text == "raise" and len(parts) in (2, 3) and parts[1]:
        trace = f".with_traceback({parts[2]})" if len(parts) == 3 else ""
        inner = "" if parts[1] == "None" else parts[1]
        yield _edit(word.start, rest[-1].end, f"raise {parts[0]}({inner}){trace}", _LIKELY, "`raise` with a comma")


def _print(word: Token, rest: list[Token], parts: list[str], written: object) -> Iterator[Edit]:
    if not rest:
        return
    extra: list[str] = []
    if rest[0].text == ">>":
        extra.append(f"file={parts.pop(0)[2:].strip()}")
    if parts and not parts[-1]:
        parts.pop()
        extra.insert(0, "end=' '")
    new = f"print({', '.join([*parts, *extra])})"
    calls = rest[0].text == "(" and rest[0].start == word.end
    yield _edit(word.start, rest[-1].end, new, 3.0 if calls else SURE, "`print` statement")


def _except(match: re.Match[str]) -> Iterator[Edit]:
    kind, name = match[1], match[2]
    types = name[0].isupper() and not kind.startswith("(")
    yield _edit(match.start(), match.end(), f"except {kind} as {name}:", 3.0 if types else SURE, "`except` with a comma")
    if types:
        yield Edit(
            match.start(), match.end(), f"except ({kind}, {name}):", SYNTAX, 1.0, "several exceptions stand without brackets"
        )


def _spellings(source: Source, found: Trouble) -> Iterator[Edit]:
    tokens = around(source, found, 1, 0)
    for token in tokens:
        if token.text == "<>":
            yield _edit(token.start, token.end, "!=", SURE, "`<>`")
        elif token.kind == "number" and _OCTAL.match(token.text) and token.text.strip("0lL"):
            yield _edit(token.start, token.end, "0o" + token.text[1:].rstrip("lL"), SURE, "octal number")
        elif token.kind == "number" and (long := _LONG.match(token.text)):
            yield _edit(token.start, token.end, long[1], SURE, "long number")
        elif token.kind in ("string", "openstring") and token.text[:2].lower() == "ur":
            yield _edit(token.start, token.start + 2, "r", SURE, "`ur` string")
    ticks = [token for token in tokens if token.text == "`"]
    whole = not any(token.kind == "openstring" for token in tokens)
    for first, last in zip(ticks[::2], ticks[1::2], strict=False):
        inner = source.text[first.end : last.start]
        if whole and not isinstance(tree(inner.strip()), Trouble):
            yield _edit(first.start, last.end, f"repr({inner})", _LIKELY, "backticks")
