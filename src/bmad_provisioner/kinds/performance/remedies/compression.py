"""Compression: switched on where a framework or a web server has it, and nobody else sees to it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bmad_provisioner.kinds.performance.remedies.source import Edit, Project, Source, name_of, tree
from bmad_provisioner.kinds.performance.roadmap import Item

_SEEN_TO = re.compile(r"gzip|brotli|zstd|Compress(ion|or)?\b|event-stream|EventSource|StreamingHttpResponse", re.IGNORECASE)
"""What compresses already, or sends bit by bit what compressing would hold back."""
_APPS = {"fastapi.FastAPI": "fastapi", "fastapi.applications.FastAPI": "fastapi", "starlette.applications.Starlette": "starlette"}
_APPS_NAMED = re.compile(r"\b(fastapi|starlette)\b")
_TOUCHING = re.compile(r"BaseHTTPMiddleware|\.middleware\(|\bmiddleware\s*=")
"""Middleware that may look into bodies, and would see them packed."""
_ADDED = re.compile(r"\.add_middleware\(\s*(?:\w+\.)*(\w+)")
_HARMLESS = frozenset(("CORSMiddleware", "TrustedHostMiddleware", "SessionMiddleware", "HTTPSRedirectMiddleware"))
_SECURITY = "django.middleware.security.SecurityMiddleware"
_FIRST = ("django.middleware.cache.UpdateCacheMiddleware", "whitenoise.middleware.WhiteNoiseMiddleware")
"""What stands between that and the packing, as their documentation has it."""
_DJANGO = "django.middleware.gzip.GZipMiddleware"
_TYPES = "application/json application/javascript text/javascript text/css text/plain image/svg+xml"
_TOKEN = re.compile(r"#[^\r\n]*|\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|[{};]|[^\s{};\"'#]+", re.DOTALL)
_TEMPLATE = re.compile(r"\$\{|\{[{%]")
_BREACH = "leave answers out that hold a secret beside what a stranger sent (BREACH)"


def compression(_: Item, project: Project) -> Edit | None:
    """Return the file that switches it on; nothing where it is on, or where there is not exactly one place for it."""
    if any(_SEEN_TO.search(source.text) for source in project.sources(".py")):
        return None
    confs = [source for source in project.sources(".conf") if "nginx" in source.path]
    if any(_TEMPLATE.search(source.text) or any(map(_packs, _directives(source.text))) for source in confs):
        return None
    edits = [*_starlette(project), *_django(project), *_nginx(confs)]
    return edits[0] if len(edits) == 1 else None


@dataclass(frozen=True, slots=True)
class _App:
    """The only application of a project: the assignment that makes it, and the package that it is of."""

    source: Source
    module: ast.Module
    made: ast.Assign | ast.AnnAssign
    name: str
    package: str


def _starlette(project: Project) -> Iterator[Edit]:
    sources = list(project.sources(".py"))
    added = {name for source in sources for name in _ADDED.findall(source.text)}
    if added - _HARMLESS or any(_APPS_NAMED.search(source.text) and _TOUCHING.search(source.text) for source in sources):
        return
    made = [app for source in sources if _APPS_NAMED.search(source.text) for app in _apps(source)]
    if len(made) == 1 and made[0] is not None:
        yield from _with_middleware(made[0])


def _apps(source: Source) -> Iterator[_App | None]:
    """Yield the applications that a file makes; nothing for one that is not made once, at the top, under a name of its own."""
    module = tree(source)
    if module is None:
        return
    known = _imported(module)
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and known.get(name_of(node.func)) in _APPS:
            yield _app(source, module, node, _APPS[known[name_of(node.func)]])


def _imported(module: ast.Module) -> dict[str, str]:
    """Return what the names that a file imports stand for."""
    known: dict[str, str] = {}
    for node in ast.walk(module):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            known |= {one.asname or one.name: f"{node.module}.{one.name}" for one in node.names}
        elif isinstance(node, ast.Import):
            # Of `import fastapi as f`, `f.FastAPI` is an application; of `import starlette.applications`, its whole name is.
            known |= {
                f"{one.asname or one.name}.{name.rpartition('.')[2]}": name
                for one in node.names
                for name in _APPS
                if name.startswith(f"{one.name}.")
            }
    return known


def _app(source: Source, module: ast.Module, call: ast.Call, package: str) -> _App | None:
    for one in module.body:
        if not isinstance(one, ast.Assign | ast.AnnAssign) or one.value is not call or not source.stands_alone(one):
            continue
        targets = one.targets if isinstance(one, ast.Assign) else [one.target]
        stored = [node.id for node in ast.walk(module) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
        if len(targets) == 1 and isinstance(targets[0], ast.Name) and stored.count(targets[0].id) == 1:
            return _App(source, module, one, targets[0].id, package)
    return None


def _with_middleware(app: _App) -> Iterator[Edit]:
    home = f"{app.package}.middleware.gzip"
    before = app.module.body[: app.module.body.index(app.made)]
    after = [one for one in before if _is_before(one, home, app.package) and app.source.stands_alone(one)]
    if not after:
        return
    source, newline = app.source, app.source.newline
    at = source.bounds(source.span(app.made)[1])[1]
    source = source.with_put(at, f"{newline}{app.name}.add_middleware(GZipMiddleware, minimum_size=1000)")
    place = app.source.bounds(app.source.span(after[-1])[1])[1]
    source = source.with_put(place, f"{newline}from {home} import GZipMiddleware")
    told = f"answers of more than 1 kB are packed where the client takes it; {_BREACH}"
    yield Edit(source, told, app.source.line(at) + 2)


def _is_before(one: ast.stmt, home: str, package: str) -> bool:
    """Whether it is an import that an import of `home` comes after."""
    if isinstance(one, ast.ImportFrom) and not one.level:
        return (one.module or "").partition(".")[0] == package and (one.module or "") < home
    return isinstance(one, ast.Import) and any(name.name.partition(".")[0] == package for name in one.names)


def _django(project: Project) -> Iterator[Edit]:
    found = [(source, one) for source in project.sources(".py") if _SECURITY in source.text for one in _middleware(source)]
    if len(found) != 1:
        return
    source, listed = found[0]
    names = [one.value if isinstance(one, ast.Constant) else None for one in listed.elts]
    if names.count(_SECURITY) != 1 or not all(isinstance(name, str) for name in names):
        return
    place = names.index(_SECURITY)
    while place + 1 < len(names) and names[place + 1] in _FIRST:
        place += 1
    yield _listed(source, listed.elts[place])


def _middleware(source: Source) -> Iterator[ast.List]:
    module = tree(source)
    for one in module.body if module else ():
        if (
            isinstance(one, ast.Assign)
            and isinstance(one.value, ast.List)
            and [name_of(target) for target in one.targets] == ["MIDDLEWARE"]
        ):
            yield one.value


def _listed(source: Source, after: ast.expr) -> Edit:
    """Put the middleware behind another one of a list, on a line of its own where that has one."""
    begins, ends = source.span(after)
    start, stop = source.bounds(ends)
    quote = source.text[ends - 1]
    text = f"{quote}{_DJANGO}{quote}"
    told = f"answers are packed where the client takes it; Django before 4.2 does nothing against BREACH: {_BREACH}"
    rest = re.match(r"\s*,\s*(#.*)?$", source.text[ends:stop])
    if source.text[start:begins].strip():
        return Edit(source.with_put(ends, f", {text}"), told, source.line(ends))
    if rest:
        return Edit(source.with_put(stop, f"{source.newline}{source.indent(begins)}{text},"), told, source.line(ends) + 1)
    return Edit(source.with_put(ends, f",{source.newline}{source.indent(begins)}{text}"), told, source.line(ends) + 1)


@dataclass(frozen=True, slots=True)
class _Directive:
    """A directive of nginx: its words, the blocks around it, and where it ends (of a block: where that opens)."""

    words: tuple[str, ...]
    inside: tuple[str, ...]
    start: int
    end: int


def _nginx(confs: Sequence[Source]) -> Iterator[Edit]:
    read = [(source, _directives(source.text)) for source in confs]
    off = [(source, one) for source, each in read for one in each if one.words == ("gzip", "off")]
    told = f"nginx packs text of more than 1 kB where the client takes it; {_BREACH}"
    if off:
        if len(off) == 1 and off[0][1].inside in (("http",), ("server",), ("http", "server")):
            source, one = off[0]
            yield Edit(
                source.with_put(one.start, _block(source, source.indent(one.start)), one.end - one.start),
                told,
                source.line(one.start),
            )
        return
    opened = [(source, one) for source, each in read for one in each if one.words[:1] == ("http",) and not one.inside]
    opened = opened or [(source, one) for source, each in read for one in each if one.words == ("server",) and not one.inside]
    if len(opened) == 1:
        source, one = opened[0]
        inner = next((each for each in _directives(source.text) if each.start > one.end and each.inside), None)
        indent = source.indent(inner.start) if inner else "    "
        yield Edit(source.with_put(one.end, f"{source.newline}{indent}{_block(source, indent)}"), told, source.line(one.end) + 1)


def _packs(one: _Directive) -> bool:
    return one.words[:2] == ("gzip", "on") or one.words[0].startswith("brotli")


def _block(source: Source, indent: str) -> str:
    lines = ("gzip on;", "gzip_min_length 1000;", f"gzip_types {_TYPES};", "gzip_vary on;")
    given = {one.words[0] for one in _directives(source.text)}
    return f"{source.newline}{indent}".join(line for line in lines if line.split()[0] == "gzip" or line.split()[0] not in given)


def _directives(text: str) -> list[_Directive]:
    found: list[_Directive] = []
    around: list[str] = []
    words: list[str] = []
    start = 0
    for token in _TOKEN.finditer(text):
        said = token[0]
        if said.startswith("#"):
            continue
        if said in ("{", ";") and words:
            found.append(_Directive(tuple(words), tuple(around), start, token.end()))
        if said == "{":
            around.append(words[0] if words else "")
        elif said == "}":
            del around[-1:]
        if said in "{};":
            words = []
        else:
            start = start if words else token.start()
            words.append(said)
    return found
