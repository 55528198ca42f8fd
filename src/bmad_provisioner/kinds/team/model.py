"""Model: the form of a Team document, from which its JSON schema and its first findings come.

The one module that imports pydantic; only `check` and `schema` import it, when they are called.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, PlainValidator, Tag
from pydantic import WithJsonSchema as Shown
from pydantic.json_schema import GenerateJsonSchema

from bmad_provisioner import form
from bmad_provisioner.digest import Plain
from bmad_provisioner.finding import Finding
from bmad_provisioner.kind import Document, Place
from bmad_provisioner.kinds.team import units

MOST_AGENTS = 1_000
MOST_ENTRIES = 200


def _measured(read: Callable[[units.Written], float], *, least: float = 0, most: float = 1e15) -> Callable[[object], object]:
    """Return a validator of what is written in a unit; the value stays as written."""

    def valid(written: object) -> object:
        if not isinstance(written, str | int | float):
            raise ValueError(f"must be text or a number, not {form.shown(written)}")
        if not least <= read(written) <= most:
            raise ValueError(f"must be from {least:g} to {most:g}, not `{written}`")
        return written

    return valid


_WRITTEN: Any = {"type": ["string", "number"]}
Text = Annotated[str, Field(min_length=1, max_length=20_000)]
Prompt = Annotated[str, Field(min_length=1, max_length=200_000)]
Texts = Annotated[list[Text], Field(max_length=MOST_ENTRIES), BeforeValidator(form.list_if_empty)]
_Below = BeforeValidator(form.mapping_if_empty)
Duration = Annotated[
    Any, PlainValidator(_measured(units.duration, least=0.001)), Shown({**_WRITTEN, "examples": ["30s", "15m", "24h"]})
]
Size = Annotated[Any, PlainValidator(_measured(units.size, least=1024 * 1024)), Shown({**_WRITTEN, "examples": ["512MB", "1GB"]})]
Count = Annotated[Any, PlainValidator(_measured(units.count)), Shown({**_WRITTEN, "examples": ["500k", "2M"]})]
Number = Annotated[Any, PlainValidator(_measured(units.number)), Shown(_WRITTEN)]
Processors = Annotated[Any, PlainValidator(_measured(units.number, least=0.01, most=1024)), Shown(_WRITTEN)]
Level = Literal["memory", "disk", "shared"]
ProfileName = Literal["small", "medium", "large", "enterprise", "auto"]
RuleName = Literal["agent_results", "code_templates", "shared_artifacts", "default", "never"]
Tries = Annotated[int, Field(ge=0, le=20)]


def _form(value: object) -> str:
    return "mapping" if isinstance(value, Mapping | BaseModel) else "text"


def _request_form(value: object) -> str:
    if not isinstance(value, Mapping | BaseModel):
        return "text"
    return "file" if isinstance(value, Mapping) and tuple(value) == ("file",) and not isinstance(value["file"], Mapping) else "tree"


def _timeout(value: object) -> object:
    return value if value == "adaptive" else _measured(units.duration, least=0.001)(value)


def _version(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise ValueError(f"must be a version such as `1.2.0`, not {form.shown(value)}")
    return value


Timeout = Annotated[Any, PlainValidator(_timeout), Shown({**_WRITTEN, "examples": ["adaptive", "90s"]})]
Version = Annotated[Any, PlainValidator(_version), Shown({"type": ["string", "integer"]})]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class OwnProfile(_Strict):
    """A profile of one's own; what is left out is as in `medium`."""

    agents: Annotated[int, Field(ge=1, le=1024)] = Field(default=5, description="How many agents run at once.")
    memory: Size = Field(default="1GB", description="What one agent may hold.")
    cpu: Processors = Field(default="1", description="Processors for one agent; fractions are allowed.")


class RequestFile(_Strict):
    """A Markdown or YAML file that says what is asked."""

    file: Text = Field(description="Its path, beside the document.")


class CacheRule(_Strict):
    """How long and how far results are remembered."""

    level: Level = Field(default="disk", description="The outermost level they go to.")
    ttl: Duration | None = Field(default=None, description="How long; left out: for good.")
    compress: bool = Field(default=False, description="Whether they are kept compressed.")


