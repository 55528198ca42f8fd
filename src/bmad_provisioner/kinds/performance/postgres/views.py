"""Views: when the result of a heavy statement is worth keeping in a materialised view, from measured reads; none is made."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from statistics import median

from bmad_provisioner.kinds.performance.clues import HEAVY
from bmad_provisioner.kinds.performance.postgres.connection import Look, Reader, Refused
from bmad_provisioner.kinds.performance.postgres.examples import ANY, example
from bmad_provisioner.kinds.performance.postgres.plans import Node
from bmad_provisioner.kinds.performance.postgres.statements import Asked, reads
from bmad_provisioner.kinds.performance.postgres.studied import Studied
from bmad_provisioner.kinds.performance.tables import LARGE

REFRESH = 1.25
"""Seconds of a refresh for each second that the statement takes: it is run, and what it gives is written."""
ASSUMPTION = (
    "reading was measured; a refresh is taken to be 1.25 times that, reading the view to be what its rows cost the planner; "
    "it holds for the values of one example, and for readers who can wait for the next refresh"
)
_READS, _SUMMED, _LEAST = 3, 100.0, 0.0001
_MOST = 3
_PAGE, _ROW = 8192, 0.01
_CALL = re.compile(r'("(?:[^"]|"")+"|[^\W\d][\w$]*)\s*\(')
_UNSAFE = frozenset({"ModifyTable", "LockRows", "Foreign Scan", "Custom Scan"})


@dataclass(frozen=True, slots=True)
class Kept:
    """What keeping the result of a statement comes to: seconds of a read as it is (measured), from the view and of a refresh
    (both estimated), and the seconds between two calls (`None`: not known)."""

    asked: Asked
    read: float
    view: float
    refresh: float
    between: float | None

    @property
    def reads(self) -> float:
        """Reads for each refresh from which on it pays."""
        return self.refresh / (self.read - self.view) if self.read > self.view else float("inf")

    @property
    def pays_every(self) -> float | None:
        """Seconds between two refreshes from which on it pays, with as many calls as there were."""
        return self.reads * self.between if self.between is not None else None


def worth_keeping(source: Reader, studied: Iterable[Studied], qualstats: str | None, age: float | None) -> Iterator[Kept]:
    """Yield the heavy sums that no index helps, costliest first, their reads measured; raises TaskError if the server is gone."""
    heavy = [
        one for one in studied if one.plan is not None and one.values != ANY and not one.tried and _is_heavy(one.asked, one.plan)
    ]
    for one in heavy[:_MOST]:
        if one.asked.mean * (_READS + 1) > source.left():
            continue
        with source.look(source.left() / 2) as look, suppress(Refused):
            read, plan = _read(look, one.asked, qualstats)
            if read >= HEAVY:
                yield _kept(one.asked, plan, read, age / one.asked.calls if age else None)


def _is_heavy(asked: Asked, plan: Node) -> bool:
    """Whether a statement sums up many rows to few, takes long, and is asked more than once."""
    sums = any(one.kind == "Aggregate" for one in plan.walk())
    rows = max((one.rows for one in plan.walk() if one.table[1]), default=0.0)
    return sums and asked.only_reads and asked.calls > 1 and asked.mean >= HEAVY and rows >= max(10 * LARGE, asked.given * _SUMMED)


def _kept(asked: Asked, plan: Node, read: float, between: float | None) -> Kept:
    cost = asked.given * (_ROW + plan.width / _PAGE)
    view = max(read * cost / plan.cost, _LEAST) if plan.cost else _LEAST
    return Kept(asked, read, view, read * REFRESH, between)


def _read(look: Look, asked: Asked, qualstats: str | None) -> tuple[float, Node]:
    """Return the seconds that a statement takes, run several times, and its plan; raises Refused where running it might do more
    than read."""
    with example(look, asked, qualstats) as one:
        if not _only_reads(look, f"{asked.text} {one.text}", one.text, one.plan):
            raise Refused("25006")
        run = f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {one.text}"
        times = [float(look.one(run)[0]["Execution Time"]) / 1000 for _ in range(_READS)]
        return median(times), one.plan


def _only_reads(look: Look, said: str, text: str, plan: Node) -> bool:
    """Whether nothing in a statement, or in the views behind it, locks, lies elsewhere or is a function that may change things."""
    if any(one.kind in _UNSAFE for one in plan.walk()) or not (text.startswith("EXECUTE ") or reads(text)):
        return False
    spelled = said + json.dumps(look.one(f"EXPLAIN (FORMAT JSON, VERBOSE) {text}"))
    called = {name.strip('"') for name in _CALL.findall(spelled)}
    called |= {name.lower() for name in called}
    return not look.one(_VOLATILE, (sorted(called), spelled))


_VOLATILE = """
SELECT EXISTS (
    SELECT 1 FROM pg_proc p
      LEFT JOIN pg_aggregate a ON a.aggfnoid = p.oid LEFT JOIN pg_proc t ON t.oid IN (a.aggtransfn, a.aggfinalfn)
    WHERE p.proname = ANY (%s) AND (p.provolatile = 'v' OR t.provolatile = 'v'))
  OR EXISTS (
    SELECT 1 FROM pg_operator o JOIN pg_proc p ON p.oid = o.oprcode WHERE p.provolatile = 'v' AND position(o.oprname IN %s) > 0)
  OR EXISTS (
    SELECT 1 FROM pg_cast c JOIN pg_proc p ON p.oid = c.castfunc WHERE p.provolatile = 'v' AND p.oid >= 16384)
"""
