"""Canned: the runtime that says what the document tells it to say; to try a team, or its failures, without a model."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import cast

from bmad_provisioner.digest import Plain
from bmad_provisioner.engine.task import Resources, Turn
from bmad_provisioner.errors import TaskError
from bmad_provisioner.kinds.team.runtime import Answer, Ask
from bmad_provisioner.kinds.team.runtimes.command import Rule, faults, given

_TICK = 0.01


def _is_seconds(value: Plain) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < inf


def _is_times(value: Plain) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


_FAIL: Mapping[str, Rule] = {
    "message": (lambda value: isinstance(value, str) and bool(value), "a text"),
    "heals": (lambda value: isinstance(value, bool), "true or false"),
    "times": (_is_times, "how many tries fail: a whole number above 0"),
}
_OPTIONS: Mapping[str, Rule] = {
    "files": (lambda value: isinstance(value, Mapping), "paths, each with its text"),
    "text": (lambda value: isinstance(value, str), "a text"),
    "data": (lambda _: True, "anything"),
    "fail": (lambda value: isinstance(value, Mapping), "`message`, `heals`, `times`"),
    "seconds": (_is_seconds, "a number of seconds"),
}


@dataclass(frozen=True, slots=True)
class Canned:
    """A runtime that answers with `files`, `text` and `data` from its options, the same every time.

    Options: these; `seconds` that it takes; `fail` (`message`, `heals`, `times`): the first `times` tries fail, all where
    it does not say how many.
    """

    name: str = "canned"
    floor: Resources = Resources()
    pure: bool = True

    def check(self, options: Mapping[str, Plain]) -> tuple[str, ...]:
        """Return what is wrong with the options, one message each: a path that may not be written too."""
        found = [*faults(self.name, options, _OPTIONS)]
        fail = options.get("fail")
        if isinstance(fail, Mapping):
            found += [f"fail: {fault}" for fault in faults("fail", fail, _FAIL)]
        return tuple(found) or tuple(filter(None, [_said(options).trouble]))

    def version(self, options: Mapping[str, Plain]) -> str:
        """Return the version of this module's behaviour."""
        return "canned 1"

    def endpoint(self, options: Mapping[str, Plain]) -> str:
        """Return its name: it asks nobody."""
        return self.name

    def ask(self, ask: Ask) -> Answer:
        """Return what the options say; raises TaskError where they say so, or when its time is over."""
        _wait(float(cast("float", ask.options.get("seconds", 0))), ask.turn)
        fail = ask.options.get("fail")
        if isinstance(fail, Mapping) and ask.turn.number <= cast("float", fail.get("times", inf)):
            raise TaskError(str(fail.get("message", "it was told to fail")), heals=bool(fail.get("heals")))
        return _said(ask.options)


def _said(options: Mapping[str, Plain]) -> Answer:
    return given({name: options[name] for name in ("files", "text", "data") if name in options})


def _wait(seconds: float, turn: Turn) -> None:
    end = time.monotonic() + min(seconds, inf if turn.seconds is None else turn.seconds)
    while (left := end - time.monotonic()) > 0:
        if turn.stopped():
            raise TaskError("`canned` was stopped")
        time.sleep(min(left, _TICK))
    if turn.seconds is not None and seconds > turn.seconds:
        raise TaskError(f"`canned` took longer than {turn.seconds:g} s", heals=True)


RUNTIME = Canned()
