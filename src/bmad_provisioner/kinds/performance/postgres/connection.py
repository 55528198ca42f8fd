"""Connection: a way into a PostgreSQL database that can only read, and whose errors hold nothing of its DSN."""
# ruff: noqa: PLC0415 - psycopg is an optional extra: nobody who has no database pays for it

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from bmad_provisioner.engine.task import Turn
from bmad_provisioner.errors import TaskError

MARK = "/* bmadp */"
"""The end of all that is asked: by it, what was asked from here is told from what the database is used for."""
OLDEST = 120_000
"""The first version (as `server_version_num`) whose planner shows a plan without the values of its parameters."""
_STATEMENT, _LOCK = 5.0, 0.2
"""Seconds that one question may take, and that it may wait for a lock."""
_DRIVER = re.compile(r"^(postgres(?:ql)?)\+\w+(?=://)")
_REFUSALS: tuple[tuple[str, str, str, bool], ...] = (
    ("password authentication failed", "the database refuses the user or the password", "look at both in the DSN", False),
    ("no password supplied", "the database wants a password", "put it into the DSN, or into `~/.pgpass`", False),
    ("no pg_hba.conf entry", "the database lets nobody in from here", "ask for an entry in its `pg_hba.conf`", False),
    ("refused", "no database listens where the DSN points", "is the server started? look at host and port in the DSN", True),
    ("resolve host", "no host has the name in the DSN", "special characters of a password have to be percent-encoded", False),
    ("translate host", "no host has the name in the DSN", "special characters of a password have to be percent-encoded", False),
    ("timeout", "the database does not answer", "look at host and port in the DSN, and at firewalls", True),
    ("No such file", "no database listens where the DSN points", "is the server started? look at host and port in the DSN", True),
    ("slots are reserved", "the database has no connection left", "try again, or raise `max_connections`", True),
    ("too many clients", "the database has no connection left", "try again, or raise `max_connections`", True),
    ("starting up", "the database is starting", "try again in a moment", True),
    ("shutting down", "the database is shutting down", "start it again", True),
    ('database "', "there is no database of that name", "look at the end of the DSN", False),
    ('role "', "the database has no user of that name", "look at the user in the DSN", False),
    ("SSL", "the database and the DSN do not agree on TLS", "look at `sslmode` in the DSN", False),
)
_WHY = {
    "42501": "no right to read it",
    "42P01": "a table in it is not found by the search path of this user",
    "42P18": "the type of a parameter is not known",
    "57014": "it took too long",
    "55P03": "somebody has locked it",
    "25006": "it would write",
    "42601": "its text is cut off, or cannot be read without its values",
}


