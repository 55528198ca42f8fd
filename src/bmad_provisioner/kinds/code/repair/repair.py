"""Repair: one file in, the same file with what could be put right, what was only proposed, and what is left."""

from __future__ import annotations

from itertools import chain

from bmad_provisioner.errors import TaskError
from bmad_provisioner.kinds.code.repair import wrapping
from bmad_provisioner.kinds.code.repair.decoding import Decoded, decoded
from bmad_provisioner.kinds.code.repair.knows import Knows
from bmad_provisioner.kinds.code.repair.lexing import Source
from bmad_provisioner.kinds.code.repair.meanings import GROUPS, straighten
from bmad_provisioner.kinds.code.repair.mend import LARGEST, Mended, mend
from bmad_provisioner.kinds.code.repair.model import ALL, ENCODING, SYNTAX, Fault, Fix, Repaired
from bmad_provisioner.kinds.code.repair.oracle import trouble
from bmad_provisioner.kinds.code.repair.pasted import pasted
from bmad_provisioner.kinds.code.text import Text, read

_LAYERS = 8
THRESHOLD = 0.8
"""How sure a repair must be to be applied: below, it is a proposal."""


def repair(data: bytes, knows: Knows, wanted: frozenset[str] = ALL, threshold: float = THRESHOLD) -> Repaired:
    """Repair one file; `data` of the result is the input itself where nothing was applied. Never raises, whatever the bytes."""
    try:
        start = decoded(data)
    except TaskError as error:
        return Repaired(data, left=(Fault(1, str(error)),))
    recode = _recoded(data, start)
    if start.reason and (ENCODING not in wanted or start.confidence < threshold):
        return Repaired(data, (), recode, (Fault(1, start.reason),) if _unreadable(data) else ())
    done = _repaired(start.text.text, knows, wanted, threshold)
    fixes = (*recode, *done.fixes)
    if not fixes:
        return Repaired(data, (), done.proposals, done.left)
    try:
        new = Text(done.text, start.text.encoding, start.text.bom).data()
    except TaskError as error:
        return Repaired(data, (), fixes + done.proposals, (Fault(1, str(error)), *done.left))
    return Repaired(new, fixes, done.proposals, done.left)


def _unreadable(data: bytes) -> bool:
    try:
        read(data)
    except TaskError:
        return True
    return False


def _recoded(data: bytes, start: Decoded) -> tuple[Fix, ...]:
    if not start.reason:
        return ()
    old = data.decode("utf-8", "backslashreplace").split("\n")
    pairs = [(row, a, b) for row, (a, b) in enumerate(zip(old, start.text.text.split("\n"), strict=False), 1) if a != b]
    row, before, after = pairs[0] if pairs else (1, "", "")
    return (Fix(ENCODING, row, start.reason, start.confidence, before, after),)


def _repaired(text: str, knows: Knows, wanted: frozenset[str], threshold: float) -> Mended:
    """Unwrap, mend what does not compile, then straighten what compiles."""
    found = trouble(text)
    if found is None:
        mended = Mended(text)
    else:
        unwrapped = _unwrapped(text, threshold) if SYNTAX in wanted and len(text) <= LARGEST else Mended(text)
        if unwrapped.left:
            return unwrapped
        mended = mend(unwrapped.text, wanted, threshold, knows)
        if mended.left:
            return Mended(text, (), unwrapped.fixes + mended.proposals, mended.left)
        mended = Mended(mended.text, unwrapped.fixes + mended.fixes)
    if not wanted & GROUPS:
        return mended
    straight = straighten(mended.text, knows, wanted, threshold)
    return Mended(straight.text, mended.fixes + straight.fixes, straight.proposals, straight.left)


def _unwrapped(text: str, threshold: float) -> Mended:
    """Take away what stands around the code or before its lines, layer by layer; a question stops here."""
    first, fixes = text, list[Fix]()
    for _ in range(_LAYERS):
        found = trouble(text)
        if found is None:
            break
        if wrapping.has_conflict(text):
            done = _decided(text, threshold)
            if done.left:
                return Mended(first, (), (*fixes, *done.proposals), done.left)
            text, fixes = done.text, [*fixes, *done.fixes]
            continue
        source = Source(text)
        choices = chain(
            wrapping.fences(text),
            wrapping.stray_fences(source, found),
            wrapping.tags(text, found),
            wrapping.talk(text),
            pasted(source, found),
            wrapping.greeting(text),
        )
        edit, confidence = next((choice for choice in choices if choice[1] >= threshold), (None, 0.0))
        if edit is None:
            break
        fixes.append(edit.fix(text, confidence))
        text = edit.on(text)
    return Mended(text, tuple(fixes))


def _decided(text: str, threshold: float) -> Mended:
    """Take the side of a conflict that can be meant, if only one can."""
    choices = wrapping.conflicts(text)
    fixes = tuple(edit.fix(text, confidence) for edit, confidence in choices)
    if choices[0][1] < threshold:
        return Mended(text, (), fixes, (Fault(1, "conflict markers of a merge"),))
    return Mended(choices[0][0].on(text), fixes[:1])
