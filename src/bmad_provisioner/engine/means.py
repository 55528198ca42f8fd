"""Means: what a run is handed, and the ways in which it may go about its work."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from random import random

from bmad_provisioner.digest import Digest, Entry
from bmad_provisioner.engine.breaker import Breakers, MemoryStore
from bmad_provisioner.engine.budget import Budget, Limits
from bmad_provisioner.engine.cache import Cache
from bmad_provisioner.engine.history import History, NoHistory
from bmad_provisioner.engine.lanes import Lanes, Local
from bmad_provisioner.engine.ready import Capacity
from bmad_provisioner.engine.task import View
from bmad_provisioner.event import Listener


@dataclass(frozen=True, slots=True)
class Means:
    """What a run is handed: where it reads, keeps and remembers, whom it tells, and its clock (seconds).

    `fetch` returns bytes whole, `parts` part by part, where they are kept so.
    """

    view: View
    cache: Cache
    keep: Callable[..., Entry]
    fetch: Callable[[Digest], bytes]
    emit: Listener
    clock: Callable[[], float] = time.perf_counter
    parts: Callable[[Digest], Iterable[bytes]] | None = None


def _local() -> Lanes:
    return Local()


@dataclass(frozen=True, slots=True)
class Ways:
    """How to run: in how much room, on which lanes (each the fallback of the one before; the last resort is one task
    after the other), within which budget, and what is known of earlier runs.

    `timeout` is the seconds every try may take, over what its policy says; without `sequential` there is no last resort.
    `again` names tasks that are asked again whatever the cache knows; `*` is every external one. `released` names actions that
    run though everything else that asks the outside world is held back.
    """

    capacity: Capacity = Capacity()
    lanes: Sequence[Callable[[], Lanes]] = (_local,)
    breakers: Breakers = field(default_factory=lambda: Breakers(MemoryStore()))
    budget: Budget = field(default_factory=lambda: Budget(Limits()))
    history: History = field(default_factory=NoHistory)
    again: frozenset[str] = frozenset()
    released: frozenset[str] = frozenset()
    timeout: float | None = None
    sequential: bool = True
    random: Callable[[], float] = random
