"""Survey: what one file says of itself, and what the project knows that a file should hear."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from sys import intern
from typing import Any

from bmad_provisioner.digest import Plain
from bmad_provisioner.engine.task import Inputs, Output
from bmad_provisioner.errors import TaskError
from bmad_provisioner.kinds.code.packing import packed
from bmad_provisioner.kinds.code.repair.astray import is_near, near
from bmad_provisioner.kinds.code.repair.classes import lineage
from bmad_provisioner.kinds.code.repair.decoding import garbled
from bmad_provisioner.kinds.code.repair.facts import told
from bmad_provisioner.kinds.code.repair.knows import NOTHING, Knows, Project
from bmad_provisioner.kinds.code.repair.lexing import distance_one, near_words
from bmad_provisioner.kinds.code.repair.oracle import trouble
from bmad_provisioner.kinds.code.repair.scopes import bound_roughly, names
from bmad_provisioner.kinds.code.repair.signs import NO_SIGNS, signs
from bmad_provisioner.kinds.code.repair.unbound import parse
from bmad_provisioner.kinds.code.text import read
from bmad_provisioner.kinds.code.undisturbed import undisturbed

_WORD = re.compile(r"[^\W\d]\w*")

Survey = Mapping[str, Any]


def survey(inputs: Inputs) -> Output:
    """Return what a file binds, imports and takes of others, whether it compiles, and what in it may be a fault."""
    path, data = str(inputs.args["path"]), inputs.read(str(inputs.args["path"]))
    with undisturbed():
        # As a text: a thousand of these are held until all are there, and as values they are twenty times as large.
        return Output(facts={"survey": json.dumps(_surveyed(path, data), ensure_ascii=False, separators=(",", ":"))})


def _surveyed(path: str, data: bytes) -> dict[str, Plain]:
    try:
        text = read(data).text
        found = names(text) if trouble(text) is None else None
    except TaskError:
        text, found = data.decode("latin-1"), None
    parsed = parse(text) if found else None
    if found is None or parsed is None:
        loose = sorted(set(_WORD.findall(text)))
        return {**told(path, text, None, bound_roughly(text)), **NO_SIGNS, "broken": True, "loose": [*loose]}
    seen = {**told(path, text, parsed, found.bound), **signs(parsed, found), "broken": False}
    return {**seen, "doubtful": bool(seen["doubtful"]) or garbled(data)}


def index(inputs: Inputs) -> Output:
    """Return, by path, what each file has to know of the project: nothing, where it is healthy and gives nothing to others."""
    surveys = _Surveys([str(output.facts["survey"]) for output in inputs.needs.values() if "survey" in output.facts])
    paths = [name.partition(" of ")[2] for name, output in inputs.needs.items() if "survey" in output.facts]
    project = Project(surveys)
    everything = project.around("", frozenset(), NOTHING)
    seen = _Seen(project)
    modules = project.exports if project.renaming is None else {one["module"] for one in surveys}
    own = sorted({module.partition(".")[0] for module in modules if module})
    wanted = _wanted(surveys)
    heard: dict[str, Plain] = {}
    for path, one in zip(paths, surveys, strict=True):
        said: dict[str, Plain] = {}
        if seen.is_in_trouble(one, everything):
            said |= {"trouble": True, "broken": one["broken"], "knows": packed(project, one), "passes": inputs.args["passes"]}
        if wanted[one["module"]]:
            said["wanted"] = sorted(wanted[one["module"]])
        if said:
            heard[path] = {**said, "own": [*own]}
    return Output(facts=heard)


class _Surveys:
    """The surveys of all files, unpacked one by one whenever they are gone through."""

    def __init__(self, packed_ones: Sequence[str]) -> None:
        self._packed = packed_ones

    def __iter__(self) -> Iterator[Survey]:
        return map(json.loads, self._packed)


class _Seen:
    """What the project says that makes a sign in one file a fault, or not: by name alone, so that it is cheap to ask."""

    def __init__(self, project: Project) -> None:
        self.project = project
        classes = project.classes.values()
        coroutines = frozenset[str]().union(*project.coroutines.values(), *(one.coroutines for one in classes))
        functions = frozenset[str]().union(*project.functions.values(), *(one.plain for one in classes))
        self.spoken = near_words((*project.spoken, *dir(type)))
        self.coroutines = coroutines - project.customs["sync"].keys()
        self.functions = functions - project.customs["async"].keys()

    def is_in_trouble(self, one: Survey, everything: Knows) -> bool:
        """Say whether a file is worth a closer look: broken, a name unbound, a call that waits in vain, what is not there."""
        if one["broken"] or one["loose"] or one["doubtful"]:
            return True
        if not self.coroutines.isdisjoint(one["drops"]) or not self.functions.isdisjoint(one["awaits"]):
            return True
        if any(self._is_slip(name) for name in one["strange"]):
            return True
        if any(self._leaves_open(f"{self.project.told(one)['module']}.{name}") for name in one["heirs"]):
            return True
        return any(self._misses(one)) or any(self._is_misspelt(module, everything) for module in one["modules"])

    def _has(self, module: str, name: str) -> bool:
        return name in self.project.exports.get(module, ()) or (f"{module}.{name}" if module else name) in self.project.there

    def _misses(self, one: Survey) -> Iterator[str]:
        """Yield what a file takes of modules that have it not, or that are not there."""
        spelled = self.project.told(one)
        first = spelled["module"].partition(".")[0]
        for module, name, level in spelled["asks"]:
            ours = level or ("." in spelled["module"] and module.partition(".")[0] == first)
            if not self._has(module, name) if module in self.project.there else ours:
                yield name
        for whole in one["reads"]:
            module, _, name = whole.rpartition(".")
            if module in self.project.exports and not self._has(module, name):
                yield name
        asked = list(self.project.asked.get(spelled["module"], ())) if one["package"] else []
        yield from (name for name in (*asked, *one["promised"]) if not self._has(spelled["module"], name))

    def _is_misspelt(self, module: str, everything: Knows) -> bool:
        """Whether nobody else imports a module, it is not of the project, and one that is there differs from it by a letter."""
        if self.project.importers[module] > 1 or module in self.project.there:
            return False
        return bool(near(module, everything)) or any(is_near(module, other) for other in self.project.importers)

    def _leaves_open(self, name: str) -> bool:
        """Whether a class does not have every method that those above it ask for."""
        one = self.project.classes.get(name)
        above, closed = lineage(one.bases, self.project.classes) if one else ({}, False)
        have = one.members.union(*(each.members - {name for name, _ in each.abstract} for each in above.values())) if one else set()
        return closed and any(name not in have for each in above.values() for name, _ in each.abstract)

    def _is_slip(self, name: str) -> bool:
        """Whether no other file speaks of a member, but some file of one that differs by a letter."""
        return self.project.spoken[name] <= 1 and any(distance_one(name, other) for other in self.spoken(name))


def _wanted(surveys: Iterable[Survey]) -> dict[str, set[str]]:
    """Return, by module, the names it imports that other files take from it, or may: by name, as an attribute, or with a star."""
    had = {one["module"]: {intern(local) for local, *_ in one["imports"]} for one in surveys}
    taken: dict[str, set[str]] = {module: set() for module in had}
    for one in surveys:
        for _local, module, name, *_ in one["imports"]:
            if name in had.get(module, ()):
                taken[module].add(name)
            for whole in {module, f"{module}.{name}"} & had.keys():
                taken[whole] |= had[whole].intersection(one["attributes"])
        for module in had.keys() & set(one["stars"]):
            taken[module] |= had[module]
    return taken
