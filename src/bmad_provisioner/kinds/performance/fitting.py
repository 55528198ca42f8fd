"""Fitting: the data of a Performance document that fits a project: what can be started and measured, as its files say it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import ceil

from bmad_provisioner.digest import Plain
from bmad_provisioner.kinds.performance.discover.access_log import is_harmless
from bmad_provisioner.kinds.performance.discover.facts import BENCHMARK, App, Found, Program
from bmad_provisioner.kinds.performance.discover.files import name as last
from bmad_provisioner.kinds.performance.discover.routes import OWN
from bmad_provisioner.kinds.performance.discover.serving import module
from bmad_provisioner.kinds.performance.discover.survey import found as look
from bmad_provisioner.kinds.performance.order import Order

VITALS: Mapping[str, Plain] = {"lcp": "2.5s", "inp": "200ms", "cls": 0.1}
"""What counts as good for a page (web.dev, Core Web Vitals; at the 75th percentile of visits)."""
_PORTS = {"Flask": 5000, "aiohttp": 8080, "Bottle": 8080, "Express": 3000, "Next.js": 3000, "Fastify": 3000}
_USUAL_PORT = 8000
_ASGI = frozenset(("FastAPI", "Starlette", "Quart"))
_WSGI = frozenset(("Bottle", "Falcon", "Django"))
_READY = re.compile(r"^/(?:\w{1,20}/){0,2}(?:health\w{0,10}|livez?|readyz?|ready|ping|status)/?$")
_MOST_PAGES = 5
_SHELL = re.compile(r"[|&;<>`$(){}]")
_DANGEROUS = re.compile(
    r"(?:^|[/_])(?:deploy|migrate|release|publish|setup|seed|drop|install|uninstall|upload|manage|conftest)(?=[_.]|$)"
)
"""What nobody wants to have run twenty times."""
_BESIDE = re.compile(r"(?:^|/)(?:bench\w*|examples?|docs?|scripts?|tools?|samples?)/")
"""Folders of what is beside the project itself."""


def fitted(paths: Sequence[str], read: Callable[[str], bytes], name: str) -> dict[str, Plain]:
    """Return the data of a document for a project; an empty one where there is nothing that can be measured."""
    found = look(Order(name, ()), paths, read)
    targets = dict(_targets(found, frozenset(paths)))
    if not targets:
        return {}
    data: dict[str, Plain] = {"kind": "Performance", "name": _name(name), "targets": targets}
    goals = _goals(found, pages=any("pages" in target for target in targets.values()))
    data |= {"goals": goals} if goals else {}
    peak = max((log.peak for log in found.logs), default=0.0)
    if peak >= 1 and any("url" in target for target in targets.values()):
        data["load"] = {"baseline": f"{ceil(peak)}/s for 20s"}
    return data


def _name(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-_")[:63] or "project"


def _targets(found: Found, paths: frozenset[str]) -> Iterator[tuple[str, dict[str, Plain]]]:
    """Yield the service, else the static pages, else the programs of a project."""
    services = [one for one in _services(found, paths) if one]
    if services:
        yield "web", services[0]
        return
    static = {} if found.apps or found.routes else _static(found)
    if static:
        yield "web", static
        return
    if not any(one.name == "pytest-benchmark" for one in found.of(BENCHMARK)):
        for program in _runnable(found)[:3]:
            key = module(program.at.path).rpartition(".")[2]
            yield _name(key), {"command": _run(program, paths)}


def _services(found: Found, paths: frozenset[str]) -> Iterator[dict[str, Plain]]:
    """Yield the ways to start a service, the surest first."""
    for start in found.starts:
        port = _port(found, "", _framework(found))
        command = re.sub(r"\$\{?PORT(?::-\d+)?\}?", str(port), start.command)
        if not _SHELL.search(command):
            yield _service(found, command, _said_port(command) or port)
    manage = next((one for one in found.programs if last(one.at.path) == "manage.py"), None)
    if manage:
        yield _service(found, f"python3 {manage.at.path} runserver --noreload 127.0.0.1:{_USUAL_PORT}", _USUAL_PORT)
    apps = sorted(
        (one for one in found.apps if not _BESIDE.search(one.at.path)),
        key=lambda one: (one.factory, one.at.path.count("/"), one.at),
    )
    for app in (one for one in apps if one.framework in _ASGI or one.framework == "Flask"):
        port = _port(found, app.at.path, app.framework)
        yield _service(found, _served(app, port), port)
    for program in _programs(found):
        if program.port is not None or _serves(found, program):
            port = program.port or _port(found, program.at.path, _framework(found))
            yield _service(found, f"{_run(program, paths)} {port}" if program.told else _run(program, paths), port)
    for app in (one for one in apps if one.framework in _WSGI and not one.factory):
        yield _service(found, _by_gunicorn(app), _USUAL_PORT)


def _served(app: App, port: int) -> str:
    """Return the command that starts an application by the server that its framework is used with."""
    source = app.at.path.startswith("src/")
    if app.framework == "Flask":
        start = f"python3 -m flask --app {module(app.at.path)}:{app.name} run --port {port}"
        return f"env PYTHONPATH=src {start}" if source else start
    options = f"{' --factory' if app.factory else ''}{' --app-dir src' if source else ''}"
    return f"python3 -m uvicorn {module(app.at.path)}:{app.name}{options} --host 127.0.0.1 --port {port}"


def _by_gunicorn(app: App) -> str:
    path = " --pythonpath src" if app.at.path.startswith("src/") else ""
    return f"python3 -m gunicorn{path} --bind 127.0.0.1:{_USUAL_PORT} {module(app.at.path)}:{app.name}"


def _service(found: Found, start: str, port: int) -> dict[str, Plain]:
    made: dict[str, Plain] = {"url": f"http://127.0.0.1:{port}/", "start": start}
    plain = {one.path for one in found.routes if one.gets and not re.search(r"[{*]", one.path) and is_harmless(one.path)}
    paths = sorted(plain, key=lambda one: (len(one), one))
    ready = next((path for path in paths if _READY.match(path)), None)
    if ready or (paths and "/" not in paths):
        made["ready"] = ready or paths[0]
    pages = [path for path in paths if any(one.page and one.path == path for one in found.routes)][:_MOST_PAGES]
    # Where there are files of HTML, somebody answers with them, and at the top first of all.
    pages = pages or (["/"] if found.pages and "/" in paths else [])
    needed = sorted({one.name for one in found.settings if one.at.path.endswith(".py")})
    return made | ({"pages": pages} if pages else {}) | ({"env": needed} if needed else {})


def _static(found: Found) -> dict[str, Plain]:
    """Return a server of Python's own for pages that nothing else serves."""
    index = next((path for path in found.pages if last(path) == "index.html"), "")
    if not index:
        return {}
    folder = index.rpartition("/")[0]
    others = [last(path) for path in found.pages if path.rpartition("/")[0] == folder and path != index]
    start = f"python3 -m http.server {_USUAL_PORT} --bind 127.0.0.1" + (f" --directory {shlex.quote(folder)}" if folder else "")
    return {
        "url": f"http://127.0.0.1:{_USUAL_PORT}/",
        "start": start,
        "pages": ["/", *(f"/{other}" for other in others[: _MOST_PAGES - 1])],
    }


