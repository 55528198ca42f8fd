"""Wrapping: what stands around code or between two versions of it: fences, talk, conflict markers."""

from __future__ import annotations

import ast
import itertools
import keyword
import re
from collections.abc import Iterator

from bmad_provisioner.kinds.code.repair.lexing import Source, Token, width
from bmad_provisioner.kinds.code.repair.model import SYNTAX, Edit
from bmad_provisioner.kinds.code.repair.oracle import Trouble, tree, trouble
from bmad_provisioner.kinds.code.repair.pasted import is_text
from bmad_provisioner.kinds.code.repair.scopes import names

_FENCE = re.compile(r"^[ \t]*(```+|~~~+)[ \t]*([\w+-]*)[ \t]*\r?$\n?", re.MULTILINE)
_TAG = re.compile(r"</?([A-Za-z][\w.-]*)(?:[ \t]+[\w:.-]+=(?:\"[^\"\n]*\"|'[^'\n]*'))*[ \t]*>\Z")
_STRONG = re.compile(r"\*\*(.+?)\*\*")
_CONFLICT = re.compile(
    r"""^<{7}(?:[ ][^\n]*)?\n
        (?P<ours>(?:(?!={7}\s|\|{7})[^\n]*\n)*?)
        (?:\|{7}[^\n]*\n(?:(?!={7}\s)[^\n]*\n)*?)?
        ={7}\r?\n
        (?P<theirs>(?:[^\n]*\n)*?)
        >{7}(?:[ ][^\n]*)?(?:\n|\Z)""",
    re.MULTILINE | re.VERBOSE,
)
_BULLET = re.compile(r"^\s*(?:[-*>#\u2022]+|\d+[.)])\s+")
_SIGNS = re.compile(r"[=\[\]{}\\@]|\w\(|^\s*[)\]}]")
_WORD = re.compile(r"[\"'(*_]*[A-Za-z][\w'\u2019-]*[\"')*_]*[,.;:!?]*$")
_CODE = re.compile(
    r"\s*(?:(?:async )?def \w+\(|class \w+[(:]|(?:import|from|return|raise|assert|del|global|pass|yield)\b|@\w|[\w.]+ = )"
    r"|\s*(?:\"\"\"|''')"
)
_LONGEST_TALK = 12
Choice = tuple[Edit, float]


def fences(text: str) -> Iterator[Choice]:
    """Yield the one block of code that a text with fences holds; its fences and all talk around go."""
    for sign in ("`", "~"):
        yield from _fenced(text, [mark for mark in _FENCE.finditer(text) if mark[1][0] == sign])


def _fenced(text: str, marks: list[re.Match[str]]) -> Iterator[Choice]:
    if not marks:
        return
    pairs: list[tuple[re.Match[str] | None, re.Match[str] | None]] = (
        [(marks[0], marks[-1]), (marks[0], marks[1])] if marks[1:] else []
    )
    pairs += [(marks[0], None), (None, marks[-1])] if len(marks) % 2 else []
    spoken = [
        pair for mark, pair in zip(marks[::2], zip(marks[::2], marks[1::2], strict=False), strict=False) if mark[2][:2] == "py"
    ]
    for first, last in [*pairs, *(spoken if len(spoken) == 1 else [])]:
        before, start = (text[: first.start()], first.end()) if first else ("", 0)
        end, after = (last.start(), text[last.end() :]) if last else (len(text), "")
        code = text[start:end]
        if code.strip() and _is_talk(before) and _is_talk(after) and (len(marks) < 3 or trouble(code) is None):
            yield Edit(0, len(text), code, SYNTAX, 0.0, "a fence and talk stand around the code"), 0.95
            return


def stray_fences(source: Source, found: Trouble) -> Iterator[Choice]:
    """Yield a text without the fences around a part of it: outside of a string they are nothing that Python knows."""
    marks = [mark for mark in _FENCE.finditer(source.text) if not is_text(source, source.row(mark.start()))]
    if not marks or len(marks) % 2 or any(mark[2] for mark in marks[1::2]):
        return
    new = source.text
    for mark in reversed(marks):
        new = new[: mark.start()] + new[mark.end() :]
    after = trouble(new)
    if after is None or after.line > found.line:
        yield Edit(0, len(source.text), new, SYNTAX, 0.0, "fences stand around a part of the code"), 0.93


def tags(text: str, found: Trouble) -> Iterator[Choice]:
    """Yield a text without the tag before and behind it that a page or a chat puts around files."""
    lines = text.splitlines(keepends=True)
    full = [row for row, line in enumerate(lines) if line.strip()]
    first, last = (_TAG.match(lines[row].strip()) for row in (full[0], full[-1])) if full else (None, None)
    opens = first is not None and not first[0].startswith("</")
    shuts = last is not None and last[0].startswith("</")
    rest = lines[full[0] + 1 if opens else 0 : full[-1] if shuts else len(lines)]
    after = trouble("".join(rest)) if opens or shuts else found
    pair = first is not None and last is not None and opens and shuts and first[1] == last[1]
    if after is None or (pair and len(rest) > 1):
        yield Edit(0, len(text), "".join(rest), SYNTAX, 0.0, "a tag stands around the code"), 0.95


