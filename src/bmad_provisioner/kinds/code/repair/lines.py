"""Lines: those that were wrapped, glued, doubled or lost."""

from __future__ import annotations

import ast
import itertools
import keyword
import re
from collections.abc import Iterator
from textwrap import dedent

from bmad_provisioner.kinds.code.repair.legacy import SURE
from bmad_provisioner.kinds.code.repair.lexing import CLOSER, NEVER_INSIDE, OPENER, Source, Token, indent, width
from bmad_provisioner.kinds.code.repair.model import ENCODING, INDENTATION, SYNTAX, Edit
from bmad_provisioner.kinds.code.repair.oracle import Trouble, tree
from bmad_provisioner.kinds.code.repair.rows import Page, Row, levels

_HANDLERS = ("except", "finally")
_PLAIN_ENDS = frozenset({"pass", "break", "continue", "return"})
_STARTS = frozenset({"@", "if", "for", "from", "await", "yield", "async"})
"""Words that begin a statement besides those that never stand inside one."""
_LONG_STATEMENT = 25
_FAR = 80
"""Rows behind a fault among which the `except` of a lost `try` is sought."""


def guesses(source: Source, found: Trouble) -> Iterator[Edit]:
    """Yield the edits that may give a line back what it lost to a merge, a mail program or a slip."""
    page = Page(source)
    if "indent" in found.message:
        yield from _blanks(source, found)
    if "after line continuation character" in found.message:
        yield from _backslash(source, found)
    if found.message.startswith("expected an indented block"):
        yield from _bodiless(page, found)
    yield from _lost_try(page, found)
    yield from _glued(page, found)
    yield from _wrapped(source, found)


def _blanks(source: Source, found: Trouble) -> Iterator[Edit]:
    """Write the indent of a line with blanks as the compiler knows them."""
    line = source.lines[found.line - 1] if found.line <= len(source.lines) else ""
    white = line[: len(line) - len(line.lstrip())]
    if not white.isascii():
        start = source.starts[found.line - 1]
        yield Edit(start, start + len(white), " " * len(white), ENCODING, SURE, "characters that only look like blanks")


def _backslash(source: Source, found: Trouble) -> Iterator[Edit]:
    start = source.starts[found.line - 1]
    match = re.search(r"\\([ \t]+)\r?\n?$", source.lines[found.line - 1])
    if match:
        reason = "blanks follow the backslash that continues the line"
        yield Edit(start + match.start(1), start + match.end(1), "", SYNTAX, SURE, reason)


def _bodiless(page: Page, found: Trouble) -> Iterator[Edit]:
    """Drop a header that stands twice; else let the block that has nothing to do say so."""
    here = next((i for i, row in enumerate(page.rows) if row.last >= found.line), len(page.rows))
    if not here or not page.rows[here - 1].opens:
        here = len(page.rows) if page.rows and page.rows[-1].opens else 0
    if not here:
        return
    head = page.rows[here - 1]
    after = page.rows[here] if here < len(page.rows) else None
    starts = page.source.starts
    if after and page.text(head).strip() == page.text(after).strip() and head.wide == after.wide:
        yield Edit(starts[head.first], starts[head.last], "", SYNTAX, SURE, f"the same `{head.word}` stands twice")
    elif after:
        new = f"{page.white(head.wide + page.step)}pass{page.end}"
        yield Edit(starts[head.last], starts[head.last], new, INDENTATION, _emptiness(head, after), f"`{head.word}` has no body")


def _emptiness(head: Row, after: Row) -> float:
    """Return how unlikely it is that a header had nothing but `pass`, in nats."""
    goes_on = after.wide == head.wide and after.word in ("except", "else", "elif", "finally")
    usual = head.word in ("except", "class")
    lost = 5.0 * (head.word == "class" and after.method)
    return lost + (0.1 if usual else 1.5) + (0.0 if goes_on or after.wide < head.wide else 0.2 if usual else 2.5)


def _lost_try(page: Page, found: Trouble) -> Iterator[Edit]:
    """Begin a `try` where its handlers have none and its block stands one step deeper."""
    here = page.at(found.line)
    for place in range(here, min(here + _FAR, len(page.rows))):
        row = page.rows[place]
        if row.word not in _HANDLERS:
            continue
        first = place
        while first and page.rows[first - 1].wide > row.wide:
            first -= 1
        begin = page.rows[first]
        before = page.rows[first - 1] if first else None
        if first == place or begin.first + 1 > found.line or begin.wide != row.wide + page.step:
            continue
        opened = before is not None and before.opens
        fits = before is None or (before.wide + page.step == row.wide if opened else row.wide in levels(page.rows[:first]))
        if fits:
            at = page.source.starts[begin.first]
            yield Edit(at, at, f"{page.white(row.wide)}try:{page.end}", SYNTAX, SURE, f"`{row.word}` has no `try`")
        return


def _glued(page: Page, found: Trouble) -> Iterator[Edit]:
    """Part two statements that share a line, where each is one by itself."""
    source = page.source
    span = next(((a, b) for a, b in source.statements if a < found.line <= b), None)
    if span is None or not 0 < found.line <= len(source.lines):
        return
    first, last = source.starts[span[0]], source.starts[span[1]]
    begin, end = source.starts[found.line - 1], source.starts[found.line]
    ends = "\r\n" if source.text[begin:end].endswith("\r\n") else "\n"
    tokens = [token for token in source.code if begin <= token.start < end]
    for at, gap, cost in _seams(source, tokens):
        left, right = source.text[first:at].rstrip(" \t"), source.text[at + gap : last]
        if _stands(left) and _stands(right):
            for white, odd in _margins(page, span[0], gap):
                yield Edit(at, at + gap, ends + white, SYNTAX, cost + odd, "two statements stand on one line")


