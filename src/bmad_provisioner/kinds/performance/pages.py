"""Pages: what a visitor waits for in a real Chromium, load by load, and which part of the page is behind it."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

if TYPE_CHECKING:
    from playwright.sync_api import Browser, CDPSession, Page

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
"""Commands under which a Chromium may be found; `BMADP_CHROMIUM` names another."""
SETTLE = 0.5
"""Seconds without a word of the page after which it has settled."""
_PATIENCE = 30_000
"""Milliseconds until a page has to be loaded."""
_WINDOW, _GAP = 5000.0, 1000.0
"""Milliseconds: a window of layout shifts is at most so long, with no such gap in it (web.dev/articles/cls)."""
_CLICKABLE = "button, [role=button], input[type=submit], input[type=checkbox], summary, [onclick]"
_MOST_CLICKS = 5


@dataclass(frozen=True, slots=True)
class Network:
    """What stands between page and server: seconds there and back, bytes a second each way, and how many times slower the
    processor is. The method is part of a metric's name: numbers of two methods never compare."""

    name: str
    latency: float = 0.0
    bandwidth: float = -1.0
    slower: float = 1.0


PLAIN = Network("lab")
MOBILE = Network("lab-mobile", 0.150, 1_638_400 / 8, 4.0)
"""The slow 4G and the fourfold slower processor that Lighthouse uses for a phone, applied rather than simulated."""


@dataclass(frozen=True, slots=True)
class Shift:
    """A layout shift: seconds after the start, its score, and what moved."""

    time: float
    value: float
    moved: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Interaction:
    """A click or key: seconds until the next paint, and the part of them before its code ran and while it did."""

    target: str
    event: str
    duration: float
    delay: float
    work: float
    script: str = ""


@dataclass(frozen=True, slots=True)
class Resource:
    """A file that a page loads: when (seconds), the bytes that travelled and those it has unpacked."""

    url: str
    kind: str
    start: float
    end: float
    travelled: int
    size: int
    blocking: bool


@dataclass(frozen=True, slots=True)
class Visit:
    """One load of a page. Times in seconds; `None` where the browser saw none of it."""

    url: str
    status: int
    ttfb: float | None
    fcp: float | None
    lcp: float | None
    lcp_element: str
    lcp_url: str
    shifts: tuple[Shift, ...]
    interactions: tuple[Interaction, ...]
    resources: tuple[Resource, ...]
    problems: tuple[str, ...] = ()

    @property
    def cls(self) -> float:
        """The worst window of layout shifts: within five seconds, none of them a second after the one before."""
        worst = now = 0.0
        first = last = -float("inf")
        for shift in self.shifts:
            fresh = (shift.time - last) * 1000 > _GAP or (shift.time - first) * 1000 > _WINDOW
            now, first = (shift.value, shift.time) if fresh else (now + shift.value, first)
            last, worst = shift.time, max(worst, now)
        return worst

    @property
    def inp(self) -> float | None:
        """The slowest interaction: with as few as a visit here has, that is its definition."""
        return max((one.duration for one in self.interactions), default=None)

    @property
    def bundle(self) -> int:
        """Bytes of scripts, as they travelled."""
        return sum(one.travelled for one in self.resources if one.kind == "script" or one.url.partition("?")[0].endswith((".js", ".mjs")))


def found() -> str | None:
    """Return the command of a Chromium on this machine."""
    named = os.environ.get("BMADP_CHROMIUM")
    return shutil.which(named) if named else next((path for name in BROWSERS if (path := shutil.which(name))), None)


