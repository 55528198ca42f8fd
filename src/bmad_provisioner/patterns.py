"""Patterns: paths with `*` (part of a name), `**` (any folders) and `?` (one character), and whether two can mean one file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence


def is_pattern(path: str) -> bool:
    """Say whether `path` may stand for several files."""
    return "*" in path or "?" in path


def meet(one: str, other: str) -> bool:
    """Say whether some path fits both; where one of the two is a plain path, whether it fits the other."""
    if not (is_pattern(one) or is_pattern(other)):
        return one == other
    start, begin = _start(one), _start(other)
    if not (start.startswith(begin) or begin.startswith(start)):
        return False
    return _meet(one.split("/"), other.split("/"), "**", _names_meet)


def matcher(patterns: Iterable[str]) -> Callable[[str], bool]:
    """Return what says whether a path fits one of the patterns; of those, `!pattern` takes out again what came before it."""
    rules = [(not pattern.startswith("!"), _spelled(pattern.removeprefix("!"))) for pattern in patterns]

    def fits(path: str) -> bool:
        return next((wanted for wanted, rule in reversed(rules) if rule.fullmatch(path)), False)

    return fits


def _spelled(pattern: str) -> re.Pattern[str]:
    """Return a pattern as a regular expression."""
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", pattern)
    spelled = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(spelled.get(part) or re.escape(part) for part in parts), re.DOTALL)


def _start(pattern: str) -> str:
    """Return the folders before the first wildcard: most pairs differ there already, and comparing them is cheap."""
    return pattern.partition("*")[0].partition("?")[0].rpartition("/")[0]


def _names_meet(one: str, other: str) -> bool:
    if not (is_pattern(one) or is_pattern(other)):
        return one == other
    return _meet(one, other, "*", lambda a, b: a == b or "?" in (a, b))


def _meet(one: Sequence[str], other: Sequence[str], many: str, same: Callable[[str, str], bool]) -> bool:
    """Say whether two sequences in which `many` stands for any number of elements can be made equal.

    Row by row over all pairs of beginnings: quadratic at worst, and never exponential.
    """
    row = [True]
    row += [row[-1] for _ in other]
    for place, each in enumerate(other, 1):
        row[place] = row[place - 1] and each == many
    for mine in one:
        before, row = row, [row[0] and mine == many]
        for place, theirs in enumerate(other, 1):
            if many in (mine, theirs):
                row.append(before[place] or row[place - 1])
            else:
                row.append(before[place - 1] and same(mine, theirs))
    return row[-1]
