"""Load: requests sent when they are due, however slow the answers are, and what became of each.

An open model: whoever waits for an answer before asking again measures how fast the server lets it ask, and leaves out the
waiting that people would have done. Here the clock of a request starts when it was due, and requests that are late are told.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from bmad_provisioner.kinds.performance.arrivals import Due, Stretch, arrivals
from bmad_provisioner.kinds.performance.http1 import BrokenError, Connection, Request, connect

PATIENCE = 30.0
"""Seconds after which a request counts as failed."""
MOST_AT_ONCE = 2000
"""Requests under way; what is due beyond is dropped, and told."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A request: seconds after the start at which it was due, sent and answered; its status (0: none) and body bytes."""

    which: int
    due: float
    sent: float
    done: float
    status: int
    size: int
    problem: str = ""

    @property
    def response(self) -> float:
        """Seconds from when it was due to its answer: what a person would have waited."""
        return self.done - self.due

    @property
    def service(self) -> float:
        """Seconds from when it was sent to its answer."""
        return self.done - self.sent

    @property
    def lag(self) -> float:
        """Seconds that it left late: the generator's own fault."""
        return self.sent - self.due

    @property
    def ok(self) -> bool:
        """Whether it was answered, and not with an error."""
        return 200 <= self.status < 400


@dataclass(frozen=True, slots=True)
class Offered:
    """All requests of one load; `dropped` were due but never sent; `began` is when, by the machine's monotonic clock."""

    samples: tuple[Sample, ...]
    dropped: int
    seconds: float
    began: float = 0.0


class _Generator:
    def __init__(self, requests: Sequence[Request]) -> None:
        self._requests = requests
        self._wires = [request.wire() for request in requests]
        self._idle: dict[tuple[str, int, bool], list[Connection]] = {request.origin: [] for request in requests}
        self.samples: list[Sample] = []
        self.dropped = 0
        self.zero = 0.0

    def _now(self) -> float:
        return time.perf_counter() - self.zero

    async def offer(self, due: Iterable[Due]) -> float:
        """Send every request when it is due; return the seconds until the last answer."""
        under_way: set[asyncio.Task[None]] = set()
        self.zero = time.perf_counter() + 0.05
        for one in due:
            wait = one.at - self._now()
            if wait > 0:
                await asyncio.sleep(wait)
            if len(under_way) >= MOST_AT_ONCE:
                self.dropped += 1
                continue
            task = asyncio.ensure_future(self._one(one))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
        if under_way:
            await asyncio.wait(under_way)
        return self._now()

    async def _one(self, due: Due) -> None:
        sent = self._now()
        status = size = 0
        problem = ""
        try:
            async with asyncio.timeout(PATIENCE):
                status, size = await self._ask(due.which)
        except TimeoutError:
            problem = f"no answer in {PATIENCE:g} s"
        except (BrokenError, OSError) as error:
            problem = str(error) or type(error).__name__
        self.samples.append(Sample(due.which, due.at, sent, self._now(), status, size, problem))

    async def _ask(self, which: int) -> tuple[int, int]:
        request = self._requests[which]
        idle = self._idle[request.origin]
        connection, fresh = None, False
        while idle and connection is None:
            connection = idle.pop()
            connection = connection if connection.alive else None
        if connection is None:
            connection, fresh = await connect(request), True
        try:
            answer = await connection.send(self._wires[which])
        except BrokenError:
            connection.close()
            # A kept connection may be closed by the server just when it is used again: that says nothing of the request.
            if fresh or request.method != "GET":
                raise
            connection = await connect(request)
            answer = await connection.send(self._wires[which])
        except BaseException:
            connection.close()
            raise
        if connection.alive:
            idle.append(connection)
        return answer.status, answer.size

    def close(self) -> None:
        for connections in self._idle.values():
            for connection in connections:
                connection.close()


async def _offer(requests: Sequence[Request], due: Iterable[Due]) -> Offered:
    generator = _Generator(requests)
    try:
        seconds = await generator.offer(due)
    finally:
        generator.close()
    return Offered(tuple(generator.samples), generator.dropped, seconds, generator.zero)


def offer(requests: Sequence[Request], weights: Sequence[float], stretches: Sequence[Stretch], seed: int = 0) -> Offered:
    """Send a mix of requests at the rates of some stretches; never raises for what the server does."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        return asyncio.run(_offer(requests, arrivals(tuple(stretches), tuple(weights), seed)))
    finally:
        gc.enable()
        gc.unfreeze()


def main() -> None:
    """Offer what the standard input asks for, in a process of its own, and print what became of it: JSON both."""
    asked = json.load(sys.stdin)
    requests = [
        Request(one["url"], one["method"], tuple((name, value) for name, value in one["headers"]), one["body"].encode())
        for one in asked["requests"]
    ]
    stretches = [Stretch(rate, seconds) for rate, seconds in asked["stretches"]]
    done = offer(requests, asked["weights"], stretches, asked["seed"])
    rows = [list(asdict(one).values()) for one in done.samples]
    json.dump({"samples": rows, "dropped": done.dropped, "seconds": done.seconds, "began": done.began}, sys.stdout)


if __name__ == "__main__":
    main()
