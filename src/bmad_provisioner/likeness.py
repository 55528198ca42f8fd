"""Likeness: which earlier request is most like this one, and in what it differs. A suggestion, never a result.

Requests are compared requirement by requirement, by their names and texts. Nearness of meaning is not measured: small edits
that change the meaning look nearer than paraphrases that do not (`docs/decisions`).
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass

from bmad_provisioner.digest import Plain, canonical, digest
from bmad_provisioner.plan import Plan
from bmad_provisioner.session import Session

_SCHEMA = """
CREATE TABLE IF NOT EXISTS requests (
  digest BLOB PRIMARY KEY NOT NULL, document TEXT NOT NULL, at REAL NOT NULL, body TEXT NOT NULL
) WITHOUT ROWID;
"""
_LOOKED_AT = 200
_ENOUGH = 0.5
"""The part of the requirements that has to be the same for a request to count as like another."""


@dataclass(frozen=True, slots=True)
class Like:
    """An earlier request: when it was last run (seconds since 1970), its document, and what differs, of how many."""

    at: float
    document: str
    differing: tuple[str, ...]
    total: int


def note(session: Session, made: Plan) -> None:
    """Remember the request of a plan whose agents ran."""
    asked = _asked(made)
    if not asked or not session.writable:
        return
    session.blobs.own("requests", 1, _SCHEMA)
    body = canonical(asked)
    row = bytes.fromhex(digest(body)), made.document, time.time(), body.decode("utf-8", "replace")
    session.blobs.write("INSERT OR REPLACE INTO requests VALUES (?, ?, ?, ?)", [row])
    session.blobs.commit()


def most_like(session: Session, made: Plan) -> Like | None:
    """Return the earlier request, other than this very one, that has the most in common with a plan's; `None`: none has enough."""
    asked = _asked(made)
    if not asked:
        return None
    session.blobs.own("requests", 1, _SCHEMA)
    query = "SELECT document, at, body FROM requests ORDER BY at DESC LIMIT ?"
    found: list[Like] = []
    for document, at, body in session.blobs.rows(query, [_LOOKED_AT]):
        earlier = json.loads(body)
        names = asked.keys() | earlier.keys()
        differing = tuple(sorted(name for name in names if asked.get(name) != earlier.get(name)))
        if differing and len(differing) <= (1 - _ENOUGH) * len(names):
            found.append(Like(at, document, differing, len(names)))
    return min(found, key=lambda like: (len(like.differing), -like.at), default=None)


def _asked(made: Plan) -> Mapping[str, Plain]:
    request = made.facts.get("request")
    return request if isinstance(request, Mapping) else {}
