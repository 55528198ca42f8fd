"""Check: every reason why a Skills document is wrong, and what in it is vague, all at once."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bmad_provisioner.characters import is_clean, suspects
from bmad_provisioner.digest import Plain
from bmad_provisioner.finding import Finding
from bmad_provisioner.kind import Document, Place
from bmad_provisioner.kinds.skills import bmad
from bmad_provisioner.kinds.skills.domains import domain_names
from bmad_provisioner.kinds.skills.fetch import url_fault
from bmad_provisioner.kinds.skills.manifest import Project, is_remote, named, project
from bmad_provisioner.kinds.skills.steps import ROLES, Unknown, cast_of, resolve
from bmad_provisioner.naming import did_you_mean
from bmad_provisioner.remarks import Remarks


def check(document: Document) -> tuple[Finding, ...]:
    """Return everything that is wrong or vague in a Skills document."""
    from bmad_provisioner.kinds.skills.model import faults  # noqa: PLC0415 - pydantic costs 60 ms; a remembered check pays none

    say = Remarks(document)
    found = [*faults(document), *_hidden(say, document.data, ())]
    top = document.data.get("project")
    if not isinstance(top, dict):
        return tuple(found)
    read = project(document.data)
    found += [*_head(say, read), *_leaders(say, read), *_ids(say, read), *_sources(say, document, read)]
    found += [*_customizations(say, read), *_workflows(say, read)]
    return _one_a_place(found)


def _one_a_place(found: list[Finding]) -> tuple[Finding, ...]:
    """Drop what repeats an error at a place whose form is wrong already; sort by line."""
    first = ("manifest-form", "skill-source")
    broken = {f.message.split(": ", 1)[0] for f in found if f.rule in first}
    kept = [f for f in dict.fromkeys(found) if f.rule in first or f.message.split(": ", 1)[0] not in broken]
    return tuple(sorted(kept, key=lambda f: f.line or 0))


def _hidden(say: Remarks, data: Plain, place: Place) -> Iterator[Finding]:
    if isinstance(data, str):
        for suspect in () if is_clean(data) else suspects(data):
            where = f" in line {suspect.line + 1} of the value" if "\n" in data else ""
            yield say.error(
                "hidden-text", place, f"hidden character {suspect}{where}", "remove it: a model reads what people do not see"
            )
    elif isinstance(data, dict):
        for key, value in data.items():
            yield from _hidden(say, key, (*place, "key"))
            yield from _hidden(say, value, (*place, key))
    elif isinstance(data, list | tuple):
        for index, value in enumerate(data):
            yield from _hidden(say, value, (*place, index))


def _head(say: Remarks, read: Project) -> Iterator[Finding]:
    at: Place = ("project", "bmad_version")
    if read.bmad_version:
        try:
            bmad.satisfies(None, read.bmad_version)
        except ValueError as error:
            yield say.error("manifest-version", at, str(error))
        else:
            if re.fullmatch(r"v?6(\.[xX*])?(\.[xX*])?", read.bmad_version.strip()):
                yield say.warning(
                    "manifest-vague",
                    at,
                    f"`{read.bmad_version}` takes every BMAD 6, also those that differ in what they keep on update",
                    'write what the project was tried with, for example ">=6.4,<7"',
                )
    if re.match(r"[~/\\]|[A-Za-z]:[\\/]", read.root):
        yield say.warning(
            "manifest-vague",
            ("project", "root"),
            f"`{read.root}` is a path of one machine",
            "leave `root` out and run bmadp inside the project, or pass --project",
        )
    for index, tool in enumerate(read.tools or ()):
        if tool not in bmad.TOOLS:
            yield say.error(
                "manifest-tool",
                ("project", "tools", index),
                f"unknown tool `{tool}`",
                did_you_mean(tool, bmad.TOOLS, "`bmadp schema` lists the tools, under `tools`"),
            )


def _phase(say: Remarks, place: Place, phase: str) -> Iterator[Finding]:
    canonical = bmad.canonical_phase(phase)
    if canonical is None:
        known = (*bmad.PHASES, *(alias for alias in bmad.PHASE_ALIASES if not alias.isdigit()))
        yield say.error(
            "manifest-phase",
            place,
            f"unknown phase `{phase}`",
            did_you_mean(phase, known, f"phases are {', '.join(f'`{p}`' for p in bmad.PHASES)}"),
        )
    elif canonical != phase.strip().lower():
        yield say.warning(
            "manifest-vague", place, f"`{phase}` is no phase of BMAD and is read as `{canonical}`", f"write `{canonical}`"
        )


def _leaders(say: Remarks, read: Project) -> Iterator[Finding]:
    domains = domain_names({leader.domain for leader in read.leaders})
    for index, leader in enumerate(read.leaders):
        place: Place = ("project", "leaders", index)
        if leader.domain not in domains:
            listed = f"domains are {', '.join(f'`{d}`' for d in sorted(domains))}"
            yield say.error(
                "manifest-domain",
                (*place, "domain"),
                f"unknown domain `{leader.domain}`",
                did_you_mean(leader.domain, domains, listed),
            )
        yield from _phase(say, (*place, "phase"), leader.phase)
        if not leader.specialists:
            yield say.warning(
                "manifest-vague",
                (*place, "specialists"),
                f"`{leader.name}` has nobody to route work to",
                "add a specialist: {id, name, domain, skills}",
            )
        for number, specialist in enumerate(leader.specialists):
            if not specialist.domain.strip() and not specialist.skills:
                yield say.warning(
                    "manifest-vague",
                    (*place, "specialists", number),
                    f"nothing says what `{specialist.id}` knows or can do, so nothing can be routed to it",
                    "give it a `domain` and `skills`",
                )


def _ids(say: Remarks, read: Project) -> Iterator[Finding]:
    """Judge every id a skill will bear: allowed, and borne once."""
    borne: dict[str, tuple[Place, str]] = {}
    refused: set[Place] = set()
    for place, skill, what in named(read):
        if not skill:
            continue
        reason = bmad.reserved_reason(skill, bmad.Installation())
        if reason is not None and not any(place[: len(parent)] == parent for parent in refused):
            refused.add(place[:-1])
            yield say.error("skill-id", place, f"`{skill}` cannot be the name of a skill: {reason}", _better_id(skill))
        first = borne.setdefault(skill, (place, what))
        if first[0] != place:
            other = f"{'.'.join(map(str, first[0]))} ({first[1]})"
            yield say.error("duplicate-id", place, f"{what} and {other} both make the skill `{skill}`", "rename one of the two")


def _better_id(skill: str) -> str:
    plain = re.sub(r"[^a-z0-9]+", "-", skill.lower()).strip("-").removeprefix("bmad-").removeprefix("bmad")[:64].strip("-")
    return f"for example `{plain}`" if plain and plain != skill else "use a-z, 0-9 and single hyphens, at most 64 characters"


def _sources(say: Remarks, document: Document, read: Project) -> Iterator[Finding]:
    ours = {skill for _, skill, _ in named(read)}
    written = _written_sources(document)
    for index, source in enumerate(read.skills):
        place: Place = ("project", "skills", index)
        text = written[index] if index < len(written) else None
        if isinstance(text, str) and not is_remote(text):
            fault = _folder_fault(text)
            if fault:
                yield say.error(
                    "skill-source",
                    (*place, "source"),
                    f"`{text}` {fault}",
                    "a folder beside the manifest, for example ./skills/code-review",
                )
        elif source.git:
            refused = url_fault(source.git, source.ref, source.path)
            if refused:
                yield say.error("skill-source", (*place, "source"), *refused)
            elif source.ref == "HEAD":
                yield say.warning(
                    "manifest-vague",
                    (*place, "source"),
                    f"`{source.git}` is not pinned: whoever plans later may get another skill",
                    "write source: {git: ..., ref: <commit>, path: ...}",
                )
        for number, need in enumerate(source.needs):
            if need == source.skill:
                yield say.error("skill-needs", (*place, "needs", number), f"`{need}` needs itself")
            elif need not in ours:
                yield say.error(
                    "skill-needs",
                    (*place, "needs", number),
                    f"no leader, specialist, workflow or skill is named `{need}`",
                    did_you_mean(need, ours),
                )


def _written_sources(document: Document) -> list[Plain]:
    top = document.data.get("project")
    skills = top.get("skills") if isinstance(top, dict) else None
    return [item.get("source") if isinstance(item, dict) else None for item in skills] if isinstance(skills, list | tuple) else []


def _folder_fault(path: str) -> str:
    if path.startswith(("/", "~")) or "\\" in path or re.match(r"[A-Za-z]:", path):
        return "is a path of one machine"
    if ".." in path.split("/"):
        return "leads out of the manifest's folder"
    return "" if path.strip("./") else "names no folder"


def _customizations(say: Remarks, read: Project) -> Iterator[Finding]:
    leaders = {leader.name for leader in read.leaders}
    for custom in read.customizations:
        place: Place = ("project", "customizations", custom.target)
        if custom.target not in leaders and not custom.target.startswith("bmad-"):
            yield say.error(
                "customization-target",
                place,
                f"there is no leader `{custom.target}` to customise",
                did_you_mean(custom.target, leaders, "name a leader of this manifest, or a BMAD skill such as `bmad-agent-dev`"),
            )
        triggers: set[str] = set()
        for index, item in enumerate(custom.menu):
            at: Place = (*place, "menu_additions", index)
            if item.trigger in triggers:
                yield say.error("duplicate-id", (*at, "trigger"), f"the trigger `{item.trigger}` stands twice in this menu")
            triggers.add(item.trigger)
            if "_bmad/custom-skills/" in item.workflow:
                yield say.warning(
                    "manifest-vague",
                    (*at, "workflow"),
                    f"`{item.workflow}` lies where BMAD 6.3 and later deletes skills on update",
                    "name a workflow of this manifest, or move the file, for example to {project-root}/docs/",
                )


def _workflows(say: Remarks, read: Project) -> Iterator[Finding]:
    cast = cast_of(read)
    for index, workflow in enumerate(read.workflows):
        place: Place = ("project", "integration", "workflows", index)
        yield from _phase(say, (*place, "phase"), workflow.phase)
        for number, (name, step) in enumerate(zip(workflow.sequence, resolve(workflow.sequence, cast), strict=True)):
            at: Place = (*place, "sequence", number)
            if isinstance(step, Unknown):
                if step.certain:
                    yield say.error("sequence-step", at, f"`{name}`: {step.reason}", step.hint)
            elif name in ROLES and step.form == "role":
                yield say.warning(
                    "manifest-vague",
                    at,
                    f"`{name}` is whoever `{step.leader}` routes to",
                    f"leave it so, or name one: `{step.leader}/...`",
                )
            elif step.skill == workflow.name:
                yield say.error("sequence-step", at, f"`{name}` is this workflow itself")
