"""Upkeep: check, clear and prune what is kept of a project."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bmad_provisioner.digest import Digest, Entry
from bmad_provisioner.errors import DamagedError
from bmad_provisioner.finding import Finding
from bmad_provisioner.session import Session
from bmad_provisioner.tree.journal import Receipt

RULES: Mapping[str, str] = {"backup-damaged": "bytes that a restore or a merge would need are gone or damaged"}
"""Every rule of upkeep by its id, with what it finds."""


def verify(session: Session) -> tuple[Finding, ...]:
    """Check every receipt, the chain, and all bytes that a restore or a merge would need."""
    findings = list(session.journal.verify())
    if findings:
        return tuple(findings)
    for receipt in session.journal:
        for name in sorted(needed([receipt])):
            try:
                session.blobs.check(name)
            except DamagedError as error:
                findings.append(Finding(receipt.name, "backup-damaged", error.message))
    return tuple(findings)


def needed(receipts: Iterable[Receipt]) -> set[Digest]:
    """Return the names of all bytes that receipts speak of."""
    names: set[Digest] = set()
    for receipt in receipts:
        for change in receipt.changes:
            names |= _plain(change.before, change.after) if change.writes else set()
        names |= _plain(*receipt.records.values())
        manifest = receipt.context.get("manifest")
        if isinstance(manifest, str):
            names.add(Digest(manifest))
    return names


def _plain(*entries: Entry | None) -> set[Digest]:
    return {entry.digest for entry in entries if entry is not None and entry.is_plain}


def clear(session: Session) -> int:
    """Forget cached outputs, the index and damaged bytes; return how many outputs went. Receipts and backups stay."""
    session.index.drop()
    gone = session.cache.clear()
    session.blobs.prune({name for name in session.blobs.names() if _intact(session, name)})
    return gone


def _intact(session: Session, name: Digest) -> bool:
    try:
        session.blobs.check(name)
    except DamagedError:
        return False
    return True


def prune(session: Session) -> int:
    """Drop bytes that neither a receipt nor a cached output needs; return how many went."""
    return session.blobs.prune(needed(session.journal) | session.cache.digests())
