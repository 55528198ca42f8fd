"""Options that verbs share, and the manifest and project they lead to."""

from __future__ import annotations

import os
import pwd
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from bmad_provisioner import api, document, project
from bmad_provisioner.cli.progress import Progress
from bmad_provisioner.cli.tell import tell_finding
from bmad_provisioner.digest import Digest, digest
from bmad_provisioner.errors import UsageError
from bmad_provisioner.event import StepFinished
from bmad_provisioner.glance import glance
from bmad_provisioner.kind import Document
from bmad_provisioner.plan import Plan
from bmad_provisioner.session import Session

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest's file and its bytes; its sources lie beside it."""

    path: Path
    data: bytes

    @property
    def source(self) -> Digest:
        """The digest of its bytes."""
        return digest(self.data)


def shared(function: Function) -> Function:
    """Give a verb `--project`, `--json` and `--timings`."""
    for option in (
        click.option("--timings", is_flag=True, help="Say where the time and memory went, step by step."),
        click.option("--json", "as_json", is_flag=True, help="Print the result as JSON."),
        click.option(
            "--project",
            "folder",
            type=click.Path(path_type=Path),
            help="The project's folder (default: the manifest's `root`, or its folder).",
        ),
    ):
        function = option(function)
    return function


def manifest_argument(function: Function) -> Function:
    """Give a verb an optional MANIFEST."""
    return click.argument("manifest", required=False, type=click.Path(path_type=Path))(function)


def choice_options(function: Function) -> Function:
    """Give a verb `--ours` and `--theirs`."""
    for option in (
        click.option("--theirs", multiple=True, metavar="PATH", help="For this file, take what the manifest asks for."),
        click.option("--ours", multiple=True, metavar="PATH", help="For this file, keep what stands there."),
    ):
        function = option(function)
    return function


def choices(ours: tuple[str, ...], theirs: tuple[str, ...]) -> dict[str, str]:
    """Return the choices by path; one path cannot have both."""
    both = set(ours) & set(theirs)
    if both:
        raise UsageError(f"`{min(both)}` is named by both `--ours` and `--theirs`")
    return {**dict.fromkeys(ours, "ours"), **dict.fromkeys(theirs, "theirs")}


def read_manifest(path: Path | None, folder: Path | None) -> Manifest:
    """Read the manifest named, or the one found upwards from the project or this folder."""
    found = path or document.find(folder or Path.cwd())
    return Manifest(Path(os.path.abspath(found)), document.read(found))


def parse(manifest: Manifest, progress: Progress) -> tuple[Document, ...]:
    """Parse a manifest and tell its warnings."""
    start = time.perf_counter()
    parsed = document.parse(manifest.data, shown(manifest.path))
    progress(StepFinished("parse", time.perf_counter() - start))
    for finding in parsed.findings:
        tell_finding(finding)
    return parsed.documents


def shown(path: Path) -> str:
    """Return a path as a person here would write it."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def root_of(documents: tuple[Document, ...], manifest: Manifest, folder: Path | None) -> project.Project:
    """Return the project: `--project` wins, then the manifest's own `root`, then the folder it lies in."""
    if folder is not None:
        return project.find(folder)
    for one in documents:
        place = api.kind_of(one).root(one)
        if place:
            named = manifest.path.parent / Path(place).expanduser()
            if not named.is_dir():
                line = one.line("project", "root")
                hint = "make the folder, correct `root`, or name the project with `--project DIR`"
                raise UsageError(f"{one.source}:{line}: project.root: `{named}` is no folder", hint=hint)
            return project.find(named)
    return project.find(manifest.path.parent)


@dataclass(frozen=True, slots=True)
class Work:
    """A manifest at work on a project: the open session, and what is to be planned in it."""

    session: Session
    manifest: Manifest
    requests: tuple[api.Request, ...]


@contextmanager
def working(manifest: Manifest, folder: Path | None, progress: Progress) -> Iterator[Work]:
    """Parse a manifest and open its project for one verb."""
    documents = parse(manifest, progress)
    place = root_of(documents, manifest, folder)
    requests = tuple(api.Request(one, api.kind_of(one), manifest.source, manifest.path.parent) for one in documents)
    with Session(place, emit=progress) as session:
        yield Work(session, manifest, requests)


def glanced(manifest: Manifest, folder: Path | None, progress: Progress) -> Plan | None:
    """Return the plan without parsing or compiling anything, if nothing moved since it had nothing to do."""
    if folder is None and b"root" in manifest.data:
        return None  # the manifest names its project itself
    place = project.Project(Path(os.path.realpath(folder or manifest.path.parent)))
    if not place.is_known:
        return None
    with Session(place, emit=progress) as session:
        start = time.perf_counter()
        made = glance(session, manifest.source, manifest.path.parent)
        progress(StepFinished("glance", time.perf_counter() - start))
    return made


@contextmanager
def opened(folder: Path | None, progress: Progress) -> Iterator[Session]:
    """Open a project that needs no manifest for what is asked of it: `--project`, else the one found upwards."""
    start = Path(os.path.abspath(folder or Path.cwd()))
    known = next((place for place in (start, *start.parents) if (place / project.STATE).is_dir()), None)
    if known is None:
        raise UsageError(
            f"nothing was ever applied in `{start}`", hint="run `bmadp apply` first, or name the project with `--project DIR`"
        )
    with Session(project.find(known), emit=progress) as session:
        yield session


@contextmanager
def progressing(*, timings: bool, as_json: bool) -> Iterator[Progress]:
    """Listen to what happens, show it live on a terminal, and sum it up at the end."""
    progress = Progress(live=sys.stderr.isatty() and not as_json, timings=timings)
    try:
        yield progress
    finally:
        progress.close()


def signature() -> api.Signature:
    """Return who runs this, and now (UTC, to the second)."""
    try:
        who = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        who = str(os.getuid())
    return api.Signature(who, datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
