"""Foreign: words that mean something in Python 2 or in other languages, and that nothing binds here."""

from __future__ import annotations

import ast
import re

from bmad_provisioner.kinds.code.repair.knows import Knows
from bmad_provisioner.kinds.code.repair.model import SIGNATURES
from bmad_provisioner.kinds.code.repair.places import Idea, Parsed

_HERE = {
    "xrange": "range",
    "unicode": "str",
    "raw_input": "input",
    "unichr": "chr",
    "basestring": "str",
    "long": "int",
    "true": "True",
    "false": "False",
    "null": "None",
    "nil": "None",
    "none": "None",
    "NULL": "None",
    "TRUE": "True",
    "FALSE": "False",
}
_DOUBTED = frozenset({"long", "basestring", "none", "nil"})
_ASKS_VERSION = re.compile(r"\b(?:PY2|PY3|py2|py3|six|version_info|python_version|PYTHON2|PYTHON3|is_py2|is_py3|IS_PY2|IS_PY3)\b")


def words(parsed: Parsed, name: str, known: Knows) -> list[Idea]:
    """Return what a foreign word is called here, at each of its places; unsure where the file knows of the other Python."""
    if name not in _HERE or name in known.defines or name in known.imports:
        return []
    uses = parsed.uses[name]
    asks = any(_is_asked(parsed, use) for use in uses)
    sure = 0.5 if asks else 0.9 if name not in _DOUBTED else 0.85
    reason = f"`{name}` is called `{_HERE[name]}` here"
    return [Idea(parsed.start(use), parsed.end(use), _HERE[name], SIGNATURES, sure, reason) for use in uses]


def _is_asked(parsed: Parsed, use: ast.Name) -> bool:
    """Whether a condition around a use asks which Python runs."""
    return any(
        isinstance(outer, ast.If | ast.IfExp | ast.BoolOp) and _ASKS_VERSION.search(ast.unparse(getattr(outer, "test", outer)))
        for outer in parsed.above(use)
    )
