"""Imports: names that lost their import."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType

from bmad_provisioner.kinds.code.repair import stdlib
from bmad_provisioner.kinds.code.repair.knows import Knows
from bmad_provisioner.kinds.code.repair.model import IMPORTS
from bmad_provisioner.kinds.code.repair.places import Idea, Parsed
from bmad_provisioner.kinds.code.repair.scopes import Names
from bmad_provisioner.kinds.code.repair.written import spelled, target

Way = tuple[str, str, str, int]
"""How a name may be imported: module, name there (empty for the module itself), asname, level to be written with."""


_JOKES = frozenset({"this", "antigravity", "__hello__", "__phello__", "idlelib", "turtledemo"})
"""Modules of the library that no program imports."""


def together(names: list[str], known: Knows) -> dict[str, int]:
    """Return the modules that have several of some unbound names, and how many: they were lost in one line, perhaps."""
    voted = {vote[0] for name in names for vote in known.imports.get(name, ())}
    offered = {module: known.exports.get(module, stdlib.exports().get(module, frozenset())) for module in voted}
    counts = {module: sum(name in has or f"{module}.{name}" in known.exports for name in names) for module, has in offered.items()}
    return {module: count for module, count in counts.items() if count > 1}


def lost(parsed: Parsed, name: str, known: Knows, beside: Mapping[str, int] = MappingProxyType({})) -> list[Idea]:
    """Return the imports that may bind a name that nothing binds, the likeliest first; two that fit alike are both unsure."""
    weights = _ways(parsed, name, known)
    if any(_is_awaited(parsed, use) for use in parsed.uses.get(name, ())):
        weights = {("asyncio", *way[1:]) if way[0] == "time" else way: weight for way, weight in weights.items()}
    if name in known.imports and sum(weights.values()) <= 1:
        # The one vote is that of a module which hands the name on.
        handed = [module for module, count in beside.items() if count > 2 and name in known.exports.get(module, ())]
        weights |= {(module, name, "", 1): 1.0 for module in handed if all(module != way[0] for way in weights)}
    most = max((beside.get(way[0], 1) for way in weights), default=1)
    if most > 1:
        # A line that would bring other unbound names too explains more than one that would not.
        weights = {way: weight * (5 if beside.get(way[0], 1) == most else 1) for way, weight in weights.items()}
    if not weights:
        return []
    ranked = sorted(weights.items(), key=lambda item: -item[1])
    total = sum(weight * weight for weight in weights.values())
    unknown = 0.06 if ranked[0][1] >= 1 else 0.4
    return [_idea(parsed, name, way, known, weight * weight / total * (1 - unknown)) for way, weight in ranked[:3]]


def _is_awaited(parsed: Parsed, use: ast.Name) -> bool:
    call = parsed.parents[use]
    return isinstance(call, ast.Call) and call.func is use and isinstance(parsed.parents[call], ast.Await)


def _ways(parsed: Parsed, name: str, known: Knows) -> dict[Way, float]:
    """Weigh by votes of the project; only where it has none, by its definitions, then by the library, then by what is installed."""
    ways: dict[Way, float] = {}
    for module, original, alias, level, count in known.imports.get(name, ()):
        if module == known.own:
            continue
        # `name as name` is how a package hands a name on; nobody else writes it.
        way = (module, original, alias if alias != original or known.package else "", bool(level))
        ways[way] = ways.get(way, 0.0) + count
    if ways:
        return _merged(ways, parsed, known)
    offered = {target(node, known) for node in parsed.tree.body if isinstance(node, ast.ImportFrom)}
    offered = {module for module in offered if name in known.exports.get(module, ())}
    if offered:
        return {(module, name, "", True): 1.0 for module in offered}
    homes = [module for module in known.defines.get(name, ()) if module != known.own]
    if homes:
        return _nearest(parsed, {(module, name, "", 1): 1.0 for module in homes}, known)
    used = [parsed.parents.get(node) for node in parsed.uses.get(name, [])]
    asked = [node.attr for node in used if isinstance(node, ast.Attribute)]
    if stdlib.is_module(name) and name not in _JOKES:
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
    already = {target(node, known) for node in parsed.tree.body if isinstance(node, ast.ImportFrom)}
    return {way: weight * (4 if way[1] and way[0] in already else 1) for way, weight in ways.items()}


def _idea(parsed: Parsed, name: str, way: Way, known: Knows, confidence: float) -> Idea:
    module, original, alias, _ = way
    reason = (
        f"`{name}` is used but nothing binds it; the project imports it so"
        if name in known.imports
        else f"`{name}` is used but nothing binds it"
    )
    for node in parsed.tree.body:
        if original and isinstance(node, ast.ImportFrom) and target(node, known) == module and node.names[0].name != "*":
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
    return f"from {spelled(parsed, module, bool(relative), known)} import {original}{tail}"


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


def merged(groups: list[list[Idea]], threshold: float) -> list[list[Idea]]:
    """Put imports that go to one place side by side into one line, where each is the sure answer for its name."""
    found: dict[tuple[int, str], list[Idea]] = {}
    others: list[list[Idea]] = []
    for group in groups:
        head = _ONE.fullmatch(group[0].new) if group[0].confidence >= threshold else None
        if head and group[0].start == group[0].end:
            found.setdefault((group[0].start, head[1]), []).append(group[0])
        else:
            others.append(group)
    return [*others, *([_together(head, ideas)] for (_, head), ideas in found.items())]


_ONE = re.compile(r"(\s*from \S+ import )([^\n,(]+?)(\s*)")


def _together(head: str, ideas: list[Idea]) -> Idea:
    listed = sorted({match[2] for idea in ideas if (match := _ONE.fullmatch(idea.new))}, key=_order)
    tail = _ONE.fullmatch(ideas[0].new)
    reason = ideas[0].reason if len(ideas) == 1 else "these names are used but nothing binds them"
    return replace(
        ideas[0],
        new=f"{head}{', '.join(listed)}{tail[3] if tail else ''}",
        confidence=min(i.confidence for i in ideas),
        reason=reason,
    )


def _order(name: str) -> tuple[bool, bool, str]:
    return (not name.isupper(), not name[:1].isupper(), name)


_BINDS_UNSEEN = re.compile(r"\bsys\.modules\[|\bglobals\(\)|\bdef __getattr__\b|\bexec\(|__dict__")
"""How a module comes by names that its text does not bind."""


def promised(parsed: Parsed, found: Names, known: Knows) -> Iterator[list[Idea]]:
    """Yield imports of the names that `__all__` or other files promise of this one, and that nothing in it binds."""
    if found.star or _BINDS_UNSEEN.search(parsed.text):
        return
    listed = {name for name in unkept(parsed, found) if not _is_module(name, known)}
    asked = known.asked.get(known.own, frozenset()) if known.package else frozenset()
    asked = frozenset(name for name in asked if name not in found.bound and not _is_module(name, known))
    for name in sorted(listed | asked):
        ideas = lost(parsed, name, known)
        sure = len(ideas) == 1 and (name in known.imports or name in known.defines)
        yield [idea if sure else replace(idea, confidence=min(idea.confidence, 0.5)) for idea in ideas]


def unkept(parsed: Parsed, found: Names) -> set[str]:
    """Return the names in `__all__` that nothing binds."""
    return set() if found.star or _BINDS_UNSEEN.search(parsed.text) else set(_listed(parsed)) - found.bound


def _is_module(name: str, known: Knows) -> bool:
    whole = f"{known.own}.{name}" if known.own else name
    return any(module == whole or module.startswith(f"{whole}.") for module in known.exports)


def _listed(parsed: Parsed) -> Iterator[str]:
    for node in parsed.tree.body:
        if (
            isinstance(node, ast.Assign)
            and ast.unparse(node.targets[0]) == "__all__"
            and isinstance(node.value, ast.List | ast.Tuple)
        ):
            yield from (one.value for one in node.value.elts if isinstance(one, ast.Constant) and isinstance(one.value, str))
