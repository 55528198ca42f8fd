"""Rewrite: the one function from the bytes of a file and its passes to the bytes that it should have."""

from __future__ import annotations

import ast
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bmad_provisioner.errors import TaskError
from bmad_provisioner.kinds.code.judge import compiles, fits, spliced
from bmad_provisioner.kinds.code.module import Asked, Hit, Module
from bmad_provisioner.kinds.code.rewriting import Failure, Note, Pass, Rewritten
from bmad_provisioner.kinds.code.text import Text, read
from bmad_provisioner.kinds.code.undisturbed import undisturbed

ROUNDS = 10
"""After so many rounds that all changed something, the passes do not converge."""

AtWork = Callable[[str], None]
_Taken = tuple[Pass, Hit]


@dataclass(frozen=True, slots=True)
class _Round:
    text: str
    notes: tuple[Note, ...] = ()
    changed: tuple[Pass, ...] = ()
    over: bool = True


class _LeftOutError(Exception):
    def __init__(self, guilty: Pass, reason: str) -> None:
        super().__init__(reason)
        self.guilty = guilty
        self.reason = reason


def _nobody(_name: str) -> None:
    """Tell nobody which pass is at work."""


def rewrite(data: bytes, passes: Sequence[Pass], asked: Asked, at_work: AtWork = _nobody) -> Rewritten:
    """Return a file as the passes want it; rewriting that again changes nothing.

    A pass that raises, never settles, or makes what does not compile is left out and named in `failures`; the others
    go on. `at_work` is told the name of a pass whenever it starts, for whoever has to stop one that does not come back. Where two
    passes want the same place, the one that is named first has it. Raises TaskError where the file is no Python.
    """
    due = [one for one in passes if not one.needles or any(needle in data for needle in one.needles)]
    if not due:
        return Rewritten(data)
    source = read(data)
    failures: list[Failure] = []
    with undisturbed():
        while True:
            try:
                text, notes = _settle(source.text, due, asked, at_work)
                break
            except _LeftOutError as left:
                failures.append(Failure(left.guilty.name, left.reason))
                due = [one for one in due if one is not left.guilty]
    if text == source.text:
        return Rewritten(data, failures=tuple(failures))
    return Rewritten(Text(text, source.encoding, source.bom).data(), notes, tuple(failures))


def _settle(text: str, passes: Sequence[Pass], asked: Asked, at_work: AtWork) -> tuple[str, tuple[Note, ...]]:
    """Return the text on which no pass has anything to do any more."""
    notes: tuple[Note, ...] = ()
    changed: tuple[Pass, ...] = ()
    for _ in range(ROUNDS if passes else 0):
        done = _round(parse(text, asked), passes, at_work)
        text, notes, changed = done.text, notes + done.notes, done.changed
        if done.over:
            return text, notes
    if not passes:
        return text, notes
    raise _LeftOutError(_restless(text, changed, asked, at_work), f"it still changes the file after {ROUNDS} rounds")


def _restless(text: str, changed: Sequence[Pass], asked: Asked, at_work: AtWork) -> Pass:
    """Return which of the passes does not settle by itself, or the last where they only keep each other going."""
    for one in changed[:-1]:
        try:
            _settle(text, [one], asked, at_work)
        except _LeftOutError:
            return one
    return changed[-1]


def parse(text: str, asked: Asked) -> Module:
    """Return a text as passes see it; raises TaskError where it does not parse."""
    try:
        return Module(text, ast.parse(text), asked)
    except SyntaxError as error:
        raise TaskError(f"line {error.lineno}: it does not parse: {error.msg}") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise TaskError(f"it does not parse: {error or 'it is nested too deeply'}") from error


