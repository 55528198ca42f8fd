"""A lane does what it is given; what dies in it fails alone, and where it dies itself something simpler goes on."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from textwrap import dedent

import pytest

from bmad_provisioner.engine import attempts
from bmad_provisioner.engine.lanes import Done, Job, LanesError, Local, Sequential
from bmad_provisioner.engine.policy import Policy
from bmad_provisioner.engine.ready import Capacity
from bmad_provisioner.engine.run import Status, Ways
from bmad_provisioner.engine.task import Action, Effect, Inputs, Lane, Output, Task
from bmad_provisioner.errors import TaskError
from bmad_provisioner.event import FellBack
from engine.dags import Place, dag_task, note, notes_of, one_by_one, said, side_by_side
from engine.test_child import FAR, pids, wait_until_gone
from engine.work import statuses


def hear(inputs: Inputs) -> Output:
    """Say the bytes of what was heard, and keep them in another file."""
    text = b"+".join(inputs.fetch(entry) for output in inputs.needs.values() for entry in output.files.values())
    return Output({"heard.sh": inputs.keep(b"#" + text, executable=True)}, facts={"heard": text.decode()})


def leave(inputs: Inputs) -> Output:
    note(str(inputs.args["notes"]), "+", "guilty")
    os._exit(3)


def kill(inputs: Inputs) -> Output:
    note(str(inputs.args["notes"]), "+", "guilty")
    os.kill(os.getpid(), signal.SIGKILL)
    return Output()


def quit_politely(inputs: Inputs) -> Output:
    sys.exit("enough")


def say_nothing(inputs: Inputs) -> None:
    return None


def say_what_is_not_plain(inputs: Inputs) -> Output:
    return Output(facts={"set": {1, 2}})


class OddError(TaskError):
    """An error that pickles, and does not load as it was saved."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(first + second)


def raise_odd(inputs: Inputs) -> Output:
    raise OddError("o", "dd")


def hang(inputs: Inputs) -> Output:
    with Path(str(inputs.args["pids"])).open("a") as file:
        file.write(f"{os.getpid()} ")
    time.sleep(FAR)
    return Output()


def action(function, lane=Lane.CPU) -> Action:
    return Action(function.__name__, "1", function, lane)


def test_bytes_travel_to_a_process_and_back(tmp_path):
    place, first = Place(), dag_task(tmp_path / "notes", "a")
    outcome = place.run([first, Task("b", action(hear), needs=("a",))])["b"]
    assert outcome.output.facts == {"heard": "a"}
    entry = outcome.output.files["heard.sh"]
    assert place.blobs.get(entry.digest) == b"#a" and entry.executable


@pytest.mark.parametrize("end", [leave, kill])
def test_a_worker_that_dies_fails_the_guilty_task_and_no_other_runs_again(tmp_path, end):
    notes = tmp_path / "notes"
    others = [dag_task(notes, f"t{number}", Lane.CPU, pause=0.05) for number in range(6)]
    guilty = Task("guilty", action(end), {"notes": str(notes)})
    outcomes = Place().run([*others[:3], guilty, *others[3:]], side_by_side(Capacity(4, processes=3)))
    assert outcomes["guilty"].error == "the worker process of `guilty` died"
    assert {outcomes[task.name].status for task in others} == {Status.DONE}
    assert sorted(name for mark, name in notes_of(notes) if mark == "+") == ["guilty", *(task.name for task in others)]


@pytest.mark.parametrize("lane", [Lane.IO, Lane.CPU, Lane.ALONE])
@pytest.mark.parametrize(
    ("function", "error"),
    [
        (quit_politely, "SystemExit: enough"),
        (say_nothing, "`a` returned no output but NoneType"),
        (say_what_is_not_plain, "TypeError: Object of type set is not JSON serializable"),
    ],
)
def test_whatever_a_task_does_is_its_own_failure(tmp_path, lane, function, error):
    outcomes = Place().run([Task("a", action(function, lane)), dag_task(tmp_path / "notes", "b")])
    assert outcomes["a"].error == error and outcomes["b"].status is Status.DONE


