"""Team: the values a Team document declares, read from data that `check` has found right, with every default resolved.

Plain dataclasses, so that a plan made from a remembered check pays nothing for pydantic (`model` has the form).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

from bmad_provisioner.digest import Plain
from bmad_provisioner.engine.profile import PROFILES
from bmad_provisioner.engine.task import Effect, Keeping, Priority, Resources
from bmad_provisioner.kinds.team import units
from bmad_provisioner.kinds.team.request import ALL
from bmad_provisioner.patterns import is_pattern

DEFAULT_PROFILE = "medium"
RESULTS, TEMPLATES = "agent_results", "code_templates"


@dataclass(frozen=True, slots=True)
class Profile:
    """How much runs at once: a size by its name, or one of the document's own: how many agents, and what each may occupy."""

    name: str
    slots: int | None = None
    each: Resources = Resources()


_MAIN = {"python": "call", "acp": "command"}
"""The option that a bare value stands for, where it is not called like its runtime."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked: the path of a file beside the document, or a text, or a tree; all empty if nothing is declared."""

    file: str = ""
    text: str = ""
    tree: Mapping[str, Plain] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.file or self.text or self.tree)


@dataclass(frozen=True, slots=True)
class Read:
    """One thing an agent reads: `selector` of the requirements where `path` is empty, else of the file (or files) there.

    What is `optional` may be missing; what is `left_out` is taken from what it else reads of them.
    """

    path: str
    selector: str = ""
    optional: bool = False
    left_out: bool = False

    def __str__(self) -> str:
        return self.selector if not self.path else f"{self.path}#{self.selector}" if self.selector else self.path


@dataclass(frozen=True, slots=True)
class Review:
    """Whose work an agent reviews, and how often it may be sent back."""

    of: str
    rounds: int = 2


@dataclass(frozen=True, slots=True)
class Expected:
    """What a turn is thought to cost, before history knows better: dollars and tokens."""

    cost: float = 0.0
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class Agent:
    """One agent.

    `resources` is 0 where the profile decides; `timeout` is in seconds, `None`: learnt from history; `keeping` is
    `None` where nothing is remembered. `options` is what its runtime is given. It `goes_on` from what it made
    the last time, or else begins with nothing.
    """

    name: str
    title: str
    runtime: str
    options: Mapping[str, Plain]
    needs: tuple[str, ...]
    reads: tuple[Read, ...]
    makes: tuple[str, ...]
    amends: tuple[str, ...] = ()
    model: str = ""
    skill: str = ""
    prompt: str = ""
    check: str = ""
    schema: Mapping[str, Plain] | None = None
    domain: str = ""
    skills: tuple[str, ...] = ()
    priority: Priority = Priority.NORMAL
    effect: Effect = Effect.PURE
    review: Review | None = None
    resources: Resources = Resources()
    timeout: float | None = None
    retries: int = 0
    keeping: Keeping | None = None
    expected: Expected = Expected()
    version: str = ""
    env: tuple[str, ...] = ()
    goes_on: bool = False


@dataclass(frozen=True, slots=True)
class Leader:
    """Who hands the request to the agents it belongs to; without `by_domain`, to all of them."""

    name: str
    by_domain: bool = True


@dataclass(frozen=True, slots=True)
class Breaker:
    """After how many failures in a row an endpoint is left alone, and for how many seconds."""

    failures: int = 5
    cool_off: float = 30.0


@dataclass(frozen=True, slots=True)
class PolicyRule:
    """What happens when something fails: tries after the first, seconds a try may take (`None`: learnt), and the ways out."""

    retries: int = 3
    exponential: bool = True
    timeout: float | None = None
    breaker: Breaker = Breaker()
    sequential: bool = True


@dataclass(frozen=True, slots=True)
class BudgetRule:
    """What a run may consume: dollars, tokens, minutes; `None`: any."""

    cost: float | None = None
    tokens: int | None = None
    minutes: float | None = None


@dataclass(frozen=True, slots=True)
class Team:
    """All that a Team document declares; agents in the order of the document."""

    name: str
    description: str
    language: str
    profile: Profile
    request: Request
    agents: Mapping[str, Agent]
    leader: Leader | None
    policy: PolicyRule
    budget: BudgetRule


