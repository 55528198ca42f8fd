"""Judge: how well a text that compiles fits, given all that the rest of the file says."""

from __future__ import annotations

import ast
import re
from collections import Counter
from dataclasses import dataclass

from bmad_provisioner.kinds.code.repair import likely
from bmad_provisioner.kinds.code.repair.layout import Habits, habits, oddness, shapes
from bmad_provisioner.kinds.code.repair.lexing import Source
from bmad_provisioner.kinds.code.repair.oracle import Trouble, complaints, tree
from bmad_provisioner.kinds.code.repair.scopes import BUILTIN, bound_roughly, names
from bmad_provisioner.kinds.code.repair.triples import swallowed
from bmad_provisioner.kinds.code.repair.typed import misuses

LOOSE_NAME, WARNING, LONE_WORD, MISUSE, SWALLOWED, LISTED = 5.0, 4.0, 2.0, 12.0, 2.5, 7.5
"""In nats: a name that nothing binds; a warning of the compiler (such as a call of a string); a word used nowhere else;
a type misused; a word or mark of code in a long string; a string that ends as a list of arguments does."""
_ARGUMENTS = re.compile(r"""[^\s,]*, ([\w.]+(?:, [\w.]+)*)$""")


@dataclass(frozen=True, slots=True)
class Scene:
    """What the rest of the file says: the names it binds, its choices, and the shapes of its lines.

    `star`: it imports all that a module has, so any name may be bound.
    """

    bound: frozenset[str]
    star: bool
    choices: likely.Counts
    shapes: frozenset[tuple[str, ...]]
    words: Counter[str]
    habits: Habits


@dataclass(frozen=True, slots=True)
class Verdict:
    """A text that compiles: what it means (equal for texts that mean the same), and what speaks against it, in nats.

    `surprise` only compares texts of one window with each other; `harm` counts by itself. `loose`: the names that nothing binds.
    """

    meaning: str
    surprise: float
    harm: float
    loose: frozenset[str]


def scene(text: str, start: int, end: int) -> Scene:
    """Survey a file but for the window from `start` to `end`; the window itself gives its words and shapes alone."""
    rest = [part for part in (text[:start], text[end:]) if part.strip()]
    parsed = [parsed for parsed in map(tree, rest) if isinstance(parsed, ast.AST)]
    source = Source(text)
    words = Counter(token.text for token in source.code if token.kind == "name")
    bound = frozenset().union(*map(bound_roughly, rest)) if rest else frozenset()
    star = any(isinstance(node, ast.ImportFrom) and node.names[0].name == "*" for one in parsed for node in ast.walk(one))
    return Scene(bound, star, likely.counts(parsed), shapes(source), words, habits(source))


def judge(text: str, rows: tuple[int, int], known: Scene, edited: tuple[int, int] | None = None) -> Verdict | Trouble:
    """Weigh a text by its lines `rows` (from 0, the last one in), `edited` of them new; the trouble where it does not compile."""
    parsed = tree(text)
    if isinstance(parsed, Trouble):
        return parsed
    trouble, warned = complaints(text)
    if trouble:
        return trouble
    found = names(text)
    loose = found.loose - known.bound if found and not (found.star or known.star) else frozenset()
    source = Source(text)
    odd = oddness(source, rows, known.shapes, known.habits) + LONE_WORD * _lone(source, rows, known)
    harm = LOOSE_NAME * len(loose) + WARNING * warned
    odd += MISUSE * misuses(parsed) + LISTED * _listed(source, rows, known)
    gone, here = _swallowed(source, rows, edited or rows)
    odd, harm = odd + SWALLOWED * gone, harm + min(SWALLOWED * here / 4, 3 * LOOSE_NAME)
    try:
        meaning = ast.dump(parsed)
    except RecursionError:
        return Trouble(1, 0, 0, "too deep to be compared")
    return Verdict(meaning, odd + likely.surprise(parsed, known.choices, (rows[0] + 1, rows[1] + 1)), harm, loose)


def _swallowed(source: Source, rows: tuple[int, int], edited: tuple[int, int]) -> tuple[int, int]:
    """Count the words and marks of code within long strings: of those that reach into some lines, that begin or end on others."""
    gone = here = 0
    for token in source.tokens:
        first, last = source.row(token.start), source.row(token.end - 1)
        if token.kind == "string" and first < last and first <= rows[1] and last >= rows[0]:
            size = swallowed(source, token)
            gone += size
            here += size * (edited[0] <= first <= edited[1] or edited[0] <= last <= edited[1])
    return gone, here


def _listed(source: Source, rows: tuple[int, int], known: Scene) -> int:
    """Count the strings in some lines that hold a word, a comma, and then numbers or names that the file knows."""
    lo, hi = (source.starts[min(row, len(source.starts) - 1)] for row in (rows[0], rows[1] + 1))
    return sum(_ends_in_code(token.text, known) for token in source.code if lo <= token.start < hi and token.kind == "string")


def _ends_in_code(text: str, known: Scene) -> bool:
    found = _ARGUMENTS.match(text.lstrip("rRbBuUfF")[1:-1])
    names = found[1].replace(",", "").split() if found else []
    return bool(names) and all(name.isdigit() or known.words[name.partition(".")[0]] > 0 for name in names)


def _lone(source: Source, rows: tuple[int, int], known: Scene) -> int:
    """Count the words in some lines that the file has nowhere else."""
    lo, hi = (source.starts[min(row, len(source.starts) - 1)] for row in (rows[0], rows[1] + 1))
    here = {token.text for token in source.code if lo <= token.start < hi and token.kind == "name"}
    return sum(known.words[word] < 2 for word in here - BUILTIN)
