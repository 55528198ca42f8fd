"""PostgreSQL of our own: a cluster in a folder that goes away, on a free port, never the one of the system."""

# ruff: noqa: PLC0415 - psycopg may not be there

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

OWNER, PASSWORD = "postgres", "owner-9fX-secret"
_QUICK = (
    "fsync=off",
    "full_page_writes=off",
    "synchronous_commit=off",
    "autovacuum=off",
    "jit=off",
    "max_parallel_workers_per_gather=0",
)
EXTENSIONS = ("pg_stat_statements", "pg_qualstats")


@dataclass(frozen=True, slots=True)
class Cluster:
    """A server that runs."""

    folder: Path
    port: int

    def dsn(self, database: str, user: str = OWNER, password: str = PASSWORD) -> str:
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    @contextmanager
    def connected(self, database: str, user: str = OWNER) -> Iterator[Any]:
        """Give a connection in which every statement is a transaction of its own."""
        import psycopg

        connection = psycopg.connect(self.dsn(database, user), autocommit=True)
        try:
            yield connection
        finally:
            connection.close()

    def run(self, database: str, *statements: str) -> None:
        with self.connected(database) as connection:
            for statement in statements:
                connection.execute(statement)


def _binaries() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda one: float(one.parts[-3]))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).resolve().parent if on_path else None


def missing() -> str:
    """Why there can be no cluster here; empty if there can."""
    binaries = _binaries()
    if binaries is None:
        return "PostgreSQL is not installed (`initdb`)"
    library = subprocess.run([binaries / "pg_config", "--pkglibdir"], capture_output=True, text=True, check=True).stdout.strip()
    gone = [name for name in (*EXTENSIONS, "hypopg") if not (Path(library) / f"{name}.so").exists()]
    if gone:
        return f"PostgreSQL lacks {', '.join(gone)}"
    try:
        import psycopg  # noqa: F401
    except ImportError:
        return "psycopg is not installed"
    return "no user `postgres` to run the server as" if os.geteuid() == 0 and not _account() else ""


def _account() -> pwd.struct_passwd | None:
    return next((one for one in pwd.getpwall() if one.pw_name == "postgres"), None)


def _as_owner(command: Sequence[str | Path]) -> None:
    """Run a program of PostgreSQL, which refuses to be run by root."""
    around = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    ended = subprocess.run(
        [*around, *map(str, command)], stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd="/", check=False
    )
    assert ended.returncode == 0, ended.stderr or ended.stdout


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def cluster(preload: Sequence[str] = EXTENSIONS) -> Iterator[Cluster]:
    """Make and run a cluster, and leave nothing of it; a test without PostgreSQL is skipped with the reason."""
    why = missing()
    if why:
        pytest.skip(why)
    binaries = _binaries()
    assert binaries is not None
    folder = Path(tempfile.mkdtemp(prefix="bmadp-pg-"))
    try:
        secret = folder / "secret"
        secret.write_text(PASSWORD)
        account = _account()
        if os.geteuid() == 0 and account is not None:
            for path in (folder, secret):
                os.chown(path, account.pw_uid, account.pw_gid)
        _as_owner(
            [
                binaries / "initdb",
                "-D",
                folder / "data",
                "-U",
                OWNER,
                "-A",
                "scram-sha-256",
                f"--pwfile={secret}",
                "-E",
                "UTF8",
                "--no-sync",
                "--no-locale",
            ]
        )
        port = _free_port()
        settings = [
            *_QUICK,
            f"port={port}",
            f"unix_socket_directories={folder}",
            "listen_addresses=127.0.0.1",
            f"shared_preload_libraries={','.join(preload)}",
            "pg_qualstats.sample_rate=1",
        ]
        options = " ".join(f"-c {one}" for one in settings)
        control = [binaries / "pg_ctl", "-D", folder / "data", "-w", "-l", folder / "log"]
        _as_owner([*control, "-o", options, "start"])
        try:
            yield Cluster(folder, port)
        finally:
            _as_owner([*control, "-m", "immediate", "stop"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)
