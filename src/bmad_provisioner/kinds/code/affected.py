"""Affected: which tests reach a changed file, by the imports that stand in the project."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import PurePosixPath

_IMPORT = re.compile(
    rb"^[ \t]*(?:from[ \t]+(\.*[\w.]*)[ \t]+import[ \t]+(\([^)]*\)|[^\n#;]*)|import[ \t]+([\w., \t]+))", re.MULTILINE
)
_SPELLED = re.compile(
    rb"[\"']([\w./-]*[./][\w./-]*)(?::[\w.]+)?[\"']"
    rb"|(?:[\"']-m[\"'][ \t]*,|\b(?:import_module|importorskip|__import__|run_module|find_spec)\()\s*[\"']([\w.]+)[\"']"
)
"""A module or a file as a text names it: to be patched, loaded by its name, or started."""
_OWN_CHOICE = re.compile(rb"^[ \t]*python_files[ \t]*=|doctest-(?:modules|glob)", re.MULTILINE)
_HARMLESS = frozenset({"test", "this", "antigravity", "__main__", "__init__"})
"""Names of the standard library that nothing imports."""


def roots(paths: Iterable[str]) -> tuple[str, ...]:
    """Return the folders that packages are imported from: the project, `src`, and those that hold packages.

    One in which something is called like a module of the standard library is left out: every program would import that instead.
    """
    known = set(paths)
    found = {"", *("src" for path in known if path.startswith("src/"))}
    for path in known:
        folder = PurePosixPath(path).parent
        if f"{folder}/__init__.py" not in known:
            continue
        while str(folder) != "." and f"{folder}/__init__.py" in known:
            folder = folder.parent
        found.add("" if str(folder) == "." else str(folder))
    taken = sys.stdlib_module_names - _HARMLESS
    hiding = {parent for path in known for parent, name in _holders(path, known) if name in taken}
    return tuple(sorted(found - hiding))


def _holders(path: str, known: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield the folder that a module stands in, with its name, and the same of a package."""
    folder, _, name = path.rpartition("/")
    if name == "__init__.py":
        folder, _, name = folder.rpartition("/")
    yield folder, name.removesuffix(".py")


def modules_of(path: str) -> tuple[str, ...]:
    """Return every dotted name under which a file may be imported, the longest first: where imports begin is not known."""
    parts = path.removesuffix(".py").removesuffix("/__init__").split("/")
    return tuple(".".join(parts[start:]) for start in range(len(parts)))


def imported(module: str, is_package: bool, data: bytes) -> set[str]:
    """Return the dotted names that a file imports, each with what it takes from them: modules, or names in modules."""
    found: set[str] = set()
    for source, names, plain in _IMPORT.findall(data):
        if plain:
            found |= {part.split()[0].decode() for part in plain.split(b",") if part.split()}
            continue
        base = _absolute(source.decode(), module, is_package)
        taken = re.sub(rb"#[^\n]*", b"", names).strip(b"()").split(b",")
        found |= {base} | {f"{base}.{part.split()[0].decode()}" for part in taken if part.split()}
    return found


def _absolute(source: str, module: str, is_package: bool) -> str:
    dots = len(source) - len(source.lstrip("."))
    if not dots:
        return source
    parts = module.split(".")
    home = parts[: len(parts) - dots + is_package]
    return ".".join([*home, *filter(None, [source.lstrip(".")])])


def is_test(path: str) -> bool:
    """Say whether pytest collects tests from a file by its name."""
    name = PurePosixPath(path).name
    return name.endswith(".py") and (name.startswith("test_") or name.endswith("_test.py"))


def chooses_its_own(configuration: bytes) -> bool:
    """Say whether a project tells pytest to collect tests from other files than those that are named like tests."""
    return _OWN_CHOICE.search(configuration) is not None


Links = Mapping[str, set[str]]
"""Which files each file imports."""


def links(contents: Mapping[str, bytes]) -> Links:
    """Return which of the files each of them imports or names, as far as that stands in it, and what is run before it."""
    modules: dict[str, set[str]] = {}
    for path in contents:
        for module in modules_of(path):
            modules.setdefault(module, set()).add(path)
    linked: dict[str, set[str]] = {}
    for path, data in contents.items():
        names = imported(modules_of(path)[0], path.endswith("__init__.py"), data) | set(_spelled(data))
        found = {each for name in names for part in _heads(name) for each in modules.get(part, ())}
        linked[path] = found | {each for each in _around(path) if each in contents} - {path}
    return linked


def _spelled(data: bytes) -> Iterator[str]:
    """Yield the modules that texts in a file may name, by dots or as a path."""
    for named, started in _SPELLED.findall(data):
        name = (named or started).decode()
        if name.endswith(".py"):
            yield name.removesuffix(".py").lstrip("./").replace("/", ".")
        elif "/" not in name:
            yield name.strip(".")


def _around(path: str) -> Iterator[str]:
    """Yield what is run before a file is imported, though it does not say so: of its packages, and what pytest looks for."""
    folder = path.rpartition("/")[0]
    while folder:
        yield f"{folder}/__init__.py"
        yield f"{folder}/conftest.py"
        folder = folder.rpartition("/")[0]
    yield "conftest.py"


def reach(linked: Links, start: Iterable[str]) -> set[str]:
    """Return the files that can be come to from some, those included."""
    found = set(start)
    todo = list(found)
    while todo:
        fresh = linked.get(todo.pop(), set()) - found
        found |= fresh
        todo += fresh
    return found


def affected(linked: Links, changed: Collection[str]) -> tuple[str, ...] | None:
    """Return the test files that reach a changed file; `None` where all do, because the outermost `conftest.py` changed."""
    if "conftest.py" in changed:
        return None
    importers: dict[str, set[str]] = {}
    for path, others in linked.items():
        for other in others:
            importers.setdefault(other, set()).add(path)
    return tuple(sorted(path for path in reach(importers, changed) if is_test(path)))


def _heads(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[: count + 1]) for count in range(len(parts))]
