"""BMAD: what a project's installation is, by looking at its files.

The one door to all we know of BMAD: eras and versions, tools and folders, phases, help rows, and the contract of what
may be owned. Nothing here writes; a broken or huge file is a finding and otherwise treated as absent.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from bmad_provisioner.finding import Finding, Severity
from bmad_provisioner.kind import Sight
from bmad_provisioner.kinds.skills.contract import (
    REMOVALS,
    RESERVED_CODES,
    SHARED_FILES,
    forbidden_reason,
    module_code,
    reserved_reason,
)
from bmad_provisioner.kinds.skills.help import HelpRow, help_csv
from bmad_provisioner.kinds.skills.installation import Installation, era_of, has_toml_overrides
from bmad_provisioner.kinds.skills.phases import PHASE_ALIASES, PHASES, canonical_phase, phase_name
from bmad_provisioner.kinds.skills.platforms import ALL_FOLDERS, TOOLS, skill_folders
from bmad_provisioner.kinds.skills.versions import rank, release, satisfies

__all__ = [
    "ALL_FOLDERS",
    "CONTEXT_FILES",
    "LARGEST",
    "PHASES",
    "PHASE_ALIASES",
    "REMOVALS",
    "RESERVED_CODES",
    "SHARED_FILES",
    "TOOLS",
    "HelpRow",
    "Installation",
    "canonical_phase",
    "detect",
    "era_of",
    "forbidden_reason",
    "has_toml_overrides",
    "help_csv",
    "module_code",
    "phase_name",
    "quick",
    "rank",
    "read_yaml",
    "release",
    "reserved_reason",
    "satisfies",
    "skill_folders",
]

LARGEST = 1_000_000
"""Bytes above which a file of BMAD is not read."""

MANIFEST = "_bmad/_config/manifest.yaml"
_MANIFESTS = (MANIFEST, "_bmad/_cfg/manifest.yaml", ".bmad/_cfg/manifest.yaml", "bmad/_cfg/manifest.yaml")
_V4 = ".bmad-core/install-manifest.yaml"
_NEXT = tuple(f"{folder}/bmad/module-manifest.toml" for folder in (".claude/skills", ".agents/skills"))
SKILL_MANIFEST = "_bmad/_config/skill-manifest.csv"
_AGENT_MANIFEST = "_bmad/_config/agent-manifest.csv"
HELP = "_bmad/_config/bmad-help.csv"
_WORKFLOW_MANIFEST = "_bmad/_config/workflow-manifest.csv"
_CENTRAL = "_bmad/config.toml"
_RENDER = "_bmad/render/.gitignore"

CONTEXT_FILES: tuple[str, ...] = (
    *_MANIFESTS,
    _V4,
    *_NEXT,
    SKILL_MANIFEST,
    _AGENT_MANIFEST,
    HELP,
    _WORKFLOW_MANIFEST,
    _CENTRAL,
    _RENDER,
)
"""The project paths a plan must look at to know the installation, of whatever era."""

_EVIDENCE = ((_RENDER, "E"), (_CENTRAL, "D"), (_WORKFLOW_MANIFEST, "A"), (SKILL_MANIFEST, "C"))
_AGENT_TABLE = re.compile(r"^\[agents\.(?:\"([^\"\n]{1,80})\"|([A-Za-z0-9_-]{1,80}))\]\s*$", re.MULTILINE)
_TOML_VERSION = re.compile(r"^version\s*=\s*[\"']([^\"'\n]{1,80})[\"']\s*$", re.MULTILINE)


_SCALAR = r"[A-Za-z0-9][A-Za-z0-9.:/@_-]*"
_NAME = r"(?!(?:true|false|null|yes|no|on|off|y|n)\n)[a-z][a-z0-9-]*"
_AS_WRITTEN = re.compile(
    rf"installation:\n  version: (\d+\.\d+\.\d+(?:-[A-Za-z][A-Za-z0-9.-]*)?)\n(?:  [A-Za-z]+: {_SCALAR}\n)*"
    rf"modules:\n((?:  - name: {_NAME}\n(?:    [A-Za-z]+: {_SCALAR}\n)*)+)ides:\n((?:  - {_NAME}\n)+)",
    re.ASCII,
)
"""A manifest exactly as BMAD 6 writes it: read without the YAML library, whose import costs more than all the rest."""


def detect(sight: Sight) -> Installation:
    """Return what the project's BMAD is; the era `none` where there is none."""
    found = _from_manifest(sight) or _from_next(sight) or _from_v4(sight)
    if found is None:
        return Installation()
    skills, faults = _skills(sight)
    return replace(found, skills=skills, agents=_agents(sight, found), faults=found.faults + faults)


def read_yaml(data: bytes) -> Any:
    """Return YAML text as plain data; raise `ValueError` for what is huge, deep, broken or uses aliases."""
    import yaml  # noqa: PLC0415 - 12 ms that a run which reads no YAML does not pay

    if len(data) > LARGEST:
        raise ValueError("it is larger than 1 MB")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        text = data.decode("utf-8-sig")
        depth = 0
        for event in yaml.parse(text, loader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if isinstance(event, yaml.AliasEvent) or depth > 32:
                raise ValueError("it uses aliases or is nested too deep")
        return yaml.load(text, loader)  # noqa: S506 - a safe loader
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"it is not readable as YAML: {' '.join(str(error).split())}") from error


