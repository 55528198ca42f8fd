"""Dependencies: what the manifests of a project say it needs, by the language that they are of."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from bmad_provisioner.kinds.performance.discover import known
from bmad_provisioner.kinds.performance.discover.facts import LANGUAGE, At, Thing
from bmad_provisioner.kinds.performance.discover.files import Files, is_test, mapping, matches, name

_NAME = re.compile(r"^\s*([A-Za-z0-9][A-Za-z0-9._-]{0,99})")
_QUOTED = re.compile(r"""["']([A-Za-z0-9@][A-Za-z0-9@._/:-]{0,149})[^"'\n]{0,100}["']""")
_WORD = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)")
_GO_LINE = re.compile(r"^\s*(?:require\s+)?([a-z0-9.-]+\.[a-z]{2,}/[^\s]{1,150})\s+v[0-9]", re.MULTILINE)
_ARTIFACT = re.compile(r"<artifactId>\s*([\w.-]{1,100})\s*</artifactId>")
_GEM = re.compile(r"""^\s*gem\s+["']([\w-]{1,80})["']""", re.MULTILINE)
_Named = Iterator[tuple[str, int]]


def dependencies(files: Files) -> Iterator[Thing]:
    """Yield the languages of a project's manifests, and what is known of what these name."""
    for path in files.paths:
        reader = _reader(name(path))
        if reader is None or is_test(path):
            continue
        language, read = reader
        yield Thing(LANGUAGE, language, At(path), name(path))
        for package, line in read(files, path):
            found = known.package(language, package.lower())
            if found:
                yield Thing(*found, At(path, line), package)


def _reader(file: str) -> tuple[str, Callable[[Files, str], _Named]] | None:
    if re.fullmatch(r"[\w.-]*requirements[\w.-]*\.(?:txt|in)", file):
        return known.PYTHON, _requirements
    if file.endswith((".gradle", ".gradle.kts")):
        return known.JAVA, _gradle
    return _READERS.get(file)


def _requirements(files: Files, path: str) -> _Named:
    for number, line in enumerate(files.lines(path), 1):
        found = _NAME.match(line)
        if found:
            yield _normal(found[1]), number


def _pyproject(files: Files, path: str) -> _Named:
    data = _toml(files, path)
    yield from _found(files, path, _needed(data))


def _needed(data: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a `pyproject.toml` needs, as pip, uv and Poetry write it."""
    project = mapping(data.get("project"))
    groups = mapping(project.get("optional-dependencies")), mapping(data.get("dependency-groups"))
    rows = [project.get("dependencies"), *(row for group in groups for row in group.values())]
    yield from (text for row in rows if isinstance(row, list) for text in row if isinstance(text, str))
    poetry = mapping(mapping(data.get("tool")).get("poetry"))
    yield from mapping(poetry.get("dependencies"))
    yield from mapping(poetry.get("dev-dependencies"))
    for group in mapping(poetry.get("group")).values():
        yield from mapping(mapping(group).get("dependencies"))


def _pipfile(files: Files, path: str) -> _Named:
    data = _toml(files, path)
    yield from _found(files, path, [*mapping(data.get("packages")), *mapping(data.get("dev-packages"))])


def _cargo(files: Files, path: str) -> _Named:
    data = _toml(files, path)
    yield from _found(files, path, [*mapping(data.get("dependencies")), *mapping(data.get("dev-dependencies"))])


def _setup_cfg(files: Files, path: str) -> _Named:
    """Yield the requirements of a `setup.cfg`: indented lines, whatever the key above them."""
    for number, line in enumerate(files.lines(path), 1):
        found = _NAME.match(line)
        if found and line[:1].isspace():
            yield _normal(found[1]), number


def _setup_py(files: Files, path: str) -> _Named:
    tree = files.tree(path)
    keywords = (node for node in ast.walk(tree) if isinstance(node, ast.keyword)) if tree else ()
    for keyword in keywords:
        texts = ast.walk(keyword.value) if keyword.arg in ("install_requires", "extras_require", "tests_require") else ()
        for text in texts:
            match = _NAME.match(text.value) if isinstance(text, ast.Constant) and isinstance(text.value, str) else None
            if match and isinstance(text, ast.Constant):
                yield _normal(match[1]), text.lineno


def _package_json(files: Files, path: str) -> _Named:
    data, lines = files.data(path)
    for key in ("dependencies", "devDependencies"):
        yield from ((package, lines.get((key, package), 0)) for package in mapping(mapping(data).get(key)))


def _composer(files: Files, path: str) -> _Named:
    data, lines = files.data(path)
    yield from ((package, lines.get(("require", package), 0)) for package in mapping(mapping(data).get("require")))


def _go_mod(files: Files, path: str) -> _Named:
    return _matches(files.text(path), _GO_LINE)


def _pom(files: Files, path: str) -> _Named:
    return _matches(files.text(path), _ARTIFACT)


def _gradle(files: Files, path: str) -> _Named:
    for coordinates, line in _matches(files.text(path), _QUOTED):
        parts = coordinates.split(":")
        if len(parts) > 1:
            yield parts[1], line


def _gemfile(files: Files, path: str) -> _Named:
    return _matches(files.text(path), _GEM)


_READERS: Mapping[str, tuple[str, Callable[[Files, str], _Named]]] = {
    "pyproject.toml": (known.PYTHON, _pyproject),
    "Pipfile": (known.PYTHON, _pipfile),
    "setup.cfg": (known.PYTHON, _setup_cfg),
    "setup.py": (known.PYTHON, _setup_py),
    "package.json": (known.NODE, _package_json),
    "composer.json": (known.PHP, _composer),
    "go.mod": (known.GO, _go_mod),
    "pom.xml": (known.JAVA, _pom),
    "Gemfile": (known.RUBY, _gemfile),
    "Cargo.toml": (known.RUST, _cargo),
}


def _toml(files: Files, path: str) -> dict[str, Any]:
    try:
        return tomllib.loads(files.text(path))
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        files.note(path, f"no TOML: {error}", int(line[1]) if line else 0)
    except RecursionError:
        files.note(path, "it is nested too deeply")
    return {}


def _found(files: Files, path: str, needed: Iterable[str]) -> _Named:
    """Yield the names of requirements with the first line that holds each."""
    lines: dict[str, int] = {}
    for word, line in _matches(files.text(path), _WORD):
        lines.setdefault(word, line)
    for text in needed:
        match = _NAME.match(text)
        if match:
            yield _normal(match[1]), lines.get(match[1], 0)


def _matches(text: str, pattern: re.Pattern[str]) -> _Named:
    return ((found[1], line) for found, line in matches(text, pattern))


def _normal(package: str) -> str:
    """Return the name under which an index of Python packages keeps a package."""
    return re.sub(r"[-_.]+", "-", package).lower()
