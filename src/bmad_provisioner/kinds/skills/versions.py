"""Versions: what a BMAD version says, and whether it meets a requirement."""

from __future__ import annotations

import re
from typing import TypeAlias

Rank: TypeAlias = tuple[tuple[int, int, int], int, tuple[tuple[int, int, str], ...]]

_VERSION = re.compile(r"v?(\d{1,6})(?:\.(\d{1,6}))?(?:\.(\d{1,6}))?(?:-([0-9A-Za-z.-]{1,64}))?(?:\+[0-9A-Za-z.-]{1,64})?", re.ASCII)
_WILDCARD = re.compile(r"v?(?:[xX*]|(\d{1,6})(?:\.(?:[xX*]|(\d{1,6})(?:\.[xX*])?))?(?:\.[xX*])?)", re.ASCII)
_COMPARISON = re.compile(r"(>=|<=|==|!=|>|<|=)\s*(\S+)")


def rank(version: str) -> Rank | None:
    """Return the place of `version` in the order of semantic versioning, or `None` when it is no version.

    `6.0.0-alpha.7` stands before `6.0.0-Beta.2`, which stands before `6.0.0`.
    """
    match = _VERSION.fullmatch(version.strip())
    if match is None:
        return None
    numbers = (int(match[1]), int(match[2] or 0), int(match[3] or 0))
    parts = tuple((0, int(part), "") if part.isdigit() else (1, 0, part.lower()) for part in (match[4] or "").split(".") if part)
    return numbers, 0 if parts else 1, parts


def release(version: str | None) -> tuple[int, int]:
    """Return the major and minor number of `version`; `(0, 0)` when there is none."""
    order = rank(version) if version else None
    return (0, 0) if order is None else order[0][:2]


def satisfies(version: str | None, requirement: str) -> bool:
    """Return whether `version` meets `requirement`: `v6.x`, `6.12.0`, or comparisons as in `>=6.2,<7`.

    A version that is absent or cannot be read meets nothing. Raises `ValueError` when the requirement is malformed.
    """
    order = rank(version) if version else None
    clauses = [clause.strip() for clause in requirement.split(",")]
    if len(clauses) > 16:
        raise ValueError("more than 16 comparisons in one version requirement")
    verdicts = [_clause(order, clause) for clause in clauses]
    return order is not None and all(verdicts)


def _clause(order: Rank | None, clause: str) -> bool:
    comparison = _COMPARISON.fullmatch(clause)
    if comparison is not None:
        return _compare(order, comparison[1], _wanted(comparison[2], clause))
    wildcard = _WILDCARD.fullmatch(clause)
    if wildcard is not None:
        wanted = [int(number) for number in wildcard.groups() if number is not None]
        return order is not None and list(order[0][: len(wanted)]) == wanted
    exact = _wanted(clause, clause)
    return order == exact


def _wanted(text: str, clause: str) -> Rank:
    order = rank(text)
    if order is None:
        raise ValueError(f"`{clause}` is no version requirement; write `v6.x`, `6.12.0` or `>=6.2,<7`")
    return order


def _compare(order: Rank | None, operator: str, wanted: Rank) -> bool:
    if order is None:
        return False
    return {
        ">=": order >= wanted,
        "<=": order <= wanted,
        ">": order > wanted,
        "<": order < wanted,
        "!=": order != wanted,
    }.get(operator, order == wanted)
