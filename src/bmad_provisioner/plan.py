"""Plan: what applying a document would do to a project, as a value that can be shown, saved and compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bmad_provisioner.digest import Digest, Entry, Plain, fingerprint
from bmad_provisioner.finding import Finding, Severity
from bmad_provisioner.tree.model import Change, Gap, Scope
from bmad_provisioner.usage import Usage

if TYPE_CHECKING:
    from bmad_provisioner.engine.task import Output


@dataclass(frozen=True, slots=True)
class Step:
    """How one task of the plan ended: its status, why it ran, and how many paths it makes, and which, where known.

    Of a cached output, `level` is where it was found, and `seconds` and `usage` what it once took; of another what it took.
    `asks` says that it asks the outside world, `quiet` that it makes nothing itself, `idle` that nothing was asked of it this
    time; `model` is the one that it names.
    """

    task: str
    status: str
    because: tuple[str, ...] = ()
    error: str = ""
    files: tuple[str, ...] = ()
    count: int = 0
    level: str = ""
    seconds: float = 0.0
    usage: Usage = Usage()
    asks: bool = False
    needs: tuple[str, ...] = ()
    quiet: bool = False
    idle: bool = False
    model: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """The changes and findings of one document in one project.

    `head` is the newest receipt it was made on, `source` the digest of the document's bytes: applying
    checks both, and the `before` of every change. `records` is what the receipt will record. `scope` and `beside` are
    what was looked at, and the folder the document lies in. `asks` says that a task of it asks the outside world: then it
    follows from more than files. `sole` says that its document is the only one of the manifest.
    """

    project: str
    document: str
    source: Digest
    head: str
    changes: tuple[Change, ...] = ()
    findings: tuple[Finding, ...] = ()
    steps: tuple[Step, ...] = ()
    records: Mapping[str, Entry | None] = field(default_factory=dict)
    current: int = 0
    facts: Mapping[str, Plain] = field(default_factory=dict)
    scope: Scope = field(default_factory=Scope)
    beside: str = ""
    asks: bool = False
    sole: bool = True

    @property
    def writes(self) -> tuple[Change, ...]:
        """The changes that touch the disk."""
        return tuple(change for change in self.changes if change.writes)

    @property
    def conflicts(self) -> tuple[Change, ...]:
        """The changes that somebody has to decide first."""
        return tuple(change for change in self.changes if change.gap is Gap.CONFLICT)

    @property
    def drifts(self) -> tuple[Change, ...]:
        """The edits made here that stay."""
        return tuple(change for change in self.changes if change.gap is Gap.DRIFTED)

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that forbid applying."""
        return tuple(finding for finding in self.findings if finding.severity is Severity.ERROR)

    @property
    def held(self) -> tuple[Step, ...]:
        """The tasks whose output is known only after a run."""
        return tuple(step for step in self.steps if step.status == "held")

    @property
    def is_clean(self) -> bool:
        """Whether there is nothing to write, to decide or to mend. Equal files may still have to be recorded as ours."""
        return not (self.writes or self.conflicts or self.errors or self.held)

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to do at all, and nothing to record: at most edits that stay."""
        return self.is_clean and not self.records and all(change.gap is Gap.DRIFTED for change in self.changes)

    @property
    def digest(self) -> Digest:
        """The name of exactly this plan: what it was made from and what it would do."""
        changes = [[c.path, c.gap.value, _pack(c.before), _pack(c.after), _pack(c.wanted)] for c in self.changes]
        return fingerprint(
            [self.document, self.source, self.head, changes, {path: _pack(entry) for path, entry in self.records.items()}]
        )


def _pack(entry: Entry | None) -> Plain:
    return None if entry is None else [entry.digest, entry.executable]


def facts(outputs: Mapping[str, Output]) -> dict[str, Plain]:
    """Join the facts of all tasks: mappings under one name are merged, anything else is kept by task order."""
    joined: dict[str, Plain] = {}
    for output in outputs.values():
        for name, value in output.facts.items():
            known = joined.get(name)
            joined[name] = {**known, **value} if isinstance(known, Mapping) and isinstance(value, Mapping) else value
    return joined
