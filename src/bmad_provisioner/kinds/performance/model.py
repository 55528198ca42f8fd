"""Model: the form of a Performance document, from which its JSON schema and its first findings come.

The one module that imports pydantic; only `check` and `schema` import it, when they are called.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.json_schema import GenerateJsonSchema

from bmad_provisioner import form
from bmad_provisioner.digest import Plain
from bmad_provisioner.finding import Finding
from bmad_provisioner.kind import Document, Place
from bmad_provisioner.kinds.performance import quantities
from bmad_provisioner.kinds.performance.order import SOURCES

Text = Annotated[str, Field(min_length=1, max_length=2_000)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$")]
Time = Annotated[str, Field(pattern=quantities.TIME)] | Annotated[int | float, Field(ge=0)]
Size = Annotated[str, Field(pattern=quantities.SIZE)] | Annotated[int, Field(ge=0)]
Rate = Annotated[str, Field(pattern=quantities.RATE)]
Share = Annotated[str, Field(pattern=quantities.SHARE)] | Annotated[int | float, Field(ge=0, le=1)]
Number = Annotated[float, BeforeValidator(quantities.number)]
"""A number: what has a point in it is read as text before."""
Factor = Annotated[str, Field(pattern=quantities.FACTOR)]
Texts = Annotated[list[Text], Field(max_length=1_000), BeforeValidator(form.list_if_empty)]
Words = Text | Annotated[list[Text], Field(min_length=1, max_length=100)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Ask(_Strict):
    """One request of the mix."""

    path: Text = Field(description="The path, or the whole URL.")
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = Field(default="GET", description="How it asks.")
    headers: dict[Text, Text] = Field(default={}, description="Headers that it sends.")
    body: str = Field(default="", description="What it sends.")
    weight: Annotated[Number, Field(gt=0)] = Field(default=1, description="Its part of the mix.")


class Target(_Strict):
    """What is measured: a service (`url`), a command, a Python function (`python`), or a database (`dsn_env`)."""

    url: Annotated[str, Field(pattern=r"^https?://")] | None = Field(default=None, description="Where a service answers.")
    start: Words | None = Field(default=None, description="The command that starts the service; nothing where it runs already.")
    ready: Text = Field(default="/", description="The path that answers without an error once the service is ready.")
    wait: Time = Field(default="30s", description="How long it may take to be ready.")
    pages: Texts = Field(default=[], description="Paths that are opened in a browser.")
    requests: list[Ask | Text] = Field(default=[], description="The mix of requests; left out: what is found, else `pages`.")
    command: Words | None = Field(default=None, description="A command that runs to its end.")
    python: Annotated[str, Field(pattern=r"^[\w.]+:[\w.]+$")] | None = Field(default=None, description="`package.module:function`.")
    args: dict[str, Any] = Field(default={}, description="Arguments of the function, by name.")
    dsn_env: Annotated[str, Field(pattern=r"^\w+$")] | None = Field(
        default=None, description="The NAME of the variable that holds how PostgreSQL is reached; it is only read."
    )
    inputs: Texts = Field(default=[], description="Patterns of files that it reads and that decide how long it takes.")
    env: Texts = Field(default=[], description="NAMES of environment variables that it is given besides harmless ones.")


class Goals(_Strict):
    """What has to hold; what is left out gets a budget from what was measured."""

    lcp: Time | None = Field(default=None, description="Largest Contentful Paint.")
    inp: Time | None = Field(default=None, description="Interaction to Next Paint.")
    cls: Annotated[Number, Field(ge=0)] | None = Field(default=None, description="Cumulative Layout Shift.")
    ttfb: Time | None = Field(default=None, description="Time To First Byte.")
    p50: Time | None = Field(default=None, description="Half of the answers come within it.")
    p95: Time | None = Field(default=None, description="95 % of the answers come within it.")
    p99: Time | None = Field(default=None, description="99 % of the answers come within it.")
    throughput: Rate | None = Field(default=None, description="Requests a second that it has to bear.")
    error_rate: Share | None = Field(default=None, description="The share of requests that may fail.")
    peak_memory: Size | None = Field(default=None, description="Memory of all its processes.")
    bundle: Size | None = Field(default=None, description="Bytes of scripts that a page loads, as they travel.")
    duration: Time | None = Field(default=None, description="Of a command or a function.")


class Load(_Strict):
    """The load that services are put under."""

    baseline: Annotated[str, Field(pattern=quantities.AS_LONG)] = Field(
        default="20/s for 20s", description="The usual load: `20/s for 60s`."
    )
    stress: Factor = Field(default="3x", description="How many times the usual rate it is raised to, in steps.")
    spike: Annotated[str, Field(pattern=quantities.AS_LONG)] = Field(
        default="5x for 5s", description="A sudden peak: `10x for 10s`."
    )
    soak: Time | None = Field(
        default=None, description="How long the usual rate is kept up to see what grows; left out: not at all."
    )


class Roadmap(_Strict):
    """What no machine can know of the work ahead."""

    effort: dict[Name, Annotated[Number, Field(gt=0)]] = Field(
        default={}, description="Days that a kind of remedy takes here, by the cause it is for."
    )
    quick_wins: bool = Field(default=True, description="Make those remedies that are safe and prove themselves in a trial.")
    team: Text | None = Field(default=None, description="The Team document that does what is no quick win.")


class Capacity(_Strict):
    """What is asked of the time ahead; answered from what was measured, and refused beyond twice of it."""

    rate: Rate | None = Field(default=None, description="Requests a second to be ready for; left out: twice the usual load.")
    hours: Annotated[Number, Field(gt=0)] = Field(default=24, description="Hours until a restart, for memory that grows.")
    prices: Text | None = Field(
        default=None, description="A YAML file with `vcpu_hour`, `gb_hour` and `currency`; without it no cost is told."
    )


class Performance(_Strict):
    """A Performance document."""

    kind: Literal["Performance"] = "Performance"
    name: Name = Field(description="The name under which it is planned and told; its files are in `performance/NAME/`.")
    description: Text | None = Field(default=None, description="What it is for.")
    sources: Texts = Field(
        default=list(SOURCES), description="Patterns of the files that decide how fast the targets are, and are measured in a copy."
    )
    targets: Annotated[dict[Name, Target], Field(min_length=1, max_length=50)]
    goals: Goals = Goals()
    load: Load = Load()
    roadmap: Roadmap = Roadmap()
    capacity: Capacity = Capacity()
    imports: Texts = Field(
        default=[],
        description="Results of hyperfine (`--export-json`) or pytest-benchmark (`--benchmark-json`), read beside ours.",
    )
    pipeline: Texts = Field(
        default=[], description="Files with the times of the build pipeline's steps: see the guide for their forms."
    )
    storage: Texts = Field(default=[], description="Patterns of stored files, to say which could lie on cheaper storage.")
    against: Text | None = Field(
        default=None,
        description="A git revision or a folder whose state is compared; left out: the state of the accepted baseline.",
    )
    effect: Share = Field(default="3%", description="The smallest change that is worth a word.")
    quick: bool = Field(default=False, description="Measure less and shorter: to see the way, not to decide.")


class _Untitled(GenerateJsonSchema):
    def field_title_should_be_set(self, schema: object) -> bool:
        """Leave out titles that only repeat the name of the field."""
        return False


def schema() -> Mapping[str, Plain]:
    """Return the JSON schema of a Performance document."""
    return {"$schema": GenerateJsonSchema.schema_dialect, **Performance.model_json_schema(schema_generator=_Untitled)}


def faults(document: Document) -> tuple[Finding, ...]:
    """Return every way in which a document lacks the form, one finding a place."""
    return form.faults(document, form.Form(Performance, "performance-form", _keys_at, _HINTS))


_HINTS = {
    "name": "letters, digits, `-` and `_`",
    "targets": "for example `web: {url: http://127.0.0.1:8000/, start: python -m shop}`",
}
_PARTS: Mapping[str, type[BaseModel]] = {"capacity": Capacity, "goals": Goals, "load": Load, "roadmap": Roadmap}


def _keys_at(place: Place) -> tuple[str, ...]:
    """Return the keys that may stand where an unknown one does."""
    if place[0] == "targets" and len(place) > 1:
        return tuple((Ask if "requests" in place else Target).model_fields)
    return tuple(_PARTS.get(str(place[0]) if len(place) > 1 else "", Performance).model_fields)
