"""Kind: Skills, the leaders, specialists, skills and workflows of a BMAD project."""

from __future__ import annotations

from collections.abc import Mapping

from bmad_provisioner.digest import Plain
from bmad_provisioner.kind import Document, Kind, Scope
from bmad_provisioner.kinds.skills.bmad import CONTEXT_FILES
from bmad_provisioner.kinds.skills.check import check
from bmad_provisioner.kinds.skills.compile import compile
from bmad_provisioner.kinds.skills.manifest import project


def scope(document: Document) -> Scope:
    """Return BMAD's own files, and the folders of hand-written skills beside the manifest."""
    sources = (source.path for source in project(document.data).skills if not source.git and source.path)
    return Scope(files=CONTEXT_FILES, beside=tuple(dict.fromkeys(sources)))


def schema() -> Mapping[str, Plain]:
    """Return the JSON schema of a Skills document."""
    from bmad_provisioner.kinds.skills import model  # noqa: PLC0415 - pydantic is imported only where it is needed

    return model.schema()


def root(document: Document) -> str:
    """Return where the manifest says the project lies; empty where it does not say."""
    return project(document.data).root


SKILLS = Kind("Skills", True, check, scope, compile, schema, root)
