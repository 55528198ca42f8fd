"""Survey: look through the files of a project, once each, and put together what they say."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from bmad_provisioner.kinds.performance.discover import access_log, javascript, known, limits, openapi
from bmad_provisioner.kinds.performance.discover.dependencies import dependencies
from bmad_provisioner.kinds.performance.discover.facts import (
    BENCHMARK,
    DATABASE,
    LANGUAGE,
    METRICS,
    App,
    At,
    Found,
    Limit,
    Program,
    Setting,
    Start,
    Thing,
)
from bmad_provisioner.kinds.performance.discover.files import Files, is_test, name
from bmad_provisioner.kinds.performance.discover.registering import register
from bmad_provisioner.kinds.performance.discover.routes import routes
from bmad_provisioner.kinds.performance.discover.source import Source, source
from bmad_provisioner.kinds.performance.discover.surroundings import STORE, surroundings
from bmad_provisioner.kinds.performance.order import Order
from bmad_provisioner.kinds.performance.report.wording import counted

_USUAL = frozenset(("PATH", "HOME", "USER", "LANG", "TMPDIR", "PWD", "SHELL", "TERM", "PYTHONPATH", "DJANGO_SETTINGS_MODULE"))
"""Variables that are there anyway, or that the project sets itself."""
_ENGINES = {"postgresql": "PostgreSQL", "mysql": "MySQL", "sqlite3": "SQLite", "oracle": "Oracle"}
_TOLD_METRICS = frozenset(("/metrics", "/prometheus", "/actuator/prometheus"))
_LANGUAGES = {
    ".py": known.PYTHON, ".js": known.NODE, ".mjs": known.NODE, ".ts": "TypeScript", ".tsx": "TypeScript", ".go": known.GO,
    ".java": known.JAVA, ".kt": "Kotlin", ".rb": known.RUBY, ".rs": known.RUST, ".php": known.PHP, ".cs": "C#",
}  # fmt: skip
_SUFFIXES = (
    ".py", ".js", ".mjs", ".cjs", ".ts", ".tsx", ".html", ".json", ".jsonl", ".yaml", ".yml", ".log", ".log.*", ".gradle", ".kts",
)  # fmt: skip
_NAMES = (
    "*requirements*.txt", "*requirements*.in", "pyproject.toml", "setup.cfg", "Pipfile", "go.mod", "pom.xml", "Gemfile",
    "Cargo.toml", "Dockerfile*", "*.Dockerfile", "Containerfile", "Procfile", "Jenkinsfile", ".env*",
)  # fmt: skip
PATTERNS = (
    *(f"**/*{one}" for one in _SUFFIXES),
    *(f"**/{one}" for one in _NAMES),
    *(f"!**/{one}/**" for one in ("node_modules", "site-packages", ".venv", "venv")),
    "!performance/**",
)
"""What is looked at, besides the sources of the targets."""
_STATIC = re.compile(r"^(?:(?:public|static|www|site|web|html|src)/)?([\w-]{1,60})\.html$")


def found(order: Order, paths: Sequence[str], read: Callable[[str], bytes]) -> Found:
    """Return everything that the given files say of what decides the project's speed; it never fails on one of them."""
    return _found(Files((path for path in paths if not path.startswith(f"{order.folder}/")), read))


def _found(files: Files) -> Found:
    sources = _sources(files)
    answered = (*routes(files, sources), *javascript.routes(files))
    things = [*dependencies(files), *_languages(files), *(one for told in sources.values() for one in _things(told))]
    answered += tuple(javascript.pages(files)) if any(one.name == "Next.js" for one in things) else ()
    beside = [*surroundings(files), *limits.limits(files)]
    things += [one for one in beside if isinstance(one, Thing)]
    things += [Thing(METRICS, "a page of metrics", one.at, one.path) for one in answered if one.path in _TOLD_METRICS]
    settings = [one for one in beside if isinstance(one, Setting)]
    settings += [Setting(*one) for told in sources.values() for one in _settings(told)]
    return Found(
        things=_ordered(things),
        apps=tuple(
            App(one.framework, one.factory or one.name, At(told.path, one.line), bool(one.factory))
            for told in sources.values()
            for one in told.made
            if one.framework
        ),
        programs=tuple(one for told in sources.values() for one in _programs(told)),
        starts=tuple(one for one in beside if isinstance(one, Start)),
        ports=(
            *((port, At(told.path, line)) for told in sources.values() for port, line in told.ports if port),
            *javascript.ports(files),
        ),
        settings=tuple(sorted(set(settings))),
        routes=answered,
        operations=tuple(openapi.operations(files)),
        logs=tuple(access_log.logs(files)),
        limits=tuple(one for one in beside if isinstance(one, Limit)),
        pages=tuple(path for path in files.paths if _STATIC.match(path)),
        unread=tuple(sorted(files.unread, key=lambda one: (one.at, one.why))),
        left_out=files.left_out,
    )


def _sources(files: Files) -> Mapping[str, Source]:
    """Return what every Python file says that is no test."""
    told: dict[str, Source] = {}
    for path in files.named(".py"):
        if not is_test(path):
            told[path], nodes = source(files, path)
            register(told[path], nodes)
    return told


def _languages(files: Files) -> Iterator[Thing]:
    """Yield the languages that files are written in, with how many there are."""
    counts: dict[str, list[str]] = {}
    for path in files.paths:
        language = _LANGUAGES.get("." + path.rpartition(".")[2])
        if language:
            counts.setdefault(language, []).append(path)
    yield from (Thing(LANGUAGE, language, At(some[0]), counted(len(some), "file")) for language, some in counts.items())


def _things(told: Source) -> Iterator[Thing]:
    """Yield what a Python file imports and uses that is known."""
    for module, line in told.modules.items():
        part = known.MODULES.get(module)
        if part:
            yield Thing(*part, At(told.path, line), f"import {module}")
    for engine, line in told.engines:
        if engine in _ENGINES:
            yield Thing(DATABASE, _ENGINES[engine], At(told.path, line), f"django.db.backends.{engine}")
    yield from (Thing(METRICS, f"{kind} of prometheus-client", At(told.path, line), kind) for kind, line in told.counters)
    if told.path.startswith("benchmarks/") and name(told.path).startswith(("bench", "time_")):
        yield Thing(BENCHMARK, "benchmarks", At(told.path), name(told.path))


def _settings(told: Source) -> Iterator[tuple[str, At, bool]]:
    for variable, line, required in told.settings:
        if (required and variable not in _USUAL) or STORE.search(variable):
            yield variable, At(told.path, line), required


def _programs(told: Source) -> Iterator[Program]:
    package = name(told.path) == "__main__.py"
    if told.runs or package:
        serves = bool(told.ports) or any(one.framework for one in told.made)
        port = max((port for port, _ in told.ports), default=0) if serves else None
        alone = told.words == 1 and bool(told.ports)
        yield Program(At(told.path, told.runs), package, told.asks or (told.words > 0 and not alone), port, alone)


def _ordered(things: list[Thing]) -> tuple[Thing, ...]:
    """Return things by their part; what a manifest says before what is imported, and nearer to the top before deeper."""
    return tuple(
        sorted(
            dict.fromkeys(things),
            key=lambda one: (one.role, one.name.lower(), one.said.startswith("import "), one.at.path.count("/"), one.at),
        )
    )
