"""Forecast: which agents a plan would have run, why, and what that may cost, before anything is spent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bmad_provisioner.plan import Plan, Step
from bmad_provisioner.session import Session
from bmad_provisioner.usage import Usage

if TYPE_CHECKING:
    from bmad_provisioner.engine.history import Ran
    from bmad_provisioner.likeness import Like

# What looks back is imported when something is held: the commonest forecast is that nothing will run.
# ruff: noqa: PLC0415

_ASKED = "it was asked for"
NOTHING, FULL, SELECTIVE, INCREMENTAL = "nothing to run", "full rebuild", "selective", "incremental"


@dataclass(frozen=True, slots=True)
class Prospect:
    """One agent that would run. It is not `certain` where what it reads is made by another that runs first: that one
    may say the same as before. `seconds` and `usage` are those of its last times; zero where it never ran.
    """

    task: str
    certain: bool
    because: tuple[str, ...]
    seconds: float
    usage: Usage
    known: bool


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a run would do: its strategy, and its agents.

    `full rebuild`: every agent runs, for the first time or because that was asked for. `selective`: some run because they
    themselves were changed or asked for. `incremental`: some run because what they read changed. `like` is the earlier
    request that this one is most like.
    """

    strategy: str
    agents: tuple[Prospect, ...]
    cached: int
    like: Like | None = None

    def sum(self, *, certain: bool) -> tuple[float, Usage]:
        """Return seconds of work and usage of the agents, only the certain ones or all."""
        chosen = [one for one in self.agents if one.certain or not certain]
        return sum(one.seconds for one in chosen), sum((one.usage for one in chosen), Usage())


def forecast(session: Session, made: Plan) -> Forecast:
    """Return what running a plan, made with everything external held back, would do."""
    asking = [step for step in made.steps if step.asks]
    held = [step for step in asking if step.status == "held"]
    if not held:
        return nothing(made)
    from bmad_provisioner.engine.history import DiskHistory
    from bmad_provisioner.likeness import most_like

    history = DiskHistory(session.blobs, of=made.document)
    agents = tuple(_prospect(step, history.of(step.task)) for step in held)
    cached = sum(step.status == "cached" for step in asking)
    return Forecast(_strategy(agents, cached), agents, cached, most_like(session, made))


def nothing(made: Plan) -> Forecast:
    """Return the forecast of a plan in which nothing is held back."""
    return Forecast(NOTHING, (), sum(step.asks and step.status == "cached" for step in made.steps))


def _prospect(step: Step, past: Sequence[Ran]) -> Prospect:
    from bmad_provisioner.engine.budget import estimate

    done = [ran for ran in past if ran.status == "done"][-5:]
    seconds = sum(ran.seconds for ran in done) / len(done) if done else 0.0
    spent = estimate([ran.usage for ran in done], None)
    return Prospect(step.task, bool(step.because), step.because, seconds, spent, bool(done))


def _strategy(agents: Sequence[Prospect], cached: int) -> str:
    asked = any(reason.startswith(_ASKED) for one in agents for reason in one.because)
    if not cached and (asked or not any(one.known for one in agents)):
        return FULL
    own = ("argument ", "action ", "runtime version", _ASKED)
    return SELECTIVE if any(reason.startswith(own) for one in agents for reason in one.because) else INCREMENTAL
