"""Select: hand on just the files and sections that somebody reads, so that a change elsewhere wakes nobody."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from bmad_provisioner.digest import Entry, Plain
from bmad_provisioner.engine.task import Action, Inputs, Output, Task
from bmad_provisioner.errors import PlanError
from bmad_provisioner.kinds.team.sections import sections
from bmad_provisioner.kinds.team.team import Read
from bmad_provisioner.patterns import is_pattern, meet


def narrowed(reads: Sequence[Read], makers: tuple[str, ...] = (), *, reader: str = "", stands: bool = False) -> Task:
    """Return the task that hands on what `reads`, all of one path, name of what `makers` make, and of the project's file where
    it `stands` as long as they hand on no other.

    `reader` is named where others who read the same would get it of other makers.
    """
    path = reads[0].path
    selectors = [] if any(not read.selector for read in reads) else list(dict.fromkeys(read.selector for read in reads))
    sure = {read.selector for read in reads if not read.optional}
    what = "section" if len(selectors) == 1 else "sections" if selectors else "files" if is_pattern(path) else "file"
    parts = ", ".join(each if each in sure else f"{each}?" for each in selectors)
    name = f"{what} {path}{f'#{parts}' if parts else ''}{f' for {reader}' if reader else ''}"
    args: dict[str, Plain] = {"path": path, "selectors": list(selectors)}
    args |= {"optional": [each for each in selectors if each not in sure]} if not sure.issuperset(selectors) else {}
    return Task(name, SELECT, args, reads=(path,) if stands else (), needs=makers)


def _select(inputs: Inputs) -> Output:
    last = {found: (entry, load) for found, entry, load in _fitting(inputs)}
    handed = ((found, _part(inputs, found, entry, load)) for found, (entry, load) in last.items())
    return Output(hands={found: part for found, part in handed if part is not None})


def _fitting(inputs: Inputs) -> Iterator[tuple[str, Entry, Callable[[], bytes]]]:
    """Yield each file that fits with what reads its bytes: those of the project, then those that were made, the last last."""
    for path, seen in inputs.files.items():
        if seen is not None and seen.is_plain:
            yield path, seen, partial(inputs.read, path)
    for output in inputs.needs.values():
        for path, entry in (*output.files.items(), *output.hands.items()):
            if meet(path, str(inputs.args["path"])):
                yield path, entry, partial(inputs.fetch, entry)


def _part(inputs: Inputs, path: str, entry: Entry, load: Callable[[], bytes]) -> Entry | None:
    selectors, optional = _texts(inputs.args["selectors"]), _texts(inputs.args.get("optional"))
    if not selectors:
        return entry
    try:
        part, missing = sections(load(), path, selectors)
    except ValueError as error:
        raise PlanError(str(error), hint=f"whoever makes `{path}` has to write it well-formed") from error
    for selector in missing:
        if selector not in optional:
            raise PlanError(f"`{path}` has no section `{selector}`", hint="have its maker write one, or read another")
    return inputs.keep(part) if part else None


def _idle(inputs: Inputs) -> Output:
    """Leave what was made before, and hand on what others read of it as it stands in the project."""
    plain = {path: entry for path, entry in inputs.files.items() if entry is not None and entry.is_plain}
    handed = {path: inputs.keep(inputs.read(path), entry.executable) for path, entry in plain.items()}
    return Output(leaves=_texts(inputs.args["makes"]), hands=handed)


def _texts(value: Plain) -> tuple[str, ...]:
    return tuple(str(each) for each in value) if isinstance(value, list | tuple) else ()


def _tell(inputs: Inputs) -> Output:
    return Output(facts={"request": {name.partition(" ")[2]: text for name, text in inputs.args.items()}})


REQUEST = Action("request", "1", _tell, quiet=True)
"""Tells what is asked, for whoever looks for a request like it; no agent needs it."""
SELECT = Action("select", "2", _select, quiet=True)
IDLE = Action("idle", "2", _idle)
"""What an agent does whom the leader does not need for this request: what it made before stays."""
