"""Verbs that explain: diff, why, doctor. They touch nothing but the cache."""

from __future__ import annotations

from pathlib import Path

import click

from bmad_provisioner import api, explain, project
from bmad_provisioner import heal as healing
from bmad_provisioner.cli import show
from bmad_provisioner.cli.code import foreseen, is_code
from bmad_provisioner.cli.inspect import tell_findings
from bmad_provisioner.cli.options import choice_options, choices, progressing, read_manifest, shared
from bmad_provisioner.cli.tell import CLEAN, FAILED, out, out_json, say, tell_finding
from bmad_provisioner.cli.work import working
from bmad_provisioner.finding import Severity
from bmad_provisioner.session import Session


@click.command()
@click.argument("names", nargs=-1, metavar="[MANIFEST] [PATH]...")
@choice_options
@shared
def diff(
    names: tuple[str, ...],
    ours: tuple[str, ...],
    theirs: tuple[str, ...],
    folder: Path | None,
    as_json: bool,
    timings: bool,
) -> int:
    """Show the gap line by line; conflicts with markers. PATH limits it to a file or folder of the project."""
    manifest, paths = _manifest_first(names)
    shown: list[dict[str, str]] = []
    with progressing(timings=timings, as_json=as_json) as progress:
        read = read_manifest(manifest, folder)
        with working(read, folder, progress) as work:
            for request in work.requests:
                made = foreseen(api.plan(work.session, request, api.Asking(choices=choices(ours, theirs))))
                tell_findings(made)
                parts = [part for part in explain.texts(work.session, made) if not paths or _within(part.path, paths)]
                shown += [{"path": part.path, "gap": part.gap.value, "diff": "".join(part.lines)} for part in parts]
                for line in (line for part in parts for line in part.lines if not as_json):
                    out(line.rstrip("\n"), colour=_colour(line))
                if is_code(made) and not as_json and not paths:
                    say(show.summary(made))
    if as_json:
        out_json({"diffs": shown})
    return CLEAN


def _manifest_first(names: tuple[str, ...]) -> tuple[Path | None, tuple[str, ...]]:
    """Tell a manifest from the paths after it: it is the first name, and a YAML file that is there."""
    if names and names[0].endswith((".yaml", ".yml")) and Path(names[0]).is_file():
        return Path(names[0]), names[1:]
    return None, names


def _within(path: str, paths: tuple[str, ...]) -> bool:
    return any(path == wanted or path.startswith(wanted.rstrip("/") + "/") for wanted in paths)


def _colour(line: str) -> str | None:
    if line.startswith(("+++", "---")):
        return None
    return {"+": "green", "-": "red", "@": "cyan", "<": "magenta", ">": "magenta"}.get(line[:1])


@click.command()
@click.argument("subject", metavar="PATH|TASK")
@click.option("--manifest", type=click.Path(path_type=Path), help="The manifest (default: found upwards).")
@shared
def why(subject: str, manifest: Path | None, folder: Path | None, as_json: bool, timings: bool) -> int:
    """Say why a file is as it is, or why a task ran."""
    with progressing(timings=timings, as_json=as_json) as progress:
        read = read_manifest(manifest, folder)
        with working(read, folder, progress) as work:
            answers = [answer for request in work.requests for answer in explain.why(work.session, request, subject)]
    if as_json:
        out_json([{"subject": answer.subject, "lines": list(answer.lines)} for answer in answers])
        return CLEAN if answers else FAILED
    for answer in answers:
        out(answer.subject, bold=True)
        for line in answer.lines:
            out(f"  {line}")
    if not answers:
        say(f"error: `{subject}` is neither a path the manifest makes nor one of its tasks")
        say("hint: `bmadp analyze --all` lists both")
    return CLEAN if answers else FAILED


@click.command()
@shared
def doctor(folder: Path | None, as_json: bool, timings: bool) -> int:
    """Find what BMAD's next update would lose or trip over, with the remedy."""
    with (
        progressing(timings=timings, as_json=as_json) as progress,
        Session(project.find(folder or Path.cwd()), emit=progress, begin=False) as session,
    ):
        findings = healing.diagnose(session)
    if as_json:
        out_json(show.findings_plain(findings))
    for finding in findings if not as_json else ():
        tell_finding(finding)
    if not as_json:
        out("nothing to mend" if not findings else f"{len(findings)} thing{'s' * (len(findings) > 1)} to mend", bold=True)
    return FAILED if any(finding.severity is not Severity.INFO for finding in findings) else CLEAN
