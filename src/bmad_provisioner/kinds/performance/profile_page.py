"""Profile page: what looking into the targets came to: causes with their places and evidence, and where the time went."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bmad_provisioner.kinds.performance.causes import Cause
from bmad_provisioner.kinds.performance.measured import Found
from bmad_provisioner.kinds.performance.report import tables
from bmad_provisioner.kinds.performance.report.markdown import bullets, page, prose, table
from bmad_provisioner.kinds.performance.report.wording import counted, quoted, saves

_HOW = "Found by looking on while requests were answered; what was looked at in this way was never timed."


def profile_md(name: str, found: Sequence[Found]) -> str:
    """Return `profile.md` of a document: target by target, lane by lane, the costliest first."""
    return page([f"# Profile of {prose(name)}", "", _HOW, ""], (line for one in found for line in _target(one)))


def _target(found: Found) -> Iterator[str]:
    yield from (f"## {prose(found.target)}", "")
    yield from table(tables.causes(found.causes))
    if not found.causes:
        yield from ("Nothing was found that is worth the work.", "")
    for cause in found.causes:
        yield from _told(cause)
    functions = list(table(tables.shares(found)))
    yield from ("### Where the time was spent", "", *functions) if functions else ()
    missing = [f"left out: {one.what}, as {quoted(one.tool)} is not here; {one.how}" for one in found.missing]
    if found.looked or missing:
        yield from ("### What was looked into", "", *bullets((*found.looked, *missing)))


def _told(cause: Cause) -> Iterator[str]:
    where = f" at {quoted(cause.where)}" if cause.where else ""
    looks = f"seen in {counted(cause.looks, 'look')}" if cause.looks else "counted, not sampled"
    yield from (f"**{prose(cause.kind)}** in {prose(quoted(cause.request) + where)}", "")
    remedy = f"remedy: {cause.remedy}" if cause.remedy else ""
    yield from bullets(filter(None, (f"{cause.evidence} ({looks})", remedy, f"it {saves(cause)}")))
