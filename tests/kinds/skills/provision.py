"""A runner small enough to trust: checks a manifest, compiles it against files, runs every task, and writes what comes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from bmad_provisioner.digest import Entry, digest
from bmad_provisioner.engine.task import Inputs, Output
from bmad_provisioner.finding import Finding, Severity
from bmad_provisioner.kind import Document
from bmad_provisioner.kinds.skills.kind import SKILLS

BMAD_6_12: Mapping[str, bytes] = {
    "_bmad/_config/manifest.yaml": b"installation:\n  version: 6.12.0\nmodules:\n  - name: core\n  - name: bmm\nides:\n  - claude-code\n  - cursor\n",
    "_bmad/_config/skill-manifest.csv": (
        b"canonicalId,name,description,module,path\n"
        b'"bmad-agent-dev","a","d","bmm","p"\n"bmad-agent-analyst","a","d","bmm","p"\n"bmad-agent-pm","a","d","bmm","p"\n"bmad-build","a","d","bmm","p"\n'
    ),
    "_bmad/config.toml": b'[agents.bmad-agent-dev]\nname = "Amelia"\n[agents.bmad-agent-analyst]\nname = "Mary"\n[agents.bmad-agent-pm]\nname = "John"\n',
}


@dataclass
class Sight:
    contents: Mapping[str, bytes] = field(default_factory=dict)
    others: Mapping[str, Entry] = field(default_factory=dict)

    @property
    def tree(self) -> Mapping[str, Entry]:
        return {path: Entry(digest(data)) for path, data in self.contents.items()} | dict(self.others)

    def entry(self, path: str) -> Entry | None:
        return self.tree.get(path)

    def read(self, path: str) -> bytes:
        return self.contents[path]


@dataclass
class Result:
    files: dict[str, bytes]
    findings: tuple[Finding, ...]
    outputs: dict[str, Output]

    @property
    def errors(self) -> list[str]:
        return [str(f) for f in self.findings if f.severity is Severity.ERROR]

    def write(self, root: Path) -> None:
        for path, data in self.files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(data)


def document(data: Mapping[str, Any] | str) -> Document:
    parsed = yaml.safe_load(data) if isinstance(data, str) else data
    lines = _lines(yaml.compose(data), ()) if isinstance(data, str) else {}
    name = parsed.get("project", {}).get("name", "") if isinstance(parsed.get("project"), dict) else ""
    return Document("Skills", str(name), parsed, "bmad-provisioner.yaml", lines)


def _lines(node: yaml.Node, place: tuple[str | int, ...]) -> dict[tuple[str | int, ...], int]:
    found = {place: node.start_mark.line + 1}
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            found |= _lines(value, (*place, key.value)) | {(*place, key.value): key.start_mark.line + 1}
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            found |= _lines(value, (*place, index))
    return found


def provision(
    data: Mapping[str, Any] | str, contents: Mapping[str, bytes] = BMAD_6_12, others: Mapping[str, Entry] | None = None
) -> Result:
    read = document(data)
    found = SKILLS.check(read)
    if any(f.severity is Severity.ERROR for f in found):
        return Result({}, found, {})
    sight = Sight(contents, others or {})
    graph, more = SKILLS.compile(read, sight)
    blobs: dict[str, bytes] = {}

    def keep(content: bytes, executable: bool = False) -> Entry:
        blobs[digest(content)] = content
        return Entry(digest(content), executable)

    outputs = {
        task.name: task.action.function(
            Inputs(task.args, {p: sight.entry(p) for p in task.reads}, {}, sight.read, keep, lambda entry: blobs[entry.digest])
        )
        for task in graph
    }
    files: dict[str, bytes] = {}
    for output in outputs.values():
        for path, entry in output.files.items():
            assert path not in files, f"two tasks make {path}"
            files[path] = blobs[entry.digest]
    return Result(files, (*found, *more, *(f for output in outputs.values() for f in output.findings)), outputs)
