"""Plugins: what installed distributions offer under a name, each loaded when it is first asked for.

The `entry_points.txt` files on the path are read here, without `importlib.metadata`: that costs 31 ms of CPU to import
and 7 ms to ask (38 distributions), this costs 0.8 ms, and the whole budget of a start is 45 ms. Every distribution is read
all the same, since reading only ours would not see that another offers the same name. A zip archive on the path, where
distributions may hide too, is left to `importlib.metadata`.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

from bmad_provisioner.errors import UsageError

_OURS = "bmad_provisioner."


@dataclass(frozen=True, slots=True)
class Offer:
    """One name in one group: the distribution that offers it, and where the object lives (`module:attribute`)."""

    group: str
    name: str
    distribution: str
    target: str

    def load(self) -> Any:
        """Import the object; raises UsageError if the distribution that promised it does not hold it."""
        module, _, attributes = self.target.partition("[")[0].partition(":")
        try:
            found = import_module(module.strip())
            for attribute in filter(None, attributes.strip().split(".")):
                found = getattr(found, attribute)
        except (ImportError, AttributeError, SyntaxError, ValueError) as error:
            message = f"plugin `{self.name}` of `{self.distribution}` does not load: {error}"
            raise UsageError(message, hint=f"update or uninstall `{self.distribution}`") from error
        return found


class Plugins(Mapping[str, Any]):
    """The objects offered in an entry-point group, by name; looking at the names loads nothing.

    One name offered by two distributions is a UsageError as soon as the group is looked at.
    """

    def __init__(self, group: str, path: tuple[str, ...] | None = None) -> None:
        self.group = group
        self.path = path

    def __getitem__(self, name: str) -> Any:
        offers = self._offers()
        if name not in offers:
            word = self.group.rpartition(".")[2].removesuffix("s")
            raise UsageError(f"unknown {word} `{name}`", hint=did_you_mean(name, offers))
        return offers[name].load()

    def __contains__(self, name: object) -> bool:
        return name in self._offers()

    def __iter__(self) -> Iterator[str]:
        return iter(self._offers())

    def __len__(self) -> int:
        return len(self._offers())

    def _offers(self) -> Mapping[str, Offer]:
        return _by_name(self.group, tuple(sys.path) if self.path is None else self.path)


def did_you_mean(word: str, known: Mapping[str, Any] | tuple[str, ...]) -> str:
    """Return a hint that names the nearest of the known words, or all of them when none is near."""
    from difflib import get_close_matches  # noqa: PLC0415 - only when something is already wrong

    folded = {name.lower(): name for name in known}
    near = get_close_matches(word.lower(), folded, n=1)
    if near:
        return f"did you mean `{folded[near[0]]}`?"
    return "known: " + ", ".join(f"`{name}`" for name in sorted(known)) if known else "none is installed"


@cache
def _by_name(group: str, path: tuple[str, ...]) -> Mapping[str, Offer]:
    """Return the offers of a group by name, sorted; raises UsageError when two distributions offer one name."""
    offers: dict[str, Offer] = {}
    for offer in _catalogue(path):
        if offer.group != group:
            continue
        other = offers.setdefault(offer.name, offer)
        if other.distribution != offer.distribution:
            first, second = sorted((other.distribution, offer.distribution))
            raise UsageError(
                f"`{offer.name}` in `{group}` is offered by both `{first}` and `{second}`", hint="uninstall one of the two"
            )
    return dict(sorted(offers.items()))


@cache
def _catalogue(path: tuple[str, ...]) -> tuple[Offer, ...]:
    """Return what all distributions on `path` offer to us; of two copies of a distribution the first counts."""
    offers: list[Offer] = []
    seen: set[str] = set()
    for folder in dict.fromkeys(entry or os.curdir for entry in path):
        found = _in_archive(folder) if os.path.isfile(folder) else _in_folder(folder)
        for distribution, text in found:
            key = re.sub(r"[-_.]+", "-", distribution).lower()
            if key not in seen:
                seen.add(key)
                offers.extend(_offers(distribution, text))
    return tuple(offers)


def _in_folder(folder: str) -> Iterator[tuple[str, str]]:
    """Yield the name and the entry points of each distribution installed in `folder`."""
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return
    for name in names:
        if not name.endswith((".dist-info", ".egg-info")) or name.startswith("~"):  # `~`: what an aborted pip left
            continue
        distribution = name.rpartition(".")[0].partition("-")[0].replace("_", "-")
        try:
            with open(os.path.join(folder, name, "entry_points.txt"), "rb") as file:
                yield distribution, file.read().decode("utf-8", "replace")
        except OSError:
            yield distribution, ""


def _in_archive(archive: str) -> Iterator[tuple[str, str]]:
    from importlib.metadata import distributions  # noqa: PLC0415 - slow, and hardly ever needed

    for distribution in distributions(path=[archive]):
        yield distribution.name.replace("_", "-"), distribution.read_text("entry_points.txt") or ""


def _offers(distribution: str, text: str) -> Iterator[Offer]:
    """Yield what the text of an `entry_points.txt` offers to us."""
    if _OURS not in text:
        return
    group = ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("[") and line.endswith("]"):
            group = line[1:-1].strip()
        elif group.startswith(_OURS) and line and line[0] not in "#;":
            name, equals, target = line.partition("=")
            if equals:
                yield Offer(group, name.strip(), distribution, target.strip())
