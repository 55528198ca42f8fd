"""Units: durations, sizes, counts and numbers as people write them.

YAML floats reach a kind as text (`0.5`, `5.00`), so every function takes text as well as numbers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeAlias

Written: TypeAlias = str | int | float

_SECONDS: Mapping[str, float] = {"": 1, "ms": 0.001, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}
_BYTES: Mapping[str, float] = {"": 1, "b": 1} | {
    f"{letter}{end}": 1024**power for power, letter in enumerate("kmgt", 1) for end in ("", "b", "ib")
}
_COUNTS: Mapping[str, float] = {"": 1, "k": 1_000, "m": 1_000_000, "g": 1_000_000_000}
_AMOUNT = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?)\s*([A-Za-z]{0,3})", re.ASCII)


def duration(written: Written) -> float:
    """Return seconds: `30s`, `15m`, `1h`, `7d`, or a plain number of them; raises ValueError."""
    return _amount(written, _SECONDS, "a duration such as `30s`, `15m`, `24h` or `7d`")


def size(written: Written) -> int:
    """Return bytes: `512MB`, `1GB` (1 MB is 1,048,576 bytes, as for memory everywhere), or a plain number; raises ValueError."""
    return round(_amount(written, _BYTES, "a size such as `512MB` or `1GB`"))


def count(written: Written) -> int:
    """Return a whole number: `2M` is 2,000,000, `500k` is 500,000; raises ValueError."""
    return round(_amount(written, _COUNTS, "a count such as `500k` or `2M`"))


def number(written: Written) -> float:
    """Return a number that is not negative, such as `0.5`; raises ValueError."""
    return _amount(written, {"": 1}, "a number such as `0.5`")


def _amount(written: Written, units: Mapping[str, float], wanted: str) -> float:
    text = "" if isinstance(written, bool) else str(written).strip()
    match = _AMOUNT.fullmatch(text)
    factor = units.get(match.group(2).lower()) if match else None
    if match is None or factor is None:
        raise ValueError(f"must be {wanted}, not `{str(written)[:40]}`")
    return float(match.group(1)) * factor
