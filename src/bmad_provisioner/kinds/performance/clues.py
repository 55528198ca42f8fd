"""Clues: what is behind the time, the processor and the bytes of a request, each with its line, its share and its evidence.

A clue is only taken up where it weighs something by itself: a request that is quick has a hottest line too.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from bmad_provisioner.kinds.performance import capacity_clues, time_clues
from bmad_provisioner.kinds.performance.clue import BYTES, CAPACITY, HEAVY, KEPT, START, TIME, Clue, chains, name, top
from bmad_provisioner.kinds.performance.looked import Looked
from bmad_provisioner.kinds.performance.quantities import told_size
from bmad_provisioner.kinds.performance.testimony import Line

__all__ = ["BYTES", "CAPACITY", "HEAVY", "KEPT", "START", "TIME", "Clue", "clues"]
_PACKED, _PART = 20_000, 0.4
"""Bytes, and the part of an answer, that packing has to save."""
_TEXT = ("text/", "application/json", "application/javascript", "application/x-javascript", "application/xml", "image/svg")
_TEXTUAL = ("+json", "+xml", "ndjson")


def clues(looked: Looked) -> Iterator[Clue]:
    """Yield what is behind one request; what the witness saw counts only where it changed no answer."""
    if not looked.plain or not any(200 <= one.status < 400 for one in looked.plain):
        return
    yield from _packing(looked)
    yield from capacity_clues.growth(looked)
    if looked.same:
        yield from time_clues.clues(looked)
        yield from capacity_clues.crowded(looked)


def _packing(looked: Looked) -> Iterator[Clue]:
    answer = looked.plain[-1]
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    packed = answer.headers.get("content-encoding", "identity") != "identity"
    if packed or kind == "text/event-stream" or not (kind.startswith(_TEXT) or kind.endswith(_TEXTUAL)):
        return
    saved = len(answer.body) - len(zlib.compress(answer.body, 6))
    if saved >= max(_PACKED, _PART * len(answer.body)):
        evidence = (
            f"{told_size(len(answer.body))} of {kind} travel as they are; packed they are {told_size(len(answer.body) - saved)}"
        )
        remedy = "compress answers (gzip) where the client takes it"
        yield Clue("no-compression", name(looked), _maker(looked), saved / len(answer.body), 0, BYTES, evidence, remedy)


def _maker(looked: Looked) -> Line | None:
    """Return the line that was seen most while the answer was made."""
    found = chains(looked.inside.seen)
    return top({chain[-1]: amount for chain, amount in found.items()})
