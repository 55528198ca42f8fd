"""Process clues: what commands and functions lose their time and memory to is found, at its line, and nothing else is claimed."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bmad_provisioner.digest import Plain
from bmad_provisioner.engine.task import Turn
from bmad_provisioner.kinds.performance import testimony
from bmad_provisioner.kinds.performance.clue import Clue
from bmad_provisioner.kinds.performance.exports.profiles import Frame
from bmad_provisioner.kinds.performance.looked import Doubled, Growth
from bmad_provisioner.kinds.performance.memory import Memory, memory
from bmad_provisioner.kinds.performance.order import COMMAND, FUNCTION, Target
from bmad_provisioner.kinds.performance.process_clues import Examined, process_clues
from bmad_provisioner.kinds.performance.processes import Ran, Witnessed, runs, scaled, witnessed
from bmad_provisioner.kinds.performance.profiling import Profile, profiled, tool
from bmad_provisioner.kinds.performance.testimony import Line, Seen

_WORK = """
import sys, time
KEPT = []

def doubles(n):
    found = []
    for i in range(n):
        if i not in found:
            found.append(i)
    return len(found)

def naps(n):
    for i in range(n):
        time.sleep(0.03)

def once():
    time.sleep(0.15)

async def awaits(n):
    import asyncio
    for i in range(n):
        await asyncio.sleep(0.03)

async def together(n):
    import asyncio
    await asyncio.gather(*(asyncio.sleep(0.06) for _ in range(n)))

def keep(n):
    KEPT.append(bytes(n))

def hold(n):
    return len([bytes(10_000 + i % 3) for i in range(n)])

def child():
    import subprocess
    subprocess.run([sys.executable, "-c", "sum(range(3_000_000))"])

if __name__ == "__main__":
    globals()[sys.argv[1]](*map(int, sys.argv[2:]))
"""
_TOLD = pytest.mark.skipif(tool("py-spy") is None, reason="py-spy is not installed")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one module, and the Python of the tests first on PATH."""
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=":")
    (tmp_path / "work.py").write_text(_WORK)
    return tmp_path


def _line(text: str) -> int:
    return next(number for number, line in enumerate(_WORK.splitlines(), 1) if text in line)


def _function(name: str, /, **args: Plain) -> Target:
    return Target("it", FUNCTION, python=f"work:{name}", args=args)


def _command(*words: str) -> Target:
    return Target("it", COMMAND, command=(sys.executable, "work.py", *words))


def _kinds(clues: list[Clue]) -> list[str]:
    return [one.kind for one in clues]


@_TOLD
def test_a_loop_in_a_loop_is_found_at_its_line_and_named_once(folder: Path) -> None:
    target = _function("doubles", n=700)
    looked = Examined(
        target, runs(target, folder, Turn(), 2), profiled(target, folder, Turn(), 0.5), scaled(target, folder, Turn())
    )
    (clue,) = process_clues(looked)
    assert (clue.kind, clue.request, clue.lane) == ("superlinear", "work:doubles", "time")
    assert str(clue.line) == f"work.py:{_line('if i not in')} (doubles)"
    assert "`n` doubled twice" in clue.evidence
    assert clue.looks > 30
    assert clue.share > 0.3


@pytest.mark.parametrize(
    ("target", "kind", "at", "said"),
    [
        (_function("naps", n=4), "sequential-io", "time.sleep(0.03)", "4 times one after the other"),
        (_function("awaits", n=3), "sequential-io", "asyncio.sleep(0.03)", "3 times one after the other"),
        (_function("once"), "slow-wait", "time.sleep(0.15)", "are waiting"),
        (_function("together", n=8), "slow-wait", "asyncio.gather", "are waiting"),
        (_command("naps", "12"), "sequential-io", "time.sleep(0.03)", "12 times one after the other"),
    ],
)
def test_waits_are_told_apart_by_whether_they_follow_each_other(
    folder: Path, target: Target, kind: str, at: str, said: str
) -> None:
    (clue,) = process_clues(Examined(target, runs(target, folder, Turn(), 2), inside=witnessed(target, folder, Turn())))
    assert clue.kind == kind
    assert clue.line is not None
    assert (clue.line.path, clue.line.number) == ("work.py", _line(at))
    assert said in clue.evidence
    assert clue.looks >= 30
    assert clue.share > 0.5


@_TOLD
def test_without_a_witness_the_idle_profile_tells_of_a_wait(folder: Path) -> None:
    target = _command("naps", "12")
    (clue,) = process_clues(Examined(target, runs(target, folder, Turn(), 2), profiled(target, folder, Turn(), 5.0)))
    assert (clue.kind, clue.line and clue.line.number) == ("slow-wait", _line("time.sleep(0.03)"))


@_TOLD
def test_who_waits_for_a_program_it_started_is_told_so(folder: Path) -> None:
    target = _function("child")
    clues = list(process_clues(Examined(target, runs(target, folder, Turn(), 2), profiled(target, folder, Turn(), 1.0))))
    assert _kinds(clues)[-1] == "slow-wait"
    assert clues[-1].line is not None
    assert clues[-1].line.number == _line("subprocess.run")
    assert "programs that it started" in clues[-1].evidence


