"""Naming: how names are listed, and the guess at what a wrong one meant."""

from __future__ import annotations

from collections.abc import Iterable


def did_you_mean(wrong: str, names: Iterable[str], otherwise: str = "", *, before: str = "") -> str:
    """Return a hint that names what comes nearest to `wrong`, with `before` before it; `otherwise` where nothing does."""
    from difflib import get_close_matches  # noqa: PLC0415 - only what is wrong pays for it

    near = get_close_matches(wrong[:100], sorted(set(names))[:1000], n=2, cutoff=0.6)
    return f"did you mean {' or '.join(f'`{before}{name}`' for name in near)}?" if near else otherwise


def listed(names: Iterable[str], most: int = 12) -> str:
    """Return names in backticks, in their order, at most `most` of them."""
    every = tuple(names)
    return ", ".join(f"`{name}`" for name in every[:most]) + (", ..." if len(every) > most else "")
