"""History: what tasks took the last times they ran: seconds, memory, tokens and money."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from bmad_provisioner.blobs import Blobs
from bmad_provisioner.engine.cache import pack_usage, unpack_usage
from bmad_provisioner.usage import Usage

_SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
  id INTEGER PRIMARY KEY, document TEXT NOT NULL, task TEXT NOT NULL, action TEXT NOT NULL, at REAL NOT NULL,
  status TEXT NOT NULL, seconds REAL NOT NULL, usage TEXT NOT NULL, because TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS runs_task ON runs (document, task, id);
DROP TABLE IF EXISTS ran;
"""
_INSERT = "INSERT INTO runs (document, task, action, at, status, seconds, usage, because) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_LAST = 20
DONE = "done"
"""The status of a run that went well."""


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
    """The history of the tasks of one document, `of`, in the file of the blobs."""

    def __init__(self, blobs: Blobs, *, of: str = "", now: Callable[[], float] = time.time) -> None:
        self._blobs, self._of, self._now = blobs, of, now
        self._known: dict[str, list[Ran]] | None = None
        blobs.own("history", 2, _SCHEMA)

    def of(self, task: str) -> Sequence[Ran]:
        """Return the last times a task ran, the oldest first."""
        if self._known is None:
            self._known = self._load()
        return self._known.get(task, ())

    def _load(self) -> dict[str, list[Ran]]:
        """Read the last runs of every task at once: one question, whatever the size of the graph."""
        query = f"""
            SELECT task, action, status, seconds, usage, because, at FROM (
              SELECT *, row_number() OVER (PARTITION BY task ORDER BY id DESC) AS back FROM runs
              WHERE document = ?
            ) WHERE back <= {_LAST} ORDER BY id"""  # noqa: S608 - the number is ours
        found: dict[str, list[Ran]] = {}
        for task, action, status, seconds, usage, because, at in self._blobs.rows(query, [self._of]):
            found.setdefault(task, []).append(Ran(task, action, status, seconds, unpack_usage(usage), because, at))
        return found

    def record(self, ran: Ran) -> None:
        """Note that a task ran; it is there after the next `commit` of the file."""
        if self._known is not None:
            self._known.setdefault(ran.task, []).append(ran)
        at, usage = ran.at or self._now(), pack_usage(ran.usage)
        self._blobs.defer(_INSERT, (self._of, ran.task, ran.action, at, ran.status, ran.seconds, usage, ran.because))

    def peaks(self) -> dict[str, list[int]]:
        """Return the most memory in bytes that the last runs of each task held, where that is known."""
        if self._known is None:
            self._known = self._load()
        found = {task: [ran.usage.peak for ran in runs if ran.usage.peak] for task, runs in self._known.items()}
        return {task: peaks for task, peaks in found.items() if peaks}
