"""Meanings: what a text that compiles gets wrong: names nothing binds, imports gone astray, members, awaits, `self`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from bmad_provisioner.kinds.code.repair import abstract, astray, awaits, imports, members, spelling, strangers
from bmad_provisioner.kinds.code.repair.knows import Knows
from bmad_provisioner.kinds.code.repair.mend import Mended
from bmad_provisioner.kinds.code.repair.model import AWAITS, IMPORTS, SIGNATURES, Edit, Fault, Fix
from bmad_provisioner.kinds.code.repair.oracle import trouble
from bmad_provisioner.kinds.code.repair.places import Idea, Parsed, applied
from bmad_provisioner.kinds.code.repair.scopes import Names, names
from bmad_provisioner.kinds.code.repair.unbound import loose, parse

GROUPS = frozenset({IMPORTS, AWAITS, SIGNATURES})
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
            parsed = parse(now)
            found = names(now)
            if parsed is None or found is None:
                break
            groups = [[idea for idea in group if idea.kind in wanted] for group in look(parsed, found, known, threshold)]
            sure = [idea for group in groups for idea in group if idea.confidence >= threshold]
            open_ = (group for group in groups if all(idea.confidence < threshold for idea in group))
            doubted = [idea for group in open_ for idea in group]
            taken = _disjoint(sure)
            new = applied(now, taken)
            if not _better(new, found):
                taken, doubted, new = [], doubted + sure, now
            fixes += _fixes(now, taken)
            unsure += _fixes(now, doubted)
            now = new
        left += _left(now)
    except RecursionError:
        return Mended(text, left=(Fault(1, "too deep to be looked at"),))
    return Mended(now, tuple(fixes), tuple(unsure), tuple(left))


def _imports(parsed: Parsed, found: Names, known: Knows, _threshold: float) -> Groups:
    return astray.astray(parsed, known, frozenset(loose(parsed, found)))


def _uses(parsed: Parsed, _found: Names, known: Knows, _threshold: float) -> Groups:
    seen = members.Members(parsed, known)
    yield from members.misspelt(seen)
    yield from abstract.unwritten(seen)
    yield from ([idea] for idea in awaits.ideas(parsed, known))


def _names(parsed: Parsed, found: Names, known: Knows, threshold: float) -> Groups:
    worth = loose(parsed, found)
    together = imports.together(worth, known)
    groups = [_named(parsed, name, found, known, together) for name in worth]
    return [*imports.merged([group for group in groups if group], threshold), *imports.promised(parsed, found, known)]


def _named(parsed: Parsed, name: str, found: Names, known: Knows, together: Mapping[str, int]) -> list[Idea]:
    """Return what may be done for one name, the strongest evidence first; where two kinds of it disagree, both are unsure."""
    if name in ("self", "cls"):
        return list(spelling.selfless(parsed, name))
    other_words = strangers.words(parsed, name, known)
    if other_words:
        return other_words
    seen = members.Members(parsed, known)
    other_self = members.foreign_self(seen, name) if name not in known.imports else []
    if other_self:
        return other_self
    own = members.selfless(seen, name)
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


def _better(text: str, before: Names) -> bool:
    after = names(text)
    return trouble(text) is None and after is not None and after.loose <= before.loose


def _fixes(text: str, ideas: list[Idea]) -> list[Fix]:
    return [Edit(i.start, i.end, i.new, i.kind, 0.0, i.reason).fix(text, i.confidence) for i in ideas]


def _left(text: str) -> Iterator[Fault]:
    """Yield the names that nothing binds after all."""
    parsed, found = parse(text), names(text)
    if parsed is not None and found is not None:
        for name in loose(parsed, found):
            yield Fault(parsed.uses[name][0].lineno, f"`{name}` is not defined")
