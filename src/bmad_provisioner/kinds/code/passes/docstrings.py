"""Docstrings: their quotes, margins and blank ends as PEP 257 has them; not a word of them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from bmad_provisioner.kinds.code.module import Hit, Module
from bmad_provisioner.kinds.code.rewriting import Example, Pass, untouched

_LITERAL = re.compile(r"""([rR]?)(\"\"\"|'''|"|')(.*)\2""", re.DOTALL)
_TRAILING = re.compile(r"[ ]+(?=\n)")


def find(module: Module) -> Iterator[Hit]:
    """Yield each docstring that is not as it should be."""
    places = [(owner, owner.body[0]) for owner, *_ in module.owners]
    for owner, first in [(None, first) for first in module.tree.body[:1]] + places:
        if type(first) is ast.Expr and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
            literal = first.value
            text = module.segment(literal)
            better = _better(text, literal.col_offset, owner is None, _begins_line(module, literal))
            if better and better != text:
                name = f"`{owner.name}`" if owner else "the module"
                yield module.exact(first, literal, better, f"the docstring of {name}")


def _begins_line(module: Module, literal: ast.expr) -> bool:
    start = module.start(literal)
    return not module.text[start - literal.col_offset : start].strip(" ")


def _better(text: str, column: int, of_module: bool, begins_line: bool) -> str:
    """Return a docstring as it should be; empty where that is not sure to say the same."""
    taken = _LITERAL.fullmatch(text)
    if not taken:
        return ""
    prefix, quote, inner = taken.groups()
    if quote in inner or '"""' in inner or ("\\" in inner and not prefix) or inner.endswith("\\"):
        return ""
    newline = "\r\n" if "\r\n" in inner else "\n"
    plain = inner.replace("\r\n", "\n")
    if not plain.strip() or any(letter in plain for letter in "\r\t\f\v"):
        return ""
    fresh = _laid_out(plain, column, of_module) if begins_line else plain.strip(" ") if "\n" not in plain else plain
    if fresh == plain and quote == '"""':
        return text
    if fresh.startswith('"') or fresh.endswith('"') or fresh.split() != plain.split():
        return ""
    return f'{prefix}"""{fresh}"""'.replace("\n", newline)


def _laid_out(inner: str, column: int, of_module: bool) -> str:
    """Return what is between the quotes with its margin below them; blanks at the ends of a doctest's lines may be expected."""
    if ">>>" not in inner:
        inner = _TRAILING.sub("", inner)
    head, *rest = inner.split("\n")
    head = head.strip(" ") if not rest or ">>>" not in inner else head.lstrip(" ")
    if not rest:
        return head
    closes_alone = not rest[-1].strip()
    while rest and not rest[-1].strip():
        rest.pop()
    if not of_module:
        rest = _moved(rest, column)
    if not closes_alone:
        return "\n".join([head, *rest[:-1], rest[-1].rstrip(" ")])
    return "\n".join([head, *rest, " " * column])


def _moved(rows: list[str], column: int) -> list[str]:
    """Return the rows with their common margin below the quotes."""
    margin = min([len(row) - len(row.lstrip(" ")) for row in rows if row.strip()], default=column)
    if margin == column:
        return rows
    lead = " " * column
    return [lead + row[margin:] if row.strip() else row for row in rows]


DOCSTRINGS = Pass(
    "docstrings",
    "1",
    (b'"', b"'"),
    find,
    steady=True,
    examples=(
        Example("def f():\n    ' Say it. '\n", 'def f():\n    """Say it."""\n'),
        Example('def f():\n    """ Say it.\n\n    More.   \n\n    """\n', 'def f():\n    """Say it.\n\n    More.\n    """\n'),
        Example(
            "class A:\n    r'''Say it.\n\n        More \\d.\n          - deeper\n    '''\n",
            'class A:\n    r"""Say it.\n\n    More \\d.\n      - deeper\n    """\n',
        ),
        Example("'Say it.'\r\nx = 1\r\n", '"""Say it."""\r\nx = 1\r\n'),
        untouched("def f():\n    'Say \\'it\\'.'\n", "escapes mean something else between other quotes"),
        untouched("def f():\n    'Say it to \"me\"'\n", "it would end in four quotes"),
        untouched('def f():\n    """Say it.\n\n    >>> f()\n    a \n    """\n', "a doctest may expect the blank"),
        untouched('def f():\n    """Say it.\n\n\t\tMore.\n    """\n', "how wide is a tab?"),
        untouched("x = ' no docstring '\n", "it is a value"),
        untouched("def f():\n    'Say ' 'it.'\n", "two literals"),
    ),
)
