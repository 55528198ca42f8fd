"""Verbs to start with: init, schema."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

import click

from bmad_provisioner import adopt, document, project, source
from bmad_provisioner.cli import show
from bmad_provisioner.cli.agents import confirm
from bmad_provisioner.cli.options import progressing, shared, yes_option
from bmad_provisioner.cli.tell import CLEAN, out, out_json, say, tell_finding
from bmad_provisioner.cli.work import signature
from bmad_provisioner.errors import UsageError
from bmad_provisioner.kind import Kind
from bmad_provisioner.plugins import Plugins, did_you_mean
from bmad_provisioner.session import Session

_SCAFFOLD = """# What this project's coding agents should know and be. `bmadp analyze` shows the gap, `bmadp apply` closes it.
kind: Skills
project:
  name: {name}
  bmad_version: ">=6.2,<7"          # what the manifest was made for: v6.x, 6.12.0, ">=6.2,<7"
  language: {language}                     # language of the generated text: en, fr
  # tools: [claude-code, cursor]    # default: what BMAD's own manifest says
  leaders:
    - name: dev-leader
      domain: generic               # generic, healthcare, qa, cis
      phase: 4-implementation
      specialists:
        - id: frontend
          name: Frontend Developer
          domain: React, CSS
          skills: [UI development, accessibility, component tests]
        - id: backend
          name: Backend Developer
          domain: FastAPI, PostgreSQL
          skills: [REST APIs, data models, migrations]
  customizations:
    dev-leader:
      principles:
        - Small changes, each with its test
