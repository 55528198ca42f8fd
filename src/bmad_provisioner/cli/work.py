"""Work: a manifest parsed and its project opened, for the verbs that find something to do."""

from __future__ import annotations

import os
import pwd
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from bmad_provisioner import __version__, api, document, project
from bmad_provisioner.cli.options import Manifest, shown
from bmad_provisioner.cli.progress import Progress
from bmad_provisioner.cli.tell import tell_finding
from bmad_provisioner.digest import fingerprint
from bmad_provisioner.engine.task import Output
from bmad_provisioner.errors import UsageError
from bmad_provisioner.event import Listener, StepFinished
from bmad_provisioner.kind import Document
from bmad_provisioner.session import Session


def parse(manifest: Manifest, progress: Listener) -> document.Parsed:
    """Parse a manifest and tell its warnings."""
    start = time.perf_counter()
    parsed = document.parse(manifest.data, shown(manifest.path))
    progress(StepFinished("parse", time.perf_counter() - start))
    for finding in parsed.findings:
        tell_finding(finding)
    return parsed


def _remembered(manifest: Manifest, session: Session, parsed: document.Parsed | None) -> document.Parsed:
    """Return the manifest as it was found right once, by the digest of its bytes; else parse and remember it."""
    start = time.perf_counter()
    key = fingerprint(["documents", __version__, manifest.source, shown(manifest.path)])
    known = session.cache.get(key) if parsed is None else None
    if known is None:
        parsed = parsed or parse(manifest, session.emit)
        session.cache.put_plain(key, Output(facts=document.pack(parsed)))
        session.told = parsed.findings
        return parsed
    parsed = document.unpack(known.facts)
    session.told = parsed.findings
    session.emit(StepFinished("parse", time.perf_counter() - start))
    for finding in parsed.findings:
        tell_finding(finding)
    return parsed


def root_of(documents: tuple[Document, ...], manifest: Manifest, folder: Path | None) -> project.Project:
    """Return the project: `--project` wins, then the manifest's own `root`, then the folder it lies in."""
    if folder is not None:
        return project.find(folder)
    for one in documents:
        place = api.kind_of(one).root(one)
        if place:
            try:
                return project.find(manifest.path.parent / Path(os.path.expanduser(place)))
            except UsageError as error:
                message = f"{one.source}:{one.line('project', 'root')}: project.root: {error.message}"
                hint = "make the folder, correct `root`, or name the project with `--project DIR`"
                raise UsageError(message, hint=hint) from error
    return project.find(manifest.path.parent)


def asking(more: Mapping[str, Any], *, hold: bool = True, choices: Mapping[str, str] | None = None) -> api.Asking:
    """Return how to plan from what `options.again_options` gave a verb."""
    again = frozenset({*more["again"], *(("*",) if more["refresh"] else ())})
    return api.Asking(hold, again, more["on"], choices or {})


@dataclass(frozen=True, slots=True)
class Work:
    """A manifest at work on a project: the open session, and what is to be planned in it."""

    session: Session
    manifest: Manifest
    requests: tuple[api.Request, ...]


@contextmanager
def working(
    manifest: Manifest, folder: Path | None, progress: Progress, flags: Mapping[str, object] | None = None
) -> Iterator[Work]:
    """Parse a manifest and open its project for one verb."""
    named = folder is None and b"root" in manifest.data
    parsed = parse(manifest, progress) if named else None
    place = root_of(parsed.documents if parsed else (), manifest, folder)
    if parsed is None and not place.is_known:
        parsed = parse(manifest, progress)  # before anything is written: a manifest with errors leaves no trace
    with Session(place, emit=progress, flags=flags) as session:
        if session.settings.values.performance_logging and session.writable:
            from bmad_provisioner.telemetry.log import NAME, logging  # noqa: PLC0415 - only who asks for it pays

            session.also(partial(logging, place.state / NAME))
        documents = _remembered(manifest, session, parsed).documents
        siblings = frozenset(one.identity for one in documents)
        requests = tuple(
            api.Request(one, api.kind_of(one), manifest.source, manifest.path.parent, str(manifest.path), siblings)
            for one in documents
        )
        yield Work(session, manifest, requests)


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


def signature() -> api.Signature:
    """Return who runs this, and now (UTC, to the second)."""
    try:
        who = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        who = str(os.getuid())
    return api.Signature(who, datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
