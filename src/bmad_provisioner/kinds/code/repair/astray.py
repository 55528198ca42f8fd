"""Astray: imports that stand in the file but find nothing: wrong dots, a wrong module, a misspelt module or name."""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Set

from bmad_provisioner.kinds.code.repair import stdlib
from bmad_provisioner.kinds.code.repair.facts import absolute
from bmad_provisioner.kinds.code.repair.guards import expects
from bmad_provisioner.kinds.code.repair.knows import Knows
from bmad_provisioner.kinds.code.repair.lexing import distance_one
from bmad_provisioner.kinds.code.repair.model import IMPORTS
from bmad_provisioner.kinds.code.repair.places import Idea, Parsed
from bmad_provisioner.kinds.code.repair.vocabulary import sounder
from bmad_provisioner.kinds.code.repair.written import spelled, target

_SURE, _LIKELY, _RENAMED = 0.93, 0.9, 0.85


def astray(parsed: Parsed, known: Knows, loose: Set[str]) -> Iterator[list[Idea]]:
    """Yield, for each import that finds nothing, what it may have been."""
    for node in ast.walk(parsed.tree):
        if isinstance(node, ast.ImportFrom) and node.names[0].name != "*" and node.module != "__future__":
            found = [] if _is_optional(parsed, node) else _from(parsed, node, known, loose)
        elif isinstance(node, ast.Import):
            found = [] if _is_optional(parsed, node) else [idea for one in node.names for idea in _whole(parsed, one, known, loose)]
        else:
            continue
        if found:
            yield found


def _is_optional(parsed: Parsed, node: ast.Import | ast.ImportFrom) -> bool:
    """Whether an import may fail: something catches that, or another one binds the same."""
    bound = {alias.asname or alias.name for alias in node.names}
    others = (one for one in ast.walk(parsed.tree) if isinstance(one, ast.Import | ast.ImportFrom) and one is not node)
    twice = any(bound & {alias.asname or alias.name for alias in one.names} for one in others)
    return expects(parsed, node, "ImportError", "ModuleNotFoundError") or (
        twice and not isinstance(parsed.parents[node], ast.Module)
    )


def has(known: Knows, module: str, name: str) -> bool:
    """Whether a name can be taken from a module of the project."""
    return name in known.exports.get(module, ()) or is_there(known, f"{module}.{name}" if module else name)


def is_there(known: Knows, module: str) -> bool:
    """Whether the project has a module, or a folder of modules, of this name."""
    return module in known.exports or any(other.startswith(f"{module}.") for other in known.exports)


def _from(parsed: Parsed, node: ast.ImportFrom, known: Knows, loose: Set[str]) -> list[Idea]:
    module = target(node, known)
    if module == known.own:
        return []
    if is_there(known, module):
        gone = [alias for alias in node.names if not has(known, module, alias.name)]
        if gone and module not in known.closed:
            return [
                idea
                for alias in gone
                for idea in _respelt(parsed, alias, module, _offered(known, module), loose)
                if idea.confidence >= _SURE
            ]
        return _gone(parsed, node, gone, known, loose) if gone else []
    if node.level or _is_ours(module, known):
        return _moved(parsed, node, node.names, known, absent=True)
    return _elsewhere(parsed, node, known) or [idea for alias in node.names for idea in _misnamed(parsed, alias, module, loose)]


def _is_ours(module: str, known: Knows) -> bool:
    first = module.partition(".")[0]
    return first == known.own.partition(".")[0] and "." in known.own


def _gone(parsed: Parsed, node: ast.ImportFrom, gone: list[ast.alias], known: Knows, loose: Set[str]) -> list[Idea]:
    """Return what may be done for names that their module does not have: they are misspelt, or they are elsewhere."""
    module = target(node, known)
    renamed = [idea for alias in gone for idea in _renamed(parsed, alias, module, known)] if len(gone) == 1 else []
    if renamed:
        return renamed
    misspelt = [idea for alias in gone for idea in _respelt(parsed, alias, module, _offered(known, module), loose)]
    if misspelt and len({idea.start for idea in misspelt}) >= len(gone):
        return misspelt
    return _moved(parsed, node, gone, known, absent=False) or misspelt


