"""Steps: who is meant by each step of a workflow's sequence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bmad_provisioner.kinds.skills.bmad import Installation
from bmad_provisioner.kinds.skills.manifest import Leader, Project, Specialist
from bmad_provisioner.naming import did_you_mean

ROLES = frozenset({"specialist", "test-specialist"})
"""Roles of the prototype's samples: whoever the leader before routes to."""

KNOWN_AGENTS: Mapping[str, str] = {
    "analyst": "Analyst",
    "architect": "Architect",
    "bmad-master": "BMAD Master",
    "dev": "Developer",
    "pm": "Product Manager",
    "po": "Product Owner",
    "qa": "QA Engineer",
    "quick-flow-solo-dev": "Quick Flow Developer",
    "sm": "Scrum Master",
    "tea": "Test Architect",
    "tech-writer": "Technical Writer",
    "ux-designer": "UX Designer",
}
"""The agents that BMAD's versions bring (agent-manifest.csv of 6.0 to 6.3, `[agents]` of 6.5 to 6.12; `po` is v4's)."""

SUCCESSORS: Mapping[str, str] = {"sm": "dev", "qa": "dev", "quick-flow-solo-dev": "dev", "po": "pm", "bmad-master": "analyst"}
"""Who does the work of an agent that BMAD dropped (6.3 handed Scrum Master, QA and Quick Flow to the developer)."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step, understood.

    `form` is leader, specialist, role, workflow, skill, agent (BMAD's, installed or perhaps later) or absent (BMAD's,
    and this version has none). `skill` is the id to invoke, empty where none is known.
    """

    form: str
    skill: str
    title: str
    subject: str
    leader: str = ""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A step that nobody answers to, and why."""

    reason: str
    hint: str
    certain: bool
    """Whether no installation of BMAD could change that."""


@dataclass(frozen=True, slots=True)
class Cast:
    """All who may be named by a step."""

    leaders: Mapping[str, Leader]
    specialists: Mapping[str, tuple[tuple[Leader, Specialist], ...]]
    others: Mapping[str, str]
    installation: Installation | None

    def names(self) -> Iterator[str]:
        """Every name of ours a step may bear."""
        yield from self.leaders
        yield from self.others
        for identifier, owners in self.specialists.items():
            yield from (identifier, *(f"{leader.name}/{identifier}" for leader, _ in owners))


def cast_of(project: Project, installation: Installation | None = None) -> Cast:
    """Return all whom the project and, where it is known, its BMAD bring."""
    specialists: dict[str, list[tuple[Leader, Specialist]]] = {}
    for leader in project.leaders:
        for specialist in leader.specialists:
            for name in {specialist.id, specialist.skill}:
                specialists.setdefault(name, []).append((leader, specialist))
    others = {source.skill: "skill" for source in project.skills} | {workflow.name: "workflow" for workflow in project.workflows}
    return Cast(
        {leader.name: leader for leader in project.leaders},
        {name: tuple(owners) for name, owners in specialists.items()},
        others,
        installation,
    )


def resolve(sequence: tuple[str, ...], cast: Cast) -> tuple[Step | Unknown, ...]:
    """Return who is meant by each step, or why nobody is; `cast.installation` None leaves BMAD's names open."""
    before: Leader | None = None
    steps: list[Step | Unknown] = []
    for name in sequence:
        step = _step(name.strip(), cast, before)
        steps.append(step)
        if isinstance(step, Step) and step.form == "leader":
            before = cast.leaders[step.skill]
    return tuple(steps)


def _step(name: str, cast: Cast, before: Leader | None) -> Step | Unknown:
    if name in cast.leaders:
        leader = cast.leaders[name]
        return Step("leader", name, name, ", ".join(s.name for s in leader.specialists))
    if "/" in name:
        return _qualified(name, cast)
    if name in cast.specialists:
        return _bare(name, cast, before)
    if name in ROLES:
        if before is None:
            return Unknown(
                "no leader stands before it in the sequence to route to one",
                "put a leader before it, or name `leader/specialist`",
                True,
            )
        return Step("role", "", name, ", ".join(f"`{s.skill}`" for s in before.specialists), before.name)
    if name in cast.others:
        return Step(cast.others[name], name, name, "")
    return _of_bmad(name, cast)


def _qualified(name: str, cast: Cast) -> Step | Unknown:
    leader_name, _, identifier = name.partition("/")
    leader = cast.leaders.get(leader_name)
    if leader is None:
        return Unknown(f"there is no leader `{leader_name}`", did_you_mean(leader_name, cast.leaders), True)
    found = next((s for s in leader.specialists if s.id == identifier), None)
    if found is None:
        ids = [s.id for s in leader.specialists]
        listed = f"its specialists are {', '.join(f'`{i}`' for i in ids)}" if ids else "it has no specialists"
        return Unknown(f"`{leader_name}` has no specialist `{identifier}`", did_you_mean(identifier, ids, listed), True)
    return Step("specialist", found.skill, found.name, found.domain, leader.name)


def _bare(name: str, cast: Cast, before: Leader | None) -> Step | Unknown:
    owners = cast.specialists[name]
    near = [pair for pair in owners if before is not None and pair[0].name == before.name]
    if len(owners) > 1 and len(near) != 1:
        choices = " or ".join(f"`{leader.name}/{specialist.id}`" for leader, specialist in owners)
        return Unknown(f"{len(owners)} leaders have a specialist `{name}`", f"write {choices}", True)
    leader, specialist = (near or owners)[0]
    return Step("specialist", specialist.skill, specialist.name, specialist.domain, leader.name)


def _of_bmad(name: str, cast: Cast) -> Step | Unknown:
    short = name.removeprefix("bmad-agent-")
    known = KNOWN_AGENTS.get(short)
    bmad = cast.installation
    if bmad is None or (bmad.version is None and not bmad.agents and not bmad.skills):
        if known is not None or name.startswith("bmad-"):
            return Step("agent", name if name.startswith("bmad-") else "", known or name, "")
        return _nobody(name, cast, certain=bmad is not None)
    installed = next((i for i in (name, f"bmad-agent-{short}", f"bmad-{name}") if i in bmad.skills), "")
    if installed or name in bmad.agents or short in bmad.agents:
        return Step("agent" if known or short in bmad.agents else "skill", installed, known or name, "")
    if known is not None:
        heir = SUCCESSORS.get(short, "")
        heir_skill = f"bmad-agent-{heir}"
        return Step("absent", heir_skill if heir_skill in bmad.skills else "", known, heir)
    return _nobody(name, cast, certain=True)


def _nobody(name: str, cast: Cast, *, certain: bool) -> Unknown:
    bmad = cast.installation
    names = {*cast.names(), *ROLES, *KNOWN_AGENTS, *(bmad.skills | bmad.agents if bmad else ())}
    near = did_you_mean(name, names, "name a leader, `leader/specialist`, a workflow, or an agent or skill of the installed BMAD")
    return Unknown("names nobody", near, certain or _is_slip(name, cast))


def _is_slip(name: str, cast: Cast) -> bool:
    """Whether `name` is so near to one of ours that it can hardly mean a skill of somebody else."""
    from difflib import SequenceMatcher  # noqa: PLC0415 - only a wrong document pays for it

    return any(SequenceMatcher(None, name, ours).ratio() >= 0.85 for ours in cast.names())
