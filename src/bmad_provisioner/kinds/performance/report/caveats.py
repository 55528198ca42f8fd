"""Caveats: what a reader has to know before a number is believed."""

from __future__ import annotations

from collections.abc import Iterator
from math import exp
from statistics import median

from bmad_provisioner.kinds.performance.measured import Machine, Missing, Noise
from bmad_provisioner.kinds.performance.quantities import told_size
from bmad_provisioner.kinds.performance.report.account import Account
from bmad_provisioner.kinds.performance.report.wording import counted, listed, part


def caveats(account: Account) -> tuple[str, ...]:
    """Return everything that makes what was measured less sure, the most general first."""
    return tuple(dict.fromkeys(_caveats(account)))


def _caveats(account: Account) -> Iterator[str]:
    if account.order.quick:
        yield "Measured in a hurry (`quick`): enough to see the way, too little to decide."
    yield from noisy(account.noise)
    for served, shape in account.shapes:
        if shape.void:
            yield f"The load `{shape.name}` of `{served.target}` says nothing: {shape.void}."
        elif shape.dropped:
            yield f"{counted(shape.dropped, 'request')} of the load `{shape.name}` of `{served.target}` were due but never sent."
        for problem, count in shape.problems:
            yield f"`{served.target}`, {shape.name}: {counted(count, 'request')} failed with: {problem}."
    for page in account.paged:
        yield from (f"`{page.target}`, page `{page.page}`: {problem}." for problem in page.problems)
    for work in account.worked:
        if work.failed or work.problem:
            why = f": {work.problem}" if work.problem else ""
            yield f"`{work.target}`: {work.failed} of {counted(work.runs, 'run')} failed{why}."
    blurred = [f"`{one.target}` {one.metric}" for one in account.readings if one.detectable >= 1]
    if blurred:
        yield f"Too little was measured, or it strays too much, to tell a change of {listed(blurred)}."
    for tool in missing(account):
        yield f"`{tool.tool}` is not here, so {tool.what}; {tool.how}."


def noisy(noise: Noise | None) -> Iterator[str]:
    """Yield how much the machine strays from itself."""
    if noise is None:
        yield "How much this machine strays from itself was not measured: small differences mean nothing."
        return
    unlike = {by: median(map(abs, ratios)) for by, ratios in noise.ratios.items() if ratios}
    if unlike:
        shown = listed(
            [f"{part(exp(apart) - 1)} by the {_CLOCKS.get(by, by)}" for by, apart in sorted(unlike.items(), reverse=True)]
        )
        yield f"The same work done twice here differs by {shown} (the median of {counted(len(noise.wall) // 2, 'pair')})."
    least = [f"{part(size)} by the {_CLOCKS.get(by, by)}" for by, size in sorted(noise.detectable.items(), reverse=True)]
    if least:
        yield f"Changes smaller than {listed(least)} do not show in the usual pairs."
    false = [f"{part(rate)} of cases by the {_CLOCKS.get(by, by)}" for by, rate in sorted(noise.alarms.items(), reverse=True)]
    if false:
        yield f"Between two runs of the same, the usual test found a change in {listed(false)}; 5% are what it should."
    if noise.load >= 1:
        yield f"The machine was busy with other work while its noise was measured: load average {noise.load:.2g}."


_CLOCKS = {"wall": "clock", "cpu": "processor"}


def missing(account: Account) -> tuple[Missing, ...]:
    """Return the tools that were not there, each once."""
    return tuple(dict.fromkeys(tool for found in account.found for tool in found.missing))


def machine(known: Machine) -> str:
    """Return what was measured on in one line."""
    processors = f"{counted(known.processors, 'processor')} ({known.model})"
    return f"{processors}, {told_size(known.memory)} of memory, {known.system}, {known.python}"
