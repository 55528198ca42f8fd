"""Digest: the name of content, so that equal content has an equal name."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import NewType, TypeAlias

Digest = NewType("Digest", str)
Plain: TypeAlias = "bool | int | float | str | Sequence[Plain] | Mapping[str, Plain] | None"


@dataclass(frozen=True, slots=True)
class Entry:
    """What stands at one path: the digest of its bytes, and whether it may be executed.

    A digest that is not 64 hexadecimal digits names something that is no plain file (`symlink:target`,
    `directory`, `special`, `behind-symlink:folder`): it equals no content, so it is never overwritten.
    """

    digest: Digest
    executable: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether a plain file stands there."""
        return len(self.digest) == 64 and ":" not in self.digest


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
"""Kept: `json.dumps` makes a new one for every call that does not take its defaults."""


def digest(data: bytes) -> Digest:
    """Return the SHA-256 of `data` in 64 hexadecimal digits."""
    return Digest(sha256(data).hexdigest())


def canonical(value: Plain) -> bytes:
    """Return the one JSON spelling of plain data: keys sorted, no white space, UTF-8."""
    return _ENCODER.encode(value).encode("utf-8", "surrogatepass")


def fingerprint(value: Plain) -> Digest:
    """Return the digest of plain data, whatever the order of its keys."""
    return digest(canonical(value))
