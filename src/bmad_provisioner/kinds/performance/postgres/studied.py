"""Studied: what is found out about each statement that takes time, and what could be done about several of them together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bmad_provisioner.kinds.performance.postgres.connection import Look, Reader, Refused
from bmad_provisioner.kinds.performance.postgres.examples import example
from bmad_provisioner.kinds.performance.postgres.indexes import Trials, Tried, helping
from bmad_provisioner.kinds.performance.postgres.plans import Candidate, Node, conditions
from bmad_provisioner.kinds.performance.postgres.statements import Asked, is_once_a_row

NO_ROWS, NO_TIME = "it is not about rows", "there was no time left"
"""Why a statement has no plan."""
QUICK = 0.001
"""Seconds of a call below which no index is looked for: the way there and back takes longer."""


@dataclass(frozen=True, slots=True)
class Studied:
    """A statement with its plan and the indexes that would help it; `why` says why there is none."""

    asked: Asked
    values: str = ""
    plan: Node | None = field(default=None, repr=False)
    tried: tuple[Tried, ...] = ()
    why: str = ""


def study(source: Reader, asked: Asked, qualstats: str | None, trials: Trials | None) -> Studied:
    """Return what is found out about one statement; raises TaskError if the server is gone."""
    if not asked.is_data:
        return Studied(asked, why=NO_ROWS)
    if source.left() <= 0:
        return Studied(asked, why=NO_TIME)
    with source.look() as look:
        try:
            with example(look, asked, qualstats) as one:
                tried = helping(look, one, trials) if trials and asked.mean >= QUICK else ()
                return Studied(asked, one.values, one.plan, tried)
        except Refused as refused:
            return Studied(asked, why=refused.why)


@dataclass(frozen=True, slots=True)
class Gain:
    """An index, and what it saves of the time of each statement that it helps: parts of all time, most first."""

    tried: Tried
    saved: tuple[tuple[Asked, float], ...]

    @property
    def saving(self) -> float:
        """What it saves of all time."""
        return sum(part for _, part in self.saved)


def gains(studied: Iterable[Studied]) -> tuple[Gain, ...]:
    """Return each index once, those that save most first; one that another begins with is not needed beside it."""
    groups: dict[Candidate, list[tuple[Asked, float, Tried]]] = {}
    for one in studied:
        whole = one.tried[0].before if one.tried else 1.0
        for tried in one.tried:
            part = one.asked.share * (tried.before - tried.after) / whole
            groups.setdefault(tried.candidate, []).append((one.asked, part, tried))
    for narrow in sorted(groups, key=lambda one: len(one.keys)):
        wide = next((one for one in groups if one != narrow and _begins(one, narrow)), None)
        if wide:
            groups[wide].extend(groups.pop(narrow))
    found = [_gain(candidate, rows) for candidate, rows in groups.items()]
    return tuple(sorted(found, key=lambda one: -one.saving))


def _begins(wide: Candidate, narrow: Candidate) -> bool:
    return wide.table == narrow.table and wide.keys[: len(narrow.keys)] == narrow.keys


def _gain(candidate: Candidate, rows: Sequence[tuple[Asked, float, Tried]]) -> Gain:
    ordered = sorted(rows, key=lambda row: -row[1])
    own = next(tried for _, _, tried in ordered if tried.candidate == candidate)
    return Gain(own, tuple((asked, part) for asked, part, _ in ordered))


@dataclass(frozen=True, slots=True)
class Repeated:
    """A statement that is asked once for each row that another one gives."""

    asked: Asked
    parent: Asked

    @property
    def each(self) -> float:
        """How often, for each time the other one is asked."""
        return self.asked.calls / self.parent.calls


def repeated(studied: Sequence[Studied], keys: Mapping[tuple[str, str, str], frozenset[tuple[str, str]]]) -> Iterator[Repeated]:
    """Yield what is asked row by row: it asks for one value of a key to a table that the other one reads, and as often as that
    one gave rows. `keys` says which tables a column (schema, table, key) leads to or is led to from."""
    for one in studied:
        near = _neighbours(one, keys)
        parents = [
            other.asked
            for other in studied
            if other.plan is not None and other.plan.tables & near and other is not one and is_once_a_row(one.asked, other.asked)
        ]
        if parents:
            yield Repeated(one.asked, min(parents, key=lambda parent: abs(one.asked.calls - parent.rows)))


def _neighbours(one: Studied, keys: Mapping[tuple[str, str, str], frozenset[tuple[str, str]]]) -> frozenset[tuple[str, str]]:
    """Return the tables on the other side of the key by which a statement asks for a row, or for rows, of one table."""
    if one.plan is None or len(one.plan.tables) != 1 or not one.asked.only_reads:
        return frozenset()
    (table,) = one.plan.tables
    asked = {found.key for found in conditions(one.plan) if found.operator == "="}
    return frozenset[tuple[str, str]]().union(*(keys.get((*table, key), frozenset()) for key in asked))


def foreign_keys(look: Look) -> Mapping[tuple[str, str, str], frozenset[tuple[str, str]]]:
    """Return for each column of a foreign key, and for each that one points to, the tables on the other side."""
    found: dict[tuple[str, str, str], frozenset[tuple[str, str]]] = {}
    for schema, table, key, far_schema, far, far_key in look.rows(_FOREIGN):
        for near, other in (((schema, table, key), (far_schema, far)), ((far_schema, far, far_key), (schema, table))):
            found[near] = found.get(near, frozenset()) | {other}
    return found


_FOREIGN = """
SELECT n.nspname::text, t.relname::text, quote_ident(a.attname), m.nspname::text, f.relname::text, quote_ident(b.attname)
FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid JOIN pg_namespace n ON n.oid = t.relnamespace
  JOIN pg_class f ON f.oid = c.confrelid JOIN pg_namespace m ON m.oid = f.relnamespace
  JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = c.conkey[1]
  JOIN pg_attribute b ON b.attrelid = f.oid AND b.attnum = c.confkey[1]
WHERE c.contype = 'f' AND cardinality(c.conkey) = 1
"""
