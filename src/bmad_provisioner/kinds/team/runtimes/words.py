"""Words: what others said, made fit for one line of ours."""

from __future__ import annotations

from collections.abc import Iterable


def one_line(said: str, secrets: Iterable[str] = (), *, most: int = 300) -> str:
    """Return what was said on one printable line of at most `most` characters, every secret in it replaced."""
    for secret in secrets:
        said = said.replace(secret, "***") if len(secret) > 3 else said
    line = " ".join("".join(c if c.isprintable() else " " for c in said).split())
    return line if len(line) <= most else line[: most - 3] + "..."
