"""Packing: values as plain data and back, for what one task says and another hears."""

from __future__ import annotations

from functools import cache
from math import isfinite
from typing import Any, TypeVar, cast

from bmad_provisioner.digest import Plain

T = TypeVar("T")


@cache
def _adapter(sort: Any) -> Any:
    from pydantic import TypeAdapter  # noqa: PLC0415 - heavy, and only tasks that measure need it

    return TypeAdapter(sort)


def packed(value: object, sort: object = None) -> Plain:
    """Return a value of dataclasses as plain data; `sort` is its type where it is no class."""
    return _finite(_adapter(sort or type(value)).dump_python(value, mode="json"))


def _finite(value: Any) -> Plain:
    """Return plain data with a word where JSON has no number: `inf`, which is read as one again."""
    if isinstance(value, dict):
        return {name: _finite(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_finite(one) for one in value]
    return str(value) if isinstance(value, float) and not isfinite(value) else cast("Plain", value)


def unpacked(sort: type[T], data: Plain) -> T:
    """Return the value again; raises ValueError where the data are of another form."""
    return cast("T", _adapter(cast("Any", sort)).validate_python(data))
