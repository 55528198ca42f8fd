"""Predictions: what remedies were foretold to save and what they saved, kept from one measurement to the next."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from bmad_provisioner.kinds.performance.measured import Impact
from bmad_provisioner.kinds.performance.roadmap import Item, Past

FORMAT = "bmadp-performance-predictions/1"


def past(data: bytes, besides: str = "") -> tuple[Past, ...]:
    """Return what came of earlier predictions, but for those made `besides` of a state: they follow from it."""
    return tuple(Past(row["kind"], row["predicted"], row["measured"]) for row in _rows(data) if row["state"] != besides)


def learnt(data: bytes, impacts: Sequence[Impact], items: Sequence[Item], state: str) -> bytes:
    """Return what is known of predictions with what trials of this state came to; the same again changes nothing."""
    new = [row for impact in impacts for row in _new(impact, items, state)]
    again = {(row["state"], row["kind"], row["request"]) for row in new}
    rows = [row for row in _rows(data) if (row["state"], row["kind"], row["request"]) not in again] + new
    return json.dumps({"format": FORMAT, "predictions": rows}, indent=1, ensure_ascii=False).encode() + b"\n"


def _new(impact: Impact, items: Sequence[Item], state: str) -> Iterator[dict[str, Any]]:
    by_id = {item.id: item for item in items}
    for one in impact.effects:
        item = by_id.get(one.item)
        if item is not None:
            yield {
                "state": state,
                "kind": item.cause.kind,
                "request": item.cause.request,
                "metric": one.metric,
                "predicted": round(item.cause.saving.value, 4),
                "measured": round(1 - one.comparison.ratio, 4),
                "verdict": one.comparison.verdict.value,
            }


def _rows(data: bytes) -> list[dict[str, Any]]:
    """Return the predictions in a file; nothing of one that is none of ours."""
    try:
        read = json.loads(data or b"{}")
        rows = [
            {**row, "predicted": float(row["predicted"]), "measured": float(row["measured"])} for row in read.get("predictions", ())
        ]
        return [row for row in rows if all(isinstance(row[key], str) for key in ("state", "kind", "request"))]
    except (ValueError, KeyError, TypeError, AttributeError):
        return []
