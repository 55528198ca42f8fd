"""Mutants: take one sync (or one rule) out of the product and see that the harness notices.

A sync that can be taken out unnoticed is either needless or in a place that the recorded runs do not reach: each stands
in `JUSTIFIED` with the reason.
"""

from __future__ import annotations

import ast
import importlib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TREE = Path(__file__).resolve().parents[2] / "src" / "bmad_provisioner" / "tree"
JUSTIFIED: Mapping[str, str] = {
    "what was taken back is not synced": (
        "taking back a second time, with the slots gone, finds nothing of ours to move; it matters only to a file that "
        "somebody makes anew with exactly our bytes between the two"
    ),
}


def _module(name: str) -> Any:
    return importlib.import_module(f"bmad_provisioner.tree.{name}")


def sites() -> list[str]:
    """Return every place in tree/ that calls `sync` or `os.fsync`, as `module.function`, in order."""
    found = []
    for path in sorted(TREE.glob("*.py")):
        if path.name == "durable.py":
            continue  # what `sync` itself is made of
        for function in ast.walk(ast.parse(path.read_text())):
            if isinstance(function, ast.FunctionDef):
                calls = [call for call in ast.walk(function) if isinstance(call, ast.Call)]
                names = [call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "") for call in calls]
                found += [f"{path.stem}.{function.name}"] * sum(name in ("sync", "fsync") for name in names)
    return found


@dataclass(frozen=True)
class Mutant:
    """A change made to the product in a child that is about to run; `portable`: only without renameat2."""

    name: str
    change: Callable[[], None]
    portable: bool = False
    site: str = ""


def _without_sync(module: str, function: str, keep: Callable[[str], bool] = lambda path: False) -> Callable[[], None]:
    """Take out the `sync` calls of one function, but for the paths to `keep`."""

    def change() -> None:
        target = _module(module)
        real = target.sync

        def sync(paths: Sequence[str], *, anchor: str) -> None:
            if sys._getframe(1).f_code.co_name == function:
                paths = [path for path in paths if keep(path)]
            real(paths, anchor=anchor)

        target.sync = sync

    return change


class _Os:
    """The module `os` but for `fsync`, which does nothing when one function calls it."""

    def __init__(self, function: str) -> None:
        self._function = function

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def fsync(self, handle: int) -> None:
        if sys._getframe(1).f_code.co_name != self._function:
            os.fsync(handle)


def _without_fsync(module: str, function: str) -> Callable[[], None]:
    def change() -> None:
        _module(module).os = _Os(function)

    return change


def _blobs_not_synced() -> None:
    blobs = importlib.import_module("bmad_provisioner.blobs")
    real = blobs.Blobs._open

    def opened(self: Any) -> Any:
        connection = real(self)
        connection.execute("PRAGMA synchronous=OFF")
        return connection

    blobs.Blobs._open = opened


def _overwriting() -> None:
    """Publish by writing over the file, as most installers do."""
    publisher = _module("publish").Publisher

    def replace(self: Any, step: Any) -> None:
        slot, place = self._slot(step), self._project.at(step.path)
        with open(os.open(slot[0], os.O_RDONLY, dir_fd=slot[1]), "rb") as source:
            data = source.read()
        with open(os.open(place[0], os.O_WRONLY | os.O_TRUNC, dir_fd=place[1]), "wb") as target:
            target.write(data)

    publisher._replace = replace


def _is_state(path: str) -> bool:
    return "/txn/" not in path


def mutants() -> list[Mutant]:
    prepare = "commit._prepare"
    found = [
        Mutant("staged bytes and steps are not synced", _without_sync("commit", "_prepare", _is_state), site=prepare),
        Mutant("steps are not synced", _without_sync("commit", "_prepare", lambda p: not p.endswith("steps.json")), site=prepare),
        Mutant("the receipt is not synced", _without_sync("commit", "_prepare", lambda p: p.count("-") < 3 or "json" not in p)),
        Mutant("the commit's rename is not synced", _without_sync("commit", "commit"), site="commit.commit"),
        Mutant("published names are not synced", _without_sync("commit", "_sync"), site="commit._sync"),
        Mutant("the journal's folder is not synced", _without_sync("commit", "_forward"), site="commit._forward"),
        Mutant("the end is not synced", _without_sync("commit", "_finish"), site="commit._finish"),
        Mutant("the mark of taking back is not synced", _without_sync("commit", "_abort"), site="commit._abort"),
        Mutant("what was taken back is not synced", _without_sync("commit", "_take_back"), site="commit._take_back"),
        Mutant(
            "the withdrawn receipt is not synced", _without_sync("commit", "_withdraw_receipt"), site="commit._withdraw_receipt"
        ),
        Mutant("a linked file is not synced before its old name goes", _without_fsync("rename", "move"), True, "rename.move"),
        Mutant("the second name is not synced", _without_fsync("publish", "_replace_by_link"), True, "publish._replace_by_link"),
        Mutant("a folder made again is not synced", _without_fsync("publish", "_undelete"), site="publish._undelete"),
        Mutant("blobs are not synced", _blobs_not_synced),
        Mutant("files are written over in place", _overwriting),
    ]
    missing = sorted(set(sites()) - {mutant.site for mutant in found})
    if missing:
        raise AssertionError(f"no mutant takes out the sync at {missing}")
    return found
