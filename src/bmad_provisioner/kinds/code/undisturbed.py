"""Undisturbed: how syntax trees are made and looked at fast: without the collector, and without warnings of the parser."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def undisturbed() -> Iterator[None]:
    """Keep the collector away (trees have no cycles; looking for some is a quarter of the time) and parser warnings quiet."""
    collects = gc.isenabled()
    gc.disable()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        if collects:
            gc.enable()
