"""Looking: everything that is found out about a service, request by request: from outside first, then with a witness inside."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bmad_provisioner.engine.task import Turn
from bmad_provisioner.kinds.performance import testimony
from bmad_provisioner.kinds.performance.asking import Answer, Asker, rounds
from bmad_provisioner.kinds.performance.looked import Crowd, Doubled, Growth, Looked
from bmad_provisioner.kinds.performance.order import Ask, Target
from bmad_provisioner.kinds.performance.scaling import numbers, times
from bmad_provisioner.kinds.performance.service import Running, running
from bmad_provisioner.kinds.performance.tables import Scan, scans
from bmad_provisioner.kinds.performance.testimony import Line, Testimony


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is asked: steady requests, seconds for each crowd, requests in a window of growth."""

    steady: int = 12
    crowd: float = 1.0
    window: int = 150
    seconds: float = 12.0


QUICK = Effort(6, 0.4, 60, 4.0)
CROWDS = (1, 8, 24)
_GRACE = 0.06
"""Seconds after an answer that the witness may be late."""


def look(target: Target, folder: Path, turn: Turn, asks: Sequence[Ask], effort: Effort) -> tuple[Looked, ...]:
    """Return what was found out about each request of a service that is started for it (three times).

    Nothing is timed while the witness is inside. Raises TaskError where the service is never ready.
    """
    with running(target, folder, turn) as service:
        seen = _outside(service, asks, effort)
    with TemporaryDirectory(prefix="bmadp-") as scratch:
        told = testimony.environment(Path(scratch), folder)
        with running(target, folder, turn, more=told) as service:
            seen = _inside(service, Path(scratch), folder, seen)
    return tuple(seen)


def _outside(service: Running, asks: Sequence[Ask], effort: Effort) -> list[Looked]:
    first = [answers[0] for answers in rounds(service.url, asks, 1)]
    steady = rounds(service.url, asks, effort.steady)
    found = []
    for what, cold, plain in zip(asks, first, steady, strict=True):
        cpu = _cpu(service, what, effort)
        slow = median(one.seconds for one in plain)
        crowds = tuple(crowd(service, what, many, effort.crowd) for many in CROWDS) if slow > 0.002 else ()
        found.append(Looked(what, cold, tuple(plain), cpu, crowds=crowds))
    return [replace(one, growth=_growth(service, one.ask, effort)) for one in found]


def _cpu(service: Running, what: Ask, effort: Effort) -> float:
    """Return the processor seconds that one request takes, of enough requests for the kernel's clock (10 ms) to tell."""
    asker = Asker(service.url)
    before, began, count = service.spent(), time.monotonic(), 0
    while count < 4 * effort.steady and time.monotonic() - began < effort.crowd:
        asker.ask(what)
        count += 1
    asker.close()
    return (service.spent() - before) / count


def crowd(service: Running, what: Ask, many: int, seconds: float) -> Crowd:
    """Let so many ask at once, each again when it was answered, and count the answers."""
    end = time.monotonic() + seconds
    counts = [0] * many

    def one(place: int) -> None:
        asker = Asker(service.url)
        while time.monotonic() < end:
            counts[place] += asker.ask(what).status in range(200, 400)
        asker.close()

    threads = [threading.Thread(target=one, args=(place,)) for place in range(many)]
    before, began = service.spent(), time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.monotonic() - began
    return Crowd(many, sum(counts) / took, (service.spent() - before) / took)


def _growth(service: Running, what: Ask, effort: Effort) -> Growth | None:
    """Return what the service held on to: the second window tells a leak from a cache that fills."""
    if not service.pid:
        return None
    asker = Asker(service.url)
    windows = []
    began = time.monotonic()
    for _ in range(2):
        before, asked = service.memory(), 0
        while asked < effort.window and time.monotonic() - began < effort.seconds:
            asker.ask(what)
            asked += 1
        windows.append((service.memory() - before) / max(asked, 1))
    asker.close()
    return Growth(windows[0], windows[1], {})


def _inside(service: Running, scratch: Path, folder: Path, seen: Sequence[Looked]) -> list[Looked]:
    began = time.monotonic()
    time.sleep(0.2)
    idle = time.monotonic()
    cold = [_timed(service, one.ask, 1) for one in seen]
    steady = [_timed(service, one.ask, 5) for one in seen]
    doubled = [{name: _doubled(service, one.ask, name) for name in numbers(one.ask)} for one in seen]
    crowded = [_crowded(service, one) for one in seen]
    time.sleep(_GRACE * 2)
    told = testimony.read(scratch)
    told = told.without(told.between(began, idle))
    found = []
    for one, first, answers, grown, many in zip(seen, cold, steady, doubled, crowded, strict=True):
        inside = _of(told, answers)
        found.append(
            replace(
                one,
                asked=tuple(answers),
                inside=inside,
                cold=_of(told, first),
                same=_is_same(one.plain, answers),
                scans=_scans(told, inside, folder),
                doubled=tuple(_judged(told, name, answers) for name, answers in grown.items()),
                crowded=told.between(*many),
            )
        )
    return found


def _timed(service: Running, what: Ask, times_: int) -> list[Answer]:
    return rounds(service.url, [what], times_)[0]


def _doubled(service: Running, what: Ask, name: str) -> list[list[Answer]]:
    return [_timed(service, times(what, name, factor), 2) for factor in (1.0, 2.0, 4.0)]


def _judged(told: Testimony, name: str, answers: Sequence[Sequence[Answer]]) -> Doubled:
    """Weigh a doubled request by the processor seconds that the witness saw, or by the clock where it saw hardly any."""
    seen = [_of(told, each) for each in answers]
    costs = [max(sum(one.ran or 0.0 for one in each.seen), min(a.seconds for a in every)) for each, every in zip(seen, answers, strict=True)]
    ok = all(a.status in range(200, 300) for each in answers for a in each)
    return Doubled(name, (1.0, 2.0, 4.0), tuple(costs) if ok else (0.0, 0.0, 0.0), seen[-1])


def _crowded(service: Running, one: Looked) -> tuple[float, float]:
    began = time.monotonic()
    if one.crowds:
        crowd(service, one.ask, CROWDS[-1], 0.5)
    return began, time.monotonic()


def _of(told: Testimony, answers: Iterable[Answer]) -> Testimony:
    parts = [told.between(one.began, one.ended) for one in answers]
    return Testimony(tuple(s for part in parts for s in part.seen), tuple(h for part in parts for h in part.heard))


def _is_same(plain: Sequence[Answer], asked: Sequence[Answer]) -> bool:
    """Whether the witness changed nothing: where answers differ among themselves, only their status is compared."""
    said, heard = {one.identity for one in plain}, {one.identity for one in asked}
    if len(said) == 1:
        return said == heard
    return {one.status for one in plain} == {one.status for one in asked}


def _scans(told: Testimony, inside: Testimony, folder: Path) -> tuple[Scan, ...]:
    files = {one.about.split(" ")[0] for one in told.heard if one.what == "sqlite3.connect"}
    examples: dict[str, str] = {}
    for one in inside.heard:
        if one.what == "sql":
            examples.setdefault(testimony.shape(one.about), one.about)
    found: dict[str, Scan] = {}
    for file in sorted(files):
        path = Path(re.sub(r"^file:|\?.*$", "", file))
        path = path if path.is_absolute() else folder / path
        if path.is_file():
            found.update({one.statement: one for one in scans(path, examples.values())})
    return tuple(found.values())
