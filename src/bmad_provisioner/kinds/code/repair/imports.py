"""Imports: names that lost their import, and imports from a module that a name has left."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from bmad_provisioner.kinds.code.repair import stdlib
from bmad_provisioner.kinds.code.repair.knows import Knows, absolute
from bmad_provisioner.kinds.code.repair.lexing import distance_one
from bmad_provisioner.kinds.code.repair.model import IMPORTS
from bmad_provisioner.kinds.code.repair.places import Idea, Parsed
from bmad_provisioner.kinds.code.repair.scopes import at_the_top

Way = tuple[str, str, str, int]
"""How a name may be imported: module, name there (empty for the module itself), asname, level to be written with."""


def lost(parsed: Parsed, name: str, known: Knows) -> list[Idea]:
    """Return the imports that may bind a name that nothing binds, the likeliest first; two that fit alike are both unsure."""
    weights = _ways(parsed, name, known)
    if not weights:
        return []
    ranked = sorted(weights.items(), key=lambda item: -item[1])
    total = sum(weight * weight for weight in weights.values())
    unknown = 0.06 if ranked[0][1] >= 1 else 0.4
    return [_idea(parsed, name, way, known, weight * weight / total * (1 - unknown)) for way, weight in ranked[:3]]


def _ways(parsed: Parsed, name: str, known: Knows) -> dict[Way, float]:
    """Weigh by votes of the project; only where it has none, by its definitions, then by the library, then by what is installed."""
    ways: dict[Way, float] = {}
    for module, original, alias, level, count in known.imports.get(name, ()):
        if module == known.own:
            continue
        way = (module, original, alias, bool(level))
        ways[way] = ways.get(way, 0.0) + count
    if ways:
        return _merged(ways, parsed, known)
    offered = {_target(node, known) for node in parsed.tree.body if isinstance(node, ast.ImportFrom)}
    offered = {module for module in offered if name in known.exports.get(module, ())}
    if offered:
        return {(module, name, "", True): 1.0 for module in offered}
    homes = [module for module in known.defines.get(name, ()) if module != known.own]
    if homes:
        return _nearest(parsed, {(module, name, "", 1): 1.0 for module in homes}, known)
    used = [parsed.parents.get(node) for node in parsed.uses.get(name, [])]
    asked = [node.attr for node in used if isinstance(node, ast.Attribute)]
    if stdlib.is_module(name):
        public = stdlib.exports().get(name)
        fits = bool(asked) and (public is None or any(attr in public or f"{name}.{attr}" in stdlib.exports() for attr in asked))
        return {(name, "", "", 0): 3.0 if fits else 0.3}
    ways = {(module, name, "", 0): 1.5 for module in stdlib.homes().get(name, ()) if len(name) > 3}
    if ways:
        return _nearest(parsed, ways, known)
    return {(name, "", "", 0): 0.5} if asked and name in stdlib.installed() else {}


def _merged(ways: dict[Way, float], parsed: Parsed, known: Knows) -> dict[Way, float]:
    """Add up the votes that differ only in being relative or not."""
    merged: dict[tuple[str, str, str], float] = {}
    for (module, original, alias, _), count in ways.items():
        merged[module, original, alias] = merged.get((module, original, alias), 0.0) + count
    relative = {way[:3]: way[3] for way in sorted(ways, key=lambda way: ways[way])}
    return _nearest(parsed, {(*key, relative[key]): count for key, count in merged.items()}, known)


def _nearest(parsed: Parsed, ways: dict[Way, float], known: Knows) -> dict[Way, float]:
    """Favour a module that the file imports other names from already."""
    already = {_target(node, known) for node in parsed.tree.body if isinstance(node, ast.ImportFrom)}
    return {way: weight * (4 if way[1] and way[0] in already else 1) for way, weight in ways.items()}


def _target(node: ast.ImportFrom, known: Knows) -> str:
    return absolute(node.module or "", node.level, known.own, known.package)


def _idea(parsed: Parsed, name: str, way: Way, known: Knows, confidence: float) -> Idea:
    module, original, alias, _ = way
    reason = (
        f"`{name}` is used but nothing binds it; the project imports it so"
        if name in known.imports
        else f"`{name}` is used but nothing binds it"
    )
    for node in parsed.tree.body:
        if original and isinstance(node, ast.ImportFrom) and _target(node, known) == module and node.names[0].name != "*":
            start, new = _beside(parsed, node, f"{original} as {alias}" if alias else original)
            return Idea(start, start, new, IMPORTS, confidence, reason)
    start = _place(parsed)
    end = "\r\n" if "\r\n" in parsed.text else "\n"
    line = _written(parsed, way, known)
    lead = end if start and not parsed.text[:start].endswith(("\n", "\r")) else ""
    return Idea(start, start, f"{lead}{line}{end}", IMPORTS, confidence, reason)


def _beside(parsed: Parsed, node: ast.ImportFrom, new: str) -> tuple[int, str]:
    last = node.names[-1]
    end = parsed.end(last)
    alone = (len(node.names) > 1 and node.names[-2].lineno != last.lineno) or last.lineno != node.lineno
    lead = parsed.lines[last.lineno - 1]
    return end, f",\n{lead[: len(lead) - len(lead.lstrip())]}{new}" if alone else f", {new}"


def _written(parsed: Parsed, way: Way, known: Knows) -> str:
    module, original, alias, relative = way
    tail = f" as {alias}" if alias else ""
    if not original:
        return f"import {module}{tail}"
    return f"from {_spelled(parsed, module, bool(relative), known)} import {original}{tail}"


def _spelled(parsed: Parsed, module: str, relative: bool, known: Knows) -> str:
    """Spell a module as this file spells those of its own project: relative if it does so, else whole."""
    own = known.own.split(".") if known.package else known.own.split(".")[:-1]
    theirs = module.split(".")
    styles = [node.level > 0 for node in at_the_top(parsed.tree.body) if isinstance(node, ast.ImportFrom) and _inside(node, known)]
    if not own or own[0] != theirs[0] or not relative or (styles and not any(styles)):
        return module
    same = 0
    while same < min(len(own), len(theirs)) and own[same] == theirs[same]:
        same += 1
    return "." * (len(own) - same + 1) + ".".join(theirs[same:])


def _inside(node: ast.ImportFrom, known: Knows) -> bool:
    return node.level > 0 or (node.module or "").split(".")[0] == known.own.split(".")[0]


def _place(parsed: Parsed) -> int:
    """Return where a new import line goes: behind the last import of the head, or behind the docstring."""
    last: ast.stmt | None = None
    for node in parsed.tree.body:
        first = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and last is None
        if not first and not isinstance(node, (ast.Import, ast.ImportFrom)):
            if isinstance(last, (ast.Import, ast.ImportFrom)):
                break
            continue
        last = node
    if last is None:
        head = re.match(r"(?:#[^\n]*\n)*", parsed.text)
        return head.end() if head else 0
    return parsed.starts[last.end_lineno or last.lineno] if (last.end_lineno or 0) < len(parsed.starts) else len(parsed.text)


def moved(parsed: Parsed, known: Knows) -> Iterator[Idea]:
    """Yield new sources for names that the module they are imported from does not have (any more)."""
    for node in at_the_top(parsed.tree.body):
        if not isinstance(node, ast.ImportFrom) or parsed.expects_failure(node):
            continue
        module = _target(node, known)
        if module not in known.closed:
            continue
        for alias in node.names:
            gone = alias.name != "*" and alias.name not in known.exports[module] and f"{module}.{alias.name}" not in known.exports
            if gone:
                yield from _moved(parsed, node, alias, module, known)


def _moved(parsed: Parsed, node: ast.ImportFrom, alias: ast.alias, module: str, known: Knows) -> Iterator[Idea]:
    homes = [home for home in known.defines.get(alias.name, ()) if home not in (known.own, module)]
    alike = [name for name in known.exports[module] if distance_one(name, alias.name)]
    if not homes:
        for name in alike:
            sure = 0.9 if len(alike) == 1 and alias.asname else 0.6 / len(alike)
            start = parsed.start(alias)
            reason = f"`{module}` has no `{alias.name}`, but `{name}`"
            yield Idea(start, start + len(alias.name), name, IMPORTS, sure, reason)
        return
    for home in homes:
        confidence = (0.9 if not alike else 0.5) / len(homes)
        reason = f"`{module}` has no `{alias.name}`; `{home}` has"
        where = _spelled(parsed, home, node.level > 0, known)
        whole = parsed.text[parsed.start(node) : parsed.end(node)]
        named = f"{alias.name} as {alias.asname}" if alias.asname else alias.name
        if len(node.names) == 1:
            new = re.sub(r"^from\s+[.\w]+", f"from {where}", whole)
        else:
            rest = [ast.unparse(other) for other in node.names if other is not alias]
            lead = parsed.lines[node.lineno - 1][: node.col_offset]
            new = f"from {'.' * node.level}{node.module or ''} import {', '.join(rest)}\n{lead}from {where} import {named}"
        yield Idea(parsed.start(node), parsed.end(node), new, IMPORTS, confidence, reason)
