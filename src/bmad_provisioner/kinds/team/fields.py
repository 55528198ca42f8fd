"""Fields: read a list of fields as people write it (`a title, a due date and a status (open, done)`)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import replace

from bmad_provisioner.kinds.team.application import RESERVED_FIELDS, Field, FieldType, seen
from bmad_provisioner.kinds.team.vocabulary import LABELS, NOT_THINGS, SAID_TYPES, TYPES, Tongue, singular

_QUALIFIERS = "with|avec|for|pour|that|which|from|at|qui|dont|when|quand|unique|in the form"
_SENTENCES = (
    r"\b(?:endpoint|page|screen|button|has|have|must|should|can|is|are|est|sont|doit|peut|pas|not|no|belongs|appartient|\d+)\b"
)
"""Words by which a part of a list shows that it is no name of a field."""
_NAME = re.compile(r"[^\W\d_][\w'-]*(?: [\w'/-]+){0,3}")


def slug_of(name: str, reserved: Iterable[str] = RESERVED_FIELDS, suffix: str = "value") -> str:
    """Return `name` in the letters that addresses, columns and keys take."""
    plain = unicodedata.normalize("NFKD", name.lower().replace("œ", "oe").replace("æ", "ae"))
    slug = re.sub(r"[^a-z0-9]+", "_", plain.encode("ascii", "ignore").decode()).strip("_")[:48].rstrip("_")
    slug = slug if slug[:1].isalpha() else f"x_{slug}".rstrip("_")
    return f"{slug}_{suffix}" if slug in reserved or slug.startswith(("sqlite_", "auth_")) else slug


def article(text: str, tongue: Tongue) -> str:
    """Return `text` without the determiners it begins with."""
    pattern = rf"^(?:(?:{tongue.single}|{tongue.several}|{tongue.many}|its|their|son|sa|ses|leurs?|also|aussi)\s+|[ld]'|«\s?)"
    text = text.strip().strip("\"“”«»'`").strip()
    shorter = re.sub(pattern, "", text, flags=re.IGNORECASE)
    return text if shorter == text else article(shorter, tongue)


def noun(text: str, tongue: Tongue) -> str:
    """Return the thing that `text` names, in the singular and lower case; nothing if it names no kind of record."""
    words = article(text, tongue).lower()
    possessive = re.match(
        r"(?:your|his|her|my|our|their|own|leurs?|son|sa|ses|mon|ma|mes|notre|votre)\s", text.strip(), re.IGNORECASE
    )
    stopped = set(re.findall(r"[\w-]+", words)) & (NOT_THINGS | set(tongue.negation.split("|")) - {"personne"})
    broken = re.search(rf"\b(?:{tongue.breaks}|{tongue.able})\b", words)
    if not words or possessive or stopped or broken or not re.fullmatch(r"[^\W\d_][\w'-]*(?: [\w'-]+){0,2}", words):
        return ""
    return singular(words, tongue.code)


def fields_of(text: str, tongue: Tongue, *, lenient: bool = False) -> list[Field]:
    """Return the fields in a list of them; what it has many of is a reference without a target.

    `lenient` counts also what is no field, to see whether all was understood.
    """
    text, choices = _last_choices(text, tongue)
    parts = [part for part in _parts(text, tongue) if part.strip()]
    found = [_field(part, tongue) for part in parts]
    if choices and found and found[-1] is not None:
        found[-1] = replace(found[-1], type="choice", required=True, choices=choices)
    if lenient:
        return [known or Field("?", "?") for known in found]
    return [known for known in found if known is not None]


def unique(fields: Iterable[Field]) -> tuple[Field, ...]:
    """Return the fields, the first of each slug, with no more than one label required for them."""
    return tuple({known.slug: known for known in reversed(tuple(fields))}.values())[::-1]


def _last_choices(text: str, tongue: Tongue) -> tuple[str, tuple[str, ...]]:
    """Return the text up to `: open, done` or `among open and done` at its end, and those choices."""
    match = re.search(rf"(?:\s*:\s+|,?\s+(?:(?:which|who|that|qui) (?:is|est) )?(?:{tongue.among})\s+)(?P<rest>[^:()]+)$", text)
    choices = _choices(match["rest"], tongue) if match else ()
    return (text[: match.start()], choices) if match and len(choices) > 1 else (text, ())


def _parts(text: str, tongue: Tongue) -> list[str]:
    """Return what stands between commas and joining words, not looking into brackets."""
    brackets: list[str] = []

    def hide(match: re.Match[str]) -> str:
        brackets.append(match[0])
        return f"\x00{len(brackets) - 1}\x00"

    hidden = re.sub(r"\([^()]*\)", hide, text.replace("\x00", " "))
    joins = rf"[,;]\s*(?:(?:{tongue.joins})\s+)?|\s+(?:{tongue.joins})\s+|\n"
    parts = re.split(joins, hidden)
    return [re.sub("\x00(\\d+)\x00", lambda match: brackets[int(match[1])], part) for part in parts]


def _field(part: str, tongue: Tongue) -> Field | None:
    bracket = re.search(r"\(([^()]*)\)", part)
    aside = bracket[1].strip() if bracket else ""
    said = re.sub(r"\([^()]*\)", " ", part).strip().strip("\"“”«»'`")
    optional = re.search(rf"\b(?:{tongue.optional})\b", f"{said} ; {aside}", re.IGNORECASE) is not None
    required = not optional and re.search(rf"\b(?:{tongue.required})\b", f"{said} ; {aside}", re.IGNORECASE) is not None
    name = re.sub(rf"\b(?:{tongue.optional}|{tongue.required})\b|\b(?:which|that|qui) (?:is|est)\b", " ", said, flags=re.IGNORECASE)
    many = re.match(rf"(?:{tongue.many})\s", name.strip(), re.IGNORECASE) is not None
    name = re.split(rf"\s(?:{_QUALIFIERS})\s", " ".join(article(name, tongue).split()))[0]
    if not _NAME.fullmatch(name) or re.search(_SENTENCES, name.lower()[3:]):
        return None
    kind, choices = _kind(name, aside, tongue)
    kind = "reference" if many and kind == "text" else kind
    name = re.sub(r"^(?:is|est)\s+", "", name, flags=re.IGNORECASE) if kind == "boolean" else name
    called = name.lower() in LABELS
    return Field(
        name[0].upper() + name[1:], slug_of(name), kind, not optional and (required or called or kind == "choice"), choices
    )


def _kind(name: str, aside: str, tongue: Tongue) -> tuple[FieldType, tuple[str, ...]]:
    words = [word.strip().lower() for word in aside.split(",")]
    for word in [aside.strip().lower(), *words]:
        if word in SAID_TYPES:
            return SAID_TYPES[word], ()  # type: ignore[return-value]
    choices = _choices(re.sub(rf"\b(?:{tongue.required}|{tongue.optional})\b,?", "", aside, flags=re.IGNORECASE), tongue)
    if len(choices) > 1:
        return "choice", choices
    for kind, pattern in TYPES:
        if re.search(pattern, name.lower()):
            return kind, ()  # type: ignore[return-value]
    return "text", ()


def _choices(text: str, tongue: Tongue) -> tuple[str, ...]:
    parts = re.split(rf"\s*[,|/]\s*(?:(?:{tongue.joins}|or|ou)\s+)?|\s+(?:{tongue.joins}|or|ou)\s+", text.strip())
    cleaned = [seen(part.strip().strip('"“”«»`')) for part in parts]
    return tuple(dict.fromkeys(choice for choice in cleaned if choice and len(choice) <= 60))
