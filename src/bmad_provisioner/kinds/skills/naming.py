"""Naming: the ids that skills and menu entries get."""

from __future__ import annotations

from collections.abc import Iterable


def specialist_skill(leader: str, specialist: str) -> str:
    """Return the id of a specialist's skill: `dev-leader` and `frontend` make `dev-frontend`."""
    return f"{stem(leader)}-{specialist}"


def stem(leader: str) -> str:
    """Return a leader's name without its trailing `-leader`."""
    return leader.removesuffix("-leader") or leader


def source_skill(git: str, path: str) -> str:
    """Return the id of a hand-written skill: its folder's name, or its repository's."""
    if path:
        return path.rsplit("/", 1)[-1]
    return git.rstrip("/").rsplit("/", 1)[-1].removesuffix(".git")


def menu_codes(names: Iterable[str]) -> dict[str, str]:
    """Return a short upper-case menu code for each name, unique among them: `dev-leader` gives `DL`."""
    codes: dict[str, str] = {}
    taken: set[str] = set()
    numbers: dict[str, int] = {}
    for name in names:
        initials = "".join(part[0] for part in name.split("-") if part).upper()
        code = initials if len(initials) > 1 else name[:2].upper()
        unique = code
        while unique in taken:
            numbers[code] = numbers.get(code, 1) + 1
            unique = f"{code}{numbers[code]}"
        taken.add(unique)
        codes[name] = unique
    return codes
