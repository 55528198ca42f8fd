"""The verb history: the transactions of a project, and whether the chain of their receipts is whole."""

from __future__ import annotations

from pathlib import Path

import click

from bmad_provisioner import upkeep
from bmad_provisioner.cli import show
from bmad_provisioner.cli.options import progressing, shared
from bmad_provisioner.cli.tell import CLEAN, FAILED, out, out_json, tell_finding
from bmad_provisioner.cli.work import opened


@click.command()
@click.option("--verify", is_flag=True, help="Check every receipt, the chain, and the bytes a restore would need.")
@shared
def history(verify: bool, folder: Path | None, as_json: bool, timings: bool) -> int:
    """List the transactions of a project; `--verify` checks the chain."""
    with progressing(timings=timings, as_json=as_json) as progress, opened(folder, progress) as session:
        if verify:
            findings = upkeep.verify(session)
            if as_json:
                out_json(show.findings_plain(findings))
            for finding in findings if not as_json else ():
                tell_finding(finding)
            if not as_json:
                out("the journal is whole" if not findings else "the journal is damaged", bold=True)
            return FAILED if findings else CLEAN
        receipts = list(session.journal)
    if as_json:
        out_json([show.receipt_plain(receipt) for receipt in receipts])
    for receipt in reversed(receipts) if not as_json else ():
        out(show.receipt_text(receipt))
    return CLEAN
