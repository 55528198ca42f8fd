"""Knows: what the project says of its names: who imports what from where, who defines what, what is a coroutine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import cached_property, partial
from sys import intern
from typing import Any, TypeVar

from bmad_provisioner.kinds.code.repair.classes import Class, told
from bmad_provisioner.kinds.code.repair.facts import facts
from bmad_provisioner.kinds.code.repair.roots import renamed, renaming

__all__ = ["Knows", "Project", "Vote", "facts", "knows"]

Vote = tuple[str, str, str, int, int]
"""Module (absolute), name there (empty for `import module`), asname or empty, level as written, how often."""
Facts = Mapping[str, Any]
_T = TypeVar("_T")
_ROUNDS = 4
"""How deep star imports of star imports are followed."""


@dataclass(frozen=True, slots=True)
class Knows:
    """What the other files of a project say, as one file sees it."""

    own: str = ""
    package: bool = False
    imports: Mapping[str, tuple[Vote, ...]] = field(default_factory=dict)
    defines: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    exports: Mapping[str, frozenset[str]] = field(default_factory=dict)
    closed: frozenset[str] = frozenset()
    """Modules whose exports are all that they will ever have."""
    coroutines: Mapping[str, frozenset[str]] = field(default_factory=dict)
    functions: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Module -> top-level functions that are surely not awaitable."""
    classes: Mapping[str, Class] = field(default_factory=dict)
    asked: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Module -> names that others take from it."""
    spoken: frozenset[str] = frozenset()
    """Attributes that others name or define."""
    awaited: frozenset[str] = frozenset()
    """What others always await when they call it, as `word.name`, and whoever defines it makes it a coroutine."""
    unawaited: frozenset[str] = frozenset()
    """What no one awaits, and no one makes a coroutine."""
    asyncs: frozenset[str] = frozenset()
    """Names under which others define coroutines, whatever else bears them."""


class Project:
    """What all files of a project tell, and what one of them knows by it."""

    def __init__(self, facts_of_all: Iterable[Facts]) -> None:
        """Read the facts of all files several times over, one file at a time: of a large project they are too many to be held."""
        self.renaming = renaming(facts_of_all)
        modules = frozenset(one["module"] for one in facts_of_all) if self.renaming else frozenset[str]()
        self._renamed = partial(renamed, name=self.renaming, modules=modules) if self.renaming else None
        self._all = facts_of_all
        self.importers: Counter[str] = Counter()
        self.votes: dict[str, Counter[tuple[str, str, str, int]]] = {}
        self.defines: dict[str, list[str]] = {}
        self.asked: dict[str, Counter[str]] = {}
        self.spoken: Counter[str] = Counter()
        self.customs: dict[str, Counter[str]] = {kind: Counter() for kind in _CUSTOMS}
        self.exports: dict[str, frozenset[str]] = {}
        self.coroutines: dict[str, frozenset[str]] = {}
        self.functions: dict[str, frozenset[str]] = {}
        self.classes: dict[str, Class] = {}
        closed, handed, starred = set[str](), dict[str, str](), dict[str, list[str]]()
        for one in map(self.told, facts_of_all):
            self._count(one)
            self._take(one)
            closed |= {one["module"]} if one["closed"] else set()
            starred |= {one["module"]: one["stars"]} if one["stars"] else {}
            handed |= {f"{one['module']}.{local}": f"{module}.{name}" for local, module, name, *_ in one["imports"] if name}
        self.closed = frozenset(closed)
        _hand_on_stars(self.exports, starred)
        _hand_on(self.classes, handed)

    def _take(self, one: Facts) -> None:
        own = one["module"]
        self.exports[own] = frozenset(map(intern, one["exports"]))
        self.coroutines |= {own: frozenset(map(intern, one["coroutines"]))} if one["coroutines"] else {}
        self.functions |= {own: frozenset(map(intern, one["functions"]))} if one["functions"] else {}
        self.classes |= {f"{own}.{name}": told(data) for name, data in one["classes"].items()}

    @cached_property
    def there(self) -> frozenset[str]:
        """Every module, and every folder that holds one."""
        return frozenset(whole for module in self.exports for whole in _with_folders(module))

    def _count(self, one: Facts) -> None:
        self.importers.update({vote[1] for vote in one["imports"]})
        for local, module, name, alias, level in one["imports"]:
            self.votes.setdefault(local, Counter())[(module, name, alias, level)] += 1
        for name in one["defines"]:
            self.defines.setdefault(name, []).append(one["module"])
        for module, name, _ in one["asks"]:
            self.asked.setdefault(module, Counter())[name] += 1
        self.spoken.update(speaks(one))
        for kind, seen in self.customs.items():
            seen.update(one["customs"].get(kind, ()))

    def told(self, one: Facts) -> Facts:
        """Return the facts of a file with its modules named as the project names them."""
        return self._renamed(one) if self._renamed else one

    def around(self, own: str, words: Set[str] | None = None, one: Facts | None = None) -> Knows:
        """Return what one file knows by the others, of its own facts where they are at hand.

        Of what goes by name it is only that of some words, if they are given.
        """
        one = one or next((each for each in map(self.told, self._all) if each["module"] == own), NOTHING)
        imports = Counter((local, (module, name, alias, level)) for local, module, name, alias, level in one["imports"])
        votes = {
            name: tuple((*vote, left) for vote, count in seen.most_common() if (left := count - imports[name, vote]) > 0)
            for name, seen in _of(self.votes, words)
        }
        homes = {name: tuple(module for module in modules if module != own) for name, modules in _of(self.defines, words)}
        mine = speaks(one)
        return Knows(
            own=own,
            package=bool(one["package"]),
            imports={name: seen for name, seen in votes.items() if seen},
            defines={name: modules for name, modules in homes.items() if modules},
            exports={module: names for module, names in self.exports.items() if module != own},
            closed=self.closed - {own},
            coroutines={module: names for module, names in self.coroutines.items() if module != own},
            functions={module: names for module, names in self.functions.items() if module != own},
            classes={name: found for name, found in self.classes.items() if name.rpartition(".")[0] != own},
            asked=self._asked(own, {(module, name) for module, name, _ in one["asks"]}),
            spoken=frozenset(name for name, count in _of(self.spoken, words) if count > (name in mine)),
            awaited=frozenset(self._custom(one["customs"], words, waits=True)),
            unawaited=frozenset(self._custom(one["customs"], words, waits=False)),
            asyncs=frozenset(name for name, count in _of(self.customs["async"], words) if count),
        )

    def _asked(self, own: str, asks: Set[tuple[str, str]]) -> dict[str, frozenset[str]]:
        """Return what others take of a file, and of what the file takes of others what these others take too."""
        found: dict[str, set[str]] = {own: {name for name in self.asked.get(own, ())}}
        for module, name in asks:
            if self.asked[module][name] > 1:
                found.setdefault(module, set()).add(name)
        return {module: frozenset(names) for module, names in found.items() if names}

    def _custom(self, mine: Facts, words: Set[str] | None, *, waits: bool) -> Iterator[str]:
        """Yield what all others either await or do not, where its definitions agree."""
        always, never, made, other = _CUSTOMS if waits else (_CUSTOMS[1], _CUSTOMS[0], _CUSTOMS[3], _CUSTOMS[2])
        for key, count in _of(self.customs[always], words):
            name = key.partition(".")[2]
            seen = count - mine.get(always, {}).get(key, 0)
            disputed = self.customs[never][key] - mine.get(never, {}).get(key, 0) or self.customs[other][name]
            if not disputed and seen >= (2 if self.customs[made][name] else 3):
                yield key


NOTHING: Facts = {"package": False, "imports": (), "asks": (), "attributes": (), "classes": {}, "customs": {}}
"""The facts of a file that says nothing."""
_CUSTOMS = ("awaited", "bare", "async", "sync")


def _of(counted: Mapping[str, _T], words: Set[str] | None) -> Iterator[tuple[str, _T]]:
    return ((name, counted[name]) for name in (counted if words is None else counted.keys() & words))


def _hand_on(classes: dict[str, Class], handed: Mapping[str, str]) -> None:
    """Let every class be known under the names of the modules that hand it on, too."""
    found = dict(classes)
    for name, first in handed.items():
        source = first
        for _ in range(_ROUNDS):
            source = source if source in found else handed.get(source, source)
        if source in found:
            classes.setdefault(name, found[source])


def knows(own_module: str, facts_of_all: Iterable[Facts]) -> Knows:
    """Put the facts of a project's files together for one of them, whose own facts are left out."""
    project = Project(tuple(facts_of_all))
    return project.around(project.renaming(own_module) if project.renaming else own_module)


def speaks(one: Facts) -> frozenset[str]:
    """Return the attributes that a file names, and the members and functions it defines."""
    members = (name for data in one["classes"].values() for name in data[1])
    customs = one["customs"]
    return frozenset((*one["attributes"], *members, *customs.get("async", ()), *customs.get("sync", ())))


def _hand_on_stars(offered: dict[str, frozenset[str]], starred: Mapping[str, Sequence[str]]) -> None:
    """Let each module offer what its star imports bring, however deep."""
    for _ in range(_ROUNDS):
        for own, modules in starred.items():
            offered[own] = offered[own].union(*(offered.get(module, frozenset()) for module in modules))


def _with_folders(module: str) -> Iterator[str]:
    while module:
        yield module
        module = module.rpartition(".")[0]