class Cache(_Strict):
    """Rules by the sort of result. An agent falls under `code_templates` if its runtime is `template`, else `agent_results`."""

    agent_results: CacheRule | None = None
    code_templates: CacheRule | None = None
    shared_artifacts: CacheRule | None = Field(default=None, description="For agents that ask for it: `cache: shared_artifacts`.")
    default: CacheRule | None = Field(default=None, description="Where no other rule is given.")


class Review(_Strict):
    """Whose work is reviewed, and sent back until it is accepted."""

    of: Text = Field(description="An agent that this one needs.")
    rounds: Annotated[int, Field(ge=1, le=5)] = Field(
        default=2, description="At most so many rounds; of several reviewers the most."
    )


class Expected(_Strict):
    """What a turn is thought to take; what it took lately counts if that is more."""

    cost: Number = Field(default=0, description="US dollars.")
    tokens: Count = Field(default=0, description="Tokens read and written.")


class Agent(_Strict):
    """One agent of the team."""

    runtime: Annotated[Annotated[Text, Tag("text")] | Annotated[dict[str, Any], Field(min_length=1, max_length=1), Tag("mapping")],
                       Discriminator(_form)] = Field(
        description="What answers for it: a name such as `claude`, or one name with its options: `{command: [codex, exec, -]}`."
    )  # fmt: skip
    title: Text | None = Field(default=None, description="Its title, for people.")
    model: Text | None = Field(default=None, description="The model its runtime is to ask.")
    skill: Text | None = Field(default=None, description="The skill that tells it its role.")
    prompt: Prompt | None = Field(default=None, description="What it is asked.")
    needs: Texts = Field(default=[], description="The agents that must be done first.")
    reads: Texts | None = Field(
        default=None,
        description="What it sees: `requirements`, `requirements.ui`, `requirements.REQ-7`, `!requirements.notes`, `docs/prd.md`, "
        "`docs/prd.md#screens`, `src/**/*.py`; a `?` at the end: if it is there. Left out: what the agents it needs make, or all "
        "requirements if it needs none.",
    )
    makes: Texts = Field(default=[], description="The files it has to make: paths, or patterns such as `web/**/*.js`.")
    amends: Texts = Field(
        default=[],
        description="Files of the project that it may change where they stand, and sees: paths, or patterns such as `src/**/*.py`. "
        "They stay yours. Who needs another that amends the same goes on from what that one left.",
    )
    check: Text | None = Field(default=None, description="A shell command that must succeed for its work to count.")
    schema_: dict[str, Any] | None = Field(
        default=None, alias="schema", description="A JSON schema that the data of its answer must meet."
    )
    domain: str | None = Field(default=None, description="What it knows; the leader routes by it.")
    skills: Texts = Field(default=[], description="What it can do; the leader routes by these words.")
    priority: Literal["critical", "high", "normal", "low"] = Field(
        default="normal", description="Which of two that could run goes first."
    )
    effect: Literal["pure", "idempotent", "once"] = Field(
        default="pure",
        description="What doing it twice would do to the world; an agent of effect `once` is never tried again by itself.",
    )
    review: Review | None = None
    memory: Size | None = Field(default=None, description="What it may hold; left out: as the profile says.")
    cpu: Processors | None = Field(default=None, description="Processors; left out: as the profile says.")
    timeout: Timeout | None = Field(default=None, description="How long one try may take; `adaptive`: learnt from earlier runs.")
    retries: Tries | None = Field(default=None, description="Tries after the first.")
    cache: Annotated[Annotated[RuleName, Tag("text")] | Annotated[CacheRule, Tag("mapping")],
                     Discriminator(_form)] | None = Field(
        default=None, description="The name of a rule, a rule of its own, or `never`."
    )  # fmt: skip
    expected: Expected | None = None
    version: Version | None = Field(default=None, description="Raise it when the agent should do its work anew.")
    tags: Texts = Field(default=[], description="Words to find its results in the cache by.")
    env: Texts = Field(default=[], description="Names of environment variables it may see.")
    start: Literal["nothing", "last"] = Field(
        default="nothing", description="Begin with nothing, or with what it made the last time, to be brought up to date."
    )


class Leader(_Strict):
    """Who hands the request to the agents it belongs to."""

    name: Text = Field(description="Its name.")
    routes: Literal["by-domain", "all"] = Field(default="by-domain", description="To those whose domain and skills fit, or to all.")


