"""Legacy config: the customisations and the module entry that the prototype left in BMAD's own folders."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bmad_provisioner.digest import Plain
from bmad_provisioner.finding import Finding, Severity
from bmad_provisioner.kind import Sight
from bmad_provisioner.kinds.skills.bmad import MANIFEST, read_yaml
from bmad_provisioner.kinds.skills.installation import Installation
from bmad_provisioner.kinds.skills.prototype import LeaderFolder, strings

OLD_HOME = "_bmad/custom-skills"
"""Where the prototype put its leaders."""

KEPT = "adopted"
"""Where the prototype's files are kept, beside the manifest."""

_CUSTOMIZE = re.compile(r"_bmad/_config/agents/([a-z0-9]+)-([A-Za-z0-9_-]+)\.customize\.yaml")
_MENU_TARGET = re.compile(r"(?:\{+project-root\}+/)?(?:_bmad/custom-)?skills/([A-Za-z0-9_-]+)/(workflows/([A-Za-z0-9_-]+)\.ya?ml)")
_KNOWN = frozenset({"agent", "memories", "principles", "menu", "persona"})


@dataclass(frozen=True, slots=True)
class Customizations:
    """Customisations by leader or BMAD skill, the files they came from that nothing needs any more, and what was unclear."""

    data: Mapping[str, Plain] = field(default_factory=dict)
    used: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


def adopt_customizations(
    sight: Sight, installation: Installation, leaders: Mapping[str, LeaderFolder], workflows: Mapping[str, str]
) -> Customizations:
    """Return what the `*.customize.yaml` files add; those of the prototype are used up, BMAD's own stay."""
    data: dict[str, Plain] = {}
    used: list[str] = []
    findings: list[Finding] = []
    for path in sorted(sight.tree):
        match = _CUSTOMIZE.fullmatch(path)
        if match is None:
            continue
        ours = match[1] == "custom"
        content = _content(sight, path, findings)
        added = _added(path, content, leaders, workflows, findings)
        target = match[2] if ours else f"bmad-agent-{match[2]}"
        known = target in leaders if ours else target in installation.skills | installation.agents
        if added and not known:
            findings.append(
                _fault(path, f"it customises `{target}`, which is not here", "move what you need under `customizations:`")
            )
        if added and known:
            data[leaders[target].name if ours else target] = added
        if ours and known and content is not None:
            used.append(path)
    return Customizations(data, tuple(used), tuple(findings))


def without_old_module(sight: Sight) -> tuple[Mapping[str, bytes], tuple[Finding, ...]]:
    """Return BMAD's manifest without the entry that makes an update delete the prototype's folder, when it has one.

    Only the lines of that entry go; every other byte stays.
    """
    entry = sight.entry(MANIFEST)
    if entry is None or not entry.is_plain:
        return {}, ()
    before = sight.read(MANIFEST)
    try:
        modules = read_yaml(before).get("modules")
        wanted = [module for module in modules if not _is_old_module(module)]
    except (ValueError, AttributeError, TypeError):
        return {}, ()
    if wanted == modules:
        return {}, ()
    after = re.sub(rb"(?m)^([ ]*)-[ ]+name:[ ]*[\"']?custom-skills[\"']?[ ]*\r?\n(?:\1[ ]+.*\r?\n?)*", b"", before)
    try:
        exact = read_yaml(after) == {**read_yaml(before), "modules": wanted}
    except ValueError:
        exact = False
    if exact:
        return {MANIFEST: after}, ()
    return {}, (_fault(MANIFEST, "it lists `custom-skills` as a module in a way not known here", "remove that entry by hand"),)


def _is_old_module(module: Any) -> bool:
    return isinstance(module, dict) and module.get("name") == "custom-skills" and module.get("source") in ("unknown", None)


def _content(sight: Sight, path: str, findings: list[Finding]) -> Mapping[str, Any] | None:
    entry = sight.entry(path)
    try:
        data = read_yaml(sight.read(path)) if entry is not None and entry.is_plain else None
    except ValueError as error:
        findings.append(_fault(path, str(error), "move what it says under `customizations:` in the manifest"))
        return None
    return data if isinstance(data, dict) else None


def _added(
    path: str,
    content: Mapping[str, Any] | None,
    leaders: Mapping[str, LeaderFolder],
    workflows: Mapping[str, str],
    findings: list[Finding],
) -> dict[str, Plain]:
    """Return the part of a customisation that a manifest can hold."""
    found = content or {}
    persona = found.get("persona")
    principles = strings(found.get("principles")) + (strings(persona.get("principles")) if isinstance(persona, dict) else [])
    menu = list(_menu(path, found.get("menu"), leaders, workflows, findings))
    left = sorted(str(key) for key, value in found.items() if value and key not in _KNOWN)
    left += (
        sorted(f"persona.{key}" for key, value in persona.items() if value and key != "principles")
        if isinstance(persona, dict)
        else []
    )
    if left:
        message = f"{', '.join(f'`{key}`' for key in left)} cannot be told in the manifest"
        findings.append(_fault(path, message, f"the file is kept under `{KEPT}/`; write what matters as memories or principles"))
    parts: dict[str, Plain] = {"memories": strings(found.get("memories")), "principles": principles, "menu_additions": menu}
    return {key: value for key, value in parts.items() if value}


def _menu(
    path: str, items: Any, leaders: Mapping[str, LeaderFolder], workflows: Mapping[str, str], findings: list[Finding]
) -> Iterator[dict[str, Plain]]:
    for item in items if isinstance(items, list) else ():
        entry = item if isinstance(item, dict) else {}
        trigger, description = (str(entry.get(key) or "").strip() for key in ("trigger", "description"))
        starts = next(((key, str(entry[key])) for key in ("workflow", "skill", "prompt") if entry.get(key)), None)
        if not trigger or starts is None:
            findings.append(
                _fault(path, "an entry of its menu names no trigger or starts nothing", "write it under `menu_additions:`")
            )
            continue
        key, value = _target(path, *starts, leaders, workflows, findings)
        yield {"trigger": trigger, key: value, "description": description or trigger}


def _target(
    path: str, key: str, value: str, leaders: Mapping[str, LeaderFolder], workflows: Mapping[str, str], findings: list[Finding]
) -> tuple[str, str]:
    """Return what a menu entry starts now that the prototype's folder is gone."""
    match = _MENU_TARGET.fullmatch(value)
    if key != "workflow" or match is None:
        return key, value
    leader = leaders.get(match[1])
    if leader is not None and match[3] in leader.routes:
        return "skill", leader.name
    if f"{match[1]}/{match[2]}" in workflows:
        return "skill", workflows[f"{match[1]}/{match[2]}"]
    if leader is not None and match[2] in leader.files:
        return "workflow", f"{{project-root}}/{KEPT}/custom-skills/{leader.name}/{match[2]}"
    findings.append(
        _fault(path, f"its menu starts `{value}`, which is not there", "mend or remove the entry under `menu_additions:`")
    )
    return key, value


def _fault(path: str, message: str, hint: str) -> Finding:
    return Finding(path, "adopt-unclear", message, Severity.WARNING, hint=hint)
