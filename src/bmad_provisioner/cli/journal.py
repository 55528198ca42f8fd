"""Verbs on what is kept: history, cache."""

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


@click.group()
def cache() -> None:
    """Look at, prune and clear the cache and the backups."""


@cache.command()
@shared
def stats(folder: Path | None, as_json: bool, timings: bool) -> int:
    """Say how much is kept."""
    with progressing(timings=timings, as_json=as_json) as progress, opened(folder, progress) as session:
        count, size = session.blobs.size()
        numbers = {"outputs": session.cache.size(), "blobs": count, "bytes": size, "receipts": len(session.journal.names())}
    if as_json:
        out_json(numbers)
    for name, number in numbers.items() if not as_json else ():
        out(f"{name:<9} {number}")
    return CLEAN


@cache.command()
@shared
def clear(folder: Path | None, as_json: bool, timings: bool) -> int:
    """Forget cached outputs and index; receipts and backups stay."""
    with (
        progressing(timings=timings, as_json=as_json) as progress,
        opened(folder, progress) as session,
        session.alone("bmadp cache clear"),
    ):
        gone = upkeep.clear(session)
    if as_json:
        out_json({"forgotten": gone})
    else:
        out(f"forgot {gone} outputs")
    return CLEAN


@cache.command()
@shared
def prune(folder: Path | None, as_json: bool, timings: bool) -> int:
    """Drop bytes that no receipt and no cached output needs."""
    with (
        progressing(timings=timings, as_json=as_json) as progress,
        opened(folder, progress) as session,
        session.alone("bmadp cache prune"),
    ):
        gone = upkeep.prune(session)
    if as_json:
        out_json({"dropped": gone})
    else:
        out(f"dropped {gone} blobs")
    return CLEAN
