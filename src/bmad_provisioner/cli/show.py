"""Show: plans, findings and receipts as text and as plain data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from bmad_provisioner.cli import code
from bmad_provisioner.cli.tell import CLEAN, counted, out, out_json, say, tell_warnings
from bmad_provisioner.digest import Entry, Plain
from bmad_provisioner.finding import Finding, Severity
from bmad_provisioner.plan import Plan, Step
from bmad_provisioner.tree.model import Change, Gap

if TYPE_CHECKING:
    from bmad_provisioner.tree.journal import Receipt

_MARKS = {
    Gap.MISSING: ("+", "green"),
    Gap.OUTDATED: ("~", "yellow"),
    Gap.DRIFTED: ("=", "cyan"),
    Gap.CONFLICT: ("!", "red"),
    Gap.ORPHANED: ("-", "red"),
}
_DONE = {"apply": "applied", "heal": "healed", "restore": "took back"}
_MANY = 12
_UNDONE = {Gap.MISSING: "put back", Gap.OUTDATED: "changed back", Gap.ORPHANED: "removed"}
_NEW = (Gap.MISSING, "new")


def plan_text(made: Plan, *, every: bool = False) -> None:
    """Print a plan: what it is of, the gap grouped by what makes the files, and the sum."""
    if code.is_code(made) and made.steps:
        code.code_text(made, every=every)
        return
    _heading(made)
    if made.changes:
        out()
    for title, changes in _groups(made):
        gaps = ", ".join(f"{count} {gap}" for gap, count in _count(changes).items())
        told = sorted(changes, key=lambda change: change.gap is not Gap.CONFLICT)
        shown = told if every else [change for change in told if (change.gap, change.reason) != _NEW][:_MANY]
        rest = [change for change in changes if change not in shown]
        out(f"{title}  ({gaps}{_where(rest)})", bold=True)
        for change in shown:
            mark, colour = _MARKS[change.gap]
            label = _UNDONE.get(change.gap, "") if change.reason == "as before" else f"{change.gap.value}: {change.reason}"
            out(f"  {mark} {change.path}  {label}", colour=colour)
        if shown and rest:
            out(f"    and {len(rest)} more")
    for step in _told(made):
        out(f"  ? {step.task}  known after apply", colour="magenta")
    out()
    out(summary(made), bold=True)


def told_text(made: Plan) -> None:
    """Print a plan that is about to be applied, where there is more to it than that nothing is to be done."""
    tell_warnings(apart(made))
    if not made.is_clean or code.needs_a_look(made):
        plan_text(made)


def apart(made: Plan) -> list[Finding]:
    """Return the errors and warnings that are told by themselves, and not beside the file they speak of."""
    return [
        one for one in made.findings if one.severity is not Severity.INFO and not (code.is_code(made) and one.rule in code.RULES)
    ]


def _where(changes: Sequence[Change]) -> str:
    """Return the folders of what is not listed file by file."""
    folders = sorted({"/".join(change.path.split("/")[:-1][:2]) or "." for change in changes})
    return f": {', '.join(folders)}" if folders else ""


def _told(made: Plan) -> list[Step]:
    """Return the held tasks that people should be told of."""
    return [step for step in made.held if not step.quiet]


def summary(made: Plan) -> str:
    """Return a plan in one line."""
    if code.is_code(made) and made.steps:
        return code.summary(made)
    count = _count(made.changes)
    parts = [f"{count.get(gap.value, 0)} {gap.value}" for gap in Gap if count.get(gap.value)]
    parts.append(f"{made.current} up to date")
    parts += [f"{len(_told(made))} known after apply"] if made.held else []
    return ("nothing to do: " if made.is_clean else "") + ", ".join(parts)


def _heading(made: Plan) -> None:
    out(f"project  {made.project}")
    bmad = made.facts.get("bmad")
    if isinstance(bmad, Mapping):
        found = f"{bmad.get('version')} (layout {bmad.get('era')})" if bmad.get("version") else "not installed"
        asked = f", the manifest asks for {bmad.get('asked')}" if bmad.get("asked") else ""
        verdict = "compatible" if bmad.get("compatible") else "not met"
        out(f"bmad     {found}{asked}{f': {verdict}' if asked and bmad.get('version') else ''}")
        folders = bmad.get("folders")
        out(f"skills   in {', '.join(map(str, folders))}" if isinstance(folders, Sequence) else "")


def _groups(made: Plan) -> list[tuple[str, list[Change]]]:
    """Return the changes by the task that makes their files; what nobody makes any more comes last."""
    makers = {path: step.task for step in made.steps for path in step.files}
    nobody = "no longer declared" if made.steps else "files"
    groups: dict[str, list[Change]] = {step.task: [] for step in made.steps}
    for change in made.changes:
        groups.setdefault(makers.get(change.path, nobody), []).append(change)
    return [(title, changes) for title, changes in groups.items() if changes]


def _count(changes: Iterable[Change]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for change in changes:
        counts[change.gap.value] = counts.get(change.gap.value, 0) + 1
    return counts


def recommendations(made: Plan) -> list[str]:
    """Return what to do next, the most important first."""
    advice = []
    if made.errors:
        advice.append(f"mend {len(made.errors)} error{'s' * (len(made.errors) > 1)} (above): nothing is applied before that")
    settle = "`bmadp diff` shows it, `--ours` or `--theirs` with `bmadp apply` settles it"
    advice += [f"decide `{change.path}`: {settle}" for change in made.conflicts[:3]]
    lost = [c for c in made.writes if c.gap is Gap.MISSING and c.reason == "made before, and gone"]
    if lost:
        advice.append(f"run `bmadp heal`: {len(lost)} file{'s' * (len(lost) > 1)} made before are gone")
    if code.is_code(made):
        return [*advice, *code.advice(made)]
    if (made.writes or made.held) and not made.errors and not made.conflicts:
        advice.append("run `bmadp apply` to close the gap; `bmadp diff` shows it line by line first")
    if made.drifts:
        many = f"{len(made.drifts)} file{'s' * (len(made.drifts) > 1)}"
        advice.append(f"look at {many} edited here: they stay; `bmadp apply --theirs PATH` resets one")
    return advice


def plan_plain(made: Plan) -> dict[str, Plain]:
    """Return a plan as plain data."""
    return {
        "plan": made.digest,
        "project": made.project,
        "document": made.document,
        "source": made.source,
        "head": made.head,
        "clean": made.is_clean,
        "current": made.current,
        "changes": [change_plain(change) for change in made.changes],
        "findings": findings_plain(made.findings),
        "tasks": [_step_plain(step) for step in made.steps],
        "facts": made.facts,
        "recommendations": list(recommendations(made)),
    }


def _step_plain(step: Step) -> dict[str, Plain]:
    plain: dict[str, Plain] = {
        "task": step.task,
        "status": step.status,
        "because": list(step.because),
        "error": step.error,
        "files": step.count,
    }
    if step.asks:
        plain |= {
            "level": step.level,
            "seconds": round(step.seconds, 3),
            "tries": step.usage.tries,
            "tokens": step.usage.tokens,
            "cost": step.usage.cost,
            "memory": step.usage.peak,
            "model": step.model,
        }
    return plain


def change_plain(change: Change) -> dict[str, Plain]:
    """Return a change as plain data."""
    return {
        "path": change.path,
        "gap": change.gap.value,
        "reason": change.reason,
        "writes": change.writes,
        "before": _entry(change.before),
        "after": _entry(change.after),
        "wanted": _entry(change.wanted),
    }


def _entry(entry: Entry | None) -> Plain:
    return None if entry is None else {"digest": entry.digest, "executable": entry.executable}


def findings_plain(findings: Sequence[Finding]) -> list[Plain]:
    """Return findings as plain data."""
    return [
        {"path": f.path, "line": f.line, "rule": f.rule, "severity": f.severity.value, "message": f.message, "hint": f.hint}
        for f in findings
    ]


def receipt_plain(receipt: Receipt) -> dict[str, Plain]:
    """Return a receipt as plain data."""
    return {
        "number": receipt.number,
        "verb": receipt.verb,
        "who": receipt.who,
        "when": receipt.when,
        "document": receipt.document,
        "undoes": receipt.undoes,
        "changes": [change_plain(change) for change in receipt.changes if change.writes],
        "name": receipt.name,
    }


def receipt_text(receipt: Receipt) -> str:
    """Return a receipt in one line."""
    count = _count(change for change in receipt.changes if change.writes)
    what = ", ".join(f"{number} {gap}" for gap, number in count.items()) or "records only"
    undoes = f" of {receipt.undoes}" if receipt.undoes is not None else ""
    return f"{receipt.number:>4}  {receipt.when}  {receipt.who}  {receipt.verb}{undoes}  {receipt.document}  {what}"


def summary_text(made: Plan) -> None:
    """Print what a plan says in sentences, if it does."""
    lines = made.facts.get("summary")
    if isinstance(lines, list | tuple) and lines:
        out()
        out(str(lines[0]), bold=True)
        for line in lines[1:]:
            out(str(line))
        out()


def done_text(plans: list[Plan], receipts: list[Receipt], *, as_json: bool) -> int:
    """Say what was done, and how to take it back."""
    if as_json:
        out_json({"plans": [plan_plain(made) for made in plans], "receipts": [receipt_plain(receipt) for receipt in receipts]})
        return CLEAN
    for receipt in receipts:
        written = sum(change.writes for change in receipt.changes)
        if not written:
            out(f"recorded {counted(len(receipt.records), 'file')} already there, as receipt {receipt.number}", colour="green")
            continue
        out(f"{_DONE[receipt.verb]} {counted(written, 'change')} as receipt {receipt.number}", colour="green")
        say(f"hint: `bmadp restore {receipt.number}` takes it back")
    for made in plans:
        summary_text(made)
    if not receipts:
        current = sum(made.current for made in plans)
        out(f"nothing to do: {counted(current, 'file')} {'is' if current == 1 else 'are'} up to date")
    return CLEAN
