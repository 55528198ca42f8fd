"""Damage of merges, chats and the clipboard: markers, fences, prose, prefixes of every line, escapes."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from random import Random

from source import Damage, Edit, Source, apply, tree

_BRANCHES = ("feature/retry", "origin/main", "3f9c2ab (Handle empty input)", "theirs")


def _conflict(source: Source, run: list[ast.stmt], theirs: Callable[[str], str], rng: Random) -> Damage:
    start, end = source.cut(source.rows(run[0], run[-1]))
    other = f"=======\n{theirs(source.text[start:end])}>>>>>>> {rng.choice(_BRANCHES)}\n"
    return Edit(start, start, "<<<<<<< HEAD\n"), Edit(end, end, other)


_HARMLESS: tuple[Callable[[str], str], ...] = (
    lambda text: text.replace("\n", "  # noqa\n", 1),
    lambda text: "\n" + text,
    lambda text: text.replace('"', "'"),
    lambda text: text.replace("\n", "   \n", 1),
    lambda text: text.replace(", ", ","),
)


def same_conflict(source: Source, rng: Random) -> Iterator[Damage]:
    """A merge conflict was left in, whose sides differ in form only."""
    runs = [run for _owner, run in source.runs(1, 3)]
    for run in rng.sample(runs, min(20, len(runs))):
        theirs = rng.choice(_HARMLESS)
        start, end = source.cut(source.rows(run[0], run[-1]))
        other = theirs(source.text[start:end])
        whole = tree(apply(source.text, [Edit(start, end, other)]).encode()) if other != source.text[start:end] else None
        if whole is not None and ast.dump(whole) == ast.dump(source.tree):
            yield _conflict(source, run, theirs, rng)


_MEANINGS: tuple[tuple[str, str], ...] = (
    (r"\bTrue\b", "False"),
    (r"\bFalse\b", "True"),
    (r"==", "!="),
    (r"\band\b", "or"),
    (r"\bis not\b", "is"),
    (r"(?<![\w.])[1-9]\d*(?![\w.])", "64"),
    (r" < ", " <= "),
    (r" \+ ", " - "),
)


def true_conflict(source: Source, rng: Random) -> Iterator[Damage]:
    """A merge conflict was left in, whose sides mean different things, either as likely."""
    runs = [run for _owner, run in source.runs(1, 3)]
    for run in rng.sample(runs, min(60, len(runs))):
        start, end = source.cut(source.rows(run[0], run[-1]))
        here = source.text[start:end]
        others = {re.sub(pattern, new, here, count=1) for pattern, new in _MEANINGS} - {here}
        if others:
            other = rng.choice(sorted(others))
            whole = tree(apply(source.text, [Edit(start, end, other)]).encode())
            if whole is not None and ast.dump(whole) != ast.dump(source.tree):
                yield _conflict(source, run, lambda _text, other=other: other, rng)


def conflict_marker(source: Source, rng: Random) -> Iterator[Damage]:
    """One marker of a conflict was forgotten."""
    for _owner, body in source.blocks:
        for one in body:
            start = source.starts[source.rows(one).start]
            marker = rng.choice(("<<<<<<< HEAD", "=======", f">>>>>>> {rng.choice(_BRANCHES)}", "||||||| merged common ancestors"))
            yield (Edit(start, start, f"{marker}\n"),)


def _prefixed(source: Source, rows: range, prefix: Callable[[int, str], str]) -> Damage:
    return tuple(Edit(source.starts[row], source.starts[row], prefix(row, source.lines[row])) for row in rows)


_NUMBERS: tuple[Callable[[int, str], str], ...] = (
    lambda row, _line: f"{row + 1:4d}  ",
    lambda row, _line: f"{row + 1}: ",
    lambda row, _line: f"{row + 1}\t",
    lambda row, _line: f"{row + 1:4d} | ",
    lambda row, _line: f"{row + 1:>6}\t",
)


def line_numbers(source: Source, rng: Random) -> Iterator[Damage]:
    """The file was copied with the numbers of its lines."""
    yield _prefixed(source, range(len(source.lines)), rng.choice(_NUMBERS))


def _definitions(source: Source) -> Iterator[range]:
    for one in source.tree.body:
        rows = source.rows(one)
        if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and len(rows) > 3:
            yield rows


def diff_pasted(source: Source, _rng: Random) -> Iterator[Damage]:
    """A definition was pasted from a diff, with its `+`."""
    return (_prefixed(source, rows, lambda _row, _line: "+") for rows in _definitions(source))


def prompts(source: Source, rng: Random) -> Iterator[Damage]:
    """A definition was pasted from a session, with the prompts."""
    after = rng.choice(("... ", ">>> "))
    for rows in _definitions(source):
        first = rows.start
        yield _prefixed(source, rows, lambda row, _line, first=first: ">>> " if row == first else after)


def mail_quoted(source: Source, _rng: Random) -> Iterator[Damage]:
    """The file came by mail, and every line is quoted."""
    yield _prefixed(source, range(len(source.lines)), lambda _row, line: "> " if line.strip() else ">")


_BEFORE = (
    "Here is the corrected file:\n\n",
    "Sure! I've updated the module so that it handles the edge case.\n\n",
    "Certainly, here's the code you asked for:\n\n",
)
_AFTER = (
    "\n\nLet me know if you'd like me to add tests!\n",
    "\n\nThis version:\n- keeps the public names\n- handles empty input\n",
    "\n\n**Note:** I haven't changed the other functions.\n",
)


def fenced(source: Source, rng: Random) -> Iterator[Damage]:
    """The file stands in a fence of Markdown; of some the end is lost."""
    end = len(source.text)
    opening = rng.choice(("```python\n", "```py\n", "```\n", "~~~python\n"))
    closing = rng.choice((opening[:3] + "\n", opening[:3], ""))
    yield (Edit(0, 0, opening), Edit(end, end, closing))


def fenced_in_prose(source: Source, rng: Random) -> Iterator[Damage]:
    """The file stands in a fence in an answer from a chat."""
    end = len(source.text)
    yield (Edit(0, 0, rng.choice(_BEFORE) + "```python\n"), Edit(end, end, "```" + rng.choice(_AFTER)))


def prose(source: Source, rng: Random) -> Iterator[Damage]:
    """A sentence from a chat stands before the file, or after it."""
    end = len(source.text)
    yield (Edit(0, 0, rng.choice(_BEFORE)),) if rng.random() < 0.6 else (Edit(end, end, rng.choice(_AFTER)),)


def _everywhere(source: Source, spelt: dict[str, str]) -> Iterator[Damage]:
    """Spell signs otherwise in the whole text, if that way back is plain: none is spelt so already."""
    if any(new in source.text for new in spelt.values()):
        return
    pattern = "|".join(map(re.escape, spelt))
    yield tuple(Edit(match.start(), match.end(), spelt[match[0]]) for match in re.finditer(pattern, source.text))


def markdown_escapes(source: Source, _rng: Random) -> Iterator[Damage]:
    """Markdown escaped every underscore and star."""
    return _everywhere(source, {"_": r"\_", "*": r"\*"})


def markdown_bold(source: Source, _rng: Random) -> Iterator[Damage]:
    """Markdown took the underscores of `__name__` for bold: `**name**`."""
    if "**" not in source.text:
        yield tuple(Edit(*match.span(), f"**{match[1]}**") for match in re.finditer(r"\b__([a-z]+)__\b", source.text))


def html_entities(source: Source, rng: Random) -> Iterator[Damage]:
    """The file was copied from the source of a web page."""
    signs = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
    return _everywhere(source, signs | rng.choice(({}, {'"': "&quot;", "'": "&#x27;"}, {'"': "&quot;", "'": "&#39;"})))
