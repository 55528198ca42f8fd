"""Page clues: what is behind the wait, the jumps and the bytes of a page, each with its file, its share and its evidence.

A clue weighs something by itself, or is none: a page of a few kilobytes has a largest script too.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from urllib.parse import unquote, urljoin, urlsplit

from bmad_provisioner.kinds.performance.clue import BYTES, PAGE, Clue
from bmad_provisioner.kinds.performance.pages import Inside, Interaction, Picture, Place, Resource, Script, Shift, Visit
from bmad_provisioner.kinds.performance.quantities import told_seconds, told_size
from bmad_provisioner.kinds.performance.testimony import Line

GOOD_CLS, GOOD_INP = 0.1, 0.2
"""What web.dev calls good: the score of shifts, and seconds until an interaction shows."""
FELT = 0.02
"""A score of shifts that nobody minds."""
LARGE = 1_000_000
"""Bytes of one script that are too many whatever of it runs."""
WASTED, IDLE = 60_000, 150_000
"""Bytes of a script that travel in vain, or characters that are read in vain, until somebody should mind."""
_SAVED, _SPARED, _AGAIN = 20_000, 50_000, 50_000
"""Bytes that packing, smaller images and caching have to save to be worth a word."""
_MOSTLY = 0.4
_LATE, _LATE_PART = 0.15, 0.2
"""Seconds that a file keeps the first paint, and their part of it, until it is blamed."""
RETURNING = 0.25
"""The part of loads by somebody who has been here: a belief, as no load of ours can tell."""
_SHARP = 2
"""Pixels of a screen behind each pixel of a page, on the screens that have many."""
_HASHED = re.compile(r"[.-](?=[0-9a-z]*\d)[0-9a-z]{8,}\.", re.IGNORECASE)
_LINKED = re.compile(r"link\[href=\"(.*)\"\]")
_HOW = {
    "inserted": "is put in late",
    "loaded": "has no room kept for it until it is loaded",
    "changed": "changes its size late",
    "removed": "is taken away late",
    "styled": "comes late, so that the page is laid out twice",
    "animated": "is animated by what moves its neighbours",
    "font": "a font comes late and runs wider",
}
_REMEDY = {
    "loaded": "say its `width` and `height`, or its `aspect-ratio`",
    "animated": "animate `transform` and `opacity`, which move nothing else",
    "font": "`font-display: optional`, or a fallback of the same width (`size-adjust`)",
    "styled": "load the style sheet in the head, before what it styles",
}
_KEEP_ROOM = "keep its room from the start (`min-height`), or put it where it moves nothing"


@dataclass(frozen=True, slots=True)
class _Page:
    """All visits of one page, and where its files are in the project."""

    visits: Sequence[Visit]
    inside: Inside
    where: Callable[[str], str]

    @property
    def request(self) -> str:
        return f"page {urlsplit(self.visits[0].url).path or '/'}"

    @property
    def document(self) -> str:
        return self.visits[0].url

    @property
    def bytes(self) -> float:
        return max(median(one.travelled for one in self.visits), 1.0)

    def line(self, url: str, number: int = 1, function: str = "") -> Line:
        parts, own = urlsplit(url), urlsplit(self.document)
        path = self.where(unquote(parts.path) or "/") if parts.netloc in ("", own.netloc) else url
        return Line(path, max(number, 1), function)

    def at(self, place: Place) -> Line:
        return self.line(place.url, place.line, place.function)

    def element(self, name: str) -> Line:
        """Where an element comes from: its own file, the script that made it, else its line of the document."""
        linked = _LINKED.fullmatch(name)
        if linked:
            return self.line(urljoin(self.document, linked[1]))
        made = self.inside.made.get(name)
        return self.at(made) if made else self.line(self.document, self.inside.lines.get(name, 1), name)


def same(path: str) -> str:
    """Return the path itself: a file of which nobody knows where it is in the project."""
    return path


def page_clues(visits: Sequence[Visit], where: Callable[[str], str] = same) -> Iterator[Clue]:
    """Yield what is behind each page's vitals and bytes; `where` names the project's file behind a URL path."""
    pages: dict[str, list[Visit]] = defaultdict(list)
    for one in visits:
        pages[one.url].append(one)
    for loads in pages.values():
        inside = next((one.inside for one in loads if one.inside), Inside())
        page = _Page(loads, inside, where)
        for each in (_bundles, _shifts, _slow, _blocking, _unpacked, _uncached, _pictures):
            yield from each(page)


def located(url_path: str, paths: Collection[str]) -> str:
    """Return the file of a project behind a URL path: the one with most of its last parts in common, the least deep of those.

    A folder's page is its `index.html`, and a page without a suffix may be a file with one. The URL path itself where
    there is none.
    """
    plain = url_path.strip("/")
    names = [plain] if "." in plain.rpartition("/")[2] else [f"{plain}/index.html".lstrip("/"), f"{plain}.html"]
    found = [(_common(name, path), path) for name in names for path in paths]
    best = min(((-common, path.count("/"), path) for common, path in found if common), default=None)
    return best[2] if best else url_path


def _common(one: str, other: str) -> int:
    count = 0
    for mine, theirs in zip(reversed(one.split("/")), reversed(other.split("/")), strict=False):
        if mine != theirs:
            break
        count += 1
    return count


def _files(page: _Page) -> Iterator[tuple[Resource, float]]:
    """Yield each file with the bytes of it that usually travel."""
    sizes = defaultdict(list)
    last = {}
    for visit in page.visits:
        for one in visit.resources:
            sizes[one.url].append(one.travelled)
            last[one.url] = one
    for url, one in last.items():
        yield one, median(sizes[url])


def _bundles(page: _Page) -> Iterator[Clue]:
    files = {one.url: (one, travelled) for one, travelled in _files(page)}
    for script in page.inside.scripts:
        if script.url not in files or not script.size:
            continue
        file, travelled = files[script.url]
        if file.kind == "document":
            travelled *= min(script.size / max(file.size, 1), 1.0)
        part = script.idle / script.size
        wasted = max(travelled * part, travelled - LARGE)
        if travelled < LARGE and (part < _MOSTLY or (wasted < WASTED and script.idle < IDLE)):
            continue
        yield _bundle(page, script, travelled, wasted)


def _bundle(page: _Page, script: Script, travelled: float, wasted: float) -> Clue:
    parts = [f"{script.unused / script.size:.0%} of its code never ran"] if script.unused else []
    parts += [f"{script.unread / script.size:.0%} is data that nothing names"] if script.unread else []
    evidence = (
        f"{told_size(travelled)} of script travel, {' and '.join(parts) or 'all of it used'}, also when everything was clicked on"
    )
    remedy = "split it, and load each part when it is needed (`import()`); leave out what nothing imports"
    return Clue("oversized-bundle", page.request, page.line(script.url), min(wasted / page.bytes, 1.0), 0, BYTES, evidence, remedy)


def _shifts(page: _Page) -> Iterator[Clue]:
    """Yield what moves the page, by what makes it move: paints fall differently each time, so the worst load counts."""
    worst = max(page.visits, key=lambda one: one.cls)
    total = sum(one.value for one in worst.shifts)
    if worst.cls < FELT or not total:
        return
    seen = sum(one.cls >= FELT for one in page.visits)
    groups: dict[tuple[str, str], list[Shift]] = defaultdict(list)
    for shift in worst.shifts:
        groups[shift.how, shift.element].append(shift)
    for (how, element), shifts in groups.items():
        score = sum(one.value for one in shifts)
        moved = tuple(dict.fromkeys(name for one in shifts for name in one.moved))
        part = score / total * min(worst.cls / GOOD_CLS, 1.0)
        name = f"`{element}` {_HOW[how]}" if element else _HOW.get(how, "something changes its size late")
        evidence = f"{name} and moves {_listed(moved)}: a score of {score:.2f} {told_seconds(shifts[0].time)} after the start"
        evidence += f", in {seen} of {len(page.visits)} loads"
        line = page.element(element or next(iter(moved), ""))
        yield Clue("layout-shift", page.request, line, part, 0, PAGE, evidence, _REMEDY.get(how, _KEEP_ROOM))


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(f"`{one}`" for one in names[:2]) or "what is below it"
    return shown + (f" and {len(names) - 2} more" if len(names) > 2 else "")


def _slow(page: _Page) -> Iterator[Clue]:
    """Yield the interactions that usually take longer than is good, by what was touched."""
    groups: dict[str, list[Interaction]] = defaultdict(list)
    for visit in page.visits:
        slowest: dict[str, Interaction] = {}
        for one in visit.interactions:
            if one.target not in slowest or slowest[one.target].duration < one.duration:
                slowest[one.target] = one
        for target, one in slowest.items():
            groups[target].append(one)
    for target, found in groups.items():
        quick = [0.0] * (len(page.visits) - len(found))  # too quick to be told of
        durations = sorted([*quick, *(one.duration for one in found)])
        usual = median(durations)
        if usual > GOOD_INP and durations[len(durations) // 4] > GOOD_INP / 2:  # else it is the machine that is slow at times
            yield _interaction(page, target, found, usual)


def _interaction(page: _Page, target: str, found: Sequence[Interaction], usual: float) -> Clue:
    typical = min(found, key=lambda one: (abs(one.duration - usual), one.delay))
    ran = max(typical.ran, typical.work)
    place, part = page.inside.hot.get(target, (None, 0.0))
    if place is not None and part >= 0.3:
        line, where = page.at(place), f"{place.function or 'an unnamed function'} in {page.at(place).path}"
        where += f", for {typical.function}" if typical.function not in ("", place.function) else ""
    else:
        line = page.line(typical.script or page.document, 1, typical.function)
        where = f"{typical.function or 'its code'} in {line.path}"
    waits = ", which waits for other code first" if typical.delay > usual / 2 else ""
    evidence = f"a {typical.event} on `{target}`{waits} shows after {told_seconds(usual)}, {told_seconds(ran)} of it in {where}"
    share = min(max(ran, usual - typical.delay) / usual, 1.0)
    remedy = "do less at once: in parts with pauses (`scheduler.yield`), in a worker, or only for what is in sight"
    return Clue("slow-interaction", page.request, line, share, 0, PAGE, evidence, remedy)


def _blocking(page: _Page) -> Iterator[Clue]:
    """Yield the file that the first paint waits for alone: without it, it would have come when the next but one was there."""
    gains: dict[str, list[float]] = defaultdict(list)
    paints = []
    for visit in page.visits:
        needed = sorted((one for one in visit.resources if one.blocking), key=lambda one: one.end)
        paints.append(visit.fcp or 0.0)
        if len(needed) > 1 and visit.fcp and needed[-1].end <= visit.fcp:
            gains[needed[-1].url].append(needed[-1].end - needed[-2].end)
    paint = median(paints)
    for url, each in gains.items():
        gain = min(each)
        if len(each) == len(page.visits) and gain >= _LATE and gain >= _LATE_PART * paint:
            line = page.line(url)
            evidence = f"the first paint, after {told_seconds(paint)}, waits {told_seconds(gain)} for {line.path} alone"
            remedy = "`defer` it or load it at the end; put the few rules that the first screen needs into the page"
            yield Clue("render-blocking", page.request, line, min(gain / paint, 1.0), 0, PAGE, evidence, remedy)


def _unpacked(page: _Page) -> Iterator[Clue]:
    saved = {one.url: travelled - page.inside.packed.get(one.url, travelled) for one, travelled in _files(page) if not one.encoding}
    some = {url: gain for url, gain in saved.items() if gain > 1000}
    total = sum(some.values())
    if total < _SAVED:
        return
    first = max(some, key=lambda url: some[url])
    size = sum(travelled for one, travelled in _files(page) if one.url in some)
    many = f"{len(some)} files, {page.line(first).path} most of all," if len(some) > 1 else page.line(first).path
    evidence = f"{many} travel as they are: {told_size(size)}, packed {told_size(size - total)}"
    share = min(total / page.bytes, 1.0)
    yield Clue(
        "no-compression", page.request, page.line(first), share, 0, BYTES, evidence, "have the server compress text (gzip, brotli)"
    )


def _uncached(page: _Page) -> Iterator[Clue]:
    again = page.inside.again
    total = sum(again.values())
    if total < _AGAIN:
        return
    first = max(again, key=lambda url: again[url])
    file = next((one for one, _ in _files(page) if one.url == first), None)
    said = f"`Cache-Control: {file.caching}`" if file and file.caching else "no `Cache-Control`"
    many = f"{len(again)} files, {page.line(first).path} most of all," if len(again) > 1 else page.line(first).path
    hashed = any(_HASHED.search(url) for url in again)
    evidence = f"{many} travel again at the next visit: {told_size(total)} ({said})"
    long = "`Cache-Control: max-age=31536000, immutable`"
    remedy = f"{long}: their names change with what is in them" if hashed else f"{long} with a hash in their names, else an `ETag`"
    yield Clue("no-caching", page.request, page.line(first), RETURNING * min(total / page.bytes, 1.0), 0, BYTES, evidence, remedy)


def _pictures(page: _Page) -> Iterator[Clue]:
    sizes = {one.url: travelled for one, travelled in _files(page)}
    for one in _largest(page.inside.pictures):
        spare = sizes.get(one.url, 0.0) * (1 - min(_needed(one) / (one.natural[0] * one.natural[1]), 1.0))
        if spare < _SPARED:
            continue
        evidence = f"`{one.element}` has {one.natural[0]} x {one.natural[1]} pixels and is shown in {one.shown[0]} x {one.shown[1]}"
        evidence += f": {told_size(spare)} of its {told_size(sizes[one.url])} show nowhere, even where pixels are small"
        remedy = "send it in the size it is shown in (`srcset`), as WebP or AVIF"
        yield Clue("large-image", page.request, page.line(one.url), min(spare / page.bytes, 1.0), 0, BYTES, evidence, remedy)


def _largest(pictures: Iterable[Picture]) -> Iterable[Picture]:
    """Return each image once, as large as it is shown anywhere."""
    kept: dict[str, Picture] = {}
    for one in sorted(pictures, key=_needed):
        kept[one.url] = one
    return kept.values()


def _needed(one: Picture) -> int:
    return one.shown[0] * one.shown[1] * _SHARP * _SHARP
