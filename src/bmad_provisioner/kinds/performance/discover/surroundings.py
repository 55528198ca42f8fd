"""Surroundings: containers, CI, collectors, commands and settings that a project keeps beside its code."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bmad_provisioner.kinds.performance.discover import known
from bmad_provisioner.kinds.performance.discover.facts import (
    BENCHMARK,
    CI,
    CONTAINER,
    METRICS,
    TRACING,
    At,
    Setting,
    Start,
    Thing,
)
from bmad_provisioner.kinds.performance.discover.files import Files, is_test, mapping, name

_CI = (
    (re.compile(r"^\.github/workflows/[^/]+\.ya?ml$"), "GitHub Actions"),
    (re.compile(r"^\.gitlab-ci\.ya?ml$"), "GitLab CI"),
    (re.compile(r"^\.circleci/config\.ya?ml$"), "CircleCI"),
    (re.compile(r"^(?:.{1,200}/)?Jenkinsfile$"), "Jenkins"),
    (re.compile(r"^azure-pipelines\.ya?ml$"), "Azure Pipelines"),
    (re.compile(r"^bitbucket-pipelines\.ya?ml$"), "Bitbucket Pipelines"),
    (re.compile(r"^\.travis\.ya?ml$"), "Travis CI"),
    (re.compile(r"^\.woodpecker(?:/[^/]+)?\.ya?ml$"), "Woodpecker"),
    (re.compile(r"^\.forgejo/workflows/[^/]+\.ya?ml$"), "Forgejo Actions"),
)
_COMPOSE = re.compile(r"^(?:docker-)?compose(?:[.-][\w.-]{1,60})?\.ya?ml$")
_DOCKERFILE = re.compile(r"^(?:Dockerfile(?:\.[\w.-]{1,60})?|[\w.-]{1,60}\.Dockerfile|Containerfile)$")
_FROM = re.compile(r"^FROM\s+(?:--\S{1,100}\s+)?(\S{1,200})", re.IGNORECASE)
_PROMETHEUS = re.compile(r"^prometheus[\w.-]{0,40}\.ya?ml$")
_COLLECTOR = re.compile(r"(?:otel|opentelemetry|collector)[\w.-]{0,40}\.ya?ml$")
_ENV = re.compile(r"^\.?env(?:\.[\w.-]{1,40})?$|\.env$")
_NAME = re.compile(r"^\s*(?:export\s+)?([A-Za-z_]\w{0,99})\s*=")
_PROCFILE = re.compile(r"^web:\s*(\S.{0,500})$")
STORE = re.compile(
    r"(?:^|_)(?:DSN|DATABASE_UR[IL]|DB_UR[IL]|(?:POSTGRES|PG|MYSQL|MARIADB|MONGO|MONGODB|REDIS|CACHE|BROKER)\w*_(?:UR[IL]|HOST|DSN)|DB_HOST|PGHOST|DATABASE_HOST)$"
)
"""The NAME of a setting that says where a store is."""


def surroundings(files: Files) -> Iterator[Thing | Start | Setting]:
    """Yield what the files beside the code say."""
    for path in files.paths:
        file = name(path)
        tool = next((tool for pattern, tool in _CI if pattern.match(path)), "")
        if tool:
            yield Thing(CI, tool, At(path), file)
        elif _COMPOSE.match(file):
            yield Thing(CONTAINER, "Compose", At(path), file)
            yield from _composed(files, path)
        elif _DOCKERFILE.match(file):
            yield from _container(files, path)
        elif _PROMETHEUS.match(file):
            yield from _scraped(files, path)
        elif _COLLECTOR.search(file) and "receivers:" in files.text(path):
            yield Thing(TRACING, "OpenTelemetry Collector", At(path), file)
        elif _ENV.search(file) and not is_test(path):
            yield from _variables(files, path)
        elif file == "Procfile":
            yield from _commanded(files, path)
        elif file == "package.json" and "/" not in path:
            yield from _scripted(files, path)
        elif file == "asv.conf.json":
            yield Thing(BENCHMARK, "asv", At(path), file)


def _composed(files: Files, path: str) -> Iterator[Thing | Setting]:
    data, lines = files.data(path)
    for service, said in mapping(mapping(data).get("services")).items():
        image = str(mapping(said).get("image", ""))
        found = known.IMAGES.get(_short(image))
        if found:
            yield Thing(*found, At(path, lines.get(("services", service, "image"), 0)), f"image: {image}")
        given = mapping(said).get("environment")
        names = [str(one).partition("=")[0] for one in (given if isinstance(given, list) else mapping(given))]
        at = At(path, lines.get(("services", service, "environment"), 0))
        yield from (Setting(one, at) for one in names if STORE.search(one))


def _short(image: str) -> str:
    """Return the last part of an image's name, without its tag."""
    return image.partition("@")[0].rpartition("/")[2].partition(":")[0].lower()


def _container(files: Files, path: str) -> Iterator[Thing]:
    for number, line in enumerate(files.lines(path), 1):
        found = _FROM.match(line)
        if found:
            yield Thing(CONTAINER, "Docker", At(path, number), f"FROM {found[1]}")
            part = known.IMAGES.get(_short(found[1]))
            if part:
                yield Thing(*part, At(path, number), f"FROM {found[1]}")


def _scraped(files: Files, path: str) -> Iterator[Thing]:
    data, lines = files.data(path)
    jobs = mapping(data).get("scrape_configs")
    if not isinstance(jobs, list):
        return
    named = ", ".join(str(mapping(job).get("job_name", "")) for job in jobs)
    yield Thing(METRICS, "Prometheus", At(path, lines.get(("scrape_configs",), 0)), f"scrapes {named}"[:200])


def _variables(files: Files, path: str) -> Iterator[Setting]:
    for number, line in enumerate(files.lines(path), 1):
        found = _NAME.match(line)
        if found and STORE.search(found[1]):
            yield Setting(found[1], At(path, number))


def _commanded(files: Files, path: str) -> Iterator[Start]:
    for number, line in enumerate(files.lines(path), 1):
        found = _PROCFILE.match(line)
        if found:
            yield Start(found[1].strip(), At(path, number))


def _scripted(files: Files, path: str) -> Iterator[Start]:
    data, lines = files.data(path)
    if isinstance(mapping(mapping(data).get("scripts")).get("start"), str):
        yield Start("npm start", At(path, lines.get(("scripts", "start"), 0)))
