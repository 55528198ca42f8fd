"""Documents: YAML text to checked documents, or every reason why not, with lines; and the JSON schema of it all."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bmad_provisioner.characters import shown
from bmad_provisioner.digest import Plain
from bmad_provisioner.errors import DocumentError
from bmad_provisioner.finding import Finding, Severity
from bmad_provisioner.kind import Document, Kind
from bmad_provisioner.plugins import Plugins, did_you_mean
from bmad_provisioner.source import read
from bmad_provisioner.strict_yaml import Part
from bmad_provisioner.strict_yaml import parse as parse_yaml

DEFAULT_KIND = "Skills"
DRAFT = "https://json-schema.org/draft/2020-12/schema"

RULES: Mapping[str, str] = {
    "document-empty": "a file in which no document stands",
    "document-shape": "a document that is not a mapping of keys to values",
    "document-kind": "`kind:` is missing (it may be left out where `project:` stands), no text, or unknown",
    "document-name": "`name:` is missing or no text (Skills take theirs from `project.name`)",
    "document-twice": "two documents of one kind and name in one file",
}


@dataclass(frozen=True, slots=True)
class Parsed:
    """The documents of a file, in its order, and what is worth saying about them (no errors: those are raised)."""

    documents: tuple[Document, ...]
    findings: tuple[Finding, ...]


def parse(text: bytes, source: str, kinds: Mapping[str, Kind] | None = None) -> Parsed:
    """Return the documents in `text`; raises DocumentError with every finding if one of them is an error.

    A document in which the YAML guard had to leave something out is not checked by its kind: what the kind would
    say is missing may well stand there.
    """
    kinds = Plugins("bmad_provisioner.kinds") if kinds is None else kinds
    stream = parse_yaml(text, source)
    findings = list(stream.findings)
    documents: list[Document] = []
    for part in stream.parts:
        if part.data is None:
            continue
        document, faults = _document(part, source, kinds)
        findings += faults
        if document is not None:
            documents.append(document)
            findings += kinds[document.kind].check(document) if part.whole else ()
    findings += _twice(documents)
    if not documents and not findings:
        hint = "`bmadp init` writes one to start from"
        findings.append(Finding(source, "document-empty", "no document stands here", line=1, hint=hint))
    ordered = tuple(sorted(dict.fromkeys(findings), key=lambda finding: (finding.line is None, finding.line or 0)))
    errors = sum(finding.severity is Severity.ERROR for finding in ordered)
    if errors:
        raise DocumentError(f"`{source}` has {errors} error{'s' if errors > 1 else ''}", findings=ordered)
    return Parsed(tuple(documents), ordered)


def load(path: Path, kinds: Mapping[str, Kind] | None = None) -> Parsed:
    """Read and parse the file at `path`; raises UsageError if it cannot be read, DocumentError if it is wrong."""
    return parse(read(path), str(path), kinds)


def schema(kinds: Mapping[str, Kind] | None = None) -> dict[str, Plain]:
    """Return the JSON schema of a document of any kind, for editors."""
    kinds = Plugins("bmad_provisioner.kinds") if kinds is None else kinds
    definitions: dict[str, Plain] = {}
    for name in sorted(kinds):
        own = dict(kinds[name].schema())
        own.pop("$schema", None)
        inner = own.pop("$defs", {})
        definitions[name] = _moved(own, name)
        if isinstance(inner, Mapping):
            definitions |= {f"{name}.{part}": _moved(value, name) for part, value in inner.items()}
    return {
        "$schema": DRAFT,
        "title": "BMAD Provisioner document",
        "oneOf": [{"$ref": f"#/$defs/{name}"} for name in sorted(kinds)],
        "$defs": definitions,
    }


def _document(part: Part, source: str, kinds: Mapping[str, Kind]) -> tuple[Document | None, list[Finding]]:
    """Return the document a part stands for, and what is wrong with its kind and name."""

    def fault(rule: str, message: str, hint: str, *place: str) -> tuple[None, list[Finding]]:
        return None, [Finding(source, rule, message, line=part.lines.get(place) or part.lines.get(()), hint=hint)]

    data = part.data
    if not isinstance(data, Mapping):
        return fault("document-shape", "a document is a mapping, like `project:` with fields below it", "")
    kind = data.get("kind", DEFAULT_KIND if "project" in data else None)
    if kind is None:
        return fault("document-kind", "kind: field required", did_you_mean("", tuple(kinds)), "kind")
    if not isinstance(kind, str):
        return fault("document-kind", "kind: must be text", did_you_mean("", tuple(kinds)), "kind")
    if kind not in kinds:
        return fault("document-kind", f"kind: unknown kind `{shown(kind)}`", did_you_mean(kind, tuple(kinds)), "kind")
    document = Document(kind, _name(kind, data), data, source, part.lines)
    if not document.name and kind != DEFAULT_KIND:
        what = "must be text" if data.get("name") is not None else "field required"
        return document, fault("document-name", f"name: {what}", "the name under which its files are recorded", "name")[1]
    return document, []


def _name(kind: str, data: Mapping[str, Plain]) -> str:
    """Return the document's name, or nothing if it has none; the kind Skills checks its own."""
    holder = data.get("project") if kind == DEFAULT_KIND else data
    name = holder.get("name") if isinstance(holder, Mapping) else None
    return name if isinstance(name, str) else ""


def _twice(documents: list[Document]) -> Iterator[Finding]:
    first: dict[str, Document] = {}
    for document in documents:
        other = first.setdefault(document.identity, document)
        if other is not document and document.name:
            message = f"`{document.identity}` is declared twice (first on line {other.line()})"
            yield Finding(document.source, "document-twice", message, line=document.line(), hint="rename one of the two")


def _moved(value: Plain, kind: str) -> Plain:
    """Return a kind's schema with its references pointing at where it now stands."""
    if isinstance(value, Mapping):
        return {key: _reference(part, kind) if key == "$ref" else _moved(part, kind) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_moved(part, kind) for part in value]
    return value


def _reference(value: Plain, kind: str) -> Plain:
    if not isinstance(value, str):
        return _moved(value, kind)
    if value == "#":
        return f"#/$defs/{kind}"
    return value.replace("#/$defs/", f"#/$defs/{kind}.", 1) if value.startswith("#/$defs/") else value


def pack(parsed: Parsed) -> dict[str, Plain]:
    """Return what was parsed as plain data, to be kept with the digest of the bytes it came from.

    The data goes as text: its keys stay in the order of the document, which decides among equals.
    """
    return {
        "documents": [
            [one.kind, one.name, json.dumps(one.data), one.source, [[list(place), line] for place, line in one.lines.items()]]
            for one in parsed.documents
        ],
        "findings": [[f.path, f.rule, f.message, f.severity.value, f.line, f.hint] for f in parsed.findings],
    }


def unpack(body: Any) -> Parsed:
    """Return what `pack` was given."""
    return Parsed(
        tuple(
            Document(kind, name, json.loads(data), source, {tuple(place): line for place, line in lines})
            for kind, name, data, source, lines in body["documents"]
        ),
        tuple(Finding(p, r, m, Severity(s), line, hint) for p, r, m, s, line, hint in body["findings"]),
    )
