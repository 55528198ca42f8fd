"""Docstrings: their quotes, margins and blank ends as PEP 257 has them; not a word of them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from inspect import cleandoc

from bmad_provisioner.kinds.code.module import Hit, Module, Owner
from bmad_provisioner.kinds.code.rewriting import Example, Pass, untouched

_LITERAL = re.compile(r"""([rR]?)(\"\"\"|'''|"|')(.*)\2""", re.DOTALL)
_TRAILING = re.compile(r"[ ]+(?=\n)")


def find(module: Module) -> Iterator[Hit]:
    """Yield each docstring that is not as it should be."""
    if module.tree.body:
        yield from _hits(module, None, module.tree.body[0])
    for owner, _ in module.owners:
        yield from _hits(module, owner, owner.body[0])


def _hits(module: Module, owner: Owner | None, first: ast.stmt) -> Iterator[Hit]:
    match first:
        case ast.Expr(value=ast.Constant(value=str()) as literal):
            text = module.segment(literal)
            better = _better(text, literal.col_offset, owner is None, _begins_line(module, literal))
            if better and better != text:
                name = f"`{owner.name}`" if owner else "the module"
                yield module.exact(literal, better, f"the docstring of {name}")


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
    if fresh.startswith('"') or fresh.endswith('"') or _said(fresh) != _said(plain):
        return ""
    return f'{prefix}"""{fresh}"""'.replace("\n", newline)


def _said(inner: str) -> list[str]:
    """Return what `inspect.getdoc` would say, but for blanks at the ends of lines."""
    return [line.rstrip() for line in cleandoc(inner).splitlines()]


def _laid_out(inner: str, column: int, of_module: bool) -> str:
    if ">>>" not in inner:  # a doctest may expect blanks at the end of a line
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
    margins = [len(row) - len(row.lstrip(" ")) for row in rows if row.strip()]
    shift = column - min(margins, default=column)
    return (
        [" " * shift + row if shift > 0 and row.strip() else row[-shift:] if row.strip() else row for row in rows]
        if shift
        else rows
    )


DOCSTRINGS = Pass(
    "docstrings",
    "1",
    (b'"', b"'"),
    find,
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
