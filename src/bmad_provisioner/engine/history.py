"""History: what tasks took the last times they ran: seconds, memory, tokens and money."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from bmad_provisioner.blobs import Blobs
from bmad_provisioner.engine.cache import pack_usage, unpack_usage
from bmad_provisioner.usage import Usage

_SCHEMA = """
CREATE TABLE IF NOT EXISTS ran (
  id INTEGER PRIMARY KEY, task TEXT NOT NULL, action TEXT NOT NULL, at REAL NOT NULL, status TEXT NOT NULL,
  seconds REAL NOT NULL, usage TEXT NOT NULL, because TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS ran_task ON ran (task, id);
"""
_LAST = 20


@dataclass(frozen=True, slots=True)
class Ran:
    """That a task ran and how it ended (`done` or `failed`), at `at` (seconds since 1970), after `seconds`."""

    task: str
    action: str
    status: str
    seconds: float
    usage: Usage
    because: str = ""
    at: float = 0.0


class History(Protocol):
    """What a run asks of earlier runs."""

    def of(self, task: str) -> Sequence[Ran]:
        """Return the last times a task ran, the oldest first."""

    def record(self, ran: Ran) -> None:
        """Note that a task ran."""


class NoHistory:
    """Nothing ever ran, and nothing will have."""

    def of(self, task: str) -> Sequence[Ran]:
        """Return nothing."""
        return ()

    def record(self, ran: Ran) -> None:
        """Note nothing."""


class DiskHistory:
    """The history of a project, in the file of the blobs."""

    def __init__(self, blobs: Blobs, *, now: Callable[[], float] = time.time) -> None:
        self._blobs, self._now = blobs, now
        self._known: Mapping[str, Sequence[Ran]] | None = None
        blobs.own("history", 1, _SCHEMA)

    def of(self, task: str) -> Sequence[Ran]:
        """Return the last times a task ran, the oldest first."""
        if self._known is None:
            self._known = self._load()
        return self._known.get(task, ())

    def _load(self) -> Mapping[str, Sequence[Ran]]:
        """Read the last runs of every task at once: one question, whatever the size of the graph."""
        query = f"""
            SELECT task, action, status, seconds, usage, because, at FROM (
              SELECT *, row_number() OVER (PARTITION BY task ORDER BY id DESC) AS back FROM ran
            ) WHERE back <= {_LAST} ORDER BY id"""  # noqa: S608 - the number is ours
        found: dict[str, list[Ran]] = {}
        for task, action, status, seconds, usage, because, at in self._blobs.rows(query, []):
            found.setdefault(task, []).append(Ran(task, action, status, seconds, unpack_usage(usage), because, at))
        return found

    def record(self, ran: Ran) -> None:
        """Note that a task ran; it is there after the next `commit` of the file."""
        row = (ran.task, ran.action, ran.at or self._now(), ran.status, ran.seconds, pack_usage(ran.usage), ran.because)
        statement = "INSERT INTO ran (task, action, at, status, seconds, usage, because) VALUES (?, ?, ?, ?, ?, ?, ?)"
        self._blobs.defer(statement, row)

    def peaks(self) -> dict[str, list[int]]:
        """Return the most memory in bytes that the last runs of each task held, where that is known."""
        if self._known is None:
            self._known = self._load()
        found = {task: [ran.usage.peak for ran in runs if ran.usage.peak] for task, runs in self._known.items()}
        return {task: peaks for task, peaks in found.items() if peaks}

    def last(self, count: int) -> list[Ran]:
        """Return the last runs of any task, the newest first."""
        query = "SELECT task, action, status, seconds, usage, because, at FROM ran ORDER BY id DESC LIMIT ?"
        return [
            Ran(task, action, status, seconds, unpack_usage(usage), because, at)
            for task, action, status, seconds, usage, because, at in self._blobs.rows(query, [count])
        ]
