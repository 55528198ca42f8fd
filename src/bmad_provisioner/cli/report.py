"""Report: findings in the forms that other programs read: SARIF, and the commands of GitHub's workflows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from urllib.parse import quote
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from bmad_provisioner import __version__
from bmad_provisioner.characters import scrubbed
from bmad_provisioner.digest import Plain
from bmad_provisioner.finding import Finding, Severity
from bmad_provisioner.plan import Plan

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


def junit(plans: Iterable[Plan]) -> str:
    """Return plans as JUnit XML: the cases that a plan tells of as facts, and else its findings, one suite a document."""
    root = Element("testsuites", {"name": "bmadp"})
    for made in plans:
        cases = list(_cases(made))
        counts = {"tests": len(cases), "failures": sum(state == "broken" for *_, state, _ in cases), "errors": 0}
        suite = SubElement(root, "testsuite", {"name": made.document, **{name: str(count) for name, count in counts.items()}})
        for where, name, state, told in cases:
            case = SubElement(suite, "testcase", {"classname": f"{made.document}.{where}", "name": scrubbed(name), "time": "0"})
            if state == "broken":
                SubElement(case, "failure", {"message": scrubbed(told)})
            elif state == "unsure":
                SubElement(case, "skipped", {"message": scrubbed(told)})
    indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}\n'


def _cases(made: Plan) -> Iterator[tuple[str, str, str, str]]:
    """Yield where, what, how it is (`kept`, `broken`, `unsure`) and why."""
    said = made.facts.get("cases")
    rows = list(said.values()) if isinstance(said, Mapping) else []
    for row in rows:
        if isinstance(row, list | tuple) and len(row) == 4:
            yield str(row[0]), str(row[1]), str(row[2]), str(row[3])
    for one in made.findings:
        if one.severity is Severity.ERROR or (not rows and one.severity is Severity.WARNING):
            yield one.path, one.rule, "broken", one.message


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
