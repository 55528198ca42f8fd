"""Looked: all that was found out about one request of a service, from outside and by the witness inside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bmad_provisioner.kinds.performance.asking import Answer
from bmad_provisioner.kinds.performance.order import Ask
from bmad_provisioner.kinds.performance.tables import Scan
from bmad_provisioner.kinds.performance.testimony import Line, Testimony


@dataclass(frozen=True, slots=True)
class Doubled:
    """What became of a request whose number `name` was doubled twice: its sizes, the processor seconds of each, and what
    the witness saw of the largest."""

    name: str
    sizes: tuple[float, ...]
    costs: tuple[float, ...]
    largest: Testimony = Testimony()


@dataclass(frozen=True, slots=True)
class Crowd:
    """How many requests a second were answered by so many at once, and the processors that were busy with it."""

    many: int
    rate: float
    busy: float


@dataclass(frozen=True, slots=True)
class Growth:
    """What a service holds on to: bytes a request in a first and a second window of requests, and by line where it was told."""

    first: float
    second: float
    lines: Mapping[Line, float]


@dataclass(frozen=True, slots=True)
class Looked:
    """One request of the mix. `first` is the answer right after the start, `plain` are steady ones without the witness;
    `inside` is what the witness told of `asked` answers with it, `cold` of the first one. `same`: both said the same."""

    ask: Ask
    first: Answer
    plain: tuple[Answer, ...]
    cpu: float
    asked: tuple[Answer, ...] = ()
    inside: Testimony = Testimony()
    cold: Testimony = Testimony()
    same: bool = True
    scans: tuple[Scan, ...] = ()
    doubled: tuple[Doubled, ...] = ()
    crowds: tuple[Crowd, ...] = ()
    crowded: Testimony = Testimony()
    growth: Growth | None = None
