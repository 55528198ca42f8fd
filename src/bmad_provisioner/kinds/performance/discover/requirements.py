"""Requirements: the page of what has to hold: goals and who set them, limits found, the workload, and what limits the choice."""

from __future__ import annotations

from collections.abc import Iterator

from bmad_provisioner.kinds.performance.discover.facts import CACHE, CI, CONTAINER, DATABASE, QUEUE, SERVER, Found, Limit, Traffic
from bmad_provisioner.kinds.performance.discover.markdown import code, page, section, table
from bmad_provisioner.kinds.performance.discover.serving import frameworks
from bmad_provisioner.kinds.performance.discover.workload import workload
from bmad_provisioner.kinds.performance.metrics import METRICS
from bmad_provisioner.kinds.performance.order import COMMAND, FUNCTION, SERVICE, Order
from bmad_provisioner.kinds.performance.quantities import told_seconds

_OF_SERVICES = ("ttfb", "p50", "p95", "p99", "throughput", "error_rate", "peak_memory")
_OF_PAGES = ("lcp", "inp", "cls", "bundle")
_MOST = 10
_OF_RUNS = ("duration", "peak_memory")


def requirements_md(order: Order, found: Found) -> str:
    """Return the page of what has to hold, and of what nobody has said yet."""
    return page(
        f"Requirements of {order.name}",
        ("What has to hold and who says so; what nobody has said yet, and what will be proposed instead.", ""),
        section("Goals", table(("what", "has to be", "who says so"), _goals(order)), "The document sets no goal."),
        section("Without a goal", _open(order, found)),
        section("Limits that the project sets itself", _limits(order, found)),
        section("Workload", _workload(order, found)),
        section("Load", _load(order, found)),
        section("What limits the choice", table(("what", "which", "where that is said"), _constraints(found))),
        section("What could not be read", unread(found)),
    )


def _goals(order: Order) -> Iterator[tuple[str, str, str]]:
    for name, value in order.goals.items():
        metric = METRICS[name]
        yield metric.title, f"{'at most' if metric.less_is_better else 'at least'} {metric.told(value)}", "the document"


def measured(order: Order) -> tuple[str, ...]:
    """Return the metrics that are measured of the targets of an order."""
    sorts = {target.sort for target in order.targets}
    pages = any(target.pages for target in order.targets)
    names = (_OF_SERVICES if SERVICE in sorts else ()) + (_OF_PAGES if pages else ())
    return tuple(dict.fromkeys(names + (_OF_RUNS if sorts & {COMMAND, FUNCTION} else ())))


def _open(order: Order, found: Found) -> Iterator[str]:
    missing = [name for name in measured(order) if name not in order.goals]
    if not missing:
        return
    yield "Once measured, each of these gets a budget: what it is now, and as much more as noise on this machine can explain."
    yield "A regression breaks it; whether it is good enough for people, only a goal can say."
    yield ""
    yield from table(
        ("what", "the key in `goals`", "what the project says elsewhere"), (_proposal(name, found) for name in missing)
    )


def _proposal(name: str, found: Found) -> tuple[str, str, str]:
    said = "; ".join(f"{code(one.said)} ({one.tool}, {code(one.at)})" for one in found.limits if one.metric == name)
    return METRICS[name].title, code(name), said


def _limits(order: Order, found: Found) -> Iterator[str]:
    rows = ((code(one.said), one.tool, code(one.at), _compared(order, one)) for one in found.limits)
    yield from table(("limit", "of", "where", "beside the goal"), rows)


def _compared(order: Order, limit: Limit) -> str:
    goal = order.goals.get(limit.metric)
    if not limit.metric:
        return "no goal of this sort"
    if goal is None:
        return f"no goal yet: `{limit.metric}` would be {METRICS[limit.metric].told(limit.value)}"
    if abs(goal - limit.value) <= 1e-9 * max(abs(goal), abs(limit.value)):
        return "the same"
    stricter = (goal < limit.value) == METRICS[limit.metric].less_is_better
    return f"the goal is {'stricter' if stricter else 'looser'}: {METRICS[limit.metric].told(goal)}"


def _workload(order: Order, found: Found) -> Iterator[str]:
    for target in order.targets:
        asks, origin = workload(found, target)
        if asks:
            whole = sum(one.weight for one in asks)
            yield from (f"What **{target.name}** is asked for, as said by {origin}:", "")
            yield from table(
                ("share", "method", "path"), ((f"{one.weight / whole:.0%}", one.method, code(one.path)) for one in asks)
            )
    for log in found.logs:
        yield f"{code(log.at)}{' (its end)' if log.partly else ''} has {log.count:,} requests; the most frequent:"
        yield ""
        heads = ("share", "method", "path", "failed", "refused", "median", "95th")
        yield from table(heads, (_row(one, log.count) for one in log.traffic[:_MOST]))


def _row(one: Traffic, count: int) -> tuple[str, ...]:
    times = (told_seconds(value) if value is not None else "not logged" for value in (one.p50, one.p95))
    failed, refused = (f"{part / one.count:.0%}" for part in (one.failed, one.refused))
    return f"{one.count / count:.0%}", one.method, code(one.path), failed, refused, *times


def _load(order: Order, found: Found) -> Iterator[str]:
    if not any(target.sort == SERVICE for target in order.targets):
        return
    load = order.load
    soak = f"; the usual rate for {told_seconds(load.soak)} to see what grows" if load.soak else ""
    usual = f"{load.baseline.rate:g} requests a second for {told_seconds(load.baseline.seconds)}"
    peak = f"a peak of {load.spike:g} times for {told_seconds(load.spike_seconds)}"
    yield f"Asked of services: {usual}, raised to {load.stress:g} times that, with {peak}{soak}."
    yield ""
    for log in found.logs:
        if log.peak:
            beside = f"what is asked is {load.baseline.rate / log.peak:.2g} times that"
            yield f"- The busiest minute of {code(log.at)} had {log.peak:.2g} requests a second: {beside}."
    yield from ([""] if any(log.peak for log in found.logs) else [])


def _constraints(found: Found) -> Iterator[tuple[str, str, str]]:
    for one in (*frameworks(found), *found.of(SERVER, DATABASE, CACHE, QUEUE, CONTAINER, CI)):
        yield one.role, one.name, f"{code(one.at)} ({code(one.said)})"
    for setting in {one.name: one for one in found.settings if one.required}.values():
        yield "needs the variable", code(setting.name), code(setting.at)


def unread(found: Found) -> Iterator[str]:
    """Yield what could not be read, as lines of a list."""
    yield from (f"- {code(one.at)}: {one.why}" for one in found.unread[:_MOST])
    more = len(found.unread) - _MOST
    yield from [f"- and {more:,} more"] if more > 0 else []
    yield from [f"- {found.left_out:,} files more: a project of this size is looked at from the top down"] if found.left_out else []
    yield from [""] if found.unread or found.left_out else []
