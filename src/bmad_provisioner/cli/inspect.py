"""Verbs that look: validate, analyze. They touch nothing but the cache."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from bmad_provisioner.cli import show
from bmad_provisioner.cli.agents import forecast_plain, forecast_text
from bmad_provisioner.cli.code import foreseen, has_broken, is_code
from bmad_provisioner.cli.options import (
    Manifest,
    glanced,
    manifest_argument,
    progressing,
    read_manifest,
    shared,
    watch_option,
)
from bmad_provisioner.cli.progress import Progress
from bmad_provisioner.cli.tell import CLEAN, CONFLICT, DRIFT, FAILED, PENDING, out, out_json, say, tell_finding
from bmad_provisioner.finding import Finding, Severity
from bmad_provisioner.forecast import Forecast, forecast, nothing
from bmad_provisioner.kind import Gate, Kind
from bmad_provisioner.plan import Plan
from bmad_provisioner.plugins import Plugins

FORMATS = ("text", "json", "sarif", "github")


def _judged(manifest: Path | None, folder: Path | None, *, timings: bool, as_json: bool) -> list[tuple[Plan, Gate | None]]:
    """Return a plan of each document with its gate, if it has one: what decides whether it lets through is run."""
    plans = _plans(manifest, folder, [], timings=timings, as_json=as_json)
    if any(made.held and _gate(made) for made in plans):
        with progressing(timings=timings, as_json=as_json) as progress:
            plans = _ran(read_manifest(manifest, folder), folder, progress)
    return [(made, _gate(made)) for made in plans]


def _gate(made: Plan) -> Gate | None:
    kind: Kind = Plugins("bmad_provisioner.kinds")[made.document.partition(":")[0]]
    return kind.gate


def _ran(read: Manifest, folder: Path | None, progress: Progress) -> list[Plan]:
    """Return a plan of each document; of one with a gate, what it has to know is run."""
    # Heavy, and only for what has to be run.
    from bmad_provisioner import api  # noqa: PLC0415
    from bmad_provisioner.cli.work import working  # noqa: PLC0415

    with working(read, folder, progress) as work, work.session.alone("bmadp validate"):
        return [
            api.plan(work.session, one, api.Asking(released=one.kind.gate.actions if one.kind.gate else frozenset()))
            for one in work.requests
        ]


def _plans(manifest: Path | None, folder: Path | None, casts: list[Forecast], *, timings: bool, as_json: bool) -> list[Plan]:
    """Return a plan of each document, and add a forecast for each that asks the outside world."""
    with progressing(timings=timings, as_json=as_json) as progress:
        read = read_manifest(manifest, folder)
        known = glanced(read, folder, progress)
        if known is not None:
            casts += [nothing(known)] if known.asks and not is_code(known) else []
            return [known]
        # Heavy, and not needed when nothing moved.
        from bmad_provisioner import api  # noqa: PLC0415
        from bmad_provisioner.cli.work import working  # noqa: PLC0415

        with working(read, folder, progress) as work:
            plans = [api.plan(work.session, request) for request in work.requests]
            casts += [forecast(work.session, made) for made in plans if made.asks and not is_code(made)]
            return plans


@click.command()
@manifest_argument
@click.option("--all", "every", is_flag=True, help="List every file, also where there are many.")
@click.option(
    "--exit-code",
    is_flag=True,
    help="Exit with 4 when changes are pending, 5 on drift, 6 on conflict (the highest wins), 1 where a file is left broken.",
)
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", help="How to tell it (default: text).")
@click.option("--save", type=click.Path(path_type=Path, dir_okay=False), help="Write the plan to a file for `apply --plan`.")
@watch_option
@shared
def analyze(
    manifest: Path | None,
    every: bool,
    exit_code: bool,
    form: str,
    save: Path | None,
    folder: Path | None,
    as_json: bool,
    timings: bool,
    watch: bool,
) -> int:
    """Show the gap between the manifest and the project. Touches nothing but the cache."""
    form = "json" if as_json else form

    def once() -> list[Plan]:
        return _analyzed(manifest, folder, form=form, every=every, save=save, timings=timings)

    if not watch:
        return max(_code(made, exit_code=exit_code) for made in once())
    # Only for who asks for it.
    from bmad_provisioner.cli import watch as watching  # noqa: PLC0415

    watching.alone(save=save, exit_code=exit_code, format=form != "text")
    return watching.watch(lambda: (once(), ()), manifest, folder)


def _analyzed(
    manifest: Path | None, folder: Path | None, *, form: str, every: bool, save: Path | None, timings: bool
) -> list[Plan]:
    """Plan, tell it in the form asked for, and return the plans as they were told."""
    casts: list[Forecast] = []
    plans = _plans(manifest, folder, casts, timings=timings, as_json=form != "text")
    if save:
        save.write_text(json.dumps({"plans": [show.plan_plain(made) for made in plans]}, indent=1), encoding="utf-8")
    plans = [foreseen(made) for made in plans]
    if form == "json":
        told = {"forecasts": [forecast_plain(cast) for cast in casts]} if casts else {}
        out_json({"plans": [show.plan_plain(made) for made in plans], **told})
    elif form != "text":
        _report(form, [finding for made in plans for finding in made.findings])
    for cast in casts if form == "text" else ():
        forecast_text(cast)
    for made in plans if form == "text" else ():
        tell_findings(made)
        show.plan_text(made, every=every)
        for number, advice in enumerate(show.recommendations(made), 1):
            out(f"{number}. {advice}")
    return plans


def _report(form: str, findings: Sequence[Finding], plans: Sequence[Plan] = ()) -> None:
    # Only for who asks for it.
    from bmad_provisioner.cli.report import github, junit, sarif  # noqa: PLC0415

    if form == "sarif":
        out_json(sarif(findings))
    if form == "junit":
        out(junit(plans).rstrip("\n"))
    for line in github(findings) if form == "github" else ():
        out(line)


def _code(made: Plan, *, exit_code: bool) -> int:
    if made.errors:
        return FAILED
    if not exit_code:
        return CLEAN
    if made.conflicts:
        return CONFLICT
    if made.drifts or not made.is_clean:
        return DRIFT if made.drifts else PENDING
    return FAILED if has_broken(made) else CLEAN


def tell_findings(made: Plan) -> None:
    """Write what a plan found, but for mere information."""
    for finding in show.apart(made):
        tell_finding(finding)


@click.command()
@manifest_argument
@click.option("--format", "form", type=click.Choice((*FORMATS, "junit")), default="text", help="How to tell it (default: text).")
@shared
def validate(manifest: Path | None, form: str, folder: Path | None, as_json: bool, timings: bool) -> int:
    """Check the manifest, the skills it makes, and that the project is as it says; measure what has to keep its speed."""
    form = "json" if as_json else form
    judged = [(foreseen(made), gate) for made, gate in _judged(manifest, folder, timings=timings, as_json=form != "text")]
    code = CLEAN if all(_is_valid(made, gate) for made, gate in judged) else FAILED
    if form == "json":
        out_json({"plans": [show.plan_plain(made) for made, _ in judged]})
    elif form != "text":
        _report(form, [finding for made, _ in judged for finding in made.findings], [made for made, _ in judged])
    for made, gate in judged if form == "text" else ():
        for finding in _worth_telling(made, gate):
            tell_finding(finding)
        _context(made)
        good = _is_valid(made, gate)
        out(f"{'valid' if good else 'not valid'}: {show.summary(made)}", bold=True)
        if not good:
            say("hint: `bmadp apply` writes all that was measured" if gate else "hint: see `bmadp analyze`")
    return code


def _worth_telling(made: Plan, gate: Gate | None) -> list[Finding]:
    if gate is not None:
        return [*show.apart(made), *(one for one in made.findings if one.severity is Severity.INFO and one.rule in gate.tells)]
    return list(show.apart(made) if is_code(made) else made.findings)


def _is_valid(made: Plan, gate: Gate | None) -> bool:
    """Say whether a document is kept: of one with a gate that decides, and not what is to be written."""
    if gate is not None:
        return not (made.errors or made.conflicts or any(one.rule in gate.rules for one in made.findings))
    return made.is_clean


def _context(made: Plan) -> None:
    """Print what the skills' catalogue costs each tool in context."""
    costs = made.facts.get("context")
    for tool, cost in costs.items() if isinstance(costs, Mapping) else ():
        if isinstance(cost, Mapping):
            hidden = cost.get("hidden")
            note = f"; hidden by its limit: {', '.join(map(str, hidden))}" if hidden and isinstance(hidden, Sequence) else ""
            amount = f"{cost.get('skills')} skills, {cost.get('characters')} characters, about {cost.get('tokens')} tokens"
            out(f"context  {tool}: {amount} in every conversation{note}")
