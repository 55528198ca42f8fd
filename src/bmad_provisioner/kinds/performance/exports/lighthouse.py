"""Lighthouse: budgets as Lighthouse CI reads them: `budgets.json`, and assertions for `lighthouserc.json`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import ceil

from bmad_provisioner.digest import Plain
from bmad_provisioner.kinds.performance.budgets import Budget

_TIMINGS: Mapping[str, str] = {
    "lcp": "largest-contentful-paint",
    "fcp": "first-contentful-paint",
    "cls": "cumulative-layout-shift",
}
_AUDITS: Mapping[str, tuple[str, float]] = {
    "lcp": ("largest-contentful-paint", 1000),
    "fcp": ("first-contentful-paint", 1000),
    "cls": ("cumulative-layout-shift", 1),
    "ttfb": ("server-response-time", 1000),
    "bundle": ("resource-summary:script:size", 1),
}
"""Audits, and how many of their units one of ours is. Interaction to Next Paint has none: Lighthouse doesn't interact."""
_KIB = 1024


def budgets_json(budgets: Iterable[Budget], path: str = "/*") -> list[Plain]:
    """Return the budgets that Lighthouse knows; times in milliseconds, sizes in KiB (what it calls KB).

    Sizes are rounded up, so that what keeps the budget here keeps it there.
    """
    page: dict[str, Plain] = {"path": path}
    some = list(budgets)
    timings: list[Plain] = [
        {"metric": _TIMINGS[one.metric], "budget": round(one.limit * (1 if one.metric == "cls" else 1000), 3)}
        for one in some
        if one.metric in _TIMINGS
    ]
    sizes: list[Plain] = [{"resourceType": "script", "budget": ceil(one.limit / _KIB)} for one in some if one.metric == "bundle"]
    page |= {"timings": timings} if timings else {}
    page |= {"resourceSizes": sizes} if sizes else {}
    return [page]


def lighthouserc(budgets: Iterable[Budget]) -> dict[str, Plain]:
    """Return the configuration of Lighthouse CI that asserts budgets, on the median of its runs."""
    assertions: dict[str, Plain] = {}
    for one in budgets:
        if one.metric in _AUDITS:
            audit, scale = _AUDITS[one.metric]
            assertions[audit] = ["error", {"maxNumericValue": round(one.limit * scale, 3), "aggregationMethod": "median"}]
    return {"ci": {"assert": {"assertions": assertions}}}
