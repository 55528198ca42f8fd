"""Words: what others said, made fit to be shown: on one line, and without the secrets they were given."""

from __future__ import annotations

import os
from collections.abc import Iterable

_SECRET = ("KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIALS")
_LEAST = 4
"""Characters: what is shorter is no secret, and stands in every other word."""


def is_secret(name: str) -> bool:
    """Say whether an environment variable is named like one that holds a secret."""
    return name.upper().endswith(_SECRET)


def secrets(names: Iterable[str]) -> tuple[str, ...]:
    """Return the values of those environment variables that are named like secrets."""
    return tuple(value for name in names if is_secret(name) and (value := os.environ.get(name)))


def masked(said: str, secrets: Iterable[str]) -> str:
    """Return what was said with every secret in it replaced."""
    for secret in secrets:
        said = said.replace(secret, "***") if len(secret) >= _LEAST else said
    return said


def one_line(said: str, secrets: Iterable[str] = (), *, most: int = 300) -> str:
    """Return what was said on one printable line of at most `most` characters, every secret in it replaced."""
    line = " ".join("".join(c if c.isprintable() else " " for c in masked(said, secrets)).split())
    return line if len(line) <= most else line[: most - 3] + "..."
