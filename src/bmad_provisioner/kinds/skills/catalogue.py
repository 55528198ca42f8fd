"""Catalogue: what the list of skills costs a tool's context, and which skills its known limit hides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bmad_provisioner.digest import Plain

CHARACTERS_PER_TOKEN = 4
"""The usual estimate for English; French and code cost more tokens a character."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A tool's limit on its catalogue: characters for all descriptions, for one skill, and what happens beyond."""

    tool: str
    characters: int
    overhead: int
    beyond: str
    source: str


LIMITS: tuple[Limit, ...] = (
    Limit(
        "claude-code", 8_000, 0, "names only",
        # 1 % of a window of 200,000 tokens at 4 characters a token; adjustable (skillListingBudgetFraction,
        # SLASH_COMMAND_TOOL_CHAR_BUDGET). Was 15,000 to 16,000 before (#12782, #13099: 21 of 63 skills invisible).
        "anthropics/claude-code#64606, #13099; code.claude.com/docs/en/skills",
    ),
    Limit(
        "codex", 8_000, 0, "descriptions cut, then skills left out",
        # 2 % of the context window, 8,000 characters where the window is unknown; 80 skills dropped in #19679.
        "openai/codex#18213, #19679",
    ),
)  # fmt: skip
"""Limits reported by the tools' makers or measured by users; a window larger than assumed raises them."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a catalogue costs in one tool; `hidden` are the skills whose description no longer fits."""

    tool: str
    skills: int
    characters: int
    tokens: int
    limit: int
    hidden: tuple[str, ...]
    beyond: str
    source: str


def catalogue(facts: Sequence[Mapping[str, Plain]]) -> dict[str, int]:
    """Add up the catalogues of all tasks' facts: skill -> length of its description."""
    lengths: dict[str, int] = {}
    for fact in facts:
        part = fact.get("catalogue")
        if isinstance(part, Mapping):
            lengths.update({skill: length for skill, length in part.items() if isinstance(length, int)})
    return lengths


def cost(facts: Sequence[Mapping[str, Plain]]) -> tuple[Cost, ...]:
    """Return what the skills of a plan cost in each tool whose limit is known.

    Characters are names and descriptions; tokens are characters / 4, an estimate. Which skills a tool hides depends on
    what else is installed and on use; `hidden` are those that do not fit even alone, counted in the order of their names.
    """
    lengths = catalogue(facts)
    total = sum(len(skill) + length for skill, length in lengths.items())
    return tuple(
        Cost(
            limit.tool, len(lengths), total, -(-total // CHARACTERS_PER_TOKEN), limit.characters,
            _hidden(lengths, limit), limit.beyond, limit.source,
        )
        for limit in LIMITS
    )  # fmt: skip


def _hidden(lengths: Mapping[str, int], limit: Limit) -> tuple[str, ...]:
    used = 0
    hidden = []
    for skill in sorted(lengths):
        used += len(skill) + lengths[skill] + limit.overhead
        if used > limit.characters:
            hidden.append(skill)
    return tuple(hidden)
