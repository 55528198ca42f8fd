"""The verb cache: what is remembered, on which level, what it saved, and how to have it forgotten."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bmad_provisioner import upkeep
from bmad_provisioner.cli.agents import confirm
from bmad_provisioner.cli.options import progressing, shared, yes_option
from bmad_provisioner.cli.tell import CLEAN, counted, out, out_json, say
from bmad_provisioner.cli.work import opened
from bmad_provisioner.digest import Plain
from bmad_provisioner.engine.breaker import State
from bmad_provisioner.errors import UsageError
from bmad_provisioner.settings import parse_duration
from bmad_provisioner.ways import levels as opened_levels

if TYPE_CHECKING:
    from bmad_provisioner.engine.disk import Kept
    from bmad_provisioner.engine.levels import Levels
    from bmad_provisioner.engine.shared import SharedStats

Function = TypeVar("Function", bound=Callable[..., Any])


@click.group()
def cache() -> None:
    """Look at, prune and clear the cache and the backups."""


# --- numbers ----------------------------------------------------------------------------------------------------------


@cache.command()
@shared
def stats(folder: Path | None, as_json: bool, timings: bool) -> int:
    """Say how much is kept, what each level saved, and how the shared level and the circuit breakers are."""
    from bmad_provisioner.engine.circuits import DiskStore  # noqa: PLC0415

    with progressing(timings=timings, as_json=as_json) as progress, opened(folder, progress) as session:
        with opened_levels(session) as levels:
            server = levels.shared.stats() if levels.shared is not None else None
            rows = _rows(levels, server)
        count, size = session.blobs.size()
        outputs, receipts = levels.disk.size(), len(session.journal.names())
        numbers = {"outputs": outputs, "blobs": count, "bytes": size, "receipts": receipts}
        breakers = DiskStore(session.blobs).load()
    if as_json:
        states = {name: {"phase": state.phase, **asdict(state)} for name, state in breakers.items()}
        out_json({**numbers, "levels": rows, "shared": None if server is None else asdict(server), "breakers": states})
        return CLEAN
    for name, number in numbers.items():
        out(f"{name:<9} {number}")
    _level_text(rows)
    _server_text(server)
    _breaker_text(breakers)
    return CLEAN


def _rows(levels: Levels, server: SharedStats | None) -> dict[str, dict[str, Plain]]:
    """Return what each level holds and was good for; what is in memory ends with its process."""
    entries, size = levels.disk.held()
    holds: dict[str, tuple[int | None, int | None]] = {"memory": (None, None), "disk": (entries, size), "shared": (None, None)}
    if server is not None and server.up:
        holds["shared"] = server.keys, None  # the server tells only what it holds of everybody's
    named = levels.stats().items()
    return {level: {"entries": holds[level][0], "bytes": holds[level][1], **asdict(numbers)} for level, numbers in named}


def _level_text(rows: Mapping[str, Mapping[str, Any]]) -> None:
    out()
    out(f"{'level':<8}{'entries':>9}{'size':>10}{'hits':>8}{'misses':>8}{'evicted':>9}  saved", bold=True)
    for level, row in rows.items():
        entries = "-" if row["entries"] is None else f"{row['entries']:,}"
        size = "-" if row["bytes"] is None else _size(row["bytes"])
        saved = f"{row['seconds']:,.1f} s, ${row['money']:,.4f}"
        out(f"{level:<8}{entries:>9}{size:>10}{row['hits']:>8,}{row['misses']:>8,}{row['evictions']:>9,}  {saved}")


def _server_text(server: SharedStats | None) -> None:
    if server is None:
        return
    out()
    if server.up:
        limit = _size(server.limit) if server.limit else "any"
        least = "" if server.counted else "at least "
        held = f"{least}{server.keys:,} of its keys are ours"
        out(f"shared   up: {_size(server.used)} of {limit}, evicts by {server.policy or '?'} ({server.evictions:,} so far), {held}")
    else:
        out("shared   down", colour="yellow")
    for warning in server.warnings:
        say(warning, label="warning", colour="yellow")


def _breaker_text(breakers: Mapping[str, State]) -> None:
    if breakers:
        out()
    for name, state in sorted(breakers.items()):
        since = f" (opened {_ago(state.opened)})" if state.opened is not None else ""
        out(f"breaker  {name}: {state.phase}{since}, {state.failures} failures in a row", colour="red" if since else None)


# --- results ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Chosen:
    """Which results are meant: those to which all of it applies; what is empty applies to all."""

    agent: str = ""
    tag: str = ""
    older: float | None = None
    pattern: str = ""

    def __contains__(self, one: Kept) -> bool:
        mine = not self.agent or self.agent in (one.task, one.task.rpartition(" ")[2]) or f"agent:{self.agent}" in one.tags
        tagged = not self.tag or self.tag in one.tags
        aged = self.older is None or time.time() - one.made > self.older
        named = not self.pattern or fnmatchcase(one.task, self.pattern) or fnmatchcase(one.key, self.pattern)
        return mine and tagged and aged and named


def _seconds(_context: click.Context, _option: click.Parameter, text: str | None) -> float | None:
    try:
        return None if text is None else parse_duration(text)
    except ValueError as error:
        raise click.BadParameter(f"{error}; `30m`, `24h` and `7d` are") from None


def _choosing(function: Function) -> Function:
    """Give a verb the options that say which results are meant."""
    for option in (
        click.option(
            "--pattern", default="", metavar="GLOB", help="Results whose task or key is like this: `*-developer`, `3fa9*`."
        ),
        click.option("--older", callback=_seconds, metavar="AGE", help="Results made longer ago than this: `30m`, `24h`, `7d`."),
        click.option("--tag", default="", metavar="TAG", help="Results with this tag."),
        click.option("--agent", default="", metavar="NAME", help="Results of this agent, or task."),
    ):
        function = option(function)
    return function


@cache.command("list")
@_choosing
@shared
def listed(folder: Path | None, as_json: bool, timings: bool, **choice: Any) -> int:
    """List the results kept on disk, the last used first."""
    chosen = _Chosen(**choice)
    with (
        progressing(timings=timings, as_json=as_json) as progress,
        opened(folder, progress) as session,
        opened_levels(session) as levels,
    ):
        found = [one for one in levels.disk.kept() if one in chosen]
    if as_json:
        out_json([_plain(one) for one in found])
    else:
        _list_text(found)
    return CLEAN


@cache.command()
@_choosing
@click.option("--shared", "everywhere", is_flag=True, help="Drop them from the shared cache too.")
@click.option("--dry-run", is_flag=True, help="Only show what would be dropped.")
@yes_option
@shared
def drop(folder: Path | None, as_json: bool, timings: bool, **options: Any) -> int:
    """Forget the results chosen. Their agents run again; files in the project, receipts and backups stay."""
    yes, dry, everywhere = (options.pop(name) for name in ("yes", "dry_run", "everywhere"))
    chosen = _Chosen(**options)
    if chosen == _Chosen():
        raise UsageError("which results?", hint="choose with --agent, --tag, --older or --pattern; `bmadp cache clear` forgets all")
    with (
        progressing(timings=timings, as_json=as_json) as progress,
        opened(folder, progress) as session,
        opened_levels(session) as levels,
    ):
        if everywhere and levels.shared is None:
            raise UsageError("there is no shared cache", hint="set `shared_cache_url`: `bmadp settings` shows where")
        found = [one for one in levels.disk.kept() if one in chosen]
        if not as_json:
            _list_text(found)
        if found and not dry:
            confirm(f"forget {counted(len(found), 'result')}?", yes=yes)
            with session.alone("bmadp cache drop"):
                levels.drop([one.key for one in found], everywhere=everywhere)
    if as_json:
        out_json({"dropped": 0 if dry else len(found), "results": [_plain(one) for one in found]})
    elif found:
        out(f"{'would forget' if dry else 'forgot'} {counted(len(found), 'result')}", bold=True)
    return CLEAN


def _list_text(found: Sequence[Kept]) -> None:
    if not found:
        out("no such results")
        return
    width = max(len(one.task) for one in found)
    for one in found:
        took = f"{one.seconds:.1f} s" + (f", ${one.usage.cost:.4f}" if one.usage.cost else "")
        until = f"  kept until {_when(one.expires)}" if one.expires is not None else ""
        tags = f"  {' '.join(one.tags)}" if one.tags else ""
        out(f"{one.key[:12]}  {one.task:<{width}}  made {_ago(one.made)}, used {_ago(one.used)}, took {took}{until}{tags}")


def _plain(one: Kept) -> dict[str, Plain]:
    return {
        "key": one.key,
        "task": one.task,
        "tags": list(one.tags),
        "made": one.made,
        "used": one.used,
        "expires": one.expires,
        "seconds": one.seconds,
        "usage": asdict(one.usage),
    }


# --- upkeep -----------------------------------------------------------------------------------------------------------


@cache.command()
@shared
def clear(folder: Path | None, as_json: bool, timings: bool) -> int:
    """Forget cached outputs and index; receipts and backups stay."""
    with (
        progressing(timings=timings, as_json=as_json) as progress,
        opened(folder, progress) as session,
        session.alone("bmadp cache clear"),
    ):
        gone = upkeep.clear(session)
    if as_json:
        out_json({"forgotten": gone})
    else:
        out(f"forgot {gone} outputs")
    return CLEAN


@cache.command()
@shared
def prune(folder: Path | None, as_json: bool, timings: bool) -> int:
    """Forget outputs that expired, or for which there is no room; then drop bytes that no receipt and no output needs."""
    with (
        progressing(timings=timings, as_json=as_json) as progress,
        opened(folder, progress) as session,
        session.alone("bmadp cache prune"),
        opened_levels(session) as levels,
    ):
        forgotten = levels.trim(session.settings.values.disk_cache_size)
        levels.commit()
        gone = upkeep.prune(session)
    if as_json:
        out_json({"forgotten": forgotten, "dropped": gone})
    else:
        out(f"forgot {forgotten} outputs, dropped {gone} blobs")
    return CLEAN


# --- what all of them need --------------------------------------------------------------------------------------------


def _size(count: int) -> str:
    number = float(count)
    for unit in ("B", "KB", "MB"):
        if number < 1024:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1024
    return f"{number:.1f} GB"


def _ago(moment: float) -> str:
    seconds = max(0.0, time.time() - moment)
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit} ago"
    return f"{seconds:.0f} s ago"


def _when(moment: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(moment))
