"""The verb run: have the agents of a team do their work, remember it, and show what applying it would change."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from bmad_provisioner import api
from bmad_provisioner.cli import show
from bmad_provisioner.cli.agents import gate, ran_text
from bmad_provisioner.cli.inspect import tell_findings
from bmad_provisioner.cli.options import (
    again_options,
    manifest_argument,
    progressing,
    read_manifest,
    setting_options,
    settings_of,
    shared,
    yes_option,
)
from bmad_provisioner.cli.tell import CLEAN, FAILED, out_json, say
from bmad_provisioner.cli.work import asking, working
from bmad_provisioner.likeness import note


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
    wanted = asking(more, hold=False)
    plans = []
    with progressing(timings=timings, as_json=as_json) as progress:
        read = read_manifest(manifest, folder)
        with working(read, folder, progress, settings_of(more)) as work, work.session.alone("bmadp run"):
            for request in work.requests:
                gate(work.session, request, wanted, yes=yes)
                start = time.perf_counter()
                made = api.plan(work.session, request, wanted)
                plans.append(made)
                note(work.session, made)
                if not as_json:
                    tell_findings(made)
                    ran_text(made, seconds=time.perf_counter() - start)
    if as_json:
        out_json({"plans": [show.plan_plain(made) for made in plans]})
    elif any(made.writes for made in plans):
        say("hint: `bmadp analyze` shows what it changes, `bmadp apply` writes it")
    return FAILED if any(made.errors for made in plans) else CLEAN