def _programs(found: Found) -> list[Program]:
    """Return the programs that ask for nothing, and that are what the project is for."""
    return [one for one in found.programs if not one.asks and not _BESIDE.search(one.at.path) and one.at.path != "__main__.py"]


def _runnable(found: Found) -> list[Program]:
    """Return the programs that run by themselves, packages first; none that wants arguments or changes the world by its name."""
    some = [one for one in _programs(found) if not _DANGEROUS.search(one.at.path)]
    return sorted(some, key=lambda one: (not one.package, one.at.path.count("/"), one.at))


def _run(program: Program, paths: frozenset[str]) -> str:
    inside = f"{program.at.path.rpartition('/')[0]}/__init__.py" in paths
    if not program.package and not inside:
        return f"python3 {shlex.quote(program.at.path)}"
    start = f"python3 -m {module(program.at.path)}"
    return f"env PYTHONPATH=src {start}" if program.at.path.startswith("src/") else start


def _serves(found: Found, program: Program) -> bool:
    """Return whether the package that a program starts opens a port or makes an application somewhere."""
    folder = program.at.path.rpartition("/")[0] + "/"
    places = (*(at.path for _, at in found.ports), *(one.at.path for one in found.apps))
    own = (one.at.path for one in found.routes if one.framework == OWN)
    return program.package and any(path.startswith(folder) for path in (*places, *own))


def _framework(found: Found) -> str:
    names = (*(one.framework for one in found.apps), *(one.framework for one in found.routes))
    return next(filter(None, names), "")


def _port(found: Found, near: str, framework: str) -> int:
    """Return the port that the code says, nearest to a file first; else the framework's usual one."""
    folder = near.rpartition("/")[0]
    said = sorted(found.ports, key=lambda one: (one[1].path != near, not one[1].path.startswith(folder), one[1]))
    return said[0][0] if said else _PORTS.get(framework, _USUAL_PORT)


def _said_port(command: str) -> int:
    found = re.search(r"(?:--port[= ]|-p |:)(\d{2,5})\b", command)
    return int(found[1]) if found else 0


def _goals(found: Found, *, pages: bool) -> dict[str, Plain]:
    """Return what the project demands of itself, and for pages what counts as good; nothing else."""
    goals: dict[str, Plain] = dict(VITALS) if pages else {}
    for limit in found.limits:
        if limit.metric in ("", *(() if pages else (*VITALS, "ttfb", "bundle"))):
            continue
        goals[limit.metric] = _spelled(limit.metric, limit.value)
    return goals


def _spelled(metric: str, value: float) -> Plain:
    if metric == "cls":
        return value
    if metric == "error_rate":
        return f"{100 * value:g}%"
    if metric == "throughput":
        return f"{value:g}/s"
    return f"{value:.0f}B" if metric in ("bundle", "peak_memory") else f"{1000 * value:g}ms"
