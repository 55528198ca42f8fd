"""Processes: a command or a function runs in a process of its own, and what it took is told, also of those that fail."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import pytest

from bmad_provisioner.digest import Plain
from bmad_provisioner.engine.task import Turn
from bmad_provisioner.errors import TaskError
from bmad_provisioner.kinds.performance.order import COMMAND, FUNCTION, Target
from bmad_provisioner.kinds.performance.processes import once, runs, scaled, witnessed
from bmad_provisioner.kinds.performance.scaling import exponent
from bmad_provisioner.kinds.performance.testimony import busy, waits

_WORK = """
import asyncio, os, pathlib, subprocess, sys, time

def squares(n): return sum(i * i for i in range(n))
def pairs(n): return sum(a == b for a in range(n) for b in range(n))
def alike(items): return [item for item in items if items.count(item) > 1]
def lazily(n):
    for each in range(n): yield each * each
async def nap(seconds): await asyncio.sleep(seconds)
async def naps(n):
    for _ in range(n):
        await asyncio.sleep(0.002)
        yield 1
def noisy(n):
    print("a line " * n, flush=True)
    os.write(1, b"{not json")
def empties(items):
    assert len(items) == 3, items
    items.clear()
def holds(n): return len([bytes(10_000 + i % 3) for i in range(n)])
def child(): subprocess.run([sys.executable, "-c", "sum(range(2_000_000))"], check=True)
def breaks(): raise ValueError("no such shop")
def leaves(): sys.exit("gone")
def vanishes(): os._exit(7)
def reads(name): return pathlib.Path(name).read_text()
def now_and_then():
    counter = pathlib.Path("counter")
    count = int(counter.read_text()) + 1 if counter.exists() else 1
    counter.write_text(str(count))
    if count % 10 == 0: sys.exit("the tenth")
