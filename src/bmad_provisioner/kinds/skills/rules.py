"""Rules: what a skill must be, by the Agent Skills standard and by what BMAD and the tools do with it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bmad_provisioner.characters import is_clean, suspects
from bmad_provisioner.finding import Finding, Severity

RULES: Mapping[str, str] = {
    "manifest-form": "the document has a known form: no unknown or missing keys, each value of its type",
    "manifest-vague": "what leaves room for a wrong guess is named, with its remedy (a warning)",
    "manifest-version": "`bmad_version` is a version or a requirement, and the installed BMAD meets it",
    "manifest-phase": "a phase is one of BMAD's, `anytime`, or a known alias",
    "manifest-domain": "a domain ships, or comes with an installed plugin",
    "manifest-tool": "a tool is one that BMAD knows",
    "hidden-text": "no NUL, control, bidirectional, tag or zero-width character hides in a value or a source file",
    "skill-id": "an id is 1 to 64 of a-z, 0-9 and single hyphens, and not BMAD's",
    "duplicate-id": "an id is borne once",
    "skill-source": "a hand-written skill is a folder beside the manifest or in a git repository, of plain files",
    "skill-needs": "what a skill needs exists",
    "customization-target": "a customisation belongs to a leader, or to a BMAD skill that can be customised",
    "sequence-step": "a step names a leader, a specialist, a workflow, a skill or an agent that exists",
    "bmad-support": "the installed BMAD reads what is rendered for it",
    "skill-file": "a skill is a folder with a `SKILL.md` in UTF-8",
    "skill-frontmatter": "front matter is closed, block-style YAML with the standard's keys only",
    "skill-name": "the name in front matter is the folder's name",
    "skill-description": "the description has 1 to 1024 characters",
    "skill-when": "the description says when to use the skill: `Use when`, `Use if`, or in French `À utiliser quand`",
    "skill-body": "the body is not empty",
    "skill-length": "the body has fewer than 500 lines (a warning)",
    "skill-installed-path": "the body does not use BMAD's retired `installed_path`",
    "skill-estimate": "no time estimates: a model follows them as facts (a warning)",
    "skill-trespass": "no files of another skill are referred to; say: Invoke the `x` skill",
}
"""Every rule by its id, with what it asks for."""

KEYS = frozenset({"name", "description", "license", "compatibility", "metadata", "allowed-tools"})
"""The keys of front matter that the standard knows (agentskills.io, specification, 2026-08-09)."""
_WHEN = re.compile(r"\buse (?:when|if)\b|[àa] utiliser (?:quand|si|lorsqu)", re.IGNORECASE)
_ESTIMATE = re.compile(
    r"\b(?:takes?|estimated(?: time)?|duration|approx(?:imately)?\.?|about|durée|environ|prend)\W{1,3}"
    r"(?:about |approx\w*\.? )?\d+(?:\s*[-\N{EN DASH}]\s*\d+)?\s*"
    r"(?:minutes?|mins?|hours?|hrs?|heures?|days?|jours?|weeks?|semaines?)\b",
    re.IGNORECASE,
)
_SPAN = re.compile(r"\d\s*(?:[mM]in|[hH](?:ou)?rs?|[hH]eure|[dD]ay|[jJ]our|[wW]eek|[sS]emaine)")
"""What every time estimate holds: a cheap search before the dear one."""
_OTHER = re.compile(r"(?:\.[a-z]+/skills/|(?<![\w./])\.\./)([a-z0-9][a-z0-9-]*)/[\w./-]*\w")
_TEXT = (".md", ".txt", ".csv", ".toml", ".yaml", ".yml", ".json", ".py", ".sh", ".js", ".ts")


@dataclass(frozen=True, slots=True)
class Conformance:
    """What was found in one skill, and how long its description is."""

    findings: tuple[Finding, ...]
    description_length: int


def conformance(skill: str, files: Mapping[str, bytes], shown: str, description: str | None = None) -> Conformance:
    """Judge a skill by its files, as they lie in its folder.

    `shown` is where the reader finds them. A `description` is given for what we rendered: its front matter is ours and is
    not parsed again.
    """
    path = f"{shown}/SKILL.md".lstrip("/") if shown else f"{skill}/SKILL.md"
    raw = files.get("SKILL.md")
    if raw is None:
        hint = "name it SKILL.md" if any(name.lower() == "skill.md" for name in files) else "a skill begins with SKILL.md"
        return Conformance((Finding(path, "skill-file", f"`{skill}` has no SKILL.md", hint=hint),), 0)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        message = f"it is not UTF-8: byte {error.start} is 0x{raw[error.start]:02x}"
        return Conformance((Finding(path, "skill-file", message, hint="save it as UTF-8"),), 0)
    found: list[Finding] = []
    front, body, first = _parts(text)
    if description is None:
        found += [*_hidden(files, shown or skill)]
        values = _front_matter(front, path, found)
        description = values.get("description") if isinstance(values.get("description"), str) else ""
        found += _judged(skill, values, path)
    found += [*_described(description or "", path), *_body(skill, body, first, path)]
    return Conformance(tuple(found), len(description or ""))


def _parts(text: str) -> tuple[str | None, str, int]:
    """Return front matter (None where there is none), body, and the line on which the body starts."""
    match = re.match(r"---[ \t]*\r?\n(.*?)^---[ \t]*(?:\r?\n|\Z)", text, re.DOTALL | re.MULTILINE)
    if match is None:
        return None, text, 1
    return match.group(1), text[match.end() :], text.count("\n", 0, match.end()) + 1


def _front_matter(front: str | None, path: str, found: list[Finding]) -> Mapping[str, Any]:
    from bmad_provisioner.kinds.skills.bmad import read_yaml  # noqa: PLC0415 - only hand-written skills are parsed

    if front is None:
        found.append(
            Finding(
                path,
                "skill-frontmatter",
                "it does not begin with front matter between two lines `---`",
                line=1,
                hint="---, name: ..., description: ..., ---",
            )
        )
        return {}
    try:
        values = read_yaml(front.encode())
    except ValueError as error:
        found.append(
            Finding(
                path,
                "skill-frontmatter",
                f"front matter cannot be read: {error}",
                line=1,
                hint="put text that holds `: ` in quotes",
            )
        )
        return {}
    if not isinstance(values, dict):
        found.append(Finding(path, "skill-frontmatter", "front matter is no mapping", line=1))
        return {}
    if re.search(r"^[\w-]+:[ \t]*[\[{]", front, re.MULTILINE):
        found.append(
            Finding(
                path,
                "skill-frontmatter",
                "flow style (`{...}` or `[...]`) is refused by the standard's validator",
                line=1,
                hint="write one entry a line, indented",
            )
        )
    return values


def _judged(skill: str, values: Mapping[str, Any], path: str) -> Iterator[Finding]:
    if not values:
        return
    for key in values:
        if key not in KEYS:
            yield Finding(
                path,
                "skill-frontmatter",
                f"unknown key `{key}`",
                line=1,
                hint=f"known are {', '.join(sorted(KEYS))}; put others under `metadata`",
            )
    name = values.get("name")
    if name != skill:
        yield Finding(
            path,
            "skill-name",
            f"its name is `{name}` and its folder is `{skill}`",
            line=1,
            hint="tools skip a skill whose two names differ; rename one",
        )
    if not isinstance(values.get("description"), str):
        yield Finding(
            path,
            "skill-description",
            "it has no description",
            line=1,
            hint="one sentence that says what the skill does and when to use it",
        )
    compatibility = values.get("compatibility", "x")
    if not isinstance(compatibility, str) or not 1 <= len(compatibility) <= 500:
        yield Finding(path, "skill-frontmatter", "`compatibility` must be text of 1 to 500 characters", line=1)


def _described(description: str, path: str) -> Iterator[Finding]:
    if not description:
        return
    if len(description) > 1024:
        yield Finding(
            path, "skill-description", f"the description has {len(description)} characters; at most 1024 are allowed", line=1
        )
    if not _WHEN.search(description):
        yield Finding(
            path,
            "skill-when",
            "the description does not say when to use the skill",
            Severity.WARNING,
            1,
            "add `Use when ...` (in French `À utiliser quand ...`)",
        )


def _body(skill: str, body: str, first: int, path: str) -> Iterator[Finding]:
    if not body.strip():
        yield Finding(path, "skill-body", "the body is empty", line=first)
    count = body.count("\n")
    if count >= 500:
        yield Finding(
            path,
            "skill-length",
            f"the body has {count} lines; the standard advises fewer than 500",
            Severity.WARNING,
            first,
            "move detail into references/",
        )
    if "installed_path" in body:
        yield Finding(
            path,
            "skill-installed-path",
            "it uses `installed_path`, which BMAD no longer sets",
            Severity.WARNING,
            _line(body, body.index("installed_path"), first),
            "name files relative to the skill",
        )
    for match in _ESTIMATE.finditer(body) if _SPAN.search(body) else ():
        yield Finding(
            path,
            "skill-estimate",
            f"a time estimate: `{match.group()}`",
            Severity.WARNING,
            _line(body, match.start(), first),
            "leave it out",
        )
    for match in _OTHER.finditer(body) if "/skills/" in body or "../" in body else ():
        if match.group(1) != skill:
            yield Finding(
                path,
                "skill-trespass",
                f"it refers to a file of another skill: `{match.group()}`",
                Severity.WARNING,
                _line(body, match.start(), first),
                f"say: Invoke the `{match.group(1)}` skill",
            )


def _hidden(files: Mapping[str, bytes], shown: str) -> Iterator[Finding]:
    for name, data in files.items():
        if not name.lower().endswith(_TEXT):
            continue
        text = data.decode("utf-8", "replace").removeprefix("\ufeff")
        for suspect in () if is_clean(text) else suspects(text):
            yield Finding(
                f"{shown}/{name}",
                "hidden-text",
                f"hidden character {suspect}",
                line=suspect.line + 1,
                hint="remove it: a model reads what people do not see",
            )


def _line(body: str, place: int, first: int) -> int:
    return first + body.count("\n", 0, place)
