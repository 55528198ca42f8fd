"""Routes: what the lines of all files together come to: whole paths, and the places of their handlers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from bmad_provisioner.kinds.performance.discover.facts import At, Route
from bmad_provisioner.kinds.performance.discover.files import Files
from bmad_provisioner.kinds.performance.discover.source import Mounted, Registered, Source

_DEEPEST, _MOST = 12, 5_000
"""Mounts within mounts, and routes of a project, that are followed."""
OWN = "http.server"
"""What stands for a framework where Python's own server is used: its routes are those that its words name."""
Owner = tuple[str, str]


class Modules:
    """The Python files of a project: by their dotted names, however far above them an import starts, and what each says."""

    def __init__(self, paths: Sequence[str], sources: Mapping[str, Source]) -> None:
        self.sources = sources
        self._paths: dict[str, str] = {}
        for path in paths:
            parts = path.removesuffix(".py").removesuffix("/__init__").split("/")
            for start in range(len(parts)):
                self._paths.setdefault(".".join(parts[start:]), path)

    def at(self, name: str, importer: str) -> str:
        """Return the path of a module as a file names it; empty where it is none of the project's."""
        if not name.startswith("."):
            return self._paths.get(name, "")
        rest = name.lstrip(".")
        folder = importer.split("/")[: -(len(name) - len(rest))]
        return self._paths.get(".".join([*folder, *filter(None, [rest])]), "")

    def owner(self, path: str, name: str, deep: int = 0) -> Owner:
        """Return the file and the variable that a name means in a file, through whatever only passes it on."""
        module, _, variable = name.partition(":")
        if variable:
            return self.at(module, path), variable
        head, _, rest = name.partition(".")
        target = self.sources[path].imports.get(head, "") if path in self.sources else ""
        if not target or deep > _DEEPEST:
            return path, name
        module, _, imported = target.partition(":")
        if rest:
            inside = f"{module}.{imported}" if imported and not module.endswith(".") else module + imported
            found, name = self.at(inside, path), rest
        else:
            found, name = self.at(module, path), imported
        return self.owner(found, name, deep + 1) if found and name else (path, rest or head)


def routes(files: Files, sources: Mapping[str, Source]) -> tuple[Route, ...]:
    """Return the routes of Python files, by path and method."""
    modules = Modules(list(files.named(".py")), sources)
    mounts: dict[Owner, list[tuple[Owner, Mounted]]] = {}
    for told in sources.values():
        for one in told.mounted:
            mounts.setdefault(modules.owner(told.path, one.child), []).append((modules.owner(told.path, one.owner), one))
    usual = _usual(sources)
    found = {
        (route.method, route.path, route.at): route
        for told in sources.values()
        for one in told.registered
        for prefix in _prefixes(modules.owner(told.path, one.owner), mounts, sources)
        for route in [_route(files, told, one, prefix, modules, usual)]
    }
    return tuple(sorted(found.values(), key=lambda one: (one.path, one.method, one.at)))[:_MOST]


def _usual(sources: Mapping[str, Source]) -> str:
    """Return the framework of files that import none: the only one that the others import."""
    frameworks = {told.framework for told in sources.values()} - {""}
    return frameworks.pop() if len(frameworks) == 1 else ""


def _prefixes(
    owner: Owner, mounts: Mapping[Owner, Sequence[tuple[Owner, Mounted]]], sources: Mapping[str, Source], deep: int = 0
) -> Iterator[str]:
    """Yield every prefix under which an owner's routes are."""
    made = next((one for one in sources[owner[0]].made if one.name == owner[1]), None) if owner[0] in sources else None
    own = made.prefix if made else ""
    above = mounts.get(owner, ()) if deep < _DEEPEST else ()
    if not above:
        yield own
    for parent, mount in above:
        for prefix in _prefixes(parent, mounts, sources, deep + 1) if parent != owner else ("",):
            yield f"{prefix}{mount.prefix}{'' if mount.instead else own}"


def _route(files: Files, told: Source, one: Registered, prefix: str, modules: Modules, usual: str) -> Route:
    framework = told.framework or (OWN if "BaseHTTPRequestHandler" in told.imports else usual)
    at = _place(files, told, one, modules)
    path = "/" + re.sub(r"/{2,}", "/", plain(prefix, framework) + plain(one.path, framework)).lstrip("/")
    return Route(one.method, path, one.handler, at, framework, framework != OWN and makes_a_page(files.lines(at.path), at.line))


def _place(files: Files, told: Source, one: Registered, modules: Modules) -> At:
    """Return where a handler is defined; where it is registered if that can't be told."""
    path, name = modules.owner(told.path, one.handler)
    defined = re.compile(rf"[ \t]*(?:async[ \t]+)?(?:def|class)[ \t]+{re.escape(name.rpartition('.')[2])}\b")
    lines = files.lines(path) if path and name else ()
    if path == told.path and defined.match(next(iter(lines[one.line - 1 : one.line]), "")):
        return At(path, one.line)
    found = next((number for number, line in enumerate(lines, 1) if defined.match(line)), 0)
    return At(path, found) if found else At(told.path, one.line)


_HEAD = re.compile(r"<(?:\w+(?:\([^<>()]{0,60}\))?:)?(\w+)>")
_BOTTLE = re.compile(r"<(\w+)(?::[^<>]{0,100})?>")
_BRACES = re.compile(r"\{(\w+)(?::[^{}]{0,100}(?:\{[^{}]{0,20}\}[^{}]{0,100}){0,3})?\}")
_NAMED = re.compile(r"\(\?P<(\w+)>[^()]{0,100}(?:\([^()]{0,100}\)[^()]{0,100}){0,3}\)")
_EXPRESS = re.compile(r":(\w+)(?:\([^()]{0,60}\))?\??")


def plain(path: str, framework: str) -> str:
    """Return a path with its parameters as `{name}`, however its framework writes them."""
    if path.startswith("^"):
        path = _NAMED.sub(r"{\1}", path[1:]).removesuffix("$").removesuffix("/?").replace("\\", "")
        return re.sub(r"\([^()]{0,100}\)", "{value}", path)
    if framework in ("Express", "Fastify", "Koa", "Hono"):
        return _EXPRESS.sub(r"{\1}", path)
    return _BRACES.sub(r"{\1}", (_BOTTLE if framework == "Bottle" else _HEAD).sub(r"{\1}", path))


_PAGE = re.compile(
    r"render_template|TemplateResponse|HTMLResponse|\brender\(|\btemplate\(|template_name|\b(?:Template|List|Detail)View\b"
    r"|\.html\b|<!doctype|<html|text/html",
    re.IGNORECASE,
)
_LONGEST_HANDLER = 150


def makes_a_page(lines: Sequence[str], line: int) -> bool:
    """Return whether the handler that starts at a line answers with HTML, as far as its words tell."""
    if not 0 < line <= len(lines):
        return False
    start = line - 1
    depth = len(lines[start]) - len(lines[start].lstrip())
    while start > 0 and lines[start - 1].lstrip().startswith("@"):
        start -= 1
    end = line
    while end < min(len(lines), line + _LONGEST_HANDLER) and not _ends(lines[end], depth):
        end += 1
    return bool(_PAGE.search("\n".join(lines[start:end])))


def _ends(line: str, depth: int) -> bool:
    stripped = line.lstrip()
    return bool(stripped) and len(line) - len(stripped) <= depth and not stripped.startswith((")", "}", "]"))
