"""Model: what the repair of one file says, and the edits that it weighs."""

from __future__ import annotations

from dataclasses import dataclass

ENCODING, INDENTATION, SYNTAX = "encoding", "indentation", "syntax"
IMPORTS, AWAITS, SIGNATURES = "imports", "awaits", "signatures"
ALL = frozenset({ENCODING, INDENTATION, SYNTAX, IMPORTS, AWAITS, SIGNATURES})
"""The groups of repairs; each can be turned off."""


@dataclass(frozen=True, slots=True)
class Fix:
    """One repair: its kind, the first line it touches (from 1), why, how sure (0 to 1), and the lines before and after."""

    kind: str
    line: int
    reason: str
    confidence: float
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Fault:
    """What is still wrong, and in which line (from 1)."""

    line: int
    message: str


@dataclass(frozen=True, slots=True)
class Repaired:
    """A file after its repair: `data` is the input itself where nothing was applied."""

    data: bytes
    fixes: tuple[Fix, ...] = ()
    proposals: tuple[Fix, ...] = ()
    left: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace `text[start:end]` by `new`; `cost` is how unlikely such a fault is before any evidence, in nats."""

    start: int
    end: int
    new: str
    kind: str
    cost: float
    reason: str

    def on(self, text: str) -> str:
        """Return the text with this edit made."""
        return text[: self.start] + self.new + text[self.end :]

    def fix(self, text: str, confidence: float, offset: int = 0) -> Fix:
        """Return the repair that a reader is shown; `offset` is where the edited part begins in `text`."""
        start, end = self.start + offset, self.end + offset
        first = text.rfind("\n", 0, start) + 1
        last = text.find("\n", max(start, end - 1) if end > start and text[end - 1] == "\n" else end)
        last = len(text) if last < 0 else last
        after = text[first:start] + self.new + text[end:last]
        line = text.count("\n", 0, start) + 1
        return Fix(self.kind, line, self.reason, round(confidence, 3), text[first:last], after.removesuffix("\n"))
