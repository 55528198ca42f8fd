"""Secrets: keys and tokens that stand in a document, where arguments are cached, shown and journalled."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from bmad_provisioner.digest import Plain
from bmad_provisioner.finding import Finding
from bmad_provisioner.kind import Place
from bmad_provisioner.remarks import Remarks

_HINT = "write the name of the environment variable that holds it, and revoke what was written here"
_TOKEN = re.compile(
    r"(?<![A-Za-z0-9_-])(?:sk-(?=[A-Za-z_-]*[0-9])[A-Za-z0-9_-]{16,}|(?:gh[pousr]|glpat|npm|hf)[_-][A-Za-z0-9]{20,}"
    r"|github_pat_[A-Za-z0-9_]{20,}|AKIA[A-Z0-9]{16}|AIza[A-Za-z0-9_-]{30,}|xox[abprs]-[A-Za-z0-9-]{10,}"
    r"|eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,})|-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----"
)
"""The prefixes that providers give their keys so that they can be found where they should not be."""
_SECRET_KEY = re.compile(r"(?:.*[_-])?(?:api-?_?key|key|token|secret|password|passwd|authorization)", re.IGNORECASE)
_VARIABLE = re.compile(r"\$?\{?[A-Z_][A-Z0-9_]*\}?")


def secrets(say: Remarks) -> Iterator[Finding]:
    """Yield each value that is a key, and each option named like one whose value is no environment variable's name."""
    data = say.document.data
    for place, text in _texts(data, ()):
        if _TOKEN.search(text):
            yield say.error("team-secret", place, "a key or token stands here", _HINT)
    agents = data.get("agents")
    for name, agent in agents.items() if isinstance(agents, Mapping) else ():
        runtime = agent.get("runtime") if isinstance(agent, Mapping) else None
        for place, text in _texts(runtime, ("agents", name, "runtime")):
            if _SECRET_KEY.fullmatch(str(place[-1])) and not _VARIABLE.fullmatch(text) and not _TOKEN.search(text):
                yield say.error("team-secret", place, "what looks like a key or password stands here", _HINT)


def _texts(value: Plain, place: Place) -> Iterator[tuple[Place, str]]:
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, Mapping):
        for key, below in value.items():
            yield from _texts(below, (*place, key))
    elif isinstance(value, list | tuple):
        for index, below in enumerate(value):
            yield from _texts(below, (*place, index))
