"""Loading: a service under one load: when its answers came, what they cost it, and whether the result is one at all."""

from __future__ import annotations

import json
import sys
import threading
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import gettempdir

from bmad_provisioner.engine.child import Ending, environment, run_child
from bmad_provisioner.engine.task import Inputs, Output, Turn
from bmad_provisioner.errors import TaskError
from bmad_provisioner.kinds.performance.arrivals import Stretch, shape
from bmad_provisioner.kinds.performance.asked import mix, request, wanted
from bmad_provisioner.kinds.performance.asking import rounds
from bmad_provisioner.kinds.performance.exports.k6 import Summarised, summary
from bmad_provisioner.kinds.performance.load import PATIENCE, Offered, Sample
from bmad_provisioner.kinds.performance.machine import processors
from bmad_provisioner.kinds.performance.measured import MEASURED, Part, Route, Second, Served, Shape
from bmad_provisioner.kinds.performance.order import Ask, Order
from bmad_provisioner.kinds.performance.packing import packed
from bmad_provisioner.kinds.performance.quantities import told_seconds
from bmad_provisioner.kinds.performance.scratch import laid
from bmad_provisioner.kinds.performance.service import Running, running

SHAPES = ("baseline", "stress", "spike", "soak")
QUANTILES = {"p50": 0.50, "p90": 0.90, "p95": 0.95, "p99": 0.99, "max": 1.0}

LATE, LATE_PART = 0.005, 0.2
"""Seconds, and part of a percentile, that may be the generator's own lateness before a result is void."""
_QUICK = 0.2
"""The part of the usual time that a quick measurement takes."""
_PARTS, _FEWEST = 10, 5
_WARM = 2
_LOOK = 0.25
"""Seconds between two looks at the memory of a service."""
_BINS = 40


@dataclass(frozen=True, slots=True)
class Glance:
    """A look at a service under load: when (the machine's monotonic clock), bytes held, processor seconds spent so far."""

    at: float
    memory: int
    spent: float


def load(inputs: Inputs) -> Output:
    """Put a service under one load; the fact `measured` is what became of it. Raises TaskError where it is never ready or dies."""
    asked, target = wanted(inputs)
    name = str(inputs.args["shape"])
    asks = mix(inputs, target)
    with laid(inputs) as folder, running(target, folder, inputs.turn) as service:
        idle = service.memory()
        rounds(service.url, [one for one in asks if one.method == "GET"], _WARM)
        before = service.spent()
        with _remembered(service) as seen:
            offered = generate(service.url, asks, stretches(asked, name), inputs.turn)
            spent = service.spent() - before
        if not service.alive():
            raise TaskError(
                f"`{target.name}` died under the {name} load: {service.complaints() or 'without a word'}",
                hint="start it by hand and see",
            )
        ready = service.seconds
    rate = sum(one.rate * one.seconds for one in stretches(asked, name)) / sum(one.seconds for one in stretches(asked, name))
    made = summed(name, rate, offered, spent, tuple(seen))
    served = Served(target.name, ready, {name: made}, _routes(asks, offered) if name == "baseline" else (), idle)
    told = json.dumps(summary(Summarised(offered.samples, offered.dropped, offered.seconds)), indent=1).encode() + b"\n"
    return Output(
        {f"{asked.folder}/k6/{target.name}-{name}.json": inputs.keep(told)}, facts={MEASURED: packed(Part(served=(served,)))}
    )


def stretches(asked: Order, name: str) -> tuple[Stretch, ...]:
    """Return the rates of a load by its name."""
    part = _QUICK if asked.quick else 1.0
    if name == "soak":
        return (Stretch(asked.load.baseline.rate, asked.load.soak * part),)
    usual = Stretch(asked.load.baseline.rate, asked.load.baseline.seconds * part)
    return shape(usual, asked.load.stress, asked.load.spike, asked.load.spike_seconds * part)[name]


def generate(url: str, asks: Sequence[Ask], over: Sequence[Stretch], turn: Turn, seed: int = 0) -> Offered:
    """Have a process of its own send a mix of requests; raises TaskError where that fails."""
    order = {
        "requests": [asdict(request(one, url)) | {"body": one.body} for one in asks],
        "weights": [one.weight for one in asks],
        "stretches": [[one.rate, one.seconds] for one in over],
        "seed": seed,
    }
    seconds = sum(one.seconds for one in over) + PATIENCE + 30
    ended = run_child(
        [sys.executable, "-m", "bmad_provisioner.kinds.performance.load"],
        folder=Path(gettempdir()),
        environment=environment(PYTHONPATH=":".join(sys.path)),
        turn=Turn(seconds=seconds, stopped=turn.stopped),
        stdin=json.dumps(order).encode(),
        most=1 << 30,
    )
    if ended.ending is not Ending.EXITED or ended.code:
        words = ended.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise TaskError(f"the load generator ended before its time: {ended.ending.value} {ended.code} {' '.join(words)}")
    told = json.loads(ended.stdout)
    return Offered(tuple(Sample(*row) for row in told["samples"]), told["dropped"], told["seconds"], told["began"])


