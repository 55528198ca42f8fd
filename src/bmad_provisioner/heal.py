"""Heal: what was last applied to a project, and what threatens it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bmad_provisioner import api
from bmad_provisioner.digest import Digest
from bmad_provisioner.document import parse
from bmad_provisioner.errors import DamagedError, UsageError
from bmad_provisioner.finding import Finding
from bmad_provisioner.plugins import Plugins
from bmad_provisioner.session import Session, look


@dataclass(frozen=True, slots=True)
class Applied:
    """A document as it was last applied: the manifest's bytes and path then, and the request made of them."""

    request: api.Request
    data: bytes
    path: str


def applied(session: Session) -> tuple[Applied, ...]:
    """Return every document whose files are recorded, as it was last applied."""
    state = session.journal.recorded()
    last = {receipt.document: receipt for receipt in session.journal if "manifest" in receipt.context}
    found: list[Applied] = []
    for identity in state.trees:
        context = last[identity].context
        source, path = Digest(str(context["manifest"])), str(session.project.root / str(context["path"]))
        if source not in session.blobs:
            raise DamagedError(
                f"the manifest of `{identity}` as it was last applied is lost",
                hint="run `bmadp apply`: it goes by the manifest as it is",
            )
        data = session.blobs.get(source)
        documents = parse(data, path).documents
        siblings = frozenset(document.identity for document in documents)
        # A document renamed since its first apply is recorded under its first name.
        name = identity if identity in siblings or len(documents) > 1 else documents[0].identity
        found += [
            Applied(api.Request(document, api.kind_of(document), source, Path(path).parent, path, siblings), data, path)
            for document in documents
            if document.identity == name
        ]
    if not found:
        raise UsageError("nothing is applied here that could be healed", hint="run `bmadp apply`")
    return tuple(found)


def diagnose(session: Session) -> tuple[Finding, ...]:
    """Return what threatens a project, as every kind that knows about such things says."""
    findings: list[Finding] = []
    for kind in Plugins("bmad_provisioner.kinds").values():
        if kind.diagnose is not None:
            scope, function = kind.diagnose
            findings += function(look(session, scope, session.project.root))
    return tuple(findings)
