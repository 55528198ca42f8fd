"""Damage to lines: wrong indentation, lost and doubled lines, snippets pasted at another depth, text wrapped by a mailer."""

from __future__ import annotations

import ast
import re
import tokenize
from collections.abc import Iterator
from random import Random

from source import Damage, Edit, Source

STEP = 4
"""Blanks of one level, as nearly all Python has it."""


def over_indented(source: Source, rng: Random) -> Iterator[Damage]:
    """A line stands deeper than its siblings."""
    for body, number in source.simple:
        start = source.starts[body[number].lineno - 1]
        yield (Edit(start, start, " " * rng.choice((1, 2, STEP, STEP))),)


def under_indented(source: Source, rng: Random) -> Iterator[Damage]:
    """A line stands less deep than its siblings, on no level that there is."""
    for body, number in source.simple:
        start, depth = source.starts[body[number].lineno - 1], body[number].col_offset
        if depth:
            yield (Edit(start, start + rng.choice([lost for lost in (1, 2, 3, STEP) if lost <= depth])),)


def _shift(source: Source, rows: range, by: int) -> Damage:
    edits = []
    for row in rows:
        if source.lines[row].strip():
            start = source.starts[row]
            lost = min(-by, len(source.indent(row))) if by < 0 else 0
            edits.append(Edit(start, start + lost, " " * max(by, 0)))
    return tuple(edits)


def pasted_deep(source: Source, rng: Random) -> Iterator[Damage]:
    """A pasted run of statements stands deeper than its place."""
    for _owner, run in source.runs(2, 6):
        yield _shift(source, source.rows(run[0], run[-1]), rng.choice((STEP, STEP, 2 * STEP, 2)))


def pasted_flat(source: Source, _rng: Random) -> Iterator[Damage]:
    """A snippet was pasted into a block, and only its first line got the indentation of the place."""
    for _owner, run in source.runs(2, 6):
        rows = source.rows(run[0], run[-1])
        depth = len(source.indent(rows.start))
        if depth:
            yield _shift(source, range(rows.start + 1, rows.stop), -depth)


def pasted_shallow(source: Source, rng: Random) -> Iterator[Damage]:
    """A tool spliced a snippet in at a fixed depth, less than that of its place."""
    for _owner, run in source.runs(1, 5):
        rows = source.rows(run[0], run[-1])
        depth = len(source.indent(rows.start))
        if depth > STEP:
            yield _shift(source, rows, rng.choice(range(STEP, depth, STEP)) - depth)


def at_the_margin(source: Source, rng: Random) -> Iterator[Damage]:
    """Some lines within a block stand at the margin: imports, mostly, that a tool put there."""
    for owner, body in source.blocks:
        inner = [] if isinstance(owner, ast.Module) else body[1:-1]
        imports = [one for one in inner if isinstance(one, ast.Import | ast.ImportFrom)]
        for one in imports or rng.sample(inner, min(1, len(inner))):
            rows = source.rows(one)
            if len(rows) == 1 and not source.has_long_string(rows):
                yield _shift(source, rows, -len(source.indent(rows.start)))


def flat_body(source: Source, _rng: Random) -> Iterator[Damage]:
    """A whole block stands at the depth of its header."""
    for owner, body in source.blocks:
        rows = source.rows(body[0], body[-1])
        depth = len(source.indent(rows.start)) - getattr(owner, "col_offset", 0)
        if isinstance(owner, ast.stmt) and depth > 0 and not source.has_long_string(rows):
            yield _shift(source, rows, -depth)


