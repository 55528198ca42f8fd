"""Remarks: the findings of one document, each with its dotted place and its line."""

from __future__ import annotations

from dataclasses import dataclass

from bmad_provisioner.finding import Finding, Severity
from bmad_provisioner.kind import Document, Place


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
        dotted = ".".join(map(str, place)) or "document"
        return Finding(self.document.source, rule, f"{dotted}: {message}", severity, self.document.line(*place), hint)
