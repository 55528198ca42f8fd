"""Baseline page: what was measured, on what, by which loads, and how sure it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bmad_provisioner.kinds.performance.measured import Served
from bmad_provisioner.kinds.performance.quantities import told_seconds, told_size
from bmad_provisioner.kinds.performance.report import tables
from bmad_provisioner.kinds.performance.report.account import Account
from bmad_provisioner.kinds.performance.report.caveats import caveats, machine
from bmad_provisioner.kinds.performance.report.markdown import bullets, page, prose, table
from bmad_provisioner.kinds.performance.report.pictures import Picture
from bmad_provisioner.kinds.performance.report.tables import Table
from bmad_provisioner.kinds.performance.report.verdict import speed

NO_FID = "Interaction to Next Paint says how fast a page reacts: it took the place of First Input Delay in 2024."
CLOCK = (
    "Times count from when a request was due, as people wait, and in brackets from when it was sent. "
    "`late` is how far the generator itself was behind at its 99th percentile, `processor` what one request costs."
)


def baseline_md(account: Account, pictures: Sequence[Picture] = ()) -> str:
    """Return `baseline.md`; `pictures` are those that are written to `plots/` beside it."""
    return page(
        [f"# Baseline of {prose(account.order.name)}", ""],
        bullets(speed(account)),
        [f"Measured on {prose(machine(account.machine))}.", ""] if account.machine else [],
        _titled("What was read", tables.readings(account.readings)),
        ["## How sure this is", ""],
        bullets(caveats(account)),
        (line for one in account.served for line in _service(one)),
        _titled("Pages", tables.pages(account.paged), NO_FID),
        _titled("Commands and functions", tables.runs(account.worked)),
        (line for one in pictures for line in (f"![{prose(one.words)}](plots/{one.name}.svg)", "")),
    )


def _titled(title: str, made: Table, note: str = "") -> Iterator[str]:
    if made.rows:
        yield from (f"## {title}", "", note, "", *table(made))


def _service(served: Served) -> Iterator[str]:
    yield from (f"## Service {prose(served.target)}", "", f"{started(served)}", "")
    yield from (*table(tables.loads(served)), CLOCK, "")
    yield from table(tables.routes(served))
    yield from table(tables.crowds(served))


def started(served: Served) -> str:
    """Return how a service came up in a sentence."""
    held = f", and held {told_size(served.idle)} of memory then" if served.idle else ""
    return f"It was ready {told_seconds(served.ready)} after its start{held}."
