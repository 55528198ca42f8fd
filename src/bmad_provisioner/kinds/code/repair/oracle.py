"""Oracle: what the compiler says of a text, and never an exception."""

from __future__ import annotations

import ast
import warnings
from dataclasses import dataclass

LARGEST = 4_000_000
"""Letters: above this the compiler alone may need gigabytes, so nothing is asked."""
_LOOKS = 4
"""How often a fault is sought above another."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Where the compiler stopped (line and column from 1; 0 where it does not say) and what it said."""

    line: int
    column: int
    end: int
    message: str

    @property
    def far(self) -> tuple[int, int]:
        """How far the compiler came."""
        return self.line, self.column


def _trouble(error: BaseException) -> Trouble:
    if isinstance(error, SyntaxError):
        end = error.end_offset if error.end_lineno == error.lineno else None
        return Trouble(error.lineno or 1, error.offset or 0, end or error.offset or 0, error.msg or "invalid syntax")
    return Trouble(1, 0, 0, f"the compiler gave up: {type(error).__name__}")


def tree(text: str) -> ast.Module | Trouble:
    """Parse without compiling: `return` outside a function and the like pass."""
    if len(text) > LARGEST:
        return Trouble(1, 0, 0, f"larger than {LARGEST:,} letters: not looked at")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
            return _trouble(error)


def trouble(text: str) -> Trouble | None:
    """Return what keeps a text from compiling; None where it compiles."""
    return complaints(text)[0]


def earlier(text: str, found: Trouble) -> Trouble | None:
    """Return the fault above the one told of, since the compiler reads all tokens anew once it stumbles; None: there is none."""
    first = None
    lines = text.splitlines(keepends=True)
    for _ in range(_LOOKS):
        # A long string without an end is told by its first quote, and another may stand before it on the line.
        column = found.column - 1 if "triple-quoted" in found.message else 0
        above = trouble("".join(lines[: found.line - 1]) + "".join(lines[found.line - 1 : found.line])[: max(column, 0)])
        if above is None or above.line >= found.line or "never closed" in above.message:
            break
        if above.line < found.line - 1 and "triple-quoted" not in above.message:
            first = above
        found = above
    return first


def complaints(text: str) -> tuple[Trouble | None, int]:
    """Return what keeps a text from compiling, and how many warnings the compiler gave on the way."""
    if len(text) > LARGEST:
        return Trouble(1, 0, 0, f"larger than {LARGEST:,} letters: not looked at"), 0
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        try:
            compile(text, "<text>", "exec", dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
            return _trouble(error), len(heard)
    return None, len(heard)
