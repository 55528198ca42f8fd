"""Parcel: a result as it travels to the shared level, with the bytes of its files; what does not open exactly is none."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass
from math import isfinite
from typing import Any

from bmad_provisioner.blobs import compressed, expanded
from bmad_provisioner.digest import Digest, Entry, canonical, digest
from bmad_provisioner.engine.cache import DAMAGED, Made, pack_usage, revive, spelled, unpack_usage
from bmad_provisioner.engine.shared import LARGEST
from bmad_provisioner.engine.task import Output
from bmad_provisioner.finding import Finding

WITHIN = 1 << 20
"""Bytes: a larger file travels beside the parcel, under its own digest."""
FULL = 16 << 20
"""Bytes of files in one parcel: what comes after travels beside it too."""
SMALL = 512
"""Bytes: no more than that is only compressed where it is asked for."""
_PLAIN, _ZSTD = b"\0", b"\1"
_NAME = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Parcel:
    """A result with the bytes of its files: when it was made (seconds since 1970), and in how many seconds."""

    output: Output
    body: bytes
    seconds: float
    made: float
    within: Mapping[Digest, bytes]

    @property
    def beside(self) -> set[Digest]:
        """The names of files whose bytes travel beside it."""
        return {entry.digest for entry in self.output.entries} - self.within.keys()


def pack(made: Made, at: float, fetch: Callable[[Digest], bytes]) -> dict[str, bytes]:
    """Return the values that carry a result, by key, the parcel last; none when one of them is too large to travel."""
    eager = made.task.keeping.compress
    within: dict[Digest, bytes] = {}
    values: dict[str, bytes] = {}
    room = FULL
    for name in dict.fromkeys(entry.digest for entry in made.output.entries):
        data = fetch(name)
        if len(data) <= min(WITHIN, room):
            within[name] = data
            room -= len(data)
        else:
            values[beside(name)] = encode(data, eager=eager)
    plain = _joined(Parcel(made.output, made.body, float(made.seconds), float(at), within))
    values[made.key] = encode(plain, eager=eager)
    return values if all(len(value) <= LARGEST for value in values.values()) else {}


def unpack(value: bytes) -> Parcel | None:
    """Return the parcel that `pack` packed, or `None` when this is none."""
    plain = decode(value)
    try:
        return None if plain is None else _opened(plain)
    except (*DAMAGED, RecursionError, OverflowError):
        return None


def beside(name: Digest) -> str:
    """Return the key of a file that travels beside parcels."""
    return f"blob:{name}"


def encode(data: bytes, *, eager: bool) -> bytes:
    """Return `data` after the one byte that says how it is written: compressed where that saves a tenth."""
    less = compressed(data) if eager or len(data) > SMALL else None
    return _PLAIN + data if less is None else _ZSTD + less


def decode(value: bytes) -> bytes | None:
    """Return what `encode` wrote, or `None`; nothing is unpacked that would not fit."""
    if value[:1] == _ZSTD:
        return expanded(value[1:])
    return value[1:] if value[:1] == _PLAIN else None


def _joined(parcel: Parcel) -> bytes:
    head = canonical(
        {
            "body": len(parcel.body),
            "files": [[name, len(data)] for name, data in parcel.within.items()],
            "made": parcel.made,
            "seconds": parcel.seconds,
            "usage": pack_usage(parcel.output.usage),
        }
    )
    return b"".join((len(head).to_bytes(4, "big"), head, parcel.body, *parcel.within.values()))


def _opened(plain: bytes) -> Parcel:
    start = 4 + int.from_bytes(plain[:4], "big")
    head: dict[str, Any] = json.loads(plain[4:start])
    end = start + head["body"]
    body, within = plain[start:end], {}
    for name, size in head["files"]:
        within[name] = plain[end : end + size]
        end += size
    parcel = Parcel(revive(body, unpack_usage(head["usage"])), body, head["seconds"], head["made"], within)
    if not _is_sound(parcel) or _joined(parcel) != plain or spelled(parcel.output) != body:
        raise ValueError("this is not what was packed")
    return parcel


def _is_sound(parcel: Parcel) -> bool:
    """Return whether what JSON lets through is what the rest of us takes for granted."""
    output, usage = parcel.output, parcel.output.usage
    return (
        all(isinstance(number, float) and isfinite(number) for number in (parcel.seconds, parcel.made, usage.cost))
        and min(parcel.seconds, *astuple(usage)) >= 0
        and all(_is_inside(path) for path in (*output.files, *output.hands))
        and all(_is_file(entry) for entry in output.entries)
        and all(_is_finding(finding) for finding in output.findings)
        and all(isinstance(path, str) for path in output.leaves)
        and all(digest(data) == name for name, data in parcel.within.items())
    )


def _is_inside(path: str) -> bool:
    """Return whether a path leads nowhere but below the folder it is laid in: who can write to the server may not choose."""
    return "\0" not in path and {"", ".", ".."}.isdisjoint(path.split("/"))


def _is_file(entry: Entry) -> bool:
    return isinstance(entry.digest, str) and _NAME.fullmatch(entry.digest) is not None and isinstance(entry.executable, bool)


def _is_finding(finding: Finding) -> bool:
    texts = (finding.path, finding.rule, finding.message, finding.hint)
    return all(isinstance(text, str) for text in texts) and (finding.line is None or type(finding.line) is int)
