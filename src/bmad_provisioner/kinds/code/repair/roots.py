"""Roots: module names as the imports of a project spell them, wherever the folder that was given begins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Facts = Mapping[str, Any]
Renaming = Callable[[str], str]


def renaming(all_facts: Iterable[Facts]) -> Renaming | None:
    """Return how modules are to be renamed so that absolute imports find them; None where they are as they should be."""
    modules, packages, firsts = set[str](), set[str](), Counter[str]()
    for one in all_facts:
        modules.add(one["module"])
        packages |= {one["module"]} if one["package"] else set()
        firsts.update(module.split(".")[0] for _, module, _, _, level in one["imports"] if not level)
    if "" in packages:
        return _under(modules, all_facts)
    for folder in {name.split(".")[0] for name in packages} - packages:
        inner = {name.split(".")[1] for name in packages if name.startswith(f"{folder}.")}
        if sum(firsts[name] for name in inner) > firsts[folder]:
            lead = f"{folder}."
            return lambda name: name.removeprefix(lead)
    return None


def _under(modules: set[str], all_facts: Iterable[Facts]) -> Renaming | None:
    """Find the name of the package whose own folder was given: what else would absolute imports of its modules begin with?"""
    firsts: Counter[str] = Counter()
    for one in all_facts:
        for _, module, name, _, level in one["imports"]:
            first, _, rest = module.partition(".")
            if not level and first not in modules and (rest or name) in modules:
                firsts[first] += 1
    if not firsts:
        return None
    package = firsts.most_common(1)[0][0]
    return lambda name: f"{package}.{name}" if name else package


def renamed(one: Facts, name: Renaming, modules: frozenset[str]) -> dict[str, Any]:
    """Return the facts of a file with every module of the project renamed; what is absolute already stays."""

    def base(written: str) -> str:
        own = written.rpartition(".")[0] in modules
        return name(written) if own else written

    return {
        **one,
        "module": name(one["module"]),
        "imports": [[local, name(m) if level else m, n, alias, level] for local, m, n, alias, level in one["imports"]],
        "asks": [[name(m) if level else m, n, level] for m, n, level in one["asks"]],
        "stars": [name(m) if m in modules else m for m in one["stars"]],
        "classes": {k: [[base(b) for b in data[0]], *data[1:]] for k, data in one["classes"].items()},
    }
