"""Impact page: what a change came to, by the rule that was stored before anything was measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bmad_provisioner.kinds.performance.measured import Effect, Impact
from bmad_provisioner.kinds.performance.report import tables
from bmad_provisioner.kinds.performance.report.markdown import bullets, page, prose, table
from bmad_provisioner.kinds.performance.report.verdict import won
from bmad_provisioner.kinds.performance.report.wording import counted, listed, quoted, verdict
from bmad_provisioner.kinds.performance.stats import Verdict

NOTE = (
    "The change is the median of all pairs. `p of all` is p corrected for everything that was looked at together: only where it "
    "is small too is a change claimed. Smaller changes than `could have seen` would most likely have been missed."
)


def impact_md(name: str, impact: Impact) -> str:
    """Return `impact.md` of a document."""
    judged = tables.effects(one for one in impact.effects if not one.guardrail)
    tried = tables.remedies((impact,))
    return page(
        [f"# Impact on {prose(name)}", ""],
        bullets(won((impact,))),
        ["## What was compared", ""],
        bullets(compared(impact)),
        ["## What was to change", "", *table(judged)] if judged.rows else [],
        _guardrails([one for one in impact.effects if one.guardrail]),
        [NOTE, ""] if impact.effects else [],
        ["## Changes that were tried", "", *table(tried)] if tried.rows else [],
    )


def compared(impact: Impact) -> Iterator[str]:
    """Yield what was compared with what, and by which rule."""
    if impact.void:
        yield f"what speaks against what was tried: {impact.void}" if impact.effects else f"void: {impact.void}"
    yield f"before: {impact.before}"
    yield f"after: {impact.after}"
    yield f"{counted(impact.pairs, 'pair')}, interleaved, one number a process"
    yield f"the rule, stored before anything was measured: {impact.rule}"
    yield f"its digest: {quoted(impact.sealed)}"


def _guardrails(rails: Sequence[Effect]) -> Iterator[str]:
    if rails:
        yield from ("## What was not to get worse", "", *table(tables.effects(rails)), prose(guarded(rails)), "")


def guarded(rails: Sequence[Effect]) -> str:
    """Return whether what was not to get worse did."""
    worse, unsure = (
        listed([f"{quoted(one.target)} {one.metric}" for one in rails if verdict(one) is wanted])
        for wanted in (Verdict.REGRESSION, Verdict.INCONCLUSIVE)
    )
    said = [f"Worse: {worse}." if worse else "", f"Not shown to be as good as before: {unsure}." if unsure else ""]
    return " ".join(filter(None, said)) or "None of it got worse."
