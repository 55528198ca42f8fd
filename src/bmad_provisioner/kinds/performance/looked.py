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
    the witness saw of the largest, which was asked for as `asked`."""

    name: str
    sizes: tuple[float, ...]
    costs: tuple[float, ...]
    largest: Testimony = Testimony()
    asked: Ask | None = None


@dataclass(frozen=True, slots=True)
class Crowd:
    """How many requests a second were answered by so many at once, and the processors that were busy with it."""

    many: int
    rate: float
    busy: float


@dataclass(frozen=True, slots=True)
class Growth:
    """What a service holds on to: bytes a request in the first and in the last window of requests, by line where it was told
    (only lines that held on to more in every window), and after how many requests that was."""

    first: float
    second: float
    lines: Mapping[Line, float]
    asked: int = 0


@dataclass(frozen=True, slots=True)
class Looked:
    """One request of the mix.

    `first` is the answer right after the start, `plain` are steady ones without the witness;
    `cpu` the processor seconds of one (`None`: not to be told), `idle` those in which nothing of it could have run;
    `again` is the answer right after another start, `inside` what the witness told of `asked` answers with it, `cold` of the
    first one. `same`: both said the same. `witnessed`: there was a witness in the process at all.
    `repeated`: of the lines that were seen or heard, those in the body of a loop; `shared`: those that ask several statements,
    or serve several requests: no place to blame. `processes`: how many serve.
    """

    ask: Ask
    first: Answer
    plain: tuple[Answer, ...]
    cpu: float | None
    idle: float | None = None
    again: Answer | None = None
    asked: tuple[Answer, ...] = ()
    inside: Testimony = Testimony()
    cold: Testimony = Testimony()
    same: bool = True
    witnessed: bool = False
    scans: tuple[Scan, ...] = ()
    doubled: tuple[Doubled, ...] = ()
    crowds: tuple[Crowd, ...] = ()
    crowded: Testimony = Testimony()
    growth: Growth | None = None
    repeated: frozenset[Line] = frozenset()
    shared: frozenset[Line] = frozenset()
    processes: int = 1