def mixed_tabs(source: Source, rng: Random) -> Iterator[Damage]:
    """An editor wrote tabs where the file has blanks."""
    width = rng.choice((STEP, 2 * STEP))
    for _owner, run in source.runs(1, 5):
        rows = [row for row in source.rows(run[0], run[-1]) if len(source.indent(row)) >= width]
        tabs = []
        for row in rows:
            depth = len(source.indent(row))
            tabs.append(Edit(source.starts[row], source.starts[row] + depth, "\t" * (depth // width) + " " * (depth % width)))
        if tabs:
            yield tuple(tabs)


def lost_pass(source: Source, _rng: Random) -> Iterator[Damage]:
    """The `pass` that was all of a block is lost."""
    for _owner, body in source.blocks:
        if len(body) == 1 and isinstance(body[0], ast.Pass):
            yield (Edit(*source.cut(source.rows(body[0]))),)


def lost_try(source: Source, _rng: Random) -> Iterator[Damage]:
    """The line `try:` is lost."""
    for node in source.nodes:
        if isinstance(node, ast.Try) and source.lines[node.lineno - 1].strip() == "try:":
            yield (Edit(*source.cut(range(node.lineno - 1, node.lineno))),)


def _headers(source: Source) -> Iterator[tuple[ast.stmt, int]]:
    for owner, body in source.blocks:
        named = isinstance(owner, ast.stmt) and body is getattr(owner, "body", None)
        if named and source.lines[owner.lineno - 1].rstrip().endswith(":") and body[0].lineno > owner.lineno:
            yield owner, owner.lineno - 1


def doubled_header(source: Source, _rng: Random) -> Iterator[Damage]:
    """A merge left the header of a block twice."""
    for _owner, row in _headers(source):
        start, end = source.cut(range(row, row + 1))
        yield (Edit(start, start, source.text[start:end]),)


def lost_header(source: Source, _rng: Random) -> Iterator[Damage]:
    """The header of a block is lost, and with it what it said."""
    for owner, row in _headers(source):
        if not isinstance(owner, ast.Try):
            yield (Edit(*source.cut(range(row, row + 1))),)


def blank_after_backslash(source: Source, rng: Random) -> Iterator[Damage]:
    """A blank follows the backslash that continues a line."""
    inside = [(source.at(token.start), source.at(token.end)) for token in source.tokens if token.type in _TEXTS]
    for match in re.finditer(r"\\\n", source.text):
        if not any(start <= match.start() < end for start, end in inside):
            yield (Edit(match.start() + 1, match.start() + 1, rng.choice((" ", "  ", "\t"))),)


_TEXTS = (tokenize.STRING, tokenize.COMMENT)


def wrapped_comment(source: Source, _rng: Random) -> Iterator[Damage]:
    """A long comment was wrapped, and its second half is now code."""
    for token in source.tokens:
        if token.type == tokenize.COMMENT and token.string.count(" ") >= 5:
            middle = token.string.find(" ", len(token.string) // 2)
            if middle > 0:
                start = source.at(token.start) + middle
                yield (Edit(start, start + 1, "\n"),)


def wrapped_string(source: Source, _rng: Random) -> Iterator[Damage]:
    """A string was wrapped at a blank."""
    for token in source.tokens:
        short = token.start[0] == token.end[0] and not re.match(r"\w*(\"\"\"|''')", token.string)
        if token.type == tokenize.STRING and short and token.string.count(" ") >= 3:
            middle = token.string.find(" ", len(token.string) // 2)
            if 0 < middle < len(token.string) - 2:
                start = source.at(token.start) + middle
                yield (Edit(start, start + 1, "\n"),)


def wrapped_code(source: Source, rng: Random) -> Iterator[Damage]:
    """A line of code was wrapped at a blank outside of brackets."""
    for token, after in zip(source.tokens, source.tokens[1:], strict=False):
        start, end = source.at(token.end), source.at(after.start)
        if token.end[0] == after.start[0] and token.end[1] >= 30 and source.text[start:end] == " ":
            indent = source.indent(token.start[0] - 1)
            yield (Edit(start, end, "\n" + rng.choice(("", indent, indent + " " * STEP))),)


def glued_lines(source: Source, rng: Random) -> Iterator[Damage]:
    """The line end between two statements is lost."""
    for body, number in source.simple:
        if number and body[number - 1].end_lineno == body[number].lineno - 1:
            start, end = source.span(body[number - 1])[1], source.span(body[number])[0]
            if not source.text[start:end].strip():
                yield (Edit(start, end, rng.choice(("", " ", source.text[start:end].replace("\n", "")))),)
