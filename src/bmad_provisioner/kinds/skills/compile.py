"""Compile: a Skills document and a sight of its project, into the graph of everything to render."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from itertools import chain, islice, pairwise, takewhile

from bmad_provisioner.digest import Plain
from bmad_provisioner.engine.graph import Graph
from bmad_provisioner.engine.task import Task
from bmad_provisioner.finding import Finding
from bmad_provisioner.kind import Document, Place, Sight
from bmad_provisioner.kinds.skills import bmad
from bmad_provisioner.kinds.skills.fetch import FETCH
from bmad_provisioner.kinds.skills.manifest import Customization, Leader, Project, Source, Specialist, Workflow, named, project
from bmad_provisioner.kinds.skills.naming import menu_codes
from bmad_provisioner.kinds.skills.render import COPY, HELP_ROWS, LEADER, OVERRIDE, ROSTER, SPECIALIST, WORKFLOW
from bmad_provisioner.kinds.skills.steps import Step, Unknown, cast_of, resolve
from bmad_provisioner.kinds.skills.summary import summary
from bmad_provisioner.naming import did_you_mean
from bmad_provisioner.remarks import Remarks
from bmad_provisioner.tree.model import BESIDE

_JUNK = frozenset({".git", ".DS_Store", "__pycache__", "Thumbs.db", ".hg", ".svn"})


def compile(document: Document, sight: Sight) -> tuple[Graph, tuple[Finding, ...]]:
    """Return one task for each thing to render, and what only the project could show to be wrong."""
    read, installed, say = project(document.data), bmad.detect(sight), Remarks(document)
    findings = [*installed.faults, *_version(say, read, installed), *_taken(say, read, installed)]
    folders = bmad.skill_folders(installed, read.tools)
    tasks = [*_people(read, installed, folders)]
    made = chain(
        _workflows(say, read, installed, folders),
        _sources(say, read, sight, folders),
        _overrides(say, read, installed),
        _for_bmad(say, read, installed),
    )
    for item in made:
        if isinstance(item, Task):
            tasks.append(item)
        else:
            findings.append(item)
    return Graph([*tasks, summary(read, installed, folders, tasks)]), tuple(findings)


def _version(say: Remarks, read: Project, installed: bmad.Installation) -> Iterator[Finding]:
    if installed.version is None or not read.bmad_version or bmad.satisfies(installed.version, read.bmad_version):
        return
    message = f"the project has BMAD {installed.version}, and the manifest asks for `{read.bmad_version}`"
    yield say.warning("manifest-version", ("project", "bmad_version"), message, "update BMAD, or widen `bmad_version`")


def _taken(say: Remarks, read: Project, installed: bmad.Installation) -> Iterator[Finding]:
    for place, skill, what in named(read):
        if skill in installed.skills:
            reason = bmad.reserved_reason(skill, installed)
            yield say.error("skill-id", place, f"{what} cannot make the skill `{skill}`: {reason}", "rename it")


def _people(read: Project, installed: bmad.Installation, folders: tuple[str, ...]) -> Iterator[Task]:
    overrides = bmad.has_toml_overrides(installed)
    for leader in read.leaders:
        yield _leader(read, leader, installed, folders, overrides)
        for specialist in leader.specialists:
            yield _specialist(read, leader, specialist, folders)


def _leader(read: Project, leader: Leader, installed: bmad.Installation, folders: tuple[str, ...], overrides: bool) -> Task:
    custom = read.customization(leader.name)
    people: list[Plain] = [
        {"skill": s.skill, "id": s.id, "name": s.name, "domain": s.domain, "skills": list(s.skills)} for s in leader.specialists
    ]
    args: dict[str, Plain] = {
        "skill": leader.name, "project": read.name, "language": read.language, "domain": leader.domain, "folders": list(folders),
        "phase": bmad.phase_name(leader.phase, installed) or leader.phase, "overrides": overrides, "specialists": people,
        "memories": list(custom.memories), "principles": list(custom.principles), "menu": _menu(read, custom),
    }  # fmt: skip
    return Task(f"leader {leader.name}", LEADER, args)


def _specialist(read: Project, leader: Leader, specialist: Specialist, folders: tuple[str, ...]) -> Task:
    args: dict[str, Plain] = {
        "skill": specialist.skill, "project": read.name, "language": read.language, "domain": leader.domain,
        "folders": list(folders), "leader": leader.name, "name": specialist.name, "expertise": specialist.domain,
        "skills": list(specialist.skills), "notes": specialist.compliance_notes,
    }  # fmt: skip
    return Task(f"specialist {leader.name}/{specialist.id}", SPECIALIST, args)


def _menu(read: Project, custom: Customization) -> list[Plain]:
    """Return the menu with each entry as code, description and one of skill and prompt."""
    ours = {workflow.name for workflow in read.workflows}
    entries: list[Plain] = []
    for item in custom.menu:
        skill = item.skill or (item.workflow if item.workflow in ours else "")
        prompt = "" if skill else item.prompt or _follow(read.language, item.workflow)
        entries.append({"code": item.trigger, "description": item.description, "skill": skill, "prompt": prompt})
    return entries


def _follow(language: str, workflow: str) -> str:
    return f"Lire et suivre `{workflow}`." if language == "fr" else f"Read and follow `{workflow}`."


def _workflows(say: Remarks, read: Project, installed: bmad.Installation, folders: tuple[str, ...]) -> Iterator[Task | Finding]:
    cast = cast_of(read, installed)
    for index, workflow in enumerate(read.workflows):
        steps = resolve(workflow.sequence, cast)
        place: Place = ("project", "integration", "workflows", index, "sequence")
        for number, (name, step) in enumerate(zip(workflow.sequence, steps, strict=True)):
            yield from _step_findings(say, (*place, number), name, step, installed)
        yield _workflow(read, workflow, steps, installed, folders)


def _step_findings(say: Remarks, place: Place, name: str, step: Step | Unknown, installed: bmad.Installation) -> Iterator[Finding]:
    if isinstance(step, Unknown):
        yield say.error("sequence-step", place, f"`{name}`: {step.reason}", step.hint)
    elif step.form == "absent":
        remedy = f"name `{step.skill}`, which does its work now" if step.skill else "name an agent that is installed"
        yield say.warning("manifest-vague", place, f"BMAD {installed.version} has no agent `{name}`", remedy)


def _workflow(
    read: Project, workflow: Workflow, steps: tuple[Step | Unknown, ...], installed: bmad.Installation, folders: tuple[str, ...]
) -> Task:
    plain: list[Plain] = [
        {"name": name, "form": step.form, "skill": step.skill, "title": step.title, "subject": step.subject, "leader": step.leader}
        for name, step in zip(workflow.sequence, steps, strict=True)
        if isinstance(step, Step)
    ]
    args: dict[str, Plain] = {
        "skill": workflow.name, "project": read.name, "language": read.language, "folders": list(folders),
        "phase": bmad.phase_name(workflow.phase, installed) or workflow.phase, "steps": plain,
    }  # fmt: skip
    return Task(f"workflow {workflow.name}", WORKFLOW, args)


def _sources(say: Remarks, read: Project, sight: Sight, folders: tuple[str, ...]) -> Iterator[Task | Finding]:
    beside = sorted(path for path in sight.tree if path.startswith(BESIDE))
    for index, source in enumerate(read.skills):
        if source.git:
            args: dict[str, Plain] = {
                "skill": source.skill,
                "url": source.git,
                "ref": source.ref,
                "path": source.path,
                "folders": list(folders),
            }
            yield Task(f"skill {source.skill}", FETCH, args)
        else:
            yield from _folder(say, ("project", "skills", index, "source"), source, sight, beside, folders)


def _folder(
    say: Remarks, place: Place, source: Source, sight: Sight, beside: list[str], folders: tuple[str, ...]
) -> Iterator[Task | Finding]:
    prefix = f"{BESIDE}{source.path}/"
    itself = sight.entry(prefix.rstrip("/"))
    first = bisect_left(beside, prefix)
    within = takewhile(lambda path: path.startswith(prefix), islice(beside, first, None))
    found = {path: sight.tree[path] for path in within if not _JUNK.intersection(path.split("/"))}
    for path, entry in found.items():
        if not entry.is_plain:
            name = path.removeprefix(BESIDE)
            yield say.error(
                "skill-source",
                place,
                f"`{name}` is no plain file ({entry.digest})",
                "a skill is made of plain files; copy what the link points to",
            )
    if f"{prefix}SKILL.md" not in found:
        there = (
            f"is no folder ({'a file' if itself.is_plain else itself.digest})"
            if itself
            else "holds no SKILL.md"
            if found
            else "is not there"
        )
        near = did_you_mean(source.path, _skill_folders(sight), "a skill is a folder with a SKILL.md")
        yield say.error("skill-source", place, f"`{source.path}` {there}", near)
        return
    args: dict[str, Plain] = {"skill": source.skill, "prefix": prefix, "shown": source.path, "folders": list(folders)}
    reads = tuple(sorted(path for path, entry in found.items() if entry.is_plain))
    yield Task(f"skill {source.skill}", COPY, args, reads)


def _skill_folders(sight: Sight) -> list[str]:
    ending = "/SKILL.md"
    return [path[len(BESIDE) : -len(ending)] for path in sight.tree if path.startswith(BESIDE) and path.endswith(ending)]


def _overrides(say: Remarks, read: Project, installed: bmad.Installation) -> Iterator[Task | Finding]:
    """Customise BMAD's own skills by the overrides it reads, and never by editing its files."""
    ours = {leader.name for leader in read.leaders}
    for custom in read.customizations:
        place: Place = ("project", "customizations", custom.target)
        if custom.target in ours:
            continue
        if installed.era in {"none", "v4"}:
            yield say.warning(
                "bmad-support",
                place,
                f"BMAD is not installed, so `{custom.target}` cannot be customised yet",
                "install BMAD 6.4 or later, then apply again",
            )
        elif not bmad.has_toml_overrides(installed):
            version = installed.version or "here"
            yield say.warning(
                "bmad-support",
                place,
                f"BMAD {version} reads no overrides, so `{custom.target}` stays as it is",
                "update BMAD to 6.4 or later, then apply again",
            )
        elif installed.skills and custom.target not in installed.skills:
            near = did_you_mean(custom.target, installed.skills, _installed(installed))
            yield say.warning("customization-target", place, f"the installed BMAD has no skill `{custom.target}`", near)
        else:
            yield from _override(say, place, read, custom, installed)


