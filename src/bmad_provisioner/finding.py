"""Finding: one remark about one place."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Severity(str, Enum):
    """How much a finding matters: an error stops, a warning is shown, an info is for the curious."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong (or worth saying), where, by which rule, and what to do about it."""

    path: str
    rule: str
    message: str
    severity: Severity = Severity.ERROR
    line: int | None = None
    hint: str = ""

    def __str__(self) -> str:
        where = self.path if self.line is None else f"{self.path}:{self.line}"
        return f"{self.severity.value}: {where}: {self.message}" + (f"\nhint: {self.hint}" if self.hint else "")
