"""Impact page: what a change came to, by the rule that was stored before anything was measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bmad_provisioner.kinds.performance.measured import Effect, Impact
from bmad_provisioner.kinds.performance.report import tables
from bmad_provisioner.kinds.performance.report.markdown import bullets, page, prose, table
from bmad_provisioner.kinds.performance.report.tables import Table
from bmad_provisioner.kinds.performance.report.verdict import won
from bmad_provisioner.kinds.performance.report.wording import counted, listed, quoted, verdict
from bmad_provisioner.kinds.performance.stats import EFFECT, Verdict

NOTE = (
    "The change is the median of all pairs. `p of all` is p corrected for everything that was looked at together: only where it "
    "is small too is a change claimed. Smaller changes than `could have seen` would most likely have been missed."
)


def impact_md(name: str, impact: Impact) -> str:
    """Return `impact.md` of a document."""
    judged, rails, besides = sorted_out(impact)
    return page(
        [f"# Impact on {prose(name)}", ""],
        bullets(won((impact,))),
        ["## What was compared", ""],
        bullets(compared(impact)),
        _titled("What was to change", tables.effects(judged)),
        _titled("What was not to get worse", tables.effects(rails), guarded(rails)),
        _titled("What else was looked at", tables.effects(besides)),
        [NOTE, ""] if impact.effects else [],
        _titled("Changes that were tried", tables.remedies((impact,))),
    )


def _titled(title: str, made: Table, below: str = "") -> Iterator[str]:
    if made.rows:
        yield from (f"## {title}", "", *table(made), prose(below), "")


def sorted_out(impact: Impact) -> tuple[tuple[Effect, ...], tuple[Effect, ...], tuple[Effect, ...]]:
    """Return what was to change or has changed, with what is true of whole targets; what was not to get worse; and the rest."""
    rails = tuple(one for one in impact.effects if one.guardrail)
    open_ = [one for one in impact.effects if not one.guardrail]
    judged = tuple(sorted(filter(_matters, open_), key=lambda one: (not one.item, " " in one.target)))
    return judged, rails, tuple(one for one in open_ if not _matters(one))


def _matters(one: Effect) -> bool:
    """Return whether an effect was foretold, is proven, or is one of a whole target and not of one of its requests."""
    return bool(one.item) or " " not in one.target or verdict(one) in (Verdict.IMPROVEMENT, Verdict.REGRESSION)


def compared(impact: Impact) -> Iterator[str]:
    """Yield what was compared with what, and by which rule."""
    if impact.void:
        yield f"what speaks against what was tried: {impact.void}" if impact.effects else f"void: {impact.void}"
    yield f"before: {impact.before}"
    yield f"after: {impact.after}"
    yield f"{counted(impact.pairs, 'pair')}, interleaved, one number a process"
    yield f"the rule, stored before anything was measured: {impact.rule}"
    yield f"its digest: {quoted(impact.sealed)}"


def guarded(rails: Sequence[Effect]) -> str:
    """Return whether what was not to get worse did."""
    worse = [one for one in rails if verdict(one) is Verdict.REGRESSION]
    # What may be worse by less than is worth a word is as good as before, whether or not it is better.
    unsure = [one for one in rails if verdict(one) is Verdict.INCONCLUSIVE and one.comparison.high >= 1 + EFFECT]
    told = [listed([f"{quoted(one.target)} {one.metric}" for one in some]) for some in (worse, unsure)]
    said = [f"Worse: {told[0]}." if worse else "", f"Not shown to be as good as before: {told[1]}." if unsure else ""]
    return " ".join(filter(None, said)) or "None of it got worse."