def test_what_calls_leave_behind_is_told_with_the_line_that_keeps_it(folder: Path) -> None:
    target = _function("keep", n=20_000)
    (clue,) = process_clues(Examined(target, runs(target, folder, Turn(), 1), memory=memory(target, folder, Turn(), 0.4)))
    assert (clue.kind, clue.lane, clue.looks) == ("leak", "capacity", 0)
    assert (clue.line and clue.line.number) == _line("KEPT.append")


def test_what_holds_the_most_at_the_peak_is_told(folder: Path) -> None:
    target = _command("hold", "6000")
    (clue,) = process_clues(Examined(target, runs(target, folder, Turn(), 1), memory=memory(target, folder, Turn())))
    assert (clue.kind, clue.line and clue.line.number) == ("peak-memory", _line("return len([bytes"))
    assert 0.5 < clue.share <= 1


_IT = Target("it", COMMAND, command=("shop", "--all"))
_MAIN, _WORK_AT, _LOAD = (
    Frame("main", "a.py", 9),
    Frame("work", "a.py", 5),
    Frame("_find_and_load", "<frozen importlib._bootstrap>"),
)
_PLAIN = Examined(_IT, (Ran(1.0, 0.9, 10**8), Ran(2.0, 1.0, 10**8), Ran(0.1, 0.1, 0, 1, "it broke")))


def _doubled(*costs: float) -> Doubled:
    return Doubled("n", (1.0, 2.0, 4.0)[: len(costs)], costs)


def _seen(count: int, *, who: int = 1) -> testimony.Testimony:
    """Return so many looks at one wait, a hundred a second."""
    seen = tuple(Seen(at / 100, who, None, (Line("a.py", 5, "work"),), ("a.py", 5, "work")) for at in range(count))
    return testimony.Testimony(seen, (), tuple(one.time for one in seen))


@pytest.mark.parametrize(
    ("looked", "said"),
    [
        (_PLAIN, []),
        (replace(_PLAIN, profile=Profile({(_MAIN, _WORK_AT): 90, (_MAIN,): 10})), [("slow-handler", "a.py:5 (work)", 0.81, 100)]),
        (replace(_PLAIN, profile=Profile({(_MAIN, _WORK_AT): 9, (_MAIN,): 1})), []),
        (replace(_PLAIN, profile=Profile({(_MAIN, _WORK_AT): 20, (Frame("it", "/lib/x.py"),): 80})), []),
        (replace(_PLAIN, scaled=(_doubled(0.1, 0.4, 1.6),)), [("superlinear", "None", 1.0, 0)]),
        (replace(_PLAIN, scaled=(_doubled(0.1, 0.3, 1.0),)), [("superlinear", "None", 0.5, 0)]),
        (replace(_PLAIN, scaled=(_doubled(8.0, 32.0),)), [("superlinear", "None", 1.0, 0)]),
        (replace(_PLAIN, scaled=(_doubled(0.1, 0.2, 0.4), _doubled(1e-6, 4e-6, 16e-6))), []),
        (replace(_PLAIN, inside=Witnessed(_seen(90))), []),
        (replace(_PLAIN, ran=(Ran(1.0, 0.1, 0),), inside=Witnessed(_seen(90))), [("slow-wait", "a.py:5 (work)", 0.9, 90)]),
        (replace(_PLAIN, ran=(Ran(1.0, 0.1, 0),), inside=Witnessed(_seen(20))), []),
        (replace(_PLAIN, ran=(Ran(0.02, 0.001, 0),), inside=Witnessed(_seen(90))), []),
        (replace(_PLAIN, memory=Memory(growth=Growth(900.0, 100.0, {}))), []),
        (replace(_PLAIN, memory=Memory(growth=Growth(90_000.0, 3_000.0, {}))), []),
        (replace(_PLAIN, memory=Memory({(_MAIN, _WORK_AT): 6e7, (_MAIN,): 2e7})), [("peak-memory", "a.py:5 (work)", 0.6, 0)]),
        (replace(_PLAIN, memory=Memory({(_MAIN, _WORK_AT): 6e6, (_MAIN,): 2e6})), []),
        (replace(_PLAIN, ran=_PLAIN.ran[2:], profile=Profile({(_MAIN, _WORK_AT): 90})), []),
    ],
)
def test_nothing_is_claimed_that_was_not_seen_often_enough(looked: Examined, said: list[tuple[str, str, float, int]]) -> None:
    assert [(one.kind, str(one.line), pytest.approx(one.share), one.looks) for one in process_clues(looked)] == said
    assert {one.request for one in process_clues(looked)} <= {"shop --all"}


def test_what_is_slow_to_import_is_to_be_imported_later() -> None:
    stacks = {(Frame("<module>", "a.py", 1), _LOAD, Frame("<module>", "/lib/big.py", 3)): 80, (_MAIN,): 20}
    (clue,) = process_clues(replace(_PLAIN, profile=Profile(stacks)))
    assert (str(clue.line), clue.remedy.split(":")[0]) == ("a.py:1 (<module>)", "import it where it is used")
