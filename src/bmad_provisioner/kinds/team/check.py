"""Check: every reason why a Team document is wrong, and what in it is vague.

What makes sense is only asked of a document whose form is right; a wrong form is told at once, all of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from bmad_provisioner.characters import is_clean, shown, suspects
from bmad_provisioner.digest import Plain
from bmad_provisioner.engine.task import Effect
from bmad_provisioner.errors import UsageError
from bmad_provisioner.finding import Finding
from bmad_provisioner.kind import Document, Place
from bmad_provisioner.kinds.team.files import makes, reads
from bmad_provisioner.kinds.team.markdown import slug
from bmad_provisioner.kinds.team.reading import template_tree
from bmad_provisioner.kinds.team.runtime import Runtime
from bmad_provisioner.kinds.team.secrets import secrets
from bmad_provisioner.kinds.team.team import Agent, Review, Team, team
from bmad_provisioner.naming import did_you_mean, listed
from bmad_provisioner.plugins import Plugins
from bmad_provisioner.remarks import Remarks
from bmad_provisioner.tree.paths import refusal

RUNTIMES = "bmad_provisioner.runtimes"
"""The entry-point group that runtimes are offered in."""
_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")


def check(document: Document, runtimes: Mapping[str, Runtime] | None = None) -> tuple[Finding, ...]:
    """Return everything that is wrong or vague in a Team document; `runtimes` are those installed, if not given."""
    from bmad_provisioner.kinds.team.model import faults  # noqa: PLC0415 - pydantic costs 60 ms; a remembered check pays none

    say = Remarks(document)
    found = [*faults(document), *_hidden(say, document.data, ()), *secrets(say)]
    if not any(finding.rule == "team-form" for finding in found):
        read = team(document.data)
        unmet = tuple(_needs(say, read))
        found += [*unmet, *_names(say, read), *_runtimes(say, read, Plugins(RUNTIMES) if runtimes is None else runtimes)]
        found += [*makes(say, read), *reads(say, read, ordered=not unmet), *_turns(say, read), *_schemas(say, read)]
        found += [*_request(say, read), *_leader(say, read)]
    return tuple(sorted(dict.fromkeys(found), key=lambda finding: finding.line or 0))


def _hidden(say: Remarks, data: Plain, place: Place) -> Iterator[Finding]:
    if isinstance(data, str):
        for suspect in () if is_clean(data) else suspects(data):
            where = f" in line {suspect.line + 1} of the value" if "\n" in data else ""
            hint = "remove it: a model reads what people do not see"
            yield say.error("team-hidden", place, f"hidden character {suspect}{where}", hint)
    elif isinstance(data, Mapping):
        for key, value in data.items():
            yield from _hidden(say, key, (*place, shown(key)))
            yield from _hidden(say, value, (*place, key))
    elif isinstance(data, list | tuple):
        for index, value in enumerate(data):
            yield from _hidden(say, value, (*place, index))


def _names(say: Remarks, read: Team) -> Iterator[Finding]:
    for name, agent in read.agents.items():
        if not _NAME.fullmatch(name) or len(name) > 64:
            spelled = slug(name) if re.search(r"[^\W_]", name) else "writer"
            better = re.sub(r"[^a-z0-9]+", "-", spelled).strip("-")[:64].strip("-")
            hint = f"for example `{better or 'writer'}`"
            yield say.error(
                "team-name", ("agents", name), f"`{shown(name)}` is no name of a-z, 0-9 and single hyphens, at most 64", hint
            )
        for index, variable in enumerate(agent.env):
            if not _VARIABLE.fullmatch(variable):
                hint = "write the name only; the value is taken from the environment when the agent runs"
                yield say.error("team-name", ("agents", name, "env", index), "is no name of an environment variable", hint)
        if agent.skill and (refusal(agent.skill) or "/" in agent.skill):
            yield say.error(
                "team-name", ("agents", name, "skill"), f"`{shown(agent.skill)}` is no id of a skill", "for example `dev-backend`"
            )


def _needs(say: Remarks, read: Team) -> Iterator[Finding]:
    for name in read.agents:
        written = _list(say.document.data, "agents", name, "needs")
        for index, need in enumerate(written):
            place: Place = ("agents", name, "needs", index)
            if need not in read.agents:
                hint = did_you_mean(str(need), read.agents, f"agents are {listed(read.agents)}")
                yield say.error("team-needs", place, f"no agent is named `{shown(str(need))}`", hint)
            elif need == name:
                yield say.error("team-needs", place, f"`{name}` needs itself", "take it out")
    for circle in circles({name: agent.needs for name, agent in read.agents.items()}):
        told = " needs ".join(f"`{name}`" for name in (*circle, circle[0]))
        place = (
            "agents",
            circle[0],
            "needs",
            _list(say.document.data, "agents", circle[0], "needs").index((*circle, circle[0])[1]),
        )
        yield say.error("team-needs", place, f"a circle: {told}", "take one of these needs out")


def circles(needs: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    """Yield circles of more than one name, each as the names on it, until every name on one has been named."""
    left = {name: [need for need in each if need in needs and need != name] for name, each in needs.items()}
    done: set[str] = set()
    for start in left:
        trail: dict[str, int] = {}
        stack = [] if start in done else [start]
        while stack:
            name = stack[-1]
            trail.setdefault(name, len(trail))
            following = next((need for need in left[name] if need not in done), None)
            if following in trail:
                names = list(trail)
                yield tuple(names[trail[following] :])
                done.update(names[trail[following] :])
            if following is None or following in trail:
                done.add(name)
                stack.pop()
                trail.pop(name)
            else:
                stack.append(following)


def _runtimes(say: Remarks, read: Team, runtimes: Mapping[str, Runtime]) -> Iterator[Finding]:
    for name, agent in read.agents.items():
        place: Place = ("agents", name, "runtime")
        if agent.runtime not in runtimes:
            known = f"runtimes are {listed(sorted(runtimes), 20)}" if runtimes else "no runtime is installed"
            message = f"unknown runtime `{shown(agent.runtime)}`"
            yield say.error("team-runtime", place, message, did_you_mean(agent.runtime, runtimes, known))
            continue
        try:
            wrong = _wrong(runtimes[agent.runtime], agent)
        except UsageError as error:
            yield say.error("team-runtime", place, error.message, error.hint)
            continue
        yield from (say.error("team-runtime", (*place, agent.runtime) if agent.options else place, message) for message in wrong)


def _wrong(runtime: Runtime, agent: Agent) -> tuple[str, ...]:
    """Return what is wrong with an agent's options, where its `model` counts as one if the runtime asks for it."""
    tree = template_tree(agent)
    if tree:  # whether it is there, only the folder of the document shows
        reason = refusal(tree)
        return (f"`{shown(tree)}` is no folder beside the document: {reason}",) if reason else ()
    wrong = runtime.check(agent.options)
    if not wrong or not agent.model:
        return wrong
    return min(wrong, runtime.check({**agent.options, "model": agent.model}), key=len)


