"""Plots: well-formed pictures, the same for the same values, whatever names they are given and however little there is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from xml.etree.ElementTree import fromstring

import pytest

from bmad_provisioner.kinds.performance import plots
from bmad_provisioner.kinds.performance.measured import Noise
from bmad_provisioner.kinds.performance.readings import limit, steps
from bmad_provisioner.kinds.performance.scalability import fit
from performance_account import account, impact, noise, pages, served, shape

pytest.importorskip("matplotlib")
_HOSTILE = "<script>alert(1)</script> $x$ $ & \x00 \\"
_GOALS = {"lcp": 2.5, "inp": 0.2, "cls": 0.1}
_POINTS = [(1.0, 23.5), (2.0, 41.0), (4.0, 60.0), (8.0, 71.0), (16.0, 66.0)]
_USUAL = served().shapes["baseline"]

_DRAWN: dict[str, tuple[Callable[[], bytes], tuple[str, ...]]] = {
    "response times": (lambda: plots.response_times(_USUAL), ("50%", "99%", "all", "as people wait", "200 ms")),
    "timeline": (lambda: plots.timeline(served().shapes["spike"]), ("half within", "requests", "seconds")),
    "rates": (lambda: plots.rates(steps(served()), limit(_USUAL)), ("stress 47/s", "no longer borne", "stress 54/s, 10% failed")),
    "memory": (lambda: plots.memory(list(served().shapes.values()), 54_000_000), ("soak", "idle", "60 MB")),
    "causes": (lambda: plots.causes(account().causes), ("n-plus-one (time) · shop/report.py:41 · GET /report", "100%")),
    "pages": (lambda: plots.pages(pages(), _GOALS), ("LCP", "CLS", "/cart")),
    "effects": (lambda: plots.effects(impact()), ("web p50", "web peak_memory", "-60%")),
    "noise": (lambda: plots.noise(noise()), ("clock", "processor", "+2%")),
    "scaling": (lambda: plots.scaling(_POINTS, fit(_POINTS)), ("measured", "Universal Scalability Law")),
}


@pytest.mark.parametrize("name", _DRAWN)
def test_a_plot_is_well_formed_and_says_what_it_shows(name: str) -> None:
    draw, words = _DRAWN[name]
    svg = draw()
    root = fromstring(svg)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    said = {"".join(one.itertext()).strip() for one in root.iter("{http://www.w3.org/2000/svg}text")}
    assert set(words) <= {one.replace("\u2212", "-") for one in said}
    assert svg == draw(), "the same values make the same bytes"
    assert b"<metadata" not in svg
    assert b"DOCTYPE" not in svg
    assert b"<image" not in svg


@pytest.mark.parametrize(
    "draw",
    [
        lambda: plots.response_times(replace(_USUAL, response={}, service={})),
        lambda: plots.response_times(replace(_USUAL, response={"p50": 0.0, "max": 0.0}, service={"p50": 0.0})),
        lambda: plots.timeline(replace(_USUAL, timeline=())),
        lambda: plots.timeline(replace(_USUAL, timeline=tuple(replace(one, p50=0.0, p99=0.0) for one in _USUAL.timeline))),
        lambda: plots.rates((), 0.0),
        lambda: plots.memory((), 0),
        lambda: plots.causes(()),
        lambda: plots.pages(pages(), {}),
        lambda: plots.pages((), _GOALS),
        lambda: plots.effects(replace(impact(), effects=())),
        lambda: plots.noise(Noise(0, (), (), {}, {}, {}, 0.0)),
        lambda: plots.noise(Noise(2, (1.0,), (1.0,), {"wall": (0.0, 0.0)}, {}, {"wall": float("inf")}, 0.0)),
        lambda: plots.scaling([(1.0, 5.0)]),
    ],
)
def test_a_plot_of_next_to_nothing_is_still_one(draw: Callable[[], bytes]) -> None:
    fromstring(draw())


def test_names_of_others_stay_text() -> None:
    svg = plots.memory([replace(shape("baseline", 20, 20, 0.04), name=_HOSTILE)])
    fromstring(svg)
    assert b"<script" not in svg
    assert b"$x$ $ &amp;" in svg
    assert b"&lt;script&gt;" in plots.causes([replace(account().causes[0], request=_HOSTILE)])
    fromstring(plots.pages([replace(pages()[0], page=_HOSTILE)], _GOALS))
    fromstring(plots.effects(replace(impact(), effects=(replace(impact().effects[0], target=_HOSTILE),))))
