"""Verbs that write: apply, restore, heal. Each shows what it will do, asks, and does all of it or nothing."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from bmad_provisioner import api
from bmad_provisioner.cli import show
from bmad_provisioner.cli.options import (
    Work,
    choice_options,
    choices,
    glanced,
    manifest_argument,
    opened,
    progressing,
    read_manifest,
    shared,
    signature,
    working,
)
from bmad_provisioner.cli.tell import CLEAN, out, out_json, say, tell_finding
from bmad_provisioner.errors import StaleError, UsageError
from bmad_provisioner.finding import Severity
from bmad_provisioner.plan import Plan
from bmad_provisioner.tree.journal import Receipt

_YES = click.option("--yes", "-y", is_flag=True, help="Do not ask.")


@click.command()
@manifest_argument
@_YES
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
        if known is not None and (saved is None or _reviewed(saved) == [known.digest]):
            return _told([known], [], as_json=as_json)
        with working(read, folder, progress) as work:
            return _apply(work, decided, yes=yes or saved is not None, saved=saved, as_json=as_json)


def _apply(work: Work, decided: dict[str, str], *, yes: bool, saved: Path | None, as_json: bool) -> int:
    with work.session.alone("bmadp apply"):
        plans, receipts = [], []
        expected = _reviewed(saved) if saved else None
        for number, request in enumerate(work.requests):
            made = api.plan(work.session, request, hold=saved is not None, choices=decided)
            if expected is not None and (number >= len(expected) or expected[number] != made.digest):
                raise StaleError(
                    f"the plan is no longer the one in `{saved}`; nothing was applied",
                    hint="review it anew: `bmadp analyze --save FILE`",
                )
            plans.append(made)
            if not as_json:
                _show(made)
            _ask(made, f"apply {len(made.writes)} changes?", yes=yes)
            receipt = api.apply(work.session, made, signature(), manifest=work.manifest.data, path=str(work.manifest.path))
            if receipt is not None:
                receipts.append(receipt)
    return _told(plans, receipts, as_json=as_json)


def _reviewed(path: Path) -> list[str]:
    try:
        body = json.loads(path.read_bytes())
        return [made["plan"] for made in body["plans"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"`{path}` is no plan: {error}", hint="`bmadp analyze --save FILE` writes one") from error


def _show(made: Plan) -> None:
    for finding in made.findings:
        if finding.severity is not Severity.INFO:
            tell_finding(finding)
    if not made.is_clean:
        show.plan_text(made)


def _ask(made: Plan, question: str, *, yes: bool) -> None:
    if yes or not made.writes or made.errors or made.conflicts:
        return
    if not sys.stdin.isatty():
        raise UsageError("there is nobody to ask", hint="`--yes` does it without asking")
    click.confirm(question, abort=True, err=True)


def _told(plans: list[Plan], receipts: list[Receipt], *, as_json: bool) -> int:
    if as_json:
        out_json(
            {"plans": [show.plan_plain(made) for made in plans], "receipts": [show.receipt_plain(receipt) for receipt in receipts]}
        )
        return CLEAN
    for receipt in receipts:
        written = sum(change.writes for change in receipt.changes)
        out(f"applied {written} change{'s' * (written != 1)} as receipt {receipt.number}", colour="green")
        say(f"hint: `bmadp restore {receipt.number}` takes it back")
    if not receipts:
        out(f"nothing to do: {sum(made.current for made in plans)} files are up to date")
    return CLEAN


@click.command()
@click.argument("receipt", required=False, type=int)
@_YES
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
    return _told([made], [done], as_json=as_json)


@click.command()
@_YES
@shared
def heal(yes: bool, folder: Path | None, as_json: bool, timings: bool) -> int:
    """Put back what a BMAD update took away: the manifest as it was last applied, in the project as it is now."""
    with (
        progressing(timings=timings, as_json=as_json) as progress,
        opened(folder, progress) as session,
        session.alone("bmadp heal"),
    ):
        plans, receipts = [], []
        for applied in api.applied(session):
            made = api.plan(session, applied.request, hold=False)
            plans.append(made)
            if not as_json:
                _show(made)
            _ask(made, f"heal {len(made.writes)} files?", yes=yes)
            done = api.apply(session, made, signature(), verb="heal", manifest=applied.data, path=applied.path)
            receipts += [done] if done is not None else []
    return _told(plans, receipts, as_json=as_json)
