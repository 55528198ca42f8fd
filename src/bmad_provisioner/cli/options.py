"""Options that verbs share, and the manifest and project they lead to."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from bmad_provisioner import project, settings, source
from bmad_provisioner.cli.progress import Progress
from bmad_provisioner.cli.tell import tell_finding
from bmad_provisioner.digest import Digest, digest
from bmad_provisioner.errors import UsageError
from bmad_provisioner.event import StepFinished
from bmad_provisioner.glance import glance
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


yes_option = click.option("--yes", "-y", is_flag=True, help="Do not ask.")


watch_option = click.option(
    "--watch", is_flag=True, help="Do it again whenever a file that the manifest looks at changes; Ctrl-C ends it."
)


def again_options(function: Function) -> Function:
    """Give a verb `--again`, `--refresh` and `--on`."""
    for option in (
        click.option("--on", default="", metavar="ADDRESS", help="Run on a Ray cluster: ray://HOST:PORT, `auto`, or `local`."),
        click.option("--refresh", is_flag=True, help="Ask everything outside again, whatever is cached."),
        click.option("--again", multiple=True, metavar="AGENT", help="Have this agent run again, whatever is cached."),
    ):
        function = option(function)
    return function


def setting_options(function: Function) -> Function:
    """Give a verb a flag for each setting that may be given as one."""
    for setting in reversed(tuple(settings.SETTINGS.values())):
        if not setting.secret:
            option = click.option(setting.flag, setting.name, default=None, metavar="VALUE", help=f"Setting: {setting.help}.")
            function = option(function)
    return function


def settings_of(flags: Mapping[str, object]) -> dict[str, object]:
    """Return the settings that were given as flags."""
    return {name: value for name, value in flags.items() if name in settings.SETTINGS and value is not None}


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
    """Read the manifest named, or the one found upwards from this folder, or else from the project's."""
    try:
        found = path or source.find(Path.cwd())
    except UsageError:
        if folder is None:
            raise
        found = source.find(folder)
    return Manifest(Path(os.path.abspath(found)), source.read(found))


def shown(path: Path) -> str:
    """Return a path as a person here would write it."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def glanced(
    manifest: Manifest,
    folder: Path | None,
    progress: Progress,
    flags: Mapping[str, object] | None = None,
    *,
    wanted: Callable[[Plan], bool] = lambda made: True,
) -> Plan | None:
    """Return the plan without parsing or compiling anything, if nothing moved since it had nothing to do, or nobody to ask.

    What the manifest itself gives to tell is told with it. A plan that is not `wanted` is none.
    """
    if folder is None and b"root" in manifest.data:
        return None  # the manifest names its project itself
    place = project.Project(Path(os.path.realpath(folder or manifest.path.parent)))
    if not place.is_known:
        return None
    with Session(place, emit=progress, flags=flags) as session:
        start = time.perf_counter()
        made = glance(session, manifest.source, manifest.path.parent)
        made = made if made is not None and wanted(made) else None
        progress(StepFinished("glance", time.perf_counter() - start))
        for finding in session.told if made is not None else ():
            tell_finding(finding)
    return made


@contextmanager
def progressing(*, timings: bool, as_json: bool) -> Iterator[Progress]:
    """Listen to what happens, show it live on a terminal, and sum it up at the end."""
    progress = Progress(live=sys.stderr.isatty() and not as_json, timings=timings)
    try:
        yield progress
    finally:
        progress.close()
