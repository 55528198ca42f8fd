"""Phases: the steps of the BMAD method, and what each version calls them."""

from __future__ import annotations

from bmad_provisioner.kinds.skills.installation import Installation

PHASES: tuple[str, ...] = ("1-analysis", "2-planning", "3-solutioning", "4-implementation", "anytime")
"""The canonical phases, in their order."""

PHASE_ALIASES: dict[str, str] = {
    "0": "anytime",
    "0-quick-flow": "anytime",
    "quick-flow": "anytime",
    "any": "anytime",
    "1": "1-analysis",
    "1-discovery": "1-analysis",
    "analysis": "1-analysis",
    "discovery": "1-analysis",
    "2": "2-planning",
    "2-plan": "2-planning",
    "plan": "2-planning",
    "planning": "2-planning",
    "3": "3-solutioning",
    "3-arch": "3-solutioning",
    "3-architecture": "3-solutioning",
    "3-solution": "3-solutioning",
    "arch": "3-solutioning",
    "architecture": "3-solutioning",
    "solutioning": "3-solutioning",
    "4": "4-implementation",
    "4-dev": "4-implementation",
    "4-implement": "4-implementation",
    "build": "4-implementation",
    "implementation": "4-implementation",
    "ship": "4-implementation",
}
"""Other words for a phase: the prototype's, BMAD 6.11's, and bare numbers. Phase 0 is no phase of BMAD: it means anytime."""

_SINCE_6_11 = {"1-analysis": "plan", "2-planning": "plan", "3-solutioning": "plan", "4-implementation": "ship"}


def canonical_phase(phase: str) -> str | None:
    """Return the canonical name of `phase`, or `None` when it is not one."""
    word = phase.strip().lower()
    return word if word in PHASES else PHASE_ALIASES.get(word)


def phase_name(phase: str, installation: Installation) -> str | None:
    """Return what the installed BMAD calls `phase`, or `None` when there is no such phase.

    6.11 replaced the four phases by `plan` and `ship`; where BMAD is absent the canonical name stands.
    """
    name = canonical_phase(phase)
    if name is None or installation.release < (6, 11):
        return name
    return _SINCE_6_11.get(name, name)
