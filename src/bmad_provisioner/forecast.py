"""Forecast: which agents a plan would have run, why, and what that may cost, before anything is spent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bmad_provisioner.engine.budget import estimate
from bmad_provisioner.engine.history import DiskHistory, Ran
from bmad_provisioner.likeness import Like, most_like
from bmad_provisioner.plan import Plan, Step
from bmad_provisioner.session import Session
from bmad_provisioner.usage import Usage

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

    `full rebuild`: every agent runs. `selective`: some run because they themselves were changed or asked for.
    `incremental`: some run because what they read changed. `like` is the earlier request that this one is most like.
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
    history = DiskHistory(session.blobs) if held else None
    agents = tuple(_prospect(step, history.of(step.task) if history else ()) for step in held)
    like = most_like(session, made) if held else None
    return Forecast(_strategy(asking, held), agents, sum(step.status == "cached" for step in asking), like)


def _prospect(step: Step, past: Sequence[Ran]) -> Prospect:
    done = [ran for ran in past if ran.status == "done"][-5:]
    seconds = sum(ran.seconds for ran in done) / len(done) if done else 0.0
    spent = estimate([ran.usage for ran in done], None)
    return Prospect(step.task, bool(step.because), step.because, seconds, spent, bool(done))


def _strategy(asking: Sequence[Step], held: Sequence[Step]) -> str:
    if not held:
        return NOTHING
    if len(held) == len(asking):
        return FULL
    own = ("argument ", "action ", "it was asked for")
    return SELECTIVE if any(reason.startswith(own) for step in held for reason in step.because) else INCREMENTAL
