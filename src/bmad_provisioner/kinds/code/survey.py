"""Survey: what one file says of itself, and what the project knows that a file in trouble should hear."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from bmad_provisioner.digest import Plain
from bmad_provisioner.engine.task import Inputs, Output

# The survey is imported by the worker that needs it: most files of most runs are known.
# ruff: noqa: PLC0415


def survey(inputs: Inputs) -> Output:
    """Return what a file binds, imports and takes from others; where it is broken, and which names nothing in it binds."""
    from bmad_provisioner.kinds.code.repair.knows import facts

    path = str(inputs.args["path"])
    return Output(facts={"survey": cast("Plain", facts(path, inputs.read(path), deep=bool(inputs.args["deep"])))})


def index(inputs: Inputs) -> Output:
    """Return, for each file that is in trouble or that others take names from, what it has to know of the project."""
    from bmad_provisioner.kinds.code.repair.knows import Project

    surveys = {name.partition(" of ")[2]: cast("Mapping[str, Any]", output.facts["survey"]) for name, output in _heard(inputs)}
    project = Project.of(surveys)
    told: dict[str, Plain] = {}
    for path, said in surveys.items():
        knows: dict[str, Plain] = {}
        if said.get("trouble"):
            knows |= {"trouble": True, "broken": said.get("broken"), "knows": project.tells(path), "passes": inputs.args["passes"]}
        wanted = project.wanted(path)
        if wanted:
            knows["wanted"] = sorted(wanted)
        if knows:
            told[path] = {**knows, "own": project.packages}
    return Output(facts=told)


def _heard(inputs: Inputs) -> list[tuple[str, Output]]:
    return [(name, output) for name, output in inputs.needs.items() if "survey" in output.facts]
