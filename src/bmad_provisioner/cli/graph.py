"""The verb graph: the tasks of a manifest, who needs whom, what is cached, and what would run."""

from __future__ import annotations

from pathlib import Path

import click

from bmad_provisioner import api
from bmad_provisioner.cli.options import manifest_argument, progressing, read_manifest, shared
from bmad_provisioner.cli.tell import CLEAN, out, out_json
from bmad_provisioner.cli.work import working
from bmad_provisioner.digest import Plain
from bmad_provisioner.plan import Plan, Step

_MARKS = {"done": "*", "cached": "=", "held": "?", "failed": "!", "skipped": "-"}


_MANY = 12
"""Tasks that are named of those that one needs; `--json` names all."""


@click.command()
@manifest_argument
@click.option("--mermaid", is_flag=True, help="Print it as a Mermaid flowchart, for a page.")
@shared
def graph(manifest: Path | None, mermaid: bool, folder: Path | None, as_json: bool, timings: bool) -> int:
    """Show the tasks of a manifest: who needs whom, what is cached, and what would run. Nothing outside is asked."""
    with progressing(timings=timings, as_json=as_json) as progress:
        read = read_manifest(manifest, folder)
        with working(read, folder, progress) as work:
            plans = [api.plan(work.session, request) for request in work.requests]
    if as_json:
        out_json({"documents": [_plain(made) for made in plans]})
    for made in plans if not as_json else ():
        _mermaid(made) if mermaid else _text(made)
    return CLEAN


def _text(made: Plan) -> None:
    """Print the tasks level by level: what stands on one level may run at once."""
    out(made.document, bold=True)
    levels = _levels(made.steps)
    for number in sorted(set(levels.values())):
        for step in made.steps:
            if levels[step.task] == number:
                out(f"  {number} {_MARKS[step.status]} {step.task}  {step.status}{_needs(step)}")


def _needs(step: Step) -> str:
    more = f" and {len(step.needs) - _MANY} more" if len(step.needs) > _MANY else ""
    return f"  needs {', '.join(step.needs[:_MANY])}{more}" if step.needs else ""


def _levels(steps: tuple[Step, ...]) -> dict[str, int]:
    levels: dict[str, int] = {}
    for step in steps:  # in an order in which each comes after all that it needs
        levels[step.task] = 1 + max((levels[need] for need in step.needs), default=0)
    return levels


def _mermaid(made: Plan) -> None:
    out("flowchart LR")
    names = {step.task: f"t{number}" for number, step in enumerate(made.steps)}
    for step in made.steps:
        label = step.task.replace('"', "'")
        out(f'  {names[step.task]}["{label}"]')
    for step in made.steps:
        for need in step.needs:
            out(f"  {names[need]} --> {names[step.task]}")


def _plain(made: Plan) -> dict[str, Plain]:
    return {
        "document": made.document,
        "tasks": [
            {"task": step.task, "status": step.status, "needs": list(step.needs), "asks": step.asks, "because": list(step.because)}
            for step in made.steps
        ],
    }
