"""Page: what was found, as the page of the documentation that says so."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence

from shapes import FIVE, TEAM, bound
from trials import FILES, FLOORS, FORGET, OURS, PLAIN, PROGRAMS, Reading

Found = Mapping[str, Mapping[str, Mapping[str, Sequence[Reading]]]]
"""Part, name, step: a reading a round."""
Figure = Callable[[Reading], float]
Facts = Mapping[str, str | int]

_THOUSAND, _TEN_THOUSAND = "1,000 empty tasks", "10,000 empty tasks"
_OUR_RUN = "bmadp run"
_AT_THE_END = frozenset({"bmadp, asks nobody", "doit", "doit, 4 threads"})
"""Who remembers, but not each result before the next task starts."""

_HEAD = """# Benchmarks of the engine

`.venv/bin/python bench/engine/run.py --write-docs` makes this comparison on your machine and wrote this page. It installs
what it compares with into an environment of its own (`.cache/bench-engine`). How fast skills are provisioned is
[another page](benchmarks.md), who leaves the cache in memory [a third](eviction.md).

Everybody runs the same graphs on {workers} workers. All take turns, round by round, each round starting with another and each
run in a process and a folder of its own; figures are medians, what stands in brackets is the least. **x floor** is the median
of the ratios to a floor of the same round: it moves less than seconds where other things run, and so do CPU seconds. What has a
step that takes longer than {slow} s has only one round. Memory is the peak of the whole process tree (proportional set size).

{machine}

{peers}

Rows in italics are floors: the least that the work asks, written with what Python brings along.
"""

_EMPTY = """
## Empty tasks: what the engine itself costs

Layers of 100 tasks, each needs three of the layer before. *graphlib* walks them one after the other, *threads* hands them to
four threads, *asyncio* makes each a coroutine; *SQLite* walks them and remembers each in a row of a database, committed at the end
or each before the next. **bmadp** asks the outside world: every result is committed before another task starts. **bmadp,
asks nobody** commits a few times a second, since a kill then costs nobody anything. **bmadp, no cache** remembers nothing. All
three bring what a run needs besides: priorities, limits, retries, breakers, history. **cached** is the same again, in a new
process. The floor is *threads* for who remembers nothing, *SQLite, at the end* for doit, **bmadp, asks nobody** and all that is
cached, and *SQLite, each* for the rest.
"""

_WORK = """
## Agents at work

The eight agents of the `fullstack` team (product-manager 15 units, technical-architect 20, then frontend-developer 30,
backend-developer 35 and devops-engineer 15, qa-engineer 20, site-reliability-engineer 20, development-coordinator 10), and five
agents of 6 units that do not need each other; a unit is 10 ms of sleep. **Efficiency** is lower bound / wall. The lower bound is
the largest of the longest path, the work over the workers, and the work packed into {workers} workers: {team:.2f} s for the team,
{five:.2f} s for the five. One after the other they take 1.65 s and 0.30 s, which is {alone:.0f} % and 40 %: no scheduler can save
more than 27 % of this team's time, and only the cache can save more.
"""

_PROGRAMS = """
## Whole programs

