"""Transform: what LibCST makes of a file, given only the statements that matter and all transformers in one visit.

LibCST reads half a megabyte a second, a tenth of what `ast` does: so it is shown what somebody hit, and nothing else.
What it says of a statement alone is what it says of it in its file because the piece holds all that LibCST counts to
the statement (the blank lines and comments before it, the comments indented below it), and because a file's first indent and first
line end, by which LibCST spells new lines, stand in it too.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import libcst

from bmad_provisioner.kinds.code.module import Hit, Module, blocks, first_line, last_line
from bmad_provisioner.kinds.code.rewriting import Pass, Scope

Transformer: TypeAlias = libcst.CSTTransformer
_Left: TypeAlias = libcst.CSTNode | libcst.RemovalSentinel | libcst.FlattenSentinel[libcst.CSTNode]
_INDENTED_COMMENT = re.compile(r"[ \t\f]+#")


@dataclass(frozen=True, slots=True)
class Piece:
    """A logical line or a compound statement of the top level, with all that LibCST counts to it."""

    start: int
    end: int
    first: int
    """The line its code starts on."""


def transform(module: Module, found: Sequence[tuple[Pass, tuple[Hit, ...]]]) -> tuple[str, list[tuple[int, int]]]:
    """Return the text after all transformers, and the ranges of the old one that they changed.

    One visit does for all but those that only know how to run by themselves. Raises ValueError where LibCST would lose
    something of the file.
    """
    if "\r" in module.text.replace("\r\n", ""):
        raise ValueError("LibCST does not keep lines that end in a lone carriage return")
    transformers = [(one, hits, one.transformer(module, hits)) for one, hits in found if one.transformer is not None]
    wide = [one for one, _ in found if one.run] or [
        one for one, _, made in transformers if one.scope is Scope.MODULE or made.get_inherited_dependencies()
    ]
    if wide:
        tree = _visit(libcst.parse_module(module.text), [made for *_, made in transformers])
        for one, _ in found:
            tree = one.run(module, tree) if one.run else tree
        return tree.code, [(0, len(module.text))]
    changed: list[tuple[int, int]] = []
    text = module.text
    for piece in reversed(_pieces(module)):
        met = [one for one, hits, _ in transformers if any(piece.start <= hit.start < piece.end for hit in hits)]
        if met:
            fresh = [one.transformer(module, hits) for one, hits, _ in transformers if one in met and one.transformer]
            new = _rewritten(module, piece, fresh)
            if new != module.text[piece.start : piece.end]:
                text = text[: piece.start] + new + text[piece.end :]
                changed.append((piece.start, piece.end))
    return text or (module.newline if module.text.endswith("\n") else ""), changed


class Merged(libcst.CSTTransformer):
    """Several transformers in one visit: each sees every node it would see alone, the later what the earlier made of it."""

    def __init__(self, parts: Sequence[libcst.CSTTransformer]) -> None:
        super().__init__()
        self._parts = parts
        self._blind: dict[int, libcst.CSTNode] = {}

    def on_visit(self, node: libcst.CSTNode) -> bool:
        """Show a node to all that look at its surroundings; go below it if one of them wants to."""
        for number, part in enumerate(self._parts):
            if number not in self._blind and not part.on_visit(node):
                self._blind[number] = node
        return len(self._blind) < len(self._parts)

    def on_leave(self, original_node: libcst.CSTNode, updated_node: libcst.CSTNode) -> _Left:  # type: ignore[override]  # what is left may be of another type
        """Hand a node from one to the next, until one has removed or multiplied it."""
        left: _Left = updated_node
        for number, part in enumerate(self._parts):
            if self._blind.get(number) is original_node:
                del self._blind[number]
            if number not in self._blind and isinstance(left, libcst.CSTNode):
                left = part.on_leave(original_node, left)
        return left

    def on_visit_attribute(self, node: libcst.CSTNode, attribute: str) -> None:
        """Tell of an attribute before it is visited."""
        for number, part in enumerate(self._parts):
            if number not in self._blind:
                part.on_visit_attribute(node, attribute)

    def on_leave_attribute(self, original_node: libcst.CSTNode, attribute: str) -> None:
        """Tell of an attribute after it was visited."""
        for number, part in enumerate(self._parts):
            if number not in self._blind:
                part.on_leave_attribute(original_node, attribute)


def _visit(tree: libcst.Module, parts: Sequence[libcst.CSTTransformer]) -> libcst.Module:
    """Visit a tree once for all parts, with the metadata that they depend on."""
    if not any(part.get_inherited_dependencies() for part in parts):
        return tree.visit(parts[0] if len(parts) == 1 else Merged(parts)) if parts else tree
    from contextlib import ExitStack  # noqa: PLC0415 - hardly ever

    wrapper = libcst.MetadataWrapper(tree, unsafe_skip_copy=True)
    with ExitStack() as stack:
        for part in parts:
            stack.enter_context(part.resolve(wrapper))
        return wrapper.module.visit(parts[0] if len(parts) == 1 else Merged(parts))


def _rewritten(module: Module, piece: Piece, parts: Sequence[libcst.CSTTransformer]) -> str:
    """Return what the transformers make of one piece.

    A statement before it (after it, where it is the first: LibCST gives what precedes the first to the file) shows how
    the file indents and ends its lines.
    """
    text = module.text[piece.start : piece.end]
    sample = f"if 1:{module.newline}{_indent(module)}pass{module.newline}"
    if piece.start > 0:
        tree = libcst.parse_module(sample + text)
        return _code(_visit(tree.with_changes(body=tree.body[1:]), parts))
    tree = libcst.parse_module(text + (sample if text.endswith(("\n", "\r")) else module.newline + sample))
    alone = tree.with_changes(body=tree.body[:-1], has_trailing_newline=text.endswith(("\n", "\r")))
    return _code(_visit(alone, parts))


def _code(tree: libcst.Module) -> str:
    """Return the text of a piece; where nothing is left of it LibCST would make an empty line, as of an empty file."""
    return tree.code if tree.body or tree.header or tree.footer else ""


def _indent(module: Module) -> str:
    """Return the first indent of the file, four spaces where there is none."""
    todo: list[ast.AST] = [module.tree]
    while todo:
        node = todo.pop()
        body = getattr(node, "body", None)
        if node is not module.tree and isinstance(body, list) and body:
            place = module.indent(body[0])
            if place is not None:
                return module.text[module.starts[first_line(body[0]) - 1] : place]
        todo += reversed(list(blocks(node)))
    return "    "


def _pieces(module: Module) -> list[Piece]:
    """Return the pieces of a file in order; what precedes a statement belongs to it, but for comments indented below the last."""
    pieces: list[Piece] = []
    line = 1
    body = module.tree.body
    for index, node in enumerate(body):
        last = last_line(node)
        following = first_line(body[index + 1]) if index + 1 < len(body) else len(module.starts) + 1
        if following <= last:
            continue  # more statements on the same line, which LibCST takes for one
        for row in range(last + 1, following):
            if _INDENTED_COMMENT.match(module.text, module.starts[row - 1]):
                last = row
        pieces.append(Piece(module.starts[line - 1], _start(module, last + 1), line))
        line = last + 1
    return pieces


def _start(module: Module, line: int) -> int:
    return module.starts[line - 1] if line <= len(module.starts) else len(module.text)
