"""Members: what is read of `self` and of modules and is not there, and names that lost the `self` before them."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from bmad_provisioner.kinds.code.repair import stdlib
from bmad_provisioner.kinds.code.repair.classes import Class, Written, lineage
from bmad_provisioner.kinds.code.repair.facts import absolute
from bmad_provisioner.kinds.code.repair.guards import asks_member
from bmad_provisioner.kinds.code.repair.knows import Knows
from bmad_provisioner.kinds.code.repair.lexing import distance_one
from bmad_provisioner.kinds.code.repair.model import IMPORTS, SIGNATURES
from bmad_provisioner.kinds.code.repair.places import Function, Idea, Parsed
from bmad_provisioner.kinds.code.repair.visible import Visible
from bmad_provisioner.kinds.code.repair.vocabulary import sounder

_OF_ALL = frozenset(dir(type)) | {"__dict__", "__weakref__", "__module__", "__slots__", "__annotations__", "__orig_class__"}
_TWINS = frozenset({"glob0", "glob1", "getlines", "print_list", "timeouts", "process", "LMTP", "error"})
"""Names that modules of the library have besides those they export, and that differ from one of these by a letter."""


@dataclass(frozen=True)
class Members:
    """The classes of one file, and what their objects have."""

    parsed: Parsed
    known: Knows

    @cached_property
    def imported(self) -> dict[str, str]:
        """Return local name -> whole name of all that the file imports anywhere."""
        found: dict[str, str] = {}
        for node in self.parsed.every(ast.ImportFrom):
            module = absolute(node.module or "", node.level, self.known.own, self.known.package)
            found |= {alias.asname or alias.name: f"{module}.{alias.name}" if module else alias.name for alias in node.names}
        for whole in self.parsed.every(ast.Import):
            for alias in whole.names:
                first = alias.name.partition(".")[0]
                found[alias.asname or first] = alias.name if alias.asname else first
        return found

    @cached_property
    def classes(self) -> dict[ast.ClassDef, Class]:
        """Return every class of the file, inner ones too."""
        written = Written(self.parsed)
        return {node: written.read(node, self.known.own, self.imported) for node in self.parsed.every(ast.ClassDef)}

    @cached_property
    def all(self) -> dict[str, Class]:
        """Return the classes of the project and of the file by their whole names."""
        own = {f"{self.known.own}.{node.name}": one for node, one in self.classes.items()}
        return {**self.known.classes, **own}

    def of(self, node: ast.ClassDef) -> tuple[frozenset[str], bool]:
        """Return the members that objects of a class have, and whether these are all."""
        one = self.classes[node]
        above, closed = lineage(one.bases, self.all)
        members = one.members.union(*(found.members for found in above.values()))
        return members, closed and not one.is_open and not node.decorator_list and members.isdisjoint({"__getattr__"})

    @cached_property
    def visible(self) -> Visible:
        """Return what the places of the file see."""
        return Visible(self.parsed)

    @cached_property
    def words(self) -> Counter[str]:
        """Count the words of the file."""
        return Counter(re.findall(r"[^\W\d]\w*", self.parsed.text))

    def holder(self, node: ast.AST, name: str = "self") -> ast.ClassDef | None:
        """Return the class whose object `self` is at a node."""
        for outer in self.parsed.above(node):
            if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef):
                owner = self.parsed.owner(outer)
                spec = [*outer.args.posonlyargs, *outer.args.args]
                if owner and spec and spec[0].arg == name:
                    return owner
                if owner or any(arg.arg == name for arg in spec):
                    return None
        return None


def selfless(members: Members, name: str) -> list[Idea]:
    """Return `self.` before every use of a name that nothing binds, where each stands in a method of a class that has it."""
    ideas = []
    for use in members.parsed.uses.get(name, []):
        word = _word(members, use)
        holder = members.holder(use, word) if word else None
        start = _offset(members.parsed, use, name)
        if not isinstance(use.ctx, ast.Load) or holder is None or start is None or name not in members.of(holder)[0]:
            return []
        reason = f"nothing binds `{name}`, but objects of `{holder.name}` have it"
        ideas.append(Idea(start, start, f"{word}.", SIGNATURES, 0.92 if len(name) > 1 else 0.6, reason))
    return ideas


_OTHER_SELVES = frozenset({"this", "This", "me", "Self"})


def foreign_self(members: Members, name: str) -> list[Idea]:
    """Return `self` in place of what other languages call the object a method belongs to, where `self` has what is asked of it."""
    ideas = []
    for use in members.parsed.uses.get(name, []) if name in _OTHER_SELVES else []:
        word = _word(members, use)
        holder, asked = members.holder(use, word) if word else None, members.parsed.parents[use]
        start = _offset(members.parsed, use, name)
        if holder is None or start is None:
            return []
        there, closed = members.of(holder)
        has = isinstance(asked, ast.Attribute) and asked.attr in there
        # What is asked may come from a class that nobody knows.
        gives = isinstance(asked, ast.Attribute) and not isinstance(asked.ctx, ast.Load)
        sure = 0.94 if has else 0.86 if gives or not closed else 0.5
        ideas.append(Idea(start, start + len(name), word, SIGNATURES, sure, f"`{name}` is called `{word}` here"))
    return ideas


def _word(members: Members, use: ast.Name) -> str:
    """Return how the method around a use calls its object."""
    for outer in members.parsed.above(use):
        if isinstance(outer, Function) and members.parsed.owner(outer):
            spec = [*outer.args.posonlyargs, *outer.args.args]
            return spec[0].arg if spec and spec[0].arg in ("self", "cls") else ""
    return ""


def _offset(parsed: Parsed, node: ast.expr, name: str) -> int | None:
    """Return where a name stands; inside an f-string this version of Python may tell a wrong place."""
    start = parsed.start(node)
    if parsed.text.startswith(name, start):
        return start
    string = next((outer for outer in parsed.above(node) if isinstance(outer, ast.JoinedStr)), None)
    if string is None or not parsed.text.startswith(("f", "F", "r", "R"), parsed.start(string)):
        return None
    found = list(re.compile(rf"(?<![\w.]){re.escape(name)}\b").finditer(parsed.text, parsed.start(string), parsed.end(string)))
    return found[0].start() if len(found) == 1 else None


def misspelt(members: Members, *, objects: bool = True) -> Iterator[list[Idea]]:
    """Yield, for each member that is read of a module, or of an object, and stands nowhere else, what it may have been."""
    for node in members.parsed.every(ast.Attribute):
        if not isinstance(node.value, ast.Name) or not isinstance(node.ctx, ast.Load | ast.Del):
            continue
        is_object = node.value.id in ("self", "cls")
        ideas = _of_object(members, node, node.value.id) if is_object and objects else []
        if ideas or (not is_object and (ideas := _of_module(members, node, node.value.id))):
            yield ideas


def strange(members: Members) -> Iterator[str]:
    """Yield the members read of `self`, once, that no class of the file has."""
    there = frozenset[str]().union(*(one.members for one in members.classes.values()))
    read_of_self = {
        node.attr
        for node in members.parsed.every(ast.Attribute)
        if isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
    }
    yield from (name for name in read_of_self - there - _OF_ALL if members.words[name] <= 1)


def reads(members: Members) -> Iterator[str]:
    """Yield, as `module.name`, what is read once of something imported from elsewhere than the library."""
    for node in members.parsed.every(ast.Attribute):
        if isinstance(node.value, ast.Name) and isinstance(node.ctx, ast.Load):
            module = members.imported.get(node.value.id, "")
            if module and members.words[node.attr] == 1 and not stdlib.is_module(module.partition(".")[0]):
                yield f"{module}.{node.attr}"


def _of_object(members: Members, node: ast.Attribute, word: str) -> list[Idea]:
    name, known = node.attr, members.known
    if len(name) < 3 or name in known.spoken or members.words[name] > 1 or name in _OF_ALL:
        return []
    holder = members.holder(node, word)
    if holder is None:
        return []
    there, closed = members.of(holder)
    if name in there or asks_member(members.parsed, node):
        return []
    alike = {other for other in there | _OF_ALL if distance_one(name, other) and other[:2] != "__"}
    alike |= {other for other in there | _OF_ALL if name[:1] == "_" and distance_one(name, other) and other[:2] == "__"}
    sure = 0.95 if closed else _LIKELY
    if not closed:
        # A base that nobody knows may have it, so the name has to look misspelt, too.
        alike = {other for other in alike if sounder(other, name, members.parsed.text) == other or members.words[other] > 1}
        alike = {other for other in alike if other.replace("_", "").lower() != name.replace("_", "").lower()}
    if not alike:
        beside = frozenset[str]().union(*(one.members for one in members.classes.values()))
        alike = {other for other in beside - there if distance_one(name, other)}
        sure = 0.85 if len(name) > 4 else 0.6
    if len(alike) > 1:
        alike = {other for other in alike if members.words[other] >= 2 or other in known.spoken} or alike
    reason = f"no `{holder.name}` has `{name}`, but `{{}}`"
    return _respelt(members, node, sorted(alike), sure, reason)


_LIKELY = 0.9


def _respelt(
    members: Members, node: ast.Attribute, alike: list[str], sure: float, reason: str, *, exist: bool = False
) -> list[Idea]:
    end = members.parsed.end(node)
    start = end - len(node.attr)
    if members.parsed.text[start:end] != node.attr:
        found = list(re.finditer(rf"\.\s*({re.escape(node.attr)})\b", members.parsed.text))
        if len(found) != 1:
            return []
        start, end = found[0].span(1)
    ideas = []
    for meant in alike:
        # Numbered twins (`x1`, `x2`) and mere plurals are names of their own more often than slips.
        twins = re.sub(r"\d", "", meant) == re.sub(r"\d", "", node.attr) or {meant, node.attr} == {f"{meant}s", meant}
        used = exist or members.words[meant] >= 2 or meant in members.known.spoken or meant in _OF_ALL
        used = used or sounder(meant, node.attr, members.parsed.text) == meant
        fits = used and not twins and len(node.attr) > 3
        ideas.append(Idea(start, end, meant, SIGNATURES, (sure if fits else 0.5) / len(alike), reason.format(meant)))
    return ideas


def _of_module(members: Members, node: ast.Attribute, local: str) -> list[Idea]:
    """Return the name of a module that differs by one letter from one that the module does not have."""
    parsed, known, name = members.parsed, members.known, node.attr
    module = members.imported.get(local, "")
    if not module or len(name) < 4 or any(local in names for names in list(members.visible.around(node))[:-1]):
        return []
    if module in known.exports:
        offered = known.exports[module]
        alike = [other for other in offered if distance_one(other, name)]
        there = module in known.closed or any(sounder(other, name, parsed.text) == other for other in alike)
        there = there and not any(other.startswith(f"{module}.{name}") for other in known.exports)
    else:
        offered, there = stdlib.exports().get(module, frozenset()), not name.startswith("_") and name not in _TWINS
        there = there and f"{module}.{name}" not in stdlib.exports()
    if name in offered or not there or name in known.spoken or name in _OF_ALL or members.words[name] > 1:
        return []
    if asks_member(parsed, node):
        return []
    alike = sorted(other for other in offered if distance_one(name, other) and other.strip("_") != name.strip("_"))
    reason = f"`{module}` has no `{name}`, but `{{}}`"
    return [replace(idea, kind=IMPORTS) for idea in _respelt(members, node, alike, _LIKELY, reason, exist=True)]
