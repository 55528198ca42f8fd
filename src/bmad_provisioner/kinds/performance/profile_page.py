"""Profile page: what looking into the targets came to: causes with their places and evidence, and where the time went."""

from __future__ import annotations

from collections.abc import Sequence

from bmad_provisioner.kinds.performance.measured import Found


def profile_md(name: str, found: Sequence[Found]) -> str:
    """Return `profile.md` of a document."""
    return f"# Profile of {name} ({len(found)})\n"
