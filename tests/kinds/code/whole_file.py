"""Whole file: the same passes said to LibCST, one after the other, each on all of the file. What the engine does is measured by it."""

# ruff: noqa: N802 - so LibCST names what visitors have
from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider

from bmad_provisioner.digest import Plain
from bmad_provisioner.kinds.code.module import Hit, Module, first_line
from bmad_provisioner.kinds.code.rewriting import Pass
from bmad_provisioner.kinds.code.text import Text, read

_DEFINED = re.compile(r"def\s+(?=\w)")


def whole_file(data: bytes, passes: Sequence[Pass], asked: dict[str, Plain]) -> bytes:
    """Return what LibCST makes of a file, pass after pass, until none of them changes it.

    A transformer sees every file and all of it: neither needles nor matchers are asked. What an exact pass wants is found by
    its own matcher, without needles; what is compared then is how its texts are put into the file.
    """
    source = read(data)
    text = source.text
    for _ in range(10):
        before = text
        tree = cst.parse_module(text) if any(one.transformer for one in passes) else None
        for one in passes:
            fresh = tree.visit(one.transformer(None, ())).code if one.transformer and tree else _spliced(text, one, asked)
            if fresh != text:
                text, tree = fresh, cst.parse_module(fresh) if tree else None
        if text == before:
            break
    return Text(text, source.encoding, source.bom).data()


def _spliced(text: str, one: Pass, asked: dict[str, Plain]) -> str:
    module = Module(text, ast.parse(text), asked)
    hits = tuple(hit for hit in one.find(module) if text[hit.start : hit.end] != hit.text)
    if not hits:
        return text
    wrapper = MetadataWrapper(cst.parse_module(text), unsafe_skip_copy=True)
    splicer = _Splicer(module, _apart(hits))
    result = wrapper.visit(splicer).code
    assert not splicer.missing, f"no node of LibCST is {splicer.missing}"
    return result


def _apart(hits: Sequence[Hit]) -> list[Hit]:
    """Return the hits without those that overlap one before."""
    kept: list[Hit] = []
    for hit in hits:
        if all(hit.end <= other.start or other.end <= hit.start for other in kept):
            kept.append(hit)
    return sorted(kept, key=lambda hit: hit.start)


@dataclass
class _Kinds:
    """Hits by what they are to LibCST, each under the place at which to know its node."""

    expressions: dict[tuple[int, int], str] = field(default_factory=dict)
    returns: dict[int, str] = field(default_factory=dict)
    removals: list[Hit] = field(default_factory=list)
    lines: list[Hit] = field(default_factory=list)


def _kinds(module: Module, hits: Sequence[Hit]) -> _Kinds:
    kinds = _Kinds()
    for hit in hits:
        text = hit.text or ""
        if text.startswith(" -> "):
            name = [found.end() for found in _DEFINED.finditer(module.text, 0, hit.start)][-1]
            kinds.returns[name] = text[4:]
        elif hit.end == len(module.text) or (
            hit.start in module.starts and hit.end in module.starts and "import" in text + module.text[hit.start : hit.end]
        ):
            kinds.lines.append(hit)
        elif not text:
            kinds.removals.append(hit)
        else:
            kinds.expressions[hit.start, hit.end] = text if text[-1] in "'\"" else _outdented(module, hit.start, text)
    return kinds


def _outdented(module: Module, place: int, text: str) -> str:
    """Return an expression without the indent of its block in its further lines: LibCST puts that there itself."""
    line = first_line(module.around(module.line(place))[-1])
    margin = re.match(r"[ \t]*", module.text[module.starts[line - 1] :]).group()
    return re.sub(rf"(\r?\n){margin}", r"\1", text)


