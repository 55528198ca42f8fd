"""Order: what a Code document asks for, read from data that `check` has found right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from bmad_provisioner.digest import Plain

GROUPS = ("encoding", "indentation", "syntax", "imports", "awaits", "signatures")
"""What can be repaired."""
SURE = 0.8
"""How certain a repair has to be where nobody says: the measure that the benchmark of repair is taken with."""


@dataclass(frozen=True, slots=True)
class Verify:
    """A command that proves the files, in which scope, how many rounds it has, seconds a run, and variables it may see."""

    command: tuple[str, ...]
    affected: bool = True
    rounds: int = 3
    seconds: float = 600.0
    env: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Order:
    """Patterns of files, the oldest Python that runs them, what may be repaired and how surely, and the names of passes."""

    paths: tuple[str, ...]
    python: str = "3.11"
    repair: tuple[str, ...] = GROUPS
    sure: float = SURE
    passes: tuple[str, ...] = ()
    verify: Verify | None = None


def order(data: Mapping[str, Plain]) -> Order:
    """Return what the data of a document asks for."""
    verify = cast("Mapping[str, Any] | None", data.get("verify"))
    return Order(
        _texts(data.get("paths")),
        str(data.get("python", "3.11")),
        _texts(data["repair"]) if "repair" in data else GROUPS,
        float(cast("float", data.get("sure", SURE))),
        _texts(data.get("passes")),
        None if verify is None else _verify(verify),
    )


def _verify(data: Mapping[str, Any]) -> Verify:
    return Verify(
        _texts(data["command"]),
        data.get("scope", "affected") == "affected",
        int(data.get("rounds", 3)),
        float(data.get("timeout", 600)),
        _texts(data.get("env")),
    )


def _texts(value: Plain) -> tuple[str, ...]:
    return tuple(map(str, cast("Sequence[Plain]", value))) if isinstance(value, list | tuple) else ()
