"""Policy: how often a task is tried again, how long to wait before, and how long a try may take."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

RECENT = 20
"""How many of the last durations teach a timeout."""
ENOUGH = 3
"""With fewer known durations than this nothing was learnt yet."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What to do about a task that fails or does not end; all times in seconds.

    `retries` counts the tries after the first. `base` and `cap` bound the draw before a new try. `timeout` is fixed
    (`None`: any time) unless `adaptive`: then it is learnt from history, between `floor` and `ceiling`.
    """

    retries: int = 0
    base: float = 1.0
    cap: float = 60.0
    timeout: float | None = None
    adaptive: bool = False
    floor: float = 30.0
    ceiling: float = 3600.0


def may_retry(policy: Policy, effect_is_once: bool, number: int, heals: bool) -> bool:
    """Say whether try `number` (from 1), which failed after it started, is followed by another."""
    return heals and not effect_is_once and number <= policy.retries


def delay(policy: Policy, number: int, *, random: Callable[[], float], after: float | None = None) -> float:
    """Return the seconds between failed try `number` (from 1) and the next: exponential backoff with full jitter.

    `random` draws from [0, 1). `after` is what the server asked for (`Retry-After`): it is kept even above `cap`, up to
    `ceiling`, and the draw comes on top, so that all who were told the same do not return in the same instant.
    Source: Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """
    highest = min(policy.cap, policy.base * 2.0 ** min(number - 1, 64))
    return random() * highest + min(max(0.0, after or 0.0), policy.ceiling)


def timeout(policy: Policy, history: Sequence[float], failed: Sequence[float] = ()) -> float | None:
    """Return the seconds a try may take: fixed, or three times the 95th percentile (nearest rank) of the last durations.

    Those `failed` since teach only that it may take longer than that: the next may take twice as long as the longest of them.
    """
    if not policy.adaptive:
        return policy.timeout
    last = sorted(history[-RECENT:])
    if len(last) < ENOUGH:
        return policy.ceiling
    usual = last[math.ceil(0.95 * len(last)) - 1]
    return min(max(3 * usual, 2 * max(failed, default=0.0), policy.floor), policy.ceiling)