"""


@click.command()
@click.option("--adopt", "adopting", is_flag=True, help="Write a manifest of what the project already holds, and move it under it.")
@click.option("--team", metavar="NAME", help="Write a ready team and a request to start from, such as `fullstack`.")
@click.option(
    "--code", "coding", is_flag=True, help="Care for Python files: those that are here, or a small broken package to try it on."
)
@click.option(
    "--performance",
    "measuring",
    is_flag=True,
    help="Measure what is here: a service, a command; or a slow sample shop to try it on.",
)
@click.option("--quick", is_flag=True, help="With --performance: measure less and shorter, to see the way.")
@click.option("--name", help="The project's name (default: its folder's).")
@click.option("--language", type=click.Choice(["en", "fr"]), default="en", help="Language of the generated text.")
@yes_option
@shared
def init(
    adopting: bool,
    team: str | None,
    name: str | None,
    language: str,
    yes: bool,
    folder: Path | None,
    as_json: bool,
    timings: bool,
    **ways: bool,
) -> int:
    """Write a manifest to start from, or one of what the project already holds."""
    place = project.find(folder or Path.cwd())
    path = place.root / source.DEFAULT_NAME
    if path.exists() or path.is_symlink():
        raise UsageError(f"`{path}` already exists", hint="edit it, or move it away first")
    name = name or "".join(c if c.isalnum() or c in "-_." else "-" for c in place.root.name) or "project"
    if team:
        return _team(place, team, language, as_json=as_json)
    if ways["coding"]:
        return _code(place, name, as_json=as_json)
    if ways["measuring"]:
        return _performance(place, name, quick=ways["quick"], as_json=as_json)
    if adopting:
        return _adopt(place, name, yes=yes, as_json=as_json, timings=timings)
    text = _SCAFFOLD.format(name=_yaml_name(name), language=language)
    document.parse(text.encode("utf-8", "surrogatepass"), source.DEFAULT_NAME)  # raises, before anything is written
    path.write_text(text, encoding="utf-8")
    out_json({"manifest": str(path)}) if as_json else out(f"wrote {path}", colour="green")
    say("hint: `bmadp analyze` shows what it would make, `bmadp apply` makes it")
    return CLEAN


def _team(place: project.Project, name: str, language: str, *, as_json: bool) -> int:
    """Write a ready team and its request; what stands there already is left alone."""
    kind = _kind("Team")
    ready = kind.samples("", language) if kind.samples else {}
    if kind.samples is None or name not in ready:
        raise UsageError(f"there is no ready team `{name}`", hint=did_you_mean(name, ready))
    files = kind.samples(name, language)
    _lay(place, files, as_json=as_json)
    first = "say in `request.md` what you want; " if "request.md" in files else ""
    say(f"hint: {first}`bmadp analyze` shows what the team would make, `bmadp apply` makes it")
    return CLEAN


def _code(place: project.Project, name: str, *, as_json: bool) -> int:
    """Write a document that fits the Python files of a project; where there are none, a broken package to try it on."""
    kind = _kind("Code")
    with Session(place, emit=lambda _event: None, begin=False) as session:
        text = adopt.fitted(session, kind, name=name)
    if "paths: []" not in text:
        _lay(place, {source.DEFAULT_NAME: text}, as_json=as_json)
        say("hint: `bmadp analyze` shows what it would do, `bmadp diff` line by line; `bmadp apply` does it")
    elif kind.samples is not None:
        sample = next(iter(kind.samples("", "")))
        _lay(place, kind.samples(sample, ""), as_json=as_json)
        say("hint: no Python file was here, so this is a broken package to try it on; `bmadp diff` shows what would be mended")
    return CLEAN


def _performance(place: project.Project, name: str, *, quick: bool, as_json: bool) -> int:
    """Write a document that measures what a project holds; where nothing can be started, a slow sample to try it on."""
    kind = _kind("Performance")
    with Session(place, emit=lambda _event: None, begin=False) as session:
        text = adopt.fitted(session, kind, name=name)
    if "targets:" in text:
        files = {source.DEFAULT_NAME: text}
        hint = "`bmadp analyze` shows what it would do; `bmadp apply` measures, finds what is slow, and shows what it would write"
    else:
        sample = next(iter(kind.samples("", ""))) if kind.samples is not None else ""
        files = dict(kind.samples(sample, "")) if kind.samples is not None else {}
        hint = "nothing that could be started was here, so this is a slow shop to try it on; `bmadp apply` measures it"
    if quick:
        text = files[source.DEFAULT_NAME]
        files[source.DEFAULT_NAME] = (
            text.replace("\nquick: false", "\nquick: true") if "\nquick: false" in text else f"{text}quick: true\n"
        )
    _lay(place, files, as_json=as_json)
    say(f"hint: {hint}")
    return CLEAN


def _kind(name: str) -> Kind:
    kind: Kind = Plugins("bmad_provisioner.kinds")[name]
    return kind


def _lay(place: project.Project, files: Mapping[str, str], *, as_json: bool) -> None:
    """Write files into a project; what stands there already is left alone."""
    ways = {str(above) for path in files for above in Path(path).parents}
    taken = [path for path in files if os.path.lexists(place.root / path)]
    taken += [path for path in ways if os.path.lexists(place.root / path) and not (place.root / path).is_dir()]
    if taken:
        raise UsageError(f"`{place.root / taken[0]}` already exists", hint="move it away first, or start in another folder")
    for path, text in files.items():
        (place.root / path).parent.mkdir(parents=True, exist_ok=True)
        (place.root / path).write_text(text, encoding="utf-8")
        out(f"wrote {place.root / path}", colour="green") if not as_json else None
    out_json({"files": [str(place.root / path) for path in files]}) if as_json else None


def _yaml_name(name: str) -> str:
    plain = re.fullmatch("[A-Za-z][A-Za-z0-9_-]*", name) and name.lower() not in {"null", "true", "false"}
    return name if plain else json.dumps(name, ensure_ascii=False)


def _adopt(place: project.Project, name: str, *, yes: bool, as_json: bool, timings: bool) -> int:
    with (
        progressing(timings=timings, as_json=as_json) as progress,
        Session(place, emit=progress) as session,
        session.alone("bmadp init"),
    ):
        found = adopt.adopt(session, name=name)
        for finding in found.findings:
            tell_finding(finding)
        if not as_json:
            show.plan_text(found.plan)
        confirm(f"make these {len(found.plan.writes)} changes?", yes=yes)
        receipt = adopt.settle(session, found, signature())
    number = receipt.number if receipt else 0
    if as_json:
        out_json(
            {
                "manifest": str(place.root / source.DEFAULT_NAME),
                "receipt": number,
                "findings": show.findings_plain(found.findings),
            }
        )
    else:
        out(f"adopted as receipt {number}", colour="green")
        say(f"hint: `bmadp restore {number}` takes it back; `bmadp analyze` shows what the manifest makes of it")
    return CLEAN


@click.command()
def schema() -> int:
    """Print the JSON schema of the manifest, for editors."""
    out_json(document.schema())
    return CLEAN
