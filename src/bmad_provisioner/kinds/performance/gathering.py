"""Gathering: what all measuring tasks said, put together to one account."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, cast

from bmad_provisioner.digest import Plain
from bmad_provisioner.engine.task import Inputs
from bmad_provisioner.kinds.performance.machine import machine
from bmad_provisioner.kinds.performance.measured import MEASURED, Found, Noise, Part, Served
from bmad_provisioner.kinds.performance.order import order
from bmad_provisioner.kinds.performance.packing import unpacked
from bmad_provisioner.kinds.performance.report.account import BASELINE, Account

NOISE = "noise"


def account(inputs: Inputs) -> Account:
    """Return all that was measured so far; what failed is not in it."""
    noise = fact(inputs, NOISE, NOISE)
    parts = [unpacked(Part, said) for output in inputs.needs.values() if (said := output.facts.get(MEASURED)) is not None]
    served = _served(one for part in parts for one in part.served)
    busy = {one.target: one.shapes[BASELINE].busy for one in served if BASELINE in one.shapes}
    return Account(
        order(cast("Any", inputs.args["document"])),
        machine(),
        unpacked(Noise, noise) if noise is not None else None,
        served,
        tuple(one for part in parts for one in part.paged),
        tuple(one for part in parts for one in part.worked),
        found=_found((one for part in parts for one in part.found), busy),
    )


def fact(inputs: Inputs, task: str, name: str) -> Plain:
    """Return a fact of a task; `None` where it has none, or failed."""
    output = inputs.needs.get(task)
    return output.facts.get(name) if output is not None else None


def _served(some: Iterable[Served]) -> tuple[Served, ...]:
    """Return services, each with all that several tasks found out about it."""
    whole: dict[str, Served] = {}
    for one in some:
        known = whole.get(one.target)
        whole[one.target] = one if known is None else _joined(known, one)
    return tuple(whole.values())


def _joined(one: Served, other: Served) -> Served:
    return Served(
        one.target,
        one.ready or other.ready,
        {**one.shapes, **other.shapes},
        one.routes or other.routes,
        one.idle or other.idle,
        one.crowds or other.crowds,
    )


def _found(some: Iterable[Found], busy: dict[str, float]) -> tuple[Found, ...]:
    """Return what was found target by target, with how busy each was under its usual load."""
    whole: dict[str, Found] = {}
    for one in some:
        known = whole.get(one.target, Found(one.target, ()))
        causes = (*known.causes, *(replace(cause, busy=busy.get(one.target, 0.0)) for cause in one.causes))
        looked = (*known.looked, *one.looked)
        whole[one.target] = Found(one.target, causes, looked, (*known.missing, *one.missing), known.shares or one.shares)
    return tuple(whole.values())
