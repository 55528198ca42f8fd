"""Cache: outputs by key, and what each task's key was made of the last time."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Mapping
from typing import Any, Protocol

from bmad_provisioner.blobs import Blobs
from bmad_provisioner.digest import Digest, Entry, Plain
from bmad_provisioner.engine.task import Output
from bmad_provisioner.finding import Finding, Severity

_DAMAGED = (ValueError, KeyError, TypeError, AttributeError)
"""What reading an entry raises when its text is not the one that was written."""


class Cache(Protocol):
    """What a run asks of its memory."""

    def get(self, key: Digest) -> Output | None:
        """Return the output under `key`, with all its bytes at hand, or `None`."""

    def put(self, key: Digest, output: Output) -> None:
        """Remember an output."""

    def trace(self, task: str) -> Mapping[str, Digest]:
        """Return what the key of `task` was made of the last time it ran; empty when it never did."""

    def remember(self, task: str, parts: Mapping[str, Digest]) -> None:
        """Keep what the key of `task` is made of now."""


class MemoryCache:
    """A cache that ends with the process."""

    def __init__(self) -> None:
        self._outputs: dict[Digest, Output] = {}
        self._traces: dict[str, Mapping[str, Digest]] = {}

    def get(self, key: Digest) -> Output | None:
        """Return the output under `key`, or `None`."""
        return self._outputs.get(key)

    def put(self, key: Digest, output: Output) -> None:
        """Remember an output."""
        self._outputs[key] = output

    def trace(self, task: str) -> Mapping[str, Digest]:
        """Return what the key of `task` was made of the last time it ran."""
        return self._traces.get(task, {})

    def remember(self, task: str, parts: Mapping[str, Digest]) -> None:
        """Keep what the key of `task` is made of now."""
        self._traces[task] = parts


class DiskCache:
    """A cache in the file of the blobs. An entry that cannot be read, or has lost its bytes, is a miss."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs

    def get(self, key: Digest) -> Output | None:
        """Return the output under `key`, with all its bytes at hand, or `None`."""
        row = self._row("SELECT body FROM outputs WHERE key = ?", bytes.fromhex(key))
        if row is None:
            return None
        try:
            output = revive(json.loads(row))
            return output if all(entry.digest in self._blobs for entry in output.files.values()) else None
        except _DAMAGED:
            return None

    def put(self, key: Digest, output: Output) -> None:
        """Remember an output."""
        self._blobs.begin()
        body = json.dumps(output.plain(), separators=(",", ":"))
        self._blobs.connection.execute("INSERT OR REPLACE INTO outputs VALUES (?, ?)", (bytes.fromhex(key), body))

    def trace(self, task: str) -> Mapping[str, Digest]:
        """Return what the key of `task` was made of the last time it ran."""
        row = self._row("SELECT body FROM traces WHERE task = ?", task)
        try:
            found = json.loads(row) if row else {}
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def remember(self, task: str, parts: Mapping[str, Digest]) -> None:
        """Keep what the key of `task` is made of now."""
        self._blobs.begin()
        self._blobs.connection.execute(
            "INSERT OR REPLACE INTO traces VALUES (?, ?)", (task, json.dumps(parts, separators=(",", ":")))
        )

    def digests(self) -> set[Digest]:
        """Return the names of all bytes that a cached output needs."""
        names: set[Digest] = set()
        for (body,) in self._blobs.connection.execute("SELECT body FROM outputs"):
            with contextlib.suppress(*_DAMAGED):
                names |= {entry.digest for entry in revive(json.loads(body)).files.values()}
        return names

    def size(self) -> int:
        """Return how many outputs are cached."""
        count: int = self._blobs.connection.execute("SELECT count(*) FROM outputs").fetchone()[0]
        return count

    def clear(self) -> int:
        """Forget every output and trace; return how many outputs there were."""
        count = self.size()
        self._blobs.begin()
        self._blobs.connection.execute("DELETE FROM outputs")
        self._blobs.connection.execute("DELETE FROM traces")
        self._blobs.flush()
        return count

    def _row(self, query: str, key: bytes | str) -> str | None:
        try:
            row = self._blobs.connection.execute(query, (key,)).fetchone()
        except sqlite3.DatabaseError:
            return None
        return row[0] if row else None


def revive(body: dict[str, Any]) -> Output:
    """Return the output that `Output.plain` spelled."""
    return Output(
        files={path: Entry(Digest(name), executable) for path, (name, executable) in body["files"].items()},
        findings=tuple(Finding(p, r, m, Severity(s), line, hint) for p, r, m, s, line, hint in body["findings"]),
        facts=_facts(body["facts"]),
    )


def _facts(value: Any) -> Mapping[str, Plain]:
    if not isinstance(value, dict):
        raise TypeError("facts are a mapping")
    return value