def _installed(installed: bmad.Installation) -> str:
    """Return a hint that names some of what can be customised: agents, or other skills where there are none."""
    agents = sorted(skill for skill in installed.skills if skill.startswith("bmad-agent-"))
    names = agents or sorted(installed.skills)
    more = len(installed.skills) - len(names[:5])
    return f"it has {', '.join(f'`{name}`' for name in names[:5])}" + (f" and {more} more" if more else "")


def _override(
    say: Remarks, place: Place, read: Project, custom: Customization, installed: bmad.Installation
) -> Iterator[Task | Finding]:
    is_agent = custom.target.startswith("bmad-agent-") or custom.target in installed.agents
    if custom.menu and not is_agent:
        yield say.warning(
            "customization-target",
            (*place, "menu_additions"),
            f"`{custom.target}` is a workflow and has no menu",
            "add the entries to an agent or a leader",
        )
    if not (custom.memories or custom.principles or (custom.menu and is_agent)):
        return
    args: dict[str, Plain] = {
        "path": f"_bmad/custom/{custom.target}.toml", "table": "agent" if is_agent else "workflow",
        "memories": list(custom.memories), "principles": list(custom.principles), "menu": _menu(read, custom),
    }  # fmt: skip
    yield Task(f"override {custom.target}", OVERRIDE, args)


