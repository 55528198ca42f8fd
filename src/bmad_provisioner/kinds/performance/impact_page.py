"""Impact page: what a change came to, by the rule that was stored before anything was measured."""

from __future__ import annotations

from bmad_provisioner.kinds.performance.measured import Impact


def impact_md(name: str, impact: Impact) -> str:
    """Return `impact.md` of a document."""
    return f"# Impact on {name} ({impact.pairs})\n"
