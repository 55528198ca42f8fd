"""Page: what was found, as tables and as the page of the documentation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from cases import TWICE
from mutate import HOPELESS, KINDS
from peers import OURS
from score import REPAIRED, WRONG, Tally

Found = Mapping[str, Tally]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "".join(f"| {' | '.join(line)} |\n" for line in (head, ["---"] * len(head), *rows))


def _title(name: str) -> str:
    return f"**{name}**" if name == OURS else f"*{name}*" if name == "nothing" else name


def _ordered(found: Found) -> list[Tally]:
    return sorted(found.values(), key=lambda one: (one.tool != OURS, -one.count(REPAIRED), one.count(WRONG)))


def _share(count: int, size: int) -> str:
    return f"{count} ({100 * count / size:.1f} %)" if size else "-"


def _of(tally: Tally, fate: str, kind: str) -> str:
    return f"{tally.count(fate, [kind])} of {tally.size([kind])}"


def totals(found: Found) -> str:
    """Return the table of all tools."""
    rows = []
    for one in _ordered(found):
        size = one.size()
        faults = [_share(one.count(REPAIRED), size), _share(one.count(WRONG), size), str(one.exact)]
        more = [_of(one, REPAIRED, TWICE), *(_of(one, WRONG, kind) for kind in HOPELESS)]
        rows.append(
            [
                _title(one.tool),
                *faults,
                *more,
                f"{one.touched} ({one.altered}) of {one.healthy}",
                f"{one.seconds:.0f}",
                str(one.failures),
            ]
        )
    head = [
        "",
        "repaired",
        "wrong",
        "to the byte",
        TWICE,
        *(f"{kind}: wrong" for kind in HOPELESS),
        "healthy changed",
        "CPU s",
        "raised",
    ]
    return _table(head, rows)


def best(found: Found) -> tuple[int, int]:
    """Return how much is repaired by whichever of the others is best at each kind, and of how much."""
    others = [one for name, one in found.items() if name != OURS]
    kinds = others[0].single() if others else []
    return sum(max(one.count(REPAIRED, [kind]) for one in others) for kind in kinds), others[0].size() if others else 0


def by_kind(found: Found) -> str:
    """Return the table of all kinds: how many each tool repaired, and how many wrongly."""
    shown = [one for one in _ordered(found) if one.tool == OURS or one.count(REPAIRED)]
    rows = []
    for kind in (*KINDS, TWICE):
        size = max((one.size([kind]) for one in shown), default=0)
        rows.append([KINDS[kind].group if kind in KINDS else "", kind, str(size), *(_cell(one, kind) for one in shown)])
    return _table(["", "damage", "files", *(_title(one.tool) for one in shown)], rows)


def _cell(one: Tally, kind: str) -> str:
    good, bad = one.count(REPAIRED, [kind]), one.count(WRONG, [kind])
    return f"{good or '-'}" + (f" ({bad} wrong)" if bad else "")


def tables(found: Found) -> str:
    """Return both tables."""
    count, size = best(found)
    return f"{totals(found)}\nBest of the others, kind by kind: {_share(count, size)}.\n\n{by_kind(found)}"


def page(parts: Mapping[str, Found]) -> str:
    """Return the page."""
    raise NotImplementedError
