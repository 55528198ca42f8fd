"""Baseline: what was measured and the limits made of it, as data that the next ones are compared with line by line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from math import isfinite
from textwrap import wrap
from typing import Any

from bmad_provisioner.digest import Plain
from bmad_provisioner.kinds.performance.budgets import Budget
from bmad_provisioner.kinds.performance.metrics import Reading
from bmad_provisioner.kinds.performance.packing import packed
from bmad_provisioner.kinds.performance.report.account import Account

FORMAT = "bmadp-performance-baseline/1"
"""The form of `baseline.json`: times in seconds, sizes in bytes, rates per second, shares parts of 1, six digits each."""
BUDGETS = "bmadp-performance-budgets/1"
_WIDTH = 160


def baseline_json(account: Account) -> bytes:
    """Return machine, noise, readings with their units, and all that was measured of each target; the same data, the same bytes."""
    return _written(
        {
            "format": FORMAT,
            "name": account.order.name,
            "quick": account.order.quick,
            "machine": packed(account.machine) if account.machine else None,
            "noise": packed(account.noise) if account.noise else None,
            "readings": [_reading(one) for one in account.readings],
            "services": {one.target: packed(one) for one in sorted(account.served, key=lambda one: one.target)},
            "pages": [packed(one) for one in sorted(account.paged, key=lambda one: (one.target, one.page, one.method))],
            "runs": {one.target: packed(one) for one in sorted(account.worked, key=lambda one: one.target)},
        }
    )


def budgets_json(name: str, budgets: Iterable[Budget]) -> bytes:
    """Return `budgets.json`: a limit for each metric of a target, its unit, the goal (`null`: nobody asked), and why."""
    listed: list[Plain] = [
        {
            "target": one.target,
            "metric": one.metric,
            "at": "most" if one.of.less_is_better else "least",
            "limit": one.limit,
            "unit": one.of.unit,
            "goal": one.goal,
            "why": one.why,
        }
        for one in budgets
    ]
    return _written({"format": BUDGETS, "name": name, "budgets": listed})


def _reading(one: Reading) -> Plain:
    bounds = one.estimate
    known = one.detectable if isfinite(one.detectable) else None
    return {
        "target": one.target, "metric": one.metric, "unit": one.of.unit,
        "value": bounds.value, "low": bounds.low, "high": bounds.high, "detectable": known,
    }  # fmt: skip


def _written(data: Mapping[str, Plain]) -> bytes:
    return ("\n".join(_lines(_rounded(data), "")) + "\n").encode()


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.6g}") if isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(name): _rounded(one) for name, one in value.items()}
    return [_rounded(one) for one in value] if isinstance(value, list | tuple) else value


def _lines(value: Any, indent: str) -> Iterator[str]:
    """Yield JSON with what belongs together on one line: many numbers, a second of a load; all lines but the first indented."""
    flat = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, dict | list) or (indent and len(indent) + len(flat) <= _WIDTH):
        yield flat
        return
    deeper = indent + "  "
    if isinstance(value, list) and all(isinstance(one, int | float) for one in value):
        inside = [deeper + line for line in wrap(flat[1:-1], _WIDTH - len(deeper))]
    else:
        named = value.items() if isinstance(value, dict) else ((None, one) for one in value)
        parts = [("" if key is None else f"{json.dumps(key)}: ", one) for key, one in named]
        inside = [line for at, part in enumerate(parts, 1) for line in _part(part, deeper, "," if at < len(parts) else "")]
    yield from (flat[0], *inside, indent + flat[-1])


def _part(part: tuple[str, Any], indent: str, end: str) -> list[str]:
    first, *more = _lines(part[1], indent)
    lines = [f"{indent}{part[0]}{first}", *more]
    lines[-1] += end
    return lines
