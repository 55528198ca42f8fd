"""Start: the first form of a hand-written skill, and where a manifest declares one."""

from __future__ import annotations

from bmad_provisioner.errors import UsageError
from bmad_provisioner.kind import Document, Place, Scaffold
from bmad_provisioner.kinds.skills import bmad
from bmad_provisioner.kinds.skills.manifest import named, project
from bmad_provisioner.kinds.skills.spelling import yaml_text
from bmad_provisioner.kinds.skills.words import described

_BODY = """
# {title}

## When to use this skill

- Name the requests it is for, in the words people use.

## How to work

1. Say what the result is and who it is for.
2. Say what to read or ask first.
3. Say the steps, and how each is checked.

## Done means

- [ ] Say what can be seen when the work is done.
"""


def scaffold(name: str, description: str) -> Scaffold:
    """Return the start of a hand-written skill; raises UsageError where its name may not be used."""
    reason = bmad.reserved_reason(name, bmad.Installation())
    if reason is not None:
        raise UsageError(f"`{name}` cannot be the name of a skill: {reason}", hint="use a-z, 0-9 and single hyphens")
    title = name.replace("-", " ").capitalize()
    text = described(description) or f"{title}. Use when the request is about {name.replace('-', ' ')}."
    skill = f"---\nname: {yaml_text(name)}\ndescription: {yaml_text(text)}\n---\n{_BODY.replace('{title}', title)}"
    return Scaffold(("project", "skills"), {"source": f"./skills/{name}"}, {f"skills/{name}/SKILL.md": skill})


def declared(document: Document, name: str) -> tuple[Place, ...]:
    """Return what declares the skill `name` (or `leader/specialist`), and what is added to it; empty where nothing does.

    The parts can be deleted in this order: later entries of a list come first, and none lies within another.
    """
    read = project(document.data)
    entries = [place[:-1] for place, skill, what in named(read) if name in (skill, what.removeprefix("specialist ").strip("`"))]
    added: list[Place] = [("project", "customizations", custom.target) for custom in read.customizations if custom.target == name]
    outer = [place for place in entries if not any(place != other and place[: len(other)] == other for other in entries)]
    return tuple(sorted((*outer, *added), reverse=True)) if entries else ()