@contextmanager
def browser(executable: str) -> Iterator[Browser]:
    """Give a Chromium, and end it with all its processes."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - an extra

    sandbox = [] if os.geteuid() else ["--no-sandbox"]
    with sync_playwright() as playwright:
        one = playwright.chromium.launch(executable_path=executable, args=[*sandbox, "--disable-dev-shm-usage"])
        try:
            yield one
        finally:
            one.close()


def visit(one: Browser, url: str, network: Network = PLAIN) -> Visit:
    """Load a page in a fresh profile, touch what can be touched, and return what was seen."""
    context = one.new_context(viewport={"width": 412, "height": 823} if network.slower > 1 else {"width": 1350, "height": 940})
    problems: list[str] = []
    try:
        context.add_init_script(resources.files(__package__).joinpath("vitals.js").read_text("utf-8"))
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error).splitlines()[0][:200]))
        page.on("requestfailed", lambda request: problems.append(f"{request.url}: {request.failure}"))
        _slowed(context.new_cdp_session(page), network)
        answer = page.goto(url, wait_until="load", timeout=_PATIENCE)
        _settle(page)
        _touch(page)
        told = page.evaluate("window.__bmadp()")
    finally:
        context.close()
    return _visit(url, answer.status if answer else 0, told, tuple(problems))


def _slowed(session: CDPSession, network: Network) -> None:
    if network.latency or network.bandwidth > 0:
        session.send("Network.enable")
        session.send(
            "Network.emulateNetworkConditions",
            {
                "offline": False,
                "latency": network.latency * 1000,
                "downloadThroughput": network.bandwidth,
                "uploadThroughput": network.bandwidth,
            },
        )
    if network.slower > 1:
        session.send("Emulation.setCPUThrottlingRate", {"rate": network.slower})


def _settle(page: Page) -> None:
    with suppress(Exception):  # a page that never rests is measured as it is
        page.wait_for_load_state("networkidle", timeout=5000)
    page.wait_for_timeout(SETTLE * 1000)


def _touch(page: Page) -> None:
    """Press a key and click on what says that it can be clicked on; what leads to another page is left alone."""
    page.keyboard.press("Tab")
    page.wait_for_timeout(50)
    for element in page.query_selector_all(_CLICKABLE)[:_MOST_CLICKS]:
        with suppress(Exception):  # hidden, moved or gone: nobody could have clicked on it
            element.click(timeout=1000, no_wait_after=True)
            page.wait_for_timeout(250)
    page.wait_for_timeout(150)


def _visit(url: str, status: int, told: Mapping[str, Any], problems: tuple[str, ...]) -> Visit:
    lcp = told["lcp"] or {}
    return Visit(
        url,
        status,
        _seconds(told["ttfb"]),
        _seconds(told["fcp"]),
        _seconds(lcp.get("time")),
        str(lcp.get("element") or ""),
        str(lcp.get("url") or ""),
        tuple(Shift(one["time"] / 1000, one["value"], tuple(one["sources"])) for one in told["shifts"]),
        tuple(_interaction(one, told["frames"]) for one in told["interactions"]),
        tuple(
            Resource(
                one["url"], one["kind"], one["start"] / 1000, one["end"] / 1000, one["travelled"], one["size"], one["blocking"]
            )
            for one in told["resources"]
        ),
        problems,
    )  # fmt: skip


def _seconds(value: float | None) -> float | None:
    return None if value is None else value / 1000


def _interaction(one: Mapping[str, Any], frames: Sequence[Mapping[str, Any]]) -> Interaction:
    around = [frame for frame in frames if frame["time"] < one["time"] + one["duration"] and frame["time"] + frame["duration"] > one["time"]]
    scripts = [script for frame in around for script in frame["scripts"]]
    worst = max(scripts, key=lambda script: script["duration"], default=None)
    named = f"{worst['url']}:{worst['name'] or worst['invoker']}" if worst else ""
    return Interaction(one["target"], one["name"], one["duration"] / 1000, one["delay"] / 1000, one["work"] / 1000, named)


def main() -> None:
    """Visit what the standard input asks for, in a process of its own: JSON in, JSON out."""
    from dataclasses import asdict  # noqa: PLC0415

    asked = json.load(sys.stdin)
    with browser(asked["browser"]) as one:
        visits = [
            asdict(visit(one, urljoin(asked["url"], page), Network(**asked["network"]))) for _ in range(asked["times"]) for page in asked["pages"]
        ]
    json.dump(visits, sys.stdout)


if __name__ == "__main__":
    main()
