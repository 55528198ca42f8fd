"""Meanings: what a text that compiles gets wrong: names nothing binds, imports gone astray, awaits, `self`."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from bmad_provisioner.kinds.code.repair import awaits, imports, spelling
from bmad_provisioner.kinds.code.repair.knows import Knows
from bmad_provisioner.kinds.code.repair.mend import Mended
from bmad_provisioner.kinds.code.repair.model import AWAITS, IMPORTS, SIGNATURES, Edit, Fault, Fix
from bmad_provisioner.kinds.code.repair.oracle import tree, trouble
from bmad_provisioner.kinds.code.repair.places import Idea, Parsed
from bmad_provisioner.kinds.code.repair.scopes import Names, names

_NEVER = frozenset(
    {"_", "reveal_type", "get_ipython", "WindowsError", "unicode", "xrange", "basestring", "long", "unichr", "raw_input"}
)
"""Names that nothing binds in healthy files too: put there by others, or asked for under another Python."""


def straighten(text: str, known: Knows, wanted: frozenset[str], threshold: float) -> Mended:
    """Repair what compiles but cannot be meant; nothing is taken that leaves more unbound names than before."""
    found = names(text)
    if found is None or not (found.loose or "async" in text or known.closed):
        return Mended(text)
    parsed_tree = tree(text)
    if not isinstance(parsed_tree, ast.Module):
        return Mended(text)
    parsed = Parsed(text, parsed_tree)
    try:
        loose = _loose(parsed, found)
        groups = [_named(parsed, name, found, known) for name in loose]
        groups += [[idea] for idea in awaits.ideas(parsed, known)] + [[idea] for idea in imports.moved(parsed, known)]
    except RecursionError:
        return Mended(text, left=(Fault(1, "too deep to be looked at"),))
    groups = [[idea for idea in group if idea.kind in wanted] for group in groups]
    sure = [idea for group in groups for idea in group if idea.confidence >= threshold]
    unsure = [idea for group in groups for idea in group if idea.confidence < threshold]
    taken = _disjoint(sure)
    new = _applied(text, taken)
    if not _better(new, found):
        taken, unsure, new = [], unsure + sure, text
    after = names(new)
    left = [
        Fault(parsed.uses[name][0].lineno, f"`{name}` is not defined") for name in loose if after is None or name in after.loose
    ]
    return Mended(new, _fixes(text, taken), _fixes(text, unsure), tuple(left))


def _loose(parsed: Parsed, found: Names) -> list[str]:
    """Return the unbound names that are worth a word: not those that a `try` expects, nor one the end of the file may have cut."""
    cut = len(parsed.lines) if not parsed.text.endswith("\n") else 0
    worth = []
    for name in sorted(found.loose - _NEVER):
        uses = parsed.uses.get(name, [])
        if (
            found.star
            or not uses
            or any(use.lineno == cut or parsed.expects_failure(use) or not isinstance(use.ctx, ast.Load) for use in uses)
        ):
            continue
        worth.append(name)
    return worth


def _named(parsed: Parsed, name: str, found: Names, known: Knows) -> list[Idea]:
    """Return what may be done for one name: `self`, else an import the project knows, else its spelling, else the library."""
    if name in ("self", "cls"):
        return list(spelling.selfless(parsed, name))
    lost = imports.lost(parsed, name, known)
    if lost and (name in known.imports or name in known.defines):
        return lost
    misspelt = spelling.misspelt(parsed, name, found.bound)
    if lost and misspelt:
        return [Idea(i.start, i.end, i.new, i.kind, i.confidence * 0.6, i.reason) for i in (*lost, *misspelt)]
    return lost or misspelt


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


def _fixes(text: str, ideas: list[Idea]) -> tuple[Fix, ...]:
    return tuple(Edit(i.start, i.end, i.new, i.kind, 0.0, i.reason).fix(text, i.confidence) for i in ideas)


GROUPS = frozenset({IMPORTS, AWAITS, SIGNATURES})
