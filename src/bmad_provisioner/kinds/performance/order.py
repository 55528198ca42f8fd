"""Order: what a Performance document asks for, read from data that `check` has found right: seconds, bytes, per second."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from bmad_provisioner.digest import Plain
from bmad_provisioner.kinds.performance import quantities
from bmad_provisioner.kinds.performance.arrivals import Stretch

GOALS: Mapping[str, Callable[[Any], float]] = {
    "lcp": quantities.seconds, "inp": quantities.seconds, "cls": float, "ttfb": quantities.seconds, "p50": quantities.seconds,
    "p95": quantities.seconds, "p99": quantities.seconds, "throughput": quantities.rate, "error_rate": quantities.share,
    "peak_memory": quantities.size, "bundle": quantities.size, "duration": quantities.seconds,
}  # fmt: skip
"""What can be a goal, and how its value is read."""
SOURCES = ("**", "!performance/**", "!docs/**", "!test/**", "!tests/**", "!.*/**", "!**/*.md")
"""What usually decides how fast something is: all but what tells of it, and what tests it."""
SERVICE, COMMAND, FUNCTION, DATABASE = "service", "command", "function", "database"


@dataclass(frozen=True, slots=True)
class Ask:
    """One request of a mix."""

    path: str
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Target:
    """What is measured; `sort` says which of the fields matter. Times in seconds."""

    name: str
    sort: str
    url: str = ""
    start: tuple[str, ...] = ()
    ready: str = "/"
    wait: float = 30.0
    pages: tuple[str, ...] = ()
    requests: tuple[Ask, ...] = ()
    command: tuple[str, ...] = ()
    python: str = ""
    args: Mapping[str, Plain] = field(default_factory=dict)
    dsn_env: str = ""
    inputs: tuple[str, ...] = ()
    env: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Load:
    """The usual load, how many times it is raised, the peak, and how long it is kept up (0: not at all)."""

    baseline: Stretch = Stretch(20.0, 20.0)
    stress: float = 3.0
    spike: float = 5.0
    spike_seconds: float = 5.0
    soak: float = 0.0


@dataclass(frozen=True, slots=True)
class Capacity:
    """The rate to be ready for (0: twice the usual), the hours until a restart, and the file with prices."""

    rate: float = 0.0
    hours: float = 24.0
    prices: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """All that a document asks for; `effect` is relative."""

    name: str
    targets: tuple[Target, ...]
    sources: tuple[str, ...] = SOURCES
    goals: Mapping[str, float] = field(default_factory=dict)
    load: Load = Load()
    effort: Mapping[str, float] = field(default_factory=dict)
    team: str = ""
    wins: bool = True
    against: str = ""
    effect: float = 0.03
    quick: bool = False
    capacity: Capacity = Capacity()
    pipeline: tuple[str, ...] = ()
    storage: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()

    @property
    def folder(self) -> str:
        """Where its files are."""
        return f"performance/{self.name}"


def order(data: Mapping[str, Plain]) -> Order:
    """Return what the data of a document asks for; raises ValueError where a quantity is none."""
    raw = cast("Mapping[str, Any]", data)
    roadmap = cast("Mapping[str, Any]", raw.get("roadmap") or {})
    return Order(
        str(raw["name"]),
        tuple(_target(name, one) for name, one in raw["targets"].items()),
        _texts(raw.get("sources"), SOURCES),
        {name: GOALS[name](value) for name, value in (raw.get("goals") or {}).items() if value is not None},
        _load(raw.get("load") or {}),
        {str(name): float(days) for name, days in (roadmap.get("effort") or {}).items()},
        str(roadmap.get("team") or ""),
        bool(roadmap.get("quick_wins", True)),
        str(raw.get("against") or ""),
        quantities.share(raw.get("effect", "3%")),
        bool(raw.get("quick", False)),
        _capacity(raw.get("capacity") or {}),
        _texts(raw.get("pipeline")),
        _texts(raw.get("storage")),
        _texts(raw.get("imports")),
    )


def _capacity(raw: Mapping[str, Any]) -> Capacity:
    rate = quantities.rate(str(raw["rate"])) if raw.get("rate") else 0.0
    return Capacity(rate, float(raw.get("hours", 24)), str(raw.get("prices") or ""))


def _target(name: str, raw: Mapping[str, Any]) -> Target:
    sorts = {"url": SERVICE, "command": COMMAND, "python": FUNCTION, "dsn_env": DATABASE}
    return Target(
        name,
        next((sort for key, sort in sorts.items() if raw.get(key)), ""),
        str(raw.get("url") or ""),
        _words(raw.get("start")),
        str(raw.get("ready", "/")),
        quantities.seconds(raw.get("wait", "30s")),
        _texts(raw.get("pages")),
        tuple(_ask(one) for one in raw.get("requests") or ()),
        _words(raw.get("command")),
        str(raw.get("python") or ""),
        cast("Mapping[str, Plain]", _numbers(raw.get("args") or {})),
        str(raw.get("dsn_env") or ""),
        _texts(raw.get("inputs")),
        _texts(raw.get("env")),
    )


def _ask(raw: str | Mapping[str, Any]) -> Ask:
    if isinstance(raw, str):
        return Ask(raw)
    headers = tuple((str(name), str(value)) for name, value in (raw.get("headers") or {}).items())
    return Ask(str(raw["path"]), str(raw.get("method", "GET")), headers, str(raw.get("body", "")), float(raw.get("weight", 1)))


def _load(raw: Mapping[str, Any]) -> Load:
    rate, _, long = str(raw.get("baseline", "20/s for 20s")).partition(" for ")
    factor, _, peak = str(raw.get("spike", "5x for 5s")).partition(" for ")
    return Load(
        Stretch(quantities.rate(rate), quantities.seconds(long)),
        quantities.factor(str(raw.get("stress", "3x"))),
        quantities.factor(factor),
        quantities.seconds(peak),
        quantities.seconds(raw.get("soak") or 0),
    )


def _numbers(value: Plain) -> Plain:
    """Return arguments with the numbers that have a point in them as such."""
    if isinstance(value, Mapping):
        return {name: _numbers(one) for name, one in value.items()}
    return [_numbers(one) for one in value] if isinstance(value, list | tuple) else cast("Plain", quantities.number(value))


def _words(value: Plain) -> tuple[str, ...]:
    return tuple(shlex.split(value)) if isinstance(value, str) else _texts(value)


def _texts(value: Plain, default: tuple[str, ...] = ()) -> tuple[str, ...]:
    return tuple(map(str, cast("Sequence[Plain]", value))) if isinstance(value, list | tuple) else default
