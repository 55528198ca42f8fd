"""Breaker: who fails again and again is left alone for a while, then tried by one caller only."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol


@dataclass(frozen=True, slots=True)
class State:
    """What is known of one name: closed unless `opened`; times in seconds of the clock.

    `failures` are those in a row, `opened` is when it last opened, `probed` when the one probe was let through, and
    `turn` counts the changes: a permit of another turn has no say any more.
    """

    failures: int = 0
    opened: float | None = None
    probed: float | None = None
    turn: int = 0

    @property
    def phase(self) -> str:
        """Return `closed`, `open`, or `half-open` while a probe is out."""
        if self.opened is None:
            return "closed"
        return "open" if self.probed is None else "half-open"


UNKNOWN = State()


@dataclass(frozen=True, slots=True)
class Permit:
    """The right to one call; give it back by `succeeded`, `failed` or `released`."""

    name: str
    turn: int


class BreakerStore(Protocol):
    """Where states outlive a process."""

    def load(self) -> Mapping[str, State]:
        """Return every state that was saved."""

    def save(self, name: str, state: State) -> None:
        """Keep the state of `name`."""


class MemoryStore:
    """A store that ends with the process."""

    def __init__(self) -> None:
        self._states: dict[str, State] = {}

    def load(self) -> Mapping[str, State]:
        """Return every state that was saved."""
        return dict(self._states)

    def save(self, name: str, state: State) -> None:
        """Keep the state of `name`."""
        self._states[name] = state


class Breakers:
    """One circuit breaker a name; safe to share among threads.

    Closed until `failures` in a row, or one that bars everybody; then open for `cool_off` seconds; then exactly one
    probe goes through, whose result closes or opens it. A probe that does not report within `lease` seconds has lost its
    turn. Probes of an earlier process are gone with it. A clock that was set back keeps no breaker open: a probe goes
    through.
    """

    def __init__(
        self,
        store: BreakerStore,
        *,
        clock: Callable[[], float] = time.time,
        failures: int = 5,
        cool_off: float = 30.0,
        lease: float = 600.0,
    ) -> None:
        self._store, self._clock = store, clock
        self._failures, self._cool_off, self._lease = failures, cool_off, lease
        self._states = {name: replace(state, probed=None) for name, state in store.load().items()}
        self._lock = threading.Lock()

    def ask(self, name: str, *, now: bool = False) -> Permit | float:
        """Return a permit to call `name`, or the seconds after which to ask again (sooner, if the probe reports sooner).

        Who is asked to try it `now` is the probe, though it did not cool off, unless somebody is it already.
        """
        with self._lock:
            state = self._states.get(name, UNKNOWN)
            if state.opened is None:
                return Permit(name, state.turn)
            wait = 0.0 if now and state.probed is None else self._wait(state)
            if wait > 0:
                return wait
            self._set(name, replace(state, probed=self._clock(), turn=state.turn + 1))
            return Permit(name, state.turn + 1)

    def succeeded(self, permit: Permit) -> None:
        """Note that the call went well."""
        with self._lock:
            state = self._current(permit)
            if state is not None and state.opened is not None:
                self._set(permit.name, State(turn=state.turn + 1))
            elif state is not None and state.failures:
                self._set(permit.name, State(turn=state.turn))

    def failed(self, permit: Permit, *, barred: bool = False) -> None:
        """Note a failure that says something of the other side; `barred`: it refuses everybody until somebody acts."""
        with self._lock:
            state = self._current(permit)
            if state is None:
                return
            count = state.failures + 1
            if barred or state.opened is not None or count >= self._failures:
                self._set(permit.name, State(count, self._clock(), None, state.turn + 1))
            else:
                self._set(permit.name, replace(state, failures=count))

    def released(self, permit: Permit) -> None:
        """Give a permit back without a judgement: the call was cancelled, or failed for a reason of its own."""
        with self._lock:
            state = self._current(permit)
            if state is not None and state.probed is not None:
                self._set(permit.name, replace(state, probed=None, turn=state.turn + 1))

    def states(self) -> dict[str, State]:
        """Return the state of every name that ever failed."""
        with self._lock:
            return dict(self._states)

    def _current(self, permit: Permit) -> State | None:
        state = self._states.get(permit.name, UNKNOWN)
        return state if state.turn == permit.turn else None

    def _wait(self, state: State) -> float:
        since, period = (state.opened, self._cool_off) if state.probed is None else (state.probed, self._lease)
        elapsed = self._clock() - (since or 0.0)
        return period - elapsed if 0 <= elapsed < period else 0.0

    def _set(self, name: str, state: State) -> None:
        self._states[name] = state
        self._store.save(name, state)
