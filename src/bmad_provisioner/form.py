"""Form: what pydantic finds wrong with a document, in the words of the house, each with its place and line.

Only what imports pydantic anyway imports this.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ValidationError

from bmad_provisioner.digest import Plain
from bmad_provisioner.finding import Finding
from bmad_provisioner.kind import Document, Place
from bmad_provisioner.naming import did_you_mean, listed
from bmad_provisioner.remarks import Remarks

_MOST_KEYS = 30


@dataclass(frozen=True, slots=True)
class Form:
    """The form of one kind's documents: its model, the rule that findings bear, and how they are said.

    `keys` returns the keys that may stand where an unknown one does; `hints` are for keys that are missing or have a wrong
    size; `wanted` is what values are to be, by pydantic's names of errors, where the house's words do not fit.
    """

    model: type[BaseModel]
    rule: str
    keys: Callable[[Place], tuple[str, ...]]
    hints: Mapping[str, str] = field(default_factory=dict)
    wanted: Mapping[str, str] = field(default_factory=dict)


def faults(document: Document, form: Form) -> tuple[Finding, ...]:
    """Return every way in which a document lacks the form, one finding a place."""
    try:
        form.model.model_validate(dict(document.data))
    except ValidationError as error:
        found: dict[Place, Finding] = {}
        for each in error.errors(include_url=False):
            place = tuple(_real_place(document.data, each["loc"], missing=each["type"] == "missing"))
            found.setdefault(place, Remarks(document).error(form.rule, place, *_said(form, each, place)))
        return tuple(found.values())
    return ()


def shown(value: object) -> str:
    """Return a value as a message names it: a text and a number as they are, of others what they are."""
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return f"`{value[:60]}`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    names = {int: f"a number (`{value}`)", float: f"a number (`{value}`)", list: "a list", dict: "a mapping"}
    return names.get(type(value), type(value).__name__)


def list_if_empty(value: object) -> object:
    """Take a key without a value for an empty list."""
    return [] if value is None else value


def mapping_if_empty(value: object) -> object:
    """Take a key without a value for an empty mapping."""
    return {} if value is None else value


def _real_place(data: Plain, loc: tuple[str | int, ...], *, missing: bool) -> Iterator[str | int]:
    """Drop the parts of pydantic's location that are names of alternatives and not keys of the data."""
    for index, part in enumerate(loc):
        if isinstance(data, Mapping) and part in data:
            data = data[str(part)]
        elif isinstance(data, list | tuple) and isinstance(part, int) and part < len(data):
            data = data[part]
        elif not (missing and index == len(loc) - 1):
            continue
        yield part


def _said(form: Form, error: Mapping[str, Any], place: Place) -> tuple[str, str]:
    """Return message and hint for one of pydantic's errors."""
    kind, context, given = error["type"], error.get("ctx", {}), error["input"]
    hint = form.hints.get(str(place[-1]), "") if place else ""
    wanted = form.wanted.get(kind) or _WANTED.get(kind)
    if kind == "missing":
        return "field required", hint
    if kind == "extra_forbidden":
        known = form.keys(place)
        return "unknown key", did_you_mean(str(place[-1]), known, f"known keys here are {listed(known, _MOST_KEYS)}")
    if kind == "literal_error":
        return f"must be {context['expected']}, not {shown(given)}", ""
    if kind == "string_too_short":
        return "must not be empty", ""
    if wanted is not None:
        quote = kind == "string_type" and isinstance(given, bool | int | float)
        return f"must be {wanted}, not {shown(given)}", "put it in quotes" if quote else ""
    if kind in _BOUNDS:
        words, limit = _BOUNDS[kind]
        return f"{words} {context[limit]}{_counted(given)}", hint if kind.startswith("too_") else ""
    return str(context.get("error", error["msg"])), ""


def _counted(given: object) -> str:
    return f", not {given}" if isinstance(given, int) else f", and has {len(given)}" if isinstance(given, str | list | dict) else ""


_WANTED = {
    "string_type": "text", "int_type": "a whole number", "bool_type": "true or false", "list_type": "a list",
    "dict_type": "a mapping", "model_type": "a mapping", "model_attributes_type": "a mapping",
}  # fmt: skip
_BOUNDS = {
    "string_too_long": ("must have a length of at most", "max_length"),
    "too_short": ("must have a length of at least", "min_length"),
    "too_long": ("must have a length of at most", "max_length"),
    "greater_than_equal": ("must be at least", "ge"),
    "less_than_equal": ("must be at most", "le"),
}
