"""Shipping: what the carrier asks for a parcel. Its interface wants our questions numbered without a gap."""

import threading
import time
from itertools import count

_ANSWERS = 0.028
"""Seconds that the carrier takes; the way to it is only waited for here."""
_lock = threading.Lock()
_numbers = count(1)


def quote(grams: int) -> dict[str, int]:
    """Return the price of a parcel in cents."""
    with _lock:
        number = next(_numbers)
    return {"grams": grams, "cents": _asked(number, grams)}


def _asked(number: int, grams: int) -> int:
    assert number > 0
    time.sleep(_ANSWERS)
    return 390 + grams // 100 * 25
