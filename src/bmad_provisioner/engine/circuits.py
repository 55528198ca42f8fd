"""Circuits: the states of circuit breakers in the file of the blobs, where they outlive a process."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Mapping

from bmad_provisioner.blobs import Blobs
from bmad_provisioner.engine.breaker import State

_SCHEMA = """
CREATE TABLE IF NOT EXISTS circuits (
  name TEXT PRIMARY KEY NOT NULL, failures INTEGER NOT NULL, opened REAL, probed REAL, turn INTEGER NOT NULL
) WITHOUT ROWID;
"""


class DiskStore:
    """A store that lasts: what was saved survives the end of the process, however it comes, after the next commit of the file."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        blobs.own("circuits", 1, _SCHEMA)

    def load(self) -> Mapping[str, State]:
        """Return every state that was saved; none where the file cannot be read."""
        with contextlib.suppress(sqlite3.DatabaseError):
            rows = self._blobs.rows("SELECT name, failures, opened, probed, turn FROM circuits", [])
            return {name: State(*numbers) for name, *numbers in rows}
        return {}

    def save(self, name: str, state: State) -> None:
        """Keep the state of `name`."""
        row = name, state.failures, state.opened, state.probed, state.turn
        self._blobs.defer("INSERT OR REPLACE INTO circuits VALUES (?, ?, ?, ?, ?)", row)