def team(data: Mapping[str, Plain]) -> Team:
    """Read the team out of a document's data; raises ValueError for units that `check` would have refused."""
    profile = _profile(data.get("profile"))
    policy = _policy(_mapping(data.get("policy")))
    declared = {name: _mapping(value) for name, value in _mapping(data.get("agents")).items()}
    rules = {name: _rule(_mapping(value)) for name, value in _mapping(data.get("cache")).items()}
    agents = {name: _agent(name, item, policy) for name, item in declared.items()}
    request = _request(data.get("request"))
    return Team(
        name=_text(data, "name"),
        description=_text(data, "description"),
        language=_text(data, "language") or "en",
        profile=profile,
        request=request,
        agents={
            name: replace(
                agent, reads=_reads(declared[name], agent, agents, request), keeping=_keeping(declared[name], agent, rules)
            )
            for name, agent in agents.items()
        },
        leader=_leader(data.get("leader")),
        policy=policy,
        budget=_budget(_mapping(data.get("budget"))),
    )


def read(text: str) -> Read:
    """Return what an entry of `reads` means: `requirements`, `requirements.ui`, `docs/prd.md`, `docs/prd.md#screens`.

    `requirements.ui?` is read if it is asked for, `docs/prd.md?` if it is there (in a pattern, `?` is any one character),
    and `!requirements.notes` is not read.
    """
    asked = text.removeprefix("!").removesuffix("?")
    if asked == ALL or asked.startswith(f"{ALL}."):
        return Read("", asked, optional=text != asked, left_out=text.startswith("!"))
    sure = text.removesuffix("?")
    optional = sure != text and not is_pattern(sure)
    path, _, selector = (sure if optional else text).partition("#")
    return Read(path, selector, optional)


def runtime_options(value: Plain) -> tuple[str, Mapping[str, Plain]]:
    """Return name and options of a `runtime:`; `{command: [...]}` is short for `{command: {command: [...]}}`, and
    `{python: "module:function"}` for `{python: {call: "module:function"}}`.
    """
    if not isinstance(value, Mapping):
        return str(value or ""), {}
    name, options = next(iter(value.items()), ("", {}))
    if options is None:
        return name, {}
    return name, options if isinstance(options, Mapping) else {_MAIN.get(name, name): options}


def _agent(name: str, item: Mapping[str, Plain], policy: PolicyRule) -> Agent:
    runtime, options = runtime_options(item.get("runtime"))
    effect = Effect(_text(item, "effect") or "pure")
    review, expected = _mapping(item.get("review")), _mapping(item.get("expected"))
    schema = item.get("schema")
    return Agent(
        name=name,
        title=_text(item, "title") or name.replace("-", " ").capitalize(),
        runtime=runtime,
        options=options,
        needs=tuple(dict.fromkeys(_texts(item.get("needs")))),
        reads=(),
        makes=tuple(dict.fromkeys(_texts(item.get("makes")))),
        amends=tuple(dict.fromkeys(_texts(item.get("amends")))),
        model=_text(item, "model"),
        skill=_text(item, "skill"),
        prompt=_text(item, "prompt"),
        check=_text(item, "check"),
        schema=schema if isinstance(schema, Mapping) else None,
        domain=_text(item, "domain"),
        skills=_texts(item.get("skills")),
        priority=Priority[(_text(item, "priority") or "normal").upper()],
        effect=effect,
        review=Review(_text(review, "of"), cast("int", review.get("rounds", 2))) if review else None,
        resources=_resources(item),
        timeout=_timeout(item["timeout"]) if "timeout" in item else policy.timeout,
        retries=0 if effect is Effect.ONCE else cast("int", item.get("retries", policy.retries)),
        expected=Expected(_number(expected.get("cost")) or 0.0, _count(expected.get("tokens")) or 0),
        version=_text(item, "version"),
        env=_texts(item.get("env")),
        goes_on=_text(item, "start") == "last",
    )