def _offered(known: Knows, module: str) -> frozenset[str]:
    """Return what can be taken from a module of the project: its names, and the modules in it."""
    lead = f"{module}." if module else ""
    inner = {other[len(lead) :].split(".")[0] for other in known.exports if other.startswith(lead)}
    return known.exports.get(module, frozenset()) | inner


def _renamed(parsed: Parsed, alias: ast.alias, module: str, known: Knows) -> list[Idea]:
    """Return the import and all uses of a name that only this file knows, called as the one name like it in the module."""
    name, offered = alias.name, _offered(known, module)
    alike = [other for other in offered if _bare(other) == _bare(name) or distance_one(other, name)]
    words = Counter(re.findall(r"[^\W\d]\w*", parsed.text))
    uses = [(parsed.start(use), parsed.end(use)) for use in parsed.uses.get(name, [])] if not alias.asname else []
    places = [(parsed.start(alias), parsed.start(alias) + len(name)), *uses]
    if len(alike) != 1 or len(name) < 4 or words[alike[0]] or words[name] != len(places):
        return []
    if name in known.asked.get(module, ()) or name in known.imports or _homes(known, [name]):
        return []
    if not (uses or alias.asname) or any(parsed.text[start:end] != name for start, end in places):
        return []
    reason = f"`{module}` has no `{name}`, but `{alike[0]}`"
    return [Idea(start, end, alike[0], IMPORTS, _RENAMED, reason) for start, end in places]


def _bare(name: str) -> str:
    """Return what is left of a name without case, underscores, numbers and a plural's end."""
    return re.sub(r"[_\d]", "", name).lower().removesuffix("s")


def _respelt(parsed: Parsed, alias: ast.alias, module: str, offered: Set[str], loose: Set[str]) -> list[Idea]:
    """Return the names of a module that differ by one letter; sure where the file uses just this one, and not what stands there."""
    alike = sorted(name for name in offered if distance_one(name, alias.name))
    start = parsed.start(alias)
    reason = f"`{module}` has no `{alias.name}`, but `{{}}`"
    meant = [name for name in alike if name in loose] if not alias.asname else alike
    unused = alias.asname or alias.name not in parsed.uses
    sure = _SURE if len(meant) == 1 and unused else 0.6 / len(alike) if alike else 0.0
    return [
        Idea(start, start + len(alias.name), name, IMPORTS, sure, reason.format(name))
        for name in (meant if sure == _SURE else alike)
    ]


def _moved(parsed: Parsed, node: ast.ImportFrom, gone: list[ast.alias], known: Knows, *, absent: bool) -> list[Idea]:
    """Return the modules that have all of the names that this one has not."""
    module, names = target(node, known), [alias.name for alias in gone]
    every = [alias.name for alias in node.names]
    hands_on = not any(module in known.defines.get(name, ()) or is_there(known, f"{module}.{name}") for name in every)
    if len(gone) < len(every) and hands_on and _homes(known, every) - {module, known.own} and not _is_package(module, known):
        # What is there is only handed on: the whole line was meant for a module that has all of it.
        gone, names = node.names, every
    whole = len(gone) == len(node.names)
    homes = _homes(known, names) - {module, known.own}
    dotted = {
        home for home in _by_dots(node, known) if home in homes or (not node.module and all(has(known, home, n) for n in names))
    }
    dotted -= {module}
    if whole and node.level and dotted:
        return _ideas(parsed, node, gone, known, {home: _SURE / len(dotted) for home in dotted})
    near = {home for home in homes if is_near(module, home)} if whole else set()
    if near:
        return _ideas(parsed, node, gone, known, {home: _SURE / len(near) for home in near})
    # A module that is not there at all may only not have been given; one that others ask for the name may have lost it.
    certain = 0.85 if absent else 1.0 if not any(name in known.asked.get(module, ()) for name in names) else 0.6
    votes = {home: _votes(known, home, names) for home in homes}
    total = sum(votes.values())
    if total:
        ranked = {home: certain * _LIKELY * count / total for home, count in votes.items() if count}
        ranked = {home: max(sure, certain * 0.88) if votes[home] > 0.6 * total else sure for home, sure in ranked.items()}
        return _ideas(parsed, node, gone, known, ranked)
    defining = [home for home in homes if all(home in known.defines.get(name, ()) for name in names)]
    return _ideas(parsed, node, gone, known, {home: certain * _LIKELY / len(defining) for home in defining})


