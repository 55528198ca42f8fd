"""Search: the edits that make a window compile, best first, and how sure the best one is."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from math import exp

from bmad_provisioner.kinds.code.repair import (
    brackets,
    elsewhere,
    indents,
    legacy,
    letters,
    lost,
    punctuation,
    quotes,
    triples,
    words,
)
from bmad_provisioner.kinds.code.repair.judge import Scene, Verdict, judge
from bmad_provisioner.kinds.code.repair.lexing import Source
from bmad_provisioner.kinds.code.repair.likely import outside
from bmad_provisioner.kinds.code.repair.model import AWAITS, INDENTATION, Edit
from bmad_provisioner.kinds.code.repair.oracle import Trouble, earlier, tree, trouble

BEAM, DEPTH = 8, 3
BUDGET = 3_000_000
"""Letters the compiler may be asked to read in one search."""
STEP = 2.5
"""In nats: what each further edit costs beside its own cost."""
NOTHING_FITS = 8.0
"""In nats: as unlikely as a repair may be before "something else" is likelier."""
FINALISTS = 40
APART = 4
"""Lines between two faults that have nothing to do with each other."""
PLACES, MOST = 0.3, 2.0
"""How much the grammar says of lines that only stand elsewhere, and the most of it, in nats."""
UNTRIED = 4.0
"""In nats: what several edits cost more where the budget did not last for the others."""
STRANGE = 2.5
"""In nats, beside what the name costs anyway: that a name which nothing binds stands where the edit is."""
_FEW = 4
_WORD = re.compile(r"\w+")
BRACKETS = ("(", "[", "{", ")", "]", "}")


@dataclass(frozen=True, slots=True)
class Answer:
    """A window that compiles: its text before and after, the edits in the order made, and how sure it is (0 to 1).

    `cost` is what answers are compared by; `effort` is the part of it that counts by itself. Both in nats.
    """

    before: str
    text: str
    edits: tuple[Edit, ...]
    cost: float
    effort: float
    confidence: float = 0.0


@dataclass(frozen=True, slots=True)
class _State:
    text: str
    edits: tuple[Edit, ...]
    cost: float
    found: Trouble


def candidates(text: str, found: Trouble, known: Scene, wanted: frozenset[str]) -> list[Edit]:
    """Return the edits that may cure a fault, cheapest first, of the kinds wanted; for equal texts the cheapest only."""
    source = Source(text)
    above = earlier(text, found)
    made = chain.from_iterable(_guesses(source, one, known) for one in (found, above) if one)
    best: dict[tuple[int, int, str], Edit] = {}
    for edit in made:
        key = (edit.start, edit.end, edit.new)
        if edit.kind in wanted and (key not in best or edit.cost < best[key].cost):
            best[key] = edit
    return sorted(best.values(), key=lambda edit: edit.cost)


def _guesses(source: Source, found: Trouble, known: Scene) -> Iterator[Edit]:
    yield from letters.guesses(source, found)
    yield from legacy.guesses(source, found)
    yield from elsewhere.guesses(source, found)
    yield from punctuation.colons(source, found)
    yield from punctuation.commas(source, found)
    yield from punctuation.equals(source, found)
    yield from punctuation.misplaced(source, found)
    yield from punctuation.strays(source, found)
    yield from lost.guesses(source, found)
    yield from words.guesses(source, found, known.words)
    yield from brackets.guesses(source, found, known.words)
    yield from quotes.guesses(source, found)
    yield from triples.guesses(source, found)
    yield from indents.guesses(source, found)


def _told(edits: list[Edit], found: Trouble) -> list[Edit]:
    """Keep only the edits that the message itself asks for, where it asks for any."""
    if found.message.startswith("inconsistent use of tabs"):
        return [edit for edit in edits if "tabs" in edit.reason] or edits
    if "outside async" in found.message:
        edits = [edit for edit in edits if edit.kind in (AWAITS, INDENTATION)]
    return [edit for edit in edits if edit.cost <= legacy.SURE] or edits


class _Purse:
    def __init__(self, letters: int) -> None:
        self.letters = letters

    def pay(self, text: str) -> bool:
        self.letters -= len(text) + 200
        return self.letters > 0


def solve(text: str, found: Trouble, known: Scene, wanted: frozenset[str]) -> list[Answer]:
    """Return the answers to a fault, likeliest first; those that mean the same are one."""
    purse = _Purse(BUDGET)
    beam = [_State(text, (), 0.0, found)]
    done: list[_State] = []
    for depth in range(DEPTH):
        ahead: list[_State] = []
        for state in beam:
            for new in _grow(state, known, wanted, purse):
                (ahead if new.found.message else done).append(new)
        if done:
            break
        ahead = [state for state in ahead if state.found.far > found.far] if depth else ahead
        beam = _best(ahead)
    answers = _weigh(text, done, known)
    if purse.letters > 0:
        return answers
    # Not all was tried: of several edits there may be better ones.
    return sure([replace(one, effort=one.effort + UNTRIED * (len(one.edits) > 1)) for one in answers])


def _grow(state: _State, known: Scene, wanted: frozenset[str], purse: _Purse) -> Iterator[_State]:
    for edit in _told(candidates(state.text, state.found, known, wanted), state.found):
        text = edit.on(state.text)
        if not purse.pay(text):
            return
        found = trouble(text)
        cost = state.cost + edit.cost + STEP * bool(state.edits)
        if found is None or found.far > state.found.far:
            yield _State(text, (*state.edits, edit), cost, found or Trouble(0, 0, 0, ""))


def _best(states: list[_State]) -> list[_State]:
    """Keep the states that came furthest for what they cost: one for each text."""
    seen: dict[str, _State] = {}
    for state in sorted(states, key=lambda state: state.cost - 0.8 * min(state.found.line, 10**6) ** 0.5):
        seen.setdefault(state.text, state)
    return list(seen.values())[:BEAM]


def _rows(text: str, edits: tuple[Edit, ...]) -> tuple[int, int]:
    first = min(text.count("\n", 0, edit.start) for edit in edits)
    last = max(text.count("\n", 0, edit.start + len(edit.new)) for edit in edits)
    return first, last


def _weigh(text: str, done: list[_State], known: Scene) -> list[Answer]:
    done = sorted(done, key=lambda state: state.cost)[:FINALISTS]
    if not done:
        return []
    spans = [_rows(state.text, state.edits) for state in done]
    # Lines are told from the end of the text, since an edit may add some: all answers are held against the same ones.
    more = [state.text.count("\n") - text.count("\n") for state in done]
    first = min(a for a, _ in spans) - 1
    last = max(b - added for (_, b), added in zip(spans, more, strict=True)) + 1
    parsed = tree(done[0].text)
    if not isinstance(parsed, Trouble):
        known = replace(known, choices=outside(parsed, (first + 1, last + more[0] + 1), known.choices))
    meanings: dict[str, tuple[_State, Verdict]] = {}
    for state, span, added in zip(done, spans, more, strict=True):
        verdict = judge(state.text, (max(first, 0), last + added), known, span)
        if isinstance(verdict, Verdict) and verdict.meaning not in meanings:
            meanings[verdict.meaning] = (state, verdict)
        elif isinstance(verdict, Verdict) and not state.edits[-1].new:
            # Brackets that change nothing were hardly there: what they give is as unlikely as without them.
            kept, seen = meanings[verdict.meaning]
            if kept.edits[-1].new.strip(" ") in BRACKETS:
                meanings[verdict.meaning] = (replace(kept, cost=max(kept.cost, state.cost)), seen)
    usual = min((verdict.surprise for _, verdict in meanings.values()), default=0.0)
    answers = [
        Answer(text, state.text, state.edits, _against(state, verdict, usual), state.cost + verdict.harm + _strange(state, verdict))
        for state, verdict in meanings.values()
    ]
    return sure(sorted(answers, key=lambda answer: answer.cost))


def _strange(state: _State, verdict: Verdict) -> float:
    """Doubt an edit that leaves a name which nothing binds on its own line, or makes one."""
    if all(edit.kind == INDENTATION for edit in state.edits):
        return 0.0
    first, last = _rows(state.text, state.edits)
    here = set(_WORD.findall(" ".join(state.text.split("\n")[first : last + 1]))) if last - first < _FEW else set()
    return STRANGE * len(verdict.loose & here)


def _against(state: _State, verdict: Verdict, usual: float) -> float:
    """Return what speaks against an answer; where lines only move, their words say little of where they belong."""
    told = PLACES if all(edit.kind == INDENTATION for edit in state.edits) else 1.0
    if told == PLACES:
        return state.cost + verdict.harm + min(PLACES * (verdict.surprise - usual), MOST)
    return state.cost + verdict.harm + told * (verdict.surprise - usual)


def _places(answer: Answer) -> float:
    """Return how many faults an answer may stand for: lines that moved far from each other are not one."""
    if not all(edit.kind == INDENTATION for edit in answer.edits):
        return 1.0
    rows = sorted(answer.text.count("\n", 0, edit.start) for edit in answer.edits)
    return 1.0 + 0.6 * sum(later - before > APART for before, later in itertools.pairwise(rows))


def sure(answers: list[Answer]) -> list[Answer]:
    """Share the certainty among the answers and the chance that none is right."""
    if not answers:
        return []
    lowest = answers[0].cost
    weights = [exp(lowest - answer.cost) for answer in answers]
    nothing = exp(min(answers[0].effort - NOTHING_FITS * _places(answers[0]), 50.0))
    return [replace(answer, confidence=weight / (sum(weights) + nothing)) for answer, weight in zip(answers, weights, strict=True)]
