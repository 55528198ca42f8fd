"""Wrapping: what stands around code or between two versions of it: fences, talk, conflict markers."""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Iterator

from bmad_provisioner.kinds.code.repair.model import SYNTAX, Edit
from bmad_provisioner.kinds.code.repair.oracle import Trouble, tree, trouble
from bmad_provisioner.kinds.code.repair.scopes import names

_FENCE = re.compile(r"^[ \t]*(```+|~~~+)[ \t]*([\w+-]*)[ \t]*\r?$\n?", re.MULTILINE)
_CONFLICT = re.compile(
    r"""^<{7}(?:[ ][^\n]*)?\n
        (?P<ours>(?:(?!={7}\s|\|{7})[^\n]*\n)*?)
        (?:\|{7}[^\n]*\n(?:(?!={7}\s)[^\n]*\n)*?)?
        ={7}\r?\n
        (?P<theirs>(?:[^\n]*\n)*?)
        >{7}(?:[ ][^\n]*)?(?:\n|\Z)""",
    re.MULTILINE | re.VERBOSE,
)
_TALK = re.compile(r"^[ \t]*(?:[A-Z#*>\-][^\n=()]*|[^\n]*[.!?:])\s*$")
_CODE = re.compile(r"\s*(?:(?:" + "|".join(keyword.kwlist) + r")\b|[@)\]}]|.*\w\()")
_LONGEST_TALK = 12
Choice = tuple[Edit, float]


def fences(text: str) -> Iterator[Choice]:
    """Yield the one block of code that a text with fences holds; its fences and all talk around go."""
    marks = list(_FENCE.finditer(text))
    if not marks or len(marks) > 2:
        return
    start = marks[0].end()
    end = marks[1].start() if len(marks) == 2 else len(text)
    if len(marks) == 1 and not marks[0][2]:
        start, end = (0, marks[0].start()) if text[: marks[0].start()].strip() else (start, end)
    around = (
        [text[:start][: marks[0].start()], text[end:].partition("\n")[2]]
        if len(marks) == 2
        else [text[: marks[0].start()] if start else ""]
    )
    code = text[start:end]
    if code.strip() and all(_is_talk(part) for part in around):
        yield Edit(0, len(text), code, SYNTAX, 0.0, "a fence and talk stand around the code"), 0.95


def _is_talk(text: str) -> bool:
    return (
        not text.strip()
        or isinstance(tree(text), Trouble)
        or all(line.lstrip().startswith("#") or not line.strip() for line in text.split("\n"))
    )


def talk(text: str) -> Iterator[Choice]:
    """Yield the text without the lines of prose before or after it, if what stays compiles."""
    lines = text.splitlines(keepends=True)
    for count in range(1, min(_LONGEST_TALK, len(lines))):
        for first, last in ((count, len(lines)), (0, len(lines) - count)):
            gone = lines[:first] + lines[last:]
            rest = "".join(lines[first:last])
            prose = [line for line in gone if line.strip()]
            is_prose = prose and all(_TALK.match(line) and len(line.split()) > 2 and not _CODE.match(line) for line in prose)
            if is_prose and rest.strip() and trouble(rest) is None:
                start = sum(map(len, lines[:first]))
                edit = Edit(0, start, "", SYNTAX, 0.0, "prose stands before the code")
                if last < len(lines):
                    edit = Edit(len(rest), len(text), "", SYNTAX, 0.0, "prose stands behind the code")
                yield edit, 0.9
                return


def has_conflict(text: str) -> bool:
    """Whether a merge left its markers."""
    return bool(_CONFLICT.search(text))


def conflicts(text: str) -> list[Choice]:
    """Return both sides of the conflicts: one is sure only if the other cannot be meant, or means the same."""
    sides = {side: _CONFLICT.sub(lambda match, side=side: match[side], text) for side in ("ours", "theirs")}  # type: ignore[misc]
    trees = {side: tree(whole) for side, whole in sides.items()}
    fits = [side for side in sides if trouble(sides[side]) is None]
    same = len(fits) == 2 and _equal(sides["ours"], sides["theirs"])
    loose = {side: len(found.loose) for side in fits if (found := names(sides[side]))}
    best = [side for side in fits if loose.get(side, 0) == min(loose.values(), default=0)]
    choices = []
    for side in trees if not same else ("ours",):
        sure = 0.95 if same else 0.85 if best == [side] else 0.45 if side in fits else 0.1
        choices.append((Edit(0, len(text), sides[side], SYNTAX, 0.0, f"conflict markers of a merge: take {side}"), sure))
    return sorted(choices, key=lambda choice: -choice[1])


def _equal(one: str, other: str) -> bool:
    first, second = tree(one), tree(other)
    return isinstance(first, ast.Module) and isinstance(second, ast.Module) and ast.dump(first) == ast.dump(second)
