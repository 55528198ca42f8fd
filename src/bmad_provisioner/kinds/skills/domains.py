"""Domains: the packs of references, reference data and rules of work that a leader's domain brings."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

BUILT_IN = frozenset({"cis", "generic", "healthcare", "qa"})
"""The domains that ship; a plugin adds its own under the entry-point group `bmad_provisioner.domains`."""

_PACKS = Path(__file__).parent / "packs"
_GROUP = "bmad_provisioner.domains"
_FIELDS = ("test", "build", "design", "analysis", "ideas")


@dataclass(frozen=True, slots=True)
class Pack:
    """One domain in one language: `references` and `data` map a file's name to what it is for."""

    label: str
    field: str
    principles: tuple[str, ...]
    done: tuple[str, ...]
    references: Mapping[str, str]
    data: Mapping[str, str]
    folder: Path

    def read(self, name: str) -> bytes:
        """Return the bytes of one of the pack's files."""
        return _read(self.folder / name)


def domain_names(wanted: Iterable[str] = ()) -> frozenset[str]:
    """Return every domain's name; plugins are looked for only if `wanted` holds a name that does not ship."""
    if BUILT_IN.issuperset(wanted):
        return BUILT_IN
    from bmad_provisioner.plugins import Plugins  # noqa: PLC0415 - most manifests need no plugin

    return BUILT_IN | frozenset(Plugins(_GROUP))


@cache
def pack(domain: str, language: str) -> Pack:
    """Return the pack of a domain in a language; a plugin's entry point is the path of its folder, laid out as ours."""
    folder = _PACKS / domain
    if domain not in BUILT_IN:
        from bmad_provisioner.plugins import Plugins  # noqa: PLC0415 - most manifests need no plugin

        folder = Path(str(Plugins(_GROUP)[domain]))
    content = json.loads(_read(folder / "pack.json"))
    spoken = language if language in content else "en"
    part = content[spoken]
    return Pack(
        part["label"],
        content["field"],
        tuple(part["principles"]),
        tuple(part["done"]),
        part["references"],
        part["data"],
        folder / spoken,
    )


@dataclass(frozen=True, slots=True)
class Expertise:
    """What is known of a specialist's subjects: the field its work belongs to, and one remark for each known term."""

    field: str
    concepts: tuple[tuple[str, str], ...]


def expertise(name: str, words: Iterable[str], domain: str, language: str, most: int = 8) -> Expertise:
    """Return what the glossary knows of the words a specialist is described by; nothing is invented for others."""
    text = " , ".join(words).casefold()
    found = [entry for entry, pattern in _glossary() if pattern.search(text)]
    fields = Counter(entry["field"] for entry in found if entry["field"] in _FIELDS)
    fields.update({field: 2 for field, pattern in _ROLES if pattern.search(name.casefold())})
    order = sorted(fields, key=lambda field: (-fields[field], _FIELDS.index(field)))
    remarks = tuple((entry[language][0], entry[language][1]) for entry in found)
    return Expertise(order[0] if order else pack(domain, "en").field, remarks[:most])


_ROLES = (
    ("test", re.compile(r"\btest|\bqa\b|\bqualit")),
    ("build", re.compile(r"develop|développ|engineer\b|ingénieur")),
    ("design", re.compile(r"archite")),
    ("analysis", re.compile(r"business analyst|analyste métier|analyste fonctionnel|requirements")),
    ("ideas", re.compile(r"strateg|storytell|innovation|facilitat|research analyst|récit|animat")),
)


@cache
def _glossary() -> tuple[tuple[dict[str, Any], re.Pattern[str]], ...]:
    entries = json.loads(_read(_PACKS / "glossary.json"))
    return tuple((entry, re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, entry['words']))})(?!\w)")) for entry in entries)


@cache
def practice(field: str, language: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return how work of a field is done, and when it is done."""
    part = json.loads(_read(_PACKS / "fields.json"))[field][language]
    return tuple(part["steps"]), tuple(part["done"])


@cache
def subjects() -> Mapping[str, tuple[str, str]]:
    """Return what the usual stems of leaders stand for, in English and in French."""
    return {stem: (names[0], names[1]) for stem, names in json.loads(_read(_PACKS / "titles.json")).items()}


@cache
def _read(path: Path) -> bytes:
    return path.read_bytes()