class Breaker(_Strict):
    """When an endpoint is left alone."""

    failures: Annotated[int, Field(ge=1, le=1000)] = Field(default=5, description="After so many failures in a row.")
    cool_off: Duration = Field(default="30s", description="For so long.")


class Policy(_Strict):
    """What happens when something fails."""

    retries: Tries = Field(default=3, description="Tries after the first, where a try may help.")
    backoff: Literal["exponential", "none"] = Field(default="exponential", description="Whether tries wait longer and longer.")
    timeout: Timeout = Field(default="adaptive", description="How long one try may take; `adaptive`: learnt from earlier runs.")
    breaker: Breaker | None = None
    fallback: Literal["sequential", "none"] = Field(
        default="sequential", description="Whether agents run one after the other if they cannot run side by side."
    )


class Budget(_Strict):
    """What a run may consume; it stops before it is exceeded."""

    cost: Number | None = Field(default=None, description="US dollars.")
    tokens: Count | None = Field(default=None, description="Tokens read and written, such as `2M`.")
    minutes: Number | None = Field(default=None, description="Minutes from start to end.")


class Team(_Strict):
    """A Team document."""

    kind: Literal["Team"] = "Team"
    name: Text = Field(description="The name under which its files are recorded.")
    description: Text | None = Field(default=None, description="What the team is for.")
    language: Literal["en", "fr"] = Field(default="en", description="The language of what it writes.")
    profile: Annotated[Annotated[ProfileName, Tag("text")] | Annotated[OwnProfile, Tag("mapping")],
                       Discriminator(_form)] = Field(
        default="medium", description="How many agents run at once and what each may occupy; `auto`: as the machine allows."
    )  # fmt: skip
    request: Annotated[Annotated[Prompt, Tag("text")] | Annotated[RequestFile, Tag("file")]
                       | Annotated[dict[str, Any], Tag("tree")],
                       Discriminator(_request_form)] | None = Field(
        default=None, description="What is asked: `{file: request.md}`, a text, or a tree such as `{ui: {theme: dark}}`."
    )  # fmt: skip
    agents: Annotated[dict[str, Agent], Field(min_length=1, max_length=MOST_AGENTS)] = Field(description="The agents, by name.")
    leader: Leader | None = None
    cache: Annotated[Cache, _Below] = Field(default=Cache(), description="How results are remembered.")
    policy: Annotated[Policy, _Below] = Field(default=Policy(), description="What happens on failure.")
    budget: Annotated[Budget, _Below] = Field(default=Budget(), description="What a run may consume.")


class _Untitled(GenerateJsonSchema):
    def field_title_should_be_set(self, schema: Any) -> bool:
        """Leave out titles that only repeat the name of the field."""
        return False


def schema() -> Mapping[str, Plain]:
    """Return the JSON schema of a Team document."""
    return {"$schema": GenerateJsonSchema.schema_dialect, **Team.model_json_schema(schema_generator=_Untitled)}


def faults(document: Document) -> tuple[Finding, ...]:
    """Return every way in which a document lacks the form, one finding a place."""
    return form.faults(document, form.Form(Team, "team-form", _keys_at, _HINTS))


_HINTS = {
    "name": "give it a name",
    "agents": "agents by name, for example `{writer: {runtime: claude, prompt: ...}}`",
    "runtime": "a name such as `claude`, or one name with its options: `{command: [codex, exec, -]}`",
    "of": "an agent that this one needs",
    "file": "a path beside the document, for example request.md",
}

_BELOW: Mapping[tuple[type[BaseModel], str], type[BaseModel]] = {
    (Team, "profile"): OwnProfile, (Team, "request"): RequestFile, (Team, "leader"): Leader, (Team, "cache"): Cache,
    (Team, "policy"): Policy, (Policy, "breaker"): Breaker, (Team, "budget"): Budget,
    (Agent, "review"): Review, (Agent, "expected"): Expected, (Agent, "cache"): CacheRule,
    **{(Cache, name): CacheRule for name in Cache.model_fields},
}  # fmt: skip


def _keys_at(place: Place) -> tuple[str, ...]:
    """Return the keys that may stand where an unknown one does."""
    home: type[BaseModel] = Agent if place[0] == "agents" else Team
    for part in place[2:-1] if home is Agent else place[:-1]:
        home = _BELOW.get((home, str(part)), home)
    return tuple(field.alias or name for name, field in home.model_fields.items())
