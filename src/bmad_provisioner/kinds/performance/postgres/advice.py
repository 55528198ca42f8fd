"""Advice: where the time of a PostgreSQL database goes, and the indexes and views that would save some; nothing is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from bmad_provisioner.engine.task import Turn
from bmad_provisioner.errors import TaskError
from bmad_provisioner.kinds.performance.postgres import statements, views
from bmad_provisioner.kinds.performance.postgres.catalog import Catalog, Existing, catalog, extensions
from bmad_provisioner.kinds.performance.postgres.connection import Look, Reader, Refused, reader
from bmad_provisioner.kinds.performance.postgres.indexes import Trials, definition, offered, unused_name
from bmad_provisioner.kinds.performance.postgres.studied import (
    NO_TIME,
    Gain,
    Repeated,
    Studied,
    foreign_keys,
    gains,
    repeated,
    study,
)
from bmad_provisioner.kinds.performance.tables import LARGE

LEAST = 0.01
"""The part of all time from which an index that saves it is advised."""
_SCANNED = 5
_GRANT = "`GRANT pg_read_all_stats TO` this user"


@dataclass(frozen=True, slots=True)
class Missing:
    """Something that is not there, what is left out without it, and how to get it."""

    what: str
    left_out: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement by its shape, without values: its part of all time, calls, rows and seconds a call, the planner's cost of an
    example (`None`: there is no plan, and `why` says why), where the example's values come from, and what asks for it row by
    row, if anything."""

    shape: str
    share: float
    calls: int
    rows: float
    mean: float
    cost: float | None
    values: str
    why: str
    parent: str = ""
    each: float = 0.0


@dataclass(frozen=True, slots=True)
class Index:
    """An index that is not there: the statement that makes it, the part of all time that it would save (share x drop of the
    cost), cost before and after of the statement that gains most, its believed size in bytes, what it helps, and the rows
    written to its table since the server counts, each of which would be written to it as well, beside so many others."""

    table: str
    keys: tuple[str, ...]
    ddl: str
    saving: float
    before: float
    after: float
    size: int
    statements: tuple[str, ...]
    written: int
    others: int

    @property
    def drop(self) -> float:
        """The part of the cost that it takes away."""
        return 1 - self.after / self.before


@dataclass(frozen=True, slots=True)
class Unused:
    """An index that nothing read since the server counts, and that is no constraint: its size in bytes, and the rows written
    to its table meanwhile. What is not `valid` was left by a `CREATE INDEX CONCURRENTLY` that failed."""

    index: str
    table: str
    size: int
    written: int
    valid: bool


@dataclass(frozen=True, slots=True)
class View:
    """A statement whose result could be kept in a materialised view. Seconds: a read as it is (measured), from the view and of
    a refresh (estimated); it pays with more `reads` a refresh, as often as it is asked with `every` seconds between two."""

    shape: str
    share: float
    read: float
    view: float
    refresh: float
    reads: float
    every: float | None
    assumption: str


@dataclass(frozen=True, slots=True)
class Scanned:
    """A table that is read from end to end: its rows, how often, and how many rows were read so."""

    table: str
    rows: float
    scans: int
    read: int


@dataclass(frozen=True, slots=True)
class Advice:
    """All that a database says: its version, the extensions that were there and what was not; costliest statements, indexes
    that save most, unused ones, views, tables read whole; the part of pages found in memory; and the seconds since the
    server counts and since it counts statements (`None`: it does not say)."""

    server: str
    extensions: tuple[str, ...]
    missing: tuple[Missing, ...]
    statements: tuple[Statement, ...] = ()
    indexes: tuple[Index, ...] = ()
    unused: tuple[Unused, ...] = ()
    views: tuple[View, ...] = ()
    scanned: tuple[Scanned, ...] = ()
    cached: float | None = None
    age: float | None = None
    statements_age: float | None = None


def advise(dsn: str, turn: Turn, effort_seconds: float) -> Advice:
    """Return what would make a database faster, asked in transactions that can only read, in about so many seconds.

    Raises TaskError where it cannot be reached or is too old; what else is not there stands in `missing`. Nothing of the DSN
    and no value of a statement is in what is returned or raised.
    """
    with reader(dsn, turn, effort_seconds) as source:
        return _advice(source)


def _advice(source: Reader) -> Advice:
    schemas, known, advice = _first(source)
    try:
        kept, missing = _kept(source, schemas)
        studied, late = _studied(source, kept, schemas, known)
        told = tuple(_statement(one) for one in studied)
        advice = replace(advice, missing=(*missing, *late, *advice.missing), statements=told, statements_age=kept.age)
        with source.look() as look:
            unindexed = tuple(_index(look, one, known) for one in gains(studied) if one.saving >= LEAST)
            advice = replace(advice, statements=_with_parents(look, studied), indexes=unindexed)
        found = views.worth_keeping(source, studied, schemas.get("pg_qualstats"), kept.age)
        return replace(advice, views=tuple(_view(one) for one in found))
    except TaskError as error:
        return replace(advice, missing=(*advice.missing, *_gone(source, error, "what was not asked by then")))


def _first(source: Reader) -> tuple[Mapping[str, str], Catalog, Advice]:
    """Return what every database has to say, whatever it lacks."""
    try:
        with source.look() as look:
            server = str(look.one("SELECT split_part(current_setting('server_version'), ' ', 1)"))
            schemas, known = extensions(look), catalog(look)
    except Refused as refused:
        raise TaskError(f"the catalogue of the database cannot be read: {refused.why}", heals=True) from None
    lacks = tuple(_lacks(source, schemas))
    first = Advice(
        server, tuple(sorted(schemas)), lacks, unused=_unused(known), scanned=_scanned(known), cached=known.cached, age=known.age
    )
    return schemas, known, first


