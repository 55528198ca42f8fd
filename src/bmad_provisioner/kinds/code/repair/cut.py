"""Cut: whether a file ends in the middle, so that what is missing cannot be known."""

from __future__ import annotations

import re

from bmad_provisioner.kinds.code.repair.lexing import CLOSER, OPENER, Source
from bmad_provisioner.kinds.code.repair.oracle import Trouble, earlier
from bmad_provisioner.kinds.code.repair.triples import swallowed

_DEFINES = re.compile(r"^[ \t]*(?:(?:async[ \t]+)?def[ \t]+\w+[ \t]*\(|class[ \t]+\w+[ \t]*[(:])", re.MULTILINE)
_IN_PLACE = (
    "unterminated string",
    "unterminated f-string",
    "invalid decimal",
    "unmatched",
    "closing parenthesis",
    "unexpected indent",
    "unindent",
    "f-string",
    "leading zeros",
    "Missing parentheses",
)
"""How the compiler begins to speak of faults that lie where it finds them."""


def is_cut(source: Source, found: Trouble) -> bool:
    """Whether the fault is that the text stops: a bracket, string, block or line that is open at its end."""
    if not source.statements or not source.code:
        return False
    if _in_place(source, found):
        return False
    first, last = source.statements[-1]
    tokens = source.tokens
    whole = source.text.endswith(("\n", "\r"))
    behind = found.line > last - (0 if whole else 1)
    in_last = found.line > first
    if behind and ("expected" in found.message or "EOF" in found.message or not whole):
        return True
    opened = next((token for token in reversed(tokens) if token.kind == "openstring"), None)
    if opened and source.row(opened.end) >= len(source.lines) - 1:
        long = re.match(r"[a-zA-Z]*('''|\"\"\")", opened.text)
        return not (_DEFINES.search(opened.text) or swallowed(source, opened)) if long else not whole and in_last
    code = source.code
    end = code[-1]
    if end.text == ":" or (end.text == "\\" and in_last):
        return in_last or behind
    return in_last and _open_at_end(source, first, whole)


def _in_place(source: Source, found: Trouble) -> bool:
    """Whether the fault is one that the end of a text cannot have made, since more than a line follows it."""
    if found.message.startswith("invalid") and "character" in found.message:
        return True
    return found.line < len(source.lines) - 1 and (found.message.startswith(_IN_PLACE) or earlier(source.text, found) is not None)


def _open_at_end(source: Source, first: int, whole: bool) -> bool:
    depth = 0
    begin = source.starts[first]
    row = [token for token in source.code if token.start >= begin]
    for token in row:
        depth += (token.text in CLOSER) - (token.text in OPENER)
    end = row[-1]
    if not whole:
        return True
    if end.kind == "op" and end.text not in OPENER:
        return True
    several = source.row(row[0].start) != source.row(end.start)
    alone = end.text in OPENER and source.lines[source.row(end.start)].strip() in (end.text, end.text + ",")
    return depth > 0 and several and not alone
