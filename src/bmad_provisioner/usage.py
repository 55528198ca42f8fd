"""Usage: what a step of work consumed of what is paid for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens read and written, tokens read from a provider's prompt cache, money in US dollars, the tries it took, and the most
    bytes of memory it held at once.

    What a runtime does not report is 0. `cost` is what the runtime itself said, or what a price table made of the
    tokens; never a guess.
    """

    read: int = 0
    written: int = 0
    reused: int = 0
    cost: float = 0.0
    tries: int = 0
    peak: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.read + other.read,
            self.written + other.written,
            self.reused + other.reused,
            self.cost + other.cost,
            self.tries + other.tries,
            max(self.peak, other.peak),
        )

    @property
    def tokens(self) -> int:
        """Tokens read and written; those a provider had cached count as read."""
        return self.read + self.written