def _is_talk(text: str) -> bool:
    rows = [row for row in text.split("\n") if row.strip() and not row.lstrip().startswith("#")]
    said = sum(is_prose(row) or _is_said(row) for row in rows)
    return not any(map(_CODE.match, rows)) and said * 2 >= len(rows)


def talk(text: str) -> Iterator[Choice]:
    """Yield the text without the lines of prose before or after it, if what stays compiles."""
    lines = text.splitlines(keepends=True)
    for count in range(1, min(_LONGEST_TALK, len(lines))):
        for first, last in ((count, len(lines)), (0, len(lines) - count)):
            gone = lines[:first] + lines[last:]
            rest = "".join(lines[first:last])
            if is_speech("".join(gone)) and rest.strip() and trouble(rest) is None:
                start = sum(map(len, lines[:first]))
                edit = Edit(0, start, "", SYNTAX, 0.0, "prose stands before the code")
                if last < len(lines):
                    edit = Edit(len(rest), len(text), "", SYNTAX, 0.0, "prose stands behind the code")
                yield edit, 0.9
                return


def greeting(text: str) -> Iterator[Choice]:
    """Yield a text without the sentences that greet the reader, though the code behind them is not whole either."""
    gap = re.search(r"\n[ \t]*\r?\n", text)
    said, rest = (text[: gap.start()], text[gap.end() :]) if gap else ("", text)
    whole = all(rest.count(quote) % 2 == 0 for quote in ('"""', "'''"))
    if gap and whole and is_speech(said) and not is_prose(rest.lstrip("\n").partition("\n")[0]):
        yield Edit(0, gap.end(), "", SYNTAX, 0.0, "prose stands before the code"), 0.9


def is_speech(text: str) -> bool:
    """Whether some lines are sentences that begin at the margin as sentences do, so that no broken statement is taken for them."""
    return bool(re.match(r"[A-Z*#>\u2022-]", text.lstrip("\r\n"))) and is_prose(text)


def is_prose(text: str) -> bool:
    """Whether some lines are sentences: none has a sign of code, and words stand side by side as no code has them."""
    rows = [_STRONG.sub(r"\1", re.sub(r"`[^`]*`", "word", _BULLET.sub("", row))) for row in text.split("\n")]
    rows = [row for row in rows if row.strip()]
    return (
        not any(_SIGNS.search(row) or _CODE.match(row) for row in rows)
        and any(map(_side_by_side, rows))
        and all(map(_is_said, rows))
    )


def _is_said(row: str) -> bool:
    ends = row.rstrip().endswith((".", "!", "?", ":"))
    words = row.split(maxsplit=1)
    return bool(words) and (_side_by_side(row) or (ends and words[0].rstrip(":") not in keyword.kwlist))


def _side_by_side(row: str) -> bool:
    pairs = itertools.pairwise(row.split())
    return any(a[-1] not in ",;:" and all(_WORD.match(word) and word not in keyword.kwlist for word in (a, b)) for a, b in pairs)


def has_conflict(text: str) -> bool:
    """Whether a merge left its markers."""
    return bool(_CONFLICT.search(text))


def conflicts(text: str) -> list[Choice]:
    """Return both sides of the conflicts: one is sure only if the other cannot be meant, or means the same."""
    sides = {side: _CONFLICT.sub(lambda match, side=side: match[side], text) for side in ("ours", "theirs")}  # type: ignore[misc]
    trees = {side: tree(whole) for side, whole in sides.items()}
    fits = [side for side in sides if trouble(sides[side]) is None]
    same = all(_alike(match["ours"], match["theirs"]) for match in _CONFLICT.finditer(text)) or (
        len(fits) == 2 and _equal(sides["ours"], sides["theirs"])
    )
    loose = {side: len(found.loose) for side in fits if (found := names(sides[side]))}
    best = [side for side in fits if loose.get(side, 0) == min(loose.values(), default=0)]
    choices = []
    for side in trees if not same else ("ours",):
        sure = 0.95 if same else 0.85 if best == [side] else 0.45 if side in fits else 0.1
        choices.append((Edit(0, len(text), sides[side], SYNTAX, 0.0, f"conflict markers of a merge: take {side}"), sure))
    return sorted(choices, key=lambda choice: -choice[1])


def _alike(one: str, other: str) -> bool:
    """Whether two pieces of code, which need not be whole, differ in comments, blanks and quotes only."""
    return _tokens(one) == _tokens(other)


def _tokens(text: str) -> tuple[list[str], list[int]]:
    source = Source(text)
    rows = [width(source.lines[first]) for first, _ in source.statements]
    return [_value(token) if token.kind == "string" else token.text for token in source.code], rows


def _value(token: Token) -> str:
    try:
        return repr(ast.literal_eval(token.text))
    except (SyntaxError, ValueError):
        return token.text


def _equal(one: str, other: str) -> bool:
    first, second = tree(one), tree(other)
    return isinstance(first, ast.Module) and isinstance(second, ast.Module) and ast.dump(first) == ast.dump(second)
