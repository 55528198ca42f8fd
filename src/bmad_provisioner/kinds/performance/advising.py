"""Advising: the processors and the memory that more load needs, what makes a build shorter, what could lie on cheaper storage."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

from bmad_provisioner.engine.task import Inputs, Output
from bmad_provisioner.errors import TaskError
from bmad_provisioner.kinds.performance import capacity as needing
from bmad_provisioner.kinds.performance import tiers as sorting
from bmad_provisioner.kinds.performance.energy import energy
from bmad_provisioner.kinds.performance.estimate import Estimate
from bmad_provisioner.kinds.performance.gathering import account
from bmad_provisioner.kinds.performance.machine import processors
from bmad_provisioner.kinds.performance.measured import Served
from bmad_provisioner.kinds.performance.order import Order, order
from bmad_provisioner.kinds.performance.quantities import told_seconds, told_share, told_size
from bmad_provisioner.kinds.performance.queueing import queue
from bmad_provisioner.kinds.performance.report.account import BASELINE
from bmad_provisioner.kinds.performance.report.markdown import table
from bmad_provisioner.kinds.performance.report.tables import Table
from bmad_provisioner.kinds.performance.scalability import FEWEST, BeyondError, fit
from bmad_provisioner.patterns import matcher

_DEEP = 20_000
"""Files that are looked at, at the most."""


def capacity(inputs: Inputs) -> Output:
    """Write what more load needs, as far as it follows from what was measured; what lies beyond is refused, and said so."""
    whole = account(inputs)
    prices = _prices(inputs, whole.order)
    lines = [f"# Capacity of {whole.order.name}", ""]
    for served in whole.served:
        lines += [f"## {served.target}", "", *_service(served, whole.order, prices), ""]
    return Output({f"{whole.order.folder}/capacity.md": inputs.keep("\n".join(lines).encode())})


def _prices(inputs: Inputs, wanted: Order) -> needing.Prices | None:
    path = wanted.capacity.prices
    if not path:
        return None
    if inputs.files.get(path) is None:
        raise TaskError(f"the file of prices `{path}` is not there", hint="`capacity.prices` is a path inside the project")
    return needing.prices(inputs.read(path), path)


def _service(served: Served, wanted: Order, prices: needing.Prices | None) -> Iterator[str]:
    usual = served.shapes.get(BASELINE)
    used = [needing.Used(one.achieved, one.cpu, float(one.peak)) for one in served.shapes.values() if not one.void and one.cpu > 0]
    if usual is None or usual.void or not used:
        yield "No load of it that counts was measured: nothing is foretold."
        return
    rate = wanted.capacity.rate or 2 * usual.offered
    try:
        yield from _need(rate, used, _growth(served), wanted.capacity.hours, prices)
    except BeyondError as error:
        yield f"{rate:g} requests a second: {error}."
    waits = queue(rate, usual.cpu, processors())
    busy = f"{told_share(waits.busy)} of {processors()} processors would be busy"
    if waits.busy < 1:
        late = f"a request takes {told_seconds(usual.cpu)} of them, and 95 of 100 would be through after {told_seconds(waits.p95)}"
        yield f"On this machine: {busy}; {late} (Erlang's C; what it waits for elsewhere is not in it)."
    else:
        yield f"On this machine: {busy}: it cannot bear that."
    yield from _law(served)
    told = energy(usual.cpu)
    yield ""
    yield f"Energy of a request: {told.joules.value:.2g} J ({told.joules.low:.2g} to {told.joules.high:.2g}); {told.assumption}."


def _need(
    rate: float, used: Sequence[needing.Used], growth: Estimate | None, hours: float, prices: needing.Prices | None
) -> Iterator[str]:
    needed = needing.need(rate, used, growth, hours)
    rows = [
        ["processors", f"{needed.vcpus.value:.2f}", f"{needed.vcpus.low:.2f} to {needed.vcpus.high:.2f}", f"{needed.whole_vcpus}"],
        [
            "memory",
            told_size(needed.memory.value),
            f"{told_size(needed.memory.low)} to {told_size(needed.memory.high)}",
            told_size(needed.memory.high),
        ],
    ]
    yield f"For {rate:g} requests a second, busy no more than {told_share(needed.utilisation)}:"
    yield ""
    yield from table(Table(("", "needed", "between", "to be safe"), tuple(map(tuple, rows))))
    yield ""
    if prices is not None:
        cost = needing.cost(needed, prices)
        between = f"{cost.low:.2f} to {cost.high:.2f}"
        yield f"That costs {cost.value:.2f} {prices.currency} a month ({between}; prices of {prices.source})."
    else:
        yield "What it costs is not told: no file of prices was given (`capacity.prices`)."
    yield ""


def _growth(served: Served) -> Estimate | None:
    """Return how memory grows under the longest load, where it was long enough to tell."""
    soak = served.shapes.get("soak")
    samples = [(at, float(size)) for at, size in soak.memory[len(soak.memory) // 2 :]] if soak and not soak.void else []
    return needing.growth(samples) if len(samples) >= 10 else None


def _law(served: Served) -> Iterator[str]:
    points = [(float(many), rate) for many, rate in served.crowds if rate > 0]
    if len({many for many, _ in points}) < FEWEST:
        return
    law = fit(points)
    knee = (
        "it was not seen to have a limit"
        if law.knee > 10 * law.most
        else f"each gets half of what it would alone at {law.knee:.0f} at once"
    )
    yield ""
    yield (
        f"Many at once (its least able request, {', '.join(f'{many:g}: {rate:.0f}/s' for many, rate in points)}): contention "
        f"{law.contention.value:.3f}, coherency {law.coherency.value:.4f} (Universal Scalability Law); {knee}. "
        f"Nothing is foretold for more than {2 * law.most:g} at once."
    )


def pipeline(inputs: Inputs) -> Output:
    """Write what would make the build pipeline shorter, from its own times."""
    from bmad_provisioner.kinds.performance import pipeline as shortening  # noqa: PLC0415
    from bmad_provisioner.kinds.performance.reading_pipeline import steps  # noqa: PLC0415

    wanted = order(cast("Any", inputs.args["document"]))
    missing = [path for path in wanted.pipeline if inputs.files.get(path) is None]
    if missing:
        raise TaskError(f"`{missing[0]}` is not there", hint="`pipeline` names files inside the project")
    found = steps([(path, inputs.read(path)) for path in wanted.pipeline])
    told = shortening.advice(found)
    rows = [
        [one.step, told_seconds(one.seconds), "yes" if one.on_path else "", told_seconds(one.without), _cached(one)]
        for one in told.bounds[:25]
    ]
    lines = [
        f"# Build pipeline of {wanted.name}",
        "",
        f"The longest chain takes {told_seconds(told.seconds)}: {' -> '.join(told.path)}. "
        f"All steps in a row take {told_seconds(told.work)}; "
        f"more than {told.workers:.1f} workers would not make it shorter.",
        "",
        *table(
            Table(
                ("step", "takes", "on the chain", "gain, if it took nothing", "gain, if its cache always hit"),
                tuple(map(tuple, rows)),
            )
        ),
        "",
    ]
    return Output({f"{wanted.folder}/pipeline.md": inputs.keep("\n".join(lines).encode())})


def _cached(one: Any) -> str:
    return "" if one.hits is None else f"{told_seconds(one.cached)} (hits {told_share(one.hits)})"


def storage(inputs: Inputs) -> Output:
    """Write which stored files could lie on cheaper storage, by when they were last used; only looked at, never opened."""
    wanted = order(cast("Any", inputs.args["document"]))
    kept = list(_files(Path(str(inputs.args["root"])), wanted.storage))
    found = sorting.tiers(kept, time.time())
    rows = [
        [one.name, f"{one.files:,}", told_size(one.size), told_share(one.share), ", ".join(f"`{a.path}`" for a in one.largest[:3])]
        for one in found.tiers
    ]
    reads = "" if found.reads_known else " This disk does not record reads: only changes were gone by."
    lines = [
        f"# Storage of {wanted.name}",
        "",
        f"{len(kept):,} files, by the days since they were last used.{reads}",
        "",
        *table(Table(("tier", "files", "bytes", "of all", "largest"), tuple(map(tuple, rows)))),
        "",
    ]
    return Output({f"{wanted.folder}/storage.md": inputs.keep("\n".join(lines).encode())}, fleeting=True)


def _files(root: Path, patterns: Sequence[str]) -> Iterator[sorting.Kept]:
    fits, count = matcher(patterns), 0
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in (".git", ".venv", "node_modules"))
        for name in sorted(names):
            place = Path(folder, name)
            path = place.relative_to(root).as_posix()
            if fits(path) and not place.is_symlink() and count < _DEEP:
                info, count = place.lstat(), count + 1
                yield sorting.Kept(path, info.st_size, info.st_mtime, info.st_atime)
