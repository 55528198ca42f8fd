"""Adopt: bring what a project already holds under a manifest, in one transaction that can be taken back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bmad_provisioner import api
from bmad_provisioner.digest import Entry, Plain
from bmad_provisioner.errors import UsageError
from bmad_provisioner.finding import Finding
from bmad_provisioner.kind import Adoption, Kind
from bmad_provisioner.plan import Plan
from bmad_provisioner.plugins import Plugins
from bmad_provisioner.session import Looking, Session, look
from bmad_provisioner.source import DEFAULT_NAME
from bmad_provisioner.tree.journal import Receipt
from bmad_provisioner.tree.model import Change, Gap
from bmad_provisioner.tree.observe import observe

HEAD = "# Written by `bmadp init`. See `bmadp schema` and the documentation for every field.\n"


@dataclass(frozen=True, slots=True)
class Found:
    """A manifest made of what is there, as text, and the plan that moves everything under it."""

    text: str
    plan: Plan
    findings: tuple[Finding, ...]


def adopt(session: Session, *, name: str) -> Found:
    """Return the manifest that declares what the project holds, and the moves it takes."""
    for kind in Plugins("bmad_provisioner.kinds").values():
        if kind.owns and kind.adopt is not None:
            scope, function = kind.adopt
            sight = look(session, scope, session.project.root)
            managed = frozenset(path for tree in session.journal.recorded().trees.values() for path in tree)
            made: Adoption = function(sight, name, managed)
            text = HEAD + dump(made.data)
            return Found(text, _plan(session, sight, made, text), made.findings)
    raise UsageError("no installed kind can adopt a project")


def fitted(session: Session, kind: Kind, *, name: str) -> str:
    """Return the manifest of a kind that only amends, fitted to what the project holds; it moves nothing."""
    assert kind.adopt is not None
    scope, function = kind.adopt
    return HEAD + dump(function(look(session, scope, session.project.root), name, frozenset()).data)


def dump(data: Mapping[str, Plain]) -> str:
    """Return plain data as YAML, in the order given."""
    # Only for writing a manifest.
    import yaml  # noqa: PLC0415

    text: str = yaml.safe_dump(_plain(data), sort_keys=False, allow_unicode=True, width=110, indent=2)
    return text


def _plain(value: Plain) -> Plain:
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, list | tuple) else value


def _plan(session: Session, sight: Looking, made: Adoption, text: str) -> Plan:
    after: dict[str, Entry | None] = {DEFAULT_NAME: session.blobs.keep(text.encode())}
    for source, target in made.copies:
        entry = sight.entry(source)
        if entry is not None and entry.is_plain:
            after[target] = session.blobs.keep(sight.read(source), entry.executable)
    after |= {path: session.blobs.keep(data) for path, data in made.rewrites.items()}
    after |= dict.fromkeys(made.removals)
    now = observe(str(session.project.root), after, session.index)
    changes = tuple(_change(path, now.get(path), entry) for path, entry in sorted(after.items()) if now.get(path) != entry)
    taken = [change for change in changes if change.gap is Gap.CONFLICT]
    if taken:
        raise UsageError(f"`{taken[0].path}` already exists", hint="move it away, then run `bmadp init --adopt` again")
    return Plan(str(session.project.root), "init", session.blobs.put(text.encode()), session.journal.head(), changes)


def _change(path: str, before: Entry | None, after: Entry | None) -> Change:
    if after is None:
        return Change(path, Gap.ORPHANED, before, None, None, "moved under the manifest")
    if before is None:
        return Change(path, Gap.MISSING, None, after, after, "adopted")
    if path == DEFAULT_NAME or path.startswith("skills/"):
        return Change(path, Gap.CONFLICT, before, before, after, "something else stands there")
    return Change(path, Gap.OUTDATED, before, after, after, "no longer lists the moved folder as a module")


def settle(session: Session, found: Found, signature: api.Signature) -> Receipt | None:
    """Write the manifest and make the moves; the caller holds the project."""
    return api.apply(
        session, found.plan, signature, verb="init", manifest=found.text.encode(), path=str(session.project.root / DEFAULT_NAME)
    )
