"""Plans: how a database means to answer a statement, read from what EXPLAIN says, and the indexes that could spare it work."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

_NAME = r'(?:"(?:[^"]|"")+"|[^\W\d][\w$]*)'
_CAST = r"(?:::[\w .]+(?:\(\d+(?:,\d+)?\))?)?"
_COLUMN = re.compile(rf"^\(*(?P<alias>{_NAME})\.(?P<key>{_NAME})\)*{_CAST}\)*$")
_MADE = re.compile(
    rf"^\(*(?P<call>(?:{_NAME}\.)?{_NAME})\((?P<left>\(*)(?P<alias>{_NAME})\.(?P<key>{_NAME})(?P<right>\)*(?:::text)?)\)\)*$"
)
_WRAPPED = re.compile(r"^\(\0*\)$")
_OPERATOR = re.compile(r" (= ANY|=|<=|>=|<|>|~~) ")
_SORTED = re.compile(rf"^(?P<alias>{_NAME})\.(?P<key>{_NAME})(?P<down> DESC)?$")
_EXTREME = re.compile(rf"^(?:min|max)\((?:(?P<alias>{_NAME})\.)?(?P<key>{_NAME})\)$")
_CONDITIONS = ("Filter", "Index Cond", "Hash Cond", "Merge Cond", "Join Filter", "Recheck Cond")
_EQUAL, _LIKE = ("=", "= ANY"), "~~"
WIDEST = 3
"""Columns that an index is thought of with."""


@dataclass(frozen=True, slots=True)
class Node:
    """A step of a plan: cost and rows as the planner believes them, the table and index it reads, and what it goes by."""

    kind: str
    cost: float
    rows: float
    width: int
    table: tuple[str, str] = ("", "")
    alias: str = ""
    index: str = ""
    conditions: tuple[str, ...] = field(default=(), repr=False)
    sort: tuple[str, ...] = field(default=(), repr=False)
    output: tuple[str, ...] = field(default=(), repr=False)
    nodes: tuple[Node, ...] = ()

    def walk(self) -> Iterator[Node]:
        """Yield it and all below."""
        yield self
        for one in self.nodes:
            yield from one.walk()

    @property
    def indexes(self) -> frozenset[str]:
        """The indexes that are read."""
        return frozenset(one.index for one in self.walk() if one.index)

    @property
    def tables(self) -> frozenset[tuple[str, str]]:
        """The tables that are read: schema and name."""
        return frozenset(one.table for one in self.walk() if one.table[1])


def node(raw: Mapping[str, Any]) -> Node:
    """Return the step that EXPLAIN (FORMAT JSON, VERBOSE) shows."""
    return Node(
        str(raw["Node Type"]),
        float(raw["Total Cost"]),
        float(raw["Plan Rows"]),
        int(raw["Plan Width"]),
        (str(raw.get("Schema", "")), str(raw.get("Relation Name", ""))),
        str(raw.get("Alias", "")),
        str(raw.get("Index Name", "")),
        tuple(str(raw[name]) for name in _CONDITIONS if name in raw),
        tuple(map(str, raw.get("Sort Key", ()))),
        tuple(map(str, raw.get("Output", ()))),
        tuple(node(one) for one in raw.get("Plans", ())),
    )


@dataclass(frozen=True, slots=True)
class Candidate:
    """An index that may help: the table (schema and name), and its keys as the database spells them."""

    table: tuple[str, str]
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Condition:
    """A comparison of something in a table with something else."""

    alias: str
    key: str
    operator: str
    other: str = field(repr=False)


def conditions(plan: Node) -> Iterator[Condition]:
    """Yield the comparisons that all have to hold: what stands in an OR, no index of ours helps."""
    for one in plan.walk():
        for text in one.conditions:
            for part in _conjuncts(text):
                yield from _compared(part)


def _masked(text: str) -> str:
    """Return a text of the same length in which what is in quotes or parentheses is blotted out."""
    depth, quote, told = 0, "", []
    for character in text:
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        depth -= character == ")" and not quote
        told.append("\0" if depth or quote or character in "'\"" else character)
        depth += character == "(" and not quote
    return "".join(told)


def _conjuncts(text: str) -> Iterator[str]:
    inner = text
    while _WRAPPED.match(masked := _masked(inner)):
        inner = inner[1:-1]
    ends = [found.span() for found in re.finditer(" AND ", masked)]
    if not ends:
        yield inner
        return
    start = 0
    for first, last in [*ends, (len(inner), len(inner))]:
        yield from _conjuncts(inner[start:first])
        start = last


def _compared(part: str) -> Iterator[Condition]:
    found = list(_OPERATOR.finditer(_masked(part)))
    if len(found) != 1:
        return
    sides = part[: found[0].start()], part[found[0].end() :]
    keys = [_key(side) for side in sides]
    operator = found[0][1]
    for (key, other), text in zip((keys, keys[::-1]), reversed(sides), strict=True):
        if key and (other is None or other[0] != key[0]):
            yield Condition(key[0], key[1], operator, text)


def _key(side: str) -> tuple[str, str] | None:
    """Return the alias and what could be a key of an index: a column, or a function of one that holds no value."""
    plain = _COLUMN.match(side)
    if plain:
        return plain["alias"], plain["key"]
    made = _MADE.match(side)
    return (made["alias"], f"{made['call']}({made['left']}{made['key']}{made['right']})") if made else None


def candidates(
    plan: Node, distinct: Mapping[tuple[str, str, str], float], roots: Mapping[tuple[str, str], tuple[str, str]]
) -> tuple[Candidate, ...]:
    """Return the indexes that a plan could be spared work by: by what it filters, joins and sorts, in this order.

    `distinct` says how many values a column (schema, table, key) has: those that tell most apart come first. `roots` says what
    a partition is a part of: an index is made for the whole.
    """
    found: dict[Candidate, None] = {}
    tables = {one.alias: roots.get(one.table, one.table) for one in plan.walk() if one.table[1]}
    wanted: dict[str, dict[str, list[str]]] = {alias: {} for alias in tables}
    for one in conditions(plan):
        sort = "equal" if one.operator in _EQUAL and _key(one.other) is None else "join" if one.operator in _EQUAL else "range"
        key = f"{one.key} text_pattern_ops" if one.operator == _LIKE else one.key
        _note(wanted, one.alias, sort, key)
    for alias, keys in _orders(plan, tables):
        wanted.get(_unquoted(alias), {}).setdefault("sort", []).extend(keys)
    for alias, by in wanted.items():
        by.get("equal", []).sort(key=lambda key, table=tables[alias]: -distinct.get((*table, key), 0.0))  # type: ignore[misc]
        found.update(dict.fromkeys(Candidate(tables[alias], keys) for keys in _combined(by)))
    return tuple(found)


def _note(wanted: dict[str, dict[str, list[str]]], alias: str, sort: str, key: str) -> None:
    keys = wanted.get(_unquoted(alias), {}).setdefault(sort, [])
    if key not in keys:
        keys.append(key)


def _unquoted(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name


def _combined(by: Mapping[str, list[str]]) -> Iterator[tuple[str, ...]]:
    """Yield what an index can be on: what is equal first, then a range or the order, as only the last may be one."""
    equal, join, between, order = (by.get(name, []) for name in ("equal", "join", "range", "sort"))
    for one in (*equal, *join, *between):
        yield (one,)
    heads = [tuple(equal[:WIDEST]), *(tuple(dict.fromkeys((one, *equal)))[:WIDEST] for one in join)]
    for head in heads:
        if len(head) > 1:
            yield head
        for tail in (*((one,) for one in between), tuple(order)):
            more = tuple(key for key in tail if key.split(" ")[0] not in head)
            if more and len(head) + len(more) <= WIDEST:
                yield (*head, *more)


def _orders(plan: Node, tables: Mapping[str, tuple[str, str]]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield what is sorted by columns of one table, or of what only the least or most is wanted."""
    for one in plan.walk():
        parts = [_SORTED.match(key) for key in one.sort]
        aliases = {part["alias"] for part in parts if part}
        if parts and all(parts) and len(aliases) == 1:
            down = {bool(part["down"]) for part in parts if part}
            # An index is read from either end: only a mixture of directions has to be in it.
            yield aliases.pop(), tuple(part["key"] + (" DESC" if part["down"] and len(down) > 1 else "") for part in parts if part)
        if one.kind == "Aggregate" and len(one.output) == 1 and (found := _EXTREME.match(one.output[0])):
            alias = found["alias"] or (next(iter(tables)) if len(tables) == 1 else "")
            yield alias, (found["key"],)
