"""Quantities: what people write for times, sizes, rates and shares, as plain numbers in seconds, bytes, per second and parts."""

from __future__ import annotations

import re

_NUMBER = r"(?P<number>\d+(?:\.\d+)?)\s*"
_TIMES = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "": 1.0}
_SIZES = {"B": 1, "kB": 1000, "KB": 1000, "MB": 1000**2, "GB": 1000**3, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3, "": 1}
_RATES = {"s": 1.0, "min": 1 / 60, "m": 1 / 60, "h": 1 / 3600}
TIME = rf"^{_NUMBER}(?P<unit>ms|s|m|min|h)?$"
SIZE = rf"^{_NUMBER}(?P<unit>B|[kKMG]B|[KMG]iB)?$"
RATE = rf"^{_NUMBER}/\s*(?P<unit>s|min|m|h)$"
SHARE = rf"^{_NUMBER}(?P<unit>%)?$"
FACTOR = rf"^{_NUMBER}x$"
AS_LONG = r"^(?P<what>[^ ]+) for (?P<long>[^ ]+)$"


def seconds(text: str | float) -> float:
    """Return seconds of `2.5s`, `200ms`, `30m`, `1h` or a number of seconds; raises ValueError."""
    return _scaled(text, TIME, _TIMES, "a time such as `200ms`, `2.5s` or `30m`")


def size(text: str | float) -> int:
    """Return bytes of `512MB` (powers of 1,000), `4MiB` (of 1,024) or a number of bytes; raises ValueError."""
    return int(_scaled(text, SIZE, {unit: float(of) for unit, of in _SIZES.items()}, "a size such as `200kB` or `512MB`"))


def rate(text: str) -> float:
    """Return how many a second of `50/s` or `300/min`; raises ValueError."""
    return _scaled(text, RATE, _RATES, "a rate such as `50/s` or `300/min`")


def share(text: str | float) -> float:
    """Return the part (0 to 1) of `1%` or a number; raises ValueError."""
    if not isinstance(text, str):
        return float(text)
    return _scaled(text, SHARE, {"%": 0.01, "": 1.0}, "a share such as `1%` or `0.01`")


def number(value: object) -> object:
    """Return the number that a text is; anything else as it is. YAML keeps what has a point in it as it was written."""
    return float(value) if isinstance(value, str) and re.fullmatch(r"-?\d+\.\d+", value) else value


def factor(text: str) -> float:
    """Return how many times of `3x`; raises ValueError."""
    return _scaled(text, FACTOR, None, "a multiple such as `3x`")


def _scaled(text: str | float, form: str, units: dict[str, float] | None, wanted: str) -> float:
    if not isinstance(text, str):
        return float(text)
    found = re.match(form, text.strip())
    if found is None:
        raise ValueError(wanted)
    return float(found["number"]) * (units[found["unit"] or ""] if units else 1.0)


def told_seconds(value: float) -> str:
    """Return a time as people read it."""
    if value < 0.001:
        return f"{value * 1e6:.0f} µs"
    if value < 1:
        return f"{value * 1000:.3g} ms"
    return f"{value:.3g} s" if value < 120 else f"{value / 60:.3g} min"


def told_size(value: float) -> str:
    """Return a size as people read it, in powers of 1,000."""
    for unit in ("B", "kB", "MB"):
        if abs(value) < 1000:
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.3g} GB"


def told_share(value: float) -> str:
    """Return a part of 1 as people read it."""
    return f"{100 * value:.3g} %"
