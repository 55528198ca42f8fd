"""Inline: what a Code document would do to the files of a folder, worked out here and now, without an engine."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path

from bmad_provisioner.digest import Digest, Entry, Plain, digest
from bmad_provisioner.engine.graph import Graph
from bmad_provisioner.engine.task import Inputs, Output, told
from bmad_provisioner.finding import Finding
from bmad_provisioner.kind import Document
from bmad_provisioner.kinds.code.compile import compile
from bmad_provisioner.kinds.code.order import Verify
from bmad_provisioner.kinds.code.verify import verify


class Files:
    """The plain files of a folder, with others in the place of some; what is made of them is kept in memory."""

    def __init__(self, folder: Path, instead: Path | None = None) -> None:
        self.root = folder
        self._places = _below(folder, besides=instead)
        if instead is not None:
            self._places |= _below(instead)
        self._made: dict[Digest, bytes] = {}

    @cached_property
    def tree(self) -> Mapping[str, Entry]:
        """Every file."""
        return {path: Entry(digest(place.read_bytes()), os.access(place, os.X_OK)) for path, place in self._places.items()}

    def entry(self, path: str) -> Entry | None:
        """Return what stands at `path`, or `None`."""
        return self.tree.get(path)

    def read(self, path: str) -> bytes:
        """Return the bytes at `path`."""
        return self._places[path].read_bytes()

    def keep(self, data: bytes, executable: bool = False) -> Entry:
        """Keep bytes, and return how they are called."""
        name = digest(data)
        self._made[name] = data
        return Entry(name, executable)

    def fetch(self, entry: Entry) -> bytes:
        """Return bytes that were kept."""
        return self._made[entry.digest]

    def inputs(self, args: Mapping[str, Plain], reads: Iterable[str], needs: Mapping[str, Output]) -> Inputs:
        """Return what an action sees of these files."""
        return Inputs(args, {path: self.entry(path) for path in reads}, needs, self.read, self.keep, self.fetch)


def _below(folder: Path, besides: Path | None = None) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if Path(place, name) != besides)
        paths = (Path(place, name) for name in sorted(names))
        found |= {path.relative_to(folder).as_posix(): path for path in paths if path.is_file() and not path.is_symlink()}
    return found


def tidied(files: Files, asked: Mapping[str, Plain]) -> tuple[dict[str, bytes], list[Finding]]:
    """Return the files that a document with these data would change, and all that it would tell."""
    graph, findings = compile(Document("Code", "inline", asked, "inline"), files)
    outputs = _run(graph, files)
    changed = {path: files.fetch(entry) for output in outputs for path, entry in output.files.items()}
    return changed, [*findings, *(finding for output in outputs for finding in output.findings)]


def _run(graph: Graph, files: Files) -> list[Output]:
    outputs: dict[str, Output] = {}
    for task in graph:
        heard = {name: told(outputs[name], fact) for name, fact in task.hears.items()}
        needs = {name: outputs[name] for name in task.needs} | heard
        outputs[task.name] = task.action.function(files.inputs(task.args, task.reads, needs))
    return list(outputs.values())


def proving(asked: Verify) -> dict[str, Plain]:
    """Return what a verification is asked, as the arguments of its task."""
    return {
        "command": list(asked.command),
        "affected": asked.affected,
        "rounds": asked.rounds,
        "seconds": asked.seconds,
        "env": list(asked.env),
    }


def verified(files: Files, changed: Mapping[str, bytes], asked: Verify) -> tuple[set[str], tuple[Finding, ...]]:
    """Return which of the changes break nothing, and what is told of all of them; raises TaskError as `verify` does."""
    entries = {path: files.keep(data, files.tree[path].executable) for path, data in changed.items()}
    needs = {path: Output(facts={"entry": [entry.digest, entry.executable]}) for path, entry in entries.items()}
    output = verify(files.inputs(proving(asked), files.tree, needs))
    return set(output.files), output.findings
