"""Whatever ends a run, the next one repeats nothing that was kept, and says the same."""

from __future__ import annotations

import os
import pickle
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bmad_provisioner.blobs import Blobs
from bmad_provisioner.engine.child import environment, run_child
from bmad_provisioner.engine.disk import DiskCache
from bmad_provisioner.engine.ready import Capacity
from bmad_provisioner.engine.run import Ways
from bmad_provisioner.engine.task import Action, Effect, Inputs, Lane, Output, Task
from bmad_provisioner.errors import TaskError
from engine.dags import CALLS, Place, dag_task, notes_of, one_by_one, said
from engine.test_child import FAR, pids, wait_until_gone


class Reporting(DiskCache):
    """A cache that says on stdout, one line each, what is in the file for good."""

    def __init__(self, blobs: Blobs) -> None:
        super().__init__(blobs)
        self._put: list[str] = []

    def put(self, made):
        """Remember an output."""
        super().put(made)
        self._put.append(made.task.name)

    def commit(self):
        """Commit, then report."""
        super().commit()
        done, self._put = self._put, []
        for name in done:
            print(name, flush=True)


def drive(folder: str, tasks: list[Task]) -> None:
    """Run tasks in four threads and two processes, with everything remembered in a file; the body of a process of its own."""
    blobs = Blobs(Path(folder, "blobs.db"))
    blobs.relax()
    Place(blobs, Reporting(blobs)).run(tasks, Ways(Capacity(4)))
    blobs.close()


def start(folder: Path, tasks: list[Task]) -> subprocess.Popen[bytes]:
    (folder / "tasks").write_bytes(pickle.dumps(tasks))
    code = f"import pickle, pathlib\nfrom engine.test_resume import drive\nif __name__ == '__main__':\n    drive({str(folder)!r}, pickle.loads(pathlib.Path({str(folder)!r}, 'tasks').read_bytes()))\n"
    (folder / "program.py").write_text(code)
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.Popen([sys.executable, str(folder / "program.py")], env=variables, stdout=subprocess.PIPE)


def again(folder: Path, tasks: list[Task]) -> dict:
    blobs = Blobs(folder / "blobs.db")
    try:
        return said(Place(blobs).run(tasks))
    finally:
        blobs.close()


def twelve(notes: Path, lane: Lane, effect: Effect = Effect.PURE) -> list[Task]:
    """Four chains of three; asking the outside world, so that each result is committed at once."""
    return [
        dag_task(notes, f"t{step}{row}", needs=[f"t{step - 1}{row}"] if step else [], pause=0.01, action=CALLS[lane], effect=effect)
        for step in range(3)
        for row in range(4)
    ]


def kill_after(driver: subprocess.Popen[bytes], count: int, moment: float) -> list[str]:
    """End a driver without a word when it reported so many results, and a moment later; return all it reported."""
    reported = [driver.stdout.readline().decode().strip() for _ in range(count)]
    time.sleep(moment)
    driver.kill()
    rest, _ = driver.communicate()
    return [name for name in [*reported, *rest.decode().split()] if name]


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 11), st.sampled_from([0.0, 0.001, 0.004, 0.01]), st.sampled_from([Lane.IO, Lane.IO, Lane.CPU]))
def test_after_kill_nothing_that_was_kept_runs_again(count, moment, lane):
    with TemporaryDirectory() as name:
        folder, notes = Path(name), Path(name, "notes")
        tasks = twelve(notes, lane)
        kept = kill_after(start(folder, tasks), count, moment)
        assert len(kept) >= count
        notes.unlink(missing_ok=True)
        outcomes = again(folder, tasks)
        ran = [name for mark, name in notes_of(notes) if mark == "+"]
        assert not set(ran) & set(kept), "a finished task ran again"
        assert outcomes == said(Place().run(tasks, one_by_one()))


def test_after_kill_what_must_never_be_done_twice_is_reported_or_known(tmp_path):
    notes = tmp_path / "notes"
    tasks = twelve(notes, Lane.IO, Effect.ONCE)
    kept = kill_after(start(tmp_path, tasks), 5, 0.002)
    outcomes = again(tmp_path, tasks)
    begun = [name for mark, name in notes_of(notes) if mark == "+"]
    assert len(begun) == len(set(begun)), "something was done twice"
    assert all(isinstance(outcomes[name], dict) for name in kept)
    assert all("never reported" in one[1] for one in outcomes.values() if isinstance(one, tuple) and one[0] == "failed")


def ask(inputs: Inputs) -> Output:
    """Run a child that says its number and then takes its time."""
    code = f"import os, time; print(os.getpid(), end=' ', file=open({inputs.args['pids']!r}, 'a'), flush=True); time.sleep(60)"
    ended = run_child([sys.executable, "-c", code], folder=Path.cwd(), environment=environment(), turn=inputs.turn)
    raise TaskError(f"it {ended.ending.value}")


def test_an_interrupt_ends_the_children_and_keeps_what_is_finished(tmp_path):
    notes, found = tmp_path / "notes", tmp_path / "pids"
    quick = [dag_task(notes, f"t{number}") for number in range(3)]
    asking = Action("ask", "1", ask, Lane.IO, external=True)
    slow = [Task(name, asking, {"pids": str(found), "name": name}) for name in ("one", "two")]
    driver = start(tmp_path, [*slow, *quick])
    children = pids(found, 2)
    reported = {driver.stdout.readline().decode().strip() for _ in quick}
    driver.send_signal(signal.SIGINT)
    out, _ = driver.communicate(timeout=FAR)
    assert driver.returncode != 0 and out == b"" and reported == {"t0", "t1", "t2"}
    wait_until_gone(children)
    notes.unlink()
    again(tmp_path, quick)
    assert notes_of(notes) == []


def test_what_ends_well_after_an_interrupt_is_kept_too(tmp_path):
    """A task that is about to end is waited for, and what it consumed is not paid for twice."""
    notes = tmp_path / "notes"
    first, slow = dag_task(notes, "first", action=CALLS[Lane.IO]), dag_task(notes, "slow", pause=1.0)
    driver = start(tmp_path, [first, slow])
    assert driver.stdout.readline() == b"first\n"
    driver.send_signal(signal.SIGINT)
    out, _ = driver.communicate(timeout=FAR)
    assert out == b"slow\n"
    assert notes_of(notes).count(("+", "slow")) == 1
    again(tmp_path, [first, slow])
    assert notes_of(notes).count(("+", "slow")) == 1


@pytest.mark.parametrize("lane", [Lane.IO, Lane.CPU])
def test_two_runs_may_share_a_file(tmp_path, lane):
    notes = tmp_path / "notes"
    tasks = twelve(notes, lane)
    Blobs(tmp_path / "blobs.db").close()
    drivers = [start(tmp_path, tasks) for _ in range(2)]
    for driver in drivers:
        driver.communicate(timeout=FAR)
        assert driver.returncode == 0
    with sqlite3.connect(tmp_path / "blobs.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
    notes.unlink()
    assert again(tmp_path, tasks) == said(Place().run(tasks, one_by_one()))
    assert len(notes_of(notes)) == 2 * len(tasks), "the runs had left something out"
