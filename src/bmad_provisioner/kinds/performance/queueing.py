"""Queueing: how long requests wait for a free server, from how busy the servers are."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, log


@dataclass(frozen=True, slots=True)
class Queue:
    """The part of the time that servers are busy, how often a request has to wait, and mean and 95th percentile of the
    seconds until its answer; infinite where more comes than can be served."""

    busy: float
    waits: float
    response: float
    p95: float


def queue(rate: float, service: float, servers: int, variation: float = 1.0) -> Queue:
    """Return what requests wait that come independently at `rate` a second and take `service` seconds of one of `servers`.

    Erlang's C, with the correction of Allen and Cunneen for service times whose standard deviation is `variation` times
    their mean. The 95th percentile takes waiting as exponential and the service at its mean: an estimate, not a bound.
    """
    load = rate * service
    busy = load / servers
    if busy >= 1:
        return Queue(busy, 1.0, inf, inf)
    waits = _erlang_c(load, servers)
    if not waits:
        return Queue(busy, 0.0, service, service)
    wait = (1 + variation**2) / 2 * waits * service / (servers - load)
    late = max(0.0, wait / waits * log(waits / 0.05))
    return Queue(busy, waits, service + wait, service + late)


def _erlang_c(load: float, servers: int) -> float:
    """Return how often all servers are busy, by the recursion that doesn't overflow."""
    blocked = 1.0
    for server in range(1, servers + 1):
        blocked = load * blocked / (server + load * blocked)
    return blocked / (1 - load / servers * (1 - blocked))
