"""Probing: a service looked into from outside and from inside, request by request; what is behind its time, bytes and capacity."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bmad_provisioner.engine.task import Inputs, Output
from bmad_provisioner.kinds.performance import causes
from bmad_provisioner.kinds.performance.asked import mix, wanted
from bmad_provisioner.kinds.performance.looked import Looked
from bmad_provisioner.kinds.performance.looking import look
from bmad_provisioner.kinds.performance.measured import MEASURED, Found, Part, Served
from bmad_provisioner.kinds.performance.outside import QUICK, USUAL
from bmad_provisioner.kinds.performance.packing import packed
from bmad_provisioner.kinds.performance.scratch import laid


def probe(inputs: Inputs) -> Output:
    """Look into a service; the fact `measured` is what its requests cost and why. Raises TaskError where it is never ready."""
    asked, target = wanted(inputs)
    asks = mix(inputs, target)
    with laid(inputs) as folder:
        seen = look(target, folder, inputs.turn, asks, QUICK if asked.quick else USUAL)
    found = Found(target.name, causes.found(seen, target.name), tuple(_said(seen)))
    served = Served(target.name, 0.0, {}, (), crowds=_crowds(seen))
    return Output(facts={MEASURED: packed(Part((served,), found=(found,)))})


def _crowds(seen: Sequence[Looked]) -> tuple[tuple[int, float], ...]:
    """Return how many requests a second were borne at so many at once, by the request that bears the fewest."""
    some = [one.crowds for one in seen if one.crowds]
    worst = min(some, key=lambda crowds: max(crowd.rate for crowd in crowds), default=())
    return tuple((crowd.many, crowd.rate) for crowd in worst)


def _said(seen: Sequence[Looked]) -> Iterator[str]:
    yield f"{len(seen)} requests, from outside and with a witness inside"
    for one in seen:
        if not one.same:
            yield f"{one.ask.method} {one.ask.path} says something else while it is looked into: nothing is concluded from inside"
        if not any(200 <= answer.status < 400 for answer in one.plain):
            status = one.plain[-1].problem or f"status {one.plain[-1].status}" if one.plain else "nothing"
            yield f"{one.ask.method} {one.ask.path} answers with {status}"
