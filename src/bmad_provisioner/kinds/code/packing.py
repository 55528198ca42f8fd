"""Packing: the part of what a project knows that can matter to one file, as plain data and back."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

from bmad_provisioner.digest import Plain
from bmad_provisioner.kinds.code.repair.astray import is_there
from bmad_provisioner.kinds.code.repair.classes import Class, lineage, plainly, told
from bmad_provisioner.kinds.code.repair.knows import Knows, Project


def packed(project: Project, one: Mapping[str, Any]) -> dict[str, Plain]:
    """Return what a file has to know."""
    spelled = project.told(one)
    asks = [(module, name) for module, name, _ in spelled["asks"]]
    spoken = {*one["attributes"], *one["strange"], *(key for kind in ("awaited", "bare") for key in one["customs"].get(kind, ()))}
    everything = project.around(spelled["module"], frozenset(), spelled)
    lacking = {module for module, name in asks if name not in everything.exports.get(module, ())}
    gone = {name for module, name in asks if module in lacking}
    lonely = {module for module in one["modules"] if project.importers[module] <= 1}
    gone |= {local for local, module, *_ in spelled["imports"] if module in lonely}
    asked = everything.asked.get(spelled["module"], frozenset()) if one["package"] else frozenset()
    words = {*one["loose"], *one["promised"], *gone, *asked}
    mine = project.around(spelled["module"], words | spoken, spelled)
    votes = {name: mine.imports[name] for name in words & mine.imports.keys()}
    defines = {name: mine.defines[name] for name in words & mine.defines.keys()}
    modules = {vote[0] for each in votes.values() for vote in each} | {module for each in defines.values() for module in each}
    modules |= {whole for _, module, name, *_ in spelled["imports"] for whole in (module, f"{module}.{name}")}
    modules |= {whole for module, name in asks for whole in (module, f"{module}.{name}")}
    modules |= {module for module, names in mine.exports.items() if not gone.isdisjoint(names) or module.rpartition(".")[2] in gone}
    there = {module for module in modules if module in mine.exports}
    # A folder without `__init__` is there because something in it is.
    there |= {
        next(m for m in sorted(mine.exports) if m.startswith(f"{lost}."))
        for lost in modules - there
        if lost in project.there and is_there(mine, lost)
    }
    classes = _classes(mine, spelled, modules)
    return {
        "own": mine.own,
        "package": one["package"],
        "imports": {name: [list(vote) for vote in each] for name, each in votes.items()},
        "defines": {name: list(each) for name, each in defines.items()},
        "exports": _of(mine.exports, there),
        "closed": sorted(mine.closed & there),
        "coroutines": _of(mine.coroutines, there),
        "functions": _of(mine.functions, there),
        "classes": {name: plainly(found) for name, found in classes.items()},
        "asked": _of(mine.asked, mine.asked.keys()),
        "spoken": sorted(mine.spoken & spoken),
        "awaited": sorted(mine.awaited),
        "unawaited": sorted(mine.unawaited),
        "asyncs": sorted(mine.asyncs & spoken),
    }


def _classes(mine: Knows, spelled: Mapping[str, Any], modules: Set[str]) -> dict[str, Class]:
    """Return the classes that those of a file descend from, and those it imports."""
    bases = tuple(base for data in spelled["classes"].values() for base in told(data).bases)
    found, _ = lineage((*bases, *sorted(modules & mine.classes.keys())), mine.classes)
    return found


def _of(known: Mapping[str, Set[str]], modules: Set[str]) -> dict[str, Plain]:
    return {module: sorted(known[module]) for module in sorted(modules & known.keys())}


def heard(data: Mapping[str, Any]) -> Knows:
    """Return what a file hears of its project, of `packed` data."""
    return Knows(
        data["own"],
        data["package"],
        {name: tuple(tuple(vote) for vote in votes) for name, votes in data["imports"].items()},
        {name: tuple(modules) for name, modules in data["defines"].items()},
        _sets(data["exports"]),
        frozenset(data["closed"]),
        _sets(data["coroutines"]),
        _sets(data["functions"]),
        {name: told(one) for name, one in data["classes"].items()},
        _sets(data["asked"]),
        frozenset(data["spoken"]),
        frozenset(data["awaited"]),
        frozenset(data["unawaited"]),
        frozenset(data["asyncs"]),
    )


def _sets(data: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    return {module: frozenset(names) for module, names in data.items()}
