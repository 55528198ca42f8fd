"""Testimony: what the witness in a service wrote down, and the part of it that belongs to one request."""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import Any

_LITERAL = re.compile(r"'(?:[^']|'')*'|\b\d+(?:\.\d+)?\b|\?|%s|\$\d+|:\w+|%\(\w+\)s")
_LISTS = re.compile(r"\(\s*\?(?:\s*,\s*\?)+\s*\)")
_BLANKS = re.compile(r"\s+")
_PERIOD = 0.005
"""Seconds between two looks of the witness."""


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
    the outside in, and the innermost place whoever's it is.

    `turn` changes when what the innermost line called is no longer the same call; `loop`: an event loop runs the line;
    `stays`: a task that is there when nobody asks, too.
    """

    time: float
    who: int
    ran: float | None
    lines: tuple[Line, ...]
    leaf: tuple[str, int, str]
    turn: int = 0
    loop: bool = False
    process: int = 0
    stays: bool = False


@dataclass(frozen=True, slots=True)
class Heard:
    """Something that happened once: a statement (`sql`), or an event with what it was about; and the lines behind it, from
    the outside in."""

    time: float
    what: str
    about: str
    lines: tuple[Line, ...] = ()

    @property
    def line(self) -> Line | None:
        """The innermost line of the project behind it."""
        return self.lines[-1] if self.lines else None


@dataclass(frozen=True, slots=True)
class Testimony:
    """All that was seen and heard, in the order of time (seconds of the machine's monotonic clock); when was looked, and in
    which process."""

    seen: tuple[Seen, ...] = ()
    heard: tuple[Heard, ...] = ()
    looks: tuple[float, ...] = ()
    lookers: tuple[int, ...] = ()
    _times: tuple[list[float], list[float]] = field(default_factory=lambda: ([], []))

    def between(self, start: float, end: float) -> Testimony:
        """Return what belongs to a stretch of time."""
        if not self._times[0] and not self._times[1]:
            self._times[0].extend(one.time for one in self.seen)
            self._times[1].extend(one.time for one in self.heard)
        (a, b), (c, d), (e, f) = (_stretch(times, start, end) for times in (*self._times, self.looks))
        return Testimony(self.seen[a:b], self.heard[c:d], self.looks[e:f], self.lookers[e:f])

    def busiest(self) -> Testimony:
        """Return what is left without the looks into other processes than the one where most was seen."""
        counts = Counter(one.process for one in self.seen)
        if not counts or len(set(self.lookers)) < 2:
            return self
        process = max(counts, key=lambda one: (counts[one], one))
        looks = tuple(time for time, looker in zip(self.looks, self.lookers, strict=True) if looker == process)
        return Testimony(tuple(one for one in self.seen if one.process == process), self.heard, looks, (process,) * len(looks))

    def without(self, idle: Testimony) -> Testimony:
        """Return what is left of it without the lines, from the outside in, that stacks have also when nobody asks."""
        always = {one.lines for one in idle.seen}
        outer = {line for lines in always for line in lines}
        tasks = {(one.process, one.who) for one in idle.seen if one.ran is None}
        seen = (
            replace(one, lines=_inner(one.lines, outer), stays=one.ran is None and (one.process, one.who) in tasks)
            for one in self.seen
            if one.lines not in always
        )
        heard = (replace(one, lines=_inner(one.lines, outer)) for one in self.heard)
        return Testimony(tuple(one for one in seen if one.lines), tuple(heard), self.looks, self.lookers)

    def joined(self, other: Testimony) -> Testimony:
        """Return what was seen in either of two stretches of time, the earlier one first."""
        return Testimony(self.seen + other.seen, self.heard + other.heard, self.looks + other.looks, self.lookers + other.lookers)

    def statements(self) -> Counter[str]:
        """Count the statements by their shape: what differs only in values is the same."""
        return Counter(shape(one.about) for one in self.heard if one.what == "sql")


def _stretch(times: Sequence[float], start: float, end: float) -> tuple[int, int]:
    return bisect_left(times, start), bisect_left(times, end)


def _inner(lines: tuple[Line, ...], outer: Set[Line]) -> tuple[Line, ...]:
    begin = next((place for place, line in enumerate(lines) if line not in outer), len(lines))
    return lines[begin:]


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
    looks: list[tuple[float, int]] = []
    for process, row in _rows(folder):
        with suppress(ValueError, IndexError, TypeError):
            _take(process, row, seen, heard, looks)
    looks.sort()
    seen.sort(key=lambda one: one.time)
    heard.sort(key=lambda one: one.time)
    return Testimony(tuple(seen), tuple(heard), tuple(time for time, _ in looks), tuple(process for _, process in looks))


def witnesses(folder: Path) -> frozenset[int]:
    """Return the processes that a witness is in."""
    return frozenset(int(file.stem) for file in folder.glob("*.jsonl") if file.stem.isdigit())


def held(folder: Path) -> Mapping[int, Mapping[tuple[str, int], int]]:
    """Return what was held each time it was asked: bytes by path and line, of all processes."""
    found: dict[int, Counter[tuple[str, int]]] = {}
    for row in _told(folder, "held"):
        found.setdefault(row[2], Counter()).update({(path, line): size for path, line, size in row[3]})
    return found


def counted(folder: Path) -> Mapping[int, tuple[int, int]]:
    """Return how much was held each time it was asked, of all processes: small blocks, and bytes of larger ones."""
    found: dict[int, tuple[int, int]] = {}
    for row in _told(folder, "counted"):
        blocks, size = found.get(row[2], (0, 0))
        found[row[2]] = (blocks + row[3], size + row[4])
    return found


def _told(folder: Path, what: str) -> Iterator[list[Any]]:
    start = f'["{what}"'
    for file in sorted(folder.glob("*.jsonl")):
        for text in file.read_text("utf-8", "replace").splitlines():
            if text.startswith(start):
                with suppress(ValueError):
                    yield json.loads(text)


def _rows(folder: Path) -> Iterator[tuple[int, list[Any]]]:
    for file in sorted(folder.glob("*.jsonl")):
        for text in file.read_text("utf-8", "replace").splitlines():
            with suppress(ValueError):
                yield int(file.stem), json.loads(text)


def _take(process: int, row: Sequence[Any], seen: list[Seen], heard: list[Heard], looks: list[tuple[float, int]]) -> None:
    if row[0] == "look":
        looks.append((row[1], process))
    elif row[0] == "stack":
        seen.append(Seen(row[1], row[2], row[3], _lines(row[4]), tuple(row[5]), row[6], row[7], process))
    elif row[0] == "await":
        seen.append(Seen(row[1], row[2], None, _lines(row[3]), tuple(row[4]), row[5], process=process))
    elif row[0] == "sql":
        heard.append(Heard(row[1], "sql", row[3], _lines(row[4])))
    elif row[0] == "event":
        heard.append(Heard(row[1], row[3], row[4][0] if row[4] else "", _lines(row[5])))


def _lines(rows: Iterable[Sequence[Any]]) -> tuple[Line, ...]:
    return tuple(Line(*row) for row in rows)


def busy(seen: Iterable[Seen]) -> Mapping[Line, float]:
    """Return processor seconds by the innermost line of the project that was at work."""
    found: Counter[Line] = Counter()
    for one in seen:
        if one.ran and one.lines:
            found[one.lines[-1]] += one.ran  # type: ignore[assignment]
    return found


def waits(seen: Sequence[Seen], idle: float = 0.1) -> tuple[Seen, ...]:
    """Return the looks that found a line of the project waiting: a thread that ran for less than a part of the time, or a task."""
    found: list[Seen] = []
    last: dict[int, float] = {}
    for one in seen:
        gap = one.time - last.get(one.who, one.time - _PERIOD)
        last[one.who] = one.time
        if one.lines and (one.ran is None or one.ran < idle * gap):
            found.append(one)
    return tuple(found)


def waiting(seen: Sequence[Seen], idle: float = 0.1) -> Mapping[Line, int]:
    """Count the looks that found a line of the project waiting."""
    return Counter(one.lines[-1] for one in waits(seen, idle))
