"""Indexes: which would spare a statement work, tried as hypothetical ones (HypoPG) that exist in no table and no file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from bmad_provisioner.kinds.performance.postgres.catalog import Catalog, distinct
from bmad_provisioner.kinds.performance.postgres.connection import Look, Refused
from bmad_provisioner.kinds.performance.postgres.examples import Example, plan
from bmad_provisioner.kinds.performance.postgres.plans import Candidate, candidates
from bmad_provisioner.kinds.performance.tables import LARGE

DROP = 0.3
"""The part of a statement's cost that an index has to take away: less is within what the planner gets wrong."""
_TRIED, _TOGETHER = 12, 2
_NEAR = 0.05
_LONGEST, _PATTERN = 63, " text_pattern_ops"
_OFFERED = re.compile(r"^CREATE INDEX ON (.+) USING btree \(([\w, \"]+)\)$")


@dataclass(frozen=True, slots=True)
class Tried:
    """A hypothetical index that a plan reads: the statement's cost before and after, and its size in bytes."""

    candidate: Candidate
    before: float
    after: float
    size: int

    @property
    def drop(self) -> float:
        """The part of the cost that it takes away."""
        return 1 - self.after / self.before if self.before > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Trials:
    """What trying needs: the schema of HypoPG, what there is in the database, and indexes that others thought of."""

    schema: str
    known: Catalog
    offered: tuple[Candidate, ...] = ()


def helping(look: Look, example: Example, trials: Trials) -> tuple[Tried, ...]:
    """Return the indexes that help a statement, each beside those before it; raises Refused."""
    found: list[Tried] = []
    left = _thought_of(look, example, trials)[:_TRIED]
    while left and len(found) < _TOGETHER:
        made = [one for one in (_try(look, example, trials, found, new) for new in left) if one and one.drop >= DROP]
        if not made:
            break
        found.append(_best(made))
        left = [one for one in left if one.table != found[-1].candidate.table]
    return tuple(found)


def _thought_of(look: Look, example: Example, trials: Trials) -> list[Candidate]:
    """Return what is worth a try. Of two orders of the same keys ours is taken: it begins with what tells most apart."""
    tables = {trials.known.whole(table) for table in example.plan.tables}
    ours = candidates(example.plan, distinct(look, tables), trials.known.roots)
    once: dict[tuple[tuple[str, str], frozenset[str]], Candidate] = {}
    for one in (*ours, *(one for one in trials.offered if one.table in tables)):
        once.setdefault((one.table, frozenset(one.keys)), one)
    return [one for one in once.values() if _is_new(one, trials.known)]


def _best(made: Sequence[Tried]) -> Tried:
    """Return, of those that help nearly alike, that with the fewest keys."""
    least = min(one.after for one in made)
    near = [one for one in made if one.after - least <= _NEAR * one.before]
    return min(near, key=lambda one: (len(one.candidate.keys), one.after))


def _is_new(candidate: Candidate, known: Catalog) -> bool:
    table = known.tables.get(candidate.table)
    if table is None or table.rows < LARGE:
        return False
    covered = {one.table for one in known.indexes if one.covers(candidate.keys)}
    return not covered.issuperset(known.parts(candidate.table))


def _try(look: Look, example: Example, trials: Trials, beside: Sequence[Tried], new: Candidate) -> Tried | None:
    if look.left() <= 0:
        return None
    before = beside[-1].after if beside else example.plan.cost
    with suppress(Refused), _hypothetical(look, trials, [*(one.candidate for one in beside), new]) as made:
        after = plan(look, example.text)
        own = [(name, number) for table, name, number in made if table == new.table]
        if after.indexes & {name for name, _ in own}:
            size = sum(int(look.one(f"SELECT {trials.schema}.hypopg_relation_size(%s)", (number,))) for _, number in own)
            return Tried(new, before, after.cost, size)
    return None


@contextmanager
def _hypothetical(look: Look, trials: Trials, wanted: Sequence[Candidate]) -> Iterator[list[tuple[tuple[str, str], str, int]]]:
    """Give the tables, names and numbers of indexes that only the planner of this session sees, and forget them."""
    sql = f"SELECT indexname, indexrelid FROM {trials.schema}.hypopg_create_index(%s)"  # noqa: S608 - the server quoted the schema
    known = trials.known
    try:
        made = []
        for one in wanted:
            for part in known.parts(one.table):
                ((name, number),) = look.rows(sql, (f"CREATE INDEX ON {known.tables[part].quoted} ({', '.join(one.keys)})",))
                made.append((one.table, name, number))
        yield made
    finally:
        look.rows(f"SELECT {trials.schema}.hypopg_reset()")


def unused_name(look: Look, known: Catalog, candidate: Candidate) -> str:
    """Return a quoted name for an index that nothing has yet: with a name that is taken, `IF NOT EXISTS` would do nothing."""
    words = [re.sub(r"\W+", "_", key.removesuffix(_PATTERN)).strip("_") for key in (candidate.table[1], *candidate.keys)]
    schema = known.tables[candidate.table].schema
    sql = "SELECT quote_ident(%s), to_regclass(%s::text || '.' || quote_ident(%s)) IS NULL"
    for end in ("_idx", *(f"_idx{number}" for number in range(1, 100))):
        name = "_".join(words).encode()[: _LONGEST - len(end)].decode("utf-8", "ignore") + end
        ((quoted, free),) = look.rows(sql, (name, schema, name))
        if free:
            break
    return str(quoted)


def definition(candidate: Candidate, known: Catalog, name: str) -> str:
    """Return the statement that makes an index; one of a table in partitions cannot be made while rows are written."""
    how = "" if known.tables[candidate.table].parts else "CONCURRENTLY "
    return f"CREATE INDEX {how}IF NOT EXISTS {name} ON {known.tables[candidate.table].quoted} ({', '.join(candidate.keys)})"


def offered(look: Look, schema: str, known: Catalog) -> tuple[Candidate, ...]:
    """Return the indexes that pg_qualstats thinks of, from the conditions that it saw; raises Refused."""
    names = {table.quoted: at for at, table in known.tables.items()}
    told = look.one(f"SELECT {schema}.pg_qualstats_index_advisor(min_filter => {LARGE})")
    # Newer versions tell of each index more than its statement.
    texts = [str(one["ddl"] if isinstance(one, dict) else one) for one in told.get("indexes") or ()]
    found = [match for match in map(_OFFERED.match, texts) if match and match[1] in names]
    return tuple(Candidate(known.whole(names[match[1]]), tuple(match[2].split(", "))) for match in found)
