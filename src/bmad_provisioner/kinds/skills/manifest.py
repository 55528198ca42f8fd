"""Manifest: the values a Skills document declares, read from data that `check` has found right.

Plain dataclasses, so that a plan made from a remembered check pays nothing for pydantic (`model` has the form).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from bmad_provisioner.digest import Plain
from bmad_provisioner.kind import Place
from bmad_provisioner.kinds.skills.naming import source_skill, specialist_skill


@dataclass(frozen=True, slots=True)
class Specialist:
    """One expert below a leader; `skill` is the id of the skill made for it."""

    id: str
    name: str
    domain: str
    skills: tuple[str, ...]
    compliance_notes: str
    skill: str


@dataclass(frozen=True, slots=True)
class Leader:
    """One who routes work to specialists; its skill bears its name."""

    name: str
    domain: str
    phase: str
    specialists: tuple[Specialist, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """A hand-written skill: a folder beside the manifest, or a folder of a git repository at a ref."""

    skill: str
    path: str
    git: str
    ref: str
    needs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MenuItem:
    """One entry of a menu; exactly one of `workflow`, `skill` and `prompt` is filled."""

    trigger: str
    description: str
    workflow: str
    skill: str
    prompt: str


@dataclass(frozen=True, slots=True)
class Customization:
    """What a project adds to one leader or BMAD skill."""

    target: str
    memories: tuple[str, ...]
    principles: tuple[str, ...]
    menu: tuple[MenuItem, ...]


@dataclass(frozen=True, slots=True)
class Workflow:
    """A sequence of steps under a name and a phase."""

    name: str
    phase: str
    sequence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Project:
    """All that a Skills document declares."""

    name: str
    bmad_version: str
    root: str
    language: str
    tools: tuple[str, ...] | None
    leaders: tuple[Leader, ...]
    skills: tuple[Source, ...]
    customizations: tuple[Customization, ...]
    workflows: tuple[Workflow, ...]

    def customization(self, target: str) -> Customization:
        """Return what is added to `target`; an empty customisation where nothing is."""
        found = next((c for c in self.customizations if c.target == target), None)
        return found or Customization(target, (), (), ())


def project(data: Mapping[str, Plain]) -> Project:
    """Read the project out of a document's data."""
    top = _mapping(data.get("project"))
    tools = top.get("tools")
    integration = _mapping(top.get("integration"))
    customizations = _mapping(top.get("customizations"))
    return Project(
        name=_text(top, "name"),
        bmad_version=_text(top, "bmad_version"),
        root=_text(top, "root"),
        language=_text(top, "language") or "en",
        tools=None if tools is None else _texts(tools),
        leaders=tuple(_leader(item) for item in _mappings(top.get("leaders"))),
        skills=tuple(_source(item) for item in _mappings(top.get("skills"))),
        customizations=tuple(_customization(target, _mapping(value)) for target, value in customizations.items()),
        workflows=tuple(_workflow(item) for item in _mappings(integration.get("workflows"))),
    )


def _leader(item: Mapping[str, Plain]) -> Leader:
    name = _text(item, "name")
    return Leader(
        name=name,
        domain=_text(item, "domain") or "generic",
        phase=_text(item, "phase") or "3-solutioning",
        specialists=tuple(_specialist(name, each) for each in _mappings(item.get("specialists"))),
    )


def _specialist(leader: str, item: Mapping[str, Plain]) -> Specialist:
    identifier = _text(item, "id")
    return Specialist(
        id=identifier,
        name=_text(item, "name") or identifier.replace("-", " ").title(),
        domain=_text(item, "domain"),
        skills=_texts(item.get("skills")),
        compliance_notes=_text(item, "compliance_notes"),
        skill=specialist_skill(leader, identifier),
    )


def _source(item: Mapping[str, Plain]) -> Source:
    value = item.get("source")
    needs = _texts(item.get("needs"))
    if isinstance(value, Mapping):
        git, path = _text(value, "git"), _text(value, "path").strip("/")
        return Source(source_skill(git, path), path, git, _text(value, "ref") or "HEAD", needs)
    text = str(value or "")
    if is_remote(text):
        return Source(source_skill(text, ""), "", text, "HEAD", needs)
    path = "/".join(part for part in text.split("/") if part not in {"", "."})
    return Source(source_skill("", path), path, "", "", needs)


def is_remote(source: str) -> bool:
    """Whether a source written as text is a git URL (or means to be one) and not a folder."""
    return "://" in source or source.startswith("git@") or source.endswith(".git")


def _customization(target: str, item: Mapping[str, Plain]) -> Customization:
    menu = tuple(
        MenuItem(_text(m, "trigger"), _text(m, "description"), _text(m, "workflow"), _text(m, "skill"), _text(m, "prompt"))
        for m in _mappings(item.get("menu_additions"))
    )
    return Customization(target, _texts(item.get("memories")), _texts(item.get("principles")), menu)


def _workflow(item: Mapping[str, Plain]) -> Workflow:
    return Workflow(_text(item, "name"), _text(item, "phase") or "anytime", _texts(item.get("sequence")))


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


def _mapping(value: Plain) -> Mapping[str, Plain]:
    return value if isinstance(value, Mapping) else {}


def _mappings(value: Plain) -> tuple[Mapping[str, Plain], ...]:
    return tuple(_mapping(item) for item in _items(value))


def _texts(value: Plain) -> tuple[str, ...]:
    return tuple(str(item) for item in _items(value))


def _items(value: Plain) -> Sequence[Plain]:
    return cast("Sequence[Plain]", value) if isinstance(value, list | tuple) else ()


def _text(item: Mapping[str, Plain], key: str) -> str:
    value = item.get(key)
    return "" if value is None else str(value)