def test_what_cannot_travel_is_said_so(tmp_path):
    tasks = [Task("a", Action("lambda", "1", lambda inputs: Output(), Lane.CPU)), dag_task(tmp_path / "notes", "b", Lane.CPU)]
    outcomes = Place().run(tasks)
    assert outcomes["a"].error.startswith("`a` cannot be sent to another process: ")
    assert outcomes["a"].hint and outcomes["b"].status is Status.DONE


def test_an_error_that_does_not_load_is_said_so(tmp_path):
    outcomes = Place().run([Task("a", action(raise_odd)), dag_task(tmp_path / "notes", "b", Lane.CPU)])
    assert outcomes["a"].error.startswith("the result of `a` cannot be loaded: ") and outcomes["b"].status is Status.DONE


def test_a_process_that_does_not_heed_its_time_is_ended_and_others_finish(tmp_path, monkeypatch):
    monkeypatch.setattr(attempts, "_GRACE", 0.5)
    stuck = Task("stuck", action(hang), {"pids": str(tmp_path / "pids")}, policy=Policy(timeout=0.5))
    others = [dag_task(tmp_path / "notes", f"t{number}", Lane.CPU) for number in range(4)]
    outcomes = Place().run([stuck, *others], side_by_side(Capacity(processes=1)))
    assert outcomes["stuck"].error == "it did not end in its time"
    assert {outcomes[task.name].status for task in others} == {Status.DONE}
    wait_until_gone(pids(tmp_path / "pids", 1))


def test_workers_die_with_the_process_that_started_them(tmp_path):
    code = f"""
        from engine.test_lanes import *
        if __name__ == "__main__":
            Place().run([Task(f"t{{n}}", action(hang), {{"n": n, "pids": {str(tmp_path / "pids")!r}}}) for n in range(2)])
    """
    with start(tmp_path, code) as driver:
        found = pids(tmp_path / "pids", 2)
        driver.kill()
    wait_until_gone(found)


