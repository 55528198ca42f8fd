"""Application: what a request was understood to ask for, as values with the words that say so."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Literal

from bmad_provisioner.digest import Plain
from bmad_provisioner.errors import TaskError

FieldType = Literal["text", "long text", "integer", "decimal", "date", "boolean", "choice", "reference"]
Operation = Literal["create", "read", "update", "delete", "list"]
OPERATIONS: tuple[Operation, ...] = ("create", "read", "update", "delete", "list")
SLUG = re.compile(r"[a-z][a-z0-9_]{0,62}")
RESERVED_FIELDS = frozenset({"id", "created", "changed", "labels"})
"""Columns and keys that every record has by itself."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is claimed (`tasks`, `tasks.delete`, `sign_in`), the requirement that says it, and its very words."""

    about: str
    path: str
    words: str


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that is known of a record; `target` is the slug of the entity a reference points at."""

    name: str
    slug: str
    type: FieldType = "text"
    required: bool = False
    choices: tuple[str, ...] = ()
    target: str = ""


@dataclass(frozen=True, slots=True)
class Entity:
    """A kind of record; `slug` is its plural as it stands in addresses and tables."""

    name: str
    plural: str
    slug: str
    fields: tuple[Field, ...]
    operations: tuple[Operation, ...] = OPERATIONS

    @property
    def label(self) -> str:
        """The slug of the field by which people call a record."""
        texts = [field.slug for field in self.fields if field.type == "text"]
        return (texts or [self.fields[0].slug])[0]


@dataclass(frozen=True, slots=True)
class Theme:
    """How it looks: light, dark, or as the reader's system is; the accent as `#rrggbb`."""

    mode: Literal["light", "dark", "auto"] = "auto"
    colour: str = "#4338ca"

    @property
    def ink(self) -> str:
        """The colour of text on the accent: white, or nearly black where white has a contrast below 4.5 (WCAG 2.2, 1.4.3)."""
        shares = [int(self.colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
        luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
        return "#ffffff" if 1.05 / (luminance + 0.05) >= 4.5 else "#111111"


@dataclass(frozen=True, slots=True)
class Hosting:
    """Where and how reliably it runs: the port, the share of time in percent, the database asked for."""

    port: int = 8000
    availability: float = 99.5
    engine: str = "sqlite"


@dataclass(frozen=True, slots=True)
class Application:
    """A small web application: what it keeps, who may use it, how it looks, and why we think so."""

    title: str = "Application"
    language: Literal["en", "fr"] = "en"
    entities: tuple[Entity, ...] = ()
    sign_in: bool = False
    password_length: int = 10
    session_hours: int = 12
    theme: Theme = Theme()
    hosting: Hosting = Hosting()
    evidence: tuple[Evidence, ...] = ()

    def because(self, about: str) -> tuple[Evidence, ...]:
        """Return what says `about`; nothing if it is assumed."""
        return tuple(item for item in self.evidence if item.about == about)


_ELSEWHERE = ("theme", "hosting", "evidence")
"""What is no part of the model: each is read from its own requirements, so that a change of it wakes only its readers."""


def model(application: Application) -> Mapping[str, Plain]:
    """Return the model as plain data: what is kept and who may use it, without the words that say so."""
    return {name: value for name, value in asdict(application).items() if name not in _ELSEWHERE}


def with_model(application: Application, text: str, where: str) -> Application:
    """Return `application` with the model that the JSON `text` holds; raises TaskError naming `where` if it is none."""
    from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415 - only those who read a model pay for its checks

    try:
        told = TypeAdapter(Application).validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "document"
        raise TaskError(f"`{where}` is no model of an application: {place}: {first['msg'].lower()}") from error
    told = replace(told, title=seen(told.title) or "Application", entities=tuple(map(_tidy, told.entities)))
    for trouble in _troubles(told):
        raise TaskError(f"`{where}` is no model of an application: {trouble}")
    return replace(told, theme=application.theme, hosting=application.hosting, evidence=application.evidence)


def seen(text: str) -> str:
    """Return what a reader sees of `text`, on one line: no controls, no marks that turn the writing around."""
    return " ".join("".join(c for c in text if c.isprintable() or c.isspace()).split())


def _tidy(entity: Entity) -> Entity:
    fields = tuple(
        replace(field, name=seen(field.name) or field.slug, choices=tuple(dict.fromkeys(filter(None, map(seen, field.choices)))))
        for field in entity.fields
    )
    name, plural = seen(entity.name) or entity.slug, seen(entity.plural) or entity.slug
    return replace(entity, name=name, plural=plural, fields=fields, operations=tuple(dict.fromkeys(entity.operations)))


def _troubles(application: Application) -> list[str]:
    slugs = [entity.slug for entity in application.entities]
    found = [f"entity `{slug}` is there twice" for slug in sorted(set(slugs)) if slugs.count(slug) > 1]
    for entity in application.entities:
        names = [field.slug for field in entity.fields]
        found += [f"`{json.dumps(slug)}` is no slug" for slug in (entity.slug, *names) if not SLUG.fullmatch(slug)]
        found += [f"`{entity.slug}` has no fields"] * (not names)
        found += [f"`{entity.slug}.{name}` is reserved" for name in names if name in RESERVED_FIELDS]
        found += [f"`{entity.slug}.{name}` is there twice" for name in sorted(set(names)) if names.count(name) > 1]
        for field in entity.fields:
            if field.type == "reference" and field.target not in slugs:
                found.append(f"`{entity.slug}.{field.slug}` refers to `{field.target}`, which is no entity")
            if field.type == "choice" and not field.choices:
                found.append(f"`{entity.slug}.{field.slug}` has no choices")
    return found
