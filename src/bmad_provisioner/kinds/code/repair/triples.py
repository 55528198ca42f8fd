"""Triples: long strings that lost an end or a beginning, or a part of either."""

from __future__ import annotations

import ast
import builtins
import keyword
import re
from collections.abc import Iterator
from math import log

from bmad_provisioner.kinds.code.repair.lexing import Source, Token, indent, width
from bmad_provisioner.kinds.code.repair.model import SYNTAX, Edit
from bmad_provisioner.kinds.code.repair.oracle import Trouble, tree

_MARK = re.compile(r"[a-zA-Z]{0,2}(\"\"\"|''')")
_BEGUN = re.compile(r"[ \t]*[rRbBuUfF]{0,2}(\"{1,2}|'{1,2})(?=[^\"'])")
_PROSE = re.compile(rf"[ \t]*(?!(?:{'|'.join(keyword.kwlist)})\b)[A-Za-z`][\w`'/-]*,?(?: (?:(?!\w[(\[])[^=\[\]{{}}])+)+$")
_WORDS = re.compile(r"\w+|[^\w\s]")
_REACH = 80
"""Lines after an open triple quote among which its end is sought."""
_BEFORE = 4
"""Lines before a fault in which a long string may have begun."""


def guesses(source: Source, found: Trouble) -> Iterator[Edit]:
    """Yield the edits that may put the triple quotes near a fault right."""
    long = [token for token in source.tokens if token.kind in ("string", "openstring") and _MARK.match(token.text)]
    doubted = [token for token in long if swallowed(source, token) and _odd(source, token.text.lstrip("rRbBuUfF")[:3])]
    for token in [*doubted[:3], *(token for token in long[-1:] if token.kind == "openstring" and token not in doubted[:3])]:
        yield from _ends(source, token, token.text.lstrip("rRbBuUfF")[:3])
    yield from _beginnings(source, found)
    yield from _bare(source, found)


def _odd(source: Source, mark: str) -> bool:
    """Whether one of the triple quotes of a text is alone."""
    return bool(source.text.count(mark) % 2)


def is_code(line: str) -> bool:
    """Whether a line is a statement or a header that is hardly prose."""
    line = line.strip()
    if not line or line.startswith((">>>", "...")):
        return False
    if re.match(r"@\w[\w.]*(?:\(|$)|(?:async\s+)?def \w+\(|class \w+[(:]|\w+ = [(\[{]$|(?:else|try|finally):$", line):
        return True
    if line.endswith(":"):
        line = re.sub(r"^(?:elif|except|case)\b.*", "if x:", line) + " pass"
    parsed = tree(line)
    one = parsed.body[0] if isinstance(parsed, ast.Module) and parsed.body else None
    if isinstance(one, ast.Expr):
        value = one.value.value if isinstance(one.value, ast.Await | ast.Yield) and one.value.value else one.value
        return isinstance(value, ast.Call)
    if isinstance(one, ast.AnnAssign):
        prose = isinstance(one.annotation, ast.Name) and not hasattr(builtins, one.annotation.id)
        return one.value is not None or not prose
    return one is not None


def swallowed(source: Source, token: Token) -> int:
    """Count the words and marks of a long string from its first line of code on, if that is no deeper than the string."""
    first = source.row(token.start)
    base = width(source.lines[first])
    shut = 0 if token.kind == "openstring" else 3
    for row in range(first + 1, min(source.row(token.end - 1), first + _REACH) + 1):
        line = source.text[source.starts[row] : min(source.starts[row + 1], token.end - shut)]
        if width(line) <= base and (is_code(line) or (shut and is_code(line + token.text[-1]))):
            return len(_WORDS.findall(source.text[source.starts[row] : token.end]))
    return 0


def _ends(source: Source, token: Token, mark: str) -> Iterator[Edit]:
    """End a long string where a part of its end is left, at the end of its first line, or before the first line of code in it."""
    row = source.row(token.start)
    base = width(source.lines[row])
    reason = f"a string that begins with {mark} runs on into the code"
    seen = 0
    for here in range(row, min(row + _REACH, len(source.lines))):
        line = source.lines[here].rstrip("\r\n")
        end = source.starts[here] + len(line)
        if here > row and width(line) <= base and is_code(line):
            seen += 1
            if seen > 2 or re.match(r"[ \t]*(?:async def|def|class) \w+.*:\s*$", line):
                yield from _before(source, row, here, mark, 1.2 + 2.5 * (seen - 1), reason)
                return
            yield from _before(source, row, here, mark, 1.2 + 2.5 * (seen - 1), reason)
        if here == row and end > token.start + len(mark) + len(token.text) - len(token.text.lstrip("rRbBuUfF")):
            yield from _first_line(source, here, end, mark, reason)
        part = re.search(f"(?<!{mark[0]}){mark[0]}{{1,2}}$", line)
        if part and here > row and not (width(line) <= base and is_code(line)):
            yield Edit(end - len(part[0]), end, mark, SYNTAX, 0.3 if line.strip() == part[0] else 1.0, reason)


