"""What writes: apply, restore, heal. Each shows what it will do, asks, and does all of it or nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import click

from bmad_provisioner import api
from bmad_provisioner import heal as healing
from bmad_provisioner.cli import show
from bmad_provisioner.cli.agents import confirm, gate
from bmad_provisioner.cli.code import foreseen
from bmad_provisioner.cli.options import choice_options, choices, progressing, shared, yes_option
from bmad_provisioner.cli.tell import counted, out
from bmad_provisioner.cli.work import Work, opened, signature
from bmad_provisioner.errors import StaleError, UsageError
from bmad_provisioner.likeness import note
from bmad_provisioner.plan import Plan
from bmad_provisioner.tree.journal import Receipt


def carry_out(work: Work, asking: api.Asking, *, yes: bool, saved: Path | None, as_json: bool) -> tuple[list[Plan], list[Receipt]]:
    """Plan and apply every document of a manifest in turn, each against what the one before left; return plans and receipts."""
    with work.session.alone("bmadp apply"):
        plans: list[Plan] = []
        receipts: list[Receipt] = []
        expected = _reviewed(saved) if saved else None
        for number, request in enumerate(work.requests):
            if saved is None:
                gate(work.session, request, asking, yes=yes)
            made = api.plan(work.session, request, replace(asking, hold=saved is not None))
            if expected is not None and (number >= len(expected) or expected[number] != made.digest):
                raise StaleError(
                    f"the plan is no longer the one in `{saved}`; nothing was applied",
                    hint="review it anew: `bmadp analyze --save FILE`",
                )
            plans.append(foreseen(made))
            if made.asks:
                note(work.session, made)
            if not as_json:
                show.told_text(foreseen(made))
            _ask(made, f"apply {len(made.writes)} changes?", yes=yes)
            receipt = api.apply(work.session, made, signature(), manifest=work.manifest.data, path=str(work.manifest.path))
            if receipt is not None:
                receipts.append(receipt)
    return plans, receipts


def _reviewed(path: Path) -> list[str]:
    try:
        if not path.is_file():
            raise ValueError("no such file" if not path.exists() else "no plain file")
        body = json.loads(path.read_bytes())
        return [made["plan"] for made in body["plans"]]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise UsageError(f"`{path}` is no plan: {error}", hint="`bmadp analyze --save FILE` writes one") from error


def _ask(made: Plan, question: str, *, yes: bool) -> None:
    if yes or not made.writes or made.errors or made.conflicts:
        return
    confirm(question, yes=False)


@click.command()
@click.argument("receipt", required=False, type=int)
@yes_option
@choice_options
@shared
def restore(
    receipt: int | None,
    yes: bool,
    ours: tuple[str, ...],
    theirs: tuple[str, ...],
    folder: Path | None,
    as_json: bool,
    timings: bool,
) -> int:
    """Take a transaction back: the last one in force, or the RECEIPT with the number given."""
    with (
        progressing(timings=timings, as_json=as_json) as progress,
        opened(folder, progress) as session,
        session.alone("bmadp restore"),
    ):
        target, made = api.undo(session, receipt, choices=choices(ours, theirs))
        if not as_json:
            out(f"taking back receipt {target.number} ({target.verb}, {target.when}, {target.who})")
            show.plan_text(made)
        _ask(made, f"undo {len(made.writes)} changes?", yes=yes)
        done = api.restore(session, target, made, signature())
    return show.done_text([made], [done], as_json=as_json)


@click.command()
@yes_option
@choice_options
@shared
def heal(yes: bool, ours: tuple[str, ...], theirs: tuple[str, ...], folder: Path | None, as_json: bool, timings: bool) -> int:
    """Put back what a BMAD update took away: the manifest as it was last applied, in the project as it is now."""
    with (
        progressing(timings=timings, as_json=as_json) as progress,
        opened(folder, progress) as session,
        session.alone("bmadp heal"),
    ):
        plans, receipts = [], []
        for applied in healing.applied(session):
            made = api.plan(session, applied.request, api.Asking(hold=applied.request.kind.asks, choices=choices(ours, theirs)))
            plans.append(made)
            if not as_json:
                show.told_text(made)
            _ask(made, f"heal {counted(len(made.writes), 'file')}?", yes=yes)
            done = api.apply(session, made, signature(), verb="heal", manifest=applied.data, path=applied.path)
            receipts += [done] if done is not None else []
    return show.done_text(plans, receipts, as_json=as_json)
