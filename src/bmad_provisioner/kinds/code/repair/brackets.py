"""Brackets: those lost, those too many, those of the wrong kind."""

from __future__ import annotations

import builtins
import itertools
import keyword
from collections import Counter
from collections.abc import Iterator

from bmad_provisioner.kinds.code.repair.lexing import CLOSER, OPENER, Source, Token, width
from bmad_provisioner.kinds.code.repair.likely import called_names
from bmad_provisioner.kinds.code.repair.model import SYNTAX, Edit
from bmad_provisioner.kinds.code.repair.oracle import Trouble

_REACH = 90
"""Tokens after an open bracket among which its end is sought."""
_BUILTIN = frozenset(dir(builtins)) | set(keyword.kwlist)
_PREFIXES = frozenset({"f", "r", "b", "u", "rb", "br", "fr", "rf"})
_BEHIND = ("->", ":", ".")
"""What may begin a line only behind a bracket that closes there."""


def unbalanced(source: Source) -> tuple[list[int], list[int]]:
    """Return the places (in `code`) of openers never closed and of closers that close nothing."""
    opened: list[int] = []
    lost: list[int] = []
    stray: list[int] = []
    for place, token in enumerate(source.code):
        if source.fresh(place):
            lost += opened
            opened = []
        if token.text in CLOSER:
            opened.append(place)
        elif token.text in OPENER:
            if opened and source.code[opened[-1]].text == OPENER[token.text]:
                opened.pop()
            elif len(opened) > 1 and source.code[opened[-2]].text == OPENER[token.text]:
                lost.append(opened.pop())
                opened.pop()
            else:
                stray.append(place)
    return lost + opened, stray


def _misfits(source: Source) -> list[int]:
    """Return the closers (in `code`) that stand where one of another kind is due."""
    opened: list[str] = []
    found = []
    for place, token in enumerate(source.code):
        if source.fresh(place):
            opened = []
        if token.text in CLOSER:
            opened.append(CLOSER[token.text])
        elif token.text in OPENER and opened and opened.pop() != token.text:
            found.append(place)
    return found


def guesses(source: Source, found: Trouble, words: Counter[str]) -> Iterator[Edit]:
    """Yield the edits that may put the brackets near a fault right."""
    lost, stray = unbalanced(source)
    for place in lost[:4]:
        yield from _closers(source, place)
        yield from _without(source, place, 7.0, 5.0)
    for place in _misfits(source)[:3]:
        yield from _other_kind(source, place)
    for place in stray[:3]:
        yield from _surplus(source, place)
        yield from _openers(source, place, words)
        yield from _line_end(source, place, found)
        yield from _other_kind(source, place)
        yield from _twin(source, place)
        yield from _swapped(source, place)


def _closers(source: Source, place: int) -> Iterator[Edit]:
    base = _outermost(source, place)
    stack: list[str] = []
    code = source.code
    for at in range(base, min(base + _REACH, len(code))):
        token = code[at]
        if at > place and source.fresh(at):
            return
        if token.text in CLOSER:
            stack.append(CLOSER[token.text])
        elif token.text in OPENER and stack:
            stack.pop()
        if not stack:
            if at >= place:
                return
            continue
        if at >= place and token.kind != "openstring" and (token.ends_atom or token.text in CLOSER or token.text == ","):
            yield _closer(source, at, stack[-1], token)
        if at > place and token.text in _BEHIND and source.row(code[at - 1].start) != source.row(token.start):
            reason = f"a bracket was opened and never closed; `{stack[-1]}` belongs here"
            yield Edit(token.start, token.start, stack[-1], SYNTAX, 0.8, reason)


def _outermost(source: Source, place: int) -> int:
    """Return the first bracket that is open around a place: any bracket within it may be the one that lost its end."""
    depth, outer = 0, place
    for at in range(place - 1, max(-1, place - _REACH), -1):
        token = source.code[at]
        if source.fresh(at + 1):
            break
        depth += (token.text in OPENER) - (token.text in CLOSER)
        if depth < 0:
            outer, depth = at, 0
    return outer


def _swapped(source: Source, place: int) -> Iterator[Edit]:
    """Let two closers side by side change places."""
    for one, other in itertools.pairwise(source.code[max(place - 1, 0) : place + 2]):
        if {one.text, other.text} <= OPENER.keys() and one.text != other.text and other.start == one.end:
            reason = f"`{one.text}{other.text}` closes two brackets in the wrong order"
            yield Edit(one.start, other.end, other.text + one.text, SYNTAX, 1.0, reason)


def _twin(source: Source, place: int) -> Iterator[Edit]:
    """Put another opener in the place of the one that a bracket of another kind closes."""
    depth, shut = 0, source.code[place]
    for token in reversed(source.code[max(place - _REACH, 0) : place]):
        depth += (token.text in OPENER) - (token.text in CLOSER)
        if depth < 0:
            reason = f"`{token.text}` does not fit the bracket that closes it"
            yield Edit(token.start, token.end, OPENER[shut.text], SYNTAX, 2.8, reason)
            return


def _closer(source: Source, at: int, mark: str, token: Token) -> Edit:
    after = source.code[at + 1] if at + 1 < len(source.code) else None
    breaks = after is None or source.row(after.start) != source.row(token.end)
    usual = breaks or after is None or after.text in (",", ":", ")", "]", "}")
    cost = 1.0 + 0.7 * (not usual) + 1.0 * (token.text in CLOSER) + 1.0 * (token.text == ",")
    return Edit(token.end, token.end, mark, SYNTAX, cost, f"a bracket was opened and never closed; `{mark}` belongs here")


