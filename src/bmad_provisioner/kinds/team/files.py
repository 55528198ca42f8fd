"""Files: whether what the agents make and read fits together, and nobody reads what is being written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass

from bmad_provisioner.characters import shown
from bmad_provisioner.errors import UsageError
from bmad_provisioner.finding import Finding
from bmad_provisioner.kind import Place
from bmad_provisioner.kinds.team.making import Makers
from bmad_provisioner.kinds.team.request import Requirements, from_tree, parse, select
from bmad_provisioner.kinds.team.sections import has_sections
from bmad_provisioner.kinds.team.team import Agent, Read, Team
from bmad_provisioner.kinds.team.team import read as meaning
from bmad_provisioner.naming import did_you_mean
from bmad_provisioner.patterns import is_pattern, meet
from bmad_provisioner.remarks import Remarks
from bmad_provisioner.tree.paths import collisions, refusal


@dataclass(frozen=True, slots=True)
class _Made:
    """A path or pattern, who makes it, and where the document says so."""

    path: str
    maker: str
    place: Place


def makes(say: Remarks, read: Team) -> Iterator[Finding]:
    """Yield what agents may not make, and what two of them would make."""
    plain: dict[str, _Made] = {}
    patterns: list[_Made] = []
    for made in _everything_made(read):
        reason = _refusal(made.path)
        if reason or "#" in made.path:
            reason = reason or "`#` is for sections, which are read and not made"
            hint = "a path inside the project, for example docs/prd.md"
            yield say.error("team-makes", made.place, f"`{shown(made.path)}` cannot be made: {reason}", hint)
        elif is_pattern(made.path):
            patterns.append(made)
        elif plain.setdefault(made.path, made).maker != made.maker:
            other = plain[made.path]
            hint = "let one of the two make it, or give the second a path of its own"
            yield say.error("team-makes", made.place, f"`{made.path}` is made by `{other.maker}` already", hint)
    for pair in collisions(plain):
        last = next(made for path, made in reversed(plain.items()) if path.startswith(pair))
        message = f"`{pair[0]}` and `{pair[1]}` cannot both be in one project"
        yield say.error("team-makes", last.place, message, "rename one of the two")
    for number, pattern in enumerate(patterns):
        for each in (*plain.values(), *patterns[:number]):
            if each.maker != pattern.maker and meet(pattern.path, each.path):
                message = f"`{pattern.path}` of `{pattern.maker}` takes in `{each.path}` of `{each.maker}`"
                yield say.warning(
                    "team-vague", pattern.place, message, "make the pattern narrower: a file that both make is an error"
                )


def reads(say: Remarks, read: Team, *, ordered: bool) -> Iterator[Finding]:
    """Yield what agents may not read, would look for in vain or, where their needs are `ordered`, would read too early."""
    asked, found = _asked(say, read)
    yield from found
    made = Makers.of(read)
    before = _all_needs(read.agents)
    yield from _amends(say, read, made)
    for name, agent in read.agents.items():
        places = _places(say, name, agent)
        for each, place in zip(agent.reads, places, strict=True):
            if each.path:
                yield from _file(say, each, place, made, before[name] | {name} if ordered else read.agents.keys())
            else:
                yield from _requirement(say, each, place, asked, declared=bool(read.request))


def _file(say: Remarks, each: Read, place: Place, made: Makers, before: Set[str]) -> Iterator[Finding]:
    reason = _refusal(each.path)
    if reason:
        yield say.error(
            "team-reads",
            place,
            f"`{shown(each.path)}` cannot be read: {reason}",
            "a path inside the project, for example docs/prd.md",
        )
        return
    if each.selector and (is_pattern(each.path) or not has_sections(each.path)):
        hint = "sections are known of Markdown, JSON, YAML, TOML and Python files"
        yield say.error("team-reads", place, f"`{shown(str(each))}` names a section of what has none", hint)
    makers = made.of_path(each.path, besides=str(place[1]))
    for maker in makers:
        if maker not in before:
            hint = f"add `{maker}` to its `needs`"
            yield say.error(
                "team-reads", place, f"`{maker}` makes `{shown(each.path)}`, and `{place[1]}` does not wait for it", hint
            )
    near = "" if made.of_path(each.path) or is_pattern(each.path) else _near(each.path, made)
    if near:
        yield say.warning("team-vague", place, f"nobody makes `{shown(each.path)}`", near)


def _amends(say: Remarks, read: Team, made: Makers) -> Iterator[Finding]:
    """Yield what two agents would amend at once, and what one amends that another makes."""
    for index, (path, name) in enumerate(made.amended):
        place: Place = ("agents", name, "amends", read.agents[name].amends.index(path))
        if "#" in path:
            yield say.error("team-makes", place, f"`{shown(path)}` cannot be amended: `#` is for sections", "name the whole file")
        for maker in made.of_path(path):
            hint = "let one of the two have it"
            yield say.error("team-makes", place, f"`{shown(path)}` of `{name}` takes in what `{maker}` makes", hint)
        for other, second in made.amended[:index]:
            if second != name and meet(path, other) and name not in made.after(second) and second not in made.after(name):
                hint = "let one of them need the other: it goes on from what that one left"
                yield say.error("team-makes", place, f"`{name}` and `{second}` both amend `{shown(path)}`", hint)


def _requirement(say: Remarks, each: Read, place: Place, asked: Requirements | None, *, declared: bool) -> Iterator[Finding]:
    if not declared:
        hint = "write request: {file: request.md}, or the request itself"
        yield say.error("team-request", place, f"`{shown(each.selector)}` is read, and the document has no `request`", hint)
    elif asked is not None and not each.optional:
        try:
            select(asked, each.selector)
        except UsageError as error:
            yield say.error("team-request", place, error.message, error.hint)


def _asked(say: Remarks, read: Team) -> tuple[Requirements | None, tuple[Finding, ...]]:
    """Return the requirements, if they stand in the document; what a file says, only the project shows."""
    try:
        if read.request.text:
            return parse(read.request.text), ()
        return from_tree(read.request.tree) if read.request.tree else None, ()
    except UsageError as error:
        return None, (say.error("team-request", ("request",), error.message, error.hint),)


def _everything_made(read: Team) -> Iterator[_Made]:
    for name, agent in read.agents.items():
        for index, path in enumerate(agent.makes):
            yield _Made(path, name, ("agents", name, "makes", index))


def _places(say: Remarks, name: str, agent: Agent) -> list[Place]:
    """Return the place of each read; those that are not declared stand where the agent does."""
    agents = say.document.data.get("agents")
    item = agents.get(name) if isinstance(agents, Mapping) else None
    declared = item.get("reads") if isinstance(item, Mapping) else None
    if not isinstance(declared, list | tuple):
        return [("agents", name)] * len(agent.reads)
    meant = [meaning(str(each)) for each in declared]
    return [("agents", name, "reads", meant.index(each)) if each in meant else ("agents", name, "amends") for each in agent.reads]


def _all_needs(agents: Mapping[str, Agent]) -> Mapping[str, frozenset[str]]:
    """Return for each agent all that are done before it, whatever circles there are."""
    found: dict[str, frozenset[str]] = {}
    for name in agents:
        seen: set[str] = set()
        ahead = list(agents[name].needs)
        while ahead:
            need = ahead.pop()
            if need in agents and need not in seen:
                seen.add(need)
                ahead += agents[need].needs
        found[name] = frozenset(seen)
    return found


def _refusal(path: str) -> str | None:
    return refusal(path.replace("*", "x").replace("?", "x"))


def _near(path: str, made: Makers) -> str:
    """Return a hint if a made path differs from `path` by little more than a slip."""
    folder, _, name = path.rpartition("/")
    beside = (each.rpartition("/")[2] for each in made.plain if each.rpartition("/")[0] == folder)
    return did_you_mean(name, beside, before=f"{folder}/" if folder else "")
