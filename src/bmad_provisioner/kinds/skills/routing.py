"""Routing: which words are evidence for which specialist."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from bmad_provisioner.kinds.skills.spelling import csv_row, inline
from bmad_provisioner.kinds.skills.words import listed

People = Sequence[Mapping[str, Any]]
_REASONS = {"en": ("skill", "domain"), "fr": ("compétence", "domaine")}
_SEPARATORS = re.compile(r"\s*[,;]\s*|\s+/\s+")


def keywords(person: Mapping[str, Any]) -> list[tuple[str, bool]]:
    """Return the words that point to a specialist, each with whether it is a skill (or else a domain)."""
    skills = [(" ".join(skill.split()), True) for skill in person["skills"]]
    domains = [(part, False) for part in _SEPARATORS.split(" ".join(person["domain"].split()))]
    seen: dict[str, tuple[str, bool]] = {}
    for word, is_skill in [*skills, *domains]:
        if word:
            seen.setdefault(word.casefold(), (word, is_skill))
    return list(seen.values())


def keyword_rows(people: People, language: str) -> str:
    """Return the words as CSV, one keyword a row; who shares one stands in the same row."""
    rows: dict[str, tuple[str, list[str], bool]] = {}
    for person in people:
        for word, is_skill in keywords(person):
            row = rows.setdefault(word.casefold(), (word.casefold(), [], is_skill))
            row[1].append(person["skill"])
    skill, domain = _REASONS[language]
    body = (csv_row((word, " ".join(skills), skill if is_skill else domain)) for word, skills, is_skill in rows.values())
    return "keyword,skill,reason\n" + "".join(body)


def routes(people: People, language: str) -> dict[str, Any]:
    """Return what the routing rules of a leader say: evidence, shared words, examples."""
    owned = {p["skill"]: [word for word, _ in keywords(p)] for p in people}
    holders: dict[str, list[str]] = {}
    for person in people:
        for word in owned[person["skill"]]:
            holders.setdefault(word.casefold(), []).append(inline(person["name"]))
    examples = [
        {"words": inline(p["skills"][0] if p["skills"] else p["domain"]), "name": inline(p["name"]), "skill": p["skill"]}
        for p in people
        if p["skills"] or p["domain"].strip()
    ]
    return {
        "evidence": [{"words": ", ".join(owned[p["skill"]]), "name": p["name"], "skill": p["skill"]} for p in people],
        "shared": [{"word": inline(word), "names": listed(names, language)} for word, names in holders.items() if len(names) > 1],
        "examples": examples,
        "pair": _pair(examples),
    }


def _pair(examples: Sequence[Mapping[str, str]]) -> dict[str, str] | None:
    if len(examples) < 2:
        return None
    first, second = examples[:2]
    return {"first": first["name"], "first_word": first["words"], "second": second["name"], "second_word": second["words"]}