def _reads(item: Mapping[str, Plain], agent: Agent, agents: Mapping[str, Agent], request: Request) -> tuple[Read, ...]:
    """Return what is declared, or all that the agents it needs make, or the whole request if it needs none; and what it amends."""
    amended = map(Read, agent.amends)
    if item.get("reads") is not None:
        return tuple(dict.fromkeys((*map(read, _texts(item["reads"])), *amended)))
    if not agent.needs:
        return (*((Read("", ALL),) if request else ()), *amended)
    made = [Read(path) for need in agent.needs if need in agents for path in agents[need].makes]
    return tuple(dict.fromkeys((*made, *amended)))


def _keeping(item: Mapping[str, Plain], agent: Agent, rules: Mapping[str, Keeping]) -> Keeping | None:
    """Return how an agent's results are remembered: by its own rule, one it names, that of its sort, or `default`."""
    own = item.get("cache")
    if own == "never":
        return None
    sort = str(own) if own and not isinstance(own, Mapping) else TEMPLATES if agent.runtime == "template" else RESULTS
    rule = _rule(own) if isinstance(own, Mapping) else rules.get(sort) or rules.get("default") or Keeping()
    return replace(rule, tags=_texts(item.get("tags")))


def _rule(item: Mapping[str, Plain]) -> Keeping:
    ttl = item.get("ttl")
    return Keeping(
        ttl=None if ttl is None else units.duration(cast("units.Written", ttl)),
        level=_text(item, "level") or Keeping().level,
        compress=item.get("compress") is True,
    )


def _profile(value: Plain) -> Profile:
    if not isinstance(value, Mapping):
        return Profile(str(value or DEFAULT_PROFILE))
    usual = PROFILES[DEFAULT_PROFILE]
    each = _resources(value)
    slots = cast("int", value.get("agents", usual.slots))
    return Profile("own", slots, Resources(each.memory or usual.memory, each.cpu or usual.cpu))


def _resources(item: Mapping[str, Plain]) -> Resources:
    """Return the memory and processors declared; 0 for what is not."""
    memory = units.size(cast("units.Written", item["memory"])) if "memory" in item else 0
    return Resources(memory, units.number(cast("units.Written", item["cpu"])) if "cpu" in item else 0.0)


def _request(value: Plain) -> Request:
    if not isinstance(value, Mapping):
        return Request(text=str(value or ""))
    file = value.get("file")
    return Request(file=file) if len(value) == 1 and isinstance(file, str) else Request(tree=value)


def _leader(value: Plain) -> Leader | None:
    if value is None:
        return None
    item = _mapping(value)
    return Leader(_text(item, "name"), _text(item, "routes") != "all")


def _policy(item: Mapping[str, Plain]) -> PolicyRule:
    usual, breaker = PolicyRule(), _mapping(item.get("breaker"))
    cool_off = breaker.get("cool_off")
    return PolicyRule(
        retries=cast("int", item.get("retries", usual.retries)),
        exponential=_text(item, "backoff") != "none",
        timeout=_timeout(item.get("timeout")),
        breaker=Breaker(
            cast("int", breaker.get("failures", usual.breaker.failures)),
            usual.breaker.cool_off if cool_off is None else units.duration(cast("units.Written", cool_off)),
        ),
        sequential=_text(item, "fallback") != "none",
    )


def _budget(item: Mapping[str, Plain]) -> BudgetRule:
    return BudgetRule(_number(item.get("cost")), _count(item.get("tokens")), _number(item.get("minutes")))


def _timeout(value: Plain) -> float | None:
    return None if value is None or value == "adaptive" else units.duration(cast("units.Written", value))


def _number(value: Plain) -> float | None:
    return None if value is None else units.number(cast("units.Written", value))


def _count(value: Plain) -> int | None:
    return None if value is None else units.count(cast("units.Written", value))


def _mapping(value: Plain) -> Mapping[str, Plain]:
    """Return what is said in a mapping: a key without a value says nothing."""
    return {key: each for key, each in value.items() if each is not None} if isinstance(value, Mapping) else {}


def _texts(value: Plain) -> tuple[str, ...]:
    return tuple(str(item) for item in cast("Sequence[Plain]", value)) if isinstance(value, list | tuple) else ()


def _text(item: Mapping[str, Plain], key: str) -> str:
    value = item.get(key)
    return "" if value is None else str(value)