if __name__ == "__main__": globals()[sys.argv[1]](*map(int, sys.argv[2:]))
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one module, and the Python of the tests first on PATH."""
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=":")
    (tmp_path / "work.py").write_text(_WORK)
    return tmp_path


def _function(name: str, /, **args: Plain) -> Target:
    return Target("it", FUNCTION, python=name if ":" in name else f"work:{name}", args=args)


def _line(text: str) -> int:
    return next(number for number, line in enumerate(_WORK.splitlines(), 1) if line.startswith(text))


def _command(*words: str) -> Target:
    return Target("it", COMMAND, command=words)


def test_a_command_is_run_to_its_end(folder: Path) -> None:
    ran = once(_command(sys.executable, "work.py", "squares", "2000000"), folder, Turn())
    assert (ran.code, ran.problem) == (0, "")
    assert ran.seconds > 0.02
    assert ran.cpu > 0.02


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("work.py", "leaves"), 1, "it ended with exit code 1: gone"),
        (("work.py", "vanishes"), 7, "it ended with exit code 7"),
        (("work.py", "breaks"), 1, "ValueError: no such shop"),
        (("-c", "import os; os.kill(os.getpid(), 9)"), -9, "it was ended by signal 9"),
    ],
)
def test_a_run_that_fails_is_kept_with_what_went_wrong(folder: Path, words: tuple[str, ...], code: int, said: str) -> None:
    ran = once(_command(sys.executable, *words), folder, Turn())
    assert ran.code == code
    assert said in ran.problem


def test_what_never_ends_is_ended_and_has_failed(folder: Path) -> None:
    ran = once(_command(sys.executable, "-c", "import time; time.sleep(60)"), folder, Turn(seconds=0.3))
    assert ran.code != 0
    assert "took longer than 0.3 s" in ran.problem


def test_what_nobody_waits_for_any_more_is_stopped(folder: Path) -> None:
    with pytest.raises(TaskError, match="`it` was stopped"):
        once(_command(sys.executable, "-c", "import time; time.sleep(60)"), folder, Turn(stopped=lambda: True))


def test_a_command_that_fails_once_in_ten_does_so_in_one_of_ten_runs(folder: Path) -> None:
    found = runs(_command(sys.executable, "work.py", "now_and_then"), folder, Turn(), 10)
    assert [bool(ran.problem) for ran in found] == [False] * 9 + [True]
    assert "the tenth" in found[-1].problem


def test_what_fails_every_time_is_an_error_with_its_last_words(folder: Path) -> None:
    with pytest.raises(TaskError, match=r"fails every time: .*no such shop") as error:
        runs(_command(sys.executable, "work.py", "breaks"), folder, Turn(), 2)
    assert "`inputs`" in error.value.hint


def test_a_command_that_is_not_there_is_an_error(folder: Path) -> None:
    with pytest.raises(TaskError, match="`no-such-command` is not there"):
        once(_command("no-such-command"), folder, Turn())


def test_runs_end_with_the_time_they_were_given(folder: Path) -> None:
    with pytest.raises(TaskError, match="of 9 runs took all of the 1 s"):
        runs(_command(sys.executable, "-c", "import time; time.sleep(0.6)"), folder, Turn(seconds=1.0), 9)


@pytest.mark.parametrize(
    ("name", "args", "waits"),
    [
        ("squares", {"n": 2000}, 0.0),
        ("lazily", {"n": 2000}, 0.0),
        ("nap", {"seconds": 0.01}, 0.01),
        ("naps", {"n": 3}, 0.006),
        ("noisy", {"n": 20}, 0.0),
        ("empties", {"items": [1, 2, 3]}, 0.0),
        ("collections:Counter", {"abc": 3}, 0.0),
    ],
)
def test_a_function_is_called_to_its_end_whatever_sort_it_is(folder: Path, name: str, args: dict[str, Plain], waits: float) -> None:
    ran = once(_function(name, **args), folder, Turn())
    assert (ran.code, ran.problem) == (0, "")
    assert ran.repeats > 1
    assert ran.cpu > 0
    assert ran.seconds >= waits


def test_a_function_costs_what_its_children_cost(folder: Path) -> None:
    ran = once(_function("child"), folder, Turn())
    assert ran.cpu > 0.01


def test_all_runs_of_a_function_make_the_same_number_of_calls(folder: Path) -> None:
    found = runs(_function("squares", n=500), folder, Turn(), 3)
    assert len({ran.repeats for ran in found}) == 1
    assert once(_function("squares", n=500), folder, Turn(), 30).repeats == 30


def test_the_memory_of_a_function_is_that_at_its_most(folder: Path) -> None:
    little, much = (once(_function("holds", n=n), folder, Turn(), 1).peak for n in (1, 6_000))
    assert 50_000_000 < much - little < 90_000_000


@pytest.mark.parametrize(
    ("target", "said", "hint"),
    [
        (_function("nowhere:it"), "`nowhere` cannot be imported: ModuleNotFoundError", "importable from the root"),
        (_function("nothing"), "`work` has no `nothing`", "package.module:function"),
        (_function("work:os.sep"), "cannot be called", "package.module:function"),
        (_function("squares", m=3), "does not take its `args`: missing a required argument: 'n'", "squares(n)"),
        (_function("squares", n="3"), "does not take its `args`: 'str' object", "squares(n)"),
    ],
)
def test_a_function_that_cannot_be_called_is_an_error_that_says_what_to_do(
    folder: Path, target: Target, said: str, hint: str
) -> None:
    with pytest.raises(TaskError) as error:
        once(target, folder, Turn())
    assert said in error.value.message
    assert hint in error.value.hint


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [("breaks", 1, "ValueError: no such shop"), ("leaves", 1, "SystemExit: gone"), ("vanishes", 7, "exit code 7")],
)
def test_a_function_that_raises_has_failed(folder: Path, name: str, code: int, said: str) -> None:
    ran = once(_function(name), folder, Turn())
    assert ran.code == code
    assert said in ran.problem


def test_a_function_is_found_in_src_and_never_among_our_own_modules(folder: Path) -> None:
    (folder / "src").mkdir()
    (folder / "src" / "call.py").write_text("def it(): return 1\n")
    assert not once(_function("call:it"), folder, Turn(), 1).problem
    with pytest.raises(TaskError, match="`stats` cannot be imported"):
        once(_function("stats:median"), folder, Turn())


def test_without_a_python_there_is_nothing_to_call_it_with(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(folder))
    with pytest.raises(TaskError, match="no `python3` on PATH"):
        once(_function("squares", n=3), folder, Turn())


def test_work_that_grows_faster_than_what_is_asked_for_shows_when_it_is_doubled(folder: Path) -> None:
    steep, flat = (scaled(_function(name, n=n), folder, Turn())[0] for name, n in (("pairs", 200), ("squares", 20_000)))
    assert exponent(steep.sizes, steep.costs) > 1.7
    assert exponent(flat.sizes, flat.costs) < 1.4
    assert max(busy(steep.largest.seen), key=busy(steep.largest.seen).__getitem__).number == _line("def pairs")
    assert not flat.largest.seen


def test_texts_and_lists_are_doubled_too_but_not_what_no_size_is(folder: Path) -> None:
    assert [one.name for one in scaled(_function("alike", items=list(range(200))), folder, Turn())] == ["items"]
    assert scaled(_function("reads", name="work.py"), folder, Turn()) == ()
    assert scaled(_function("breaks"), folder, Turn()) == scaled(_command("true"), folder, Turn()) == ()


def test_a_witness_tells_of_a_run_what_was_waited_for(folder: Path) -> None:
    (folder / "naps.py").write_text("import time\nfor _ in range(5):\n    time.sleep(0.03)\n")
    found = witnessed(_command(sys.executable, "naps.py"), folder, Turn())
    assert found.calls == 1
    assert {line.number for line in found.repeated} == {3}
    assert {one.lines[-1].number for one in waits(found.said.seen)} == {3}
    assert len({one.turn for one in found.said.seen if one.lines[-1].number == 3}) == 5
    called = witnessed(_function("nap", seconds=0.02), folder, Turn())
    assert called.calls > 5
    assert Counter(one.lines[-1].function for one in called.said.seen).most_common(1)[0][0] == "nap"
