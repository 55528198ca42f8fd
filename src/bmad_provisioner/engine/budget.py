"""Budget: what a run may consume is reserved before it is spent, so that it stops before a limit and not after."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from bmad_provisioner.usage import Usage

RECENT = 5
"""How many of the last runs an estimate looks at."""
GRAIN = 1e-9
"""Dollars: less than this over a limit is the rounding of binary fractions, not money."""
_NOTHING = Usage()


@dataclass(frozen=True, slots=True)
class Limits:
    """US dollars, tokens, and seconds of wall clock; `None`: any."""

    cost: float | None = None
    tokens: int | None = None
    seconds: float | None = None


def estimate(history: Sequence[Usage], declared: Usage | None, own: Usage = _NOTHING) -> Usage:
    """Return what the next try of a task will at most consume, as far as known: the largest of what it says itself, of its last
    runs that succeeded, and of its `own` tries in this run, part by part.

    One that says nothing counts as free until it ran once.
    """
    return largest([*history[-RECENT:], declared or _NOTHING, own])


def largest(usages: Collection[Usage]) -> Usage:
    """Return the largest of some usages, part by part."""
    return Usage(
        max(usage.read for usage in usages),
        max(usage.written for usage in usages),
        max(usage.reused for usage in usages),
        max(usage.cost for usage in usages),
        max(usage.tries for usage in usages),
    )


class Budget:
    """The limits of one run and what was reserved and spent of them; safe to share among threads.

    As long as no task consumes more than it reserved, spent and reserved together never exceed a limit. Time starts
    when the budget is made.
    """

    def __init__(self, limits: Limits, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.limits = limits
        self._clock, self._started = clock, clock()
        self._spent = Usage()
        self._reserved: dict[str, Usage] = {}
        self._lock = threading.Lock()

    @property
    def spent(self) -> Usage:
        """Return what was settled so far."""
        return self._spent

    def reserve(self, task: str, asked: Usage) -> str:
        """Set `asked` aside for `task` in place of what it held, and return "", or one line that says why it cannot be."""
        with self._lock:
            held = [usage for name, usage in self._reserved.items() if name != task]
            reason = self._late() or self._dear(held, asked) or self._long(held, asked)
            if not reason:
                self._reserved[task] = asked
            return reason

    def settle(self, task: str, actual: Usage) -> None:
        """Give back what `task` reserved and count what it consumed; also for a try that failed."""
        with self._lock:
            self._reserved.pop(task, None)
            self._spent += actual

    def left(self) -> Limits:
        """Return what may still be reserved now; never below zero."""
        now = self._clock()
        with self._lock:
            held = tuple(self._reserved.values())
            spent, limits = self._spent, self.limits
        return Limits(
            None if limits.cost is None else max(0.0, limits.cost - spent.cost - sum(usage.cost for usage in held)),
            None if limits.tokens is None else max(0, limits.tokens - spent.tokens - sum(usage.tokens for usage in held)),
            None if limits.seconds is None else max(0.0, limits.seconds - (now - self._started)),
        )

    def _late(self) -> str:
        limit, passed = self.limits.seconds, self._clock() - self._started
        if limit is None or passed < limit:
            return ""
        return f"the time limit of {limit:,.0f} s is reached: {passed:,.0f} s passed"

    def _dear(self, held: Sequence[Usage], asked: Usage) -> str:
        limit, spent, reserved = self.limits.cost, self._spent.cost, sum(usage.cost for usage in held)
        if limit is None or spent + reserved + asked.cost <= limit + GRAIN:
            return ""
        parts = f"${spent:,.4f} spent, ${reserved:,.4f} reserved, ${asked.cost:,.4f} asked"
        return f"the cost limit of ${limit:,.2f} would be exceeded: {parts}"

    def _long(self, held: Sequence[Usage], asked: Usage) -> str:
        limit, spent, reserved = self.limits.tokens, self._spent.tokens, sum(usage.tokens for usage in held)
        if limit is None or spent + reserved + asked.tokens <= limit:
            return ""
        return f"the limit of {limit:,} tokens would be exceeded: {spent:,} spent, {reserved:,} reserved, {asked.tokens:,} asked"
