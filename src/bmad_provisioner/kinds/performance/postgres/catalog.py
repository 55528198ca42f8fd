"""Catalog: what a database knows of its tables, columns, indexes and extensions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bmad_provisioner.kinds.performance.postgres.connection import Look


@dataclass(frozen=True, slots=True)
class Table:
    """A table: the quoted names of its schema and itself, rows as they are believed, and, since the server counts, rows written,
    how often it was read whole, and rows read so; what is in partitions is in `parts`, and counts for all of them."""

    schema: str
    name: str
    rows: float
    written: int
    scans: int
    scanned: int
    parts: tuple[tuple[str, str], ...] = ()

    @property
    def quoted(self) -> str:
        """Its name, as it is written where any schema may be meant."""
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True, slots=True)
class Existing:
    """An index that is there: its quoted name, its keys as the database spells them, bytes, how often it was read, whether it
    is more than an index (a constraint), whether it is a B-tree of all rows, and whether it can be read."""

    quoted: str
    table: tuple[str, str]
    keys: tuple[str, ...]
    size: int
    reads: int
    needed: bool
    whole: bool
    valid: bool

    def covers(self, keys: tuple[str, ...]) -> bool:
        """Whether an index on these keys would be no more than this one: it is the same, or begins with the same."""
        return self.whole and self.valid and self.keys[: len(keys)] == keys


@dataclass(frozen=True, slots=True)
class Catalog:
    """The tables by schema and name, what each partition is a part of, the indexes, the seconds since the server began to count
    (`None`: never reset), and the part of the pages that were found in memory."""

    tables: Mapping[tuple[str, str], Table]
    roots: Mapping[tuple[str, str], tuple[str, str]]
    indexes: tuple[Existing, ...]
    age: float | None
    cached: float | None

    def whole(self, table: tuple[str, str]) -> tuple[str, str]:
        """Return the table that a partition is a part of, or the table itself."""
        return self.roots.get(table, table)

    def parts(self, table: tuple[str, str]) -> tuple[tuple[str, str], ...]:
        """Return what holds the rows of a table: its partitions, or itself."""
        return self.tables[table].parts or (table,)


def catalog(look: Look) -> Catalog:
    """Return what there is, without what belongs to the server itself."""
    rows = look.rows(_TABLES)
    tables = {(schema, name): Table(*rest) for schema, name, _, _, *rest in rows}
    roots = {(schema, name): (in_, whole) for schema, name, in_, whole, *_ in rows if whole is not None}
    indexes = tuple(
        Existing(quoted, (schema, table), tuple(keys), *rest) for quoted, schema, table, keys, *rest in look.rows(_INDEXES)
    )
    age, cached = look.rows(_COUNTED)[0]
    return Catalog(_summed(tables, roots), roots, indexes, age, cached)


def _summed(
    tables: Mapping[tuple[str, str], Table], roots: Mapping[tuple[str, str], tuple[str, str]]
) -> dict[tuple[str, str], Table]:
    """Return tables, those in partitions with what is known of the partitions."""
    found = dict(tables)
    for root in set(roots.values()) & tables.keys():
        parts = tuple(sorted(part for part, whole in roots.items() if whole == root))
        rows = [tables[part] for part in parts]
        written, scans, scanned = (sum(getattr(one, name) for one in rows) for name in ("written", "scans", "scanned"))
        found[root] = Table(tables[root].schema, tables[root].name, sum(one.rows for one in rows), written, scans, scanned, parts)
    return found


def extensions(look: Look) -> Mapping[str, str]:
    """Return the schemas, as they are quoted, of the extensions that are there."""
    return dict(look.rows(_EXTENSIONS))


def distinct(look: Look, tables: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str, str], float]:
    """Return how many values the columns of tables have, as far as this user may know."""
    names = sorted({name for _, name in tables})
    return {(schema, table, key): values for schema, table, key, values in look.rows(_DISTINCT, (names,))}


def commonest(look: Look, table: tuple[str, str], key: str) -> list[str]:
    """Return the values that stand in a column most often; of one where none does, one from the middle."""
    found = [value for common, middle in look.rows(_COMMONEST, (*table, key)) for value in common or middle or ()]
    return [value for value in found if value is not None]


_EXTENSIONS = "SELECT extname::text, quote_ident(nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace"
_TABLES = """
SELECT n.nspname::text, c.relname::text, w.nspname::text, r.relname::text, quote_ident(n.nspname), quote_ident(c.relname),
  greatest(c.reltuples, 0)::float8, coalesce(s.n_tup_ins + s.n_tup_upd + s.n_tup_del, 0)::int8, coalesce(s.seq_scan, 0)::int8,
  coalesce(s.seq_tup_read, 0)::int8
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_stat_all_tables s ON s.relid = c.oid
  LEFT JOIN pg_class r ON c.relispartition AND c.relkind = 'r' AND r.oid = pg_partition_root(c.oid)
  LEFT JOIN pg_namespace w ON w.oid = r.relnamespace
WHERE c.relkind IN ('r', 'm', 'p') AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
"""
_INDEXES = """
SELECT quote_ident(n.nspname) || '.' || quote_ident(x.relname), n.nspname::text, t.relname::text,
  ARRAY(
    SELECT coalesce(quote_ident(a.attname), pg_get_indexdef(i.indexrelid, k + 1, true))
      || CASE WHEN o.opcname LIKE '%pattern_ops' THEN ' text_pattern_ops' ELSE '' END
    FROM generate_series(0, i.indnkeyatts - 1) k LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k]
      AND a.attnum <> 0 JOIN pg_opclass o ON o.oid = i.indclass[k] ORDER BY k),
  x.relpages * current_setting('block_size')::int8, coalesce(s.idx_scan, 0)::int8,
  i.indisunique OR i.indisprimary OR i.indisexclusion OR i.indisreplident OR i.indisclustered
    OR EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = i.indexrelid)
    OR EXISTS (SELECT 1 FROM pg_inherits h WHERE h.inhrelid = i.indexrelid),
  i.indpred IS NULL AND m.amname = 'btree', i.indisvalid
FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
  JOIN pg_namespace n ON n.oid = t.relnamespace JOIN pg_am m ON m.oid = x.relam
  LEFT JOIN pg_stat_all_indexes s ON s.indexrelid = i.indexrelid
WHERE x.relkind = 'i' AND t.relkind IN ('r', 'm') AND t.relpersistence <> 't'
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
"""
_COUNTED = """
SELECT extract(epoch FROM now() - coalesce(stats_reset, pg_postmaster_start_time()))::float8,
  (blks_hit::float8 / nullif(blks_hit + blks_read, 0))::float8
FROM pg_stat_database WHERE datname = current_database()
"""
_DISTINCT = """
SELECT s.schemaname::text, s.tablename::text, quote_ident(s.attname),
  (CASE WHEN s.n_distinct < 0 THEN -s.n_distinct * greatest(c.reltuples, 1) ELSE s.n_distinct END)::float8
FROM pg_stats s JOIN pg_namespace n ON n.nspname = s.schemaname
  JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = s.tablename
WHERE s.tablename = ANY (%s)
"""
_COMMONEST = """
SELECT (most_common_vals::text::text[])[1:3],
  ARRAY[(histogram_bounds::text::text[])[array_length(histogram_bounds::text::text[], 1) / 2 + 1]]
FROM pg_stats WHERE schemaname = %s AND tablename = %s AND quote_ident(attname) = %s
"""
