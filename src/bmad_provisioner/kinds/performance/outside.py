"""Outside: what is found out about a service of any language by asking it: its time, its processor seconds, its crowds."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bmad_provisioner.kinds.performance.asking import Answer, Asker
from bmad_provisioner.kinds.performance.looked import Crowd, Doubled, Growth
from bmad_provisioner.kinds.performance.order import Ask
from bmad_provisioner.kinds.performance.scaling import is_steep, is_varied, numbers, size, times
from bmad_provisioner.kinds.performance.service import Running

CROWDS = (1, 16)
_LONGEST = 2.0
"""Seconds that a whole crowd may wait for its slowest answer: of slow requests fewer are asked at once."""
_BIG = 0.02
"""Processor seconds from which a number is halved rather than doubled: what grows too fast would never end."""
_LARGER, _LONG, _STEEPEST = (1.0, 2.0, 4.0), 1.0, 6.0
"""How many times a number is asked for; processor seconds, and times the first, after which no larger one is."""
_SAFE = ("GET", "HEAD")
_LEAST_GROWTH, _WINDOWS = 20_000_000, 8


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is asked: steady requests, seconds for each crowd, requests in a window of growth, and seconds for all of them.

    `steps` are crowds between one and the largest, which tell how throughput grows; what is wrong shows without them.
    """

    steady: int = 12
    crowd: float = 1.0
    window: int = 150
    seconds: float = 12.0
    steps: tuple[int, ...] = ()


QUICK = Effort(6, 0.4, 60, 4.0)
USUAL = Effort(steps=(2, 4, 8))


def clock(pids: Sequence[int]) -> float:
    """Return the processor seconds of processes, as exactly as the kernel counts (Linux: it numbers the clock by the process)."""
    found = 0.0
    for pid in pids:
        with suppress(OSError):
            found += time.clock_gettime((~pid << 3) | 2)
    return found


def queued(pids: Sequence[int]) -> float:
    """Return the seconds for which threads of processes could have run, and others did (Linux tells; 0 elsewhere)."""
    found = 0
    for pid in pids:
        with suppress(OSError):
            for thread in Path(f"/proc/{pid}/task").iterdir():
                with suppress(OSError, ValueError, IndexError):
                    found += int((thread / "schedstat").read_text("ascii").split()[1])
    return found / 1e9


@dataclass(frozen=True, slots=True)
class Steady:
    """Answers to one request, the processor seconds that one usually takes, and the least for which nothing could have run."""

    answers: tuple[Answer, ...]
    cpu: float | None
    idle: float | None


def steady(service: Running, asks: Sequence[Ask], count: int) -> list[Steady]:
    """Ask each so many times, round by round, and look at what each took."""
    asker = Asker(service.url)
    answers: list[list[Answer]] = [[] for _ in asks]
    costs: list[list[float]] = [[] for _ in asks]
    idle: list[list[float]] = [[] for _ in asks]
    for _ in range(count):
        pids = service.pids()
        for place, what in enumerate(asks):
            before, late = clock(pids), queued(pids)
            answer = asker.ask(what)
            cost = clock(pids) - before
            answers[place].append(answer)
            costs[place].append(cost)
            idle[place].append(max(answer.seconds - cost - (queued(pids) - late), 0.0))
    asker.close()
    told = bool(service.pid)
    return [
        Steady(tuple(a), median(c) if told else None, min(i) if told else None)
        for a, c, i in zip(answers, costs, idle, strict=True)
    ]


def crowd(service: Running, what: Ask, many: int, seconds: float) -> Crowd:
    """Let so many ask at once, each again when it was answered, and count the answers in time.

    Whoever waits far longer than that (a server that drops connections) is no longer waited for.
    """
    end = time.monotonic() + seconds
    counts = [0] * many

    def one(place: int) -> None:
        asker = Asker(service.url, seconds + 1.0)
        while time.monotonic() < end:
            answer = asker.ask(what)
            counts[place] += answer.status in range(200, 400) and answer.ended <= end
        asker.close()

    threads = [threading.Thread(target=one, args=(place,), daemon=True) for place in range(many)]
    pids = service.pids()
    before, began = clock(pids), time.monotonic()
    for thread in threads:
        thread.start()
    time.sleep(max(end - time.monotonic(), 0))
    took, busy, answered = time.monotonic() - began, clock(pids) - before, sum(counts)
    for thread in threads:
        thread.join(max(end + _LONGEST + 1 - time.monotonic(), 0.01))
    return Crowd(many, answered / took, busy / took)


