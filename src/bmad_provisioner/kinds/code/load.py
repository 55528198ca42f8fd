"""Load: passes by the names that a document gives them."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module

from bmad_provisioner.errors import UsageError
from bmad_provisioner.kinds.code.codemod import codemod
from bmad_provisioner.kinds.code.rewriting import Pass
from bmad_provisioner.plugins import Plugins

GROUP = "bmad_provisioner.passes"


def load(names: Iterable[str]) -> tuple[Pass, ...]:
    """Return the passes of these names, in their order.

    A name is one that an installed distribution offers, or says where the pass lives: `our_company.passes:no_print`. What lives
    there is a `Pass`, or a `CodemodCommand` of LibCST. Raises UsageError where it is neither, or is not there.
    """
    offered = Plugins(GROUP)
    return tuple(_as_pass(name, _dotted(name) if ":" in name else offered[name]) for name in names)


def _dotted(name: str) -> object:
    module, _, attribute = name.partition(":")
    try:
        found: object = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, SyntaxError, ValueError) as error:
        raise UsageError(
            f"pass `{name}` does not load: {error}", hint="`package.module:name`, importable where bmadp runs"
        ) from error
    return found


def _as_pass(name: str, found: object) -> Pass:
    if isinstance(found, Pass):
        return found
    if isinstance(found, type) and hasattr(found, "transform_module") and hasattr(found, "DESCRIPTION"):
        return codemod(name, found)
    raise UsageError(f"`{name}` is no pass", hint="a `Pass`, or a subclass of `libcst.codemod.VisitorBasedCodemodCommand`")
