"""Contract: the names we may not take and the paths we may never write.

What BMAD does to a file it does not know was tried on real versions (docs: the compatibility contract): ids that start
with `bmad` are deleted by 6.2 and before; a `SKILL.md` or `agents/` visibly under `_bmad/` is deleted since 6.3.
"""

from __future__ import annotations

import re
import unicodedata
from hashlib import sha256

from bmad_provisioner.kinds.skills.installation import Installation

OFFICIAL_MODULES = frozenset({"core", "bmm", "bmb", "cis", "tea", "gds", "wds", "bmad-loop", "bauto", "automator"})
"""Module codes of BMAD's own."""

# fmt: off
RESERVED_CODES = OFFICIAL_MODULES | frozenset({
    "custom", "custom-skills", "scripts", "render", "docs", "memory", "module", "modules", "method", "toolbox",
})
# fmt: on
"""Folders below `_bmad/` that mean something to BMAD, or did to the prototype."""

# fmt: off
REMOVALS = frozenset({
    "bmad-agent-bmm-analyst", "bmad-agent-bmm-architect", "bmad-agent-bmm-dev", "bmad-agent-bmm-pm", "bmad-agent-bmm-qa",
    "bmad-agent-bmm-quick-flow-solo-dev", "bmad-agent-bmm-sm", "bmad-agent-bmm-tech-writer", "bmad-agent-bmm-ux-designer",
    "bmad-agent-qa", "bmad-agent-quick-flow-solo-dev", "bmad-agent-sm", "bmad-agent-tech-writer", "bmad-auto-setup",
    "bmad-bmm-check-implementation-readiness", "bmad-bmm-code-review", "bmad-bmm-correct-course",
    "bmad-bmm-create-architecture", "bmad-bmm-create-epics-and-stories", "bmad-bmm-create-prd", "bmad-bmm-create-product-brief",
    "bmad-bmm-create-story", "bmad-bmm-create-ux-design", "bmad-bmm-dev-story", "bmad-bmm-document-project",
    "bmad-bmm-domain-research", "bmad-bmm-edit-prd", "bmad-bmm-generate-project-context", "bmad-bmm-market-research",
    "bmad-bmm-qa-generate-e2e-tests", "bmad-bmm-quick-dev", "bmad-bmm-quick-spec", "bmad-bmm-retrospective",
    "bmad-bmm-sprint-planning", "bmad-bmm-sprint-status", "bmad-bmm-technical-research", "bmad-bmm-validate-prd",
    "bmad-check-implementation-readiness", "bmad-create-product-brief", "bmad-create-ux-design", "bmad-distillator",
    "bmad-index-docs", "bmad-init", "bmad-investigate", "bmad-product-brief-preview", "bmad-quick-dev-new-preview",
    "bmad-quick-flow", "bmad-quick-spec", "bmad-shard-doc",
})
# fmt: on
"""`removals.txt` of bmad-method 6.12.0, which holds all earlier ones: ids BMAD deletes from every tool's skills."""

SHARED_FILES = frozenset({"_bmad/custom/config.toml", "_bmad/_config/bmad-help.csv"})
"""Files of BMAD that others may add to; never replaced, only merged by key."""

_DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{name}{n}" for name in ("com", "lpt") for n in range(1, 10))})
_BMAD_ROOTS = frozenset({"bmad", ".bmad", ".bmad-core", "_bmad-output", "_bmad-custom-backup-temp", "_bmad-modified-backup-temp"})
_TEAM_TOML = re.compile(r"_bmad/custom/(?!.*\.user\.toml$)[^/.][^/]*\.toml")
_HELP = re.compile(r"_bmad/([a-z0-9][a-z0-9-]*)/module-help\.csv")
_CUSTOMIZE = re.compile(r"_bmad/_config/agents/custom-[^/]+\.customize\.yaml")


def reserved_reason(skill: str, installation: Installation) -> str | None:
    """Return why the id `skill` may not be used, or `None` when it may."""
    reasons = (
        (not skill, "it is empty"),
        (len(skill) > 64, f"it has {len(skill)} characters; a skill's name has at most 64"),
        (not re.fullmatch(r"[a-z0-9-]*", skill, re.ASCII), "only a-z, 0-9 and `-` may stand in a skill's name"),
        (skill.startswith("-") or skill.endswith("-"), "a skill's name may not start or end with `-`"),
        ("--" in skill, "a skill's name may not hold `--`"),
        (skill in installation.skills, "the installed BMAD has a skill of this name"),
        (skill in REMOVALS, "BMAD deletes skills of this name on every update"),
        (skill.startswith("bmad"), "names that start with `bmad` belong to BMAD, whose installer deletes them"),
        (skill in _DEVICES, "it names a device on Windows, where no folder can be called so"),
    )
    return next((reason for holds, reason in reasons if holds), None)


def module_code(project_name: str) -> str:
    """Return the code of the project's own module: the same for the same name, and never one of BMAD's.

    The suffix keeps it apart from the codes of modules, which are short words.
    """
    ascii_name = unicodedata.normalize("NFKD", project_name).encode("ascii", "ignore").decode()
    words = re.findall(r"[a-z0-9]+", ascii_name.lower())
    stem = "-".join(words)[:40].strip("-") or "project-" + sha256(project_name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    if stem.startswith("bmad") or f"{stem}-skills" in RESERVED_CODES:
        stem = f"project-{stem}"
    return f"{stem}-skills"


def forbidden_reason(path: str) -> str | None:
    """Return why the project path `path` may never be written by us, or `None` when it may."""
    parts = path.split("/")
    if not path or "\\" in path or "\0" in path or any(part in ("", ".", "..") for part in parts):
        return "it is no plain path inside the project"
    folded = unicodedata.normalize("NFC", path).casefold()
    root, *rest = folded.split("/")
    if root in (".git", ".bmad-provisioner"):
        return f"`{parts[0]}/` is not a place for provisioned files"
    if root in _BMAD_ROOTS:
        return f"`{parts[0]}/` belongs to BMAD"
    if root == "_bmad":
        return _forbidden_below_bmad(path, rest)
    if root.startswith(".") and len(rest) > 1 and rest[1].startswith("bmad"):
        return "names that start with `bmad` belong to BMAD there; its installer overwrites and deletes them"
    if folded == ".github/copilot-instructions.md":
        return "it belongs to the user and to BMAD"
    return None


def _forbidden_below_bmad(path: str, rest: list[str]) -> str | None:
    if "skill.md" in rest or ("agents" in rest[:-1] and rest[0] != "_config"):
        return "BMAD 6.3 and later deletes a `SKILL.md` or `agents/` below `_bmad/`"
    if path in SHARED_FILES or _TEAM_TOML.fullmatch(path) or _CUSTOMIZE.fullmatch(path):
        return None
    help_file = _HELP.fullmatch(path)
    if help_file is None:
        return "it belongs to BMAD, which rewrites or deletes it"
    return f"`{help_file[1]}` is the code of a module of BMAD" if help_file[1] in RESERVED_CODES else None