def crowds(service: Running, what: Ask, usual: float, effort: Effort) -> tuple[Crowd, ...]:
    """Return how one fares alone, and how many together do; fewer where answers are slow, nothing where that says nothing."""
    many = min(CROWDS[-1], int(_LONGEST / max(usual, 0.001)))
    if what.method not in _SAFE or many < 3:
        return ()
    seconds = max(effort.crowd, min(6 * usual, 2.0))
    return tuple(crowd(service, what, one, seconds) for one in (CROWDS[0], *(step for step in effort.steps if step < many), many))


def doubled(service: Running, what: Ask) -> Iterator[Doubled]:
    """Yield what each number of a request does to the processor seconds it takes; only where all sizes are answered.

    A list is repeated first, and, where that says nothing, goes on with values that it does not have yet.
    """
    for name in numbers(what) if service.pid else ():
        usual = _cost(service, what)
        smaller = usual is not None and usual >= _BIG and size(what, name) >= 8
        if smaller:
            tried = [_grown(service, [times(what, name, factor) for factor in (0.25, 0.5, 1.0)], name, math.inf)]
        else:
            tried = [_grown(service, [times(what, name, factor) for factor in _LARGER], name, _LONG)]
            if is_varied(what, name) and not (tried[0] and is_steep(tried[0].sizes, tried[0].costs)):
                varied = [times(what, name, factor, varied=True) for factor in _LARGER]
                tried.insert(0, _grown(service, varied, name, _LONG))
        found = [one for one in tried if one is not None]
        yield from sorted(found, key=lambda one: not is_steep(one.sizes, one.costs))[:1]


def _grown(service: Running, asks: Sequence[Ask], name: str, longest: float) -> Doubled | None:
    """Ask for each size, the smallest first, until one takes longer than that, or far longer than the first."""
    costs: list[float] = []
    for asked in asks:
        cost = _cost(service, asked)
        if cost is None or cost <= 0:
            break
        costs.append(cost)
        if cost > longest or (longest < math.inf and cost > _STEEPEST * costs[0]):
            break
    sizes = tuple(size(asked, name) for asked in asks[: len(costs)])
    return Doubled(name, sizes, tuple(costs), asked=asks[len(costs) - 1]) if len(costs) > 1 else None


def _cost(service: Running, what: Ask) -> float | None:
    """Return the least processor seconds of three requests: what disturbs only adds; nothing where it is answered with an error."""
    asker = Asker(service.url, 10.0)
    pids, found = service.pids(), []
    for _ in range(3):
        before = clock(pids)
        answer = asker.ask(what)
        if not 200 <= answer.status < 300:
            return None
        found.append(clock(pids) - before)
    asker.close()
    return min(found)


def growth(service: Running, what: Ask, effort: Effort) -> Growth | None:
    """Return what a service without a witness holds on to, where it goes on and on: a collector that takes its time is no leak."""
    if not service.pid or what.method not in _SAFE:
        return None
    asker = Asker(service.url)
    sizes, counts, began = [service.memory()], [0], time.monotonic()
    while len(sizes) <= _WINDOWS and time.monotonic() - began < effort.seconds:
        asked = 0
        while asked < 2 * effort.window and time.monotonic() - began < effort.seconds:
            asker.ask(what)
            asked += 1
        sizes.append(service.memory())
        counts.append(counts[-1] + asked)
    asker.close()
    middle = len(sizes) // 2
    early = (sizes[middle] - sizes[0]) / max(counts[middle], 1)
    late = (sizes[-1] - sizes[middle]) / max(counts[-1] - counts[middle], 1)
    falls = sum(after < before for before, after in zip(sizes[middle:], sizes[middle + 1 :], strict=False))
    if len(sizes) < 5 or falls or sizes[-1] - sizes[0] < _LEAST_GROWTH or late < 0.5 * early:
        return None
    return Growth(early, late, {}, counts[-1])
