"""Profiles: sampled stacks as other programs show them: speedscope, and collapsed lines for flame graphs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bmad_provisioner.digest import Plain

SCHEMA = "https://www.speedscope.app/file-format-schema.json"
_PLACE = re.compile(r"^(?P<name>.*) \((?P<path>[^()]+?)(?::(?P<line>\d+))?\)$")


@dataclass(frozen=True, slots=True)
class Frame:
    """A function, its file, and a line of it (0: none)."""

    name: str
    path: str = ""
    line: int = 0

    def __str__(self) -> str:
        where = f"{self.path}:{self.line}" if self.line else self.path
        return f"{self.name} ({where})" if where else self.name


Stacks = Mapping[tuple[Frame, ...], float]
"""Stacks from the outside in, each with its weight: samples or seconds."""


def collapsed(stacks: Stacks) -> str:
    """Return one line a stack, frames from the outside in and the weight at the end; weights are rounded to whole samples."""
    told = Counter[str]()
    for stack, weight in stacks.items():
        told[";".join(str(frame).replace(";", ",").replace("\n", " ") for frame in stack)] += round(weight)
    return "".join(f"{stack} {weight}\n" for stack, weight in sorted(told.items()) if weight)


def read_collapsed(text: str) -> dict[tuple[Frame, ...], float]:
    """Return the stacks of collapsed lines, such as `py-spy record --format raw` writes; what is no such line is left out."""
    found: dict[tuple[Frame, ...], float] = {}
    for line in text.splitlines():
        stack, _, weight = line.rpartition(" ")
        if stack and weight.isdigit():
            frames = tuple(map(_frame, stack.split(";")))
            found[frames] = found.get(frames, 0.0) + int(weight)
    return found


def _frame(text: str) -> Frame:
    found = _PLACE.match(text)
    return Frame(found["name"], found["path"], int(found["line"] or 0)) if found else Frame(text)


def speedscope(name: str, profiles: Mapping[str, Stacks], unit: str = "none") -> dict[str, Plain]:
    """Return profiles by their names as one file of speedscope; `unit` is `none` for samples, or `seconds`."""
    frames = sorted({frame for stacks in profiles.values() for stack in stacks for frame in stack}, key=str)
    places = {frame: at for at, frame in enumerate(frames)}
    return {
        "$schema": SCHEMA,
        "name": name,
        "activeProfileIndex": 0,
        "exporter": "bmadp",
        "shared": {"frames": [_told(frame) for frame in frames]},
        "profiles": [_profile(title, stacks, places, unit) for title, stacks in profiles.items()],
    }


def _told(frame: Frame) -> dict[str, Plain]:
    told: dict[str, Plain] = {"name": frame.name}
    told |= {"file": frame.path} if frame.path else {}
    return told | ({"line": frame.line} if frame.line else {})


def _profile(name: str, stacks: Stacks, places: Mapping[Frame, int], unit: str) -> dict[str, Plain]:
    ordered = sorted(([places[frame] for frame in stack], weight) for stack, weight in stacks.items())
    samples: list[Plain] = [list[Plain](stack) for stack, _ in ordered]
    weights: list[Plain] = [weight for _, weight in ordered]
    total = sum(weight for _, weight in ordered)
    return {
        "type": "sampled",
        "name": name,
        "unit": unit,
        "startValue": 0,
        "endValue": total,
        "samples": samples,
        "weights": weights,
    }


def shares(stacks: Stacks) -> dict[tuple[str, str], tuple[float, float]]:
    """Return, by path and function, what part of the whole it was innermost in, and what part it was in at all."""
    total = sum(stacks.values()) or 1.0
    own, all_ = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for stack, weight in stacks.items():
        for which in set(_functions(stack)):
            all_[which] += weight  # type: ignore[assignment]
        if stack:
            own[(stack[-1].path, stack[-1].name)] += weight  # type: ignore[assignment]
    return {which: (own[which] / total, weight / total) for which, weight in all_.most_common()}


def _functions(stack: Sequence[Frame]) -> Iterator[tuple[str, str]]:
    return ((frame.path, frame.name) for frame in stack)


def within(stacks: Stacks, paths: Iterable[str]) -> dict[tuple[Frame, ...], float]:
    """Return stacks cut down to the frames of some files; those without any are left out."""
    kept, found = set(paths), dict[tuple[Frame, ...], float]()
    for stack, weight in stacks.items():
        cut = tuple(frame for frame in stack if frame.path in kept)
        if cut:
            found[cut] = found.get(cut, 0.0) + weight
    return found
