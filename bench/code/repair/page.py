"""Page: what was found, as tables and as the page of the documentation."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2]))

from cases import EACH, TWICE
from corpus import LARGEST, PINS
from measure import machine
from mutate import HOPELESS, KINDS
from peers import OURS, versions
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


_HEAD = """# Benchmark of repair

`.venv/bin/python bench/code/repair/run.py --part dev` damages real files, lets every tool repair the same ones, and prints what
came of it; `--part test` does so with other packages and another seed, `--write-docs` writes this page from the last runs on both,
`--quick` takes minutes instead of a quarter of an hour. What is compared is installed into an environment of its own.

{kinds} kinds of damage, up to {each} files of each, from {packages}. Files with one fault of a kind; files with two
faults of different kinds, at least three lines apart; files that nobody can repair, since what stood there is lost; and healthy
files. One damaged file in ten has lines that end with CR LF. Nothing of the packages is imported or run.

Each damage has an **oracle** that the file is really broken and the original was not: it does not compile, or names something that
is bound nowhere (pyflakes), imports from its own package what is not there, reads a member of `self` whose name stands nowhere in
the package, awaits what always returns None, forgets to await a coroutine of the same file, or is UTF-8 read as something else.

- **repaired**: the tree is the original's; the imports at the top of a module are a set, all else has its order.
- **wrong**: it compiles, and means neither what the original did nor what the damaged file did. Linters count here with what they
  are for: ruff takes away an unused import, pyupgrade rewrites what is old; neither claims to repair.
- **to the byte**: repaired, and every byte is the original's.
- **truncated**, **true conflict**, **lost header**: what was lost or decided cannot be known, so whatever compiles is wrong.
- **healthy changed**: bytes; in brackets those whose tree changed.
- **raised**: files at which the tool raised, mostly its way to refuse; ruff and bmadp report instead.

bmadp is told what the other files of the package define, never the damaged file's original. Of fissix those fixers run that turn
Python 2 into 3, autopep8 is `aggressive` but leaves long lines alone, ruff runs as `check --fix`, and once more with
`--unsafe-fixes` and many rules.

What to hold against these figures: seeded damage is kinder than some real damage, files are under {largest} kB, and a fault of
each kind weighs the same, however often people make it. `bench/code/repair/mine.py` takes broken files that were mended later from
any git history that is on the machine.

{machine}

Compared with {peers}.
"""

_PARTS = {
    "test": "## The test part\n\nPackages and files that nothing was tuned on.\n",
    "dev": "## The development part\n\nWhat goes wrong here may be looked at.\n",
}


def page(parts: Mapping[str, Found]) -> str:
    """Return the page."""
    packages = " (dev) and ".join(
        ", ".join(f"{name} {version}" for name, version in PINS[part].items()) for part in ("dev", "test")
    )
    here = machine()
    measured = (
        f"Measured on {here['cores']} cores of {here['processor']}, {here['system']}, Python {here['python']}, beside other work:"
        " CPU seconds are of all files together, and a hint only."
    )
    facts = {"kinds": len(KINDS), "each": EACH, "packages": f"{packages} (test)", "largest": LARGEST // 1000}
    text = _HEAD.format(machine=measured, peers=", ".join(versions()), **facts)
    text += "".join(f"\n{title}\n{tables(parts[part])}" for part, title in _PARTS.items() if parts[part])
    rows = [[kind.group, kind.name, kind.says] for kind in (*KINDS.values(), *HOPELESS.values())]
    return f"{text}\n## The damages\n\n{_table(['', 'damage', 'what happened'], rows)}"