The eight agents as child processes (`sleep`, then a file), told to each program in its own file. **First** is a whole run from the
shell's point of view, **again** a run in which nothing changed: nobody may execute anything. **Killed** is `kill -9` of all
processes 0.1 s after the fifth agent has ended, while the sixth is at work: how many of the five the next run executes again
(doit remembers when all has ended; snakemake refuses to go on before its lock is removed by hand).
`bmadp run` also copies each agent's scratch, checks what it made, keeps all files and plans what changes in the project.
*{plain}* is what starting Python takes.
"""


def page(found: Found, facts: Mapping[str, object]) -> str:
    """Return the page."""
    text = _HEAD.format(**facts) + _EMPTY
    for part in (_THOUSAND, _TEN_THOUSAND):
        text += f"\n### {part}\n\n{_empty(found, part)}"
    text += _WORK.format(team=bound(TEAM), five=bound(FIVE), alone=100 * bound(TEAM) / 1.65, **facts) + "\n" + _agents(found)
    text += _PROGRAMS.format(plain=PLAIN) + "\n" + _programs(found) + _files(found)
    return text + _aims(found) + _ahead(found)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _title(name: str) -> str:
    if name in FLOORS or name == PLAIN:
        return f"*{name}*"
    return f"**{name}**" if name in OURS or name.startswith(_OUR_RUN) else name


def median(readings: Sequence[Reading], figure: Figure) -> float:
    """Return the median of the rounds in which nothing went wrong; infinite where there is none."""
    good = [figure(one) for one in readings if not one.fault]
    return statistics.median(good) if good else float("inf")


def _wall(one: Reading) -> float:
    return one.wall


def _cpu(one: Reading) -> float:
    return one.cpu


def _memory(one: Reading) -> float:
    return one.memory / 1e6


def _both(readings: Sequence[Reading], figure: Figure, scale: float, digits: int) -> str:
    if not readings:
        return "-"
    good = [scale * figure(one) for one in readings if not one.fault]
    if not good:
        return "-" if figure is not _wall else readings[0].fault
    least = f" ({min(good):,.{digits}f})" if len(good) > 1 else ""
    return f"{statistics.median(good):,.{digits}f}{least}"


def _times(readings: Sequence[Reading], floor: Sequence[Reading]) -> str:
    ratios = [one.wall / least.wall for one, least in zip(readings, floor, strict=False) if not one.fault]
    return f"{statistics.median(ratios):,.1f}" if ratios else "-"


def _empty(found: Found, part: str) -> str:
    count = int(part.split(maxsplit=1)[0].replace(",", ""))
    trials = found.get(part, {})
    rows = []
    for name, steps in trials.items():
        cold, cached = steps["cold"], steps.get("cached", ())
        scale = 1e6 / count
        rows.append(
            [
                _title(name),
                _both(cold, _wall, scale, 0),
                _both(cold, _cpu, scale, 0),
                _times(cold, trials[_floor(name)]["cold"]),
                _both(cached, _wall, scale, 0),
                _times(cached, trials["SQLite, at the end"]["cached"]),
                _both(cold, _memory, 1, 0),
            ]
        )
    return _table(["", "us a task", "CPU us a task", "x floor", "cached: us a task", "cached: x floor", "peak MB"], rows)


def _floor(name: str) -> str:
    if name in FORGET:
        return "threads"
    return "SQLite, at the end" if name in (*_AT_THE_END, "SQLite, at the end") else "SQLite, each"


def _agents(found: Found) -> str:
    rows = []
    for name, steps in found.get("team", {}).items():
        cold, five = steps["cold"], found["five"][name]["cold"]
        rows.append(
            [
                _title(name),
                _both(cold, _wall, 1, 3),
                _both(cold, _cpu, 1, 3),
                f"{100 * bound(TEAM) / median(cold, _wall):.1f} %",
                _both(five, _wall, 1, 3),
                f"{100 * bound(FIVE) / median(five, _wall):.1f} %",
                _both(cold, _memory, 1, 0),
            ]
        )
    return _table(["", "team: wall s", "team: CPU s", "efficiency", "five: wall s", "efficiency", "peak MB"], rows)


def _programs(found: Found) -> str:
    rows = []
    for name, steps in found.get(PROGRAMS, {}).items():
        first, again, killed = (steps.get(step, ()) for step in ("first", "again", "killed"))
        repeated = killed[0].fault or f"{median(killed, lambda one: one.repeated):.0f} of 5" if killed else "-"
        figures = [_both(first, _wall, 1, 2), _both(first, _cpu, 1, 2), _both(again, _wall, 1, 3), _both(again, _cpu, 1, 3)]
        rows.append([_title(name), *figures, _both(first, _memory, 1, 0), repeated])
    head = ["", "first: wall s", "first: CPU s", "again: wall s", "again: CPU s", "first: peak MB", "killed: executed again"]
    return _table(head, rows)


def _files(found: Found) -> str:
    rows = [[name, _both(steps["first"], _memory, 1, 0)] for name, steps in found.get(FILES, {}).items()]
    text = "\n## Memory and the size of artefacts\n\nOne agent that makes one file, run for the first time.\n\n"
    return text + _table(["the file", "peak MB of `bmadp run`"], rows)


def _aims(found: Found) -> str:
    def of(part: str, name: str, step: str, figure: Figure = _wall) -> float:
        return median(found.get(part, {}).get(name, {}).get(step, ()), figure)

    quiet, full = "bmadp, asks nobody", "bmadp"
    sizes = [median(steps["first"], _memory) for steps in found.get(FILES, {}).values()]
    aims = [
        ("1,000 empty tasks, each committed: 60 us each", of(_THOUSAND, full, "cold") * 1000, 60, "us"),
        ("1,000 empty tasks, asking nobody: 60 us each", of(_THOUSAND, quiet, "cold") * 1000, 60, "us"),
        ("10,000 empty tasks, each committed: 1 s", of(_TEN_THOUSAND, full, "cold"), 1, "s"),
        ("10,000 empty tasks, asking nobody: 1 s", of(_TEN_THOUSAND, quiet, "cold"), 1, "s"),
        ("10,000 empty tasks, cached: 0.5 s", of(_TEN_THOUSAND, full, "cached"), 0.5, "s"),
        ("1,000 empty tasks: peak 30 MB", of(_THOUSAND, full, "cold", _memory), 30, "MB"),
        ("10,000 empty tasks: peak 30 MB", of(_TEN_THOUSAND, full, "cold", _memory), 30, "MB"),
        ("the team: within 5 % of its bound", of("team", full, "cold"), 1.05 * bound(TEAM), "s"),
        ("five agents: 85 % of their bound", of("five", full, "cold"), bound(FIVE) / 0.85, "s"),
        ("the team cached, whole process: 0.15 s", of(PROGRAMS, _OUR_RUN, "again"), 0.15, "s"),
        ("executed again after `kill -9`: none", of(PROGRAMS, _OUR_RUN, "killed", lambda one: one.repeated), 0, "agents"),
        ("memory with the largest file: at most 5 MB more", max(sizes) - min(sizes) if sizes else float("inf"), 5, "MB"),
    ]
    rows = [
        [aim, f"{value:,.3g} {unit}", "yes" if value <= limit else "**no**"] if value < float("inf") else [aim, "-", "not measured"]
        for aim, value, limit, unit in aims
    ]
    text = "\n## What was aimed at\n\nMedians on the machine above; it was not quiet, so a narrow yes or no may turn on yours.\n\n"
    return text + _table(["aim", "measured", "met"], rows)


def _ahead(found: Found) -> str:
    asked = [
        (_THOUSAND, "bmadp", "cold", "1,000 empty tasks"),
        (_THOUSAND, "bmadp", "cached", "1,000 tasks cached"),
        (_TEN_THOUSAND, "bmadp", "cold", "10,000 empty tasks"),
        (_TEN_THOUSAND, "bmadp", "cached", "10,000 tasks cached"),
        ("team", "bmadp", "cold", "the team, in one process"),
        ("five", "bmadp", "cold", "five agents, in one process"),
        (PROGRAMS, _OUR_RUN, "first", "the team as a whole program"),
        (PROGRAMS, _OUR_RUN, "again", "the team as a whole program, cached"),
    ]
    lines = ["\n## Where others are ahead\n\nOf bmadp with all that it does; floors are left out, and so is what is within 5 %.\n"]
    for part, name, step, title in asked:
        trials = found.get(part, {})
        ours = median(trials.get(name, {}).get(step, ()), _wall)
        others = {
            other: median(steps.get(step, ()), _wall)
            for other, steps in trials.items()
            if other not in (*FLOORS, *OURS, PLAIN) and not other.startswith(_OUR_RUN)
        }
        faster = sorted((wall / ours, other) for other, wall in others.items() if wall < 0.95 * ours)
        who = ", ".join(f"{other} ({1 / ratio:.1f} times as fast)" for ratio, other in faster)
        lines.append(f"- {title}: {who or 'nobody'}")
    return "\n".join(lines) + "\n"
