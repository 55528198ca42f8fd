"""Plots: measurements as pictures (SVG), calm and alike; the same values make the same bytes."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import exp, isfinite, log10
from statistics import median
from threading import Lock
from typing import Any

from bmad_provisioner.characters import scrubbed
from bmad_provisioner.kinds.performance.causes import Cause
from bmad_provisioner.kinds.performance.measured import Impact, Noise, Paged, Shape
from bmad_provisioner.kinds.performance.metrics import METRICS
from bmad_provisioner.kinds.performance.quantities import told_seconds, told_size
from bmad_provisioner.kinds.performance.readings import Step
from bmad_provisioner.kinds.performance.report.wording import ratios, verdict
from bmad_provisioner.kinds.performance.scalability import Law
from bmad_provisioner.kinds.performance.stats import Verdict

# matplotlib is an optional extra, and takes longer to load than most verbs run.
# ruff: noqa: PLC0415

PAPER, INK, SOFT, GRID = "#ffffff", "#1f2933", "#66727f", "#e4e7eb"
BLUE, ORANGE, GREEN, PURPLE, GOLD, SKY = "#0072b2", "#d55e00", "#009e73", "#9b5c8f", "#a67c00", "#7db9dd"
"""Colours that people who are blind to some tell apart (after Okabe and Ito); pages put others in their place in the dark."""
COLOURS = (BLUE, ORANGE, GREEN, PURPLE, GOLD)
_WIDTH, _HEIGHT = 5.2, 3.0
"""Inches: as wide as a phone, so that letters stay readable on one."""
_STYLE: Any = {
    "svg.hashsalt": "bmadp", "svg.fonttype": "none", "font.family": "DejaVu Sans", "font.size": 9.5, "text.color": INK,
    "figure.facecolor": PAPER, "axes.facecolor": PAPER, "axes.labelcolor": SOFT, "axes.edgecolor": SOFT, "axes.linewidth": 0.8,
    "axes.titlelocation": "left", "axes.titlesize": 11, "axes.titleweight": "bold", "axes.titlepad": 9, "axes.titlecolor": INK,
    "axes.spines.top": False, "axes.spines.right": False, "axes.spines.left": False, "axes.grid": True, "axes.grid.axis": "y",
    "axes.axisbelow": True, "grid.color": GRID, "grid.linewidth": 0.8, "xtick.color": SOFT, "ytick.color": SOFT,
    "ytick.major.size": 0, "xtick.minor.size": 0, "ytick.minor.size": 0, "lines.linewidth": 1.8, "lines.markersize": 4.5,
    "text.parse_math": False, "legend.frameon": False, "legend.fontsize": 8.8, "legend.handlelength": 1.4,
}  # fmt: skip
_BETWEEN = ((300, (1.0,)), (20, (1.0, 3.0)), (6, (1.0, 2.0, 5.0)), (0, (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)))
_DASHED = (0, (4, 3))
_CLOCKS = {"wall": "clock", "cpu": "processor"}
_FONT = re.compile(r"'DejaVu Sans'[^;\"]*")
_NOT_DRAWN = re.compile(r"<!DOCTYPE.*?>\s*|\s*<metadata>.*?</metadata>", re.DOTALL)
_ALONE = Lock()
"""The style of matplotlib is one for the whole process."""


def _plot(draw: Callable[[Any], None], height: float = _HEIGHT) -> bytes:
    """Return what `draw` puts on a figure."""
    import matplotlib
    from matplotlib.figure import Figure

    out = io.BytesIO()
    with _ALONE, matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(_WIDTH, height), layout="constrained")
        draw(figure)
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    text = _NOT_DRAWN.sub("", out.getvalue().decode())
    # Letters are measured in a font that matplotlib brings along, and shown in the reader's own, which is no wider.
    return _FONT.sub("system-ui, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif", text).encode()


def _axes(figure: Any, title: str, x: str = "", y: str = "") -> Any:
    axes = figure.subplots()
    axes.set_title(title)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    return axes


def _key(axes: Any, loc: str, ncols: int = 1) -> None:
    """Say what the lines are, if there are any."""
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc=loc, ncols=ncols)


def _told(axis: Any, told: Callable[[float], str]) -> None:
    from matplotlib.ticker import FuncFormatter, NullFormatter

    axis.set_major_formatter(FuncFormatter(lambda value, _: told(value)))
    axis.set_minor_formatter(NullFormatter())


def _times(axes: Any) -> None:
    """Make the upright axis one of times, each step as many times the last; where nothing is drawn, leave it as it is."""
    from matplotlib.ticker import LogLocator

    if axes.dataLim.height < 0:
        return
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    # The narrower the range, the fewer powers of ten are in it, and the more numbers have to stand between them.
    steps = next(some for times, some in _BETWEEN if high > times * low)
    axes.yaxis.set_major_locator(LogLocator(subs=steps))
    _told(axes.yaxis, told_seconds)


def response_times(shape: Shape) -> bytes:
    """Draw the quantiles of a load, the rarer the farther right: from when requests were due, and from when they were sent."""

    places = _tail(name for name, value in shape.response.items() if value > 0)

    def draw(figure: Any) -> None:
        axes = _axes(figure, f"Response times, load {_plain(shape.name)}", "requests that were answered within")
        for name, quantiles, colour in (("as people wait", shape.response, BLUE), ("as the service works", shape.service, ORANGE)):
            points = sorted((places[key], value) for key, value in quantiles.items() if value > 0 and key in places)
            axes.plot(*_columns(points), marker="o", color=colour, label=name, linestyle="-" if colour == BLUE else "--")
        axes.set_xticks(list(places.values()), [_spoken(key) for key in places])
        _times(axes)
        _key(axes, "lower right")

    return _plot(draw)


def _tail(names: Iterable[str]) -> dict[str, float]:
    """Return where quantiles stand: one step for each digit of how rare they are; the slowest of all behind them."""
    digits = {name: name.removeprefix("p") for name in names}
    places = {name: -log10(max(1e-6, 1 - float(f"0.{some}"))) for name, some in digits.items() if some.isdigit()}
    return places | ({"max": max(places.values(), default=0.0) + 0.4} if "max" in digits else {})


def _spoken(name: str) -> str:
    if name == "max":
        return "all"
    digits = name.removeprefix("p")
    return f"{digits[:2]}.{digits[2:]}%" if len(digits) > 2 else f"{digits}%"


def _columns(points: Iterable[tuple[float, float]]) -> tuple[list[float], list[float]]:
    some = list(points)
    return [x for x, _ in some], [y for _, y in some]


def timeline(shape: Shape) -> bytes:
    """Draw a load second by second: the median and the 99th percentile, and below how many were asked and how many failed."""

    def draw(figure: Any) -> None:
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        upper.set_title(f"Second by second, load {_plain(shape.name)}")
        at = [one.at for one in shape.timeline]
        upper.plot(at, [one.p99 or float("nan") for one in shape.timeline], color=ORANGE, label="99% within")
        upper.plot(at, [one.p50 or float("nan") for one in shape.timeline], color=BLUE, label="half within")
        _times(upper)
        _key(upper, "upper left", ncols=2)
        _room(upper)
        lower.bar(at, [one.due for one in shape.timeline], width=0.85, color=GRID, label="due")
        if any(one.failed for one in shape.timeline):
            lower.bar(at, [one.failed for one in shape.timeline], width=0.85, color=ORANGE, label="failed")
        lower.set_ylabel("requests")
        lower.set_xlabel("seconds")
        lower.xaxis.get_major_locator().set_params(integer=True)

    return _plot(draw, 3.4)


def _room(axes: Any) -> None:
    """Leave room for a legend above what is drawn on a logarithmic axis."""
    low, high = axes.get_ylim()
    if low > 0:  # nothing is drawn where it is not
        axes.set_ylim(low, high * (high / low) ** 0.18)


def rates(steps: Sequence[Step], limit: float) -> bytes:
    """Draw the 95th percentile by the rate, and the time beyond which a rate is not borne."""

    def draw(figure: Any) -> None:
        axes = _axes(figure, "How much it bears", "answers a second", "95% answered within")
        some = [one for one in steps if isfinite(one.p95) and one.p95 > 0]
        axes.plot([one.rate for one in some], [one.p95 for one in some], color=BLUE, zorder=2)
        near: Any = {"textcoords": "offset points", "fontsize": 8.5}
        for one in some:
            lost = not one.is_borne(limit)
            axes.plot(
                one.rate, one.p95, "X" if lost else "o", color=ORANGE if lost else BLUE, markersize=8 if lost else 6, zorder=3
            )
            failed = f", {one.failed:.0%} failed" if one.failed >= 0.005 else ""
            axes.annotate(_plain(one.name) + failed, (one.rate, one.p95), (-8, 5), ha="right", color=INK, **near)
        if limit > 0:
            axes.axhline(limit, color=SOFT, linestyle=_DASHED, linewidth=1)
            axes.annotate("no longer borne", (0, limit), (0, 3), ("axes fraction", "data"), color=SOFT, **near)
        axes.margins(x=0.08)
        axes.set_xlim(left=min(0.0, axes.get_xlim()[0]))
        _times(axes)
        _room(axes)

    return _plot(draw)


def memory(loads: Sequence[Shape], idle: int = 0) -> bytes:
    """Draw what a service held in memory during each load."""

    def draw(figure: Any) -> None:
        axes = _axes(figure, "Memory", "seconds of the load")
        for one, colour in zip((one for one in loads if one.memory), _again(COLOURS), strict=False):
            axes.plot(*_columns((at, float(size)) for at, size in one.memory), color=colour, label=_plain(one.name))
        if idle:
            axes.axhline(idle, color=SOFT, linestyle=_DASHED, linewidth=1, label="idle")
        _told(axes.yaxis, told_size)
        axes.set_ylim(bottom=0, top=axes.get_ylim()[1] * 1.22)
        _key(axes, "upper left", ncols=3)

    return _plot(draw)


def _again(colours: Sequence[str]) -> Iterable[str]:
    from itertools import cycle

    return cycle(colours)


def causes(found: Sequence[Cause]) -> bytes:
    """Draw what causes cost of one request with its bounds, and in it what the usual remedy takes away."""
    some = list(found)[::-1]

    def draw(figure: Any) -> None:
        axes = _axes(figure, "Where it goes", "part of what one request costs")
        for at, one in enumerate(some):
            axes.barh(at, one.share.value, height=0.42, color=SKY)
            axes.barh(at, one.saving.value, height=0.42, color=BLUE)
            axes.plot([one.share.low, one.share.high], [at, at], color=INK, linewidth=1.2)
            name = " · ".join(filter(None, (f"{one.kind} ({one.lane})", one.where, one.request)))
            axes.text(0, at + 0.27, _plain(name, 66), fontsize=8.8, va="bottom", color=INK)
        axes.set_yticks([])
        axes.set_ylim(-0.4, len(some) - 0.2)
        axes.set_xlim(0, 1.02)
        axes.grid(visible=True, axis="x")
        _told(axes.xaxis, lambda value: f"{value:.0%}")
        _legend(figure, ((BLUE, "goes with the usual remedy"), (SKY, "stays")))

    return _plot(draw, 1.3 + 0.46 * len(some))


def _legend(figure: Any, entries: Iterable[tuple[str, str]]) -> None:
    """Say below a picture what its colours mean."""
    from matplotlib.patches import Patch

    handles = [Patch(color=colour, label=label) for colour, label in entries]
    figure.legend(handles=handles, loc="outside lower left", ncols=min(len(handles), 3))


def pages(paged: Sequence[Paged], goals: Mapping[str, float]) -> bytes:
    """Draw each load of each page as a multiple of the goal, and the median of the loads (for shifts: the most)."""
    names = [name for name in METRICS if goals.get(name) and any(one.values.get(name) for one in paged)][::-1]

    def draw(figure: Any) -> None:
        axes = _axes(figure, "Pages against their goals", "as a multiple of the goal")
        axes.axvspan(0, 1, color=GRID, alpha=0.45, linewidth=0)
        axes.axvline(1, color=SOFT, linewidth=1)
        for place, (one, colour) in enumerate(zip(paged, _again(COLOURS), strict=False)):
            for at, name in enumerate(names):
                times = [value / goals[name] for value in one.values.get(name, ())]
                if times:
                    high = at + 0.16 * ((len(paged) - 1) / 2 - place)
                    axes.plot(times, [high] * len(times), "o", color=colour, alpha=0.35, markersize=4, markeredgewidth=0)
                    axes.plot([max(times) if name == "cls" else median(times)], [high], "o", color=colour, markersize=7)
        axes.set_yticks(range(len(names)), [name if name == "bundle" else name.upper() for name in names], color=INK)
        axes.set_ylim(-0.6, len(names) - 0.4)
        axes.set_xlim(left=0, right=max(axes.get_xlim()[1], 1.2))
        axes.grid(visible=True, axis="x")
        _legend(figure, [(colour, _plain(one.page, 24)) for one, colour in zip(paged, COLOURS, strict=False)])

    return _plot(draw, 1.45 + 0.34 * len(names))


def effects(impact: Impact) -> bytes:
    """Draw by how much each metric changed with its interval, and what was foretold."""
    some = [one for one in impact.effects if one.comparison.ratio > 0][::-1]
    colours = {Verdict.IMPROVEMENT: GREEN, Verdict.REGRESSION: ORANGE}

    def draw(figure: Any) -> None:
        axes = _axes(figure, "After against before", "change; the line is the interval, the band was foretold")
        axes.axvline(0, color=SOFT, linewidth=1)
        for at, one in enumerate(some):
            colour, (middle, low, high) = colours.get(verdict(one), SOFT), ratios(one)
            if any(one.predicted) and METRICS[one.metric].less_is_better:
                least, most = one.predicted
                axes.barh(at, most - least, left=-most, height=0.5, color=GRID)
            axes.plot([low - 1, high - 1], [at, at], color=colour, linewidth=2.2, solid_capstyle="round")
            axes.plot([middle - 1], [at], "o" if verdict(one) in colours else "D", color=colour, markersize=6.5)
        axes.set_yticks(range(len(some)), [_plain(f"{one.target} {one.metric}", 28) for one in some], color=INK)
        axes.set_ylim(-0.6, len(some) - 0.4)
        axes.grid(visible=True, axis="x")
        _told(axes.xaxis, lambda value: f"{value:+.0%}" if abs(value) > 1e-9 else "0")
        _symmetric(axes)

    return _plot(draw, 1.15 + 0.34 * max(len(some), 1))


def _symmetric(axes: Any) -> None:
    """Show at least 5 % to both sides, so that next to nothing doesn't look like much."""
    low, high = axes.get_xlim()
    axes.set_xlim(min(low, -0.05), max(high, 0.05))


