"""Rules: what a Team document must be."""

from __future__ import annotations

from collections.abc import Mapping

RULES: Mapping[str, str] = {
    "team-form": "the document has a known form: no unknown or missing keys, each value of its type",
    "team-hidden": "no NUL, control, bidirectional, tag or zero-width character hides in a value",
    "team-secret": "no key or token stands in the document: it names the environment variable that holds it",
    "team-name": "an agent's name is 1 to 64 of a-z, 0-9 and single hyphens, and not the leader's",
    "team-needs": "what an agent needs exists, and no agents need each other in a circle",
    "team-runtime": "a runtime is installed, and takes the options it is given",
    "team-makes": "an agent makes files that may be written in a project, and that no other agent makes",
    "team-reads": "an agent reads what exists by then: it needs whoever makes it; what it reads of the project is there (a file "
    "that is not: a warning)",
    "team-request": "the request can be read, and says what agents read of it",
    "team-review": "a reviewer needs whom it reviews, and that one has files to make",
    "team-effect": "an agent whose effect is `once` is not tried again, and not sent back by a reviewer",
    "team-idle": "an agent has something to do: files to make, or a prompt",
    "team-schema": "a `schema` is a JSON schema (2020-12) that refers to nothing outside itself",
    "team-skill": "the skill that an agent is to have is in the project (a warning)",
    "team-absent": "what answers for an agent is installed (a warning: what is cached is used all the same)",
    "team-undeclared": "an agent writes what it declares and nothing else (an info: the rest is left out)",
    "team-objection": "a reviewer accepts the work by the last round (a warning)",
    "team-routed": "whom the leader asks, and for which words of the request (an info)",
    "team-nobody": "the request belongs to one of the specialists at least (a warning)",
    "team-vague": "what leaves room for a wrong guess is named, with its remedy (a warning)",
}
"""Every rule by its id, with what it asks for."""
