"""Browsing: load a page in a real Chromium, stay as a visitor does, touch what can be touched, and hear what the page tells."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib import resources
from typing import TYPE_CHECKING, Any

from bmad_provisioner.kinds.performance.pages import PLAIN, Interaction, Network, Resource, Shift, Visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser, CDPSession, ElementHandle, Page, Request, Response

# playwright is an extra: whoever visits pages has it, and nobody else pays for loading it.
# ruff: noqa: PLC0415

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
"""Commands under which a Chromium may be found; `BMADP_CHROMIUM` names another."""
INSTALL = "install one (Debian: apt-get install chromium), or name one in BMADP_CHROMIUM; without it pages are left out"
STAY = 2.0
"""Seconds that a visitor looks before touching anything: a shift within half a second of a click counts as asked for."""
LINGER = 1.2
"""Seconds that a visitor looks after the last touch: what it brought late was not asked for at that moment any more."""
_PATIENCE = 30_000
"""Milliseconds until a page has to be loaded."""
_QUIET = 5_000
"""Milliseconds until a page has to be through with its requests, or is taken as it is."""
_MOST_TOUCHES = 8
_TYPED = "input:not([type]), [type=text], [type=search], [type=email], [type=number], [type=url], [type=tel], textarea"
_PAINTED = "() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 80)))"
"""What is pressed is told of after it was painted."""


class Refused(Exception):  # noqa: N818 - it is not the program that errs
    """What a browser or a page refuses, and what can be done about it."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


def found() -> str | None:
    """Return the command of a Chromium on this machine."""
    named = os.environ.get("BMADP_CHROMIUM")
    return shutil.which(named) if named else next((path for name in BROWSERS if (path := shutil.which(name))), None)


@contextmanager
def browser(executable: str) -> Iterator[Browser]:
    """Give a Chromium, and end it with all its processes; raises Refused where it does not start."""
    from playwright.sync_api import Error, sync_playwright

    sandbox = [] if os.geteuid() else ["--no-sandbox"]
    with sync_playwright() as playwright:
        try:
            one = playwright.chromium.launch(executable_path=executable, args=[*sandbox, "--disable-dev-shm-usage"])
        except Error as error:
            said = error.message.splitlines()
            raise Refused(
                f"`{executable}` does not start: {next((line for line in said if 'FATAL' in line), said[0])}", INSTALL
            ) from error
        try:
            yield one
        finally:
            one.close()


@dataclass(slots=True)
class Load:
    """A page in a fresh profile, what it was answered, and what it told last."""

    page: Page
    session: CDPSession
    answers: dict[str, Response] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    told: Mapping[str, Any] = field(default_factory=dict)
    status: int = 0

    def open(self, url: str) -> None:
        """Load a page and look at it for a while; raises Refused."""
        from playwright.sync_api import Error

        try:
            answer = self.page.goto(url, wait_until="load", timeout=_PATIENCE)
        except Error as error:
            raise Refused(f"`{url}` cannot be loaded: {_reason(error.message)}", "does the service answer there?") from error
        self.status = answer.status if answer else 0
        if self.status >= 400:
            raise Refused(f"`{url}` answers {self.status}", "a page in `pages` has to be one that a visitor sees")
        began = time.monotonic()
        with suppress(Error):
            self.page.wait_for_load_state("networkidle", timeout=_QUIET)
        self.page.wait_for_timeout(max(0.1, STAY - (time.monotonic() - began)) * 1000)
        self.hear()

    def hear(self) -> bool:
        """Hear what the page tells now; False where it was left for another."""
        from playwright.sync_api import Error

        with suppress(Error):
            told = self.page.evaluate("window.__bmadp.tell()")
            if told["origin"] == self.told.get("origin", told["origin"]):
                self.told = told
                return True
        return False


def _reason(message: str) -> str:
    return message.splitlines()[0].removeprefix("Page.goto: ").partition(" at http")[0]


@contextmanager
def loading(one: Browser, network: Network = PLAIN) -> Iterator[Load]:
    """Give an empty page in a fresh profile, behind a network."""
    context = one.new_context(viewport={"width": 412, "height": 823} if network.slower > 1 else {"width": 1350, "height": 940})
    try:
        context.add_init_script(resources.files(__package__).joinpath("vitals.js").read_text("utf-8"))
        page = context.new_page()
        load = Load(page, context.new_cdp_session(page))
        page.on("response", lambda answer: load.answers.update({answer.url.partition("#")[0]: answer}))
        page.on("pageerror", lambda error: load.problems.append((str(error).splitlines() or [""])[0][:200]))
        page.on("requestfailed", lambda request: load.problems.extend(_failed(request)))
        _slow_down(load.session, network)
        yield load
    finally:
        context.close()


def _failed(request: Request) -> Iterator[str]:
    if request.failure != "net::ERR_ABORTED" and not request.is_navigation_request():  # the page gave up, or was left
        yield f"{request.url}: {request.failure}"[:200]


def visit(one: Browser, url: str, network: Network = PLAIN) -> Visit:
    """Load a page in a fresh profile, touch what can be touched, and return what was seen; raises Refused."""
    with loading(one, network) as load:
        load.open(url)
        touch(load, load.hear)
        return _visit(url, load)


def _slow_down(session: CDPSession, network: Network) -> None:
    if network.latency or network.bandwidth > 0:
        rates = {"downloadThroughput": network.bandwidth, "uploadThroughput": network.bandwidth}
        session.send("Network.enable")
        session.send("Network.emulateNetworkConditions", {"offline": False, "latency": network.latency * 1000, **rates})
    if network.slower > 1:
        session.send("Emulation.setCPUThrottlingRate", {"rate": network.slower})


