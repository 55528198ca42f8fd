"""Waiting: functions that wait but are not `async`: they lost that word, or what they await gives nothing to await."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from bmad_provisioner.kinds.code.repair.awaits import Calls
from bmad_provisioner.kinds.code.repair.classes import lineage
from bmad_provisioner.kinds.code.repair.customs import called
from bmad_provisioner.kinds.code.repair.knows import Knows
from bmad_provisioner.kinds.code.repair.members import Members
from bmad_provisioner.kinds.code.repair.model import AWAITS
from bmad_provisioner.kinds.code.repair.oracle import Trouble, tree
from bmad_provisioner.kinds.code.repair.places import Function, Idea, Parsed

_WAITS = ast.Await | ast.AsyncFor | ast.AsyncWith | ast.comprehension
_SPECIAL = re.compile(r"__(?!aenter|aexit|anext|call)\w+__$")
_SURE, _LIKELY, _UNSURE = 0.95, 0.88, 0.6
_ASYNCIO = re.compile(r"\b(?:\w*async\w*|anyio|trio|curio|aio\w+)\b", re.IGNORECASE)
_RUNNERS = frozenset({"run", "gather", "create_task", "ensure_future", "wait_for", "run_until_complete", "start_soon", "shield"})


def is_misplaced(found: Trouble) -> bool:
    """Whether the compiler stumbled over a function that waits without being `async`."""
    return "outside async function" in found.message or "outside of an asynchronous function" in found.message


def ideas(text: str, known: Knows) -> list[Idea]:
    """Return how every function that waits in vain is put right; nothing where a text does not parse."""
    parsed_tree = tree(text)
    if not isinstance(parsed_tree, ast.Module):
        return []
    court = _Court(Members(Parsed(text, parsed_tree), known))
    return [idea for verdict in court.verdicts() for idea in verdict]


@dataclass
class _Court:
    """The functions of one file that wait in vain, and those of them that were found to be coroutines."""

    members: Members
    made: set[ast.AST] = field(default_factory=set)

    @cached_property
    def calls(self) -> Calls:
        """What the calls of the file give."""
        return Calls(self.members)

    @cached_property
    def waits(self) -> dict[ast.FunctionDef, list[ast.AST]]:
        """Return what waits in functions that are not `async`."""
        found: dict[ast.FunctionDef, list[ast.AST]] = {}
        parsed = self.members.parsed
        for node in ast.walk(parsed.tree):
            if isinstance(node, _WAITS) and (not isinstance(node, ast.comprehension) or node.is_async):
                function = parsed.function(node)
                if isinstance(function, ast.FunctionDef):
                    found.setdefault(function, []).append(node)
        return found

    def verdicts(self) -> Iterator[list[Idea]]:
        """Yield the answer for each function, first those that need no other's."""
        waiting = list(self.waits)
        while waiting:
            ready = [one for one in waiting if not any(callee in waiting for callee in self._callees(one) if callee is not one)]
            for one in ready or waiting[:1]:
                waiting.remove(one)
                yield self._answer(one)

    def _callees(self, one: ast.FunctionDef) -> Iterator[ast.AST]:
        for node in self.waits[one]:
            if isinstance(node, ast.Await) and isinstance(node.value, ast.Call):
                found = self.calls.definition(node.value)
                if found is not None:
                    yield found

    def _answer(self, one: ast.FunctionDef) -> list[Idea]:
        waits = self.waits[one]
        bare = [self._plain(node) for node in waits]
        can = not _SPECIAL.match(one.name) and not any(
            "property" in ast.unparse(m) or "setter" in ast.unparse(m) for m in one.decorator_list
        )
        if all(bare) and not (can and self._is_awaited(one)):
            return [self._without(node, sure) for node, sure in zip(waits, bare, strict=True) if isinstance(node, ast.Await)]
        if not can:
            return [self._without(node, _UNSURE) for node in waits if isinstance(node, ast.Await)]
        sure = self._coroutine(one, waits) if not any(bare) or self._is_awaited(one) else _UNSURE
        if any(self._gives(node) for node in waits):
            sure = _SURE
        if sure >= _LIKELY:
            self.made.add(one)
        parsed = self.members.parsed
        start = parsed.start(one)
        reason = f"`{one.name}` awaits, so it must be `async`; who calls it must await it"
        return [Idea(start, start, "async ", AWAITS, sure, reason)]

    def _without(self, node: ast.Await, sure: float) -> Idea:
        parsed = self.members.parsed
        return Idea(
            parsed.start(node),
            parsed.start(node.value),
            "",
            AWAITS,
            sure,
            f"`{ast.unparse(node.value.func if isinstance(node.value, ast.Call) else node.value)}` returns nothing to await",
        )

    def _plain(self, node: ast.AST) -> float:
        """Return how sure it is that what is awaited is no coroutine."""
        if not isinstance(node, ast.Await) or not isinstance(node.value, ast.Call):
            return 0.0
        found = self.calls.definition(node.value)
        if found in self.made:
            return 0.0
        sure = self.calls.plain(node.value)
        if sure or found in self.waits or not isinstance(found, ast.FunctionDef):
            return sure
        # A function that is written next to the one that awaits it, without `async` and with no word of futures.
        return 0.86 if found.name not in self.members.known.asyncs and not _hands_on(found) else 0.0

    def _gives(self, node: ast.AST) -> bool:
        """Whether only a coroutine can do what a node does."""
        if not isinstance(node, ast.Await):
            return True
        call = node.value
        if not isinstance(call, ast.Call):
            return not isinstance(call, ast.Constant)
        return self.calls.coroutine(call) > 0 or self.calls.definition(call) in self.made

    def _coroutine(self, one: ast.FunctionDef, waits: list[ast.AST]) -> float:
        """Return how sure it is that a function that awaits what nobody knows was meant to be a coroutine."""
        if self._is_awaited(one):
            return _SURE
        if self._is_used(one):
            return _UNSURE
        customs = self.calls.customs
        keys = [called(node.value) for node in waits if isinstance(node, ast.Await) and isinstance(node.value, ast.Call)]
        if any(key in self.members.known.awaited or customs["awaited"].get(key, 0) for key in keys if key):
            return 0.92
        if any(key in self.members.known.unawaited or customs["bare"].get(key, 0) for key in keys if key):
            return _UNSURE
        return _LIKELY if _ASYNCIO.search(self.members.parsed.text) or len(waits) > 1 else _UNSURE

    def _is_awaited(self, one: ast.FunctionDef) -> bool:
        """Whether the file awaits a function or hands it to what runs coroutines, or a class above makes it a coroutine."""
        parsed = self.members.parsed
        for use in self._uses(one):
            call = parsed.parents[use]
            if isinstance(call, ast.Call) and call.func is use:
                outer = parsed.parents[call]
                runs = isinstance(outer, ast.Call) and ast.unparse(outer.func).rpartition(".")[2] in _RUNNERS
                if isinstance(outer, ast.Await) or runs:
                    return True
        owner = parsed.owner(one)
        if owner is None or owner not in self.members.classes:
            return False
        above, _ = lineage(self.members.classes[owner].bases, self.members.all)
        return any(one.name in each.coroutines for each in above.values())

    def _is_used(self, one: ast.FunctionDef) -> bool:
        """Whether the file calls a function as one does with no coroutine."""
        parsed = self.members.parsed
        calls = (parsed.parents[use] for use in self._uses(one) if getattr(parsed.parents[use], "func", None) is use)
        return any(isinstance(parsed.parents[call], ast.Expr | ast.Assign | ast.Attribute | ast.If) for call in calls)

    def _uses(self, one: ast.FunctionDef) -> Iterator[ast.expr]:
        """Yield where a file names a function of its top, or a method of `self`."""
        parsed = self.members.parsed
        owner = parsed.owner(one)
        if owner is None:
            yield from parsed.uses.get(one.name, [])
            return
        for node in ast.walk(owner):
            if isinstance(node, ast.Attribute) and node.attr == one.name and getattr(node.value, "id", "") in ("self", "cls"):
                yield node


_FUTURES = re.compile(r"Awaitable|Coroutine|Future|Task|Deferred|Any\b|object\b")


def _hands_on(found: Function) -> bool:
    """Whether a plain function may give what another one made to be awaited."""
    if found.decorator_list:
        return True
    if found.returns is not None:
        return bool(_FUTURES.search(ast.unparse(found.returns)))
    given = [node.value for node in ast.walk(found) if isinstance(node, ast.Return) and node.value is not None]
    return any(isinstance(node, ast.Call | ast.Name | ast.Attribute | ast.Lambda) for node in given)