def _without(source: Source, place: int, cost: float, saved: float = 3.8) -> Iterator[Edit]:
    token = source.code[place]
    neighbours = source.code[max(place - 1, 0) : place] + source.code[place + 1 : place + 2]
    beside = any(other.text == token.text and (other.end == token.start or other.start == token.end) for other in neighbours)
    glues = source.text[token.start - 1 : token.start].isalnum() and source.text[token.end : token.end + 1].isalnum()
    if not glues:
        yield Edit(token.start, token.end, "", SYNTAX, cost - saved * beside, f"`{token.text}` is one bracket too many")


def _start(source: Source, place: int) -> int:
    """Return the place of the first token of the statement that a token stands in, as far as brackets and line starts tell."""
    row = source.row(source.code[place].start)
    first = max((a for a, _ in source.statements if a <= row), default=0)
    return next(at for at, token in enumerate(source.code) if token.start >= source.starts[first])


def _surplus(source: Source, place: int) -> Iterator[Edit]:
    mark = source.code[place].text
    for at in range(_start(source, place), place + 1):
        if source.code[at].text == mark:
            yield from _without(source, at, 5.0)


def _openers(source: Source, place: int, words: Counter[str]) -> Iterator[Edit]:
    shut = source.code[place].text
    mark = OPENER[shut]
    known = words.keys() | _BUILTIN | called_names()
    reason = f"`{shut}` closes nothing; `{mark}` belongs here"
    first = _start(source, place)
    row = source.row(source.code[first].start)
    previous = next((a for a, b in source.statements if b == row), row)
    first = next(at for at, token in enumerate(source.code) if token.start >= source.starts[previous])
    for at in range(max(first, place - _REACH), place + 1):
        token = source.code[at]
        before = source.code[at - 1] if at else None
        if at > first and before and (before.kind == "name" or before.ends_atom) and before.end == token.start:
            yield Edit(token.start, token.start, mark, SYNTAX, 1.4, reason)
        elif token.begins_atom or token.text in ("-", "*", "**", "~", "lambda", "for", ")", "]", "}"):
            yield Edit(token.start, token.start, mark, SYNTAX, 1.8, reason)
        if before and before.end != token.start and source.row(before.start) != source.row(token.start):
            yield Edit(before.end, before.end, mark, SYNTAX, 1.4, reason)
        if token.kind in ("name", "number", "keyword", "string"):
            defines = before is not None and before.text in ("def", "class")
            if words[token.text] < 2:
                yield from _split(source, token, mark, known, defines)


def _line_end(source: Source, place: int, found: Trouble) -> Iterator[Edit]:
    """Open a bracket at the end of the line of the fault, of one before, or of that above which stands as deep as its end."""
    shut = source.code[place]
    mark = OPENER[shut.text]
    reason = f"`{shut.text}` closes nothing; `{mark}` belongs here"
    ends = {source.row(token.end): token for token in source.code[:place]}
    near = range(max(0, found.line - 3), found.line)
    above = _above(source, source.row(shut.start))
    for row in {*near, *([above] if above >= 0 else [])}:
        token = ends.get(row)
        if token and (token.text in ("=", ":", ",", "return", "in", "import", "(", "[", "{") or token.ends_atom):
            gap = " " * (token.text in ("=", ":", ",") and source.text[token.end : token.end + 1] not in (" ", "\t"))
            yield Edit(token.end, token.end, gap + mark, SYNTAX, 0.8 if row == above and token.text not in CLOSER else 1.6, reason)


def _above(source: Source, row: int) -> int:
    """Return the line that a bracket at the start of a line closes what was opened at: the next one above as deep; -1: none."""
    deep = width(source.lines[row])
    if source.lines[row].lstrip()[:1] not in OPENER:
        return -1
    for above in range(row - 1, -1, -1):
        line = source.lines[above]
        if line.strip() and not line.lstrip().startswith("#") and width(line) <= deep:
            return above if width(line) == deep and above < row - 1 else -1
    return -1


def _split(source: Source, token: Token, mark: str, known: set[str], defines: bool) -> Iterator[Edit]:
    """Part a word that two words became when the bracket between them went."""
    word = token.text
    quoted = source.text[token.end : token.end + 1] in ("'", '"')
    if token.kind == "string":
        bare = word.lstrip("rRbBuUfF")
        word = word[: len(word) - len(bare)]
    whole = 0.0
    for cut in range(1, len(word)):
        left, right = word[:cut], word[cut:]
        prefix = quoted and right.lower() in _PREFIXES
        fits = right in known or right.isdigit() or prefix or token.kind == "string"
        if fits and left in known:
            cost = 0.7
        elif right.isdigit() and left.isidentifier() and not left[-1].isdigit():
            cost = 1.2
        elif fits and left.isidentifier() and (defines or (cut > 1 and len(right) > 1)):
            cost = 0.7 if defines and len(right) > 2 else 2.4
        elif left in known and right.isidentifier() and cut > 1:
            cost = 2.4
        else:
            continue
        reason = f"`{CLOSER[mark]}` closes nothing; `{mark}` belongs here"
        yield Edit(token.start + cut, token.start + cut, mark, SYNTAX, cost + whole, reason)
        whole = 1.5 if right in known and len(right) > 2 else whole  # the longest of the words that fit is likeliest


def _other_kind(source: Source, place: int) -> Iterator[Edit]:
    """Put another closer in the place of one that does not fit."""
    token = source.code[place]
    for mark in OPENER:
        if mark != token.text:
            yield Edit(token.start, token.end, mark, SYNTAX, 1.8, f"`{token.text}` does not fit the bracket that is open")
