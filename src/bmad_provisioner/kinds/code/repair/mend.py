"""Mend: one fault after the other, until the text compiles or a fault has no clear answer."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from bmad_provisioner.kinds.code.repair import waiting
from bmad_provisioner.kinds.code.repair.cut import is_cut
from bmad_provisioner.kinds.code.repair.judge import LOOSE_NAME, scene
from bmad_provisioner.kinds.code.repair.knows import Knows
from bmad_provisioner.kinds.code.repair.lexing import Source, width
from bmad_provisioner.kinds.code.repair.model import AWAITS, IMPORTS, INDENTATION, Edit, Fault, Fix
from bmad_provisioner.kinds.code.repair.oracle import Trouble, trouble
from bmad_provisioner.kinds.code.repair.places import applied
from bmad_provisioner.kinds.code.repair.scopes import bound_roughly, names
from bmad_provisioner.kinds.code.repair.search import Answer, solve, sure
from bmad_provisioner.kinds.code.repair.window import window

_BINDS = r"\b(?:def|class|import|as|for|global)\s+{name}\b|\b{name}\s*(?:[:,)]|=[^=])"
"""What may give a name its value, roughly."""
_STEP = 4
_STEPS = 200
_TELLING = 4
"""Letters from which a name says what it is: shorter ones are bound here and there and mean nothing."""
LARGEST = 200_000
"""Letters: a longer text is not searched for repairs."""


@dataclass(frozen=True, slots=True)
class Mended:
    """A text that compiles, or the first one; what was done to it, what could be done, and what is wrong still."""

    text: str
    fixes: tuple[Fix, ...] = ()
    proposals: tuple[Fix, ...] = ()
    left: tuple[Fault, ...] = ()


def mend(text: str, wanted: frozenset[str], threshold: float, knows: Knows) -> Mended:
    """Repair what keeps a text from compiling: all of it or nothing, so that no half-repaired file is written."""
    now, fixes = text, list[Fix]()
    for _ in range(_STEPS):
        found = trouble(now)
        if found is None:
            return Mended(now, tuple(fixes))
        if len(now) > LARGEST or found.message.startswith("the compiler gave up") or is_cut(Source(now), found):
            return Mended(text, (), tuple(fixes), (_fault(now, found),))
        ideas = waiting.ideas(now, knows) if AWAITS in wanted and waiting.is_misplaced(found) else []
        if ideas:
            told = [Edit(one.start, one.end, one.new, one.kind, 0.0, one.reason).fix(now, one.confidence) for one in ideas]
            if min(one.confidence for one in ideas) < threshold:
                return Mended(text, (), (*fixes, *told), (_fault(now, found),))
            fixes += told
            now = applied(now, ideas)
            continue
        start, answers = _answers(now, found, wanted, _offered(knows) if IMPORTS in wanted else frozenset())
        if not answers or answers[0].confidence < threshold:
            asked = [fix for answer in answers[:3] for fix in _fixes(now, start, answer)]
            return Mended(text, (), (*fixes, *asked), (_fault(now, found),))
        end = start + len(answers[0].before)
        fixes += _fixes(now, start, answers[0])
        now = now[:start] + answers[0].text + now[end:]
    return Mended(text, (), tuple(fixes), (Fault(1, "too many faults"),))


def _fault(text: str, found: Trouble) -> Fault:
    cut = len(text) <= LARGEST and is_cut(Source(text), found)
    return Fault(found.line, f"{found.message}; the file seems to end in the middle" if cut else found.message)


def _offered(knows: Knows) -> frozenset[str]:
    """Return the names that only lost their import, where they are unbound: that speaks against no repair of another fault."""
    alone = {name for name, homes in knows.defines.items() if len(homes) == 1 and len(name) >= _TELLING}
    return frozenset(alone | knows.imports.keys())


def _answers(text: str, found: Trouble, wanted: frozenset[str], offered: frozenset[str]) -> tuple[int, list[Answer]]:
    """Return where the window begins, and its answers that let the compiler pass beyond it."""
    start, end = window(text, found)
    here = trouble(text[start:end])
    if here is None:
        start, end, here = 0, len(text), found
    around = scene(text, start, end)
    answers = solve(text[start:end], here, replace(around, bound=around.bound | offered), wanted)
    answers = [answer for answer in answers if _passes(text[:start] + answer.text, text[end:])]
    return start, sure(_unmoved(text, answers))


def _rises(before: str, edit: Edit) -> bool:
    """Whether lines move to the left by one step: their header, and with it the name, may be lost."""
    return 0 < width(before[edit.start : edit.end]) - width(edit.new) <= _STEP


def _unmoved(text: str, answers: list[Answer]) -> list[Answer]:
    """Hold names that nothing binds against no answer that only moves lines, if they are as unbound in every other."""
    if not answers:
        return answers
    edits = [edit for answer in answers for edit in answer.edits]
    if not all(edit.kind == INDENTATION for edit in edits) or any(_rises(answers[0].before, edit) for edit in answers[0].edits[:1]):
        return answers
    loose = [found.loose if (found := names(answer.text)) else frozenset() for answer in answers]
    shared = frozenset[str].intersection(*loose)
    strange = [
        name
        for name in shared - bound_roughly(text)
        if name not in ("self", "cls") and not re.search(_BINDS.format(name=re.escape(name)), text)
    ]
    less = LOOSE_NAME * len(strange)
    return [replace(answer, cost=answer.cost - less, effort=answer.effort - less) for answer in answers]


def _passes(head: str, tail: str) -> bool:
    found = trouble(head + tail)
    return found is None or found.line > head.count("\n")


def _fixes(text: str, start: int, answer: Answer) -> list[Fix]:
    fixes = []
    for edit in answer.edits:
        fixes.append(edit.fix(text, answer.confidence, start))
        text = text[: start + edit.start] + edit.new + text[start + edit.end :]
    return fixes
