"""Select: hand on just the files and sections that somebody reads, so that a change elsewhere wakes nobody."""

from __future__ import annotations

from collections.abc import Iterator

from bmad_provisioner.digest import Entry
from bmad_provisioner.engine.task import Action, Inputs, Output, Task
from bmad_provisioner.errors import PlanError
from bmad_provisioner.kinds.team.sections import section
from bmad_provisioner.kinds.team.team import Read
from bmad_provisioner.patterns import is_pattern, meet


def narrowed(read: Read, makers: tuple[str, ...]) -> Task:
    """Return the task that hands on what `read` names of what `makers` make."""
    what = "section" if read.selector else "files" if is_pattern(read.path) else "file"
    return Task(f"{what} {read}", SELECT, {"path": read.path, "selector": read.selector}, needs=makers)


def _select(inputs: Inputs) -> Output:
    path, selector = str(inputs.args["path"]), str(inputs.args["selector"])
    return Output(hands={found: _part(inputs, found, entry, selector) for found, entry in _fitting(inputs, path)})


def _fitting(inputs: Inputs, path: str) -> Iterator[tuple[str, Entry]]:
    for output in inputs.needs.values():
        for found, entry in output.files.items():
            if meet(found, path):
                yield found, entry


def _part(inputs: Inputs, path: str, entry: Entry, selector: str) -> Entry:
    if not selector:
        return entry
    try:
        part = section(inputs.fetch(entry), path, selector)
    except ValueError as error:
        raise PlanError(str(error), hint=f"whoever makes `{path}` has to write it well-formed") from error
    if part is None:
        raise PlanError(f"`{path}` has no section `{selector}`", hint="have its maker write one, or read another")
    return inputs.keep(part)


def _idle(inputs: Inputs) -> Output:
    makes = inputs.args["makes"]
    return Output(leaves=tuple(str(path) for path in makes) if isinstance(makes, list | tuple) else ())


def _tell(inputs: Inputs) -> Output:
    return Output(facts={"request": {name.partition(" ")[2]: text for name, text in inputs.args.items()}})


REQUEST = Action("request", "1", _tell, quiet=True)
"""Tells what is asked, for whoever looks for a request like it; no agent needs it."""
SELECT = Action("select", "1", _select, quiet=True)
IDLE = Action("idle", "1", _idle)
"""What an agent does whom the leader does not need for this request: what it made before stays."""
