"""The verb apply, also called provision: it looks whether anything moved before it loads what it takes to write."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    watch_option,
    yes_option,
)
from bmad_provisioner.errors import UsageError
from bmad_provisioner.plan import Plan

if TYPE_CHECKING:
    from bmad_provisioner.tree.journal import Receipt

Ran = tuple["list[Plan]", "list[Receipt]"]


@click.command()
@manifest_argument
@yes_option
@click.option(
    "--plan", "saved", type=click.Path(path_type=Path), help="Apply exactly the plan that `analyze --save` wrote, or refuse."
)
@watch_option
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
    watch: bool,
    **more: Any,
) -> int:
    """Close the gap in one transaction, after showing it."""
    decided = choices(ours, theirs)

    def once() -> Ran:
        return _applied(manifest, folder, decided, more, yes=yes, saved=saved, as_json=as_json, timings=timings)

    if not watch:
        plans, receipts = once()
        return show.done_text(plans, receipts, as_json=as_json)
    # Only for who asks for it.
    from bmad_provisioner.cli import watch as watching  # noqa: PLC0415

    watching.alone(plan=saved, json=as_json, again=more["again"], refresh=more["refresh"])
    if not yes:
        raise UsageError("`--watch` writes without asking", hint="`bmadp apply --yes --watch`")
    return watching.watch(partial(_told, once), manifest, folder)


def _told(once: Callable[[], Ran]) -> Ran:
    plans, receipts = once()
    show.done_text(plans, receipts, as_json=False)
    return plans, receipts


def _applied(
    manifest: Path | None,
    folder: Path | None,
    decided: dict[str, str],
    more: dict[str, Any],
    *,
    yes: bool,
    saved: Path | None,
    as_json: bool,
    timings: bool,
) -> Ran:
    """Apply the manifest once, and return the plans and the receipts."""
    with progressing(timings=timings, as_json=as_json) as progress:
        read = read_manifest(manifest, folder)
        other = decided or saved is not None or more["refresh"] or more["again"] or more["on"]
        known = None if other else glanced(read, folder, progress, settings_of(more), wanted=lambda made: made.is_idle)
        if known is not None:
            cached_text(yes=yes or not known.asks)
            if not as_json:
                show.told_text(foreseen(known))
            return [foreseen(known)], []
        # Heavy, and not needed when nothing moved.
        from bmad_provisioner.cli.change import carry_out  # noqa: PLC0415
        from bmad_provisioner.cli.work import asking, working  # noqa: PLC0415

        with working(read, folder, progress, settings_of(more)) as work:
            return carry_out(work, asking(more, choices=decided), yes=yes or saved is not None, saved=saved, as_json=as_json)
