"""Event: what happens, as values that listeners hear."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StepFinished:
    """A named step of a verb ended after `seconds` of wall clock."""

    step: str
    seconds: float


@dataclass(frozen=True, slots=True)
class TaskStarted:
    """A task left the queue; `lane` is the value of an `engine.task.Lane`."""

    task: str
    action: str
    lane: str = "here"


@dataclass(frozen=True, slots=True)
class TaskFinished:
    """A task ended: `status` is the value of an `engine.run.Status`."""

    task: str
    action: str
    status: str
    seconds: float
    lane: str = "here"


@dataclass(frozen=True, slots=True)
class TaskRetried:
    """A try of a task failed; try `number` comes after `seconds`."""

    task: str
    number: int
    seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class FellBack:
    """What runs the tasks failed, and something simpler goes on."""

    reason: str


@dataclass(frozen=True, slots=True)
class Warned:
    """Something works less well than it might, and what."""

    message: str


@dataclass(frozen=True, slots=True)
class ChangeCommitted:
    """A file was brought to its planned state; `gap` is the value of a `tree.model.Gap`."""

    path: str
    gap: str


@dataclass(frozen=True, slots=True)
class Progressed:
    """`done` of `total` units of a long step are through."""

    step: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Recovered:
    """An unfinished transaction of an earlier run was completed (`forward`) or taken back."""

    transaction: str
    forward: bool


@dataclass(frozen=True, slots=True)
class Waiting:
    """Another run holds the project; `owner` says which."""

    owner: str


Event = (
    StepFinished | TaskStarted | TaskFinished | TaskRetried | FellBack | Warned | ChangeCommitted | Progressed | Recovered | Waiting
)
Listener = Callable[[Event], None]


def silent(event: Event) -> None:
    """Hear nothing."""
