"""The verb `skill`: make, list, show and remove skills by editing the manifest."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import click

from bmad_provisioner import api, document, edit, explain
from bmad_provisioner.cli.options import Manifest, progressing, read_manifest, shared, shown
from bmad_provisioner.cli.tell import CLEAN, out, out_json, say
from bmad_provisioner.cli.work import parse, working
from bmad_provisioner.errors import DocumentError, UsageError
from bmad_provisioner.plan import Plan
from bmad_provisioner.tree.durable import write_atomic
from bmad_provisioner.tree.model import Change

_MANIFEST = click.option("--manifest", type=click.Path(path_type=Path), help="The manifest (default: found upwards).")


@click.group()
def skill() -> None:
    """Make, list, show and remove skills."""


@skill.command("list")
@_MANIFEST
@shared
def list_(manifest: Path | None, folder: Path | None, as_json: bool, timings: bool) -> int:
    """List the skills the manifest makes, and how each stands."""
    rows = []
    with progressing(timings=timings, as_json=as_json) as progress:
        read = read_manifest(manifest, folder)
        with working(read, folder, progress) as work:
            for request in work.requests:
                rows += _rows(api.plan(work.session, request))
    if as_json:
        out_json([{"skill": name, "task": task, "state": state} for name, task, state in rows])
    width = max((len(name) for name, _task, _state in rows), default=0)
    for name, task, state in rows if not as_json else ():
        out(f"{name:<{width}}  {state:<10}  {task}")
    return CLEAN


def _rows(made: Plan) -> list[tuple[str, str, str]]:
    changes = {change.path: change for change in made.changes}
    rows: dict[str, tuple[str, str, str]] = {}
    for step in made.steps:
        for path in step.files:
            if path.endswith("/SKILL.md"):
                name = path.split("/")[-2]
                rows.setdefault(name, (name, step.task, _state(name, step.files, changes)))
    return sorted(rows.values())


def _state(name: str, files: tuple[str, ...], changes: dict[str, Change]) -> str:
    gaps = {changes[path].gap.value for path in files if path in changes and f"/{name}/" in path}
    return next((gap for gap in ("conflict", "drifted", "missing", "outdated") if gap in gaps), "up to date")


@skill.command("show")
@click.argument("name")
@_MANIFEST
@shared
def show_(name: str, manifest: Path | None, folder: Path | None, as_json: bool, timings: bool) -> int:
    """Print the SKILL.md that the manifest makes under a name."""
    with progressing(timings=timings, as_json=as_json) as progress:
        read = read_manifest(manifest, folder)
        with working(read, folder, progress) as work:
            for request in work.requests:
                text = explain.skill_text(work.session, request, name)
                if text is not None:
                    out_json({"skill": name, "text": text.decode()}) if as_json else out(text.decode().rstrip("\n"))
                    return CLEAN
    raise UsageError(f"the manifest makes no skill `{name}`", hint="`bmadp skill list` lists them")


@skill.command("new")
@click.argument("name")
@click.option("--description", default="", help="What it does and when to use it.")
@_MANIFEST
@shared
def new(name: str, description: str, manifest: Path | None, folder: Path | None, as_json: bool, timings: bool) -> int:
    """Start a hand-written skill beside the manifest, and declare it."""
    with progressing(timings=timings, as_json=as_json) as progress:
        read = read_manifest(manifest, folder)
        kind = api.kind_of(parse(read, progress).documents[0])
        if kind.scaffold is None:
            raise UsageError(f"documents of kind `{kind.name}` have no skills")
        start = kind.scaffold(name, description)
        taken = [path for path in start.files if os.path.lexists(read.path.parent / path)]
        if taken:
            raise UsageError(f"`{taken[0]}` already exists", hint=f"declare it: `skills: [{{source: ./skills/{name}}}]`")
        _stay_inside(read.path.parent, start.files)
        text = _checked(read, edit.append(read.data, start.place, start.item))
        for path, content in start.files.items():
            (read.path.parent / path).parent.mkdir(parents=True, exist_ok=True)
            (read.path.parent / path).write_text(content, encoding="utf-8")
        write_atomic(Path(os.path.realpath(read.path)), text)
    if as_json:
        out_json({"skill": name, "files": list(start.files), "manifest": str(read.path)})
    else:
        out(f"wrote {', '.join(start.files)} and declared it in {shown(read.path)}", colour="green")
        say("hint: write what it does, then `bmadp apply`")
    return CLEAN


@skill.command("remove")
@click.argument("name")
@_MANIFEST
@shared
def remove(name: str, manifest: Path | None, folder: Path | None, as_json: bool, timings: bool) -> int:
    """Take a leader, specialist, workflow or skill out of the manifest; what others need is refused."""
    with progressing(timings=timings, as_json=as_json) as progress:
        read = read_manifest(manifest, folder)
        places = [place for one in parse(read, progress).documents for place in api.kind_of(one).declared(one, name)]
        if not places:
            raise UsageError(f"the manifest declares no `{name}`", hint="`bmadp skill list` lists what it makes")
        text = read.data
        for place in places:
            text = edit.remove(text, place)
        try:
            document.parse(text, shown(read.path))
        except DocumentError as error:
            needed = f"`{name}` cannot go: the manifest would be wrong without it; nothing was changed"
            raise UsageError(needed, hint="take out what needs it first", findings=error.findings) from error
        write_atomic(Path(os.path.realpath(read.path)), text)
    if as_json:
        out_json({"removed": name, "manifest": str(read.path)})
    else:
        out(f"took `{name}` out of {shown(read.path)}", colour="green")
        say("hint: `bmadp apply` removes its files; a folder it was written in stays")
    return CLEAN


def _stay_inside(folder: Path, files: Iterable[str]) -> None:
    """Refuse to write through a symbolic link: it may lead anywhere."""
    for path in files:
        above = next((place for place in (folder / path).parents if place.is_symlink() and place.is_relative_to(folder)), None)
        if above is not None and above != folder:
            raise UsageError(f"`{above}` is a symbolic link", hint="make it a real folder: nothing is written through a link")


def _checked(read: Manifest, text: bytes) -> bytes:
    """Return the edited manifest if it is right; raise what is wrong with it otherwise, with nothing written."""
    document.parse(text, shown(read.path))
    return text
