"""Remarks: the findings of one document, each with its dotted place and its line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from bmad_provisioner.finding import Finding, Severity
from bmad_provisioner.kind import Document
from bmad_provisioner.kinds.skills.manifest import Project

Place: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Remarks:
    """Makes findings about places of one document."""

    document: Document

    def error(self, rule: str, place: Place, message: str, hint: str = "") -> Finding:
        """Return what makes the document wrong."""
        return self._finding(rule, place, message, hint, Severity.ERROR)

    def warning(self, rule: str, place: Place, message: str, hint: str = "") -> Finding:
        """Return what is vague, with its remedy."""
        return self._finding(rule, place, message, hint, Severity.WARNING)

    def info(self, rule: str, place: Place, message: str, hint: str = "") -> Finding:
        """Return what is worth knowing."""
        return self._finding(rule, place, message, hint, Severity.INFO)

    def _finding(self, rule: str, place: Place, message: str, hint: str, severity: Severity) -> Finding:
        dotted = ".".join(map(str, place))
        return Finding(self.document.source, rule, f"{dotted}: {message}", severity, self.document.line(*place), hint)

    @staticmethod
    def named(read: Project) -> Iterator[tuple[Place, str, str]]:
        """Yield place, id and what bears it, for every skill the project makes."""
        for index, leader in enumerate(read.leaders):
            place: Place = ("project", "leaders", index)
            yield (*place, "name"), leader.name, f"leader `{leader.name}`"
            for number, specialist in enumerate(leader.specialists):
                skill = specialist.skill if specialist.id else ""
                yield (*place, "specialists", number, "id"), skill, f"specialist `{leader.name}/{specialist.id}`"
        for index, source in enumerate(read.skills):
            yield ("project", "skills", index, "source"), source.skill, f"hand-written skill `{source.path or source.git}`"
        for index, workflow in enumerate(read.workflows):
            yield ("project", "integration", "workflows", index, "name"), workflow.name, f"workflow `{workflow.name}`"
