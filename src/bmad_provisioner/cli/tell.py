"""Tell: talk for people on stderr, data on stdout, and the exit codes."""

from __future__ import annotations

import json
import os
from typing import Any

import click

from bmad_provisioner.errors import BmadpError
from bmad_provisioner.finding import Finding, Severity

CLEAN, FAILED, USAGE, BUG, PENDING, DRIFT, CONFLICT, INTERRUPTED = 0, 1, 2, 3, 4, 5, 6, 130
_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}


def _colour() -> bool | None:
    return False if os.environ.get("NO_COLOR") else None


def say(text: str = "") -> None:
    """Write a line of talk to stderr."""
    click.echo(text, err=True, color=_colour())


def out(text: str = "", *, colour: str | None = None, bold: bool | None = None) -> None:
    """Write a line of a result to stdout."""
    click.echo(click.style(text, fg=colour, bold=bold) if colour or bold else text, color=_colour())


def out_json(value: Any) -> None:
    """Write a result to stdout as JSON."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def tell(error: BmadpError) -> None:
    """Write an error, its findings and what to do next."""
    for finding in error.findings:
        tell_finding(finding)
    say(f"{click.style('error', fg='red')}: {error.message}")
    if error.hint:
        say(f"hint: {error.hint}")


def tell_finding(finding: Finding) -> None:
    """Write one finding."""
    label, _, rest = str(finding).partition(":")
    say(f"{click.style(label, fg=_COLOURS[finding.severity])}:{rest}")
