"""Examples: a plan for a statement that the database keeps without its values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from bmad_provisioner.kinds.performance.postgres.catalog import commonest
from bmad_provisioner.kinds.performance.postgres.connection import Look, Refused
from bmad_provisioner.kinds.performance.postgres.plans import Node, conditions, node
from bmad_provisioner.kinds.performance.postgres.statements import Asked

SEEN, COMMON, ANY = "as it was asked once", "with values that are common", "with any values"
"""Where the values of an example come from."""
_PARAMETER = re.compile(r"\$(\d+)")
_BOUNDED = re.compile(r"\b(limit|offset|fetch\s+(?:first|next))\s+\$(\d+)", re.IGNORECASE)
_TYPED = re.compile(r"\b(interval|date|timestamptz|timestamp|time)\s+\$(\d+)", re.IGNORECASE)
_PAGE = {"limit": "10", "offset": "0", "fetch": "10"}
_NAME = "bmadp_example"


@dataclass(frozen=True, slots=True)
class Example:
    """A statement that can be explained (its text holds values, and is never told), where they come from, and its plan."""

    text: str = field(repr=False)
    values: str
    plan: Node


def plan(look: Look, text: str) -> Node:
    """Return how the database means to answer; nothing is run; raises Refused."""
    if text.startswith("EXECUTE "):
        # A plan for any values is kept, and would know nothing of an index that was supposed since.
        look.do("DISCARD PLANS")
    return node(look.one(f"EXPLAIN (FORMAT JSON, VERBOSE) {text}")[0]["Plan"])


@contextmanager
def example(look: Look, asked: Asked, qualstats: str | None) -> Iterator[Example]:
    """Give an example that can be explained again until the context is left; raises Refused.

    It is a statement as it was asked, if `qualstats` (the schema of the extension) has one; else values are taken from the
    statistics of the columns, and where these are not known, the plan is made for any.
    """
    seen = _as_seen(look, asked, qualstats)
    if seen is not None:
        yield seen
        return
    # `interval $1` comes of `interval '1 day'`, and is no SQL.
    text = _TYPED.sub(r"CAST($\2 AS \1)", asked.text)
    look.do(f"PREPARE {_NAME} AS {text}")
    try:
        yield _prepared(look, text)
    finally:
        with suppress(Refused):
            look.do(f"DEALLOCATE {_NAME}")


def _as_seen(look: Look, asked: Asked, schema: str | None) -> Example | None:
    """Return a statement with the values that it was asked with: its own, or those of an example that can be explained."""
    look.set("plan_cache_mode", "auto")
    texts = [asked.text]
    if schema is not None:
        with suppress(Refused):
            texts.append(str(look.one(f"SELECT {schema}.pg_qualstats_example_query(%s)", (asked.identity,)) or ""))
    for text in (one.strip().rstrip(";") for one in texts):
        if text and not _PARAMETER.search(text):
            with suppress(Refused):
                return Example(text, SEEN, plan(look, text))
    return None


def _prepared(look: Look, text: str) -> Example:
    look.set("plan_cache_mode", "force_generic_plan")
    types = look.one("SELECT parameter_types::text[] FROM pg_prepared_statements WHERE name = %s", (_NAME,))
    anything = f"EXECUTE {_NAME} ({', '.join(['NULL'] * len(types))})"
    general = plan(look, anything)
    values = _values(look, text, general, types)
    if values is None:
        return Example(anything, ANY, general)
    known = f"EXECUTE {_NAME} ({', '.join(values)})"
    look.set("plan_cache_mode", "force_custom_plan")
    try:
        return Example(known, COMMON, plan(look, known))
    except Refused:
        look.set("plan_cache_mode", "force_generic_plan")
        return Example(anything, ANY, general)


def _values(look: Look, text: str, general: Node, types: Sequence[str]) -> list[str] | None:
    """Return values for all parameters, as literals, or nothing: what is a range of unknown width has no example."""
    found = {int(number): _PAGE[word.split()[0].lower()] for word, number in _BOUNDED.findall(text)}
    tables = {one.alias: one.table for one in general.walk() if one.table[1]}
    for one in conditions(general):
        number = _PARAMETER.search(one.other)
        table = tables.get(one.alias.strip('"'))
        if number and table and one.operator in ("=", "= ANY") and 0 < int(number[1]) <= len(types):
            values = commonest(look, table, one.key)
            if values:
                found[int(number[1])] = _literal(values, types[int(number[1]) - 1])
    return [found[number] for number in range(1, len(types) + 1)] if len(found) == len(types) else None


def _literal(values: Sequence[str], type_: str) -> str:
    from psycopg import sql  # noqa: PLC0415 - an optional extra

    quoted = ('"' + one.replace("\\", "\\\\").replace('"', '\\"') + '"' for one in values)
    return sql.Literal(f"{{{','.join(quoted)}}}" if type_.endswith("[]") else values[0]).as_string(None)
