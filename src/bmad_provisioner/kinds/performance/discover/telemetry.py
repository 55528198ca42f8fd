"""Telemetry: the page of what watches the targets already, and of what nobody would see, with the smallest step for each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from bmad_provisioner.kinds.performance.discover.facts import BENCHMARK, BUDGET, LOAD_TEST, LOGGING, METRICS, TRACING, Found
from bmad_provisioner.kinds.performance.discover.gaps import Signal, signals
from bmad_provisioner.kinds.performance.discover.markdown import code, page, section, table
from bmad_provisioner.kinds.performance.order import Order


def telemetry_md(order: Order, found: Found) -> str:
    """Return the page of what is measured in production, and of the gaps."""
    all_signals = signals(found, order.targets)
    open_ones = [one for one in all_signals if one.by is None]
    count = f"{len(all_signals) - len(open_ones)} of {len(all_signals)}"
    return page(
        f"Telemetry of {order.name}",
        (f"Of the golden signals (latency, traffic, errors and saturation of each target) {count} are watched in production, as",),
        ("far as the files of the project tell; whether an instrument is switched on where it runs they cannot.", ""),
        section("What watches already", _there(found), "Nothing that is known was found."),
        section("Signals", table(("target", "signal", "watched by"), map(_row, all_signals))),
        section("Steps", steps(open_ones)),
        section("After the steps", _after(found, open_ones)),
    )


def _there(found: Found) -> Iterator[str]:
    some = found.of(METRICS, TRACING, LOGGING, LOAD_TEST, BENCHMARK, BUDGET)
    rows = [(one.role, one.name, code(one.at), code(one.said)) for one in some]
    for log in found.logs:
        timed = "with times" if any(one.p50 is not None for one in log.traffic) else "without times"
        rows.append(("access log", f"{log.count:,} requests, {timed}", code(log.at), ""))
    yield from table(("what", "which", "where", "as it stands there"), rows)


def _row(one: Signal) -> tuple[str, str, str]:
    maybe = f"nothing, unless {one.maybe.name} at {code(one.maybe.at)} does" if one.maybe else "nothing"
    return one.target, one.name, f"{one.by.name} ({code(one.by.at)})" if one.by else maybe


def steps(some: Iterable[Signal]) -> Iterator[str]:
    """Yield the smallest steps that close gaps as a numbered list, each once with all that it closes."""
    grouped: dict[tuple[str, str], list[Signal]] = {}
    for one in some:
        grouped.setdefault((one.target, one.step), []).append(one)
    for number, ((target, step), closed) in enumerate(grouped.items(), 1):
        where = next((f"; it is made in {code(one.at)}" for one in closed if one.at), "")
        yield f"{number}. **{target}** ({', '.join(one.name for one in closed)}): {step}{where}"
    yield from [""] if grouped else []


def _after(found: Found, open_ones: Sequence[Signal]) -> Iterator[str]:
    if open_ones and not found.has(METRICS, "Prometheus"):
        yield "- No Prometheus was found in the project: whatever scrapes or receives lies elsewhere, or has to be set up first."
    if not any(one.p50 is not None for log in found.logs for one in log.traffic):
        yield "- No log holds the time of each request: nginx's `$request_time` or gunicorn's `%(L)s` as the last word gives it."
    yield "- `alerts.yaml` and `dashboard.json` beside this page watch the budgets; both name the metrics that `bmadp` exports."
    yield ""
