"""The team `fullstack` without an engine: each agent's template, in order, on what it reads."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import yaml

from bmad_provisioner.digest import Plain
from bmad_provisioner.kinds.team import request as requests
from bmad_provisioner.kinds.team.request import parse
from bmad_provisioner.kinds.team.runtime import Ask
from bmad_provisioner.kinds.team.runtimes.template import RUNTIME
from bmad_provisioner.kinds.team.team import Read, read

SAMPLES = Path(requests.__file__).parent / "samples/fullstack"
TEAM = yaml.safe_load((SAMPLES / "team.yaml").read_text(encoding="utf-8"))


def items(text: str) -> list[tuple[str, str]]:
    """The requirements of a text, as a runtime gets them."""
    return list(parse(text).texts().items())


def made_by_team(requirements: Sequence[tuple[str, str]], model: Plain = None) -> dict[str, dict[str, bytes]]:
    """Agent -> the files it makes; `model` takes the place of the one that the product manager makes."""
    made: dict[str, dict[str, bytes]] = {}
    files: dict[str, bytes] = {}
    for name, agent in TEAM["agents"].items():
        made[name] = made_by(agent, name, requirements, files)
        if model is not None and "docs/application.json" in made[name]:
            made[name]["docs/application.json"] = json.dumps(model).encode()
        files |= made[name]
    return made


def made_by(agent: Mapping, name: str, requirements: Sequence[tuple[str, str]], files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files one agent makes of what it reads."""
    meant = [read(each) for each in agent["reads"]]
    patterns = [each.path for each in meant if each.path]
    context = {
        "team": TEAM["name"],
        "requirements": [list(item) for item in requirements if _is_read(item[0], meant)],
        "inputs": {path: data.decode() for path, data in files.items() if any(fnmatchcase(path, each) for each in patterns)},
    }
    options = {**agent["runtime"], "context": context}
    assert RUNTIME.check(options) == ()
    answer = RUNTIME.ask(Ask(name, "", Path("."), options))
    for path in answer.files:
        assert any(fnmatchcase(path, pattern) for pattern in agent["makes"]), f"{name} does not say that it makes {path}"
    return dict(answer.files)


def written(made: Mapping[str, Mapping[str, bytes]], folder: Path) -> None:
    """Write what all agents made."""
    for files in made.values():
        for path, data in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)


def _is_read(path: str, meant: Sequence[Read]) -> bool:
    fits = [each for each in meant if not each.path and f"requirements.{path}".startswith(each.selector)]
    return bool(fits) and not any(each.left_out for each in fits)
