"""The verb apply, also called provision: it looks whether anything moved before it loads what it takes to write."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bmad_provisioner.cli import show
from bmad_provisioner.cli.options import choice_options, choices, glanced, manifest_argument, progressing, read_manifest, shared
from bmad_provisioner.cli.tell import CLEAN, out, out_json, say
from bmad_provisioner.plan import Plan

if TYPE_CHECKING:
    from bmad_provisioner.tree.journal import Receipt

YES = click.option("--yes", "-y", is_flag=True, help="Do not ask.")
_DONE = {"apply": "applied", "heal": "healed", "restore": "took back"}


@click.command()
@manifest_argument
@YES
@click.option(
    "--plan", "saved", type=click.Path(path_type=Path), help="Apply exactly the plan that `analyze --save` wrote, or refuse."
)
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
) -> int:
    """Close the gap in one transaction, after showing it."""
    decided = choices(ours, theirs)
    with progressing(timings=timings, as_json=as_json) as progress:
        read = read_manifest(manifest, folder)
        known = glanced(read, folder, progress) if not decided else None
        if known is not None and saved is None:
            return told([known], [], as_json=as_json)
        # Heavy, and not needed when nothing moved.
        from bmad_provisioner.cli.change import carry_out  # noqa: PLC0415
        from bmad_provisioner.cli.work import working  # noqa: PLC0415

        with working(read, folder, progress) as work:
            return carry_out(work, decided, yes=yes or saved is not None, saved=saved, as_json=as_json)


def told(plans: list[Plan], receipts: list[Receipt], *, as_json: bool) -> int:
    """Say what was done, and how to take it back."""
    if as_json:
        out_json(
            {"plans": [show.plan_plain(made) for made in plans], "receipts": [show.receipt_plain(receipt) for receipt in receipts]}
        )
        return CLEAN
    for receipt in receipts:
        written = sum(change.writes for change in receipt.changes)
        out(f"{_DONE[receipt.verb]} {written} change{'s' * (written != 1)} as receipt {receipt.number}", colour="green")
        say(f"hint: `bmadp restore {receipt.number}` takes it back")
    if not receipts:
        out(f"nothing to do: {sum(made.current for made in plans)} files are up to date")
    return CLEAN
