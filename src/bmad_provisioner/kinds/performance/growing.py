"""Growing: what a service with a witness in it holds on to, request by request: first whether, then in which line."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path

from bmad_provisioner.kinds.performance import testimony
from bmad_provisioner.kinds.performance.asking import Asker
from bmad_provisioner.kinds.performance.looked import Growth
from bmad_provisioner.kinds.performance.order import Ask
from bmad_provisioner.kinds.performance.outside import Effort
from bmad_provisioner.kinds.performance.service import Running
from bmad_provisioner.kinds.performance.sources import Sources
from bmad_provisioner.kinds.performance.testimony import Line

_KEPT, _LITTLE = 256.0, 128.0
"""Bytes a request held by a line, from which it is worth a word; so many where several requests say so."""
_BLOCKS = 0.9
"""Small blocks a request: one object is kept by nearly each."""
_WARM, _FEWEST, _MOST_WINDOWS = 25, 8, 6
_SURE, _ALMOST, _MUCH, _BLOCK = 150, 40, 4000, 64
"""Requests after which what fills at the start is full; fewer for so many bytes a request; and bytes of a small block."""
_ENOUGH = 20
_COUNTED, _HELD = "counted", "held"
_SAFE = ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class _Service:
    running: Running
    scratch: Path
    effort: Effort


def growing(service: Running, scratch: Path, sources: Sources, asks: Sequence[Ask], effort: Effort) -> list[Growth | None]:
    """Return what each request leaves behind. Only where counts grow in two windows are lines asked for: that slows a service
    down by far; and only what grows in all of several windows more is a leak: a cache comes to its end."""
    one = _Service(service, scratch, effort)
    suspects = [_grows(one, what) for what in asks]
    found = [_lines(one, sources, what, kept) if kept > 0 else None for what, kept in zip(asks, suspects, strict=True)]
    often = Counter(line for growth in found if growth is not None for line in growth.lines)
    return [sure(growth, often) for growth in found]


def sure(growth: Growth | None, often: Mapping[Line, int]) -> Growth | None:
    """Return what is held by lines that hold on to enough, or that several requests go through."""
    lines = {line: each for line, each in growth.lines.items() if each >= _KEPT or often[line] > 1} if growth else {}
    total = sum(lines.values())
    return replace(growth, first=total, second=total, lines=lines) if growth and lines else None


def _grows(one: _Service, what: Ask) -> float:
    """Return the bytes a request where more is held after every window, else 0: of what grows in two, several longer ones are
    asked for, as a cache has an end."""
    asker = Asker(one.running.url)
    _window(one, asker, what, _WARM)
    numbers, counts, kept = [_question(one, _COUNTED)], list[int](), 0
    grows = None not in numbers
    while grows and len(counts) < _MOST_WINDOWS:
        counts.append(_window(one, asker, what, _limit(one, what) * (1 if len(counts) < 2 else 3)))
        numbers.append(_question(one, _COUNTED))
        if counts[-1] < _FEWEST or numbers[-1] is None:
            break  # there was no time for more
        told = testimony.counted(one.scratch)
        before, after = (told[number] for number in numbers[-2:] if number is not None)
        grows = (after[0] - before[0]) / counts[-1] >= _BLOCKS or (after[1] - before[1]) / counts[-1] >= _KEPT
        kept += after[1] - before[1] + _BLOCK * (after[0] - before[0])
    asker.close()
    each = kept / max(sum(counts), 1)
    return each if grows and (sum(counts) >= _SURE or (sum(counts) >= _ALMOST and each >= _MUCH)) else 0.0


def _lines(one: _Service, sources: Sources, what: Ask, kept: float) -> Growth | None:
    """Return what lines hold on to; no line to more than is kept altogether, and of few requests only much is believed."""
    asker, counts = Asker(one.running.url), list[int]()
    numbers = [_question(one, _HELD)]
    _window(one, asker, what, _FEWEST)
    numbers.append(_question(one, _HELD))
    for _ in range(2):
        counts.append(_window(one, asker, what, _WARM))
        numbers.append(_question(one, _HELD))
    asker.close()
    known = [number for number in numbers[1:] if number is not None]
    if len(known) < 3 or min(counts) < 3:
        return None
    least = 0.0 if min(counts) >= _ENOUGH else _MUCH
    places = _still(testimony.held(one.scratch), known, counts)
    lines = {sources.line(*place): each for place, each in places.items() if least <= each <= 2 * kept}
    total = sum(lines.values())
    return Growth(total, total, lines, sum(counts)) if lines else None


def _limit(one: _Service, what: Ask) -> int:
    return one.effort.window if what.method in _SAFE else one.effort.window // 3


def _window(one: _Service, asker: Asker, what: Ask, most: int) -> int:
    """Ask so many times, or as often as there is time for; return how often."""
    end, asked = time.monotonic() + one.effort.seconds / 6, 0
    while asked < most and time.monotonic() < end:
        asker.ask(what)
        asked += 1
    return asked


def _still(
    held: Mapping[int, Mapping[tuple[str, int], int]], numbers: Sequence[int], counts: Sequence[int]
) -> Mapping[tuple[str, int], float]:
    """Return the bytes a request of the places that held more after every window, the last one hardly less than the first."""
    found = {}
    for place in held.get(numbers[-1], {}):
        sizes = [held.get(number, {}).get(place, 0) for number in numbers]
        each = [(after - before) / asked for before, after, asked in zip(sizes, sizes[1:], counts, strict=False)]
        if min(each) >= _LITTLE and each[-1] >= 0.6 * each[0]:
            found[place] = sum(each) / len(each)
    return found


def _question(one: _Service, what: str) -> int | None:
    """Have all witnesses write down what they are asked; return the number of the question, or nothing where one is silent."""
    number = sum(1 for file in one.scratch.iterdir() if re.fullmatch(r"(counted|held)-\d+", file.name))
    (one.scratch / f"{what}-{number}").touch()
    end = time.monotonic() + 15
    waited_for: Set[int] = testimony.witnesses(one.scratch) & set(one.running.pids())
    looked = time.monotonic()
    while time.monotonic() < end and waited_for:
        waited_for = {pid for pid in waited_for if not (one.scratch / f"{what}-{number}-{pid}").exists()}
        if not waited_for:
            return number
        if time.monotonic() - looked > 1:
            waited_for, looked = waited_for & set(one.running.pids()), time.monotonic()
        time.sleep(0.01)
    return None
