"""Page clues: what is planted in a page is found with its file, however it is planted; what only looks like it is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from bmad_provisioner.engine.task import Turn
from bmad_provisioner.kinds.performance.clues import Clue
from bmad_provisioner.kinds.performance.order import SERVICE, Target
from bmad_provisioner.kinds.performance.page_clues import located, page_clues
from bmad_provisioner.kinds.performance.pages import Inside, Interaction, Picture, Place, Resource, Script, Shift, Visit
from bmad_provisioner.kinds.performance.scripts import hottest, innermost, unread, unused, words
from bmad_provisioner.kinds.performance.visits import visits
from kinds.performance.site import Answer, functions, noise, page, served

Site = Mapping[str, Answer]
ACCUSED = 0.25
"""The share from which a clue on a clean page is an accusation."""
_HOST = "http://shop"
_DOCUMENT = Resource(f"{_HOST}/", "document", 0.0, 0.02, 3000, 6000, blocking=True, media="text/html", encoding="gzip")


def _clues(site: Site, times: int = 1, where: Sequence[str] = ()) -> list[Clue]:
    with served(site) as url:
        seen = visits(Target("web", SERVICE, pages=("/",)), url, times, Turn())
    return sorted(page_clues(seen, lambda path: located(path, where)), key=lambda one: -one.share)


# What a browser told, as values: every threshold has two sides.


def _visit(
    *resources: Resource, inside: Inside | None = None, shifts: Sequence[Shift] = (), touched: Sequence[Interaction] = ()
) -> Visit:
    return Visit(
        f"{_HOST}/",
        200,
        0.01,
        1.0,
        1.0,
        shifts=tuple(shifts),
        interactions=tuple(touched),
        resources=(_DOCUMENT, *resources),
        inside=inside,
    )


def _script(travelled: int, size: int, encoding: str = "gzip") -> Resource:
    return Resource(f"{_HOST}/app.js", "script", 0.02, 0.05, travelled, size, media="text/javascript", encoding=encoding)


_APP = f"{_HOST}/app.js"
_IMAGE = Resource(f"{_HOST}/hero.png", "image", 0.02, 0.1, 400_000, 400_000, media="image/png")
_STYLE = Resource(f"{_HOST}/site.css", "stylesheet", 0.02, 0.7, 2000, 4000, blocking=True, media="text/css", encoding="gzip")
_SLOW = Interaction("button#go", "click", 0.4, 0.01, 0.35, _APP, "sortAll", 0.36)


@pytest.mark.parametrize(
    ("visits_", "kind", "place", "share"),
    [
        ([_visit(_script(97_000, 300_000), inside=Inside((Script(_APP, 300_000, 270_000),)))], "oversized-bundle", "app.js:1", 0.87),
        ([_visit(_script(97_000, 300_000), inside=Inside((Script(_APP, 300_000, 0, 240_000),)))], "oversized-bundle", "app.js:1", 0.78),
        ([_visit(_script(97_000, 300_000), inside=Inside((Script(_APP, 300_000, 30_000),)))], "", "", 0.0),
        ([_visit(_script(20_000, 60_000), inside=Inside((Script(_APP, 60_000, 60_000),)))], "", "", 0.0),
        ([_visit(_script(87_000, 87_000), inside=Inside((Script(_APP, 87_000, 52_000),)))], "", "", 0.0),
        ([_visit(_script(30_000, 900_000), inside=Inside((Script(_APP, 900_000, 0, 0, 880_000),)))], "oversized-bundle", "app.js:1", 0.89),
        ([_visit(_script(2_000_000, 6_000_000), inside=Inside((Script(_APP, 6_000_000, 0),)))], "oversized-bundle", "app.js:1", 0.5),
        ([_visit(shifts=[Shift(1.0, 0.2, ("p",), "inserted", "div#ad")])], "layout-shift", "index.html:1", 1.0),
        ([_visit(shifts=[Shift(1.0, 0.05, ("p",), "loaded", "main > img")])], "layout-shift", "index.html:1", 0.5),
        ([_visit(shifts=[Shift(1.0, 0.01, ("p",), "font", "")])], "", "", 0.0),
        ([_visit(), _visit(), _visit(shifts=[Shift(1.0, 0.2, ("p",))])], "layout-shift", "index.html:1", 1.0),
        ([_visit(touched=[_SLOW])], "slow-interaction", "app.js:1", 0.97),
        ([_visit(touched=[replace(_SLOW, duration=0.19)])], "", "", 0.0),
        ([_visit(touched=[_SLOW]), _visit(touched=[replace(_SLOW, duration=0.1)]), _visit()], "", "", 0.0),
        ([_visit(_STYLE)], "render-blocking", "site.css:1", 0.68),
        ([_visit(replace(_STYLE, end=0.1))], "", "", 0.0),
        ([_visit(replace(_STYLE, blocking=False))], "", "", 0.0),
        ([_visit(_script(60_000, 59_000, ""), inside=Inside(packed={_APP: 10_000}))], "no-compression", "app.js:1", 0.79),
        ([_visit(_script(60_000, 59_000, "gzip"), inside=Inside(packed={_APP: 10_000}))], "", "", 0.0),
        ([_visit(_script(60_000, 59_000, ""), inside=Inside(packed={_APP: 55_000}))], "", "", 0.0),
        ([_visit(_IMAGE, inside=Inside(again={_IMAGE.url: 400_000}))], "no-caching", "hero.png:1", 0.25),
        ([_visit(_IMAGE, inside=Inside(again={_IMAGE.url: 300}))], "", "", 0.0),
        ([_visit(_IMAGE, inside=Inside(pictures=(Picture(_IMAGE.url, "img", (2000, 1000), (400, 200)),)))], "large-image", "hero.png:1", 0.83),
        ([_visit(_IMAGE, inside=Inside(pictures=(Picture(_IMAGE.url, "img", (800, 400), (400, 200)),)))], "", "", 0.0),
    ],
)  # fmt: skip
def test_a_clue_is_given_where_it_weighs_something(visits_: Sequence[Visit], kind: str, place: str, share: float) -> None:
    found = list(page_clues(visits_, lambda path: path.strip("/") or "index.html"))
    assert [one.kind for one in found] == ([kind] if kind else [])
    for one in found:
        assert one.line is not None
        assert f"{one.line.path}:{one.line.number}" == place
        assert one.share == pytest.approx(share, abs=0.01)
        assert one.request == "page /"
        assert one.evidence and one.remedy


def test_a_slow_interaction_is_where_the_profile_says_it_spends_most() -> None:
    inside = Inside(hot={"button#go": (Place(_APP, 42, "compare"), 0.8)})
    (one,) = page_clues([_visit(touched=[_SLOW], inside=inside)])
    assert str(one.line) == "/app.js:42 (compare)"
    assert "compare in /app.js, for sortAll" in one.evidence


def test_each_change_that_moves_a_page_has_its_part_of_the_shifts() -> None:
    shifts = [Shift(1.0, 0.15, ("p",), "inserted", "div#ad"), Shift(1.2, 0.05, ("p",), "loaded", "img.hero")]
    made = {"div#ad": Place(_APP, 7, "showAd")}
    found = list(page_clues([_visit(shifts=shifts, inside=Inside(made=made, lines={"img.hero": 12}))]))
    assert [(str(one.line), round(one.share, 2)) for one in found] == [("/app.js:7 (showAd)", 0.75), ("/:12 (img.hero)", 0.25)]


@pytest.mark.parametrize(
    ("url", "file"),
    [
        ("/static/app.js", "web/static/app.js"),
        ("/assets/app.js", "web/static/app.js"),
        ("/", "web/index.html"),
        ("/cart", "templates/cart.html"),
        ("/about/", "web/about/index.html"),
        ("/other.js", "/other.js"),
        ("/p.js", "/p.js"),
    ],
)
def test_the_file_of_a_project_is_the_one_with_the_same_end(url: str, file: str) -> None:
    paths = [
        "web/static/app.js",
        "web/static/old/deep/app.js",
        "web/index.html",
        "templates/cart.html",
        "web/about/index.html",
        "app.py",
    ]
    assert located(url, paths) == file


@pytest.mark.parametrize(
    ("ranges", "told"),
    [
        ([], (0, 0)),
        ([(0, 100, 1)], (100, 0)),
        ([(0, 100, 1), (10, 40, 0)], (100, 30)),
        ([(0, 100, 1), (10, 40, 0), (40, 60, 0)], (100, 50)),
        ([(0, 100, 1), (10, 60, 0), (20, 30, 1)], (100, 40)),
        ([(0, 100, 1), (10, 60, 1), (20, 30, 0), (25, 28, 0)], (100, 10)),
        ([(0, 100, 0)], (100, 100)),
    ],
)
def test_what_never_ran_is_counted_once_however_it_nests(ranges: list[tuple[int, int, int]], told: tuple[int, int]) -> None:
    assert unused([{"ranges": [{"startOffset": start, "endOffset": end, "count": count}]} for start, end, count in ranges]) == told


@pytest.mark.parametrize(
    ("text", "idle"),
    [
        (f"const PAD = '{'x' * 3000}';", 3002),
        (f"window.words = [{'1, ' * 1000}];", 3002),
        (f"const used = '{'x' * 3000}'; show(used)", 0),
        ("const small = 'abc';", 0),
        (f"const odd = {{a: \"}}\", b: '{'y' * 2000}', c: [1, 2]}}; go();", 2026),
        (f"const open = [{'1, ' * 1000}", 3001),
    ],
)
def test_data_that_nobody_names_again_is_not_read(text: str, idle: int) -> None:
    assert unread(text, words([text])) == idle


def test_what_a_function_has_the_browser_do_counts_as_its_own() -> None:
    def node(number: int, name: str, url: str, hits: int, *children: int) -> dict[str, object]:
        frame = {"functionName": name, "url": url, "lineNumber": number}
        return {"id": number, "callFrame": frame, "hitCount": hits, "children": list(children)}

    nodes = [node(1, "(root)", "", 50, 2), node(2, "go", _APP, 1, 3, 4), node(3, "parse", "", 6), node(4, "small", _APP, 3)]
    assert hottest({"nodes": nodes}) == (Place(_APP, 3, "go"), 0.7)
    assert hottest({"nodes": nodes[:1]}) is None


def test_what_a_library_does_counts_for_whoever_called_it() -> None:
    frames = [
        {"functionName": name, "url": f"{_HOST}{path}", "lineNumber": 4}
        for name, path in (("each", "/vendor/jquery.min.js"), ("fill", "/app.js"))
    ]
    assert innermost(frames) == Place(_APP, 5, "fill")
    assert innermost(frames[:1]) == Place(f"{_HOST}/vendor/jquery.min.js", 5, "each")
    assert innermost([{"functionName": "evaluate", "url": "", "lineNumber": 0}]) is None


# What a real browser tells of real pages.

_BUSY = "function churn(ms) { const end = performance.now() + ms; let sum = 0; while (performance.now() < end) sum += Math.sqrt(sum + 1); }\n"
_BANNER = "const bar = document.createElement('div'); bar.id = 'news'; bar.style.height = '300px'; document.body.prepend(bar);"
_HERO = Answer(noise(500, 250), packed=False, delay=0.4)
_DEFERRED = "<script src=/app.js defer></script>"

CLEAN: Mapping[str, Site] = {
    "small script": {"/": page(head=_DEFERRED), "/app.js": Answer("document.title += '!';", packed=False, headers={})},
    "large script that runs": {"/": page(head=_DEFERRED), "/app.js": Answer(functions(3000, called=True))},
    "image with its size": {"/": page("<img src=/hero.png width=500 height=250 alt=x>"), "/hero.png": _HERO},
    "image with an aspect ratio": {"/": page("<img src=/hero.png style='width:500px;aspect-ratio:2' alt=x>"), "/hero.png": _HERO},
    "animated by transform": {
        "/": page(head="<style>@keyframes go { to { transform: translateY(200px) } } h1 { animation: go .5s infinite alternate }</style>")
    },
    "shift after a click": {"/": page("<button id=b>More</button><div id=more></div>", "b.onclick = () => { more.style.height = '300px'; }")},
    "work in parts": {
        "/": page("<button id=b>Sort</button>", _BUSY + "b.onclick = () => { for (let n = 0; n < 6; n++) setTimeout(() => churn(40), n * 60); }")
    },
    "late, below all else": {"/": page(script="setTimeout(() => document.body.append(document.createElement('footer')), 600)")},
}  # fmt: skip

PLANTED: Mapping[str, tuple[str, str, Site]] = {
    "functions that never run": ("oversized-bundle", "/app.js", {"/": page(head=_DEFERRED), "/app.js": Answer(functions(9000, called=False))}),
    "data that nobody reads": (
        "oversized-bundle", "/app.js",
        {"/": page(head=_DEFERRED), "/app.js": Answer(f"const LOCALES = '{noise(300, 200).hex()}';\ndocument.title += '!'")},
    ),
    "a bundle in the page": ("oversized-bundle", "/", {"/": page(script=functions(9000, called=False))}),
    "comments": ("oversized-bundle", "/app.js", {"/": page(head=_DEFERRED), "/app.js": Answer("// padding that nobody reads\n" * 20_000)}),
    "a library for one function": (
        "oversized-bundle", "/lib.mjs",
        {
            "/": page(head="<script type=module>import { f1 } from '/lib.mjs'; f1(1);</script>"),
            "/lib.mjs": Answer(functions(9000, called=False) + "export { f1 };", headers={"Content-Type": "text/javascript"}),
        },
    ),
    "a banner": ("layout-shift", "/", {"/": page(script=f"setTimeout(function show() {{ {_BANNER} }}, 600)")}),
    "a banner by a file": ("layout-shift", "/app.js", {"/": page(head=_DEFERRED), "/app.js": Answer(f"setTimeout(() => {{ {_BANNER} }}, 600)")}),
    "an image without a size": ("layout-shift", "/", {"/": page("<img src=/hero.png alt=x>"), "/hero.png": _HERO}),
    "an answer that comes late": (
        "layout-shift", "/",
        {
            "/": page("<ul id=list></ul>", "fetch('/rows.json').then((a) => a.json()).then((rows) => rows.forEach((row) => {\n"
                      "  const one = document.createElement('li'); one.textContent = row; one.style.padding = '20px'; list.append(one); }))"),
            "/rows.json": Answer("[1, 2, 3, 4, 5, 6]", delay=0.5),
        },
    ),
    "a class that makes room": (
        "layout-shift", "/",
        {"/": page("<div id=bar>Cookies</div>", "setTimeout(() => bar.classList.add('open'), 600)",
                   "<style>#bar { height: 0; overflow: hidden } #bar.open { height: 300px }</style>")},
    ),
    "animated by margin": (
        "layout-shift", "/", {"/": page(head="<style>@keyframes go { to { margin-top: 300px } } h1 { animation: go .5s .4s forwards }</style>")},
    ),
    "a style sheet that comes late": (
        "layout-shift", "/late.css",
        {
            "/": page(script="const one = document.createElement('link'); one.rel = 'stylesheet'; one.href = '/late.css';"
                      "setTimeout(() => document.head.append(one), 400)"),
            "/late.css": Answer("h1 { padding: 200px }"),
        },
    ),
    "a slow click": ("slow-interaction", "/", {"/": page("<button id=b>Sort</button>", _BUSY + "b.onclick = () => churn(300)")}),
    "slow typing": (
        "slow-interaction", "/app.js",
        {"/": page("<input id=q>", head=_DEFERRED), "/app.js": Answer(_BUSY + "q.addEventListener('input', function filter() { churn(280); })")},
    ),
    "a slow click that is delegated": (
        "slow-interaction", "/",
        {"/": page("<ul id=list><li>one<li>two</ul>", _BUSY + "list.addEventListener('click', () => churn(300))")},
    ),
    "a table made at once": (
        "slow-interaction", "/",
        {"/": page("<div id=b>All</div><table id=t></table>",
                   "b.addEventListener('click', () => { t.innerHTML = [...Array(30000).keys()].map((n) => `<tr><td>${n}`).join(''); })")},
    ),
    "layout again and again": (
        "slow-interaction", "/",
        {"/": page("<button id=b>Fit</button>" + "<p class=r>row</p>" * 900,
                   "b.onclick = function fit() { for (const one of document.querySelectorAll('.r')) one.style.width = `${one.parentNode.offsetWidth - 1}px`; }")},
    ),
    "a script that travels as it is": (
        "no-compression", "/app.js", {"/": page(head=_DEFERRED), "/app.js": Answer(functions(900, called=True), packed=False)},
    ),
    "styles that travel as they are": (
        "no-compression", "/site.css",
        {"/": page(head="<link rel=stylesheet href=/site.css>"), "/site.css": Answer("".join(f".c{n} {{ margin: {n}px }}\n" for n in range(3000)), packed=False)},
    ),
    "data that travel as they are": (
        "no-compression", "/rows.json",
        {"/": page(script="fetch('/rows.json')"), "/rows.json": Answer(str([f"row {n}" for n in range(5000)]).replace("'", '"'), packed=False)},
    ),
    "a style sheet that takes long": (
        "render-blocking", "/site.css", {"/": page(head="<link rel=stylesheet href=/site.css>"), "/site.css": Answer("h1 { color: red }", delay=0.6)},
    ),
    "a script that takes long": (
        "render-blocking", "/app.js", {"/": page(head="<script src=/app.js></script>"), "/app.js": Answer("x = 1", delay=0.6)},
    ),
    "an image for a thumbnail": (
        "large-image", "/hero.png", {"/": page("<img src=/hero.png width=60 height=30 alt=x>"), "/hero.png": _HERO},
    ),
}  # fmt: skip


def test_three_plants_in_one_page_are_the_first_three_clues_and_each_has_its_file() -> None:
    slow = "\n".join(("function churn() {", "  const end = performance.now() + 320;", "  while (performance.now() < end) {}", "}"))
    app = f"{slow}\nfunction show() {{\n  {_BANNER}\n}}\nsetTimeout(show, 600);\nbuy.addEventListener('click', churn);\n"
    site = {
        "/": page(
            "<div id=buy>Buy</div>", head="<script src=/static/vendor.js defer></script><script src=/static/app.js defer></script>"
        ),
        "/static/app.js": Answer(app),
        "/static/vendor.js": Answer(functions(9000, called=False)),
    }
    found = _clues(site, where=("web/index.html", "web/static/app.js", "web/static/vendor.js"))[:3]
    assert {(one.kind, str(one.line)) for one in found} == {
        ("oversized-bundle", "web/static/vendor.js:1 ()"),
        ("layout-shift", "web/static/app.js:6 (show)"),
        ("slow-interaction", "web/static/app.js:1 (churn)"),
    }
    assert all(one.share > 0.8 for one in found)


def test_a_page_of_decoys_is_accused_of_nothing() -> None:
    body = "<img src=/hero.png width=500 height=250 alt=x><button id=b>More</button><div id=more></div>"
    style = "<style>@keyframes go { to { transform: translateY(200px) } } h1 { animation: go .5s infinite alternate }</style>"
    site = {
        "/": page(body, "b.onclick = () => { more.style.height = '300px'; }", style + _DEFERRED),
        "/app.js": Answer(functions(3000, called=True)),
        "/hero.png": _HERO,
    }
    assert [one for one in _clues(site) if one.share > ACCUSED] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", CLEAN)
def test_a_clean_page_is_accused_of_nothing(name: str) -> None:
    assert [one for one in _clues(CLEAN[name], 2) if one.share > ACCUSED] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", PLANTED)
def test_what_is_planted_is_the_first_clue_however_it_is_planted(name: str) -> None:
    kind, path, site = PLANTED[name]
    first = _clues(site, 2)[0]
    assert first.line is not None
    assert (first.kind, first.line.path) == (kind, path)
    assert first.share > ACCUSED