def _for_bmad(say: Remarks, read: Project, installed: bmad.Installation) -> Iterator[Task | Finding]:
    """Tell BMAD of our skills: the roster of its meetings, and the rows of its help."""
    if installed.era in {"none", "v4"} or not (read.leaders or read.workflows):
        return
    code = bmad.module_code(read.name)
    if not bmad.has_toml_overrides(installed):
        message = f"BMAD {installed.version or 'here'} reads no roster and no overrides: leaders are skills only"
        yield say.info("bmad-support", ("project",), message, "BMAD 6.4 and later read both")
    elif read.leaders:
        leaders: list[Plain] = [{"skill": leader.name, "domain": leader.domain} for leader in read.leaders]
        path = "_bmad/custom/config.toml"
        yield Task(
            "roster",
            ROSTER,
            {"path": path, "code": code, "project": read.name, "language": read.language, "leaders": leaders},
        )
    if installed.era != "F":
        rows: list[Plain] = [*_rows(read, installed)]
        args: dict[str, Plain] = {"path": f"_bmad/{code}/module-help.csv", "code": code, "language": read.language, "rows": rows}
        yield Task("help", HELP_ROWS, args | {"version": installed.version, "era": installed.era})


def _rows(read: Project, installed: bmad.Installation) -> Iterator[Mapping[str, Plain]]:
    """Return the help rows of leaders and workflows; specialists are reached through their leaders."""
    codes = menu_codes([*(leader.name for leader in read.leaders), *(workflow.name for workflow in read.workflows)])
    before, after = _neighbours(read)
    for leader in read.leaders:
        about = ", ".join(s.name for s in leader.specialists) or leader.domain
        yield {
            "skill": leader.name, "display_name": "", "menu_code": codes[leader.name], "description": about,
            "phase": bmad.phase_name(leader.phase, installed) or leader.phase,
            "preceded_by": before.get(leader.name, ""), "followed_by": after.get(leader.name, ""),
        }  # fmt: skip
    for workflow in read.workflows:
        yield {
            "skill": workflow.name, "display_name": "workflow", "menu_code": codes[workflow.name],
            "description": " → ".join(workflow.sequence), "phase": bmad.phase_name(workflow.phase, installed) or workflow.phase,
            "preceded_by": "", "followed_by": "",
        }  # fmt: skip


def _neighbours(read: Project) -> tuple[dict[str, str], dict[str, str]]:
    """Return which leader comes before and after each in the first workflow that has both."""
    names = {leader.name for leader in read.leaders}
    before: dict[str, str] = {}
    after: dict[str, str] = {}
    for workflow in read.workflows:
        order = [name for name in workflow.sequence if name in names]
        for first, second in pairwise(order):
            after.setdefault(first, second)
            before.setdefault(second, first)
    return before, after