@contextmanager
def _remembered(service: Running) -> Iterator[list[Glance]]:
    """Give a list to which looks at the service are added while the context lasts."""
    seen: list[Glance] = []
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(_LOOK):
            seen.append(Glance(time.monotonic(), service.memory(), service.spent()))

    thread = threading.Thread(target=look, name="memory", daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join()


def summed(name: str, rate: float, offered: Offered, spent: float, seen: Sequence[Glance]) -> Shape:
    """Return what a load came to; `spent` are the processor seconds of the service, `seen` the looks at it meanwhile."""
    samples = sorted(offered.samples, key=lambda one: one.due)
    good = [one for one in samples if one.ok]
    response, service = sorted(one.response for one in good), sorted(one.service for one in good)
    last = max((one.done for one in samples), default=0.0)
    lag = quantile(sorted(one.lag for one in samples), 0.99)
    quantiles = {what: quantile(response, part) for what, part in QUANTILES.items()}
    sent = {what: quantile(service, part) for what, part in QUANTILES.items()}
    return Shape(
        name,
        rate,
        len(good) / last if last else 0.0,
        offered.seconds,
        len(samples),
        len(samples) - len(good),
        offered.dropped,
        lag,
        _void(offered, quantiles, sent, bool(good)),
        quantiles,
        sent,
        _histogram(response),
        {**_parts(good), **_costs(good, offered.began, seen)},
        tuple(_seconds(samples)),
        spent / len(samples) if samples else 0.0,
        min(1.0, spent / (offered.seconds * processors())) if offered.seconds else 0.0,
        tuple((round(one.at - offered.began, 2), one.memory) for one in seen if one.memory and one.at >= offered.began),
        tuple(Counter(one.problem or f"status {one.status}" for one in samples if not one.ok).most_common(5)),
    )


def quantile(ordered: Sequence[float], part: float) -> float:
    """Return a quantile between the two nearest of ordered values; 0 of none."""
    if not ordered:
        return 0.0
    place = part * (len(ordered) - 1)
    low = int(place)
    return ordered[low] + (ordered[min(low + 1, len(ordered) - 1)] - ordered[low]) * (place - low)


def _void(offered: Offered, response: Mapping[str, float], service: Mapping[str, float], answered: bool) -> str:
    """Say why a result is none. What lies between a response and its service is the generator's own lateness, and nothing else."""
    if not answered:
        return "not one request was answered"
    if offered.dropped:
        return f"{offered.dropped} requests were due and not sent: the generator could not hold the rate"
    for name in ("p50", "p95", "p99"):
        late = response[name] - service[name]
        if late > max(LATE, LATE_PART * response[name]):
            own = f"{told_seconds(late)} of the {told_seconds(response[name])} at {name}"
            return f"{own} are the generator's own: it could not hold the rate"
    return ""


def _histogram(ordered: Sequence[float]) -> tuple[tuple[float, int], ...]:
    """Count responses in bins that grow by the same factor, from the quickest to the slowest."""
    if not ordered:
        return ()
    low, high = max(ordered[0], 1e-5), max(ordered[-1], 1.1e-5)
    factor = (high / low) ** (1 / _BINS) if high > low else 2.0
    bounds = [low * factor ** (step + 1) for step in range(_BINS - 1)] + [high]
    counts = Counter(next((at for at, bound in enumerate(bounds) if one <= bound), _BINS - 1) for one in ordered)
    return tuple((bound, counts[at]) for at, bound in enumerate(bounds) if counts[at])


def _parts(good: Sequence[Sample]) -> Mapping[str, tuple[float, ...]]:
    """Return the quantiles of stretches of a load, as many as are large enough to have some."""
    count = min(_PARTS, len(good) // 20)
    if count < 2:
        return {}
    cuts = [round(at * len(good) / count) for at in range(count + 1)]
    some = [sorted(one.response for one in good[begin:end]) for begin, end in pairwise(cuts)]
    return {what: tuple(quantile(each, QUANTILES[what]) for each in some) for what in ("p50", "p95", "p99")}


def _costs(good: Sequence[Sample], began: float, seen: Sequence[Glance]) -> Mapping[str, tuple[float, ...]]:
    """Return what a request cost of the processor in each of some stretches, long enough for the kernel's clock (10 ms)."""
    step = max(1, len(seen) // _PARTS)
    marks, done = seen[::step], sorted(began + one.done for one in good)
    found = []
    for before, after in pairwise(marks):
        count = bisect_right(done, after.at) - bisect_right(done, before.at)
        if count and after.spent > before.spent:
            found.append((after.spent - before.spent) / count)
    return {"cpu": tuple(found)} if len(found) >= _FEWEST else {}


def _seconds(samples: Sequence[Sample]) -> Iterator[Second]:
    by_second: dict[int, list[Sample]] = {}
    for one in samples:
        by_second.setdefault(int(one.due), []).append(one)
    for at, some in sorted(by_second.items()):
        good = sorted(one.response for one in some if one.ok)
        yield Second(at, len(some), len(some) - len(good), quantile(good, 0.5), quantile(good, 0.99))


def _routes(asks: Sequence[Ask], offered: Offered) -> tuple[Route, ...]:
    made = []
    for which, ask in enumerate(asks):
        some = [one for one in offered.samples if one.which == which]
        good = sorted(one.response for one in some if one.ok)
        size = sum(one.size for one in some if one.ok) / len(good) if good else 0.0
        share = len(some) / len(offered.samples) if offered.samples else 0.0
        row = Route(
            f"{ask.method} {ask.path}", share, len(some), quantile(good, 0.5), quantile(good, 0.95), len(some) - len(good), size
        )
        made.append(row)
    return tuple(made)