def _round(module: Module, passes: Sequence[Pass], at_work: AtWork) -> _Round:
    """Do what is exact, then what needs LibCST, each once and all passes together."""
    exact = _exact(module, passes, at_work)
    seen = [(one, hits) for one in passes if not one.is_exact and (hits := _find(one, module, at_work))]
    if not seen:
        return exact
    if exact.changed:
        module = parse(exact.text, module.asked)
        seen = [(one, _find(one, module, at_work)) for one, _ in seen]
    from bmad_provisioner.kinds.code.transform import transform  # noqa: PLC0415 - LibCST takes longer to load than most runs

    text, ranges = _guarded(module, seen, transform, at_work)
    if text == module.text:
        return exact
    met = [(one, hit) for one, hits in seen for hit in hits if any(start <= hit.start < end for start, end in ranges)]
    notes = tuple(Note(one.name, module.line(hit.start), hit.message) for one, hit in met)
    return _Round(text, exact.notes + notes, (*exact.changed, *(one for one, _ in seen)), over=False)


Found = Sequence[tuple[Pass, tuple[Hit, ...]]]
Transformed = tuple[str, list[tuple[int, int]]]
Transform = Callable[[Module, Found], Transformed]


def _find(one: Pass, module: Module, at_work: AtWork) -> tuple[Hit, ...]:
    at_work(one.name)
    try:
        return tuple(one.find(module))
    except Exception as error:  # the code of strangers: whatever it raises, the other passes go on
        raise _LeftOutError(one, f"it raised {type(error).__name__}: {error}") from error


def _guarded(module: Module, found: Found, transform: Transform, at_work: AtWork) -> Transformed:
    """Return the text that the transformers make; who raises or breaks it is found by asking each one alone."""
    at_work(", ".join(one.name for one, _ in found))
    try:
        done = transform(module, found)
        reason = "" if done[0] == module.text else compiles(done[0])
    except Exception as error:  # noqa: BLE001 - as above
        reason = f"it raised {type(error).__name__}: {error}"
    if not reason:
        return done
    for one in found[:-1] if len(found) > 1 else ():
        _guarded(module, [one], transform, at_work)
    raise _LeftOutError(found[-1][0], reason)


def _exact(module: Module, passes: Sequence[Pass], at_work: AtWork) -> _Round:
    """Put the texts of exact hits in their places and judge them."""
    taken: list[_Taken] = []
    crowded = False
    found: dict[str, tuple[Hit, ...]] = {}
    for last in (False, True):
        module.taken = [hit for _, hit in taken]
        fresh = {one.name: _find(one, module, at_work) for one in passes if one.is_exact and one.last is last}
        if any(fresh.values()):
            found |= fresh
            taken, crowded = _take(module, [(one, found[one.name]) for one in passes if one.name in found])
    if not taken:
        return _Round(module.text)
    text = spliced(module.text, [hit for _, hit in taken])
    changed = tuple(one for one in passes if any(other is one for other, _ in taken))
    _check(module, text, taken, changed)
    notes = tuple(Note(one.name, module.line(hit.start), hit.message) for one, hit in taken)
    settled = all(hit.settled for _, hit in taken) and all(one.steady or changed == (one,) for one in passes)
    return _Round(text, notes, changed, over=settled and not crowded)


def _take(module: Module, found: Found) -> tuple[list[_Taken], bool]:
    """Return the hits that change something, the first of those that want the same place, and whether there were such."""
    taken: list[_Taken] = []
    crowded = False
    for one, hits in found:
        for hit in hits:
            if module.text[hit.start : hit.end] == hit.text:
                continue
            index = bisect_left(taken, (hit.start, hit.end), key=_place)
            free = index == 0 or taken[index - 1][1].end <= hit.start
            free &= index == len(taken) or (hit.end <= taken[index][1].start and (hit.start, hit.end) != _place(taken[index]))
            crowded |= not free
            if free:
                taken.insert(index, (one, hit))
    return taken, crowded


def _place(taken: _Taken) -> tuple[int, int]:
    return taken[1].start, taken[1].end


def _check(module: Module, text: str, taken: Sequence[_Taken], changed: Sequence[Pass]) -> None:
    """Raise _LeftOutError for the pass that made the text one that does not compile."""
    if fits(module, [hit for _, hit in taken]):
        return
    reason = compiles(text)
    if not reason:
        return
    for one in changed[:-1]:
        if compiles(spliced(module.text, [hit for other, hit in taken if other is one])):
            raise _LeftOutError(one, f"what it made does not compile: {reason}")
    raise _LeftOutError(changed[-1], f"what it made does not compile: {reason}")
