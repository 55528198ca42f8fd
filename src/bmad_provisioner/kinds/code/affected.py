"""Affected: which tests reach a changed file, by the imports that stand in the project."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import PurePosixPath

_IMPORT = re.compile(
    rb"^[ \t]*(?:from[ \t]+(\.*[\w.]*)[ \t]+import[ \t]+(\([^)]*\)|[^\n#;]*)|import[ \t]+([\w., \t]+))", re.MULTILINE
)


def roots(paths: Iterable[str]) -> tuple[str, ...]:
    """Return the folders that packages and modules are imported from: above the highest folder with an `__init__.py`."""
    known = set(paths)
    found: dict[str, None] = {}
    for path in sorted(known):
        folder = PurePosixPath(path).parent
        while str(folder) != "." and f"{folder}/__init__.py" in known:
            folder = folder.parent
        found["" if str(folder) == "." else str(folder)] = None
    return tuple(sorted(found))


def module_of(path: str, folders: Iterable[str]) -> str:
    """Return the dotted name under which a file is imported, from the deepest of the folders that holds it."""
    inside = [folder for folder in folders if not folder or path.startswith(f"{folder}/")]
    rest = path[len(max(inside, key=len, default="")) :].lstrip("/")
    return rest.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


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


def affected(contents: Mapping[str, bytes], changed: Collection[str]) -> tuple[str, ...] | None:
    """Return the test files that reach a changed file through imports; `None` where all do, because a `conftest.py` changed."""
    if any(PurePosixPath(path).name == "conftest.py" for path in changed):
        return None
    folders = roots(contents)
    modules = {module_of(path, folders): path for path in contents}
    wanted_by: dict[str, set[str]] = {}
    for module, path in modules.items():
        for name in imported(module, path.endswith("__init__.py"), contents[path]):
            for part in _heads(name):
                if part in modules:
                    wanted_by.setdefault(modules[part], set()).add(path)
    reached, todo = set(changed), list(changed)
    while todo:
        fresh = wanted_by.get(todo.pop(), set()) - reached
        reached |= fresh
        todo += fresh
    return tuple(sorted(path for path in reached if is_test(path)))


def _heads(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[: count + 1]) for count in range(len(parts))]
