"""Stdlib: which names the modules of Python's own library offer, without importing any of them.

`stdlib.json` lists what the modules that programs import most say they export (CPython 3.11: `__all__`, or their public names).
"""

from __future__ import annotations

import json
import sys
from functools import cache
from importlib import metadata, resources


@cache
def exports() -> dict[str, frozenset[str]]:
    """Return module -> the names it exports."""
    loaded: dict[str, list[str]] = json.loads(resources.files(__package__).joinpath("stdlib.json").read_text("utf-8"))
    return {module: frozenset(names) for module, names in loaded.items()}


@cache
def homes() -> dict[str, tuple[str, ...]]:
    """Return name -> the modules that export it."""
    found: dict[str, list[str]] = {}
    for module, names in exports().items():
        for name in names:
            found.setdefault(name, []).append(module)
    return {name: tuple(modules) for name, modules in found.items()}


def is_module(name: str) -> bool:
    """Whether a top-level module of the library has this name."""
    return name in sys.stdlib_module_names


@cache
def installed() -> frozenset[str]:
    """Return the top-level names of the packages that are installed here."""
    return frozenset(metadata.packages_distributions())