class _Splicer(cst.CSTTransformer):
    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self, module: Module, hits: Sequence[Hit]) -> None:
        super().__init__()
        self.source = module
        self.kinds = _kinds(module, hits)
        self.todo = {(hit.start, hit.end) for hit in hits}

    @property
    def missing(self) -> list[str]:
        return [self.source.text[start:end] for start, end in self.todo]

    def span(self, node: cst.CSTNode) -> tuple[int, int]:
        where = self.get_metadata(PositionProvider, node)
        starts = self.source.starts
        return starts[where.start.line - 1] + where.start.column, starts[where.end.line - 1] + where.end.column

    def on_leave(self, original_node: cst.CSTNode, updated_node: cst.CSTNode):
        updated = super().on_leave(original_node, updated_node)
        if isinstance(updated, cst.BaseExpression) and self.kinds.expressions:
            span = self.span(original_node)
            text = self.kinds.expressions.get(span)
            if text is not None:
                self.todo.discard(span)
                fresh = cst.parse_expression(text)
                return fresh.with_changes(lpar=[*updated.lpar, *fresh.lpar], rpar=[*fresh.rpar, *updated.rpar])
        return updated

    def leave_FunctionDef(self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef) -> cst.FunctionDef:
        text = self.kinds.returns.get(self.span(original_node.name)[0])
        if text is None:
            return updated_node
        self.todo = {(start, end) for start, end in self.todo if start != end or not self._is_of(original_node, start)}
        return updated_node.with_changes(returns=cst.Annotation(cst.parse_expression(text)))

    def _is_of(self, node: cst.FunctionDef, place: int) -> bool:
        return self.span(node.name)[1] < place <= self.span(node.body)[0]

    def _gone(self, node: cst.CSTNode) -> bool:
        start, end = self.span(node)
        for hit in self.kinds.removals:
            if hit.start <= start and end <= hit.end:
                self.todo.discard((hit.start, hit.end))
                return True
        return False

    def _without(self, original: Sequence[cst.ImportAlias] | Sequence[cst.Arg], updated: Sequence) -> list:
        """Return the nodes that stay; the last has the comma that the last had."""
        kept: list = []
        for before, after in zip(original, updated, strict=True):
            if not self._gone(before):
                kept.append(after)
            elif kept and (before is original[-1] or isinstance(before, cst.Arg)):
                kept[-1] = kept[-1].with_changes(comma=after.comma)
        return kept if len(kept) < len(updated) else list(updated)

    def leave_Import(self, original_node: cst.Import, updated_node: cst.Import) -> cst.Import:
        return (
            updated_node.with_changes(names=self._without(original_node.names, updated_node.names))
            if self.kinds.removals
            else updated_node
        )

    def leave_ImportFrom(self, original_node: cst.ImportFrom, updated_node: cst.ImportFrom) -> cst.ImportFrom:
        if not self.kinds.removals or isinstance(original_node.names, cst.ImportStar):
            return updated_node
        return updated_node.with_changes(names=self._without(original_node.names, updated_node.names))

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.Call:
        if not self.kinds.removals or isinstance(updated_node.args, cst.MaybeSentinel):
            return updated_node
        return updated_node.with_changes(args=self._without(original_node.args, updated_node.args))

    def leave_ClassDef(self, original_node: cst.ClassDef, updated_node: cst.ClassDef) -> cst.ClassDef:
        if self.kinds.removals and len(original_node.bases) == 1 and self._gone(original_node.bases[0]):
            return updated_node.with_changes(bases=(), lpar=cst.MaybeSentinel.DEFAULT, rpar=cst.MaybeSentinel.DEFAULT)
        return updated_node

    def leave_Module(self, original_node: cst.Module, updated_node: cst.Module) -> cst.Module:
        """Put new lines in the place of whole statements; what led the first of them in stays."""
        body = list(updated_node.body)
        footer = list(updated_node.footer)
        for hit in reversed(self.kinds.lines):
            spans = [self.span(node) for node in original_node.body]
            covered = [index for index, (start, end) in enumerate(spans) if hit.start <= start and end <= hit.end]
            assert covered, "no statement of LibCST stands on these lines"
            self.todo.discard((hit.start, hit.end))
            first, last = covered[0], covered[-1]
            lead = list(body[first].leading_lines)
            fresh = cst.parse_module(hit.text or "")
            rows = list(fresh.body)
            if rows:
                rows[0] = rows[0].with_changes(leading_lines=[*lead, *fresh.header, *rows[0].leading_lines])
                body[first : last + 1] = rows
            elif last + 1 < len(body):
                body[last + 1] = body[last + 1].with_changes(leading_lines=[*lead, *body[last + 1].leading_lines])
                del body[first : last + 1]
            else:
                footer = [*lead, *footer]
                del body[first : last + 1]
        return updated_node.with_changes(body=body, footer=footer)
