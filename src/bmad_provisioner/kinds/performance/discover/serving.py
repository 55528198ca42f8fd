"""Serving: which of the applications and frameworks that were found a target is."""

from __future__ import annotations

import re

from bmad_provisioner.kinds.performance.discover.facts import FRAMEWORK, App, At, Found, Thing
from bmad_provisioner.kinds.performance.discover.routes import OWN
from bmad_provisioner.kinds.performance.order import SERVICE, Target

_FRONT = frozenset(("React", "Vue", "Svelte", "Angular", "Django REST framework"))
"""Frameworks that another one serves."""


def module(path: str) -> str:
    """Return the dotted name of a Python file, as it is imported from the project or from its `src` folder."""
    return path.removeprefix("src/").removesuffix(".py").removesuffix("/__init__").removesuffix("/__main__").replace("/", ".")


def frameworks(found: Found) -> tuple[Thing, ...]:
    """Return the frameworks that serve; Starlette counts where nothing else is built on it."""
    some = [one for one in found.of(FRAMEWORK) if one.name not in _FRONT]
    built = any(one.name == "FastAPI" for one in some) and not any(one.framework == "Starlette" for one in found.apps)
    return tuple(one for one in some if not (built and one.name == "Starlette"))


def app(found: Found, target: Target) -> App | None:
    """Return the application that a service starts: the one that its command names, or else the only one there is."""
    words = " ".join(target.start)
    named = [one for one in found.apps if _is_named(one.at.path, words)]
    named.sort(key=lambda one: -len(one.at.path))
    return named[0] if named else found.apps[0] if len(found.apps) == 1 else None


def _is_named(path: str, words: str) -> bool:
    return bool(re.search(rf"(?<![\w.]){re.escape(module(path))}(?![\w])|(?<![\w/]){re.escape(path)}(?!\w)", words))


def framework(found: Found, target: Target) -> tuple[str, At | None]:
    """Return the framework of a service and where it is made or named; none where that can't be told."""
    if target.sort != SERVICE:
        return "", None
    made = app(found, target)
    if made:
        return made.framework, made.at
    some = frameworks(found)
    if len(some) == 1:
        return some[0].name, some[0].at
    own = next((one for one in found.routes if one.framework == OWN), None)
    return (OWN, own.at) if own and not some else ("", None)
