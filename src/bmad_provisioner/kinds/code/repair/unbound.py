"""Unbound: the names of a text that nothing in it binds, in quoted annotations too."""

from __future__ import annotations

import ast

from bmad_provisioner.kinds.code.repair.guards import expects
from bmad_provisioner.kinds.code.repair.oracle import tree
from bmad_provisioner.kinds.code.repair.places import Parsed
from bmad_provisioner.kinds.code.repair.quoted import quoted
from bmad_provisioner.kinds.code.repair.scopes import BUILTIN, Names
from bmad_provisioner.kinds.code.repair.visible import Visible

_NEVER = frozenset({"_", "reveal_type", "get_ipython", "WindowsError"})
"""Names that nothing binds in healthy files too: put there by others."""


def parse(text: str) -> Parsed | None:
    """Return a text with its tree, where names in quoted annotations count as used."""
    parsed_tree = tree(text)
    if not isinstance(parsed_tree, ast.Module):
        return None
    parsed = Parsed(text, parsed_tree)
    for string, name in list(quoted(parsed)):
        parsed.parents[name] = string
        parsed.uses.setdefault(name.id, []).append(name)
    return parsed


def loose(parsed: Parsed, found: Names) -> list[str]:
    """Return the unbound names that are worth a word: not those that a `try` expects, nor one the end of the file may have cut.

    Of such a name only the uses that nothing binds stay with `parsed`.
    """
    if found.star:
        return []
    cut = len(parsed.lines) if not parsed.text.endswith("\n") else 0
    seen = Visible(parsed)
    worth = []
    in_quotes = {name for name, uses in parsed.uses.items() if any(_is_quoted(parsed, use) for use in uses)}
    for name in sorted((found.loose | in_quotes) - _NEVER - BUILTIN - found.bound):
        uses = [use for use in parsed.uses.get(name, []) if isinstance(use.ctx, ast.Load) and not seen.sees(use, name)]
        if uses and not any(use.lineno == cut or expects(parsed, use, "NameError") for use in uses):
            worth.append(name)
            parsed.uses[name] = uses
    return worth


def _is_quoted(parsed: Parsed, use: ast.Name) -> bool:
    return isinstance(parsed.parents[use], ast.Constant)
