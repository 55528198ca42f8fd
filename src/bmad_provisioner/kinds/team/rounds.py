"""Rounds: work that a reviewer may send back, unrolled into as many drafts and reviews as there are rounds.

A draft is handed on and not made: only what the last round leaves becomes files. A round after the reviewer accepted
passes on what it was given, and asks nobody.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from tempfile import TemporaryDirectory
from typing import Any

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


def rounds(tasks: Mapping[str, Task], reviewer: Agent) -> dict[str, Task]:
    """Return the tasks with the work that `reviewer` reviews unrolled; whoever needed the work needs its last round."""
    review = reviewer.review
    if review is None:
        return dict(tasks)
    made: dict[str, Task] = {}
    maker, own = tasks[review.of], tasks[reviewer.name]
    draft = verdict = ""
    for number in range(1, review.rounds + 1):
        extra: dict[str, Plain] = {"round": number, "draft": draft, "review": verdict}
        last, before = draft, verdict
        draft, verdict = f"{maker.name} round {number}", f"{reviewer.name} reviews {maker.name} {number}"
        needs = (*maker.needs, *filter(None, (last, before)))
        made[draft] = replace(maker, name=draft, action=DRAFT, args={**maker.args, **extra}, needs=needs)
        asked = {key: own.args[key] for key in ("team", "agent", "runtime", "runtime version", "options", "model", "system")
                 if key in own.args}  # fmt: skip
        prompt = f"{reviewer.prompt}\n\n{_PROMPT}".strip()
        args: dict[str, Plain] = {**asked, "prompt": prompt, "schema": VERDICT, "draft": draft, "review": before}
        made[verdict] = replace(own, name=verdict, action=REVIEW, args=args, reads=(), needs=(draft, *filter(None, (before,))))
    settled: dict[str, Plain] = {"agent": maker.name, "draft": draft, "review": verdict}
    made[maker.name] = Task(maker.name, SETTLE, settled, maker.reads, needs=(draft, verdict))
    if not reviewer.makes:  # its reviews are all that it has to do
        made[own.name] = Task(own.name, IDLE, {"agent": own.name, "makes": []}, after=own.waits)
    return {**{name: task for name, task in tasks.items() if name not in made}, **made}


def _draft(inputs: Inputs) -> Output:
    before, verdict = _before(inputs)
    if before is not None and verdict.get("accepted"):
        return Output(hands=before.hands)
    args = dict(inputs.args) | ({"objections": verdict["objections"]} if verdict else {})
    output = turn.take(replace(inputs, args=args))
    return Output({}, output.findings, output.facts, output.files, usage=output.usage)


def _review(inputs: Inputs) -> Output:
    earlier = _verdict(inputs)
    if earlier.get("accepted"):
        return Output(facts={"review": earlier})
    drafts = {name: output for name, output in inputs.needs.items() if name == inputs.args["draft"]}
    with TemporaryDirectory(prefix="bmadp-") as scratch:
        answer = turn.asked(replace(inputs, needs=drafts), scratch)
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
        said = " ".join(answer.text.split())[:200]
        raise TaskError(f"the review gives no verdict: {said or 'nothing was said'}", heals=True, usage=answer.usage)
    objections = data.get("objections")
    return {
        "accepted": data["accepted"],
        "objections": [str(one) for one in objections] if isinstance(objections, list | tuple) else [],
    }


def _settle(inputs: Inputs) -> Output:
    before, verdict = _before(inputs)
    if before is None:
        return Output()
    agent = str(inputs.args["agent"])
    objections = verdict.get("objections") if not verdict.get("accepted") else ()
    hint = "raise `rounds`, or settle it by hand"
    findings = tuple(
        Finding(agent, "team-objection", f"its reviewer still objects: {one}", Severity.WARNING, hint=hint)
        for one in (objections if isinstance(objections, list | tuple) else ())
    )
    return Output(before.hands, findings)


def _before(inputs: Inputs) -> tuple[Output | None, Mapping[str, Plain]]:
    return inputs.needs.get(str(inputs.args.get("draft"))), _verdict(inputs)


def _verdict(inputs: Inputs) -> Mapping[str, Plain]:
    output = inputs.needs.get(str(inputs.args.get("review")))
    found = output.facts.get("review") if output is not None else None
    return found if isinstance(found, Mapping) else {}


DRAFT = Action("draft", "1", _draft, lane=Lane.IO, external=True)
REVIEW = Action("review", "1", _review, lane=Lane.IO, external=True)
SETTLE = Action("settle", "1", _settle)
