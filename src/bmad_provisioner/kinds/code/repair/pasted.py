"""Pasted: what the clipboard brought along: marks before every line of a run, and signs that a page spells otherwise."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile

from bmad_provisioner.kinds.code.repair.lexing import Source, indent
from bmad_provisioner.kinds.code.repair.model import SYNTAX, Edit
from bmad_provisioner.kinds.code.repair.oracle import Trouble, trouble

Choice = tuple[Edit, float]
_NUMBER = re.compile(r"([ \t]*)L?(\d+)(.*)", re.DOTALL)
_BEHIND_NUMBER = re.compile(r"[ \t]*[:|.)\]\u2502\u2192]?[ \t]*")
_PROMPT = re.compile(r"([ \t]*)(?:>>>|\.\.\.|In \[\d*\]:|\.{3,}:)(?:[ \t]|(?=[\r\n]|\Z))")
_HUNK = re.compile(r"(?:@@ .* @@|diff --git |index [0-9a-f]+\.\.|--- |\+\+\+ |\\ No newline)")
_NEW_FILE = re.compile(r"^@@ -0,0 \+1", re.MULTILINE)
_MARKER = re.compile(r"(?:<{7}|>{7}|\|{7}|={7})(?: [^\n]*)?\r?\n?")
_ENTITIES = {"&lt;": "<", "&gt;": ">", "&quot;": '"', "&#34;": '"', "&#39;": "'", "&#x27;": "'", "&apos;": "'", "&amp;": "&"}
_ESCAPES = {"\\" + mark: mark for mark in "_*[]#<>~`"}
_BOLD = re.compile(r"(?<![\w*)\]])\*\*([a-z][a-z0-9_]*?)\*\*(?![\w*])")
_SPECIAL = {name.strip("_") for kind in (type, int, dict, object, list, BaseException) for name in dir(kind) if name[:2] == "__"}
_SPECIAL |= {
    "name",
    "main",
    "file",
    "all",
    "version",
    "author",
    "license",
    "copyright",
    "email",
    "status",
    "date",
    "future",
    "path",
}
_SPECIAL |= {"package", "spec", "loader", "builtins", "annotations", "slots", "enter", "exit", "aenter", "aexit", "aiter", "anext"}
_SPECIAL |= {"await", "call", "del", "get", "set", "missing", "module", "qualname", "docformat"}
_FEWEST = 3
"""Numbers in a row that are those of lines, and no accident."""


@dataclass(frozen=True, slots=True)
class _Run:
    """Some lines (the last one out) and what they are without what stands before them; an empty text drops a line.

    `certain` ones need not bring the compiler further.
    """

    first: int
    last: int
    lines: tuple[str, ...]
    reason: str
    sure: float
    certain: bool = False


def pasted(source: Source, found: Trouble) -> Iterator[Choice]:
    """Yield what takes the marks of a page, a mail, a session or a merge away, if the compiler then comes further."""
    for run in _all_runs(source, found.line - 1):
        start, end = source.starts[run.first], source.starts[run.last]
        edit = Edit(start, end, "".join(run.lines), SYNTAX, 0.0, run.reason)
        after = trouble(edit.on(source.text))
        whole = run.first == 0 and run.last >= len(source.lines)
        if after is None or whole or run.certain or after.line > run.first + sum(map(bool, run.lines)):
            yield edit, run.sure
    for text, reason, sure in (
        *_respelt(source, _ENTITIES, "a page"),
        *_respelt(source, _ESCAPES, "Markdown"),
        *_bold(source, found),
    ):
        yield Edit(0, len(source.text), text, SYNTAX, 0.0, reason), sure


def _all_runs(source: Source, row: int) -> Iterator[_Run]:
    lines = source.lines
    yield from _marker(source, row)
    for near in (row, row - 1, row + 1, row - 2):
        if 0 <= near < len(lines):
            yield from _numbered(lines, near)
            yield from _prompted(lines, near)
            yield from _quoted(lines, near)
            yield from _differing(source.text, lines, near)
    yield from _session(lines)


def _around(lines: list[str], row: int, fits: Callable[[str], object]) -> range:
    """Return the longest run of lines around one that all fit."""
    first = last = row
    while first > 0 and fits(lines[first - 1]):
        first -= 1
    while last < len(lines) and fits(lines[last]):
        last += 1
    return range(first, last)


def _end(line: str) -> str:
    return line[len(line.rstrip("\r\n")) :]


def _marker(source: Source, row: int) -> Iterator[_Run]:
    """Drop the one marker of a conflict that was forgotten; two of them enclose something, so they are no accident."""
    marks = [place for place, line in enumerate(source.lines) if _MARKER.fullmatch(line) and not is_text(source, place)]
    if len(marks) != 1:
        return
    place = marks[0]
    mark = source.lines[place]
    heading = place and mark[0] == "=" and len(source.lines[place - 1].rstrip()) == len(mark.rstrip())
    if place == row or mark[0] != "=":
        yield _Run(place, place + 1, ("",), "a marker of a merge was left behind", 0.5 if heading else 0.93, certain=True)


def is_text(source: Source, row: int) -> bool:
    """Whether a line begins within a string."""
    start = source.starts[row]
    return any(token.start < start < token.end for token in source.tokens if token.kind in ("string", "openstring"))


def _numbered(lines: list[str], near: int) -> Iterator[_Run]:
    found = [_NUMBER.match(line) for line in lines]
    here = found[near]
    if not here:
        return
    ahead = int(here[2]) - near
    rows = _around(lines, near, _NUMBER.match)
    follows = [row for row in rows if (match := found[row]) and int(match[2]) == ahead + row]
    run = range(follows[0], follows[-1] + 1)
    if len(run) < _FEWEST or len(follows) < len(run):
        return
    rests = [match[3] for row in run if (match := found[row])]
    full = [rest for rest in rests if rest.strip(" \t\r\n:|.)]\u2502\u2192")]
    match = _BEHIND_NUMBER.match(_common(full))
    mark = match[0] if match else ""
    for lead in dict.fromkeys((mark, mark.rstrip() + mark[len(mark.rstrip()) :][:1], mark.rstrip())):
        if lead:
            new = tuple(rest[len(lead) :] if rest.startswith(lead) else _end(rest) for rest in rests)
            yield _Run(run[0], run[-1] + 1, new, "the numbers of the lines stand before them", 0.95)


def _common(texts: list[str]) -> str:
    """Return what all texts begin with."""
    ends = zip(min(texts, default=""), max(texts, default=""), strict=False)
    return "".join(letter for letter, _ in takewhile(lambda pair: pair[0] == pair[1], ends))


def _prompted(lines: list[str], near: int) -> Iterator[_Run]:
    if not _PROMPT.match(lines[near]):
        return
    run = _around(lines, near, _PROMPT.match)
    if not any(line.lstrip().startswith((">>>", "In [")) for line in lines[run.start : run.stop]):
        return
    for keep in (True, False):
        new = tuple((indent(line) if keep else "") + _PROMPT.sub("", line, count=1) for line in lines[run.start : run.stop])
        yield _Run(run.start, run.stop, new, "the prompts of a session stand before the lines", 0.93)


def _session(lines: list[str]) -> Iterator[_Run]:
    """Take a whole session for what was typed in it: what was answered goes."""
    first = next((line for line in lines if line.strip()), "")
    if first.startswith((">>> ", "In [")) and sum(bool(_PROMPT.match(line)) for line in lines) > 1:
        new = tuple(_PROMPT.sub("", line, count=1) if _PROMPT.match(line) else "" for line in lines)
        if trouble("".join(new)) is None:
            yield _Run(0, len(lines), new, "it is a session with its prompts and answers", 0.85)


def _quoted(lines: list[str], near: int) -> Iterator[_Run]:
    if not lines[near].startswith(">") or _MARKER.fullmatch(lines[near]):
        return
    run = _around(lines, near, lambda line: line.startswith(">"))
    rows = lines[run.start : run.stop]
    if len(rows) < 2:
        return
    apart = all(line[1:2] in (" ", "\t", "\r", "\n", "") for line in rows)
    new = tuple(line[2:] if apart and line[1:2] in (" ", "\t") else line[1:] for line in rows)
    yield _Run(run.start, run.stop, new, "the lines are quoted as in a mail", 0.93)


def _differing(text: str, lines: list[str], near: int) -> Iterator[_Run]:
    """Take the new side of a diff: what it adds stays, what it takes away goes, its own lines too."""
    if lines[near][0] not in "+-@di":
        return
    context = bool(_HUNK.match(lines[near])) or any(map(_HUNK.match, lines[:40]))
    for marks in ("+-", "+- ") if not context else ("+- \r\n",):
        run = _around(lines, near, lambda line, marks=marks: line[0] in marks or _HUNK.match(line))  # type: ignore[misc]
        rows = lines[run.start : run.stop]
        added = sum(line[0] == "+" for line in rows)
        if not added or len(run) == 0:
            continue
        lost = any(line[0] == "-" and not _HUNK.match(line) for line in rows)
        new = tuple(_new_side(line) for line in rows)
        sure = 0.93 if not lost and not context else 0.93 if _NEW_FILE.search(text) else 0.85
        yield _Run(run.start, run.stop, new, "the lines come from a diff", sure)


def _new_side(line: str) -> str:
    if line[0] == "-" or _HUNK.match(line):
        return ""
    return line[1:] if line[0] in "+ " else line


def _in_code(source: Source) -> set[int]:
    return {token.start for token in source.code if token.kind in ("op", "odd")}


def _respelt(source: Source, spelt: Mapping[str, str], who: str) -> Iterator[tuple[str, str, float]]:
    """Spell signs as Python does: each everywhere if it stands nowhere in its plain form, else outside of strings only."""
    text = source.text
    pattern = "|".join(map(re.escape, spelt))
    found = list(re.finditer(pattern, text))
    code = _in_code(source) if found else set()
    if not any(match.start() in code for match in found):
        return
    bare = re.sub(pattern, "", text)
    never = {form for form in {match[0] for match in found} if spelt[form] not in bare}
    inside = {match[0] for match in found if match.start() in code}
    reason = f"{who} has spelt signs otherwise"
    if never & inside and _fewest(found, never):
        keys = never if who == "a page" else never & inside | ({form for form in never if form in ("\\_", "\\*")})
        yield _replaced(text, [match for match in found if match[0] in keys], spelt), reason, 0.93
    alone = [match for match in found if match.start() in code]
    mixed = any(match[0] in inside and match not in alone for match in found)
    new = _replaced(text, alone, spelt)
    if trouble(new) is None:
        yield new, reason, 0.6 if mixed else 0.9


def _fewest(found: list[re.Match[str]], never: Iterable[str]) -> bool:
    return sum(match[0] in never for match in found) >= 2


def _replaced(text: str, found: list[re.Match[str]], spelt: Mapping[str, str]) -> str:
    for match in reversed(found):
        text = text[: match.start()] + spelt[match[0]] + text[match.end() :]
    return text


def _bold(source: Source, found: Trouble) -> Iterator[tuple[str, str, float]]:
    """Give names like `__init__` their underscores back where Markdown took them for bold."""
    bold = list(_BOLD.finditer(source.text))
    code = _in_code(source) if bold else set()
    names = {match[1] for match in bold if match.start() in code}
    if not names:
        return
    taken = [match for match in bold if match.start() in code or match[1] in names or match[1] in _SPECIAL]
    plain = any(re.search(rf"\b__{name}__\b", source.text) for name in names)
    new = source.text
    for match in reversed(taken):
        new = f"{new[: match.start()]}__{match[1]}__{new[match.end() :]}"
    after = trouble(new)
    if after is None or after.far > found.far:
        yield new, "Markdown took the underscores of names for bold", 0.6 if plain or (after and not names & _SPECIAL) else 0.93
