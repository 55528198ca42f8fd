"""Python: the runtime that calls a Python function, in a child process that can be killed."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import cast

from bmad_provisioner import __version__
from bmad_provisioner.digest import Plain, digest, fingerprint
from bmad_provisioner.engine.child import environment, run_child
from bmad_provisioner.engine.task import Resources
from bmad_provisioner.kinds.team.runtime import MEBI, Answer, Ask
from bmad_provisioner.kinds.team.runtimes import called
from bmad_provisioner.kinds.team.runtimes.command import ENV, Rule, faults, printed, raise_failure, told

_CALL = re.compile(r"\w+(\.\w+)*:\w+(\.\w+)*")
_OPTIONS: Mapping[str, Rule] = {
    "call": (lambda value: isinstance(value, str) and _CALL.fullmatch(value) is not None, "a function, as `module:function`"),
    "path": (lambda value: isinstance(value, str) and bool(value), "the folder its module is imported from"),
    "data": (lambda _: True, "anything"),
    "env": ENV,
}


@dataclass(frozen=True, slots=True)
class Python:
    """A runtime that calls `function(prompt, folder, data)` with this interpreter, the agent's folder being the current one.

    `data` holds `agent`, `system`, `model`, `makes`, `schema`, and `data`, the option. The function returns its words, or a
    dictionary `{"files": {path: text}, "text": ..., "data": ...}`, or nothing; an exception fails the task, `SystemExit(75)`
    asks for another try. Options: `call`; `path` (imported from there first); `data`; `env` (NAMES of variables it may see).
    """

    name: str = "python"
    floor: Resources = Resources(memory=32 * MEBI)
    pure: bool = False

    def check(self, options: Mapping[str, Plain]) -> tuple[str, ...]:
        """Return what is wrong with the options, one message each."""
        return tuple(faults(self.name, options, _OPTIONS, "call"))

    def version(self, options: Mapping[str, Plain]) -> str:
        """Return the interpreter, the content of the module (not of what it imports; of ours, the version), and what it is told."""
        module = str(options["call"]).partition(":")[0]
        spec = _spec(module, _path(options))
        if spec is None or spec.origin is None or not Path(spec.origin).is_file():
            return "absent"
        ours = [__version__] if module.startswith("bmad_provisioner.") else []
        known = fingerprint([digest(Path(spec.origin).read_bytes()), told(options), *ours])
        return f"python {sys.version.split()[0]} {known[:16]}"

    def endpoint(self, options: Mapping[str, Plain]) -> str:
        """Return the function."""
        return str(options["call"])

    def ask(self, ask: Ask) -> Answer:
        """Call the function; raises TaskError where it raises, or takes too much time or memory."""
        ended = run_child(
            [sys.executable, "-P", called.__file__],
            folder=ask.folder,
            environment=environment(cast("Sequence[str]", ask.options.get("env") or ())),
            turn=ask.turn,
            stdin=json.dumps(_request(ask)).encode(),
        )
        raise_failure(str(ask.options["call"]), ended, ask)
        return printed(ended, ask)


def _request(ask: Ask) -> Plain:
    data: Plain = {
        "agent": ask.agent,
        "system": ask.system,
        "model": ask.model,
        "makes": ask.makes,
        "schema": ask.schema,
        "data": ask.options.get("data"),
    }
    return {"call": str(ask.options["call"]), "path": _path(ask.options), "prompt": ask.prompt, "data": data}


def _path(options: Mapping[str, Plain]) -> str:
    return str(Path(str(options["path"])).resolve()) if "path" in options else ""


def _spec(module: str, path: str) -> ModuleSpec | None:
    """Find a module without importing the packages it is in."""
    places: Sequence[str] = [place for place in (path, *sys.path) if place]
    spec = None
    for name in _heads(module):
        spec = PathFinder.find_spec(name, places)
        if spec is None:
            return None
        places = spec.submodule_search_locations or []
    return spec


def _heads(module: str) -> Iterator[str]:
    parts = module.split(".")
    for count in range(1, len(parts) + 1):
        yield ".".join(parts[:count])


RUNTIME = Python()
