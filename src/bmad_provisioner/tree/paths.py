"""Paths: which names may stand below a project root, on any system."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import lru_cache

PRIVATE = ".bmad-provisioner"
_DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{name}{n}" for name in ("com", "lpt") for n in range(1, 10))})
_FORBIDDEN = frozenset('<>:"\\|?*')


def refusal(path: str) -> str | None:
    """Return why `path` may not be written below a project root, or `None` when it may.

    The rules are those of the strictest system (Windows, as documented by Microsoft under "Naming Files"),
    so that a project provisioned here can be checked out there.
    """
    if not path or path.startswith("/") or len(path.encode("utf-8", "surrogatepass")) > 1024:
        return "it is not a relative path of at most 1,024 bytes"
    if not path.isascii() and unicodedata.normalize("NFC", path) != path:
        return "its Unicode is not in the composed form (NFC), which file systems disagree about"
    for part in path.split("/"):
        reason = _part_refusal(part)
        if reason:
            return reason
    return None


@lru_cache(maxsize=4096)
def _part_refusal(part: str) -> str | None:
    if part in ("", ".", ".."):
        return "it climbs or has an empty part"
    if part.lower() in (".git", PRIVATE):
        return f"`{part}` is not ours to write"
    if part[-1] in " .":
        return "a part ends with a space or a dot"
    if part.split(".", maxsplit=1)[0].lower() in _DEVICES:
        return f"`{part}` is a device name on Windows"
    if not part.isprintable() or not _FORBIDDEN.isdisjoint(part):
        return "it has a character that some systems refuse"
    if len(part.encode("utf-8", "surrogatepass")) > 255:
        return "a part is longer than 255 bytes"
    return None


def collisions(paths: Iterable[str]) -> list[tuple[str, str]]:
    """Return the pairs of paths that are one file where case does not count, each part of a path included.

    A path that another one needs as a folder collides with it too.
    """
    seen: dict[str, str] = {}
    files: dict[str, str] = {}
    found = []
    for path in sorted(paths):
        for end in _ends(path):
            prefix = path[:end]
            folded = prefix.casefold()
            known = seen.setdefault(folded, prefix)
            if known != prefix:
                found.append((known, prefix))
            elif end < len(path) and folded in files:
                found.append((files[folded], path))
        files[path.casefold()] = path
    return found


def _ends(path: str) -> Iterable[int]:
    start = path.find("/")
    while start >= 0:
        yield start
        start = path.find("/", start + 1)
    yield len(path)