def touch(load: Load, after: Callable[[], bool]) -> None:
    """Scroll, press a key, and use what says or is known to listen; `after` each, until that says that the page was left."""
    from playwright.sync_api import Error

    _scroll(load.page)
    listening = _touchable(load)
    deeds: list[Callable[[], None]] = [lambda: load.page.keyboard.press("Tab")]
    deeds += [lambda one=one: _use(load.page, one) for one in listening]  # type: ignore[misc]
    for deed in deeds:
        with suppress(Error):  # hidden, moved or gone: nobody could have touched it
            deed()
            load.page.wait_for_timeout(100)
            load.page.evaluate(_PAINTED)
        if not after():
            return
    if listening:
        load.page.wait_for_timeout(LINGER * 1000)
        after()


def _scroll(page: Page) -> None:
    """Look at the page to its end, five screens of it at most."""
    tall, screen = page.evaluate("[document.documentElement.scrollHeight, innerHeight]")
    for _ in range(min(5, -(-tall // screen) - 1)):
        page.mouse.wheel(0, screen)
        page.wait_for_timeout(150)


def _touchable(load: Load) -> Sequence[ElementHandle]:
    """Return what can be touched: what looks so, and what listens to clicks, which only the browser knows."""
    whole = load.session.send("Runtime.evaluate", {"expression": "document"})["result"]["objectId"]
    heard = load.session.send("DOMDebugger.getEventListeners", {"objectId": whole, "depth": -1})["listeners"]
    nodes = {
        one["backendNodeId"] for one in heard if one["type"] in ("click", "pointerdown", "mousedown") and "backendNodeId" in one
    }
    for node in sorted(nodes)[:100]:
        known = load.session.send("DOM.resolveNode", {"backendNodeId": node})["object"]["objectId"]
        call = "function () { if (this.nodeType === 1 && this !== document.body) window.__bmadp.heard.push(this); }"
        load.session.send("Runtime.callFunctionOn", {"objectId": known, "functionDeclaration": call})
    handles = load.page.evaluate_handle("window.__bmadp.touchable()").get_properties().values()
    return [element for one in handles if (element := one.as_element()) is not None][:_MOST_TOUCHES]


def _use(page: Page, element: ElementHandle) -> None:
    if element.evaluate("(one) => one.tagName === 'SELECT'"):
        element.focus()
        page.keyboard.press("ArrowDown")
        return
    element.click(timeout=1000, no_wait_after=True)
    if element.evaluate("(one, typed) => one.matches(typed)", _TYPED):
        page.keyboard.type("1a", delay=60)


def _visit(url: str, load: Load) -> Visit:
    told = load.told
    lcp = told["lcp"] or {}
    return Visit(
        url,
        load.status,
        _seconds(told["ttfb"]),
        _seconds(told["fcp"]),
        _seconds(lcp.get("time")),
        str(lcp.get("element") or ""),
        str(lcp.get("url") or ""),
        tuple(Shift(one["time"] / 1000, one["value"], tuple(one["moved"]), one["how"], one["element"]) for one in told["shifts"]),
        tuple(_interaction(one, told["frames"]) for one in told["interactions"]),
        files(load),
        tuple(load.problems),
    )


def files(load: Load) -> tuple[Resource, ...]:
    """Return the files that a page loaded, the document first."""
    told = load.told
    return tuple(_resource(one, load) for one in ({"kind": "document", "blocking": True, **told["document"]}, *told["resources"]))


def _resource(one: Mapping[str, Any], load: Load) -> Resource:
    url = one["url"].partition("#")[0]
    answer = load.answers.get(url)
    headers = answer.headers if answer else {}
    kind = answer.request.resource_type if answer else one["kind"]
    travelled, size = one["travelled"], one["size"]
    if answer and not size:  # another origin's, of which the page is told no sizes
        travelled, size = _sizes(answer)
    media = headers.get("content-type", "").partition(";")[0]
    caching = headers.get("cache-control", "")
    encoding = headers.get("content-encoding", "")
    return Resource(url, kind, one["start"] / 1000, one["end"] / 1000, travelled, size, one["blocking"], media, encoding, caching)


def _sizes(answer: Response) -> tuple[int, int]:
    from playwright.sync_api import Error

    with suppress(Error):
        sent = answer.request.sizes()
        return sent["responseHeadersSize"] + sent["responseBodySize"], len(answer.body())
    return 0, 0


def _seconds(value: float | None) -> float | None:
    return None if value is None else value / 1000


def _interaction(one: Mapping[str, Any], frames: Sequence[Mapping[str, Any]]) -> Interaction:
    """Return an interaction with the script that ran longest in the long frames it overlaps."""
    end = one["time"] + one["duration"]
    around = [frame for frame in frames if frame["time"] < end and frame["time"] + frame["duration"] > one["time"]]
    scripts = [script for frame in around for script in frame["scripts"]]
    idle: Mapping[str, Any] = {"url": "", "name": "", "duration": 0.0}
    worst = max(scripts, key=lambda script: float(script["duration"]), default=idle)
    times = (one["duration"] / 1000, one["delay"] / 1000, one["work"] / 1000)
    return Interaction(one["target"], one["name"], *times, worst["url"], worst["name"], worst["duration"] / 1000)