def _turns(say: Remarks, read: Team) -> Iterator[Finding]:
    """Judge what each agent is to do, and how often."""
    for name, agent in read.agents.items():
        place: Place = ("agents", name)
        if agent.review:
            yield from _review(say, agent, agent.review, read)
        declared = _at(say.document.data, "agents", name, "retries")
        if agent.effect.value == "once" and declared:
            hint = "leave `retries` out, or say `effect: idempotent` if doing it again does no harm"
            yield say.error("team-effect", (*place, "retries"), "an agent of effect `once` is never tried again", hint)
        if not agent.makes and not agent.amends and not agent.prompt:
            yield say.error(
                "team-idle", place, f"`{name}` makes nothing and is asked nothing", "give it `makes`, a `prompt`, or both"
            )


def _review(say: Remarks, agent: Agent, review: Review, read: Team) -> Iterator[Finding]:
    place: Place = ("agents", agent.name, "review", "of")
    of = read.agents.get(review.of)
    if review.of not in agent.needs:
        known = f"add it to needs: [{', '.join((*agent.needs, review.of))}]" if of else ""
        hint = known or did_you_mean(review.of, agent.needs, "name an agent that this one needs")
        yield say.error("team-review", place, f"`{agent.name}` reviews `{shown(review.of)}` and does not need it", hint)
    elif of and not (of.makes or of.amends):
        hint = "review an agent that has files to make"
        yield say.error("team-review", place, f"`{of.name}` makes nothing that could be reviewed", hint)
    elif of and of.effect is Effect.ONCE and review.rounds > 1:
        message = f"`{of.name}` acts once, and would be asked again in each of {review.rounds} rounds"
        hint = "say `rounds: 1`, or `effect: idempotent` if doing it again does no harm"
        yield say.error("team-effect", place, message, hint)


def _schemas(say: Remarks, read: Team) -> Iterator[Finding]:
    for name, agent in read.agents.items():
        if agent.schema is None:
            continue
        from jsonschema import Draft202012Validator, SchemaError  # noqa: PLC0415 - only who has a schema pays for it

        place: Place = ("agents", name, "schema")
        try:
            Draft202012Validator.check_schema(agent.schema)
        except SchemaError as error:
            yield say.error("team-schema", (*place, *error.absolute_path), shown(error.message))
        for at, reference in _references(agent.schema, place):
            if not reference.startswith("#"):
                yield say.error("team-schema", at, f"`{shown(reference)}` lies outside the schema", "put it under `$defs`")


def _references(value: Plain, place: Place) -> Iterator[tuple[Place, str]]:
    if isinstance(value, Mapping):
        for key, below in value.items():
            if key in ("$ref", "$dynamicRef") and isinstance(below, str):
                yield (*place, key), below
            yield from _references(below, (*place, key))
    elif isinstance(value, list | tuple):
        for index, below in enumerate(value):
            yield from _references(below, (*place, index))


def _request(say: Remarks, read: Team) -> Iterator[Finding]:
    reason = refusal(read.request.file) if read.request.file else None
    if reason:
        hint = "a file beside the document, for example request.md"
        yield say.error("team-request", ("request", "file"), f"`{shown(read.request.file)}` cannot be read: {reason}", hint)


def _leader(say: Remarks, read: Team) -> Iterator[Finding]:
    if read.leader is None:
        return
    if read.leader.name in read.agents:
        hint = "a leader is no agent of its own: give it another name"
        yield say.error("team-name", ("leader", "name"), f"`{read.leader.name}` is an agent already", hint)
    if read.leader.by_domain and not any(agent.domain or agent.skills for agent in read.agents.values()):
        hint = "give the agents a `domain` and `skills`, or write routes: all"
        yield say.warning("team-vague", ("leader",), "nothing says what the agents know, so nothing can be routed to them", hint)


def _at(data: Plain, *place: str) -> Plain:
    for key in place:
        data = data.get(key) if isinstance(data, Mapping) else None
    return data


def _list(data: Plain, *place: str) -> list[Plain]:
    found = _at(data, *place)
    return list(found) if isinstance(found, list | tuple) else []
