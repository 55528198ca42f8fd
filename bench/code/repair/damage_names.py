"""Damage to names: lost and wrong imports, misspelt names, lost `self`; lost and needless `async` and `await`."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator
from random import Random

from damage_tokens import misspelt
from oracles import awaits_sync, coroutines, sync_functions
from package import module, resolve
from source import Damage, Edit, Source

_BUILTINS = frozenset(dir(builtins))


def _imports(source: Source) -> Iterator[ast.Import | ast.ImportFrom]:
    for node in source.tree.body:
        if isinstance(node, ast.Import) or (isinstance(node, ast.ImportFrom) and node.module != "__future__"):
            yield node


def lost_import(source: Source, _rng: Random) -> Iterator[Damage]:
    """A whole import is lost, all of whose names are used."""
    used = {node.id for node in source.nodes if isinstance(node, ast.Name)}
    for node in _imports(source):
        if {(alias.asname or alias.name).split(".")[0] for alias in node.names} <= used:
            yield (Edit(*source.cut(source.rows(node))),)


def lost_imported_name(source: Source, _rng: Random) -> Iterator[Damage]:
    """One name of several that are imported from a module is lost."""
    for node in _imports(source):
        spans = [source.span(alias) for alias in node.names] if len(node.names) > 1 else []
        for number, (start, end) in enumerate(spans):
            last = number == len(spans) - 1
            yield (Edit(spans[number - 1][1], end) if last else Edit(start, spans[number + 1][0]),)


def wrong_module(source: Source, rng: Random) -> Iterator[Damage]:
    """Names are imported from another module of their package, which has none of them."""
    for node in _imports(source):
        match = re.match(r"from\s+(\.*)([\w.]+)", source.text[source.span(node)[0] :])
        if isinstance(node, ast.ImportFrom) and node.module and match:
            home = resolve(source.path, node)
            others = [name for name in source.package.siblings(home) if name not in (home, module(source.path))]
            others = [name for name in others if not any(source.package.has(name, alias.name) for alias in node.names)]
            if others and home in source.package.names:
                start = source.span(node)[0] + match.start(2)
                last = start + match[2].rfind(".") + 1
                yield (Edit(last, source.span(node)[0] + match.end(2), rng.choice(others).rsplit(".", 1)[1]),)


def wrong_dots(source: Source, _rng: Random) -> Iterator[Damage]:
    """A relative import begins with a dot too many or too few."""
    for node in _imports(source):
        match = re.match(r"from\s+(\.+)", source.text[source.span(node)[0] :])
        if match:
            start = source.span(node)[0] + match.start(1)
            yield (Edit(start, start, "."),)
            yield (Edit(start, start + 1),) if len(match[1]) > 1 else (Edit(start, start, ".."),)


def _used(source: Source, *, built_in: bool) -> list[ast.Name]:
    found = []
    for node in source.nodes:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and len(node.id) >= 4:
            found += [node] if (node.id in _BUILTINS) == built_in else []
    return found


def _misspelt(source: Source, rng: Random, *, built_in: bool) -> Iterator[Damage]:
    for node in _used(source, built_in=built_in):
        yield (Edit(*source.span(node), misspelt(node.id, rng)),)


def misspelt_name(source: Source, rng: Random) -> Iterator[Damage]:
    """A name is misspelt where it is used."""
    return _misspelt(source, rng, built_in=False)


def misspelt_builtin(source: Source, rng: Random) -> Iterator[Damage]:
    """The name of something built in is misspelt."""
    return _misspelt(source, rng, built_in=True)


def _of_self(source: Source) -> Iterator[ast.Attribute]:
    for node in source.nodes:
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self":
            yield node


def misspelt_member(source: Source, rng: Random) -> Iterator[Damage]:
    """A member of `self` is misspelt where it is read."""
    for node in _of_self(source):
        if isinstance(node.ctx, ast.Load) and len(node.attr) >= 5:
            end = source.span(node)[1]
            yield (Edit(end - len(node.attr), end, misspelt(node.attr, rng)),)


def lost_self(source: Source, _rng: Random) -> Iterator[Damage]:
    """`self.` before a member is lost."""
    for node in _of_self(source):
        yield (Edit(source.span(node)[0], source.span(node)[1] - len(node.attr)),)


def lost_self_parameter(source: Source, _rng: Random) -> Iterator[Damage]:
    """A method lost its parameter `self`."""
    for node in source.nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.args.args and node.args.args[0].arg == "self":
            start, end = source.span(node.args.args[0])
            more = re.compile(r"\s*,\s*").match(source.text, end)
            yield (Edit(start, more.end() if more else end),)


def lost_async(source: Source, _rng: Random) -> Iterator[Damage]:
    """A function that awaits lost its `async`."""
    for node in source.nodes:
        if isinstance(node, ast.AsyncFunctionDef):
            start = source.span(node)[0]
            yield (Edit(start, start + len("async ")),)


def needless_await(source: Source, _rng: Random) -> Iterator[Damage]:
    """What a plain function of the same file returns, always `None`, is awaited."""
    plain = sync_functions(source.tree)
    for function in source.nodes:
        if isinstance(function, ast.AsyncFunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.Expr) and awaits_sync(node.value, plain):
                    start = source.span(node)[0]
                    yield (Edit(start, start, "await "),)


def lost_await(source: Source, _rng: Random) -> Iterator[Damage]:
    """A coroutine of the same file is called, and nobody awaits it."""
    known = coroutines(source.tree)
    for node in source.nodes:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Await) and awaits_sync(node.value.value, known):
            yield (Edit(source.span(node)[0], source.span(node.value.value)[0]),)
