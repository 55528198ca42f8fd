"""Summary: what a plan says of the whole: the BMAD it is for, and what the skills cost each tool in context."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bmad_provisioner.digest import Plain
from bmad_provisioner.engine.task import Action, Inputs, Output, Task
from bmad_provisioner.finding import Finding, Severity
from bmad_provisioner.kinds.skills import bmad
from bmad_provisioner.kinds.skills.catalogue import CHARACTERS_PER_TOKEN, catalogue, cost
from bmad_provisioner.kinds.skills.edition import EDITION
from bmad_provisioner.kinds.skills.manifest import Project

_SKILLS = ("leader ", "specialist ", "workflow ", "skill ")
_ANY = ("claude-code", "codex")

RULES = {"catalogue-limit": "more skills than a tool's known limit lets it list: it hides those that do not fit"}


def summary(read: Project, installed: bmad.Installation, folders: Sequence[str], tasks: Iterable[Task]) -> Task:
    """Return the task that sums up all others."""
    info: dict[str, Plain] = {
        "version": installed.version,
        "era": installed.era,
        "asked": read.bmad_version,
        "compatible": not read.bmad_version or bmad.satisfies(installed.version, read.bmad_version),
        "folders": list(folders),
    }
    tools: list[Plain] = list(read.tools or installed.ides or _ANY)
    needs = tuple(task.name for task in tasks if task.name.startswith(_SKILLS))
    return Task("summary", SUMMARY, {"bmad": info, "tools": tools}, needs=needs)


def _sum(inputs: Inputs) -> Output:
    facts = [output.facts for output in inputs.needs.values()]
    tools = inputs.args["tools"]
    assert isinstance(tools, Sequence)
    lengths = catalogue(facts)
    characters = sum(len(skill) + length for skill, length in lengths.items())
    plain: dict[str, Plain] = {"skills": len(lengths), "characters": characters, "tokens": -(-characters // CHARACTERS_PER_TOKEN)}
    context: dict[str, Plain] = {str(tool): plain for tool in tools}
    findings = []
    for known in cost(facts):
        if known.tool not in context:
            continue
        context[known.tool] = {**plain, "limit": known.limit, "hidden": list(known.hidden)}
        if known.hidden:
            findings.append(_over(known.tool, known.limit, known.characters, len(known.hidden), known.beyond))
    return Output(findings=tuple(findings), facts={"bmad": inputs.args["bmad"], "context": context})


def _over(tool: str, limit: int, characters: int, hidden: int, beyond: str) -> Finding:
    message = f"lists skills in at most {limit:,} characters, and these take {characters:,}: about {hidden} will not fit ({beyond})"
    hint = "shorten descriptions, or split the manifest; the limit grows with the tool's context window"
    return Finding(tool, "catalogue-limit", message, Severity.WARNING, hint=hint)


SUMMARY = Action("summary", EDITION, _sum)
