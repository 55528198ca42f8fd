"""Kind: Skills, the leaders, specialists, skills and workflows of a BMAD project."""

from __future__ import annotations

from collections.abc import Mapping

from bmad_provisioner.digest import Plain
from bmad_provisioner.engine.graph import Graph
from bmad_provisioner.finding import Finding
from bmad_provisioner.kind import Adoption, Document, Kind, Place, Scaffold, Scope, Sight
from bmad_provisioner.kinds.skills.bmad import ALL_FOLDERS, CONTEXT_FILES, detect
from bmad_provisioner.kinds.skills.manifest import project

# Each function imports what it needs when it is called: a start pays only for the verb that was asked for.
# ruff: noqa: PLC0415


def check(document: Document) -> tuple[Finding, ...]:
    """Return everything that is wrong or vague in the document."""
    from bmad_provisioner.kinds.skills import check as module

    return module.check(document)


def scope(document: Document) -> Scope:
    """Return BMAD's own files, and the folders of hand-written skills beside the manifest."""
    sources = (source.path for source in project(document.data).skills if not source.git and source.path)
    return Scope(files=CONTEXT_FILES, beside=tuple(dict.fromkeys(sources)))


def compile(document: Document, sight: Sight) -> tuple[Graph, tuple[Finding, ...]]:
    """Return the graph of everything to render, and what only the project could show to be wrong."""
    from bmad_provisioner.kinds.skills import compile as module

    return module.compile(document, sight)


def schema() -> Mapping[str, Plain]:
    """Return the JSON schema of a Skills document."""
    from bmad_provisioner.kinds.skills import model

    return model.schema()


def root(document: Document) -> str:
    """Return where the manifest says the project lies; empty where it does not say."""
    return project(document.data).root


def diagnose(sight: Sight) -> tuple[Finding, ...]:
    """Return what BMAD's next update would lose or break."""
    from bmad_provisioner.kinds.skills import doctor

    return doctor.diagnose(sight, detect(sight))


def adopt(sight: Sight, name: str, managed: frozenset[str]) -> Adoption:
    """Return the manifest that declares what the project holds, and the moves it takes."""
    from bmad_provisioner.kinds.skills import legacy

    found = legacy.adopt(sight, detect(sight), name=name, managed=managed)
    return Adoption(found.manifest, found.copies, found.removals, found.rewrites, found.findings)


def declared(document: Document, name: str) -> tuple[Place, ...]:
    """Return what to delete from the document, one after the other, for the skill `name` to go."""
    from bmad_provisioner.kinds.skills import start

    return start.declared(document, name)


def scaffold(name: str, description: str) -> Scaffold:
    """Return the start of a hand-written skill."""
    from bmad_provisioner.kinds.skills import start

    return start.scaffold(name, description)


_PLACES = ("_bmad", *ALL_FOLDERS)
_LEFT_BEHIND = ("_bmad-custom-backup-temp", "_bmad-modified-backup-temp", ".claude/commands", ".cursor/commands")
DIAGNOSIS = Scope(files=(*CONTEXT_FILES, "bmad-provisioner.yaml"), folders=(*_PLACES, *_LEFT_BEHIND))
"""What `diagnose` has to see; `doctor` says the same, and a test compares the two."""
ADOPTION = Scope(files=(*CONTEXT_FILES, "_bmad/bmm/config.yaml"), folders=(*_PLACES, "skills", "adopted"))
"""What `adopt` has to see; `legacy` says the same, and a test compares the two."""

SKILLS = Kind(
    name="Skills",
    owns=True,
    check=check,
    scope=scope,
    compile=compile,
    schema=schema,
    root=root,
    diagnose=(DIAGNOSIS, diagnose),
    adopt=(ADOPTION, adopt),
    declared=declared,
    scaffold=scaffold,
)