def _is_package(module: str, known: Knows) -> bool:
    return any(other.startswith(f"{module}.") for other in known.exports)


def _homes(known: Knows, names: Iterable[str]) -> set[str]:
    """Return the modules that have all of some names."""
    found: set[str] | None = None
    for name in names:
        here = {module for module, offered in known.exports.items() if name in offered}
        here |= {module.rpartition(".")[0] for module in known.exports if module.rpartition(".")[2] == name and "." in module}
        found = here if found is None else found & here
    return found or set()


def _by_dots(node: ast.ImportFrom, known: Knows) -> set[str]:
    """Return what an import would mean with another number of dots."""
    deepest = known.own.count(".") + 1 + known.package
    return {absolute(node.module or "", level, known.own, known.package) for level in range(1, deepest + 1) if level != node.level}


def is_near(module: str, other: str) -> bool:
    """Whether two dotted names differ by one letter of one part."""
    parts = [pair for pair in zip(module.split("."), other.split("."), strict=False) if pair[0] != pair[1]]
    if re.sub(r"\d", "", module) == re.sub(r"\d", "", other):
        return False  # numbered twins are both meant
    return module.count(".") == other.count(".") and len(parts) == 1 and min(map(len, parts[0])) > 2 and distance_one(*parts[0])


def _votes(known: Knows, home: str, names: list[str]) -> int:
    """Count how often others take these names from a module."""
    return min(sum(vote[4] for votes in [known.imports.get(n, ())] for vote in votes if vote[:2] == (home, n)) for n in names)


def _ideas(parsed: Parsed, node: ast.ImportFrom, gone: list[ast.alias], known: Knows, homes: dict[str, float]) -> list[Idea]:
    """Return the import rewritten for each home: its module alone where all names go there, else a line more."""
    module, ideas = target(node, known), []
    for home, sure in sorted(homes.items(), key=lambda item: (-item[1], item[0]))[:3]:
        where = spelled(parsed, home, node.level > 0, known, keep=True, level=node.level if is_there(known, module) else 0)
        what = f"has no `{gone[0].name}`" if is_there(known, module) else "is not there"
        reason = f"`{'.' * node.level}{node.module or ''}` {what}; `{home}` has `{gone[0].name}`"
        if len(gone) == len(node.names):
            at = re.compile(r"from\s+([.\w\s]+?)\s+import\b").match(parsed.text, parsed.start(node))
            if at:
                ideas.append(Idea(at.start(1), at.end(1), where, IMPORTS, sure, reason))
            continue
        rest = ", ".join(ast.unparse(alias) for alias in node.names if alias not in gone)
        taken = ", ".join(ast.unparse(alias) for alias in gone)
        lead = parsed.lines[node.lineno - 1][: node.col_offset]
        end = "\r\n" if "\r\n" in parsed.text else "\n"
        new = f"from {'.' * node.level}{node.module or ''} import {rest}{end}{lead}from {where} import {taken}"
        ideas.append(Idea(parsed.start(node), parsed.end(node), new, IMPORTS, min(sure, _RENAMED), reason))
    return ideas


