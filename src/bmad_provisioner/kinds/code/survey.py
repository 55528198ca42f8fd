"""Survey: what one file says of itself, and what the project knows that a file should hear."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Set
from typing import Any, cast

from bmad_provisioner.digest import Plain
from bmad_provisioner.engine.task import Inputs, Output
from bmad_provisioner.errors import TaskError
from bmad_provisioner.kinds.code.repair.knows import Knows, facts, knows
from bmad_provisioner.kinds.code.repair.scopes import names
from bmad_provisioner.kinds.code.text import read

_WORD = re.compile(r"[^\W\d]\w*")
_ATTRIBUTE = re.compile(r"\.\s*([^\W\d]\w*)")
_WAITS = re.compile(r"\b(?:await|async)\b")

Survey = Mapping[str, Any]


def survey(inputs: Inputs) -> Output:
    """Return what a file binds, imports and takes of others, whether it compiles, and which names nothing in it binds."""
    path = str(inputs.args["path"])
    try:
        text = read(inputs.read(path)).text
    except TaskError:
        text = inputs.read(path).decode("latin-1")
        unread: dict[str, Plain] = {"broken": True, "loose": _words(text), "attributes": [], "waits": False}
        return Output(facts={"survey": {**facts(path, text), **unread}})
    found = names(text)
    told: dict[str, Plain] = {
        **facts(path, text),
        "broken": found is None,
        "loose": _words(text) if found is None else sorted(found.loose),
        "attributes": sorted(set(_ATTRIBUTE.findall(text))),
        "waits": bool(_WAITS.search(text)),
    }
    return Output(facts={"survey": told})


def _words(text: str) -> list[Plain]:
    return [*sorted(set(_WORD.findall(text)))]


def index(inputs: Inputs) -> Output:
    """Return, by path, what each file has to know of the project: nothing, where it is healthy and gives nothing to others."""
    surveys = [cast("Survey", output.facts["survey"]) for output in inputs.needs.values() if "survey" in output.facts]
    paths = [name.partition(" of ")[2] for name, output in inputs.needs.items() if "survey" in output.facts]
    everything = knows("", surveys)
    own = sorted({one["module"].partition(".")[0] for one in surveys if one["module"]})
    takers = _takers(surveys)
    told: dict[str, Plain] = {}
    for path, one in zip(paths, surveys, strict=True):
        said: dict[str, Plain] = {}
        if _is_in_trouble(one, everything):
            mine = knows(one["module"], surveys) if one["broken"] or one["loose"] else everything
            said |= {"trouble": True, "broken": one["broken"], "knows": _packed(mine, one), "passes": inputs.args["passes"]}
        wanted = sorted(_wanted(one, takers))
        if wanted:
            said["wanted"] = wanted
        if said:
            told[path] = {**said, "own": [*own]}
    return Output(facts=told)


def _is_in_trouble(one: Survey, everything: Knows) -> bool:
    """Say whether a file is worth a closer look: it is broken, a name is bound nowhere, it waits, or takes what is not there."""
    return bool(one["broken"] or one["loose"] or one["waits"] or any(_misses(everything, one)))


def _misses(everything: Knows, one: Survey) -> Iterator[str]:
    for _local, module, name, *_ in one["imports"]:
        is_told = module in everything.closed and name and f"{module}.{name}" not in everything.exports
        if is_told and name not in everything.exports[module]:
            yield name


def _takers(surveys: Iterable[Survey]) -> dict[str, set[str]]:
    """Return, by module, the names that other files take from it, or may: by name, as an attribute, or with a star."""
    taken: dict[str, set[str]] = {}
    for one in surveys:
        for _local, module, name, *_ in one["imports"]:
            if name:
                taken.setdefault(module, set()).add(name)
            for whole in (module, f"{module}.{name}"):
                taken.setdefault(whole, set()).update(one["attributes"])
        for module in one["stars"]:
            taken.setdefault(module, set()).add("*")
    return taken


def _wanted(one: Survey, takers: Mapping[str, Set[str]]) -> set[str]:
    """Return the names that a file imports and that others take from it."""
    taken = takers.get(one["module"], set())
    local = {name for name, *_ in one["imports"]}
    return local if "*" in taken else local & taken


def _packed(mine: Knows, one: Survey) -> dict[str, Plain]:
    """Return the part of what the project knows that can matter to one file, as plain data."""
    words = set(one["loose"])
    votes = {name: mine.imports[name] for name in words & mine.imports.keys()}
    defines = {name: mine.defines[name] for name in words & mine.defines.keys()}
    modules = {module for _, module, *_ in one["imports"]} | {f"{module}.{name}" for _, module, name, *_ in one["imports"]}
    modules |= {vote[0] for each in votes.values() for vote in each} | {module for each in defines.values() for module in each}
    return {
        "own": one["module"],
        "package": one["package"],
        "imports": {name: [list(vote) for vote in each] for name, each in votes.items()},
        "defines": {name: list(each) for name, each in defines.items()},
        "exports": _of(mine.exports, modules),
        "closed": sorted(mine.closed & modules),
        "coroutines": _of(mine.coroutines, modules),
        "functions": _of(mine.functions, modules),
    }


def _of(known: Mapping[str, Set[str]], modules: Set[str]) -> dict[str, Plain]:
    return {module: sorted(known[module]) for module in sorted(modules & known.keys())}


def heard(packed: Mapping[str, Any]) -> Knows:
    """Return what a file hears of its project, of `_packed` data."""
    return Knows(
        packed["own"],
        packed["package"],
        {name: tuple(tuple(vote) for vote in votes) for name, votes in packed["imports"].items()},
        {name: tuple(modules) for name, modules in packed["defines"].items()},
        {module: frozenset(some) for module, some in packed["exports"].items()},
        frozenset(packed["closed"]),
        {module: frozenset(some) for module, some in packed["coroutines"].items()},
        {module: frozenset(some) for module, some in packed["functions"].items()},
    )
