"""Model: the form of a Skills document, from which its JSON schema and its first findings come.

The one module that imports pydantic; only `check` and `schema` import it, when they are called.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, model_validator

from bmad_provisioner import form
from bmad_provisioner.digest import Plain
from bmad_provisioner.finding import Finding
from bmad_provisioner.kind import Document, Place
from bmad_provisioner.kinds.skills.platforms import TOOLS

Text = Annotated[str, Field(min_length=1, max_length=20_000)]
Tool = Annotated[Text, Field(json_schema_extra={"enum": [*sorted(TOOLS)]})]
Phase = Annotated[str | int, Field(description="A BMAD phase, `anytime`, or an alias such as `3-arch`, `1-discovery`, 0 to 4.")]


Texts = Annotated[list[Text], BeforeValidator(form.list_if_empty)]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Specialist(_Strict):
    """An expert whom a leader routes work to."""

    id: Text = Field(description="Its name among the leader's specialists: a-z, 0-9 and hyphens.")
    name: Text | None = Field(default=None, description="Its title, for people.")
    domain: str | None = Field(default=None, description="What it knows: technologies, methods, subjects.")
    skills: Texts = Field(default=[], description="What it can do; work is routed by these words.")
    compliance_notes: str | None = Field(default=None, description="What it must observe.")


class Leader(_Strict):
    """One who takes requests and routes each to the specialist it belongs to."""

    name: Text = Field(description="The id of its skill: a-z, 0-9 and hyphens, at most 64.")
    domain: Text = Field(default="generic", description="The pack of references: generic, healthcare, qa, cis, or a plugin's.")
    phase: Phase = Field(default="3-solutioning")
    specialists: Annotated[list[Specialist], BeforeValidator(form.list_if_empty)] = Field(
        default=[], description="Those it routes work to."
    )


class GitSource(_Strict):
    """A folder of a git repository, at a ref."""

    git: Text = Field(description="An https, ssh or file URL.")
    ref: Text | None = Field(default=None, description="A commit (best), tag or branch.")
    path: Text | None = Field(default=None, description="The skill's folder in the repository.")


def _source_form(value: object) -> str:
    return "git" if isinstance(value, Mapping | GitSource) else "folder"


class HandWritten(_Strict):
    """A skill written by hand, brought along whole."""

    source: Annotated[Annotated[Text, Tag("folder")] | Annotated[GitSource, Tag("git")], Discriminator(_source_form)] = Field(
        description="A folder beside the manifest, a git URL, or {git, ref, path}."
    )
    needs: Texts = Field(
        default=[],
        description="The skills it cannot do without, by id: leaders, specialists, workflows and others of this manifest.",
    )


class MenuAddition(_Strict):
    """An entry for a menu; exactly one of workflow, skill and prompt says what it starts."""

    trigger: Text = Field(description="The code that one types; unique in its menu.")
    workflow: Text | None = Field(
        default=None, description="A workflow of this manifest, or a file that the agent shall read and follow."
    )
    skill: Text | None = Field(default=None, description="The skill to invoke.")
    prompt: Text | None = Field(default=None, description="The text to follow.")
    description: Text = Field(description="What the menu shows.")

    @model_validator(mode="after")
    def starts_one_thing(self) -> MenuAddition:
        """Refuse an entry that starts nothing or several things."""
        given = [name for name in ("workflow", "skill", "prompt") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of `workflow`, `skill` and `prompt`, not {' and '.join(given) or 'none'}")
        return self


class Customization(_Strict):
    """What a project adds to a leader or to a BMAD skill."""

    memories: Texts = Field(default=[], description="Facts to keep in mind.")
    principles: Texts = Field(default=[], description="Rules to work by.")
    menu_additions: Annotated[list[MenuAddition], BeforeValidator(form.list_if_empty)] = Field(
        default=[], description="Entries for its menu."
    )


class Workflow(_Strict):
    """A sequence that an orchestrating skill walks."""

    phase: Phase = Field(default="anytime")
    name: Text = Field(description="The id of its skill: a-z, 0-9 and hyphens, at most 64.")
    sequence: Annotated[list[Text], Field(min_length=1)] = Field(
        description="The steps: leaders, `leader/specialist`, specialists, workflows, skills, BMAD agents, or roles."
    )


class Integration(_Strict):
    """How the skills work together."""

    workflows: Annotated[list[Workflow], BeforeValidator(form.list_if_empty)] = Field(
        default=[], description="The workflows; each becomes an orchestrating skill."
    )


class Project(_Strict):
    """The project and all that it should hold."""

    name: Text = Field(
        description="The project's name. Files are recorded under it, and the module code in `_bmad/` is made of it."
    )
    bmad_version: Text = Field(default="v6.x", description='For example v6.x, 6.12.0, or ">=6.2,<7".')
    root: Text | None = Field(default=None, description="Where the project lies; `--project` wins.")
    language: Literal["en", "fr"] = Field(default="en", description="The language of the generated text.")
    tools: list[Tool] | None = Field(
        default=None, description="Tool ids such as claude-code; default: what BMAD's own manifest says."
    )
    leaders: Annotated[list[Leader], BeforeValidator(form.list_if_empty)] = Field(
        default=[], description="The leaders, each with its specialists."
    )
    skills: Annotated[list[HandWritten], BeforeValidator(form.list_if_empty)] = Field(
        default=[], description="Skills written by hand, brought along whole."
    )
    customizations: dict[str, Customization] | None = Field(
        default=None, description="What is added to a leader, or to a BMAD skill, by its id."
    )
    integration: Integration | None = Field(default=None, description="How the skills work together.")


class Manifest(_Strict):
    """A Skills document."""

    kind: Literal["Skills"] = Field(default="Skills", description="The kind of document; may be left out where `project:` stands.")
    project: Project = Field(description="What the project is, and what it holds.")


def schema() -> Mapping[str, Plain]:
    """Return the JSON schema of a Skills document."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Manifest.model_json_schema()}


def faults(document: Document) -> tuple[Finding, ...]:
    """Return every way in which a document lacks the form, one finding a place."""
    return form.faults(document, form.Form(Manifest, "manifest-form", _keys_at, _HINTS, {"int_type": "text or a number"}))


_HINTS = {
    "project": "a Skills document has `project:` at its top",
    "name": "give it a name",
    "id": "an id such as `frontend`: a-z, 0-9 and hyphens",
    "sequence": "the steps, for example [dev-leader, specialist, qa-leader]",
    "source": "a folder beside the manifest, for example ./skills/code-review",
    "description": "one sentence that says what it does",
}


def _keys_at(place: Place) -> tuple[str, ...]:
    """Return the keys that may stand where an unknown one does."""
    models: dict[str, type[BaseModel]] = {
        "project": Project, "leaders": Leader, "specialists": Specialist, "skills": HandWritten, "source": GitSource,
        "customizations": Customization, "menu_additions": MenuAddition, "integration": Integration, "workflows": Workflow,
    }  # fmt: skip
    above = [part for part in place[:-1] if isinstance(part, str) and part in models]
    return tuple((models[above[-1]] if above else Manifest).model_fields)
