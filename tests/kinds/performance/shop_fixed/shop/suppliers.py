"""Suppliers: how many of a product each of them has in stock. They are far away, so the way to them is only waited for here."""

import time
from concurrent.futures import ThreadPoolExecutor

SUPPLIERS = {"Nordlicht": 0.030, "Alpina": 0.040, "Hafen & Co": 0.035}
"""Each with the seconds that its answer takes."""
_FRESH = 2.0
"""Seconds for which an answer holds."""
_asking = ThreadPoolExecutor(48)
_kept: dict[int, tuple[float, dict[str, int]]] = {}


def availability(product: int) -> dict[str, int]:
    """Return what each supplier has of a product."""
    since, found = _kept.get(product, (0.0, {}))
    if not found or time.monotonic() - since > _FRESH:
        found = dict(zip(SUPPLIERS, _asking.map(stock, SUPPLIERS, [product] * len(SUPPLIERS)), strict=True))
        _kept[product] = (time.monotonic(), found)
    return found


def stock(supplier: str, product: int) -> int:
    """Ask one supplier."""
    time.sleep(SUPPLIERS[supplier])
    return (product * 7 + len(supplier)) % 23
