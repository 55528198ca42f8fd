"""Platforms: the coding tools BMAD knows, and the folder where each looks for skills.

Source: `platform-codes.yaml` of bmad-method 6.2.0, 6.3.0, 6.5.0, 6.8.0 and 6.12.0 (`target_dir`). 6.0 had commands
and no skills; the tools it served read today's folders.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bmad_provisioner.kinds.skills.installation import Installation

SHARED_FOLDER = ".agents/skills"
"""Where most tools look since the open standard; the fallback for a tool we do not know."""

DEFAULT_FOLDERS = (".claude/skills", SHARED_FOLDER)

_OWN = {
    "adal": ".adal/skills",
    "antigravity": ".agent/skills",
    "bob": ".bob/skills",
    "claude-code": ".claude/skills",
    "cline": ".cline/skills",
    "codebuddy": ".codebuddy/skills",
    "codewhale": ".codewhale/skills",
    "cortex": ".cortex/skills",
    "droid": ".factory/skills",
    "firebender": ".firebender/skills",
    "iflow": ".iflow/skills",
    "junie": ".junie/skills",
    "kiro": ".kiro/skills",
    "kode": ".kode/skills",
    "neovate": ".neovate/skills",
    "ona": ".ona/skills",
    "qoder": ".qoder/skills",
    "qwen": ".qwen/skills",
    "trae": ".trae/skills",
    "zcode": ".zcode/skills",
    "zencoder": ".zencoder/skills",
}
# fmt: off
_SHARING = (
    "amp", "antigravity-cli", "auggie", "codex", "command-code", "crush", "cursor", "gemini", "github-copilot", "goose", "grok",
    "hermes", "kilo", "kimi-code", "mistral-vibe", "mux", "openclaw", "opencode", "openhands", "pi", "pochi", "polytoken",
    "replit", "roo", "rovo-dev", "warp", "windsurf",
)
# fmt: on
_BEFORE_6_5 = {
    "auggie": ".augment/skills",
    "crush": ".crush/skills",
    "cursor": ".cursor/skills",
    "gemini": ".gemini/skills",
    "github-copilot": ".github/skills",
    "junie": SHARED_FOLDER,
    "kilo": ".kilocode/skills",
    "opencode": ".opencode/skills",
    "pi": ".pi/skills",
    "roo": ".roo/skills",
    "rovo-dev": ".rovodev/skills",
    "windsurf": ".windsurf/skills",
}

TOOLS: frozenset[str] = frozenset(_OWN) | frozenset(_SHARING)
"""Every tool id BMAD 6.12.0 knows."""

ALL_FOLDERS: tuple[str, ...] = tuple(dict.fromkeys((*DEFAULT_FOLDERS, *_OWN.values(), *_BEFORE_6_5.values())))
"""Every folder any BMAD version has put skills into."""


def skill_folders(installation: Installation, tools: Sequence[str] | None = None) -> tuple[str, ...]:
    """Return the project folders into which skills go, in the order of `tools`, each once.

    Without `tools` those of BMAD's own manifest count; without these, `.claude/skills` and `.agents/skills`.
    """
    chosen: Iterable[str] = tools or installation.ides
    old = (6, 1) <= installation.release < (6, 5)
    folders = [(_BEFORE_6_5.get(tool) if old else None) or _OWN.get(tool, SHARED_FOLDER) for tool in chosen]
    return tuple(dict.fromkeys(folders)) or DEFAULT_FOLDERS
