"""Prototype: the folder of one leader as the first public prototype wrote it, read into manifest data.

    <leader>/SKILL.md                          often without frontmatter
             agents/leader-<x>.md, .agent.yaml
             agents/specialist-<id>.md, .agent.yaml
             workflows/route-to-specialist.yaml, <x>-complete.yaml, <x>-multi.yaml, and chains of leaders
             data/*.csv, references/routing-rules.md

Its template marks (`{compliance_section}`) were at times left unfilled; they are passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bmad_provisioner.digest import Plain
from bmad_provisioner.finding import Finding, Severity
from bmad_provisioner.kinds.skills.bmad import read_yaml
from bmad_provisioner.kinds.skills.phases import canonical_phase

DEFAULT_PHASE = "3-solutioning"
"""What the prototype gave to a leader that named no phase."""

_SPECIALIST = re.compile(r"agents/specialist-([^/]+?)(?:\.agent\.yaml|\.md)")
_LEADER = re.compile(r"agents/leader-([^/]+?)(?:\.agent\.yaml|\.md)")
_SKILLS = re.compile(r".*\bskills\b.*", re.IGNORECASE)
_MARK = re.compile(r"\{[a-z_]+(?:\[[^\]]*\]|\.[a-z_]+\([^)]*\))?\}")
_PHASE = re.compile(r"Default phase:\s*\**\s*([A-Za-z0-9-]{1,40})")
_EVIDENCE = (
    ("healthcare", ("data/phi-keywords.csv", "data/hipaa-checklist.csv")),
    ("qa", ("data/qa-checklist.csv", "data/test-types.csv")),
    ("cis", ("data/cis-checklist.csv", "data/creative-methods.csv")),
)
_DOMAINS = ("generic", "healthcare", "qa", "cis")


@dataclass(frozen=True, slots=True)
class LeaderFolder:
    """A leader's files by their path in its folder, and where the folder stood."""

    name: str
    place: str
    files: Mapping[str, bytes]

    @property
    def stem(self) -> str:
        """The `<x>` in the names of its files: what `leader-<x>` says, else its own name without `-leader`."""
        found = next((match[1] for match in map(_LEADER.fullmatch, sorted(self.files)) if match), None)
        return found or self.name.removesuffix("-leader")

    @property
    def routes(self) -> frozenset[str]:
        """The workflows that only route to the leader's own specialists."""
        return frozenset(
            {"route-to-specialist", *(f"{x}-{kind}" for x in (self.stem, self.name) for kind in ("complete", "multi"))}
        )

    def fault(self, path: str, message: str, hint: str = "", severity: Severity = Severity.WARNING) -> Finding:
        """Return a finding about one of its files."""
        return Finding(f"{self.place}/{path}" if path else self.place, "adopt-unclear", message, severity, hint=hint)


def is_leader(paths: Sequence[str]) -> bool:
    """Return whether files at these paths make a leader of the prototype and no skill of another kind."""
    return any(_LEADER.fullmatch(path) or _SPECIALIST.fullmatch(path) for path in paths)


def leader_data(folder: LeaderFolder) -> tuple[dict[str, Plain], tuple[Finding, ...]]:
    """Return the leader as the manifest says it, and what in its folder could not be told."""
    findings: list[Finding] = []
    told = _yaml(folder, f"agents/leader-{folder.stem}.agent.yaml", findings)
    specialists = [_specialist(folder, identifier, findings) for identifier in _specialists(folder, told)]
    if not specialists:
        findings.append(folder.fault("", f"leader `{folder.name}` has no specialists", "add them to the manifest"))
    leader: dict[str, Plain] = {
        "name": folder.name,
        "domain": _domain(folder, told),
        "phase": _phase(folder, findings),
        "specialists": specialists,
    }
    return leader, tuple(findings)


def chains(folder: LeaderFolder, names: Mapping[str, str]) -> tuple[dict[str, dict[str, Plain]], tuple[Finding, ...]]:
    """Return the folder's workflows that chain leaders, by their path in it; `names` gives the leader of each stem.

    Those that only route to the leader's own specialists are what every leader does anyway.
    """
    findings: list[Finding] = []
    found: dict[str, dict[str, Plain]] = {}
    for path in sorted(folder.files):
        stem, dot, suffix = path.removeprefix("workflows/").partition(".")
        if not path.startswith("workflows/") or stem in folder.routes:
            continue
        data = _yaml(folder, path, findings) if dot and suffix in ("yaml", "yml") else {}
        sequence = _sequence(data.get("steps"), folder, names)
        if sequence:
            phase = canonical_phase(str(data.get("phase", ""))) or "anytime"
            found[path] = {"name": slug(str(data.get("name") or stem)), "phase": phase, "sequence": sequence}
        else:
            hint = "describe it under `integration.workflows` in the manifest"
            findings.append(
                folder.fault(path, "this workflow is no chain of leaders and specialists that the manifest can hold", hint)
            )
    return found, tuple(findings)