def rows(text: str) -> Iterator[Mapping[str, str]]:
    """Yield the rows of CSV text by the names in its header; what is malformed is left out."""
    try:
        for row in csv.DictReader(text.splitlines()):
            yield {key: value for key, value in row.items() if isinstance(key, str) and isinstance(value, str)}
    except csv.Error:
        return


def text_at(sight: Sight, path: str) -> str | None:
    """Return the text at `path`, or `None` where no plain file of readable size and encoding stands."""
    entry = sight.entry(path)
    if entry is None or not entry.is_plain:
        return None
    data = sight.read(path)
    if len(data) > LARGEST:
        return None
    return data.decode("utf-8-sig", "replace")


def _from_manifest(sight: Sight) -> Installation | None:
    for path in _MANIFESTS:
        entry = sight.entry(path)
        if entry is None:
            continue
        if not entry.is_plain:
            return _guess(sight, path, "it is no plain file")
        data = sight.read(path)
        try:
            return quick(data) or _manifest(sight, path, read_yaml(data))
        except ValueError as error:
            return _guess(sight, path, str(error))
    return None


def quick(data: bytes) -> Installation | None:
    """Return what a manifest says that stands exactly as BMAD writes it; `None` for any other, which YAML must read."""
    match = _AS_WRITTEN.fullmatch(data.decode("ascii", "replace")) if len(data) <= 20_000 else None
    if match is None:
        return None
    modules = re.findall(r"^  - name: (.*)$", match[2], re.MULTILINE)
    ides = re.findall(r"^  - (.*)$", match[3], re.MULTILINE)
    return Installation(match[1], era_of(match[1]), tuple(dict.fromkeys(ides)), tuple(dict.fromkeys(modules)))


def _manifest(sight: Sight, path: str, data: Any) -> Installation:
    content = data if isinstance(data, dict) else {}
    section = content.get("installation")
    version = section.get("version") if isinstance(section, dict) else None
    if not isinstance(version, str) or rank(version) is None:
        return _guess(sight, path, "it names no version")
    return Installation(version, era_of(version), _strings(content.get("ides")), _strings(content.get("modules")))


def _guess(sight: Sight, path: str, why: str) -> Installation:
    """Return the installation whose manifest cannot be read, its era told by the other files."""
    era = next((era for evidence, era in _EVIDENCE if sight.entry(evidence) is not None), "none")
    if era == "A" and sight.entry(SKILL_MANIFEST) is not None:
        era = "B"
    hint = "run BMAD's installer again, which writes the file anew"
    fault = Finding(path, "bmad-unreadable", f"cannot read BMAD's manifest: {why}", Severity.WARNING, hint=hint)
    return Installation(None, era, faults=(fault,))


def _from_next(sight: Sight) -> Installation | None:
    for path in _NEXT:
        text = text_at(sight, path)
        match = _TOML_VERSION.search(text) if text else None
        if match is not None and rank(match[1]) is not None:
            return Installation(match[1], "F")
    return None


def _from_v4(sight: Sight) -> Installation | None:
    if sight.entry(_V4) is None:
        return None
    text = text_at(sight, _V4)
    match = re.search(r"^version:\s*[\"']?([0-9A-Za-z.+-]{1,80})", text, re.MULTILINE) if text else None
    return Installation(match[1] if match and rank(match[1]) else None, "v4")


def _skills(sight: Sight) -> tuple[frozenset[str], tuple[Finding, ...]]:
    """Return the ids BMAD calls its own; those it took from the prototype's folder are not.

    6.0 had no skills: its commands stand for them.
    """
    text = text_at(sight, SKILL_MANIFEST)
    if text is not None:
        own = (row.get("canonicalId", "") for row in rows(text) if row.get("module") not in ("custom-skills", "custom"))
        return frozenset(own) - {""}, ()
    if sight.entry(SKILL_MANIFEST) is not None:
        return frozenset(), (Finding(SKILL_MANIFEST, "bmad-unreadable", "cannot read the list of BMAD's skills", Severity.WARNING),)
    commands = (row.get("command", "") for row in rows(text_at(sight, HELP) or ""))
    return frozenset(command for command in commands if command.startswith("bmad")), ()


def _agents(sight: Sight, found: Installation) -> frozenset[str]:
    """Return the agents by the list that the version keeps; an update from before 6.4 leaves the old list behind, stale."""
    listed = "" if has_toml_overrides(found) else text_at(sight, _AGENT_MANIFEST)
    names = [row.get("name", "") for row in rows(listed or "")]
    names += [quoted or bare for quoted, bare in _AGENT_TABLE.findall(text_at(sight, _CENTRAL) or "")]
    return frozenset(_with_short(name for name in names if name))


def _with_short(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        yield name
        yield name.removeprefix("bmad-agent-")


def _strings(value: Any) -> tuple[str, ...]:
    """Return the names in a list of names, or of mappings that each have a `name`."""
    if not isinstance(value, list):
        return ()
    names = (item.get("name") if isinstance(item, dict) else item for item in value)
    return tuple(dict.fromkeys(name for name in names if isinstance(name, str) and name))
