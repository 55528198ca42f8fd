"""Profiling: py-spy and memray tell which lines time and memory go to; where they cannot, it is said what is left out."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bmad_provisioner.digest import Plain
from bmad_provisioner.engine.child import environment
from bmad_provisioner.engine.task import Turn
from bmad_provisioner.errors import TaskError
from bmad_provisioner.kinds.performance.exports.profiles import Frame, Stacks
from bmad_provisioner.kinds.performance.memory import memory, split
from bmad_provisioner.kinds.performance.order import COMMAND, FUNCTION, Target
from bmad_provisioner.kinds.performance.processes import SCRIPT
from bmad_provisioner.kinds.performance.profiling import Profile, hot, placed, profile_pid, profiled, refused, tool

_WORK = """
import time
KEPT = []

def spin(n):
    total = 0
    for i in range(n):
        total += i * i
    return total

def wait(seconds):
    time.sleep(seconds)

def hold(n):
    return len([bytes(10_000 + i % 3) for i in range(n)])

def keep(n):
    KEPT.append(bytes(n))

def main():
    spin(3_000_000)
    wait(0.3)
    hold(2_000)

if __name__ == "__main__":
    main()
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
    return Target("it", COMMAND, command=words)


def _of(stacks: Stacks, function: str) -> float:
    return next((one.own for one in hot(stacks) if one.line.function == function), 0.0)


@_TOLD
def test_a_command_is_seen_at_work_and_waiting(folder: Path) -> None:
    found = profiled(_command(sys.executable, "work.py"), folder, Turn(), 10.0)
    assert found.missing == ()
    top = hot(found.busy)[0]
    assert (top.line.path, top.line.function) == ("work.py", "spin")
    assert top.line.number in (_line("for i in range"), _line("total += "))
    assert top.own > 0.5
    assert top.looks >= 50
    assert _of(found.every, "wait") > 0.2
    assert _of(found.busy, "wait") < 0.1
    assert next(one for one in hot(found.busy) if one.line.function == "<module>").total > 0.8


@_TOLD
def test_of_a_function_only_its_calls_are_seen(folder: Path) -> None:
    found = profiled(_function("spin", n=200_000), folder, Turn(), 0.5)
    assert found.missing == ()
    assert {stack[0].name for stack in found.busy} == {"spin"}
    assert [round(one.own, 1) for one in hot(found.busy)] == [1.0]


@_TOLD
def test_what_is_started_by_a_shell_is_seen_too(folder: Path) -> None:
    found = profiled(_command("sh", "-c", f"{sys.executable} work.py && true"), folder, Turn(), 10.0)
    assert "spin" in {one.line.function for one in hot(found.busy)}


@_TOLD
def test_a_process_that_runs_is_looked_into_and_left_running(folder: Path) -> None:
    words = [sys.executable, "-c", "import work\nprint(1, flush=True)\nwhile True: work.spin(1000); work.wait(0.02)"]
    with subprocess.Popen(words, cwd=folder, stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        running.stdout.readline()
        try:
            found = profile_pid(running.pid, 1.0, 100, Turn(), True, folder)
            assert running.poll() is None
        finally:
            running.kill()
    assert found.rate == 100
    assert found.busy == {}
    assert _of(found.every, "wait") > 0.5


@_TOLD
@pytest.mark.parametrize(
    ("words", "said"), [(("sleep", "0.1"), "it found no Python there"), (("no-such-command",), "No such file")]
)
def test_what_cannot_be_looked_into_is_told_and_no_error(folder: Path, words: tuple[str, ...], said: str) -> None:
    found = profiled(_command(*words), folder, Turn(), 1.0)
    assert (found.busy, found.every) == ({}, {})
    assert said in str(found.missing[0])


@pytest.mark.parametrize(
    ("complaint", "how"),
    [
        ("Permission Denied: Try running again with elevated permissions by going 'sudo env \"PATH=$PATH\" !!'", "SYS_PTRACE"),
        ("Error: Failed to suspend process\nReason: EPERM: Operation not permitted", "SYS_PTRACE"),
        ("Error: No python processes found in process 7 or any of its subprocesses\nStack backtrace:", "it found no Python there"),
        ("Error: Failed to find python version from target process", "it found no Python there"),
        ("Error: something else\nStack backtrace:\n 0: anyhow", "it said: something else"),
        ("timed out", "it said: timed out"),
        ("", "it said: nothing"),
    ],
)
def test_a_refusal_says_how_to_get_what_is_left_out(complaint: str, how: str) -> None:
    assert how in refused(complaint).how
    assert "which lines the time goes to" in str(refused(complaint))


def test_without_a_tool_it_is_told_how_to_install_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(folder / "python"))
    monkeypatch.setenv("PATH", str(folder))
    found = profiled(_command("work"), folder, Turn(), 1.0)
    assert [(one.tool, one.how) for one in found.missing] == [("py-spy", "install it: `pip install py-spy`")]
    assert found == Profile(missing=found.missing)


def test_paths_are_those_of_the_project_and_what_is_around_it_is_left_out(folder: Path) -> None:
    (folder / "venv").mkdir()
    (folder / "venv" / "six.py").touch()
    root = str(folder)
    start = (Frame('process 7:"python work.py"'), Frame("_run_code", "<frozen runpy>", 88))
    main, dumps = Frame("main", "work.py", 3), Frame("dumps", "/usr/lib/python3/json.py", 4)
    stacks = {
        (*start, Frame("main", f"{root}/work.py", 3), dumps): 1.0,
        (main, dumps): 2.0,
        (Frame("six", f"{root}/venv/six.py", 1),): 4.0,
        (Frame("gone", "gone.py", 1),): 8.0,
        start: 16.0,
    }
    six, gone = Frame("six", f"{root}/venv/six.py", 1), Frame("gone", "gone.py", 1)
    assert placed(stacks, folder) == {(main, dumps): 3.0, (six,): 4.0, (gone,): 8.0}


