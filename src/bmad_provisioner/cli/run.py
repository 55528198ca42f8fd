"""The verb run: have the agents of a team do their work, remember it, and show what applying it would change."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from bmad_provisioner.cli import show
from bmad_provisioner.cli.agents import cached_text, gate, ran_text
from bmad_provisioner.cli.code import foreseen, is_code
from bmad_provisioner.cli.inspect import tell_findings
from bmad_provisioner.cli.options import (
    Manifest,
    again_options,
    glanced,
    manifest_argument,
    progressing,
    read_manifest,
    setting_options,
    settings_of,
    shared,
    yes_option,
)
from bmad_provisioner.cli.progress import Progress
from bmad_provisioner.cli.tell import CLEAN, FAILED, out_json, say
from bmad_provisioner.plan import Plan


@click.command()
@manifest_argument
@yes_option
@again_options
@setting_options
@shared
def run(
    manifest: Path | None,
    yes: bool,
    folder: Path | None,
    as_json: bool,
    timings: bool,
    **more: Any,
) -> int:
    """Have the agents do their work and remember it. Writes nothing into the project: `apply` does."""
    with progressing(timings=timings, as_json=as_json) as progress:
        read, start = read_manifest(manifest, folder), time.perf_counter()
        other = more["refresh"] or more["again"] or more["on"]
        known = None if other else glanced(read, folder, progress, settings_of(more), wanted=lambda made: made.asks)
        if known is None:
            plans = _made(read, folder, progress, more, yes=yes, as_json=as_json)
        else:
            plans = [known]
            cached_text(yes=yes)
            _tell(known, start, as_json=as_json)
    if as_json:
        out_json({"plans": [show.plan_plain(made) for made in plans]})
    elif any(made.writes for made in plans):
        say("hint: `bmadp analyze` shows what it changes, `bmadp apply` writes it")
    return FAILED if any(made.errors for made in plans) else CLEAN


def _made(
    manifest: Manifest, folder: Path | None, progress: Progress, more: dict[str, Any], *, yes: bool, as_json: bool
) -> list[Plan]:
    """Have the agents of each document do their work, and return the plans."""
    # Heavy, and not needed when nothing moved.
    from bmad_provisioner import api  # noqa: PLC0415
    from bmad_provisioner.cli.work import asking, working  # noqa: PLC0415
    from bmad_provisioner.likeness import note  # noqa: PLC0415

    wanted, plans = asking(more, hold=False), []
    with working(manifest, folder, progress, settings_of(more)) as work, work.session.alone("bmadp run"):
        for request in work.requests:
            gate(work.session, request, wanted, yes=yes)
            start = time.perf_counter()
            plans.append(foreseen(api.plan(work.session, request, wanted)))
            note(work.session, plans[-1])
            _tell(plans[-1], start, as_json=as_json)
    return plans


def _tell(made: Plan, start: float, *, as_json: bool) -> None:
    if not as_json:
        tell_findings(made)
        if is_code(made):
            show.plan_text(made)
        else:
            ran_text(made, seconds=time.perf_counter() - start)