def _gone(source: Reader, error: TaskError, left_out: str) -> tuple[Missing, ...]:
    """Keep what there is when the server goes away; who stopped us wants nothing of it."""
    if source.turn.stopped():
        raise error
    return (Missing(error.message, left_out, error.hint),)


def _kept(source: Reader, schemas: Mapping[str, str]) -> tuple[statements.Kept, tuple[Missing, ...]]:
    left_out = "which statements take the time, and with them indexes and views"
    load = "add it to `shared_preload_libraries`, restart the server"
    if "pg_stat_statements" not in schemas:
        missing = Missing("pg_stat_statements", left_out, f"{load}, then `CREATE EXTENSION pg_stat_statements`")
        return statements.Kept(()), (missing,)
    try:
        with source.look() as look:
            kept = statements.kept(look, schemas["pg_stat_statements"])
    except Refused as refused:
        why, remedy = ("the server did not load it", load) if refused.code == "55000" else (refused.why, _GRANT)
        return statements.Kept(()), (Missing(f"pg_stat_statements: {why}", left_out, remedy),)
    found = []
    if kept.hidden:
        found.append(Missing(f"the texts of {kept.hidden:,} calls of other users", "what these are", _GRANT))
    if kept.dropped:
        what = f"statements dropped {kept.dropped:,} times for want of room"
        found.append(Missing(what, "what is seldom asked", "raise `pg_stat_statements.max`"))
    return kept, tuple(found)


def _lacks(source: Reader, schemas: Mapping[str, str]) -> Iterator[Missing]:
    package = f"install `postgresql-{source.version // 10_000}-"
    if "hypopg" not in schemas:
        yield Missing("hypopg", "which indexes would help", f"{package}hypopg`, then `CREATE EXTENSION hypopg`")
    if "pg_qualstats" not in schemas:
        remedy = f"{package}pg-qualstats`, add it to `shared_preload_libraries`, restart, then `CREATE EXTENSION pg_qualstats`"
        yield Missing("pg_qualstats", "the values that statements were asked with: common ones are taken", remedy)


def _studied(
    source: Reader, kept: statements.Kept, schemas: Mapping[str, str], known: Catalog
) -> tuple[list[Studied], tuple[Missing, ...]]:
    found: list[Studied] = []
    try:
        trials = _trials(source, schemas, known)
        found.extend(study(source, asked, schemas.get("pg_qualstats"), trials) for asked in kept.asked)
    except TaskError as error:
        return found, _gone(source, error, f"{len(kept.asked) - len(found)} statements")
    late = sum(one.why == NO_TIME for one in found)
    return found, (Missing("time", f"the plans of {late} statements", "allow more seconds"),) if late else ()


def _trials(source: Reader, schemas: Mapping[str, str], known: Catalog) -> Trials | None:
    if "hypopg" not in schemas:
        return None
    with source.look() as look, suppress(Refused):
        thought = offered(look, schemas["pg_qualstats"], known) if "pg_qualstats" in schemas else ()
        return Trials(schemas["hypopg"], known, thought)
    return Trials(schemas["hypopg"], known)


def _with_parents(look: Look, studied: Sequence[Studied]) -> tuple[Statement, ...]:
    found = {one.asked.identity: one for one in repeated(studied, foreign_keys(look))}
    return tuple(_statement(one, found.get(one.asked.identity)) for one in studied)


def _statement(one: Studied, again: Repeated | None = None) -> Statement:
    asked, cost = one.asked, one.plan.cost if one.plan else None
    first = Statement(asked.shape, asked.share, asked.calls, asked.given, asked.mean, cost, one.values, one.why)
    return first if again is None else replace(first, parent=again.parent.shape, each=again.each)


def _index(look: Look, gain: Gain, known: Catalog) -> Index:
    tried, candidate = gain.tried, gain.tried.candidate
    table = known.tables[candidate.table]
    others = sum(one.table == known.parts(candidate.table)[0] for one in known.indexes)
    ddl = definition(candidate, known, unused_name(look, known, candidate))
    shapes = tuple(asked.shape for asked, _ in gain.saved)
    return Index(
        table.quoted, candidate.keys, ddl, gain.saving, tried.before, tried.after, tried.size, shapes, table.written, others
    )


def _unused(known: Catalog) -> tuple[Unused, ...]:
    idle = [one for one in known.indexes if not one.reads and not one.needed and known.tables[one.table].rows >= LARGE]
    return tuple(sorted((_told(one, known) for one in idle), key=lambda one: (-one.size, one.index)))


def _told(one: Existing, known: Catalog) -> Unused:
    table = known.tables[one.table]
    return Unused(one.quoted, table.quoted, one.size, table.written, one.valid)


def _view(one: views.Kept) -> View:
    return View(one.asked.shape, one.asked.share, one.read, one.view, one.refresh, one.reads, one.pays_every, views.ASSUMPTION)


def _scanned(known: Catalog) -> tuple[Scanned, ...]:
    rows = [
        Scanned(one.quoted, one.rows, one.scans, one.scanned)
        for one in known.tables.values()
        if one.scans and one.rows >= LARGE and not one.parts
    ]
    return tuple(sorted(rows, key=lambda one: (-one.read, one.table))[:_SCANNED])