def start(folder: Path, code: str) -> subprocess.Popen[bytes]:
    """Run a program of its own that may import these tests."""
    path = folder / "program.py"
    path.write_text(dedent(code))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.Popen([sys.executable, str(path)], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.mark.parametrize(
    "broken",
    [
        "import multiprocessing; multiprocessing.set_executable('/bin/false')",
        "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (12, 12))",
        "pass",
    ],
    ids=["no interpreter", "no descriptors", "a program that cannot be imported"],
)
def test_without_worker_processes_the_run_goes_on_one_after_the_other(tmp_path, broken):
    code = f"""
        import sys
        from engine.test_lanes import *
        notes = {str(tmp_path / "notes")!r}
        if __name__ == "__main__":
            {broken}
            tasks = [dag_task(notes, "io", pause=0.3)] + [dag_task(notes, f"t{{n}}", Lane.CPU) for n in range(4)]
            place = Place()
            outcomes = place.run(tasks, side_by_side(Capacity()))
            events = [event.reason for event in place.events if isinstance(event, FellBack)]
            sys.stdout.buffer.write(pickle.dumps((said(outcomes), events)))
        elif {broken == "pass"}:
            sys.exit("a worker cannot import this")
    """
    out, errors = start(tmp_path, code).communicate(timeout=FAR)
    outcomes, events = pickle.loads(out)
    assert len(events) == 1, errors.decode()
    assert events[0].startswith("no worker process can be started: ") and events[0].endswith(
        "; going on with one task after the other"
    )
    tasks = [dag_task(tmp_path / "other", "io")] + [dag_task(tmp_path / "other", f"t{n}", Lane.CPU) for n in range(4)]
    assert outcomes == said(Place().run(tasks, one_by_one()))
    assert sorted(name for mark, name in notes_of(tmp_path / "notes") if mark == "+") == sorted(outcomes), "a task ran twice"


class Flawed(Sequential):
    """Lanes that are lost after some tries, with the next one in flight; or waiting, where they are full."""

    name = "flawed"

    def __init__(self, good: int, *, full: bool = False) -> None:
        super().__init__()
        self._good, self._full = good, full
        self._begun = 0

    def start(self, job: Job) -> None:
        """Run a try, or only seem to."""
        self._begun += 1
        if self._begun <= self._good:
            super().start(job)
        elif not self._full:
            job.begun()

    def wait(self, seconds: float | None) -> list[Done]:
        """Return what ended, or be lost."""
        done = super().wait(seconds)
        if not done:
            raise LanesError("the cluster is lost")
        return done


def test_what_was_in_flight_when_lanes_were_lost_starts_again_in_the_next(tmp_path):
    tasks = [dag_task(tmp_path / "notes", f"t{number}", needs=[f"t{number - 1}"] if number else []) for number in range(5)]
    place = Place()
    outcomes = place.run(tasks, Ways(lanes=(lambda: Flawed(2), Local)))
    assert set(statuses(outcomes).values()) == {"done"}
    assert [one.reason for one in place.events if isinstance(one, FellBack)] == [
        "the cluster is lost; going on with the next executor"
    ]


def test_what_must_never_be_done_twice_is_not_started_again_in_the_next(tmp_path):
    task = dag_task(tmp_path / "notes", "mail", effect=Effect.ONCE)
    outcome = Place().run([task], Ways(lanes=(lambda: Flawed(0),)))["mail"]
    assert outcome.error == "it was lost with its executor, and may have been done"
    assert notes_of(tmp_path / "notes") == []


def test_what_must_never_be_done_twice_and_only_waited_for_a_place_is_done_in_the_next(tmp_path):
    task = dag_task(tmp_path / "notes", "mail", effect=Effect.ONCE)
    assert statuses(Place().run([task], Ways(lanes=(lambda: Flawed(0, full=True),)))) == {"mail": "done"}


def test_lanes_that_cannot_even_be_opened_are_passed_over(tmp_path):
    def absent():
        raise LanesError("no cluster answers")

    place = Place()
    outcomes = place.run([dag_task(tmp_path / "notes", "a")], Ways(lanes=(absent, absent)))
    assert outcomes["a"].status is Status.DONE
    assert [one.reason.partition("; ")[2] for one in place.events if isinstance(one, FellBack)] == [
        "going on with the next executor",
        "going on with one task after the other",
    ]


def test_where_there_is_no_last_resort_the_error_is_said(tmp_path):
    def absent():
        raise LanesError("no cluster answers")

    with pytest.raises(LanesError, match="no cluster answers"):
        Place().run([dag_task(tmp_path / "notes", "a")], Ways(lanes=(absent,), sequential=False))


def test_threads_and_processes_end_with_the_run(tmp_path):
    before = set(threading.enumerate())
    Place().run([dag_task(tmp_path / "notes", name, lane) for name, lane in [("a", Lane.IO), ("b", Lane.CPU), ("c", Lane.ALONE)]])
    left = [thread for thread in threading.enumerate() if thread not in before]
    for thread in left:
        thread.join(FAR)
    assert not any(thread.is_alive() for thread in left)


def test_a_thread_that_comes_back_after_it_was_given_up_ends_with_the_others():
    release, lanes = threading.Event(), Local()

    def wait(inputs):
        release.wait(FAR)
        return Output()

    before = set(threading.enumerate())
    place = Place()
    inputs = Inputs({}, {}, {}, lambda path: b"", place.blobs.keep, lambda entry: b"")
    lanes.start(Job(1, "a", wait, inputs, Lane.IO))
    lanes.abandon(1)
    lanes.start(Job(2, "b", lambda inputs: Output(), inputs, Lane.IO))
    assert [done.serial for done in lanes.wait(FAR)] == [2]
    release.set()
    assert [done.serial for done in lanes.wait(FAR)] == [1]
    lanes.close()
    for thread in set(threading.enumerate()) - before:
        thread.join(FAR)
        assert not thread.is_alive()
