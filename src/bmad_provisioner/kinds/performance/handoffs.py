"""Hand-offs: what was found to do, as one file for each skill that takes it from here without asking back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from bmad_provisioner.kinds.performance.backlog import OWNERS, title
from bmad_provisioner.kinds.performance.causes import bound
from bmad_provisioner.kinds.performance.clues import CAPACITY
from bmad_provisioner.kinds.performance.discover.facts import CACHE, DATABASE, QUEUE, SERVER, Found
from bmad_provisioner.kinds.performance.discover.gaps import Signal, gaps
from bmad_provisioner.kinds.performance.discover.markdown import code, page, section, table
from bmad_provisioner.kinds.performance.discover.serving import frameworks
from bmad_provisioner.kinds.performance.discover.telemetry import steps
from bmad_provisioner.kinds.performance.metrics import METRICS
from bmad_provisioner.kinds.performance.order import SERVICE, Target
from bmad_provisioner.kinds.performance.report.markdown import prose
from bmad_provisioner.kinds.performance.roadmap import LONG, Item
from bmad_provisioner.kinds.performance.trials import Trial

IMPLEMENT, OBSERVE, DESIGN = "bmad-development-execution", "bmad-observability-readiness", "bmad-architecture-design"
VERIFY = "bmadp validate"
"""What measures a change beside the accepted state; it fails where something got worse or a budget is broken."""


def handoffs(
    name: str, items: Sequence[Item], trials: Iterable[Trial], found: Found, team: str = "", targets: Sequence[Target] = ()
) -> dict[str, str]:
    """Return the files by name; a skill that has nothing to do gets none. Without `targets` they are those of the items."""
    by_item = {trial.item: trial for trial in trials}
    todo = [item for item in items if OWNERS.get(item.term) == IMPLEMENT]
    long = [item for item in items if item.term == LONG]
    limits = [item for item in todo if item.cause.lane == CAPACITY]
    whole = tuple(targets) or tuple(Target(one, SERVICE) for one in sorted({item.cause.target for item in items}))
    missing = gaps(found, whole)
    made = {
        IMPLEMENT: _implementing(name, todo, by_item, team) if todo else "",
        OBSERVE: _observing(name, missing) if missing else "",
        DESIGN: _designing(name, long, limits, by_item, found) if long or limits else "",
    }
    return {f"{skill}.md": text for skill, text in made.items() if text}


def _head(skill: str, name: str, inputs: Mapping[str, str], items: Iterable[str], team: str = "") -> str:
    """Return the front matter: who takes it, what it rests on, and what is done with it."""
    import yaml  # noqa: PLC0415 - needed only where hand-offs are written

    folder = f"performance/{name}"
    data = {"skill": skill, "from": f"{folder}/roadmap.md", "inputs": {key: f"{folder}/{file}" for key, file in inputs.items()}}
    more = {"items": list(items), **({"team": team} if team else {}), "status": "ready"}
    return f"---\n{yaml.safe_dump({**data, **more}, sort_keys=False, allow_unicode=True, width=120)}---\n\n"


def _implementing(name: str, items: Sequence[Item], trials: Mapping[str, Trial], team: str) -> str:
    inputs = {
        "story": "handoffs/" + IMPLEMENT + ".md", "architecture_refs": "architecture.md", "quality_plan": "test-plan.md",
        "evidence": "profile.md",
    }  # fmt: skip
    who = [f"The team {code(team)} does what is no quick win, one commit an item.", ""] if team else []
    text = page(
        f"Performance remedies of {name}",
        ("Each item is one change and one commit, in this order. What services answer stays the same: only cost changes.",),
        ("There is no design of the interface to wait for: nothing that people see is to change, unless an item says so.", ""),
        who,
        *(_item(item, trials.get(item.id)) for item in items),
        section("Done when", _done(name)),
    )
    return _head(IMPLEMENT, name, inputs, (item.id for item in items), team) + text


def _item(item: Item, trial: Trial | None) -> Iterator[str]:
    cause = item.cause
    yield from (f"## {item.id}: {prose(title(item))}", "")
    where = code(cause.where) or "no single line"
    yield f"- **Where**: {where}, when {code(cause.target)} is asked for {code(cause.request)}"
    looks = f" in {cause.looks:,} looks" if cause.looks else " (counted)"
    yield f"- **Seen**: {prose(cause.evidence) or 'see `profile.md`'}; {cause.share.value:.0%} of the cost of that request{looks}"
    if cause.remedy:
        yield f"- **Do**: {prose(cause.remedy)}"
    yield f"- **Worth**: {item.reach:.0%} of all requests go there, and one gets cheaper by {bound(cause)}"
    yield f"- **Effort**: {item.effort:g} days believed ({item.term})"
    yield f"- **Accepted when**: {_accepted(item, trial)}"
    yield from (f"- **Verify**: `{VERIFY}`, then the verdict on {item.id} in `impact.md`", "")


def _accepted(item: Item, trial: Trial | None) -> str:
    if trial is None:
        return f"it saves at least {item.cause.saving.low:.0%}, shown by interleaved pairs of runs before and after"
    metric, rule = METRICS[trial.metric], trial.rule
    way = "falls" if metric.less_is_better else "rises"
    rails = ", ".join(f"`{one}`" for one in trial.guardrails)
    few = "" if trial.feasible else "; more pairs would be needed for so small a saving, so it may stay inconclusive"
    return (
        f"`{trial.metric}` ({metric.title}) {way} by at least {trial.saving:.0%}, shown by {rule.pairs} interleaved pairs of runs, "
        f"Wilcoxon p < {rule.alpha:g} and an interval beyond {rule.effect:.0%}; {rails} get no worse{few}"
    )


def _done(name: str) -> Iterator[str]:
    yield "- [ ] The project's own tests pass, and every answer is what it was."
    yield f"- [ ] `{VERIFY}` finds nothing worse; `performance/{name}/impact.md` says `better` for each item."
    yield "- [ ] An item whose verdict is `inconclusive` is told so and not as a success; one that is `worse` is taken back."
    yield "- [ ] The accepted state is committed: what comes next is compared with it."
    yield ""


def _observing(name: str, missing: Sequence[Signal]) -> str:
    inputs = {
        "telemetry": "telemetry.md",
        "architecture": "architecture.md",
        "objectives": "requirements.md",
        "alerts": "alerts.yaml",
    }
    text = page(
        f"Telemetry gaps of {name}",
        (
            "What nobody would see in production, and the smallest step for each. The budgets are the objectives: `budgets.json`.",
            "",
        ),
        section("Gaps", table(("target", "signal", "may be there already"), (_gap(one) for one in missing))),
        section("Steps", steps(missing)),
        section("Done when", _watched(name)),
    )
    return _head(OBSERVE, name, inputs, dict.fromkeys(f"{one.target}: {one.name}" for one in missing)) + text


def _gap(one: Signal) -> tuple[str, str, str]:
    return one.target, one.name, f"{one.maybe.name} at {code(one.maybe.at)}" if one.maybe else ""


def _watched(name: str) -> Iterator[str]:
    yield "- [ ] Each signal above is a series with the target as a label and no path with a number in it (cardinality)."
    yield "- [ ] No label and no log line holds a token, a name or an address of a person."
    yield f"- [ ] `promtool check rules performance/{name}/alerts.yaml` passes, and every alert has somebody who gets it."
    yield f"- [ ] The signal is gone from the gaps of `performance/{name}/telemetry.md` after `bmadp apply`."
    yield ""


def _designing(name: str, items: Sequence[Item], limits: Sequence[Item], trials: Mapping[str, Trial], found: Found) -> str:
    inputs = {
        "prd": "requirements.md",
        "constraints": "budgets.json",
        "existing_assets": "architecture.md",
        "evidence": "baseline.md",
    }
    stands = (*frameworks(found), *found.of(SERVER, DATABASE, CACHE, QUEUE))
    rows = ((one.role, one.name, code(one.at)) for one in stands)
    text = page(
        f"Limits of the architecture of {name}",
        ("What no small change takes away, with the numbers it was seen by. Each asks for a decision with its price.", ""),
        *(_decision(item, trials.get(item.id)) for item in items),
        section("Limits that smaller items raise", table(("item", "limit", "where", "whose it is"), map(_limit, limits))),
        section("What stands", table(("part", "which", "where"), rows)),
        section("Done when", _decided(name)),
    )
    return _head(DESIGN, name, inputs, (item.id for item in items)) + text


def _decision(item: Item, trial: Trial | None) -> Iterator[str]:
    cause = item.cause
    yield from (f"## {item.id}: {prose(title(item))}", "")
    yield f"- **Limit**: {prose(cause.evidence) or 'see `profile.md`'}"
    share = f"{cause.share.value:.0%} ({cause.share.low:.0%} to {cause.share.high:.0%})"
    of = f"{code(cause.request)} of {code(cause.target)}"
    yield f"- **Numbers**: {share} of what {of} costs; {item.reach:.0%} of all requests go there"
    yield f"- **Worth**: {cause.overall.value:.1%} of what all requests cost; such a request gets cheaper by {bound(cause)}"
    if cause.busy:
        yield f"- **Load**: the servers were {cause.busy:.0%} busy when it was measured"
    if cause.where:
        yield f"- **Where**: {code(cause.where)}"
    if cause.remedy:
        yield f"- **Usual remedy**: {prose(cause.remedy)}"
    yield f"- **Effort**: {item.effort:g} days believed ({item.term})"
    yield from (f"- **Accepted when**: {_accepted(item, trial)}", "")


def _limit(item: Item) -> tuple[str, ...]:
    return item.id, item.cause.evidence, code(item.cause.where), f"{item.effort:g} days of `{IMPLEMENT}`"


def _decided(name: str) -> Iterator[str]:
    yield "- [ ] Each item has a decision with what was rejected and why, or is turned down with the number that says so."
    yield f"- [ ] What is decided is a story for `{IMPLEMENT}`, accepted by the rule above and verified by `{VERIFY}`."
    yield f"- [ ] Limits of `performance/{name}/budgets.json` that change are goals of the document, with who asked for them."
    yield ""
