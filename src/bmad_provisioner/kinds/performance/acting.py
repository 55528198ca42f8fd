"""Acting: remedies that are made at once, the trials that prove or refute them, and the trial against an earlier state."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, log2
from pathlib import Path
from typing import Any, cast

from bmad_provisioner.digest import Entry, Plain, fingerprint
from bmad_provisioner.engine.task import Inputs, Output
from bmad_provisioner.finding import Finding, Severity
from bmad_provisioner.kinds.performance import scratch, trying
from bmad_provisioner.kinds.performance.asked import DISCOVER, asking
from bmad_provisioner.kinds.performance.clues import CAPACITY, START
from bmad_provisioner.kinds.performance.gathering import NOISE, fact
from bmad_provisioner.kinds.performance.judging import impact_cases, told_cases
from bmad_provisioner.kinds.performance.measured import Effect, Impact, Noise
from bmad_provisioner.kinds.performance.order import DATABASE, SERVICE, Ask, Order, Target, order
from bmad_provisioner.kinds.performance.packing import packed, unpacked
from bmad_provisioner.kinds.performance.quantities import told_share
from bmad_provisioner.kinds.performance.roadmap import Item
from bmad_provisioner.kinds.performance.rules import REGRESSION, WIN
from bmad_provisioner.kinds.performance.stats import FEWEST, Rule, Verdict, pairs_needed
from bmad_provisioner.kinds.performance.trials import Trial, metric
from bmad_provisioner.kinds.performance.trying import Aims, Key, Pairs
from bmad_provisioner.kinds.performance.wins import Win
from bmad_provisioner.kinds.performance.wins import wins as found_wins

USUAL_PAIRS, MOST_PAIRS = 10, 20
_MADE = "made"


@dataclass(frozen=True, slots=True)
class Planned:
    """What the roadmap holds, and how each remedy is judged."""

    items: tuple[Item, ...]
    trials: tuple[Trial, ...]


def standing(inputs: Inputs) -> Output:
    """Hand on the files of a folder, by the paths that they would have in the project."""
    folder = f"{inputs.args['folder']}/"
    files = {path.removeprefix(folder): entry for path, entry in inputs.files.items() if entry is not None and entry.is_plain}
    return Output(hands={path: inputs.keep(inputs.read(folder + path), entry.executable) for path, entry in files.items()})


def wins(inputs: Inputs) -> Output:
    """Return the remedies that are safe to make, as files that are handed on, and what they are."""
    said = fact(inputs, "plan", "plan")
    if said is None:
        return Output(facts={_MADE: []})
    made = _made(inputs, unpacked(Planned, said).items)
    hands = {win.path: inputs.keep(win.data, _is_executable(inputs, win.path)) for win in made}
    return Output(facts={_MADE: [[win.item, win.path, win.told] for win in made]}, hands=hands)


def _made(inputs: Inputs, items: Sequence[Item]) -> tuple[Win, ...]:
    paths = [path for path, entry in inputs.files.items() if entry is not None and entry.is_plain]
    return found_wins(items, paths, inputs.read)


def _is_executable(inputs: Inputs, path: str) -> bool:
    entry = inputs.files.get(path)
    return entry is not None and entry.executable


def trial(inputs: Inputs) -> Output:
    """Compare two states of the project in pairs; the fact `impact` is what they prove. What proves itself is made."""
    told = inputs.args.get("before")
    one = _Trial.of(inputs)
    if told is None:
        return _of_wins(one, inputs.needs["quick wins"])
    return _against(one, str(told), inputs.needs["state before"].hands)


def _of_wins(one: _Trial, needed: Output) -> Output:
    """Try what was made: a remedy stays that does what it was made for, where nothing gets worse and every answer is the same."""
    rows = [[str(cell) for cell in cast("Sequence[Any]", row)] for row in cast("Sequence[Any]", needed.facts.get(_MADE) or ())]
    said = fact(one.inputs, "plan", "plan")
    if not rows or said is None:
        return Output(facts={"impact": None})
    plan = unpacked(Planned, said)
    chosen = [item for item in plan.items if item.id in {row[0] for row in rows}]
    stands = scratch.standing(one.inputs)
    states, primary = (stands, {**stands, **needed.hands}), _primary(chosen)
    rule = one.rule(chosen, _pairs(plan.trials, {item.id for item in chosen}))
    sealed = one.sealed(rule, primary, states)
    pairs = one.pairs(states, chosen, rule)
    effects = _foretold(trying.effects(pairs, rule, primary), chosen)
    against = _harm(effects, pairs, rule)
    kept = {item.id for item in chosen if not against and _verdict(effects, item) is Verdict.IMPROVEMENT}
    files = {
        win.path: one.inputs.keep(win.data, _is_executable(one.inputs, win.path))
        for win in _made(one.inputs, [i for i in chosen if i.id in kept])
    }
    remedies = tuple((row[0], row[2], row[0] in kept) for row in rows)
    impact = Impact("the project as it stands", "with its quick wins", *sealed, pairs.count, effects, remedies, against)
    return Output(files, tuple(_told_wins(rows, kept, effects, against)), {"impact": packed(impact)})


def _against(one: _Trial, told: str, hands: Mapping[str, Entry]) -> Output:
    stands = scratch.standing(one.inputs)
    plain = {path: entry for path, entry in stands.items() if entry.is_plain}
    if plain == dict(hands):
        return Output(facts={"impact": None})
    primary = frozenset((target.name, metric) for target in one.targets for metric in ("p50", "cpu", "duration"))
    states, rule = (dict(hands), stands), one.rule((), one.planned())
    sealed = one.sealed(rule, primary, states)
    pairs = one.pairs(states, (), rule)
    effects = trying.effects(pairs, rule, primary)
    impact = Impact(told, "the project as it stands", *sealed, pairs.count, effects)
    findings = tuple(_regressions(one.asked, told, effects, pairs, rule))
    return Output(findings=findings, facts={"impact": packed(impact), "cases": told_cases(impact_cases(impact))})


@dataclass(frozen=True, slots=True)
class _Trial:
    """What a trial goes by."""

    inputs: Inputs
    asked: Order
    targets: tuple[Target, ...]
    mixes: Mapping[str, tuple[Ask, ...]]
    noise: Noise | None

    @classmethod
    def of(cls, inputs: Inputs) -> _Trial:
        asked = order(cast("Any", inputs.args["document"]))
        rows = cast("Mapping[str, Any]", fact(inputs, DISCOVER, "mixes") or {})
        noise = fact(inputs, NOISE, NOISE)
        mixes = {name: tuple(map(asking, some)) for name, some in rows.items()}
        targets = tuple(one for one in asked.targets if one.sort != DATABASE)
        return cls(inputs, asked, targets, mixes, unpacked(Noise, noise) if noise is not None else None)

    def planned(self) -> int:
        """Return how many pairs show a change worth a word here, within reason."""
        if self.asked.quick or self.noise is None:
            return FEWEST
        return min(max(pairs_needed(self.noise.ratios["cpu"], self.asked.effect), USUAL_PAIRS), MOST_PAIRS)

    def rule(self, items: Sequence[Item], count: int) -> Rule:
        """Return how it will be judged, by so many pairs or as many as it takes to decide anything."""
        return Rule(max(count, _decidable(len(items) + 2)), effect=self.asked.effect)

    def pairs(self, states: tuple[Mapping[str, Entry], Mapping[str, Entry]], items: Sequence[Item], rule: Rule) -> Pairs:
        """Measure all targets that are concerned, in two states."""
        concerned = {item.cause.target for item in items}
        found = Pairs()
        with scratch.laid(self.inputs, states[0]) as one, scratch.laid(self.inputs, states[1]) as other:
            for target in self.targets:
                if not items or target.name in concerned:
                    self._measure(target, one, other, items, rule, found)
        return found

    def _measure(self, target: Target, one: Path, other: Path, items: Sequence[Item], rule: Rule, found: Pairs) -> None:
        asks, aims = self._asks(target), self._aims(target, items)
        repeats = trying.calibrated(target, one, self.inputs.turn)
        trying.paired(
            lambda folder: trying.process(target, folder, self.inputs.turn, asks, aims, repeats),
            (one, other),
            rule.pairs,
            rule.seed,
            found,
        )

    def _aims(self, target: Target, items: Sequence[Item]) -> Aims:
        own = [item.cause for item in items if item.cause.target == target.name]
        crowds, firsts = (frozenset(_request(one.request) for one in own if one.lane == lane) for lane in (CAPACITY, START))
        return Aims(crowds, firsts, trying.QUICK if self.asked.quick else trying.USUAL)

    def _asks(self, target: Target) -> tuple[Ask, ...]:
        """Return what is asked: the mix, but only what may be asked again and again."""
        return tuple(ask for ask in self.mixes.get(target.name, ()) if ask.method == "GET") if target.sort == SERVICE else ()

    def sealed(self, rule: Rule, primary: Collection[Key], states: Sequence[Mapping[str, Entry]]) -> tuple[str, str]:
        """Return the rule in words, and the digest of all that is settled before anything is measured: it, what is judged by it,
        and both states."""
        text = (
            f"{rule.pairs} interleaved pairs, order drawn with seed {rule.seed}; Wilcoxon's signed-rank test on log ratios, "
            f"p < {rule.alpha:g} after Holm's correction, and at least {told_share(rule.effect)}"
        )
        files: list[Plain] = [[[path, entry.digest] for path, entry in sorted(state.items())] for state in states]
        judged: list[Plain] = [list(key) for key in sorted(primary)]
        return text, fingerprint([text, judged, files])[:16]


def _decidable(tests: int) -> int:
    """Return the fewest pairs by which so many tests at once can find anything: the smallest p of n pairs is 2 / 2^n."""
    return max(FEWEST, ceil(log2(2 * tests / 0.05)))


def _pairs(trials: Sequence[Trial], items: frozenset[str] | set[str]) -> int:
    return min(max((one.rule.pairs for one in trials if one.item in items), default=FEWEST), MOST_PAIRS)


def _request(said: str) -> str:
    """Return the request of a cause: the first, where it stands for several."""
    return said.partition(" and ")[0]


def _key(item: Item) -> Key:
    """Return what a remedy is judged by: the request that it is for, and the metric of its kind."""
    what = metric(item.cause)
    whole = what in ("peak_memory", "cpu")
    return (item.cause.target if whole else f"{item.cause.target} {_request(item.cause.request)}", what)


def _primary(items: Sequence[Item]) -> frozenset[Key]:
    targets = {item.cause.target for item in items}
    return frozenset((*map(_key, items), *((target, "p50") for target in targets), *((target, "cpu") for target in targets)))


def _foretold(effects: Sequence[Effect], items: Sequence[Item]) -> tuple[Effect, ...]:
    by_key = {_key(item): item for item in items}
    return tuple(
        replace(one, item=item.id, predicted=(item.cause.saving.low, item.cause.share.high))
        if (item := by_key.get((one.target, one.metric))) is not None
        else one
        for one in effects
    )


def _verdict(effects: Sequence[Effect], item: Item) -> Verdict | None:
    key = _key(item)
    return next((one.comparison.verdict for one in effects if (one.target, one.metric) == key), None)


def _harm(effects: Sequence[Effect], pairs: Pairs, rule: Rule) -> str:
    """Return what speaks against all that was tried together; empty where nothing does."""
    if pairs.others:
        return f"`{min(pairs.others)}` is answered otherwise"
    if trying.fails_more(pairs, rule.alpha):
        return f"{pairs.failed[1]} of {pairs.asked[1]} requests fail, {pairs.failed[0]} of {pairs.asked[0]} before"
    worse = [one for one in effects if one.comparison.verdict is Verdict.REGRESSION]
    return f"{worse[0].metric} of {worse[0].target} gets worse by {told_share(worse[0].comparison.ratio - 1)}" if worse else ""


def _told_wins(rows: Sequence[Sequence[str]], kept: set[str], effects: Sequence[Effect], against: str) -> Iterator[Finding]:
    for item, path, told in rows:
        one = next((one for one in effects if one.item == item), None)
        if item in kept and one is not None:
            yield Finding(
                path, WIN, f"{told}: {one.metric} of {one.target} falls by {told_share(1 - one.comparison.ratio)}", Severity.INFO
            )
        else:
            reason = against or "it did not prove that it helps"
            yield Finding(path, WIN, f"{told}: taken back, {reason}", Severity.INFO)


def _regressions(asked: Order, told: str, effects: Sequence[Effect], pairs: Pairs, rule: Rule) -> Iterator[Finding]:
    where = f"{asked.folder}/impact.md"
    for one in effects:
        if one.comparison.verdict is Verdict.REGRESSION:
            worse = abs(one.comparison.ratio - 1)
            between = f"{told_share(one.comparison.low - 1)} to {told_share(one.comparison.high - 1)}"
            message = f"{one.metric} of {one.target} is worse by {told_share(worse)} ({between}) than in {told}"
            yield Finding(
                where,
                REGRESSION,
                message,
                Severity.WARNING,
                hint="see what changed; or accept it: apply and commit the new baseline",
            )
    if trying.fails_more(pairs, rule.alpha):
        message = f"{pairs.failed[1]} of {pairs.asked[1]} fail, {pairs.failed[0]} of {pairs.asked[0]} in {told}"
        yield Finding(where, REGRESSION, message, Severity.WARNING, hint="see what changed")
