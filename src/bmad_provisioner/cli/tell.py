"""Tell: talk for people on stderr, data on stdout, and the exit codes."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, TextIO

import click

from bmad_provisioner.characters import scrubbed
from bmad_provisioner.errors import BmadpError
from bmad_provisioner.finding import Finding, Severity

CLEAN, FAILED, USAGE, BUG, PENDING, DRIFT, CONFLICT, INTERRUPTED = 0, 1, 2, 3, 4, 5, 6, 130
_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}
_MOST = 500
"""Characters of one message; of a longer one the beginning and the end are shown (`--json` has all of it)."""


def _colour() -> bool | None:
    return False if os.environ.get("NO_COLOR") else None


def _fit(text: str, stream: TextIO) -> str:
    """Return `text` without what a terminal would obey or UTF-8 cannot say; a pipe gets everything else as it is."""
    return scrubbed(text) if stream.isatty() else text.encode("utf-8", "replace").decode("utf-8")


def _line(text: str) -> str:
    """Return `text` as one line of a bearable length."""
    flat = text.replace("\r", "\\r").replace("\n", "\\n")
    return flat if len(flat) <= _MOST else f"{flat[: _MOST - 100]} ... {flat[-90:]}"


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural where it takes one."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


def say(text: str = "", *, label: str = "", colour: str | None = None) -> None:
    """Write a line of talk to stderr, after a coloured label if there is one."""
    head = f"{click.style(label, fg=colour)}: " if label else ""
    click.echo(head + _fit(text, sys.stderr), err=True, color=_colour())


def out(text: str = "", *, colour: str | None = None, bold: bool | None = None) -> None:
    """Write a line of a result to stdout."""
    text = _fit(text, sys.stdout)
    click.echo(click.style(text, fg=colour, bold=bold) if colour or bold else text, color=_colour())


def out_json(value: Any) -> None:
    """Write a result to stdout as JSON; a name that is no UTF-8 is spelled with escapes."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        text = json.dumps(value, indent=2)
    click.echo(text)


def tell(error: BmadpError) -> None:
    """Write an error, its findings and what to do next."""
    for finding in error.findings:
        tell_finding(finding)
    say(_line(error.message), label="error", colour="red")
    if error.hint:
        say(f"hint: {_line(error.hint)}")


def tell_finding(finding: Finding) -> None:
    """Write one finding."""
    plain = replace(finding, path=_line(finding.path), message=_line(finding.message), hint=_line(finding.hint))
    _label, _, rest = str(plain).partition(": ")
    say(rest, label=finding.severity.value, colour=_COLOURS[finding.severity])


def tell_warnings(findings: Iterable[Finding]) -> None:
    """Write the warnings among findings: errors are told by the refusal."""
    for finding in findings:
        if finding.severity is Severity.WARNING:
            tell_finding(finding)
