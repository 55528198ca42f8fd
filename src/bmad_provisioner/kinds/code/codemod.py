"""Codemod: a command written for `libcst.tool codemod` as a pass, unchanged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bmad_provisioner.digest import Plain
from bmad_provisioner.kinds.code.module import Hit
from bmad_provisioner.kinds.code.rewriting import Pass, Scope

if TYPE_CHECKING:
    from libcst import Module as Tree

    from bmad_provisioner.kinds.code.module import Module


def codemod(name: str, command: type[Any], needles: tuple[bytes, ...] = (), arguments: Mapping[str, Plain] | None = None) -> Pass:
    """Return a `CodemodCommand` as a pass, under the dotted name that it was asked for by.

    It sees whole files and every one of them, unless `needles` say what a file must hold to matter; the tree that it gets
    is the one that all such commands of a run share. `arguments` are what it would be given on the command line.
    """
    given = dict(arguments or {})

    def find(module: Module) -> tuple[Hit, ...]:
        return (Hit(0, len(module.text), message=str(command.DESCRIPTION)),)

    def run(module: Module, tree: Tree) -> Tree:
        from libcst.codemod import CodemodContext, SkipFile  # noqa: PLC0415 - LibCST takes longer to load than most runs

        context = CodemodContext(filename=module.path or None)
        try:
            changed: Tree = command(context, **given).transform_module(tree)
        except SkipFile:
            return tree
        return changed

    return Pass(name, "1", needles, find, run=run, scope=Scope.MODULE, options={"arguments": given}, code=(command.__module__,))