def noise(known: Noise) -> bytes:
    """Draw how far pairs of the same work lie apart, and the changes from which one shows."""

    def draw(figure: Any) -> None:
        below = "difference of two runs of the same; dashed: from here on it shows"
        axes = _axes(figure, "The machine against itself", below, "pairs")
        changes = {by: [exp(one) - 1 for one in ratios] for by, ratios in known.ratios.items() if ratios}
        widest = max((abs(one) for values in changes.values() for one in values), default=0.01) or 0.01
        edges = [widest * step / 8 for step in range(-8, 9)]
        for (by, values), colour in zip(sorted(changes.items(), reverse=True), COLOURS, strict=False):
            axes.hist(values, edges, histtype="stepfilled", color=colour, alpha=0.25, linewidth=0)
            axes.hist(values, edges, histtype="step", color=colour, linewidth=1.6, label=_CLOCKS.get(by, by))
            least = known.detectable.get(by, float("inf"))
            for side in (-least, least) if isfinite(least) else ():
                axes.axvline(side, color=colour, linewidth=1, linestyle=_DASHED)
        _told(axes.xaxis, lambda value: f"{100 * value:+.2g}%" if abs(value) > 1e-9 else "0")
        axes.yaxis.get_major_locator().set_params(integer=True)
        axes.set_ylim(top=axes.get_ylim()[1] * 1.2)
        _key(axes, "upper left", ncols=2)

    return _plot(draw)


