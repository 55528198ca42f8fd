"""A kind for tests: `files` maps a path to text, each made by a task of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from bmad_provisioner import api
from bmad_provisioner.digest import digest
from bmad_provisioner.engine.graph import Graph
from bmad_provisioner.engine.task import Action, Inputs, Output, Task
from bmad_provisioner.event import silent
from bmad_provisioner.kind import Document, Kind, Scope
from bmad_provisioner.project import Project
from bmad_provisioner.session import Session


def _write(inputs: Inputs) -> Output:
    path, text = inputs.args["path"], inputs.args["text"]
    assert isinstance(path, str) and isinstance(text, str)
    return Output(files={path: inputs.keep(text.encode("utf-8", "surrogatepass"), bool(inputs.args.get("executable")))})


WRITE = Action("write", "1", _write)
ASK = Action("ask", "1", _write, external=True)


def _compile(document: Document, sight):
    tasks = [
        Task(
            f"write {path}",
            ASK if text.startswith("ask:") else WRITE,
            {"path": path, "text": text, "executable": path.endswith(".sh")},
        )
        for path, text in document.data["files"].items()
    ]
    return Graph(tasks), ()


TOY = Kind("Toy", True, lambda document: (), lambda document: Scope(), _compile, dict)
WHO = api.Signature("tester", "2026-01-01T00:00:00Z")


@dataclass
class Bench:
    """A project and the verbs on it."""

    root: Path
    events: list = field(default_factory=list)

    def request(self, files: dict[str, str], name: str = "toy") -> api.Request:
        return api.Request(
            Document("Toy", name, {"files": files}, "toy.yaml"),
            TOY,
            digest(repr(files).encode()),
            self.root,
            str(self.root / "toy.yaml"),
        )

    def session(self) -> Session:
        return Session(Project(self.root), emit=self.events.append)

    def plan(self, files: dict[str, str], **options):
        with self.session() as session:
            return api.plan(session, self.request(files), api.Asking(**options))

    def apply(self, files: dict[str, str], **choices: str):
        with self.session() as session, session.alone("test"):
            made = api.plan(session, self.request(files), api.Asking(hold=False, choices=choices))
            return api.apply(session, made, WHO, manifest=b"toy", path=str(self.root / "toy.yaml"))

    def restore(self, number: int | None = None, **choices: str):
        with self.session() as session, session.alone("test"):
            target, made = api.undo(session, number, choices=choices)
            return api.restore(session, target, made, WHO)

    def files(self) -> dict[str, str]:
        return {
            str(path.relative_to(self.root)): path.read_text()
            for path in sorted(self.root.rglob("*"))
            if path.is_file() and ".bmad-provisioner" not in path.parts
        }


__all__ = ["TOY", "WHO", "Bench", "silent"]
