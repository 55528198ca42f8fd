"""Looking: everything that is found out about a service, request by request: from outside first, then with a witness inside."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bmad_provisioner.engine.task import Turn
from bmad_provisioner.kinds.performance import outside, testimony
from bmad_provisioner.kinds.performance.asking import Answer, rounds
from bmad_provisioner.kinds.performance.growing import growing
from bmad_provisioner.kinds.performance.looked import Doubled, Looked
from bmad_provisioner.kinds.performance.order import Ask, Target
from bmad_provisioner.kinds.performance.outside import QUICK, Effort, crowd
from bmad_provisioner.kinds.performance.scaling import is_steep
from bmad_provisioner.kinds.performance.service import Running, running
from bmad_provisioner.kinds.performance.sources import Sources
from bmad_provisioner.kinds.performance.tables import Scan, scans
from bmad_provisioner.kinds.performance.testimony import Line, Testimony

__all__ = ["QUICK", "Effort", "crowd", "look"]
_GRACE = 0.06
"""Seconds after an answer that the witness may be late."""
_QUIET = 0.2
"""Seconds in which nobody asks, before the first request and after those that are asked one by one."""
_ENOUGH = 0.5
"""Seconds of answers in which the witness sees enough of a request."""
_WAITS = 0.008
"""Seconds of an answer in which the processor does nothing, from which a crowd is let in."""
_DIGITS = re.compile(rb"[0-9a-f]{8,}|\d+(?:\.\d+)?")


def look(target: Target, folder: Path, turn: Turn, asks: Sequence[Ask], effort: Effort) -> tuple[Looked, ...]:
    """Return what was found out about each request of a service that is started for it (twice).

    Nothing is timed while the witness is inside. A service that runs already is only looked at from outside.
    Raises TaskError where it is never ready.
    """
    with running(target, folder, turn) as service:
        seen = _outside(service, asks, effort)
    if not target.start:
        return tuple(seen)
    with TemporaryDirectory(prefix="bmadp-") as scratch:
        told = testimony.environment(Path(scratch), folder, os.environ.get("PYTHONPATH", "") if "PYTHONPATH" in target.env else "")
        with running(target, folder, turn, more=told) as service:
            seen = _inside(service, Path(scratch), Sources(folder), seen, effort)
    return tuple(seen)


def _outside(service: Running, asks: Sequence[Ask], effort: Effort) -> list[Looked]:
    first = [answers[0] for answers in rounds(service.url, asks, 1)]
    plain = outside.steady(service, asks, effort.steady)
    found = [
        Looked(what, cold, each.answers, each.cpu, idle=each.idle) for what, cold, each in zip(asks, first, plain, strict=True)
    ]
    found = [replace(one, doubled=tuple(outside.doubled(service, one.ask)), processes=max(len(service.pids()), 1)) for one in found]
    return [replace(one, crowds=outside.crowds(service, one.ask, _usual(one), effort)) if _waits(one) else one for one in found]


def _usual(one: Looked) -> float:
    return median(answer.seconds for answer in one.plain)


def _waits(one: Looked) -> bool:
    return one.idle is None or one.idle >= _WAITS


def _inside(service: Running, scratch: Path, sources: Sources, seen: Sequence[Looked], effort: Effort) -> list[Looked]:
    before = _quiet()
    if not testimony.witnesses(scratch):
        return [replace(one, growth=outside.growth(service, one.ask, effort)) for one in seen]
    cold = [rounds(service.url, [one.ask], 1)[0] for one in seen]
    steady = [_enough(service, one) for one in seen]
    doubled = [[_largest(service, each) for each in one.doubled] for one in seen]
    time.sleep(_GRACE)
    after = _quiet()
    crowded = [_crowded(service, one) for one in seen]
    time.sleep(_GRACE * 2)
    told = _asked(testimony.read(scratch), before, after)
    grown = growing(service, scratch, sources, [one.ask for one in seen], effort)
    found = []
    for one, first, answers, each, many, growth in zip(seen, cold, steady, doubled, crowded, grown, strict=True):
        inside = _of(told, answers)
        largest = tuple(replace(was, largest=_of(told, heard)) for was, heard in zip(one.doubled, each, strict=True))
        looked = replace(
            one,
            again=first[0],
            asked=tuple(answers),
            inside=inside,
            cold=_of(told, first),
            same=_is_same(one.plain, answers),
            witnessed=True,
            scans=_scans(told, inside, sources.folder),
            doubled=largest,
            crowded=told.between(*many).busiest(),
            growth=growth,
        )
        found.append(replace(looked, repeated=_repeated(looked, sources)))
    shared = _shared(found)
    return [replace(one, shared=shared) for one in found]


def _quiet() -> tuple[float, float]:
    """Let nobody ask for a while."""
    began = time.monotonic()
    time.sleep(_QUIET)
    return began, time.monotonic()


def _asked(told: Testimony, *quiet: tuple[float, float]) -> Testimony:
    """Return what was told without what goes on while nobody asks, also if it began with the first request."""
    before, after = (told.between(*each) for each in quiet)
    return told.without(before.joined(after))


def _enough(service: Running, one: Looked) -> list[Answer]:
    """Ask until the witness has seen enough: five times at least, forty at most."""
    count = min(max(5, round(_ENOUGH / max(_usual(one), 0.001))), 40) if one.ask.method in ("GET", "HEAD") else 5
    return rounds(service.url, [one.ask], count)[0]


def _largest(service: Running, doubled: Doubled) -> list[Answer]:
    """Ask for the largest size where the work grew too fast for it."""
    if doubled.asked is None or not is_steep(doubled.sizes, doubled.costs):
        return []
    return rounds(service.url, [doubled.asked], 2)[0]


def _crowded(service: Running, one: Looked) -> tuple[float, float]:
    began = time.monotonic()
    if one.crowds:
        crowd(service, one.ask, one.crowds[-1].many, 0.6)
    return began, time.monotonic()


def _of(told: Testimony, answers: Iterable[Answer]) -> Testimony:
    parts = [told.between(one.began, one.ended).busiest() for one in answers]
    seen = tuple(one for part in parts for one in part.seen)
    heard = tuple(one for part in parts for one in part.heard)
    return Testimony(seen, heard, tuple(time for part in parts for time in part.looks))


def _is_same(plain: Sequence[Answer], asked: Sequence[Answer]) -> bool:
    """Whether the witness changed nothing. Where answers differ among themselves, only their status is compared; numbers
    (a time, a port, a count) may differ from one start to the next."""
    if {one.identity for one in plain} == {one.identity for one in asked}:
        return True
    if len({one.identity for one in plain}) == 1 and len({one.identity for one in asked}) == 1:
        return _form(plain[0]) == _form(asked[0])
    return {one.status for one in plain} == {one.status for one in asked}


def _form(answer: Answer) -> tuple[int, bytes]:
    return answer.status, b"" if answer.headers.get("content-encoding") else _DIGITS.sub(b"#", answer.body)


def _scans(told: Testimony, inside: Testimony, folder: Path) -> tuple[Scan, ...]:
    examples: dict[str, str] = {}
    for one in inside.heard:
        if one.what == "sql":
            examples.setdefault(testimony.shape(one.about), one.about)
    found: dict[str, Scan] = {}
    for file in sorted({one.about for one in told.heard if one.what == "sqlite3.connect"}) if examples else ():
        path = folder / re.sub(r"^file:(?://)?|\?.*$", "", file)
        if path.is_file():
            found.update({one.statement: one for one in scans(path, examples.values())})
    return tuple(found.values())


def _shared(found: Sequence[Looked]) -> frozenset[Line]:
    """Return the lines that ask statements of several shapes, or that several requests go through."""
    shapes: dict[Line, set[str]] = {}
    users: dict[Line, set[str]] = {}
    for one in found:
        for heard in one.inside.heard:
            for line in heard.lines:
                users.setdefault(line, set()).add(one.ask.path)
                shapes.setdefault(line, set()).add(testimony.shape(heard.about) if heard.what == "sql" else "")
        for line in {line for each in one.inside.seen for line in each.lines}:
            users.setdefault(line, set()).add(one.ask.path)
    return frozenset(line for line, some in users.items() if len(some) > 1 or len(shapes.get(line, ())) > 2)


def _repeated(one: Looked, sources: Sources) -> frozenset[Line]:
    parts = (one.inside, one.cold, one.crowded, *(each.largest for each in one.doubled))
    seen = {line for part in parts for each in part.seen for line in each.lines}
    heard = {line for part in parts for each in part.heard for line in each.lines}
    return frozenset(line for line in seen | heard if sources.is_repeated(line))
