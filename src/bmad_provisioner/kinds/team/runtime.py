"""Runtime: what answers for an agent, and the values that go in and come out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from bmad_provisioner.digest import Plain
from bmad_provisioner.engine.task import Resources, Turn
from bmad_provisioner.usage import Usage

MEBI = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Ask:
    """One agent's turn.

    `prompt` is everything it is told, `system` its role (its skill); `folder` is its scratch folder, which already holds
    the files it reads: it writes there, and nowhere else. `makes` are the paths (or globs) it has to leave there;
    `schema` is a JSON schema its answer has to meet; `options` is what the document gives its runtime.
    """

    agent: str
    prompt: str
    folder: Path
    options: Mapping[str, Plain] = field(default_factory=dict)
    system: str = ""
    model: str = ""
    makes: tuple[str, ...] = ()
    schema: Mapping[str, Plain] | None = None
    turn: Turn = Turn()


@dataclass(frozen=True, slots=True)
class Answer:
    """What a runtime reported: its own words, which nobody believes before the files are looked at.

    `trouble` is empty, or says in one line why it cannot count as done although nothing was raised (`permission denied:
    Write app.py`). `denied` lists what it was refused. `files` are artefacts that came as text and are to be written
    into the scratch folder by the caller; those it wrote itself are found there. `data` is its structured answer.
    """

    text: str = ""
    trouble: str = ""
    denied: tuple[str, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)
    data: Plain = None
    usage: Usage = Usage()


class Runtime(Protocol):
    """What the entry-point group `bmad_provisioner.runtimes` offers: an object (made once) with these."""

    name: str
    floor: Resources
    """What it needs at least, whatever the profile says."""
    pure: bool
    """Whether it asks nothing outside this process, so that a plan may run it."""

    def check(self, options: Mapping[str, Plain]) -> tuple[str, ...]:
        """Return what is wrong with the options a document gives it, one message each."""

    def version(self, options: Mapping[str, Plain]) -> str:
        """Return what answers, exactly: name and resolved version. Part of the cache key; `absent` where it is not installed."""

    def endpoint(self, options: Mapping[str, Plain]) -> str:
        """Return whom it asks (a URL, a command): one circuit breaker guards each."""

    def ask(self, ask: Ask) -> Answer:
        """Return the answer; raises TaskError, which says whether trying again may help."""
