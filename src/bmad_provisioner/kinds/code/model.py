"""Model: the form of a Code document, from which its JSON schema and its first findings come.

The one module that imports pydantic; only `check` and `schema` import it, when they are called.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.json_schema import GenerateJsonSchema

from bmad_provisioner import form
from bmad_provisioner.digest import Plain
from bmad_provisioner.finding import Finding
from bmad_provisioner.kind import Document, Place
from bmad_provisioner.kinds.code.order import SURE

Text = Annotated[str, Field(min_length=1, max_length=2_000)]
Group = Literal["encoding", "indentation", "syntax", "imports", "awaits", "signatures"]
GROUPS: tuple[Group, ...] = ("encoding", "indentation", "syntax", "imports", "awaits", "signatures")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Verify(_Strict):
    """How it is proven that the files still do what they did."""

    command: Annotated[list[Text], Field(min_length=1, max_length=100)] = Field(
        description="A command with its arguments, run in a copy of the project: it ends with 0 where all is well."
    )
    scope: Literal["affected", "all"] = Field(
        default="affected", description="`affected`: where the command is pytest, only the tests that reach a changed file."
    )
    rounds: Annotated[int, Field(ge=1, le=20)] = Field(
        default=3, description="How often what broke a test may be taken back and the rest be tried again."
    )
    timeout: Annotated[int | float, Field(gt=0, le=86_400)] = Field(default=600, description="Seconds that one run may take.")
    env: Annotated[list[Text], Field(max_length=100), BeforeValidator(form.list_if_empty)] = Field(
        default=[], description="NAMES of environment variables that the command is given besides harmless ones."
    )


class Code(_Strict):
    """A Code document."""

    kind: Literal["Code"] = "Code"
    name: Text = Field(description="The name under which it is planned and told.")
    description: Text | None = Field(default=None, description="What it is for.")
    paths: Annotated[list[Text], Field(min_length=1, max_length=1_000)] = Field(
        description="Patterns of files in the project (`*`, `**`, `?`); after a `!`: not those."
    )
    python: Annotated[str, Field(pattern=r"^3\.([89]|1[0-9])$")] = Field(
        default="3.11", description='The oldest version that has to run the files, such as `"3.11"`.'
    )
    repair: Annotated[list[Group], BeforeValidator(form.list_if_empty)] = Field(
        default=list(GROUPS), description="What may be repaired; all of it where this is left out, nothing where it is empty."
    )
    sure: Annotated[float, Field(ge=0, le=1)] = Field(
        default=SURE, description="How certain a repair has to be; what is less is only proposed."
    )
    passes: Annotated[list[Text], Field(max_length=100), BeforeValidator(form.list_if_empty)] = Field(
        default=[], description="The rewrites, in their order: names of installed ones, or `package.module:name`."
    )
    verify: Verify | None = None


class _Untitled(GenerateJsonSchema):
    def field_title_should_be_set(self, schema: object) -> bool:
        """Leave out titles that only repeat the name of the field."""
        return False


def schema() -> Mapping[str, Plain]:
    """Return the JSON schema of a Code document."""
    return {"$schema": GenerateJsonSchema.schema_dialect, **Code.model_json_schema(schema_generator=_Untitled)}


def faults(document: Document) -> tuple[Finding, ...]:
    """Return every way in which a document lacks the form, one finding a place."""
    wanted = {"string_pattern_mismatch": "a version such as `3.11`", "float_type": "a number"}
    return form.faults(document, form.Form(Code, "code-form", _keys_at, _HINTS, wanted))


_HINTS = {
    "name": "give it a name",
    "paths": 'patterns of files, for example `["src/**/*.py", "!src/vendor/**"]`',
    "command": "a list, for example `[pytest, -q]`",
}


def _keys_at(place: Place) -> tuple[str, ...]:
    """Return the keys that may stand where an unknown one does."""
    return tuple((Verify if place[0] == "verify" and len(place) > 1 else Code).model_fields)
