"""Report: findings in the forms that other programs read: SARIF, and the commands of GitHub's workflows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from urllib.parse import quote

from bmad_provisioner import __version__
from bmad_provisioner.digest import Plain
from bmad_provisioner.finding import Finding, Severity

_LEVELS: Mapping[Severity, str] = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_COMMANDS: Mapping[Severity, str] = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


def sarif(findings: Iterable[Finding]) -> dict[str, Plain]:
    """Return findings as a log of SARIF 2.1.0 (https://docs.oasis-open.org/sarif/sarif/v2.1.0/)."""
    told = list(findings)
    rules: list[Plain] = [{"id": rule} for rule in sorted({one.rule for one in told})]
    driver: dict[str, Plain] = {"name": "bmadp", "version": __version__, "rules": rules}
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": [_result(one) for one in told]}],
    }


def _result(one: Finding) -> dict[str, Plain]:
    hint = f" ({one.hint})" if one.hint else ""
    result: dict[str, Plain] = {
        "ruleId": one.rule,
        "level": _LEVELS[one.severity],
        "message": {"text": f"{one.message}{hint}"},
    }
    if _is_path(one.path):
        place: dict[str, Plain] = {"artifactLocation": {"uri": quote(one.path)}}
        if one.line:
            place["region"] = {"startLine": one.line}
        result["locations"] = [{"physicalLocation": place}]
    return result


def github(findings: Iterable[Finding]) -> list[str]:
    """Return findings as workflow commands, which GitHub shows beside the lines they speak of."""
    return [_command(one) for one in findings]


def _command(one: Finding) -> str:
    marks = {"file": one.path if _is_path(one.path) else "", "line": str(one.line or ""), "title": one.rule}
    told = ",".join(f"{name}={_escaped(value, ':,')}" for name, value in marks.items() if value)
    return f"::{_COMMANDS[one.severity]} {told}::{_escaped(one.message)}"


def _escaped(text: str, more: str = "") -> str:
    """Return a text as a workflow command takes it: what would end it is spelled by its number."""
    for letter in f"%\r\n{more}":
        text = text.replace(letter, f"%{ord(letter):02X}")
    return text


def _is_path(path: str) -> bool:
    return "/" in path or "." in PurePosixPath(path).name
