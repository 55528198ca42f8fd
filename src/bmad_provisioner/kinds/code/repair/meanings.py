"""Meanings: what a text that compiles gets wrong: names nothing binds, imports gone astray, members, awaits, `self`."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from bmad_provisioner.kinds.code.repair import astray, awaits, imports, members, spelling, strangers
from bmad_provisioner.kinds.code.repair.guards import expects
from bmad_provisioner.kinds.code.repair.knows import Knows
from bmad_provisioner.kinds.code.repair.mend import Mended
from bmad_provisioner.kinds.code.repair.model import AWAITS, IMPORTS, SIGNATURES, Edit, Fault, Fix
from bmad_provisioner.kinds.code.repair.oracle import tree, trouble
from bmad_provisioner.kinds.code.repair.places import Idea, Parsed
from bmad_provisioner.kinds.code.repair.quoted import quoted
from bmad_provisioner.kinds.code.repair.scopes import BUILTIN, Names, names
from bmad_provisioner.kinds.code.repair.visible import Visible

GROUPS = frozenset({IMPORTS, AWAITS, SIGNATURES})
_NEVER = frozenset({"_", "reveal_type", "get_ipython", "WindowsError"})
"""Names that nothing binds in healthy files too: put there by others."""
Groups = Iterable[list[Idea]]


def straighten(text: str, known: Knows, wanted: frozenset[str], threshold: float) -> Mended:
    """Repair what compiles but cannot be meant: first imports that find nothing, then names, then calls of coroutines.

    Nothing is taken that leaves more unbound names than before.
    """
    before = names(text)
    if before is None:
        return Mended(text)
    now, fixes, unsure, left = text, list[Fix](), list[Fix](), list[Fault]()
    try:
        for look in (_imports, _names, _uses):
            parsed = _parsed(now)
            found = names(now)
            if parsed is None or found is None:
                break
            groups = [[idea for idea in group if idea.kind in wanted] for group in look(parsed, found, known)]
            sure = [idea for group in groups for idea in group if idea.confidence >= threshold]
            doubted = [idea for group in groups for idea in group if idea.confidence < threshold]
            taken = _disjoint(sure)
            new = _applied(now, taken)
            if not _better(new, found):
                taken, doubted, new = [], doubted + sure, now
            fixes += _fixes(now, taken)
            unsure += _fixes(now, doubted)
            now = new
        left += _left(now)
    except RecursionError:
        return Mended(text, left=(Fault(1, "too deep to be looked at"),))
    return Mended(now, tuple(fixes), tuple(unsure), tuple(left))


def _parsed(text: str) -> Parsed | None:
    """Return a text with its tree, where names in quoted annotations count as used."""
    parsed_tree = tree(text)
    if not isinstance(parsed_tree, ast.Module):
        return None
    parsed = Parsed(text, parsed_tree)
    for string, name in list(quoted(parsed)):
        parsed.parents[name] = string
        parsed.uses.setdefault(name.id, []).append(name)
    return parsed


def _imports(parsed: Parsed, found: Names, known: Knows) -> Groups:
    return astray.astray(parsed, known, frozenset(loose(parsed, found)))


def _uses(parsed: Parsed, _found: Names, known: Knows) -> Groups:
    yield from members.misspelt(members.Members(parsed, known))
    yield from ([idea] for idea in awaits.ideas(parsed, known))


def _names(parsed: Parsed, found: Names, known: Knows) -> Groups:
    worth = loose(parsed, found)
    together = imports.together(worth, known)
    groups = [_named(parsed, name, found, known, together) for name in worth]
    return [*imports.merged([group for group in groups if group]), *imports.promised(parsed, found, known)]


def loose(parsed: Parsed, found: Names) -> list[str]:
    """Return the unbound names that are worth a word: not those that a `try` expects, nor one the end of the file may have cut.

    Of such a name only the uses that nothing binds stay with `parsed`.
    """
    if found.star:
        return []
    cut = len(parsed.lines) if not parsed.text.endswith("\n") else 0
    seen = Visible(parsed)
    worth = []
    in_quotes = {name for name, uses in parsed.uses.items() if any(_is_quoted(parsed, use) for use in uses)}
    for name in sorted((found.loose | in_quotes) - _NEVER - BUILTIN - found.bound):
        uses = [use for use in parsed.uses.get(name, []) if isinstance(use.ctx, ast.Load) and not seen.sees(use, name)]
        if uses and not any(use.lineno == cut or expects(parsed, use, "NameError") for use in uses):
            worth.append(name)
            parsed.uses[name] = uses
    return worth


def _is_quoted(parsed: Parsed, use: ast.Name) -> bool:
    return isinstance(parsed.parents[use], ast.Constant)


def _named(parsed: Parsed, name: str, found: Names, known: Knows, together: Mapping[str, int]) -> list[Idea]:
    """Return what may be done for one name, the strongest evidence first; where two kinds of it disagree, both are unsure."""
    if name in ("self", "cls"):
        return list(spelling.selfless(parsed, name))
    other_words = strangers.words(parsed, name, known)
    if other_words:
        return other_words
    own = members.selfless(members.Members(parsed, known), name)
    lost = imports.lost(parsed, name, known, together)
    voted = name in known.imports
    if own:
        return _doubted(own, lost, 0.85) if voted else own
    if lost and (voted or name in known.defines):
        return lost
    misspelt = spelling.misspelt(parsed, name, found.bound)
    if lost and misspelt:
        return _doubted(lost, misspelt, 0.6)
    return lost or misspelt


def _doubted(some: list[Idea], others: list[Idea], by: float) -> list[Idea]:
    return [replace(idea, confidence=idea.confidence * by) for idea in (*some, *others)]


def _disjoint(ideas: Iterable[Idea]) -> list[Idea]:
    taken: list[Idea] = []
    for idea in sorted(ideas, key=lambda idea: -idea.confidence):
        if all(idea.end <= other.start or idea.start >= other.end for other in taken) and idea not in taken:
            taken.append(idea)
    return sorted(taken, key=lambda idea: idea.start)


def _applied(text: str, ideas: list[Idea]) -> str:
    for idea in reversed(ideas):
        text = text[: idea.start] + idea.new + text[idea.end :]
    return text


def _better(text: str, before: Names) -> bool:
    after = names(text)
    return trouble(text) is None and after is not None and after.loose <= before.loose


def _fixes(text: str, ideas: list[Idea]) -> list[Fix]:
    return [Edit(i.start, i.end, i.new, i.kind, 0.0, i.reason).fix(text, i.confidence) for i in ideas]


def _left(text: str) -> Iterator[Fault]:
    """Yield the names that nothing binds after all."""
    parsed, found = _parsed(text), names(text)
    if parsed is not None and found is not None:
        for name in loose(parsed, found):
            yield Fault(parsed.uses[name][0].lineno, f"`{name}` is not defined")