def scaling(points: Sequence[tuple[float, float]], law: Law | None = None) -> bytes:
    """Draw the throughput measured at so many at once, the law fitted to it, and where more stops to be worth it."""

    def draw(figure: Any) -> None:
        axes = _axes(figure, "More at once", "requests at once", "answers a second")
        most = max(at for at, _ in points)
        if law:
            curve = [1 + (1.15 * most - 1) * step / 80 for step in range(81)]
            axes.plot(curve, [law.throughput(at) for at in curve], color=BLUE, label="Universal Scalability Law")
            if law.knee <= 1.15 * most:
                axes.axvline(law.knee, color=SOFT, linewidth=1, linestyle=_DASHED)
                at, near = (law.knee, 0.04), ("data", "axes fraction")
                axes.annotate(f"knee at {law.knee:.0f}", at, (4, 0), near, "offset points", color=SOFT, fontsize=8.8)
        axes.plot(*_columns(points), "o", color=ORANGE, label="measured", zorder=3)
        axes.set_ylim(bottom=0, top=1.22 * max(got for _, got in points))
        _key(axes, "upper right", ncols=2)

    return _plot(draw)


def _plain(text: str, most: int = 40) -> str:
    """Return a text as short as there is room for, of characters that XML can hold."""
    told = scrubbed(" ".join(text.split()))
    return told if len(told) <= most else f"{told[: most - 1]}…"