def _elsewhere(parsed: Parsed, node: ast.ImportFrom, known: Knows) -> list[Idea]:
    """Return the module of the library, or of what the project imports, that a misspelt one was."""
    module = node.module or ""
    names = [alias.name for alias in node.names]
    meant = [
        other for other in near(module, known) if other not in stdlib.exports() or any(n in stdlib.exports()[other] for n in names)
    ]
    at = re.compile(r"from\s+").match(parsed.text, parsed.start(node))
    if at is None or not meant:
        return []
    reason = f"there is no `{module}`, but `{{}}`"
    # What the library has of that name nobody can tell here: what seems misspelt may be a module that was not given.
    told = [other for other in meant if other in stdlib.exports() or not stdlib.is_module(other.partition(".")[0])]
    sure = (_LIKELY if told else 0.5) / len(meant)
    return [Idea(at.end(), at.end() + len(module), other, IMPORTS, sure, reason.format(other)) for other in meant]


def near(module: str, known: Knows) -> list[str]:
    """Return the modules that differ by one letter from one that nobody has."""
    first = module.partition(".")[0]
    count = Counter[str]()
    for votes in known.imports.values():
        count.update({vote[0]: vote[4] for vote in votes})
    voted = {other for other, many in count.items() if many > 1}
    if module in count or module in stdlib.exports() or is_there(known, module) or first in stdlib.installed():
        return []
    if first in sys.stdlib_module_names and (first == module or not any(m.startswith(f"{first}.") for m in stdlib.exports())):
        return []
    there = voted | set(stdlib.exports()) | sys.stdlib_module_names | stdlib.installed() | set(known.exports)
    return sorted(other for other in there if is_near(module, other) and not other.startswith("_"))


def _misnamed(parsed: Parsed, alias: ast.alias, module: str, loose: Set[str]) -> list[Idea]:
    """Return the one unbound name that an import binds but for one letter, where nothing uses what it binds."""
    bound = alias.asname or alias.name
    if bound in parsed.uses or _is_told(parsed, bound):
        return []
    meant = [name for name in loose if distance_one(name, bound) and len(name) > 1]
    public = stdlib.exports().get(module)
    if len(meant) != 1 or (public is not None and not alias.asname and (bound in public or meant[0] not in public)):
        return []
    end = parsed.end(alias)
    reason = f"nothing uses `{bound}`, and nothing binds `{meant[0]}`"
    sure = _LIKELY if public or sounder(meant[0], bound, parsed.text, [alias.name]) == meant[0] else 0.5
    return [Idea(end - len(bound), end, meant[0], IMPORTS, sure, reason)]


def _is_told(parsed: Parsed, name: str) -> bool:
    return bool(re.search(rf"""["']{re.escape(name)}["']""", parsed.text))


def _whole(parsed: Parsed, alias: ast.alias, known: Knows, loose: Set[str]) -> list[Idea]:
    """Return what `import module` may have been: the module misspelt, or the name that it is given."""
    start = parsed.start(alias)
    ours = _is_ours(alias.name, known) and not is_there(known, alias.name)
    alike = [other for other in known.exports if is_near(alias.name, other)] if ours else near(alias.name, known)
    if alike:
        first = alias.name.split(".")[0]
        wanted = [other for other in alike if alias.asname or other.split(".")[0] in loose or other.split(".")[0] == first]
        by_others = {vote[0] for vote in known.imports.get(alias.asname or first, ())}
        wanted = [other for other in wanted if other in by_others] or wanted
        unused = alias.asname or first not in parsed.uses or "." in alias.name
        sure = _SURE / len(wanted) if wanted and unused else 0.6 / len(alike)
        reason = f"there is no `{alias.name}`, but `{{}}`"
        return [
            Idea(start, start + len(alias.name), other, IMPORTS, sure, reason.format(other))
            for other in (wanted if unused and wanted else alike)
        ]
    return _misnamed(parsed, alias, alias.name, loose) if alias.asname else []
