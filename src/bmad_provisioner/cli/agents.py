"""Agents on the screen: what a run would do and cost, what it did, and the question in between."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from bmad_provisioner.cli.tell import FAILED, counted, out, say
from bmad_provisioner.digest import Plain
from bmad_provisioner.errors import UsageError
from bmad_provisioner.plan import Plan, Step
from bmad_provisioner.usage import Usage

if TYPE_CHECKING:
    from bmad_provisioner import api
    from bmad_provisioner.forecast import Forecast, Prospect
    from bmad_provisioner.likeness import Like
    from bmad_provisioner.session import Session

_MARKS = {
    "done": ("*", "green"),
    "cached": ("=", None),
    "failed": ("!", "red"),
    "skipped": ("-", "yellow"),
    "held": ("?", "magenta"),
    "idle": ("-", None),
}


def confirm(question: str, *, yes: bool) -> None:
    """Ask, unless told not to; ends the verb when the answer is no, raises UsageError when there is nobody to ask."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("there is nobody to ask", hint="`--yes` does it without asking")
    if not click.confirm(question, err=True):
        say("nothing was changed")
        raise click.exceptions.Exit(FAILED)


def forecast_text(cast: Forecast) -> None:
    """Print which agents would run and why, and what that may cost."""
    certain, possible = (cast.sum(certain=True), cast.sum(certain=False))
    out(f"{cast.strategy}: {len(cast.agents)} to run, {cast.cached} cached", bold=True)
    for one in cast.agents:
        out(f"  {'*' if one.certain else '?'} {one.task}  {_reason(one)}{_known(one)}")
    if any(one.known for one in cast.agents):
        low, high = _spent(*certain), _spent(*possible)
        out(f"  expected: {low}{f' to {high}' if high != low else ''}, by their last runs")
    if cast.like is not None:
        out(f"  {_likeness(cast.like)}")


def _likeness(like: Like) -> str:
    day = datetime.fromtimestamp(like.at, UTC).strftime("%Y-%m-%d")
    names = ", ".join(like.differing[:4]) + (f" and {len(like.differing) - 4} more" if len(like.differing) > 4 else "")
    return f"like the request of {day}: {len(like.differing)} of {like.total} requirements differ: {names}"


def _reason(one: Prospect) -> str:
    return (
        "; ".join(one.because[:3]) + (f" and {len(one.because) - 3} more" if len(one.because) > 3 else "")
        if one.certain
        else "it waits for others that run; it runs if they say something new"
    )


def _known(one: Prospect) -> str:
    return f"  (last time {_spent(one.seconds, one.usage)})" if one.known else ""


def _spent(seconds: float, usage: Usage) -> str:
    parts = [f"{seconds:.1f} s"]
    parts += [f"{usage.tokens:,} tokens"] if usage.tokens else []
    parts += [f"${usage.cost:.4f}"] if usage.cost else []
    return ", ".join(parts)


def ran_text(made: Plan, *, seconds: float) -> None:
    """Print how each agent ended, and what the run took and saved."""
    steps = [step for step in made.steps if not step.quiet or step.status == "failed"]
    width = max((len(step.task) for step in steps), default=0)
    for step in steps:
        status = "idle" if step.idle else step.status
        mark, colour = _MARKS[status]
        files = counted(step.count, "file") if status in ("done", "cached") else ""
        out(f"  {mark} {step.task:<{width}}  {status:<7} {files:<9} {_remark(step, status)}", colour=colour)
    out(_sums(made.steps, seconds), bold=True)


def _remark(step: Step, status: str) -> str:
    remarks = {
        "done": _spent(step.seconds, step.usage),
        "cached": f"from {step.level}",
        "failed": step.error,
        "idle": "the request does not concern it",
    }
    return remarks.get(status, "")


def _sums(steps: Sequence[Step], seconds: float) -> str:
    told = [step for step in steps if not (step.quiet or step.idle)]
    ran = [step for step in told if step.status == "done" or (step.status == "failed" and step.usage.tries)]
    cached = [step for step in told if step.status == "cached"]
    spent = sum((step.usage for step in ran), Usage())
    parts = [f"{counted(len(ran), 'agent')} ran in {_spent(seconds, spent)}{_energy(ran)}"]
    if cached:
        saved = sum((step.usage for step in cached), Usage())
        parts.append(f"{len(cached)} from the cache, which saved {_spent(sum(step.seconds for step in cached), saved)}")
    return "; ".join(parts)


def _energy(ran: Sequence[Step]) -> str:
    """Return an estimate of what the models consumed, where there is one."""
    wrote = [(step.model, step.usage.written, step.seconds) for step in ran if step.model and step.usage.written]
    if not wrote:
        return ""
    # Only where a model wrote something.
    from bmad_provisioner.telemetry.energy import Wrote, energy  # noqa: PLC0415

    found = energy(Wrote(*each) for each in wrote)
    if found is None:
        return ""
    low, high = f"{found.low:.1f}", f"{found.high:.1f}"
    return f", about {low if low == high else f'{low} to {high}'} Wh"


def forecast_plain(cast: Forecast) -> dict[str, Plain]:
    """Return a forecast as plain data."""
    like = cast.like
    return {
        "like": None if like is None else {"at": like.at, "differing": list(like.differing), "of": like.total},
        "strategy": cast.strategy,
        "cached": cast.cached,
        "agents": [
            {
                "task": one.task,
                "certain": one.certain,
                "because": list(one.because),
                "seconds": round(one.seconds, 3),
                "tokens": one.usage.tokens,
                "cost": one.usage.cost,
            }
            for one in cast.agents
        ],
    }


def gate(session: Session, request: api.Request, asking: api.Asking, *, yes: bool) -> None:
    """Say what will be asked of the outside world and what that may cost, and ask whether to, before anything is spent."""
    from dataclasses import replace  # noqa: PLC0415

    from bmad_provisioner import api  # noqa: PLC0415
    from bmad_provisioner.forecast import forecast  # noqa: PLC0415

    if yes or not request.kind.asks:
        return
    cast = forecast(session, api.plan(session, request, replace(asking, hold=True)))
    if cast.agents:
        forecast_text(cast)
        confirm(f"have {counted(len(cast.agents), 'agent')} run?", yes=False)
    else:
        cached_text(yes=False)


def cached_text(*, yes: bool) -> None:
    """Say, to who might have been asked, that there is nothing to ask."""
    if not yes:
        say("every agent is cached")
