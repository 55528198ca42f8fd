"""Run: every cache against every trace; which requests were hits, and which costs were saved."""

from __future__ import annotations

import argparse
import dataclasses
import platform
from collections.abc import Iterator, Mapping
from pathlib import Path

from peers import BLIND, NEEDS_A_HUNDRED, Ask, Maker, available
from traces import TRACES, Trace

PAGE = Path(__file__).parents[2] / "docs" / "eviction.md"
MEASURED = "## Measured\n"
SHARES = (0.01, 0.05, 0.10)
COST_SHARES = (0.01, 0.05, 0.10, 0.25)

Row = dict[str, float]
"""Per cent by the name of the cache."""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seed", type=int, default=1, help="what the traces are made from (1)")
    arguments.add_argument("--write-docs", action="store_true", help=f"put the tables into docs/{PAGE.name}")
    options = arguments.parse_args()
    lines = []
    for line in report(options.seed):
        print(line, flush=True)
        lines.append(line)
    if options.write_docs:
        head = PAGE.read_text().partition(MEASURED)[0]
        PAGE.write_text(head + MEASURED + "\n" + "\n".join(lines) + "\n")


def report(seed: int) -> Iterator[str]:
    """Return the tables as lines of markdown."""
    makers, found, absent = available()
    peers = ", ".join(f"{name} {version}" for name, version in found.items()) or "none"
    yield f"Seed {seed}. Python {platform.python_version()}. Peers: {peers}. Absent: {', '.join(absent) or 'none'}."
    yield from ("", "### Hits, %", "", "Every entry is one byte; the cache is a share of the distinct keys.", "")
    by_hits = {name: make for name, make in makers.items() if name not in {"cost", "GDSF"}}
    yield from _head("trace @ size", [*by_hits, "infinite"])
    rows = []
    for title, make_trace in TRACES.items():
        trace = dataclasses.replace(make_trace(seed), sizes={}, costs={})
        for share in SHARES:
            row = {name: hits for name, (hits, _) in _measure(trace, by_hits, int(trace.distinct * share)).items()}
            rows.append(row)
            yield _line(f"{title} @ {share:.0%}", [*_figures(row, by_hits), f"{100 - 100 * trace.distinct / len(trace.keys):.1f}"])
    yield from ("", "Points behind the best of the row:", "")
    yield from _head("", list(by_hits))
    regrets = {name: [max(row.values()) - row[name] for row in rows if name in row] for name in by_hits}
    yield _line("mean", [f"{sum(behind) / len(behind):.1f}" for behind in regrets.values()])
    yield _line("worst", [f"{max(behind):.1f}" for behind in regrets.values()])
    yield from _costs(seed, {name: make for name, make in makers.items() if name not in BLIND})


def _costs(seed: int, makers: Mapping[str, Maker]) -> Iterator[str]:
    for title in ("team re-runs", "team, scattered"):
        trace = TRACES[title](seed)
        total = sum(trace.sizes.values())
        yield from ("", f"### {title[0].upper()}{title[1:]}: seconds saved, % (hits, %)", "")
        yield "The cache is a share of the bytes of all results; seconds are what making the hits again would have taken."
        yield ""
        yield from _head("size", list(makers))
        for share in COST_SHARES:
            rows = _measure(trace, makers, int(total * share))
            best = f"{max(saved for _, saved in rows.values()):.1f}"
            cells = [(f"{saved:.1f}", f"({hits:.1f})") for hits, saved in rows.values()]
            cells = [(f"**{saved}**" if saved == best else saved, hits) for saved, hits in cells]
            yield _line(f"{share:.0%} ({total * share / 1e6:.0f} MB)", [" ".join(cell) for cell in cells])


def _measure(trace: Trace, makers: Mapping[str, Maker], most: int) -> dict[str, tuple[float, float]]:
    count = max(1, round(most / (sum(trace.sizes.values()) / len(trace.sizes)))) if trace.sizes else most
    fit = {name: make for name, make in makers.items() if count >= 100 or name not in NEEDS_A_HUNDRED}
    return {name: _shares(trace, make(most, count)) for name, make in fit.items()}


def _shares(trace: Trace, ask: Ask) -> tuple[float, float]:
    """Return how many of the requests were hits and how much of the cost was saved, in per cent."""
    hits, saved, all_costs = 0, 0.0, 0.0
    for key in trace.keys:
        cost = trace.costs.get(key, 1.0)
        all_costs += cost
        if ask(key, trace.sizes.get(key, 1), cost):
            hits += 1
            saved += cost
    return 100 * hits / len(trace.keys), 100 * saved / all_costs


def _figures(row: Row, names: Mapping[str, Maker]) -> list[str]:
    best = f"{max(row.values()):.1f}"
    texts = [f"{row[name]:.1f}" if name in row else "-" for name in names]
    return [f"**{text}**" if text == best else text for text in texts]


def _head(first: str, names: list[str]) -> tuple[str, str]:
    return _line(first, names), "|---" * (len(names) + 1) + "|"


def _line(first: str, cells: list[str]) -> str:
    return "| " + " | ".join([first, *cells]) + " |"


if __name__ == "__main__":
    main()
