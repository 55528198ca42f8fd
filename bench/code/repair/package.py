"""Package: what the modules of a package define, read from their text; nothing is imported."""

from __future__ import annotations

import ast
import re
import symtable
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

_ANY = "*"


def module(path: str) -> str:
    """Return the dotted name under which a file is imported: `a/b/__init__.py` is `a.b`."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


@dataclass(frozen=True, slots=True)
class Package:
    """A module: the names that it binds, `*` among them where that cannot be known; and every word of all files."""

    names: Mapping[str, frozenset[str]] = field(default_factory=dict)
    words: frozenset[str] = frozenset()

    @classmethod
    def of(cls, files: Mapping[str, bytes]) -> Package:
        """Return what the files of one package define."""
        texts = {path: data.decode("utf-8", "replace") for path, data in files.items()}
        names = {module(path): _bound(text) for path, text in texts.items()}
        return cls(names, frozenset(word for text in texts.values() for word in re.findall(r"\w+", text)))

    def siblings(self, home: str) -> list[str]:
        """Return the modules in the same folder as a module."""
        folder = home.rpartition(".")[0]
        return sorted(name for name in self.names if name.rpartition(".")[0] == folder and folder)

    def missing(self, path: str, tree: ast.Module) -> Iterator[str]:
        """Yield what a file imports from its own package that is not there."""
        root = path.split("/", maxsplit=1)[0]
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                home = resolve(path, node)
                if home.split(".")[0] == root or node.level:
                    yield from (f"{home}:{alias.name}" for alias in node.names if not self.has(home, alias.name))

    def has(self, home: str, name: str) -> bool:
        """Return whether a name can be imported from a module, as far as is known."""
        bound = self.names.get(home, frozenset())
        return name in bound or _ANY in bound or f"{home}.{name}" in self.names or (name == _ANY and home in self.names)


NO_PACKAGE = Package()


def resolve(path: str, node: ast.ImportFrom) -> str:
    """Return the module from which a file imports; empty dots above the package leave `?`."""
    if not node.level:
        return node.module or ""
    here = module(path).split(".")
    up = node.level - (1 if path.endswith("/__init__.py") else 0)
    base = here[: len(here) - up] if up < len(here) else ["?"]
    return ".".join([*base, *([node.module] if node.module else [])])


def _bound(text: str) -> frozenset[str]:
    try:
        table = symtable.symtable(text, "file", "exec")
    except (SyntaxError, ValueError):
        return frozenset((_ANY,))
    names = {one.get_name() for one in table.get_symbols() if one.is_assigned() or one.is_imported() or one.is_namespace()}
    open_ended = "__getattr__" in names or re.search(r"import \*|globals\(\)|setattr\(sys", text)
    return frozenset(names | ({_ANY} if open_ended else set()))
