"""Any graph says the same one after the other, side by side and from the cache, and keeps to its room, order and rules."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bmad_provisioner.blobs import Blobs
from bmad_provisioner.engine import attempts
from bmad_provisioner.engine.breaker import Breakers, MemoryStore, State
from bmad_provisioner.engine.budget import Budget, Limits
from bmad_provisioner.engine.cache import MemoryCache
from bmad_provisioner.engine.disk import DiskCache
from bmad_provisioner.engine.graph import Graph
from bmad_provisioner.engine.policy import Policy
from bmad_provisioner.engine.ready import Capacity
from bmad_provisioner.engine.run import Status, Ways
from bmad_provisioner.engine.task import Action, Effect, Lane, Output, Priority, Task
from bmad_provisioner.errors import TaskError
from bmad_provisioner.event import TaskRetried, TaskStarted
from bmad_provisioner.usage import Usage
from engine.dags import CALLS, Place, capacities, dag_task, expected, graphs, judge, notes_of, one_by_one, said, side_by_side
from engine.work import statuses

quiet = settings(max_examples=40, deadline=None)
few = settings(max_examples=6, deadline=None)


def compare(data: st.DataObject, lanes: tuple[Lane, ...]) -> None:
    with TemporaryDirectory() as folder:
        notes = Path(folder, "notes")
        tasks, capacity = data.draw(graphs(notes, lanes)), data.draw(capacities)
        endings, tries = expected(tasks)
        alone, beside = Place(), Place()
        first = alone.run(tasks, one_by_one())
        judge(tasks, notes_of(notes), Capacity(slots=1))
        assert statuses(first) == endings
        notes.unlink(missing_ok=True)
        second = beside.run(tasks, side_by_side(capacity))
        judge(tasks, notes_of(notes), capacity)
        assert said(second) == said(first)
        assert {task.name: notes_of(notes).count(("+", task.name)) for task in tasks} == tries


@quiet
@given(st.data())
def test_any_graph_says_the_same_in_threads_and_keeps_to_its_room(data):
    compare(data, (Lane.IO, Lane.HERE, Lane.ALONE))


@few
@given(st.data())
def test_any_graph_says_the_same_in_processes_and_keeps_to_its_room(data):
    compare(data, (Lane.IO, Lane.HERE, Lane.CPU, Lane.CPU))


@quiet
@given(st.data())
def test_a_second_run_repeats_only_what_the_cache_has_lost(data):
    with TemporaryDirectory() as folder:
        notes = Path(folder, "notes")
        tasks, ways = data.draw(graphs(notes)), side_by_side(data.draw(capacities))
        endings, _tries = expected(tasks)
        place = Place()
        first = place.run(tasks, ways)
        cache = DiskCache(place.blobs)
        kept = list(cache.kept())
        lost = data.draw(st.sets(st.sampled_from(kept))) if kept else set()
        cache.drop([one.key for one in lost])
        notes.unlink(missing_ok=True)
        second = place.run(tasks, ways)
        assert said(second) == said(first)
        ran = {name for mark, name in notes_of(notes) if mark == "+"}
        assert ran == {one.task for one in lost} | {name for name, ending in endings.items() if ending == "failed"}


@quiet
@given(st.data())
def test_with_one_slot_the_first_by_priority_and_then_by_path_goes_next(data):
    with TemporaryDirectory() as folder:
        notes = Path(folder, "notes")
        drawn = data.draw(graphs(notes, (Lane.IO,)))
        tasks = [dag_task(notes, one.name, needs=one.needs, priority=one.priority) for one in drawn]
        Place().run(tasks, side_by_side(Capacity(slots=1)))
        graph, ended = Graph(tasks), set()
        ahead = graph.ahead(lambda task: 1.0)
        for name in [name for mark, name in notes_of(notes) if mark == "+"]:
            ready = [task for task in tasks if task.name not in ended and set(task.needs) <= ended]
            assert min((task.priority, -ahead[task.name]) for task in ready) == (graph[name].priority, -ahead[name])
            ended.add(name)


class Watched(DiskCache):
    """A cache that knows what was put and is not committed yet."""

    def __init__(self, blobs):
        super().__init__(blobs)
        self.open: set[str] = set()

    def put(self, made):
        """Remember an output."""
        super().put(made)
        self.open.add(made.task.name)

    def commit(self):
        """Commit."""
        super().commit()
        self.open.clear()


class Hearing(list):
    """Events, of which none tells that a task starts while a result is not committed."""

    def __init__(self, cache):
        super().__init__()
        self._cache = cache

    def append(self, event):
        assert not (isinstance(event, TaskStarted) and self._cache.open)
        super().append(event)


@quiet
@given(st.data())
def test_what_the_outside_world_was_asked_is_committed_before_anything_else_starts(data):
    with TemporaryDirectory() as folder:
        blobs = Blobs(None)
        cache = Watched(blobs)
        drawn = data.draw(graphs(Path(folder, "notes"), (Lane.IO,)))
        tasks = [replace(one, action=CALLS[Lane.IO]) for one in drawn]
        place = Place(blobs, cache, Hearing(cache))
        endings, _tries = expected(tasks)
        assert statuses(place.run(tasks, side_by_side(data.draw(capacities)))) == endings


def test_of_equals_the_first_in_the_document_goes_first(tmp_path):
    tasks = [dag_task(tmp_path / "notes", name) for name in "cab"]
    Place().run(tasks, side_by_side(Capacity(slots=1)))
    assert [name for mark, name in notes_of(tmp_path / "notes") if mark == "+"] == ["c", "a", "b"]


def test_an_urgent_task_goes_before_a_long_path(tmp_path):
    notes = tmp_path / "notes"
    tasks = [dag_task(notes, "a"), dag_task(notes, "b", needs=["a"]), dag_task(notes, "urgent", priority=Priority.CRITICAL)]
    Place().run(tasks, side_by_side(Capacity(slots=1)))
    assert notes_of(notes)[0] == ("+", "urgent")


def test_a_failed_try_waits_as_its_policy_says():
    def fail(inputs):
        raise TaskError("busy", heals=True)

    place, policy = Place(), Policy(retries=3, base=0.004, cap=0.01)
    task = Task("a", Action("fail", "1", fail, Lane.IO), policy=policy)
    outcome = place.run([task], Ways(random=lambda: 0.5))["a"]
    waits = [(event.number, event.seconds) for event in place.events if isinstance(event, TaskRetried)]
    assert waits == [(2, 0.002), (3, 0.004), (4, 0.005)]
    assert outcome.status is Status.FAILED and outcome.usage.tries == 4


def test_other_tasks_run_while_one_waits_to_be_tried_again(tmp_path):
    notes = tmp_path / "notes"
    flaky = dag_task(notes, "flaky", heals=1, priority=Priority.CRITICAL, policy=Policy(retries=1, base=0.2))
    ways = Ways(Capacity(slots=1), random=lambda: 0.99)
    assert Place().run([flaky, dag_task(notes, "other")], ways)["flaky"].status is Status.DONE
    assert [name for mark, name in notes_of(notes) if mark == "+"] == ["flaky", "other", "flaky"]


def spend(tokens: int, barrier: threading.Barrier | None = None) -> Action:
    def function(inputs):
        if barrier is not None:
            barrier.wait()
        return Output(usage=Usage(read=tokens))

    return Action("spend", "1", function, Lane.IO)


@pytest.mark.parametrize("slots", [1, 2, 8])
def test_a_budget_stops_a_run_before_it_is_exceeded(slots):
    budget = Budget(Limits(tokens=10))
    tasks = [Task(f"t{number}", spend(4), {"n": number}, expected=Usage(read=4)) for number in range(5)]
    outcomes = Place().run(tasks, Ways(Capacity(slots), budget=budget))
    assert budget.spent.tokens == 8
    assert sorted(statuses(outcomes).values()) == ["done", "done", "failed", "failed", "failed"]
    assert "10 tokens would be exceeded" in next(one.error for one in outcomes.values() if one.error)


def test_a_task_waits_for_what_another_only_reserved():
    tasks = [Task(f"t{number}", spend(1), {"n": number}, expected=Usage(read=6)) for number in range(3)]
    outcomes = Place().run(tasks, Ways(budget=Budget(Limits(tokens=8))))
    assert set(statuses(outcomes).values()) == {"done"}


def guarded(notes: Path, count: int = 8, **more) -> list[Task]:
    return [dag_task(notes, f"t{number}", guard="claude", pause=0.01, **more) for number in range(count)]


def opened(cool_off: float) -> Breakers:
    store = MemoryStore()
    store.save("claude", State(failures=5, opened=time.time() - 1))
    return Breakers(store, cool_off=cool_off)


def test_an_open_breaker_lets_nobody_through(tmp_path):
    outcomes = Place().run(guarded(tmp_path / "notes"), Ways(Capacity(8), breakers=opened(60)))
    assert set(statuses(outcomes).values()) == {"failed"} and notes_of(tmp_path / "notes") == []
    assert "is left alone" in outcomes["t0"].error


def test_a_half_open_breaker_lets_one_probe_through_and_the_others_after_it(tmp_path):
    breakers, notes = opened(0.5), tmp_path / "notes"
    outcomes = Place().run(guarded(notes), Ways(Capacity(8), breakers=breakers))
    found = notes_of(notes)
    assert found[1] == ("-", found[0][1]), "somebody ran beside the probe"
    assert set(statuses(outcomes).values()) == {"done"} and breakers.states()["claude"].phase == "closed"


def test_a_failed_probe_keeps_the_others_out(tmp_path):
    breakers, notes = opened(0.5), tmp_path / "notes"
    outcomes = Place().run(guarded(notes, heals=9), Ways(Capacity(8), breakers=breakers))
    assert len(notes_of(notes)) == 2 and set(statuses(outcomes).values()) == {"failed"}
    assert breakers.states()["claude"].phase == "open"


def test_what_an_open_breaker_refused_is_tried_when_it_has_cooled_off(tmp_path):
    tasks = guarded(tmp_path / "notes", policy=Policy(retries=2, base=0.0))
    outcomes = Place().run(tasks, Ways(Capacity(8), breakers=opened(1.1)))
    assert set(statuses(outcomes).values()) == {"done"}


@pytest.mark.parametrize("cache", [MemoryCache, lambda: None])
def test_what_must_never_be_done_twice_is_not_tried_again_and_reported_the_next_time(tmp_path, cache):
    notes, place = tmp_path / "notes", Place(cache=cache())
    task = dag_task(notes, "mail", heals=1, effect=Effect.ONCE, policy=Policy(retries=3, base=0.0))
    assert place.run([task])["mail"].error == "it fails at first"
    outcome = place.run([task])["mail"]
    assert "never reported that it succeeded" in outcome.error and "--again mail" in outcome.hint
    assert notes_of(notes) == [("+", "mail"), ("-", "mail")]
    assert place.run([task], Ways(again=frozenset({"mail"})))["mail"].status is Status.FAILED
    assert len(notes_of(notes)) == 4


def test_what_was_done_once_is_known_the_next_time(tmp_path):
    notes, place = tmp_path / "notes", Place()
    task = dag_task(notes, "mail", effect=Effect.ONCE)
    assert [place.run([task])["mail"].status.value for _ in range(2)] == ["done", "cached"]


def test_a_thread_that_does_not_heed_its_time_is_given_up_and_others_finish(tmp_path, monkeypatch):
    monkeypatch.setattr(attempts, "_GRACE", 0.0)
    release = threading.Event()
    heard = []

    def hang(inputs):
        assert release.wait(60)
        heard.append(inputs.turn.stopped())
        return Output()

    stuck = Task("stuck", Action("hang", "1", hang, Lane.IO), policy=Policy(timeout=0.05))
    after = [dag_task(tmp_path / "notes", f"t{number}", pause=0.02) for number in range(8)]
    try:
        outcomes = Place().run([stuck, dag_task(tmp_path / "notes", "b", needs=["stuck"]), *after], Ways(Capacity(2)))
    finally:
        release.set()
    assert outcomes["stuck"].error == "it did not end in its time" and outcomes["b"].status is Status.SKIPPED
    assert {outcomes[task.name].status for task in after} == {Status.DONE}


def test_a_task_sees_that_nobody_waits_for_it_any_more(monkeypatch):
    monkeypatch.setattr(attempts, "_GRACE", 0.0)
    seen = threading.Event()

    def watch(inputs):
        until = time.monotonic() + 60
        while not inputs.turn.stopped() and time.monotonic() < until:
            time.sleep(0.005)
        seen.set()
        return Output()

    outcome = Place().run([Task("a", Action("watch", "1", watch, Lane.IO), policy=Policy(timeout=0.02))])["a"]
    assert outcome.status is Status.FAILED and seen.wait(60)


@pytest.mark.parametrize("retries", [0, 1])
def test_a_task_given_up_may_be_tried_again(monkeypatch, retries):
    monkeypatch.setattr(attempts, "_GRACE", 0.0)

    def slow_at_first(inputs):
        time.sleep(0.3 if inputs.turn.number == 1 else 0.0)
        return Output()

    policy = Policy(retries=retries, base=0.0, timeout=0.1)
    outcome = Place().run([Task("a", Action("slow", "1", slow_at_first, Lane.IO), policy=policy)])["a"]
    assert outcome.status.value == ("done" if retries else "failed")


def test_five_independent_tasks_run_side_by_side():
    barrier = threading.Barrier(5, timeout=60)
    tasks = [Task(f"t{number}", spend(0, barrier), {"n": number}) for number in range(5)]
    assert set(statuses(Place().run(tasks, Ways(Capacity(5)))).values()) == {"done"}


def test_a_branch_does_not_wait_for_its_sibling(tmp_path):
    """`slow` ends only after the end of the other branch: a barrier between layers would never let it."""
    done = threading.Event()

    def slow(inputs):
        assert done.wait(60)
        return Output()

    def last(inputs):
        done.set()
        return Output()

    tasks = [
        Task("slow", Action("slow", "1", slow, Lane.IO)),
        dag_task(tmp_path / "notes", "a"),
        dag_task(tmp_path / "notes", "b", needs=["a"]),
        Task("c", Action("last", "1", last, Lane.IO), needs=("b",)),
    ]
    assert set(statuses(Place().run(tasks, Ways(Capacity(2)))).values()) == {"done"}
