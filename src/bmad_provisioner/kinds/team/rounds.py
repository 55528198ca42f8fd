"""Rounds: work that a reviewer may send back, unrolled into as many drafts and reviews as there are rounds.

A draft is handed on and not made: only what the last round leaves becomes files. A round after all reviewers accepted
passes on what it was given, and asks nobody.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bmad_provisioner.characters import scrubbed
from bmad_provisioner.digest import Plain
from bmad_provisioner.engine.task import Action, Inputs, Lane, Output, Task
from bmad_provisioner.errors import TaskError
from bmad_provisioner.finding import Finding, Severity
from bmad_provisioner.kinds.team import turn
from bmad_provisioner.kinds.team.runtime import Answer
from bmad_provisioner.kinds.team.select import IDLE
from bmad_provisioner.kinds.team.team import Agent

VERDICT: Mapping[str, Plain] = {
    "type": "object",
    "properties": {"accepted": {"type": "boolean"}, "objections": {"type": "array", "items": {"type": "string"}}},
    "required": ["accepted", "objections"],
    "additionalProperties": False,
}
_PROMPT = (
    "Review what is in this folder; change nothing. Answer with one JSON object and nothing else:"
    ' {"accepted": true or false, "objections": ["what has to change, one sentence each"]}.'
)


def reviewed(tasks: Mapping[str, Task], agents: Iterable[Agent]) -> dict[str, Task]:
    """Return the tasks with all work that one of `agents` reviews unrolled; whoever needed it needs its last round."""
    reviewers: dict[str, list[Agent]] = {}
    asked = {agent.name: agent for agent in agents}
    for agent in asked.values():
        if agent.review is not None and agent.review.of in asked:
            reviewers.setdefault(agent.review.of, []).append(agent)
    made = dict(tasks)
    for of, those in reviewers.items():
        made |= _unrolled(tasks, made, of, those)
    for agent in (agent for agent in asked.values() if agent.review is not None and not (agent.makes or agent.amends)):
        # Its reviews are all that it has to do.
        made[agent.name] = Task(agent.name, IDLE, {"agent": agent.name, "makes": []}, after=tasks[agent.name].waits)
    return made


def _unrolled(turns: Mapping[str, Task], tasks: Mapping[str, Task], of: str, reviewers: Sequence[Agent]) -> dict[str, Task]:
    """Return the drafts of one agent and what its reviewers say to each; the most rounds that one of them gives count."""
    made: dict[str, Task] = {}
    maker, later = turns[of], _waiting(tasks, of)
    draft = ""
    verdicts: tuple[str, ...] = ()
    for number in range(1, max(agent.review.rounds for agent in reviewers if agent.review is not None) + 1):
        last, before = draft, verdicts
        draft, verdicts = f"{of} round {number}", tuple(f"{agent.name} reviews {of} {number}" for agent in reviewers)
        extra: dict[str, Plain] = {"round": number, "draft": last, "reviews": list(before)}
        needs = (*maker.needs, *filter(None, (last,)), *before)
        made[draft] = replace(maker, name=draft, action=DRAFT, args={**maker.args, **extra}, needs=needs)
        for agent, verdict in zip(reviewers, verdicts, strict=True):
            beside = [_without(tasks[need], later) for need in turns[agent.name].needs]
            made |= {task.name: task for task in beside if task is not None}
            read = tuple(task.name for task in beside if task is not None)
            args: dict[str, Plain] = {**_told(agent, turns[agent.name], maker), "draft": draft, "reviews": list(before)}
            made[verdict] = replace(
                turns[agent.name], name=verdict, action=REVIEW, args=args, needs=(*read, draft, *before), after=()
            )
    settled: dict[str, Plain] = {"agent": of, "draft": draft, "reviews": list(verdicts)}
    on = maker.args.get(turn.HANDED_ON)
    if on:
        settled |= {turn.HANDED_ON: on, "makes": maker.args.get("makes", [])}
    made[of] = Task(of, SETTLE, settled, () if on else maker.reads, needs=(draft, *verdicts))
    return made


def _waiting(tasks: Mapping[str, Task], name: str) -> set[str]:
    """Return a task and all that wait for it, at first or second hand."""
    found = {name}
    more = True
    while more:
        new = {each.name for each in tasks.values() if each.name not in found and not found.isdisjoint(each.waits)}
        more = bool(new)
        found |= new
    return found


def _without(task: Task, later: Set[str]) -> Task | None:
    """Return a task that hands files on, without those that are only made once the review is over."""
    needs = tuple(need for need in task.needs if need not in later)
    if needs == task.needs:
        return task
    return replace(task, name=f"{task.name} of {', '.join(needs)}", needs=needs) if needs else None


def _told(reviewer: Agent, own: Task, maker: Task) -> dict[str, Plain]:
    """Return what a reviewer is told: who it is, and what is asked of it, or else of whose work it looks at."""
    kept = ("agent", "runtime", "runtime version", "options", "model", "system", "declared version")
    asked = own if any(name.startswith(turn.REQUIREMENT) for name in own.args) else maker
    requirements = {name: text for name, text in asked.args.items() if name == turn.ORDER or name.startswith(turn.REQUIREMENT)}
    prompt = f"{reviewer.prompt}\n\n{_PROMPT}".strip()
    return {**{name: own.args[name] for name in kept if name in own.args}, "prompt": prompt, "schema": VERDICT, **requirements}


def _draft(inputs: Inputs) -> Output:
    before, verdicts = _before(inputs)
    if before is not None and _are_accepting(verdicts):
        return Output(facts=before.facts, hands=before.hands)
    objections = _objections(verdicts)
    output = turn.take(replace(inputs, args={**inputs.args, "objections": objections} if objections else inputs.args))
    return Output({}, output.findings, output.facts, {**output.files, **output.hands}, usage=output.usage)


def _review(inputs: Inputs) -> Output:
    if _are_accepting(_before(inputs)[1]):
        return Output(facts={"review": {"accepted": True, "objections": []}})
    with TemporaryDirectory(prefix="bmadp-") as scratch:
        folder = Path(scratch).resolve()
        turn.lay(folder, inputs)
        answer = turn.asked(inputs, folder)
    return Output(facts={"review": _read(answer)}, usage=answer.usage)


def _read(answer: Answer) -> dict[str, Plain]:
    """Return the verdict of an answer: its data, or the JSON object in its words."""
    data: Any = answer.data
    if not isinstance(data, Mapping):
        start, end = answer.text.find("{"), answer.text.rfind("}")
        try:
            data = json.loads(answer.text[start : end + 1])
        except (ValueError, RecursionError):
            data = None
    if not isinstance(data, Mapping) or not isinstance(data.get("accepted"), bool):
        said = scrubbed(" ".join(answer.text.split())[:200])
        raise TaskError(f"the review gives no verdict: {said or 'nothing was said'}", heals=True, usage=answer.usage)
    objections = data.get("objections")
    return {
        "accepted": data["accepted"],
        "objections": [str(one) for one in objections] if isinstance(objections, list | tuple) else [],
    }


def _settle(inputs: Inputs) -> Output:
    before, verdicts = _before(inputs)
    if before is None:
        return Output()
    agent, hint = str(inputs.args["agent"]), "raise `rounds`, or settle it by hand"
    findings = tuple(
        Finding(agent, "team-objection", f"its reviewer still objects: {one}", Severity.WARNING, hint=hint)
        for one in _objections(verdicts)
    )
    files, hands = turn.handed_on(before.hands, turn.texts(inputs.args.get(turn.HANDED_ON)), turn.texts(inputs.args.get("makes")))
    return Output(files, findings, before.facts, hands)


def _before(inputs: Inputs) -> tuple[Output | None, list[Mapping[str, Plain]]]:
    """Return the draft there is, and what was said of it or of the one before."""
    names = inputs.args["reviews"]
    outputs = [inputs.needs[str(name)] for name in names] if isinstance(names, list | tuple) else []
    found = [output.facts.get("review") for output in outputs]
    return inputs.needs.get(str(inputs.args["draft"])), [verdict for verdict in found if isinstance(verdict, Mapping)]


def _are_accepting(verdicts: Sequence[Mapping[str, Plain]]) -> bool:
    return bool(verdicts) and all(verdict.get("accepted") for verdict in verdicts)


def _objections(verdicts: Sequence[Mapping[str, Plain]]) -> list[Plain]:
    said = [verdict.get("objections") for verdict in verdicts if not verdict.get("accepted")]
    return [one for each in said if isinstance(each, list | tuple) for one in each]


DRAFT = Action("draft", "2", _draft, lane=Lane.IO, external=True)
REVIEW = Action("review", "2", _review, lane=Lane.IO, external=True)
SETTLE = Action("settle", "3", _settle)