class Refused(Exception):  # noqa: N818 - it is caught wherever it is raised, and says what happened
    """The database did not do what it was asked; says why by the code alone, as its words may hold what is in the tables."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code

    @property
    def why(self) -> str:
        """Why, in words of our own."""
        return _WHY.get(self.code, f"the database refuses it (error {self.code})")


@dataclass(frozen=True, slots=True)
class Look:
    """A transaction that can only read and is rolled back: no lock and no setting outlives it."""

    connection: Any
    turn: Turn
    end: float

    def rows(self, statement: str, args: Sequence[object] | None = None) -> list[tuple[Any, ...]]:
        """Return the rows of one statement, whose locks are let go at once; raises Refused, and TaskError if the server is gone."""
        import psycopg

        if self.turn.stopped():
            raise TaskError("nobody waits for the advice on the database any more")
        try:
            with self.connection.transaction(force_rollback=True):
                # Binary results need the extended protocol, and that takes no second statement after a semicolon.
                return list(self.connection.execute(f"{statement} {MARK}", args, binary=True).fetchall())
        except psycopg.Error as error:
            if self.connection.closed:
                raise TaskError("the database ended the connection", hint="is the server still there?", heals=True) from None
            raise Refused(error.sqlstate or "without a code") from None

    def one(self, statement: str, args: Sequence[object] | None = None) -> Any:
        """Return the first column of the first row; raises as `rows` does."""
        return self.rows(statement, args)[0][0]

    def do(self, statement: str) -> None:
        """Do what changes nothing but this session (prepare a statement); raises as `rows` does."""
        import psycopg

        try:
            with self.connection.transaction(force_rollback=True):
                self.connection.execute(f"{statement} {MARK}", binary=True)
        except psycopg.Error as error:
            raise Refused(error.sqlstate or "without a code") from None

    def set(self, name: str, value: str) -> None:
        """Set something until the end of the transaction."""
        self.connection.execute(f"SELECT set_config(%s, %s, true) {MARK}", (name, value))

    def left(self) -> float:
        """Return the seconds that are left for everything."""
        return self.end - time.monotonic()


@dataclass(frozen=True, slots=True)
class Reader:
    """A connection that reads until `end` (seconds of the monotonic clock)."""

    connection: Any
    turn: Turn
    end: float

    @property
    def version(self) -> int:
        """The version of the server: 150018 is 15.18."""
        return int(self.connection.info.server_version)

    def left(self) -> float:
        """Return the seconds that are left for everything."""
        return self.end - time.monotonic()

    @contextmanager
    def look(self, seconds: float = _STATEMENT) -> Iterator[Look]:
        """Give a look in which no statement takes longer than `seconds`; raises TaskError if the server is gone."""
        import psycopg

        look = Look(self.connection, self.turn, self.end)
        try:
            with self.connection.transaction(force_rollback=True):
                allowed = max(min(seconds, look.left()), 0.1)
                look.set("statement_timeout", f"{allowed * 1000:.0f}")
                look.set("lock_timeout", f"{_LOCK * 1000:.0f}")
                if look.one("SELECT current_setting('transaction_read_only')") != "on":
                    raise TaskError(
                        "the database would let us write: nothing was asked", hint="connect to it directly, not by a proxy"
                    )
                yield look
        except psycopg.Error:
            raise TaskError("the database ended the connection", hint="is the server still there?", heals=True) from None


@contextmanager
def reader(dsn: str, turn: Turn, seconds: float) -> Iterator[Reader]:
    """Give a reader of the database for so many seconds; raises TaskError, in which nothing of the DSN stands."""
    try:
        import psycopg
    except ImportError:
        hint = 'pip install "bmad-provisioner[postgres]"'
        raise TaskError("PostgreSQL cannot be asked: psycopg is not installed", hint=hint, started=False) from None
    if not dsn.strip():
        raise TaskError("the DSN of the database is empty", hint="set the variable that `dsn_env` names")
    end = time.monotonic() + min(seconds, turn.seconds or seconds)
    try:
        connection = psycopg.connect(
            _DRIVER.sub(r"\1", dsn.strip()),
            autocommit=True,
            prepare_threshold=None,
            application_name="bmadp",
            connect_timeout=max(2, min(10, int(seconds))),
        )
    except (psycopg.Error, UnicodeError, ValueError) as error:
        raise _refusal(error) from None
    try:
        connection.read_only = True
        if connection.info.server_version < OLDEST:
            raise TaskError(
                f"PostgreSQL {connection.info.server_version // 10_000} is too old to be asked",
                hint=f"{OLDEST // 10_000} is needed",
            )
        yield Reader(connection, turn, end)
    finally:
        with suppress(psycopg.Error):
            connection.close()


def _refusal(error: Exception) -> TaskError:
    """Return what is wrong with a connection, in our words: those of the library quote the DSN, and with it the password."""
    import psycopg

    if isinstance(error, psycopg.OperationalError):
        for words, message, hint, heals in _REFUSALS:
            if words in str(error):
                return TaskError(message, hint=hint, heals=heals, barred=words.startswith("password"))
        return TaskError("the database cannot be reached", hint="try the DSN by `psql`", heals=True)
    return TaskError(
        "the DSN of the database is none",
        hint="write `postgresql://USER:PASSWORD@HOST:5432/DATABASE`, special characters percent-encoded",
    )
