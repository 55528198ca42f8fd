"""Statements: which of them take the time of a database, told without their values."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from bmad_provisioner.kinds.performance.postgres.connection import MARK, Look

MOST, LEAST = 20, 0.005
"""Statements that are looked at for their time, and the part of all time from which one is."""
MANY = 20
"""Rows that a statement gives each time, for each of which another one is asked: from so many on it is worth a word."""
_OFTEN, _ALIKE, _TIMES = 10, 0.1, 3
_TOKEN = re.compile(
    r"(?P<comment>/\*.*?\*/|--[^\n]*)"
    r"|\$(?P<tag>[A-Za-z_]\w*)?\$.*?\$(?P=tag)?\$|[eE]'(?:[^'\\]|\\.|'')*'|\w*&?'(?:[^']|'')*'|\w*'.*"
    r"|(?P<keep>\$\d+|\"(?:[^\"]|\"\")*\"|[A-Za-z_\u0080-\uffff][\w$]*)"
    r"|\d[\w.]*(?:(?<=[eE])[+-]\d+)?",
    re.DOTALL,
)
_DATA = re.compile(r"^[\s(]*(select|with|values|insert|update|delete|merge)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Asked:
    """A statement as the database keeps it: its identity there, its text (which may hold values, and is never told), how
    often it was asked, the rows it gave in all, the seconds it took in all, and its part of the time of all statements."""

    identity: int
    text: str = field(repr=False)
    calls: int
    rows: int
    seconds: float
    share: float

    @property
    def shape(self) -> str:
        """The statement as it may be told."""
        return shape(self.text)

    @property
    def mean(self) -> float:
        """Seconds of one call."""
        return self.seconds / max(self.calls, 1)

    @property
    def given(self) -> float:
        """Rows of one call."""
        return self.rows / max(self.calls, 1)

    @property
    def is_data(self) -> bool:
        """Whether it reads or changes rows: of such there are plans."""
        return bool(_DATA.match(_uncommented(self.text)))

    @property
    def only_reads(self) -> bool:
        """Whether it begins as statements do that read."""
        return reads(self.text)


def reads(text: str) -> bool:
    """Whether a statement begins as those do that read; a WITH may change things all the same."""
    return bool(re.match(r"^[\s(]*(select|with)\b", _uncommented(text), re.IGNORECASE))


def shape(text: str) -> str:
    """Return a statement without comments and values; of one that is not about rows, such as `ALTER ROLE`, only its first word."""
    if not _DATA.match(_uncommented(text)):
        words = _uncommented(text).split()
        return f"{words[0].upper()} ..." if words and words[0].isalpha() else "..."
    return " ".join(_TOKEN.sub(_told, text).split())


def _told(found: re.Match[str]) -> str:
    if found["comment"] is not None:
        return " "
    return "?" if found["keep"] is None else found["keep"]


def _uncommented(text: str) -> str:
    return re.sub(r"/\*.*?\*/|--[^\n]*", " ", text, flags=re.DOTALL).strip()


@dataclass(frozen=True, slots=True)
class Kept:
    """What the database kept: the costliest statements and those that seem to be asked row by row, how many calls are of texts
    that may not be read, how many statements were dropped for want of room, and the seconds since it began to count (`None`:
    not known)."""

    asked: tuple[Asked, ...]
    hidden: int = 0
    dropped: int = 0
    age: float | None = None


def kept(look: Look, schema: str) -> Kept:
    """Return the statements of this database that take the most time; raises Refused where they may not be read.

    `schema` is where the extension is, as it is quoted. Versions before 1.8 name the times otherwise.
    """
    columns = {name for (name,) in look.rows(_COLUMNS, (f"{schema}.pg_stat_statements",))}
    time = "total_exec_time" if "total_exec_time" in columns else "total_time"
    outermost = "AND s.toplevel" if "toplevel" in columns else ""
    rows = look.rows(_STATEMENTS.format(schema=schema, time=time, outermost=outermost))
    whole = sum(row[4] for row in rows) or 1.0
    seen = [
        Asked(identity, text, calls, given, spent, spent / whole)
        for identity, text, calls, given, spent in rows
        if identity is not None
    ]
    hidden = sum(row[2] for row in rows if row[0] is None)
    costly = [one for one in seen if one.share >= LEAST][:MOST]
    often = sorted(seen, key=lambda one: -one.calls)[:_OFTEN]
    paired = [one for child in often for parent in seen if is_once_a_row(child, parent) for one in (child, parent)]
    best = tuple(dict.fromkeys([*costly, *paired]))
    dropped, age = _since(look, schema) if "toplevel" in columns else (0, None)
    return Kept(best, hidden, dropped, age)


def is_once_a_row(asked: Asked, parent: Asked) -> bool:
    """Whether a statement was asked as often as another one gave rows, of which that gives many each time."""
    if parent.calls < _TIMES or parent.rows < MANY * parent.calls:
        return False
    return abs(asked.calls / parent.rows - 1) <= _ALIKE


def _since(look: Look, schema: str) -> tuple[int, float | None]:
    """Return how many statements were dropped, and the seconds since the first (versions from 1.9 on know)."""
    sql = f"SELECT dealloc, extract(epoch FROM now() - stats_reset)::float8 FROM {schema}.pg_stat_statements_info"  # noqa: S608
    return next(((int(dropped), age) for dropped, age in look.rows(sql)), (0, None))


_COLUMNS = "SELECT attname::text FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0"
_STATEMENTS = f"""
SELECT s.queryid, min(s.query), sum(s.calls)::int8, sum(s.rows)::int8, (sum(s.{{time}}) / 1000)::float8
FROM {{schema}}.pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid
WHERE d.datname = current_database() AND (s.queryid IS NULL OR position('{MARK}' IN s.query) = 0) {{outermost}}
GROUP BY s.queryid ORDER BY 5 DESC
"""  # noqa: S608 - the names are the server's own, and quoted
