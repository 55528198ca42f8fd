"""Suppliers: how many of a product each of them has in stock. They are far away, so the way to them is only waited for here."""

import time
from concurrent.futures import ThreadPoolExecutor

SUPPLIERS = {"Nordlicht": 0.030, "Alpina": 0.040, "Hafen & Co": 0.035}
"""Each with the seconds that its answer takes."""
_asking = ThreadPoolExecutor(48)


def availability(product: int) -> dict[str, int]:
    """Return what each supplier has of a product."""
    asked = {name: _asking.submit(stock, name, product) for name in SUPPLIERS}
    return {name: answer.result() for name, answer in asked.items()}


def stock(supplier: str, product: int) -> int:
    """Ask one supplier."""
    time.sleep(SUPPLIERS[supplier])
    return (product * 7 + len(supplier)) % 23
