"""Testimony: what the witness in a service wrote down, and the part of it that belongs to one request."""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

_LITERAL = re.compile(r"'(?:[^']|'')*'|\b\d+(?:\.\d+)?\b|\?|%s|:\w+")
_LISTS = re.compile(r"\(\s*\?(?:\s*,\s*\?)+\s*\)")
_BLANKS = re.compile(r"\s+")


@dataclass(frozen=True, slots=True, order=True)
class Line:
    """A line of the project: path from its root, number from 1, and the function it is in."""

    path: str
    number: int
    function: str

    def __str__(self) -> str:
        return f"{self.path}:{self.number} ({self.function})"


@dataclass(frozen=True, slots=True)
class Seen:
    """One look: when, whose stack, the processor seconds since the look before (`None`: a task that waits), its lines from
    the outside in, and the innermost place whoever's it is."""

    time: float
    who: int
    ran: float | None
    lines: tuple[Line, ...]
    leaf: tuple[str, int, str]


@dataclass(frozen=True, slots=True)
class Heard:
    """Something that happened once: a statement (`sql`), or an event with what it was about, and the line behind it."""

    time: float
    what: str
    about: str
    line: Line | None


@dataclass(frozen=True, slots=True)
class Testimony:
    """All that was seen and heard, in the order of time (seconds of the machine's monotonic clock)."""

    seen: tuple[Seen, ...] = ()
    heard: tuple[Heard, ...] = ()
    _times: tuple[list[float], list[float]] = field(default_factory=lambda: ([], []))

    def between(self, start: float, end: float) -> Testimony:
        """Return what belongs to a stretch of time."""
        if not self._times[0] and not self._times[1]:
            self._times[0].extend(one.time for one in self.seen)
            self._times[1].extend(one.time for one in self.heard)
        seen, heard = self._times
        return Testimony(
            self.seen[bisect_left(seen, start) : bisect_left(seen, end)], self.heard[bisect_left(heard, start) : bisect_left(heard, end)]
        )

    def without(self, idle: Testimony) -> Testimony:
        """Return what is left of it without the stacks that are there also when nobody asks."""
        always = {one.lines for one in idle.seen}
        return Testimony(tuple(one for one in self.seen if one.lines not in always), self.heard)

    def statements(self) -> Counter[str]:
        """Count the statements by their shape: what differs only in values is the same."""
        return Counter(shape(one.about) for one in self.heard if one.what == "sql")


def shape(statement: str) -> str:
    """Return a statement without its values."""
    return _BLANKS.sub(" ", _LISTS.sub("(?)", _LITERAL.sub("?", statement))).strip()


def environment(folder: Path, root: Path, path: str = "") -> dict[str, str]:
    """Return the variables with which a Python service takes the witness in; it writes to `folder`."""
    home = str(resources.files(__package__).joinpath("witness"))
    return {"BMADP_WITNESS": str(folder), "BMADP_WITNESS_ROOT": str(root), "PYTHONPATH": f"{home}:{path}" if path else home}


def read(folder: Path) -> Testimony:
    """Return what all processes wrote; a line that was cut off by the end of its process is left out."""
    seen: list[Seen] = []
    heard: list[Heard] = []
    for file in sorted(folder.glob("*.jsonl")):
        for text in file.read_text("utf-8", "replace").splitlines():
            with suppress(ValueError, IndexError, TypeError):
                _take(json.loads(text), seen, heard)
    seen.sort(key=lambda one: one.time)
    heard.sort(key=lambda one: one.time)
    return Testimony(tuple(seen), tuple(heard))


def _take(row: Sequence[Any], seen: list[Seen], heard: list[Heard]) -> None:
    if row[0] == "stack":
        seen.append(Seen(row[1], row[2], row[3], _lines(row[4]), tuple(row[5])))
    elif row[0] == "await":
        seen.append(Seen(row[1], row[2], None, _lines(row[3]), tuple(row[4])))
    elif row[0] == "sql":
        heard.append(Heard(row[1], "sql", row[3], _line(row[4])))
    elif row[0] == "event":
        heard.append(Heard(row[1], row[3], " ".join(row[4]), _line(row[5])))


def _lines(rows: Iterable[Sequence[Any]]) -> tuple[Line, ...]:
    return tuple(Line(*row) for row in rows)


def _line(row: Sequence[Any] | None) -> Line | None:
    return Line(*row) if row else None


def busy(seen: Iterable[Seen]) -> Mapping[Line, float]:
    """Return processor seconds by the innermost line of the project that was at work."""
    found: Counter[Line] = Counter()
    for one in seen:
        if one.ran and one.lines:
            found[one.lines[-1]] += one.ran  # type: ignore[assignment]
    return found


def waiting(seen: Sequence[Seen], idle: float = 0.2) -> Mapping[Line, int]:
    """Count the looks that found a line of the project waiting: a thread that ran for less than a part of the time, or a task."""
    found: Counter[Line] = Counter()
    last: dict[int, float] = {}
    for one in seen:
        gap = one.time - last.get(one.who, one.time - 0.005)
        last[one.who] = one.time
        if one.lines and (one.ran is None or one.ran < idle * gap):
            found[one.lines[-1]] += 1
    return found
