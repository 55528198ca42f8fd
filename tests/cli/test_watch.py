"""A verb that watches runs again when a file changes, and never for what it wrote itself."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from cli.home import MANIFEST, Home, fast

CODE = 'kind: Code\nname: tidy\npaths: ["*.py"]\n'
GOOD = "def load(path):\n    return open(path).read()\n"
BAD = GOOD.replace("(path):", "(path)")
LONG = 60.0


@pytest.fixture
def home():
    with fast() as lent:
        yield lent


class Watching:
    """A verb at work in the background, and all that it said."""

    def __init__(self, home: Home, *arguments: str) -> None:
        self._log = home.folder / "log.txt"
        self._file = open(self._log, "wb")  # noqa: SIM115 - it stays open as long as the verb writes
        command = [sys.executable, "-m", "bmad_provisioner", *arguments, "--watch"]
        self._process = subprocess.Popen(command, cwd=home.root, stdin=-3, stdout=self._file, stderr=subprocess.STDOUT)

    @property
    def said(self) -> str:
        return self._log.read_text()

    def waits(self, times: int) -> None:
        """Wait until it waits for a change, for the so many-th time."""
        self.until(lambda: self.said.count("Ctrl-C ends it") >= times)

    def until(self, holds) -> None:
        limit = time.monotonic() + LONG
        while not holds():
            assert time.monotonic() < limit and self._process.poll() is None, self.said
            time.sleep(0.05)

    def end(self, number: int = signal.SIGINT) -> int:
        self._process.send_signal(number)
        return self._process.wait(LONG)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._file.close()


@contextlib.contextmanager
def watching(home: Home, *arguments: str) -> Iterator[Watching]:
    one = Watching(home, *arguments)
    try:
        yield one
    finally:
        one.close()


def test_a_file_that_is_broken_is_repaired_at_once_and_ctrl_c_sums_up(home):
    home.write(CODE)
    place = home.root / "a.py"
    place.write_text(GOOD)
    with watching(home, "apply", "--yes") as at_work:
        at_work.waits(1)
        place.write_text(BAD)
        at_work.until(lambda: place.read_text() == GOOD)
        at_work.waits(2)
        (home.root / "b.py").write_text(BAD)
        at_work.until(lambda: (home.root / "b.py").read_text() == GOOD)
        at_work.waits(3)
        assert at_work.end() == 0
        assert "changed: a.py" in at_work.said and "changed: b.py" in at_work.said
        assert "3 runs: 2 written, 2 repaired" in at_work.said


def test_what_it_wrote_itself_does_not_wake_it(home):
    home.write(CODE)
    for number in range(3):
        (home.root / f"m{number}.py").write_text(BAD)
    with watching(home, "apply", "--yes") as at_work:
        at_work.waits(1)
        time.sleep(1.5)
        assert at_work.end() == 0 and ": 1 run: 3 written, 3 repaired" in at_work.said


def test_analyze_watches_and_writes_nothing(home):
    home.write(CODE)
    place = home.root / "a.py"
    place.write_text(GOOD)
    with watching(home, "analyze") as at_work:
        at_work.waits(1)
        place.write_text(BAD)
        at_work.waits(2)
        assert at_work.end(signal.SIGTERM) == 0
        assert "a.py  1 repair" in at_work.said and place.read_text() == BAD


def test_a_manifest_that_is_broken_meanwhile_is_told_and_waited_for(home):
    home.write(CODE)
    (home.root / "a.py").write_text(GOOD)
    with watching(home, "apply", "--yes") as at_work:
        at_work.waits(1)
        home.write(CODE.replace("paths", "path"))
        at_work.waits(2)
        assert "error: " in at_work.said
        (home.root / "a.py").write_text(BAD)
        home.write(CODE)
        at_work.until(lambda: (home.root / "a.py").read_text() == GOOD)


def test_skills_are_watched_too_and_put_back_when_one_is_lost(home):
    home.write(MANIFEST)
    with watching(home, "apply", "--yes") as at_work:
        at_work.waits(1)
        home.write(MANIFEST.replace("React", "Svelte"))
        at_work.waits(2)
        skill = next(path for path in home.root.rglob("SKILL.md") if "frontend" in str(path))
        assert "Svelte" in skill.read_text()
        skill.unlink()
        at_work.until(skill.exists)
        at_work.waits(3)
        assert at_work.end() == 0


def test_ctrl_c_in_the_midst_of_a_run_leaves_nothing_half_done(home):
    home.write(CODE + "verify: {command: [sleep, '60']}\n")
    (home.root / "a.py").write_text(BAD)
    with watching(home, "apply", "--yes") as at_work:
        at_work.until(lambda: any("sleep" in _command(number) for number in _children(at_work._process.pid)))
        assert at_work.end() == 130
    assert (home.root / "a.py").read_text() == BAD


def _children(process: int) -> list[int]:
    done = subprocess.run(["ps", "-eo", "pid,ppid"], capture_output=True, text=True, check=True).stdout.splitlines()[1:]
    parents = {int(row.split()[0]): int(row.split()[1]) for row in done}
    return [one for one in parents if process in _above(one, parents)]


def _above(one: int, parents: dict[int, int]) -> list[int]:
    found = []
    while one in parents and len(found) < 10:
        one = parents[one]
        found.append(one)
    return found


def _command(process: int) -> str:
    with contextlib.suppress(OSError), open(f"/proc/{process}/cmdline", "rb") as file:
        return os.fsdecode(file.read())
    return ""


REFUSED = {
    "a plan": ("apply", "--yes", "--plan", "plan.json"),
    "JSON": ("apply", "--yes", "--json"),
    "a question": ("apply",),
    "an exit code": ("analyze", "--exit-code"),
    "another form": ("analyze", "--format", "sarif"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_makes_no_sense_again_and_again_is_refused(home, case):
    home.write(CODE)
    assert home.bmadp(*REFUSED[case], "--watch").is_one_error(2, "--watch")
