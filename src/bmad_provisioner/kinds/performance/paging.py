"""Paging: the pages of a service in a real browser, and what is behind what its visitors wait for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from urllib.parse import urljoin, urlsplit

from bmad_provisioner.engine.task import Inputs, Output, Turn
from bmad_provisioner.kinds.performance import browsing, lighthouse
from bmad_provisioner.kinds.performance.asked import wanted
from bmad_provisioner.kinds.performance.causes import Cause, cause, merged
from bmad_provisioner.kinds.performance.measured import MEASURED, Found, Missing, Paged, Part
from bmad_provisioner.kinds.performance.order import Target
from bmad_provisioner.kinds.performance.packing import packed
from bmad_provisioner.kinds.performance.page_clues import located, page_clues
from bmad_provisioner.kinds.performance.pages import PLAIN, Visit
from bmad_provisioner.kinds.performance.quantities import told_seconds
from bmad_provisioner.kinds.performance.scratch import laid
from bmad_provisioner.kinds.performance.service import running
from bmad_provisioner.kinds.performance.visits import visits

LOADS, QUICK = 5, 1
_AUDITS = 3
_LEFT_OUT = "what visitors of a page wait for (LCP, INP, CLS, TTFB)"


def pages(inputs: Inputs) -> Output:
    """Load the pages of a service; the fact `measured` holds what was seen. Without a browser that is said, and nothing else."""
    asked, target = wanted(inputs)
    missing = tuple(_missing())
    if missing:
        return Output(facts={MEASURED: packed(Part(found=(Found(target.name, (), (), missing),)))}, fleeting=True)
    with laid(inputs) as folder, running(target, folder, inputs.turn) as service:
        seen = visits(target, service.url, QUICK if asked.quick else LOADS, inputs.turn)
        simulated = tuple(_simulated(target, service.url, 1 if asked.quick else _AUDITS, inputs.turn))
    found = Found(target.name, _causes(seen, target.name, list(inputs.files)), tuple(_said(seen)))
    return Output(facts={MEASURED: packed(Part(paged=(*paged(seen, target.name), *simulated), found=(found,)))})


def _missing() -> Iterator[Missing]:
    if find_spec("playwright") is None:
        yield Missing("playwright", 'pip install "bmad-provisioner[web]"', _LEFT_OUT)
    if browsing.found() is None:
        yield Missing("chromium", "Debian: apt-get install chromium; or name one in BMADP_CHROMIUM", _LEFT_OUT)


def paged(seen: Sequence[Visit], target: str) -> Iterator[Paged]:
    """Yield what was seen of each page."""
    for url in dict.fromkeys(one.url for one in seen):
        some = [one for one in seen if one.url == url]
        problems = tuple(dict.fromkeys(problem for one in some for problem in one.problems))
        yield Paged(target, urlsplit(url).path or "/", PLAIN.name, len(some), _values(some), _behind(some), problems)


def _simulated(target: Target, url: str, runs: int, turn: Turn) -> Iterator[Paged]:
    """Yield what Lighthouse says of each page, where it is installed: by its own method, which is part of what is told."""
    if lighthouse.installed(Path()) is None:
        return
    for page in target.pages:
        said = lighthouse.lighthouse(urljoin(url, page), turn, runs)
        values = {name: tuple(getattr(one, name) for one in said) for name in ("fcp", "lcp", "cls")}
        yield Paged(target.name, page, said[0].method, len(said), values)


def _values(some: Sequence[Visit]) -> Mapping[str, tuple[float, ...]]:
    found = {
        name: tuple(value for one in some if (value := getattr(one, name)) is not None) for name in ("ttfb", "fcp", "lcp", "inp")
    }
    found |= {"cls": tuple(one.cls for one in some), "bundle": tuple(float(one.bundle) for one in some)}
    return {name: values for name, values in found.items() if values}


def _behind(some: Sequence[Visit]) -> Mapping[str, str]:
    """Return in words what is behind the worst of each metric."""
    told = {}
    worst = max(some, key=lambda one: one.lcp or 0.0)
    if worst.lcp_element:
        told["lcp"] = f"`{worst.lcp_element}`" + (f" ({urlsplit(worst.lcp_url).path})" if worst.lcp_url else "")
    shifts = [shift for one in some for shift in one.shifts]
    if shifts:
        moved = max(shifts, key=lambda one: one.value)
        told["cls"] = f"`{', '.join(moved.moved[:3])}` moved {told_seconds(moved.time)} after the start"
    touched = [touch for one in some for touch in one.interactions]
    if touched:
        slow = max(touched, key=lambda one: one.duration)
        told["inp"] = f"`{slow.target}`: {told_seconds(slow.delay)} until its code ran, {told_seconds(slow.work)} in it"
    return told


def _causes(seen: Sequence[Visit], target: str, paths: Sequence[str]) -> tuple[Cause, ...]:
    """Return what is behind the pages; each is as often visited as the others, as far as anybody knows."""
    urls = {one.url for one in seen}
    size = {url: median(one.travelled for one in seen if one.url == url) for url in urls}
    mean = sum(size.values()) / len(size) if size else 0.0
    found = page_clues(seen, lambda path: located(path, paths))
    weights = {f"page {urlsplit(url).path or '/'}": size[url] / mean if mean else 1.0 for url in urls}
    return merged(cause(clue, target, 1 / len(urls), weights.get(clue.request, 1.0)) for clue in found)


def _said(seen: Sequence[Visit]) -> Iterator[str]:
    count = len({one.url for one in seen})
    yield f"{count} page{'s' * (count != 1)} in a real Chromium, {len(seen)} loads, each in a fresh profile"
