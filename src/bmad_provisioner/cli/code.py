"""Code on the screen: what is repaired, rewritten, proposed, taken back and left broken, file by file and in one line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from bmad_provisioner.cli.tell import counted, out
from bmad_provisioner.digest import Digest, Entry
from bmad_provisioner.finding import Finding, Severity
from bmad_provisioner.plan import Plan
from bmad_provisioner.tree.model import Change, Gap

_MANY = 12
"""Files of one sort that are listed one by one, and lines of one file."""
_VERIFY, _BETWEEN, _INDEX = "verify", "survey of ", "what the project knows"
_WORDS: Mapping[str, str] = {
    "code-broken": "broken",
    "code-taken-back": "taken back",
    "code-fault": "faulty",
    "code-repair": "proposed",
}
"""What is said of a file by its warnings, the gravest first."""
_UNSURE = {"code-broken", "code-fault", "code-repair"}
RULES = frozenset((*_WORDS, "code-left-out", "code-quarantined"))
"""The warnings that are told beside their file."""


def is_code(made: Plan) -> bool:
    """Say whether a plan is that of a Code document."""
    return made.document.startswith("Code:")


def _is_unverified(made: Plan) -> bool:
    return any(step.task == _VERIFY and step.status not in ("done", "cached") for step in made.steps)


def needs_a_look(made: Plan) -> bool:
    """Say whether a plan of code has more to tell of a file than what is done to it."""
    return is_code(made) and bool(_Told.of(made).doubtful)


def has_broken(made: Plan) -> bool:
    """Say whether a plan leaves a file that does not compile."""
    return is_code(made) and any(one.rule == "code-broken" for one in made.findings)


def foreseen(made: Plan) -> Plan:
    """Return a plan as it is told: where its verification is held back, with the changes that are to be verified.

    With none, nothing is held. What is up to date are the files that nothing is to be said of.
    """
    if not is_code(made):
        return made
    known = cast("Mapping[str, Any]", made.facts.get("foreseen") or {})
    if made.held and not known:
        made = replace(made, steps=tuple(step for step in made.steps if step.status != "held"))
    if _is_unverified(made):
        # Only where something waits for a verification.
        from bmad_provisioner.tree.observe import Index, observe  # noqa: PLC0415

        now = observe(made.project, known, Index(None))
        after = {path: Entry(Digest(str(said[0])), bool(said[1])) for path, said in sorted(known.items())}
        changes = (Change(p, Gap.OUTDATED, now.get(p), entry, entry, "not verified yet") for p, entry in after.items())
        made = replace(made, changes=(*made.changes, *changes))
    return replace(made, current=_Told.of(made).fine)


@dataclass(frozen=True, slots=True)
class _Told:
    """What a plan says of its files: those that change with all that is done, those of which there is more to say, all."""

    changed: Mapping[str, tuple[Finding, ...]]
    doubtful: Mapping[str, tuple[Finding, ...]]
    files: int

    @classmethod
    def of(cls, made: Plan) -> _Told:
        changed: dict[str, list[Finding]] = {change.path: [] for change in made.changes if change.writes}
        doubtful: dict[str, list[Finding]] = {}
        for one in made.findings:
            if one.severity is Severity.INFO and one.path in changed:
                changed[one.path].append(one)
            elif one.severity is Severity.WARNING and one.rule in RULES:
                doubtful.setdefault(one.path, []).append(one)
        names = {step.task for step in made.steps}
        files = {name for name in names if not name.startswith(_BETWEEN) and name not in (_VERIFY, _INDEX)}
        first, second = ({path: tuple(found) for path, found in sorted(some.items())} for some in (changed, doubtful))
        return cls(first, second, len(files | changed.keys() | doubtful.keys()))

    @property
    def fine(self) -> int:
        """How many files are as they should be."""
        return self.files - len(self.changed.keys() | self.doubtful.keys())


def code_text(made: Plan, *, every: bool = False) -> None:
    """Print a plan of code: what is done to each file, what is not done and why, the verification, and the sum."""
    told = _Told.of(made)
    out(f"project  {made.project}")
    repaired = {path: found for path, found in told.changed.items() if any(one.rule == "code-repair" for one in found)}
    rewritten = {path: found for path, found in told.changed.items() if path not in repaired}
    for some, noun in ((repaired, "repaired"), (rewritten, "rewritten")):
        _list([(path, _done(found), _repairs(found), "yellow") for path, found in some.items()], noun, every=every)
    rows = [(path, _standing(found), _doubts(found, every=every), "red") for path, found in told.doubtful.items()]
    _list(rows, "to look at", every=every)
    out()
    for one in made.findings:
        if one.rule == "code-verified":
            out(f"verified: {one.message}")
    out(summary(made), bold=True)


Row = tuple[str, str, Sequence[str], str]
"""A path, what is said of it, the lines below it, a colour."""


def _list(rows: Sequence[Row], noun: str, *, every: bool) -> None:
    shown = rows if every else rows[:_MANY]
    if shown:
        out()
    for path, said, lines, colour in shown:
        out(f"{path}  {said}", colour=colour)
        for line in lines:
            out(f"  {line}")
    if len(rows) > len(shown):
        out(f"and {counted(len(rows) - len(shown), 'more file')} {noun} (`--all` lists them)")


def _done(found: Sequence[Finding]) -> str:
    repairs = sum(one.rule == "code-repair" for one in found)
    passes = Counter(one.message.partition(":")[0] for one in found if one.rule == "code-rewritten")
    parts = [counted(repairs, "repair")] if repairs else []
    return ", ".join([*parts, *(f"{name} {count}" for name, count in passes.items())]) or "changes"


def _repairs(found: Sequence[Finding]) -> list[str]:
    repairs = sorted((one for one in found if one.rule == "code-repair"), key=lambda one: one.line or 0)
    return [_at(one, one.message.removeprefix("repaired: ").partition("): ")[0].removesuffix(")") + ")") for one in repairs]


def _standing(found: Sequence[Finding]) -> str:
    rules = {one.rule for one in found}
    return ", ".join(word for rule, word in _WORDS.items() if rule in rules) or "a pass was left out"


def _doubts(found: Sequence[Finding], *, every: bool) -> list[str]:
    order = list(_WORDS)
    ranked = sorted(found, key=lambda one: order.index(one.rule) if one.rule in order else len(order))
    lines = list(dict.fromkeys(_at(one, one.message.removeprefix("the change is taken back: ")) for one in ranked))
    most = len(lines) if every else _MANY // 3
    return lines[:most] + ([f"and {len(lines) - most} more (`--all`)"] if len(lines) > most else [])


def _at(one: Finding, message: str) -> str:
    return f"{one.line or '':>5}  {message}"


def summary(made: Plan) -> str:
    """Return a plan of code in one line."""
    told = _Told.of(made)
    doubts = {word: _with(told.doubtful, rule) for rule, word in _WORDS.items()}
    parts = [f"{count:,} {word}" for word, count in {**counts(made), **doubts, "up to date": told.fine}.items() if count]
    nothing = "" if told.changed or made.errors else "nothing to do; "
    later = "; not verified yet" if _is_unverified(made) else ""
    return f"{nothing}{counted(told.files, 'file')}" + (f": {', '.join(parts)}" if parts else "") + later


def counts(made: Plan) -> dict[str, int]:
    """Return how many files a plan repairs, and how many it rewrites: one that is both counts twice."""
    changed = _Told.of(made).changed if is_code(made) else {}
    found = {"repaired": _with(changed, "code-repair"), "rewritten": _with(changed, "code-rewritten")}
    return {word: count for word, count in found.items() if count}


def _with(some: Mapping[str, Sequence[Finding]], rule: str) -> int:
    return sum(any(one.rule == rule for one in found) for found in some.values())


def advice(made: Plan) -> Iterator[str]:
    """Yield what to do next."""
    told = _Told.of(made)
    if told.changed and not made.errors and not made.conflicts:
        yield "run `bmadp diff` to see it line by line" + (
            ", then `bmadp apply`: it runs the tests in a copy first" if made.held else ", then `bmadp apply`"
        )
    unsure = [path for path, found in told.doubtful.items() if {one.rule for one in found} & _UNSURE]
    if unsure:
        more = f" and {len(unsure) - 3} more" if len(unsure) > 3 else ""
        yield f"mend by hand what is not certain: {', '.join(f'`{path}`' for path in unsure[:3])}{more}"
    if any(one.rule == "code-taken-back" for found in told.doubtful.values() for one in found):
        yield "a file that is taken back stays as it is; leave it out with `!PATH` in `paths`, or mend its test"
