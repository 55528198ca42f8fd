"""Ways: what a run of a graph is equipped with, from the document, the settings, the machine and earlier runs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bmad_provisioner.engine.cache import Cache, Hit
from bmad_provisioner.engine.graph import Graph
from bmad_provisioner.engine.means import Ways
from bmad_provisioner.engine.ready import Capacity
from bmad_provisioner.engine.task import Lane, Resources
from bmad_provisioner.event import Warned
from bmad_provisioner.kind import Demands
from bmad_provisioner.session import Session

if TYPE_CHECKING:
    from bmad_provisioner.engine.eviction import Bounded
    from bmad_provisioner.engine.history import DiskHistory
    from bmad_provisioner.engine.lanes import Lanes
    from bmad_provisioner.engine.levels import Levels
    from bmad_provisioner.engine.shared import Shared

# What only a graph needs that takes its time is imported when there is one: most plans do nothing but render.
# ruff: noqa: PLC0415


@dataclass(frozen=True, slots=True)
class Kit:
    """The ways of a run, and the cache it asks."""

    ways: Ways
    cache: Cache


@contextmanager
def equipped(session: Session, demands: Demands, graph: Graph, *, of: str, on: str = "") -> Iterator[Kit]:
    """Equip a run of the document `of`; what was counted while it ran is kept when it ends.

    Raises UsageError where `on` cannot be a cluster, though nothing may have to run there.
    """
    if on:
        from bmad_provisioner.engine.distributed import check

        check(on)
    if all(task.action.lane is Lane.HERE for task in graph):
        from bmad_provisioner.engine.disk import DiskCache

        yield Kit(Ways(), DiskCache(session.blobs, of=of))
        return
    if session.settings.values.benchmark_mode:
        from bmad_provisioner.engine.cache import MemoryCache

        yield Kit(_ways(session, demands, of, on), MemoryCache())
        return
    with levels(session, of) as cache:
        yield Kit(_ways(session, demands, of, on), cache)
        cache.trim(session.settings.values.disk_cache_size)


@contextmanager
def levels(session: Session, of: str = "") -> Iterator[Levels]:
    """Open the levels of the cache that outlive a process, for the document `of`: the disk, and the shared one where the
    settings name a server.
    """
    from bmad_provisioner.engine.levels import Levels

    values = session.settings.values
    ttl = {"disk": values.disk_cache_ttl, "shared": values.shared_cache_ttl}
    far = _shared(session)
    try:
        yield Levels(session.blobs, memory=_memory(session), shared=far, ttl={"memory": values.memory_cache_ttl, **ttl}, of=of)
    finally:
        if far is not None:
            far.close()


def _memory(session: Session) -> Bounded[Hit]:
    from bmad_provisioner.engine.eviction import Bounded

    values = session.settings.values
    return Bounded[Hit](values.memory_cache_size, policy=values.memory_cache_policy)


def _ways(session: Session, demands: Demands, of: str, on: str) -> Ways:
    from bmad_provisioner.engine.breaker import Breakers
    from bmad_provisioner.engine.budget import Budget, Limits
    from bmad_provisioner.engine.circuits import DiskStore
    from bmad_provisioner.engine.history import DiskHistory

    values = session.settings.values
    history, store = DiskHistory(session.blobs, of=of), DiskStore(session.blobs)
    session.blobs.relax()  # after all that makes a table
    return Ways(
        capacity=_capacity(session, demands, history),
        lanes=_lanes(values.parallel_execution_enabled, on),
        breakers=Breakers(store, failures=demands.failures, cool_off=demands.cool_off),
        budget=Budget(Limits(demands.cost, demands.tokens, demands.seconds)),
        history=history,
        sequential=demands.sequential,
        timeout=values.task_timeout_seconds,
    )


def _shared(session: Session) -> Shared | None:
    values = session.settings.values
    if values.shared_cache_url is None:
        return None
    from bmad_provisioner.engine.shared import Shared

    secret = values.shared_cache_secret.encode() if values.shared_cache_secret else None
    return Shared(values.shared_cache_url, secret=secret, warn=lambda message: session.emit(Warned(message)))


def _capacity(session: Session, demands: Demands, history: DiskHistory) -> Capacity:
    """Return how much room there is: what the settings or the document ask for, as far as the machine can bear it."""
    from bmad_provisioner.engine.profile import Profile, fit, look, named, size

    values, machine = session.settings.values, look()
    name = values.profile or demands.profile
    if name == "auto":
        profile = size(machine, history.peaks())
    elif demands.slots is not None and values.profile is None:
        each = demands.each
        profile = Profile(name, demands.slots, each.memory, each.cpu)
    else:
        profile = named(name)
    profile, reason = fit(profile, machine)
    if reason:
        session.emit(Warned(reason))
    slots = values.max_concurrent_agents or profile.slots
    each = Resources(profile.memory, profile.cpu)
    return Capacity(slots, slots * profile.memory, slots * profile.cpu, os.cpu_count() or 1, each)


def _lanes(parallel: bool, on: str) -> tuple[Callable[[], Lanes], ...]:
    from bmad_provisioner.engine.lanes import Local, Sequential

    def local() -> Lanes:
        return Local(os.cpu_count() or 1)

    def cluster() -> Lanes:
        from bmad_provisioner.engine.distributed import Cluster

        return Cluster(on)

    if not parallel:
        return (Sequential,)
    return (cluster, local) if on else (local,)
