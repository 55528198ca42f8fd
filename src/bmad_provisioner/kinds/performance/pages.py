"""Pages: what a load of a page in a real browser told: its vitals, its files, and the part of the page behind each of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_WINDOW, _GAP = 5.0, 1.0
"""Seconds: a window of layout shifts is at most so long, with no such gap in it (web.dev/articles/cls)."""


@dataclass(frozen=True, slots=True)
class Network:
    """What stands between page and server: seconds there and back, bytes a second each way (below 0: any), and how many
    times slower the processor is. The method is part of a metric's name: numbers of two methods never compare."""

    name: str
    latency: float = 0.0
    bandwidth: float = -1.0
    slower: float = 1.0


PLAIN = Network("lab")
MOBILE = Network("lab-mobile", 0.150, 1_638_400 / 8, 4.0)
"""The slow 4G and the fourfold slower processor that Lighthouse uses for a phone, applied rather than simulated."""


@dataclass(frozen=True, slots=True)
class Shift:
    """A layout shift: seconds after the start, its score, what moved, and what made it move, where that was seen.

    `how` is what became of `element`: inserted, loaded, changed, removed, styled, animated, font; empty: not known.
    """

    time: float
    value: float
    moved: tuple[str, ...]
    how: str = ""
    element: str = ""


@dataclass(frozen=True, slots=True)
class Interaction:
    """A click or key: seconds until the next paint, the part of them before its code ran and while it did, and the script
    that ran longest meanwhile: its URL, its function (or what called it) and its seconds."""

    target: str
    event: str
    duration: float
    delay: float
    work: float
    script: str = ""
    function: str = ""
    ran: float = 0.0


@dataclass(frozen=True, slots=True)
class Resource:
    """A file that a page loads: when (seconds), the bytes that travelled (0: it was cached) and those it has unpacked, and how
    it was sent: media type, Content-Encoding, Cache-Control. `kind`: document, script, stylesheet, image, font, fetch, xhr, ..."""

    url: str
    kind: str
    start: float
    end: float
    travelled: int
    size: int
    blocking: bool = False
    media: str = ""
    encoding: str = ""
    caching: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file of a page (from 1), and the function it is in."""

    url: str
    line: int
    function: str


@dataclass(frozen=True, slots=True)
class Script:
    """A script's characters: all, those in functions and branches that never ran, those of data that nobody names, and those
    of comments."""

    url: str
    size: int
    unused: int
    unread: int = 0
    remarks: int = 0

    @property
    def idle(self) -> int:
        """Characters that are there for nothing, as far as is sure: comments may stand in what never ran."""
        return min(max(self.unused, self.remarks) + self.unread, self.size)


@dataclass(frozen=True, slots=True)
class Picture:
    """An image: how many pixels wide and high it is, and how many it is shown in."""

    url: str
    element: str
    natural: tuple[int, int]
    shown: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Inside:
    """What a load that nobody timed told of a page's inside.

    `packed`: the bytes of what travels as it is, once gzip has packed it; `again`: the bytes of static files that travel
    again at a second visit; `made`: where elements were made, by selector; `hot`: where interactions spend most, by their
    target, and the part of all that ran; `lines`: where elements stand in the document.
    """

    scripts: tuple[Script, ...] = ()
    pictures: tuple[Picture, ...] = ()
    packed: Mapping[str, int] = field(default_factory=dict)
    again: Mapping[str, int] = field(default_factory=dict)
    made: Mapping[str, Place] = field(default_factory=dict)
    hot: Mapping[str, tuple[Place, float]] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Visit:
    """One load of a page, its first resource the document. Times in seconds; `None` where the browser saw none of it."""

    url: str
    status: int
    ttfb: float | None
    fcp: float | None
    lcp: float | None
    lcp_element: str = ""
    lcp_url: str = ""
    shifts: tuple[Shift, ...] = ()
    interactions: tuple[Interaction, ...] = ()
    resources: tuple[Resource, ...] = ()
    problems: tuple[str, ...] = ()
    inside: Inside | None = None

    @property
    def cls(self) -> float:
        """The worst window of layout shifts: within five seconds, none of them a second after the one before."""
        worst = now = 0.0
        first = last = -float("inf")
        for shift in self.shifts:
            fresh = shift.time - last > _GAP or shift.time - first > _WINDOW
            now, first = (shift.value, shift.time) if fresh else (now + shift.value, first)
            last, worst = shift.time, max(worst, now)
        return worst

    @property
    def inp(self) -> float | None:
        """Interaction to Next Paint: the slowest interaction, which with as few as a visit here has is its definition.

        First Input Delay, which it replaced, is retired and offered nowhere.
        """
        return max((one.duration for one in self.interactions), default=None)

    @property
    def bundle(self) -> int:
        """Bytes of scripts, as they travelled."""
        return sum(one.travelled for one in self.resources if one.kind == "script")

    @property
    def travelled(self) -> int:
        """Bytes of all its files, as they travelled."""
        return sum(one.travelled for one in self.resources)


def visit(plain: Mapping[str, Any]) -> Visit:
    """Return the visit that `dataclasses.asdict` and JSON made plain."""
    parts = {
        "shifts": tuple(Shift(**{**one, "moved": tuple(one["moved"])}) for one in plain["shifts"]),
        "interactions": tuple(Interaction(**one) for one in plain["interactions"]),
        "resources": tuple(Resource(**one) for one in plain["resources"]),
        "problems": tuple(plain["problems"]),
        "inside": _inside(plain["inside"]) if plain["inside"] else None,
    }
    return Visit(**{**plain, **parts})


def _inside(plain: Mapping[str, Any]) -> Inside:
    return Inside(
        tuple(Script(**one) for one in plain["scripts"]),
        tuple(Picture(one["url"], one["element"], tuple(one["natural"]), tuple(one["shown"])) for one in plain["pictures"]),
        plain["packed"],
        plain["again"],
        {name: Place(**one) for name, one in plain["made"].items()},
        {name: (Place(**place), part) for name, (place, part) in plain["hot"].items()},
        plain["lines"],
    )
