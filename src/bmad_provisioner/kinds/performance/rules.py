"""Rules: what a Performance document must be, and what is told of what it measures."""

from __future__ import annotations

from collections.abc import Mapping

from bmad_provisioner.kind import Gate

REGRESSION, BUDGET, CAUSE, VOID, MISSING, WIN = (
    "performance-regression", "performance-budget", "performance-cause",
    "performance-void", "performance-missing", "performance-win",
)  # fmt: skip
RULES: Mapping[str, str] = {
    "performance-form": "the document has a known form: no unknown or missing keys, each value of its type",
    "performance-target": "a target says what it is, and nothing of another sort; two do not start at one port",
    "performance-sources": "a pattern of the sources is inside the project, and takes in a file (none: a warning)",
    "performance-against": "the state that is compared with is there",
    REGRESSION: "something got slower or larger than in the state that is compared with, surely (a warning; it makes invalid)",
    BUDGET: "a goal is missed, or a budget broken, by more than noise (a warning; it makes invalid)",
    CAUSE: "what costs time, capacity or bytes, with its line (an info)",
    VOID: "a measurement that is none, and why (a warning)",
    MISSING: "a tool that is not here, how to get it, and what is left out (a warning)",
    WIN: "a remedy that was applied and proven, or taken back (an info)",
}
"""Every rule by its id, with what it asks for or tells."""
GATE = Gate(
    frozenset((REGRESSION, BUDGET)),
    frozenset(("noise", "load", "pages", "runs", "state before", "trial")),
    frozenset(("performance-against",)),
)
"""What makes `bmadp validate` fail, and what has to be measured to know: not where the time goes."""
