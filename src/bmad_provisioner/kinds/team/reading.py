"""Reading: what an agent reads of the project and of others, as paths it sees and tasks that hand it the rest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bmad_provisioner.digest import Entry
from bmad_provisioner.engine.task import Task
from bmad_provisioner.finding import Finding
from bmad_provisioner.kind import Place, Sight
from bmad_provisioner.kinds.team.making import Makers
from bmad_provisioner.kinds.team.runtime import Runtime
from bmad_provisioner.kinds.team.sections import sections
from bmad_provisioner.kinds.team.select import narrowed
from bmad_provisioner.kinds.team.team import Agent, Read, Team
from bmad_provisioner.kinds.team.turn import RUNTIMES
from bmad_provisioner.patterns import is_pattern, meet
from bmad_provisioner.plugins import Plugins
from bmad_provisioner.remarks import Remarks
from bmad_provisioner.tree.model import BESIDE

_NO_FILES = {
    "directory": ("is a folder", "name its files: `{path}/**`"),
    "symlink": ("is a symbolic link", "read the file that it leads to"),
    "behind-symlink": ("lies behind a symbolic link", "read the file by its own path"),
}
"""What is said of an entry that is no plain file, by the first word of its digest, with the way out."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What an agent reads of files: the project's `paths` as they stand, `tasks` that hand it parts and what others make,
    and the others it `heard` by them.
    """

    paths: tuple[str, ...] = ()
    tasks: tuple[Task, ...] = ()
    heard: frozenset[str] = frozenset()


def reading(agent: Agent, makers: Makers, sight: Sight) -> Reading:
    """Return what the agent reads: one task for each path that others make or amend, or of which it reads sections only.

    What it makes itself too, it goes on with as it stands in the project. Of a pattern it gets besides what others make of
    it the files of the project that nobody makes; and over those, what others amended before.
    """
    paths: dict[str, None] = {}
    tasks: list[Task] = []
    heard: set[str] = set()
    for path, reads in _by_path(agent, makers).items():
        others, before = makers.of_path(path, besides=agent.name), makers.before(path, agent.name)
        heard |= {*others, *before}
        is_part = all(read.selector for read in reads)
        if others or before or is_part:
            reader = agent.name if before or _is_own(path, agent) else ""
            tasks.append(narrowed(reads, (*others, *before), reader=reader, stands=is_part and not others))
        if is_pattern(path):
            found = sorted(each for each in sight.tree if meet(each, path) and is_file(sight, each))
            paths |= dict.fromkeys(each for each in found if not others or not makers.covers(each, others))
        elif not (others or is_part):
            paths[path] = None
    return Reading(tuple(paths), tuple(tasks), frozenset(heard))


def _is_own(path: str, agent: Agent) -> bool:
    return any(meet(path, made) for made in (*agent.makes, *agent.amends))


def is_file(sight: Sight, path: str) -> bool:
    """Say whether a plain file of the project stands there."""
    entry = sight.entry(path)
    return entry is not None and entry.is_plain and not path.startswith(BESIDE)


def is_read(path: str, maker: Agent, team: Team) -> bool:
    """Say whether somebody else reads what fits `path`."""
    others = (agent for agent in team.agents.values() if agent.name != maker.name)
    return any(read.path and meet(path, read.path) for other in others for read in other.reads)


def may_idle(agent: Agent, team: Team) -> bool:
    """Say whether the leader may leave the agent out."""
    return team.leader is not None and team.leader.by_domain and bool(agent.domain or agent.skills)


def template_tree(agent: Agent) -> str:
    """Return the folder beside the document that holds the agent's template tree; nothing if it has none, or one that ships."""
    named = agent.options.get("template")
    if agent.runtime != "template" or not isinstance(named, str) or len(agent.options) > 1:
        return ""
    runtime: Runtime = Plugins(RUNTIMES)[agent.runtime]
    return named.removeprefix("./").rstrip("/") if runtime.check(agent.options) else ""


def _by_path(agent: Agent, makers: Makers) -> dict[str, list[Read]]:
    """Return the reads of each file or pattern; sections of a file that is read whole, by its pattern too, are left out."""
    paths: dict[str, list[Read]] = {}
    for read in agent.reads:
        if read.path:
            paths.setdefault(read.path, []).append(read)
    whole = [path for path, reads in paths.items() if any(not read.selector for read in reads)]

    def is_covered(path: str) -> bool:
        covering = [other for other in whole if meet(other, path)] if path not in whole else []
        made = [bool(makers.of_path(each, besides=agent.name)) for each in (path, *covering)] if covering else [False]
        return made[0] in made[1:]

    return {path: reads for path, reads in paths.items() if not is_covered(path)}


def nothings(say: Remarks, agent: Agent, makers: Makers, sight: Sight) -> Iterator[Finding]:
    """Yield what the agent reads of the project that gives it nothing: what is no file is a warning, a section that is not
    there an error.
    """
    for number, read in enumerate(agent.reads):
        if not read.path or is_pattern(read.path) or makers.of_path(read.path, besides=agent.name):
            continue
        place = ("agents", agent.name, "reads", number)
        entry = sight.entry(read.path)
        if entry is None or not entry.is_plain:
            yield from _no_file(say, agent, read, place, entry)
        elif read.selector:
            yield from _no_section(say, read, place, sight)


def _no_file(say: Remarks, agent: Agent, read: Read, place: Place, entry: Entry | None) -> Iterator[Finding]:
    if entry is None and (read.optional or _is_own(read.path, agent)):
        return
    usual = ("is not there", "write `{path}?` if it may be missing")
    what, hint = usual if entry is None else _NO_FILES.get(entry.digest.partition(":")[0], ("is no plain file", ""))
    message = f"`{read.path}` {what}: `{agent.name}` gets nothing of it"
    yield say.warning("team-reads", place, message, hint.format(path=read.path))


def _no_section(say: Remarks, read: Read, place: Place, sight: Sight) -> Iterator[Finding]:
    try:
        _, missing = sections(sight.read(read.path), read.path, (read.selector,))
    except ValueError as error:
        yield say.error("team-reads", place, str(error), "correct the file, or read all of it")
        return
    if missing and not read.optional:
        hint = f"read another, or write `{read}?` if it may be missing"
        yield say.error("team-reads", place, f"`{read.path}` has no section `{read.selector}`", hint)
