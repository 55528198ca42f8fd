"""Inspecting: load a page once more, untimed, with the browser's own instruments in it: coverage, profile, who made what."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bmad_provisioner.kinds.performance.browsing import Load, files, loading, touch
from bmad_provisioner.kinds.performance.pages import Inside, Network, Picture, Place, Resource, Script
from bmad_provisioner.kinds.performance.scripts import hottest, innermost, remarks, unread, unused, words

if TYPE_CHECKING:
    from playwright.sync_api import Browser

TEXT = (
    "text/",
    "application/json",
    "application/javascript",
    "application/x-javascript",
    "application/xml",
    "image/svg",
    "application/manifest",
)
"""Beginnings of media types that packing makes small."""
STATIC = frozenset({"script", "stylesheet", "image", "font"})
"""Kinds of files that are the same for the next visitor too."""
_INLINE = re.compile(r"<script\b[^>]*>(.*?)</script>", re.DOTALL | re.IGNORECASE)
_LEAST = 1400
"""Bytes that travel in one packet anyway."""


def inspect(one: Browser, url: str, network: Network) -> Inside:
    """Load a page with instruments in it and return what they told; raises Refused."""
    with loading(one, network) as load:
        _prepare(load)
        load.open(url)
        hot: dict[str, tuple[Place, float]] = {}
        load.session.send("Profiler.start")
        touch(load, lambda: _heat(load, hot))
        resources = files(load)
        texts = dict(_texts(load, resources))
        document = texts.get(resources[0].url, "")
        return Inside(
            _scripts(load, texts),
            tuple(Picture(p["url"], p["element"], tuple(p["natural"]), tuple(p["shown"])) for p in _ask(load, "pictures()")),
            {one.url: _packed(texts[one.url]) for one in resources if one.url in texts and not one.encoding},
            _again(load, url),
            _made(load, texts),
            hot,
            {name: line for name, mark in _ask(load, "marked()") if (line := _line(document, mark))},
        )


def _prepare(load: Load) -> None:
    for method, how in (
        ("Profiler.enable", {}),
        ("Profiler.setSamplingInterval", {"interval": 500}),
        ("Profiler.startPreciseCoverage", {"callCount": False, "detailed": True}),
        ("DOM.enable", {}),
        ("DOM.setNodeStackTracesEnabled", {"enable": True}),
    ):
        load.session.send(method, how)


def _ask(load: Load, what: str) -> Any:
    from playwright.sync_api import Error  # noqa: PLC0415 - an extra

    with suppress(Error):
        return load.page.evaluate(f"window.__bmadp.{what}")
    return []


def _heat(load: Load, hot: dict[str, tuple[Place, float]]) -> bool:
    """Note where what was touched last spent its time, and begin anew."""
    known = {(one["target"], one["time"]) for one in load.told["interactions"]}
    found = hottest(load.session.send("Profiler.stop")["profile"])
    stays = load.hear()
    for one in load.told["interactions"]:
        if found and (one["target"], one["time"]) not in known:
            hot[one["target"]] = found
    load.session.send("Profiler.start")
    return stays


def _texts(load: Load, resources: Sequence[Resource]) -> Iterator[tuple[str, str]]:
    from playwright.sync_api import Error  # noqa: PLC0415 - an extra

    for one in resources:
        answer = load.answers.get(one.url)
        if answer is not None and (one.media.startswith(TEXT) or one.kind in ("script", "document")):
            with suppress(Error):
                yield one.url, answer.body().decode("utf-8", "replace")


def _scripts(load: Load, texts: Mapping[str, str]) -> tuple[Script, ...]:
    counted = words(texts.values())
    found: dict[str, Script] = {}
    for one in load.session.send("Profiler.takePreciseCoverage")["result"]:
        url = one["url"].partition("#")[0]
        if url not in texts:
            continue
        size, idle = unused(one["functions"])
        before = found.get(url, Script(url, 0, 0))
        found[url] = Script(url, before.size + size, before.unused + idle)
    codes = {url: _code(texts[url], url, load) for url in found}
    return tuple(replace(one, unread=unread(codes[url], counted), remarks=remarks(codes[url])) for url, one in found.items())


def _code(text: str, url: str, load: Load) -> str:
    is_document = url == load.told["document"]["url"].partition("#")[0]
    return "\n".join(_INLINE.findall(text)) if is_document else text


def _packed(text: str) -> int:
    return len(zlib.compress(text.encode(), 6))


def _again(load: Load, url: str) -> dict[str, int]:
    """Come a second time, with all that the first visit left in the cache, and return what travels again."""
    from playwright.sync_api import Error  # noqa: PLC0415 - an extra

    page = load.page.context.new_page()
    again = Load(page, load.session)
    page.on("response", lambda answer: again.answers.update({answer.url.partition("#")[0]: answer}))
    with suppress(Error):
        page.goto(url, wait_until="load")
        page.wait_for_timeout(300)
        again.hear()
    resources = files(again) if again.told else ()
    return {one.url: one.travelled for one in resources if one.kind in STATIC and one.travelled > _LEAST}


def _made(load: Load, texts: Mapping[str, str]) -> dict[str, Place]:
    """Return the line of the script that made each element which was not in the document."""
    from playwright.sync_api import Error  # noqa: PLC0415 - an extra

    send = load.session.send
    found: dict[str, Place] = {}
    with suppress(Error):
        names = load.page.evaluate("[...window.__bmadp.inserted.keys()]")
        send("DOM.getDocument", {"depth": 0})
        listed = send("Runtime.evaluate", {"expression": "[...window.__bmadp.inserted.values()]"})["result"]["objectId"]
        nodes = send("Runtime.getProperties", {"objectId": listed, "ownProperties": True})["result"]
        for name, one in zip(names, nodes, strict=False):
            node = send("DOM.requestNode", {"objectId": one["value"]["objectId"]})["nodeId"]
            trace = send("DOM.getNodeStackTraces", {"nodeId": node}).get("creation") if node else None
            place = innermost(trace["callFrames"] if trace else ())
            said = _said(texts, name)
            if said is not None and (place is None or said.url != place.url):
                place = said  # what made it is a library, and this is who had it made
            if place is not None:
                found[name] = place
    return found


def _said(texts: Mapping[str, str], name: str) -> Place | None:
    """Return the one line that says the id or the first class of an element; `None` where there are none or several."""
    mark = re.search(r"[#.]([\w-]+)(?:\.[\w-]+)*$", name)
    if mark is None:
        return None
    quoted = re.compile(rf"[\"'`]{re.escape(mark[1])}[\"'` ]")
    found = [Place(url, text.count("\n", 0, at.start()) + 1, name) for url, text in texts.items() for at in quoted.finditer(text)]
    return found[0] if len(found) == 1 else None


def _line(document: str, mark: str) -> int:
    """Return the line that says a mark (an id, an address, classes), in quotes or not; 0 where none does."""
    where = re.search(rf"=\s*[\"']?{re.escape(mark)}[\"'\s/>]", document) if mark else None
    return document.count("\n", 0, where.start()) + 1 if where else 0
