"""Facts: what a project's files say that matters to its speed, each with the place that says it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

LANGUAGE, FRAMEWORK, SERVER = "language", "framework", "server"
DATABASE, CACHE, QUEUE, DRIVER = "database", "cache", "queue", "access to stores"
METRICS, TRACING, LOGGING = "metrics", "tracing", "logging"
BENCHMARK, LOAD_TEST, BUDGET, CI, CONTAINER = "benchmark", "load test", "budget", "CI", "container"
ANY = "ANY"
"""The method of a route that does not say which ones it takes."""


@dataclass(frozen=True, slots=True, order=True)
class At:
    """A place in a file; no line: the file as a whole."""

    path: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.path}:{self.line}" if self.line else self.path


@dataclass(frozen=True, slots=True, order=True)
class Thing:
    """Something that is there: the part it plays, its name, where that is said, and by which words."""

    role: str
    name: str
    at: At
    said: str = ""


@dataclass(frozen=True, slots=True)
class App:
    """Where an application is made: its framework, the variable or the function that gives it."""

    framework: str
    name: str
    at: At
    factory: bool = False


@dataclass(frozen=True, slots=True)
class Program:
    """A Python file that can be run: whether it is a package's `__main__`, wants arguments or a person, the port it opens (0: it
    says none; `None`: it opens none), and whether that port is the one argument it takes."""

    at: At
    package: bool
    asks: bool
    port: int | None = None
    told: bool = False


@dataclass(frozen=True, slots=True)
class Start:
    """A command that the project names for starting itself."""

    command: str
    at: At


@dataclass(frozen=True, slots=True, order=True)
class Setting:
    """The NAME of an environment variable that is read; never its value. Without a `required` one nothing starts."""

    name: str
    at: At
    required: bool = False


@dataclass(frozen=True, slots=True)
class Route:
    """What a service answers: a method, a path with `{names}` in it, the handler with its place, and whether it makes a page."""

    method: str
    path: str
    handler: str
    at: At
    framework: str = ""
    page: bool = False

    @property
    def gets(self) -> bool:
        """Whether it can be asked for without changing anything."""
        return self.method in ("GET", ANY)


@dataclass(frozen=True, slots=True)
class Operation:
    """What an OpenAPI file promises; `example` is its path with values filled in, empty where the file holds none."""

    method: str
    path: str
    example: str
    at: At


@dataclass(frozen=True, slots=True)
class Traffic:
    """Requests of one shape in a log: how many, how many of them failed (5xx), how many were refused (4xx), an example of one
    that worked, and seconds where the log has them."""

    method: str
    path: str
    example: str
    count: int
    failed: int
    refused: int
    p50: float | None = None
    p95: float | None = None


@dataclass(frozen=True, slots=True)
class Log:
    """An access log: requests in it, how many there were a second in its busiest minute, lines that are no requests, and
    whether only its end was read."""

    at: At
    count: int
    peak: float
    traffic: tuple[Traffic, ...]
    other: int = 0
    partly: bool = False


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit that the project set itself, as it is written; in the unit of our goal where there is such a one (else no metric)."""

    metric: str
    value: float
    said: str
    tool: str
    at: At


@dataclass(frozen=True, slots=True)
class Unread:
    """What could not be read, and why."""

    at: At
    why: str


@dataclass(frozen=True, slots=True)
class Found:
    """Everything found; `left_out` counts files beyond what is looked at."""

    things: tuple[Thing, ...] = ()
    apps: tuple[App, ...] = ()
    programs: tuple[Program, ...] = ()
    starts: tuple[Start, ...] = ()
    ports: tuple[tuple[int, At], ...] = ()
    settings: tuple[Setting, ...] = ()
    routes: tuple[Route, ...] = ()
    operations: tuple[Operation, ...] = ()
    logs: tuple[Log, ...] = ()
    limits: tuple[Limit, ...] = ()
    pages: tuple[str, ...] = ()
    unread: tuple[Unread, ...] = ()
    left_out: int = 0

    def of(self, *roles: str) -> tuple[Thing, ...]:
        """Return what plays one of the parts: each name once, where it was found first."""
        return firsts(thing for role in roles for thing in self.things if thing.role == role)

    def has(self, role: str, *names: str) -> Thing | None:
        """Return the first thing of a part with one of the names."""
        return next((thing for thing in self.things if thing.role == role and thing.name in names), None)


def firsts(things: Iterable[Thing]) -> tuple[Thing, ...]:
    """Return things with each name once."""
    kept: dict[tuple[str, str], Thing] = {}
    for thing in things:
        kept.setdefault((thing.role, thing.name), thing)
    return tuple(kept.values())