def _first_line(source: Source, row: int, end: int, mark: str, reason: str) -> Iterator[Edit]:
    line = source.lines[row].rstrip("\r\n")
    part = re.search(f"(?<=[^{mark[0]}\\\\]){mark[0]}{{1,2}}$", line)
    if part:
        yield Edit(end - len(part[0]), end, mark, SYNTAX, 0.3, reason)
        return
    after = source.lines[row + 1] if row + 1 < len(source.lines) else ""
    fits = not after.strip() or is_code(after)
    yield Edit(end, end, mark, SYNTAX, 1.0 if fits else 3.0, reason)


def _before(source: Source, row: int, code: int, mark: str, cost: float, reason: str) -> Iterator[Edit]:
    """End a string between its text and the code behind it: on a line of white space alone, else at the end of the text."""
    last = code - 1
    while last > row and source.lines[last].strip()[:1] in ("", "#"):
        last -= 1
    depth = width(source.lines[row])
    for blank in range(last + 1, code):
        line = source.lines[blank].rstrip("\r\n")
        if line and not line.strip() and width(line + "x") == depth:
            end = source.starts[blank] + len(line)
            yield Edit(end, end, mark, SYNTAX, cost - 0.9, reason)
            return
    if last > row:
        end = source.starts[last] + len(source.lines[last].rstrip())
        text, alone, apart = (cost + 0.5 - log(share) for share in _ends_usually(source))
        below = source.text[end : source.starts[last + 1]].lstrip(" \t") or "\n"
        new = f"{indent(source.lines[row])}{mark}{below}"
        yield Edit(end, end, mark, SYNTAX, text, reason)
        yield Edit(source.starts[last + 1], source.starts[last + 1], new, SYNTAX, alone, reason)
        if code > last + 1 and not source.lines[last + 1].strip():
            yield Edit(source.starts[last + 2], source.starts[last + 2], new, SYNTAX, apart, reason)


def _bare(source: Source, found: Trouble) -> Iterator[Edit]:
    """Put quotes round the line of prose that stands first in a body."""
    for row in range(max(found.line - 2, 1), min(found.line + 1, len(source.lines))):
        line = source.lines[row].rstrip()
        above = next((other for other in reversed(source.lines[:row]) if other.strip()), "")
        first = re.search(r"(?:^[ \t]*(?:async def|def|class)\b.*|^[ \t]*\).*):\s*$", above) and width(line) > width(above)
        if first and len(line.split()) > 2 and _PROSE.match(line) and '"""' not in line and not is_code(line):
            begin = source.starts[row]
            at, end = begin + len(indent(line)), begin + len(line)
            yield Edit(at, end, f'"""{line.strip()}"""', SYNTAX, 0.8, "prose stands where a docstring does, without quotes")


def _ends_usually(source: Source) -> tuple[float, float, float]:
    """Return how often the long strings of a text end behind their words, on a line of their own, and on one below a blank one."""
    seen = [0.25, 2.5, 0.7]
    for token in source.tokens:
        if token.kind == "string" and _MARK.match(token.text) and "\n" in token.text:
            tail = token.text[:-3].rstrip(" \t")
            seen[0 if not tail.endswith("\n") else 2 if re.search(r"\n[ \t]*\r?\n\Z", tail) else 1] += 1
    return seen[0] / sum(seen), seen[1] / sum(seen), seen[2] / sum(seen)


def _beginnings(source: Source, found: Trouble) -> Iterator[Edit]:
    """Begin a long string where prose is read as code, if a triple quote below has no beginning."""
    top = min(found.line, len(source.lines)) - 1
    for mark in ('"""', "'''"):
        if not _odd(source, mark) or mark not in source.text[source.starts[max(top - _BEFORE, 0)] :]:
            continue
        reason = f"the string that ends with {mark} has no beginning"
        for row in range(top, max(top - _BEFORE, 0) - 1, -1):
            line, start = source.lines[row].rstrip("\r\n"), source.starts[row]
            begun = _BEGUN.match(line + " ")
            if begun and begun[1][0] == mark[0]:
                yield Edit(start + begun.start(1), start + begun.end(1), mark, SYNTAX, 0.5, reason)
            elif not line.strip():
                yield Edit(start + len(line), start + len(line), mark, SYNTAX, 0.5 if line else 2.0, reason)
            elif line.strip() and mark not in line[: len(line) - 3] and not is_code(line):
                at = start + len(indent(line))
                yield Edit(at, at, mark, SYNTAX, 0.8 if line.endswith(mark) else 2.0, reason)