def slug(text: str) -> str:
    """Return `text` as a skill may be called: a-z, 0-9 and single hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:64].strip("-")


def strings(value: Any) -> list[str]:
    """Return the texts in a list that may hold anything."""
    items = value if isinstance(value, list) else []
    return [str(item).strip() for item in items if isinstance(item, str | int | float) and str(item).strip()]


def _sequence(steps: Any, folder: LeaderFolder, names: Mapping[str, str]) -> list[Plain]:
    """Return the steps of a workflow by the names the manifest has for them; empty when one is not known."""
    agents = [str(step.get("agent", "")) if isinstance(step, dict) else "" for step in steps] if isinstance(steps, list) else []
    own = set(_specialists(folder, {}))
    sequence: list[Plain] = []
    for agent in agents:
        kind, _, name = agent.partition("-")
        leader = names.get(name) if kind == "leader" else None
        if leader:
            sequence.append(leader)
        elif kind == "specialist" and "{{" in name:
            sequence.append("specialist")
        elif kind == "specialist" and name in own:
            sequence.append(f"{folder.name}/{name}")
        else:
            return []
    return sequence


def _specialists(folder: LeaderFolder, told: Mapping[str, Any]) -> Iterator[str]:
    """Yield the ids of the specialists, those the leader lists first, in its order."""
    there = dict.fromkeys(match[1] for match in map(_SPECIALIST.fullmatch, sorted(folder.files)) if match)
    expertise = told.get("expertise")
    listed = strings(expertise.get("specialists")) if isinstance(expertise, dict) else []
    skill = _text(folder, "SKILL.md")
    mentioned = re.findall(r"agents/specialist-([A-Za-z0-9_.-]+?)(?:\.agent\.yaml|\.md)", skill)
    yield from dict.fromkeys([name for name in (*listed, *mentioned, *there) if name in there])


def _specialist(folder: LeaderFolder, identifier: str, findings: list[Finding]) -> dict[str, Plain]:
    path = f"agents/specialist-{identifier}"
    told = _yaml(folder, f"{path}.agent.yaml", findings)
    expertise = told.get("expertise") if isinstance(told.get("expertise"), dict) else {}
    assert isinstance(expertise, dict)
    title, sections = _sections(_text(folder, f"{path}.md"))
    name = str(told.get("display_name") or "") or re.sub(r"\s+-\s+Specialist Agent$", "", title)
    domain = str(expertise.get("domain") or "") or " ".join(sections.get("Domain Expertise", ()))
    skills = strings(expertise.get("skills")) or _bullets(
        next((s for title, s in sections.items() if _SKILLS.fullmatch(title)), ())
    )
    notes = _bullets(next((s for title, s in sections.items() if title.startswith("Compliance")), ()))
    if not domain:
        findings.append(
            folder.fault(f"{path}.md", f"specialist `{identifier}` names no domain", "write its `domain:` in the manifest")
        )
    if slug(identifier) != identifier:
        findings.append(folder.fault(f"{path}.md", f"`{identifier}` is no id for a skill; it becomes `{slug(identifier)}`"))
    specialist: dict[str, Plain] = {"id": slug(identifier), "name": name or identifier.replace("-", " ").title()}
    specialist.update({"domain": domain} if domain else {})
    specialist.update({"skills": skills} if skills else {})
    specialist.update({"compliance_notes": "\n".join(notes)} if notes else {})
    return specialist


def _domain(folder: LeaderFolder, told: Mapping[str, Any]) -> str:
    """Return the leader's pack: what it says, else what its data shows."""
    expertise = told.get("expertise")
    named = expertise.get("domain") if isinstance(expertise, dict) else None
    if named in _DOMAINS:
        return str(named)
    return next((domain for domain, paths in _EVIDENCE if any(path in folder.files for path in paths)), "generic")


def _phase(folder: LeaderFolder, findings: list[Finding]) -> str:
    candidates = [_yaml(folder, f"workflows/{folder.stem}-{kind}.yaml", findings).get("phase") for kind in ("complete", "multi")]
    match = _PHASE.search(_text(folder, "SKILL.md"))
    for candidate in (*candidates, match[1] if match else None):
        phase = canonical_phase(str(candidate)) if candidate is not None else None
        if phase:
            return phase
    hint = f"`phase: {DEFAULT_PHASE}` is assumed, as the prototype did"
    findings.append(folder.fault("", f"leader `{folder.name}` names no phase", hint, Severity.INFO))
    return DEFAULT_PHASE


def _yaml(folder: LeaderFolder, path: str, findings: list[Finding]) -> Mapping[str, Any]:
    if path not in folder.files:
        return {}
    try:
        data = read_yaml(folder.files[path])
    except ValueError as error:
        findings.append(folder.fault(path, str(error), "write what it says into the manifest"))
        return {}
    return data if isinstance(data, dict) else {}


def _text(folder: LeaderFolder, path: str) -> str:
    return folder.files.get(path, b"").decode("utf-8-sig", "replace")


def _sections(text: str) -> tuple[str, dict[str, tuple[str, ...]]]:
    """Return the title of Markdown text, and the lines below each of its second-level headings."""
    title, heading = "", ""
    lines: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line.startswith("# ") and not title:
            title = line[2:].strip()
        elif line.startswith("## "):
            heading = line[3:].strip()
        elif heading and line.strip() and not _MARK.fullmatch(line.strip()):
            lines.setdefault(heading, []).append(line.strip())
    return title, {name: tuple(found) for name, found in lines.items()}


def _bullets(lines: Sequence[str]) -> list[str]:
    return [line.lstrip("-* ").strip() for line in lines if line.lstrip("-* ").strip()]
