"""Cache: what a run asks of its memory, and the one that ends with the process."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from bmad_provisioner.digest import Digest, Entry, canonical
from bmad_provisioner.engine.task import Output, Task
from bmad_provisioner.finding import Finding, Severity
from bmad_provisioner.usage import Usage

DAMAGED = (ValueError, KeyError, TypeError, AttributeError)
"""What reading an entry raises when its text is not the one that was written."""
UNREPORTED = "it was started before and never reported that it succeeded"
LOST = "it was done before, and what it made then is lost"
"""Why what must never be done twice does not start, though the cache does not know it."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A remembered output: what it says (a digest), the level it was found on, and the seconds it once took."""

    output: Output
    said: Digest
    level: str
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Trace:
    """What the key of a task was made of the last time its result was used, how to show those parts to people, and why the
    result was made, where that is known.
    """

    parts: Mapping[str, Digest] = field(default_factory=dict)
    shown: Mapping[str, str] = field(default_factory=dict)
    because: tuple[str, ...] = ()


class Made(NamedTuple):
    """An output as it is handed to a cache: its key, what it says (spelled, and the digest of that), who made it, and in
    how many seconds.
    """

    key: Digest
    output: Output
    body: bytes
    said: Digest
    task: Task
    seconds: float


class Cache(Protocol):
    """What a run asks of its memory."""

    def get_many(self, wanted: Mapping[Digest, Task]) -> Mapping[Digest, Hit]:
        """Return what is known, each with all its bytes at hand; what is damaged, forged or expired is not known."""

    def put(self, made: Made) -> None:
        """Remember an output."""

    def last(self, task: str) -> Digest | None:
        """Return the key of the result of `task` that was used last; `None` when it never ran."""

    def trace(self, task: str) -> Trace:
        """Return what that key was made of; empty when the task never ran."""

    def remember(self, task: str, key: Digest, trace: Trace) -> None:
        """Keep what the key of `task` is made of now."""

    def begin(self, key: Digest, task: str) -> None:
        """Note, durably, that a task that must never be done twice is about to start."""

    def withdraw(self, key: Digest, task: str) -> None:
        """Take that note back: the task did not start after all."""

    def finish(self, made: Made) -> None:
        """Note that a task that must never be done twice has succeeded; of others there is nothing to note."""

    def begun(self, key: Digest, task: str) -> str:
        """Return why such a task, which is not known, must not start: `UNREPORTED`, `LOST`, or nothing."""

    @property
    def is_behind(self) -> bool:
        """Whether the next `commit` has something to write; until then others may have to wait who write."""

    def commit(self) -> None:
        """Let everything put so far survive the end of this process, however it comes."""


class MemoryCache:
    """A cache that ends with the process."""

    def __init__(self) -> None:
        self._outputs: dict[Digest, Hit] = {}
        self._traces: dict[str, tuple[Digest, Trace]] = {}
        self._begun: set[str] = set()

    def get_many(self, wanted: Mapping[Digest, Task]) -> Mapping[Digest, Hit]:
        """Return what is known."""
        return {key: self._outputs[key] for key in wanted if key in self._outputs}

    def put(self, made: Made) -> None:
        """Remember an output."""
        self._outputs[made.key] = Hit(made.output, made.said, "memory", made.seconds)
        self.finish(made)

    def last(self, task: str) -> Digest | None:
        """Return the key of the result of `task` that was used last."""
        return self._traces[task][0] if task in self._traces else None

    def trace(self, task: str) -> Trace:
        """Return what that key was made of."""
        return self._traces[task][1] if task in self._traces else Trace()

    def remember(self, task: str, key: Digest, trace: Trace) -> None:
        """Keep what the key of `task` is made of now."""
        self._traces[task] = key, trace

    def begin(self, key: Digest, task: str) -> None:
        """Note that a task that must never be done twice is about to start."""
        self._begun.add(task)

    def withdraw(self, key: Digest, task: str) -> None:
        """Take that note back."""
        self._begun.discard(task)

    def finish(self, made: Made) -> None:
        """Note that a task has succeeded."""
        self._begun.discard(made.task.name)

    def begun(self, key: Digest, task: str) -> str:
        """Return why a task that must never be done twice must not start; what was put here is never lost."""
        return UNREPORTED if task in self._begun else ""

    @property
    def is_behind(self) -> bool:
        """There is nothing to write."""
        return False

    def commit(self) -> None:
        """Nothing of this survives."""


def spelled(output: Output) -> bytes:
    """Return the one spelling of what an output says: its digest is what tasks that need it go by."""
    return canonical(output.plain())


def revive(body: bytes | str, usage: Usage | None = None) -> Output:
    """Return the output that `spelled` spelled; raises one of `DAMAGED` when it is none."""
    plain: dict[str, Any] = json.loads(body)
    facts = plain["facts"]
    if not isinstance(facts, dict):
        raise TypeError("facts are a mapping")
    return Output(
        files=_entries(plain["files"]),
        hands=_entries(plain.get("hands", {})),
        leaves=tuple(plain.get("leaves", ())),
        findings=tuple(Finding(p, r, m, Severity(s), line, hint) for p, r, m, s, line, hint in plain["findings"]),
        facts=facts,
        usage=usage or _NOTHING,
    )


def _entries(plain: dict[str, Any]) -> dict[str, Entry]:
    return {path: Entry(Digest(name), executable) for path, (name, executable) in plain.items()}


def pack_usage(usage: Usage) -> str:
    """Return usage as text; none at all is empty."""
    if usage == _NOTHING:
        return ""
    return f"{usage.read} {usage.written} {usage.reused} {usage.cost!r} {usage.tries} {usage.peak}"


def unpack_usage(text: str) -> Usage:
    """Return the usage that `pack_usage` packed."""
    if not text:
        return _NOTHING
    read, written, reused, cost, tries, peak = text.split(" ")
    return Usage(int(read), int(written), int(reused), float(cost), int(tries), int(peak))


_NOTHING = Usage()