def test_of_a_process_that_is_there_for_a_function_only_what_the_function_did_is_left(folder: Path) -> None:
    process, child = Frame('process 7:"python call.py"'), Frame('process 8:"python work.py"')
    begin, main = Frame("<module>", str(SCRIPT), 9), Frame("main", "work.py", 3)
    thread = Frame("Thread._bootstrap", "/usr/lib/python3/threading.py", 1)
    stacks = {
        (process, begin, Frame("_kept_busy", str(SCRIPT), 7), main): 1.0,
        (process, begin, Frame("Calls._warm", str(SCRIPT), 7), main): 2.0,
        (process, begin, Frame("_function", str(SCRIPT), 7), Frame("<module>", "work.py", 1)): 4.0,
        (process, Frame("<module>", "/usr/lib/python3/site.py", 1)): 8.0,
        (process, thread, main): 16.0,
        (process, child, main): 32.0,
    }
    assert placed(stacks, folder) == {(main,): 35.0, (thread, main): 16.0}


def test_hot_is_what_is_innermost_of_the_project_with_all_it_had_done_by_others() -> None:
    main, read, parse = Frame("main", "a.py", 9), Frame("read", "a.py", 3), Frame("loads", "/lib/json.py", 5)
    stacks = {
        (main, read): 1.0,
        (main, Frame("read", "a.py", 4), parse): 5.0,
        (main, Frame("read.<locals>.<listcomp>", "a.py", 4)): 1.0,
        (main, Frame("read", "a.py", 4), Frame("<genexpr>", "a.py", 4)): 1.0,
        (parse,): 2.0,
    }
    found = hot(stacks)
    assert [(str(one.line), one.own, one.total, one.looks) for one in found] == [
        ("a.py:4 (read)", 0.8, 0.8, 10),
        ("a.py:9 (main)", 0.0, 0.8, 10),
    ]
    assert [one.line.path for one in hot(stacks, ["/lib/json.py"])] == ["/lib/json.py"]
    assert hot({}) == hot(stacks, []) == ()


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (("python3", "app.py", "-v"), (["python3"], ["app.py", "-v"])),
        (
            ("/opt/bin/python3.12", "-O", "-X", "dev", "-m", "shop", "-c"),
            (["/opt/bin/python3.12", "-O", "-X", "dev"], ["-m", "shop", "-c"]),
        ),
        (("python", "-c", "print(1)"), (["python"], ["-c", "print(1)"])),
        (("./tool", "-v"), ([sys.executable], ["{folder}/tool", "-v"])),
        (("envtool",), (["python3", "-u"], ["{folder}/envtool"])),
        (("./run.sh",), None),
        (("sleep", "1"), None),
        (("nowhere",), None),
    ],
)
def test_a_command_of_python_is_split_into_python_and_program(
    folder: Path, words: tuple[str, ...], parts: tuple[list[str], list[str]] | None
) -> None:
    for name, first in (("tool", sys.executable), ("envtool", "/usr/bin/env -S python3 -u"), ("run.sh", "/bin/sh")):
        (folder / name).write_text(f"#!{first}\n")
        (folder / name).chmod(0o755)
    wanted = parts and (parts[0], [word.format(folder=folder) for word in parts[1]])
    assert split(words, folder, environment(PATH=f"{folder}{os.pathsep}{os.environ['PATH']}")) == wanted


def test_memray_tells_which_line_holds_the_memory_of_a_command(folder: Path) -> None:
    pytest.importorskip("memray")
    found = memory(_command(sys.executable, "work.py"), folder, Turn())
    assert (found.missing, found.growth) == ((), None)
    top = hot(found.held)[0]
    assert str(top.line) == f"work.py:{_line('return len')} (hold)"
    assert top.own > 0.9
    assert 19e6 < sum(found.held.values()) < 30e6


def test_memray_tells_of_a_function_too_and_what_its_calls_leave_behind(folder: Path) -> None:
    pytest.importorskip("memray")
    found = memory(_function("keep", n=30_000), folder, Turn(), 0.4)
    assert found.missing == ()
    assert found.growth is not None
    assert 29_000 < found.growth.second < 32_000
    assert [str(line) for line in found.growth.lines] == [f"work.py:{_line('KEPT.append')} (keep)"]


def test_without_memray_tracemalloc_tells_of_a_function_what_it_can(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bare = folder / "bin"
    bare.mkdir()
    (bare / "python3").write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')  # no installed package is found by it
    (bare / "python3").chmod(0o755)
    monkeypatch.setenv("PATH", str(bare), prepend=":")
    found = memory(_function("hold", n=6_000), folder, Turn(), 1.0)
    assert "-m pip install memray" in found.missing[0].how
    assert str(hot(found.held)[0].line) == f"work.py:{_line('return len')} (hold)"
    assert found.growth is not None
    assert found.growth.second < 256


def test_what_is_no_python_has_no_memory_to_look_into(folder: Path) -> None:
    assert "into Python only" in str(memory(_command("sleep", "0.1"), folder, Turn()).missing[0])
    assert memory(_command("no-such-command"), folder, Turn()).held == {}
    with pytest.raises(TaskError, match="has no `nothing`"):
        memory(_function("nothing"), folder, Turn())
