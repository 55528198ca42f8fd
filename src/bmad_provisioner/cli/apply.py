"""The verb apply, also called provision: it looks whether anything moved before it loads what it takes to write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bmad_provisioner.cli import show
from bmad_provisioner.cli.agents import cached_text
from bmad_provisioner.cli.code import foreseen
from bmad_provisioner.cli.options import (
    again_options,
    choice_options,
    choices,
    glanced,
    manifest_argument,
    progressing,
    read_manifest,
    setting_options,
    settings_of,
    shared,
    yes_option,
)


@click.command()
@manifest_argument
@yes_option
@click.option(
    "--plan", "saved", type=click.Path(path_type=Path), help="Apply exactly the plan that `analyze --save` wrote, or refuse."
)
@again_options
@setting_options
@choice_options
@shared
def apply(
    manifest: Path | None,
    yes: bool,
    saved: Path | None,
    ours: tuple[str, ...],
    theirs: tuple[str, ...],
    folder: Path | None,
    as_json: bool,
    timings: bool,
    **more: Any,
) -> int:
    """Close the gap in one transaction, after showing it."""
    decided = choices(ours, theirs)
    with progressing(timings=timings, as_json=as_json) as progress:
        read = read_manifest(manifest, folder)
        other = decided or saved is not None or more["refresh"] or more["again"] or more["on"]
        known = None if other else glanced(read, folder, progress, settings_of(more), wanted=lambda made: made.is_idle)
        if known is not None:
            cached_text(yes=yes or not known.asks)
            if not as_json:
                show.told_text(foreseen(known))
            return show.done_text([foreseen(known)], [], as_json=as_json)
        # Heavy, and not needed when nothing moved.
        from bmad_provisioner.cli.change import carry_out  # noqa: PLC0415
        from bmad_provisioner.cli.work import asking, working  # noqa: PLC0415

        with working(read, folder, progress, settings_of(more)) as work:
            return carry_out(work, asking(more, choices=decided), yes=yes or saved is not None, saved=saved, as_json=as_json)
