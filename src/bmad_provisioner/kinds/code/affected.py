"""Affected: which tests reach a changed file, by the imports that stand in the project."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import PurePosixPath

_IMPORT = re.compile(
    rb"^[ \t]*(?:from[ \t]+(\.*[\w.]*)[ \t]+import[ \t]+(\([^)]*\)|[^\n#;]*)|import[ \t]+([\w., \t]+))", re.MULTILINE
)


def roots(paths: Iterable[str]) -> tuple[str, ...]:
    """Return the folders that packages and modules are imported from: above the highest folder with an `__init__.py`, and `src`."""
    known = set(paths)
    found = {"", *("src" for path in known if path.startswith("src/"))}
    for path in known:
        folder = PurePosixPath(path).parent
        while str(folder) != "." and f"{folder}/__init__.py" in known:
            folder = folder.parent
        found.add("" if str(folder) == "." else str(folder))
    return tuple(sorted(found))


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


Links = Mapping[str, set[str]]
"""Which files each file imports."""


def links(contents: Mapping[str, bytes]) -> Links:
    """Return which of the files each of them imports, as far as that stands in it."""
    modules: dict[str, set[str]] = {}
    for path in contents:
        for module in modules_of(path):
            modules.setdefault(module, set()).add(path)
    return {
        path: {
            found
            for name in imported(modules_of(path)[0], path.endswith("__init__.py"), data)
            for part in _heads(name)
            for found in modules.get(part, ())
        }
        for path, data in contents.items()
    }


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
    """Return the test files that reach a changed file through imports; `None` where all do, because a `conftest.py` changed."""
    if any(PurePosixPath(path).name == "conftest.py" for path in changed):
        return None
    importers: dict[str, set[str]] = {}
    for path, others in linked.items():
        for other in others:
            importers.setdefault(other, set()).add(path)
    return tuple(sorted(path for path in reach(importers, changed) if is_test(path)))


def _heads(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[: count + 1]) for count in range(len(parts))]