def _margins(page: Page, first: int, gap: int) -> Iterator[tuple[str, float]]:
    """Yield where the second of two statements may begin: level with the first, or with a block around it if that ends here."""
    place = next(i for i, row in enumerate(page.rows) if row.first == first)
    here = page.rows[place].wide
    after = page.rows[place + 1].wide if place + 1 < len(page.rows) else 0
    for wide in levels(page.rows[: place + 1]):
        if wide == here or after <= wide:
            told = -0.3 if gap > 1 and gap == wide else 1.5 if gap > 1 else 0.0
            yield page.white(wide), told + 0.7 * (wide != here)


def _seams(source: Source, tokens: list[Token]) -> Iterator[tuple[int, int, float]]:
    """Yield where a line may be two: offset, blanks there, how unlikely in nats."""
    for before, after in itertools.pairwise(tokens):
        starts = after.kind in ("name", "string") or after.text in NEVER_INSIDE or after.text in _STARTS
        if not starts or not (before.ends_atom or before.text in _PLAIN_ENDS):
            continue
        gap = after.start - before.end
        told = 0.8 if after.text in NEVER_INSIDE or after.text == "from" else 0.0
        yield before.end, gap, (0.4 if gap > 1 else 1.6 - told if gap else 2.4 - told)
    known = {token.text for token in source.code if token.kind in ("name", "keyword")}
    for token in tokens:
        if token.kind in ("name", "number"):
            for cut in range(1, len(token.text)):
                left, right = token.text[:cut], token.text[cut:]
                splits = left.isdigit() or left in known or left in ("None", "True", "False", "pass", "break", "continue", "return")
                word = right in NEVER_INSIDE and len(right) > 3
                if (splits or word) and (right in known or keyword.iskeyword(right)):
                    yield token.start + cut, 0, 1.4 if word else 2.0


def _stands(text: str) -> bool:
    """Whether a text is a statement by itself, or the header of one."""
    text = dedent(text).strip()
    parsed = tree(text)
    if isinstance(parsed, Trouble):
        return text.endswith(":") and isinstance(tree(f"{text} pass"), ast.Module)
    one = parsed.body[0] if len(parsed.body) == 1 else None
    does = (ast.Call, ast.Await, ast.Yield, ast.YieldFrom)
    return one is not None and (not isinstance(one, ast.Expr) or isinstance(one.value, does) or text.endswith(('"""', "'''")))


def _wrapped(source: Source, found: Trouble) -> Iterator[Edit]:
    for row in (found.line - 2, found.line - 1, found.line):
        if 0 <= row < len(source.lines) - 1 and source.lines[row].strip() and source.lines[row + 1].strip():
            yield from _joined(source, row, 0.3 * abs(row - found.line + 1))
    span = next(((a, b) for a, b in source.statements if a < found.line <= b), (found.line, found.line))
    for row in range(found.line - 2, min(max(found.line + 1, span[1]), found.line + _LONG_STATEMENT)):
        if 0 < row < len(source.lines):
            yield from _said(source, row)


def _joined(source: Source, row: int, far: float) -> Iterator[Edit]:
    """Join a line with the next one, if nothing but a mail program parted them."""
    start, end = source.starts[row], source.starts[row + 1]
    line, after = source.text[start:end].rstrip("\r\n"), source.lines[row + 1]
    at = end + len(indent(after))
    open_string = next(
        (t for t in source.tokens if t.kind == "openstring" and start <= t.start < end and t.end >= start + len(line)), None
    )
    if open_string:
        body = open_string.text.rstrip("\r\n")
        mark = body.lstrip("rRbBuUfF")[:1]
        if mark * 3 not in body and after.count(mark) % 2 == 1:
            margin = at if width(after) >= width(line) > 0 else end
            gap = "" if line[-1:].isspace() else " "
            yield Edit(start + len(line), margin, gap, SYNTAX, 0.2 + far, "a string was wrapped")
    elif not line.rstrip().endswith(("\\", ":", ",")) and "#" not in line:
        yield Edit(start + len(line.rstrip()), at, " ", SYNTAX, 1.4 + far, "a line was wrapped")


def _said(source: Source, row: int) -> Iterator[Edit]:
    """Take a line of words behind a comment for its other half."""
    before = [token for token in source.tokens if token.kind == "comment" and source.row(token.start) == row - 1]
    line = source.lines[row]
    words = line.split()
    if not before or not words or before[0].text.rstrip()[-1] in ".!?" or words[-1][-1] in CLOSER:
        return
    known = {token.text for token in source.code if token.kind == "name" and source.row(token.start) != row}
    pairs = itertools.pairwise(words)
    beside = sum(all(re.fullmatch(r"[\"'(`]?[\w'-]+[\"')`]?", word) and word not in known for word in pair) for pair in pairs)
    signs = len(re.findall(r"[=\[\]{}\\@]|\w\(", line))
    told = 2 * beside - 2 * signs
    cost = 1.5 if told >= 4 else 3.0 if told >= 2 else 5.0 if told >= 0 else 9.0
    if line[:1].isspace() or OPENER.get(words[-1]):
        cost += 1.0
    start = source.starts[row]
    yield Edit(start, start + len(indent(line)), indent(line) + "# ", SYNTAX, cost, "a comment was wrapped")
