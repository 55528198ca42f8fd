"""What a try is granted: time it was learnt to take, money that is left, and a file that nobody holds while it runs."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing, suppress
from dataclasses import replace

import pytest

from bmad_provisioner.blobs import Blobs
from bmad_provisioner.engine.breaker import Breakers, MemoryStore, State
from bmad_provisioner.engine.budget import Budget, Limits
from bmad_provisioner.engine.disk import DiskCache
from bmad_provisioner.engine.history import DiskHistory, Ran
from bmad_provisioner.engine.lanes import Local, Sequential
from bmad_provisioner.engine.policy import Policy
from bmad_provisioner.engine.ready import Capacity
from bmad_provisioner.engine.run import Ways
from bmad_provisioner.engine.task import Action, Lane, Output, Resources, Task
from bmad_provisioner.errors import TaskError
from bmad_provisioner.usage import Usage
from engine.dags import Place, dag_task, notes_of
from engine.work import Shop, statuses

PATIENCE = 30.0
QUICK = Policy(base=0.0, adaptive=True, floor=0.01, ceiling=1.0)


def asking(function, name="a", **more) -> Task:
    return Task(name, Action("ask", "1", function, Lane.IO, external=True), {"name": name}, **more)


def past(*runs: tuple[str, float], cost: float = 0.0) -> DiskHistory:
    """Return a history in which task `a` ended so, after so many seconds."""
    history = DiskHistory(Blobs(None))
    for status, seconds in runs:
        history.record(Ran("a", "ask", status, seconds, Usage(cost=cost, tries=1)))
    return history


# --- time -------------------------------------------------------------------------------------------------------------


def granted(history: DiskHistory, **more) -> list[float]:
    """Return how many seconds each try of task `a` had, all of which take all they have, and fail."""
    found = []

    def take(inputs):
        found.append(inputs.turn.seconds)
        time.sleep(min(0.05, inputs.turn.seconds or 0.0))
        raise TaskError("it took too long", heals=True)

    Place().run([asking(take, **more)], Ways(history=history))
    return found


def test_failures_teach_no_timeout():
    assert granted(past(*[("failed", 0.001)] * 5), policy=QUICK) == [1.0]


def test_each_timeout_doubles_the_next_time_to_try():
    seconds = granted(past(*[("done", 0.001)] * 3), policy=replace(QUICK, retries=2))
    assert seconds[0] == 0.01 and seconds[1] >= 2 * seconds[0] and seconds[2] >= 2 * seconds[1]


def test_what_timed_out_in_an_earlier_run_has_longer_in_the_next():
    assert granted(past(*[("done", 0.001)] * 3, ("failed", 0.2)), policy=QUICK) == [0.4]
    assert granted(past(*[("done", 0.001)] * 3, ("failed", 0.2), ("done", 0.1)), policy=QUICK) == [pytest.approx(0.3)]


def test_a_try_has_no_more_time_than_the_budget_has_left():
    found = []

    def take(inputs):
        found.append(inputs.turn.seconds)
        return Output()

    Place().run([asking(take, policy=Policy(timeout=900.0))], Ways(budget=Budget(Limits(seconds=60.0))))
    Place().run([asking(take)], Ways(budget=Budget(Limits(seconds=60.0)), timeout=30.0))
    assert 0 < found[0] <= 60 and found[1] == 30


# --- money ------------------------------------------------------------------------------------------------------------


def dear(inputs):
    raise TaskError("busy", heals=True, usage=Usage(cost=3.0))


def test_a_try_is_not_begun_when_one_like_the_last_would_exceed_the_budget():
    budget = Budget(Limits(cost=5.0))
    outcome = Place().run([asking(dear, policy=Policy(retries=3, base=0.0))], Ways(budget=budget))["a"]
    assert budget.spent.cost == 3.0 and "the cost limit of $5.00 would be exceeded" in outcome.error


def test_failures_do_not_void_what_a_task_says_it_will_consume():
    budget = Budget(Limits(cost=1.0))
    task = asking(dear, expected=Usage(cost=2.0))
    outcome = Place().run([task], Ways(budget=budget, history=past(("failed", 1.0))))["a"]
    assert budget.spent == Usage() and "$2.0000 asked" in outcome.error


# --- a file that others may write -----------------------------------------------------------------------------------------


def is_free(path) -> bool:
    with closing(sqlite3.connect(path, timeout=0.0, isolation_level=None)) as other, suppress(sqlite3.OperationalError):
        other.execute("BEGIN IMMEDIATE")
        other.execute("ROLLBACK")
        return True
    return False


@pytest.mark.parametrize("lanes", [Local, Sequential])
def test_nobody_waits_for_the_file_while_an_agent_works(tmp_path, lanes):
    """Not even after what took no time, and left something to write."""
    path = tmp_path / "blobs.db"
    free = []

    def work(inputs):
        until = time.monotonic() + PATIENCE
        while not is_free(path) and lanes is Local and time.monotonic() < until:
            time.sleep(0.01)
        free.append(is_free(path))
        return Output()

    with closing(Blobs(path)) as blobs:
        pure = Task("pure", Action("say", "1", lambda inputs: Output({"f": inputs.keep(b"f")})))
        tasks = [pure, asking(work, needs=("pure",))]
        Place(blobs).run(tasks, Ways(lanes=(lanes,), history=DiskHistory(blobs)))
    assert free == [True]


def test_one_after_the_other_each_is_kept_before_the_next_begins(tmp_path):
    path = tmp_path / "blobs.db"
    kept = []

    def look(inputs):
        with closing(sqlite3.connect(path)) as other:
            kept.append(other.execute("SELECT count(*) FROM results").fetchone()[0])
        return Output()

    with closing(Blobs(path)) as blobs:
        Place(blobs).run([asking(look, name) for name in "abc"], Ways(Capacity(4), lanes=(Sequential,)))
    assert kept == [0, 1, 2]


# --- room and endpoints ---------------------------------------------------------------------------------------------------


def test_a_task_whose_floor_does_not_fit_lets_one_pass_that_fits(tmp_path):
    notes = tmp_path / "notes"
    tasks = [
        dag_task(notes, "first", pause=0.5, floor=Resources(2)),
        dag_task(notes, "large", floor=Resources(3)),
        dag_task(notes, "small", floor=Resources(1)),
    ]
    Place().run(tasks, Ways(Capacity(slots=3, memory=4)))
    found = notes_of(notes)
    assert found.index(("+", "small")) < found.index(("-", "first")) < found.index(("+", "large"))


def opened() -> Breakers:
    store = MemoryStore()
    store.save("claude", State(failures=5, opened=time.time()))
    return Breakers(store, cool_off=600)


def test_an_open_breaker_says_how_to_try_it_at_once(tmp_path):
    outcome = Place().run([dag_task(tmp_path / "notes", "a", guard="claude")], Ways(breakers=opened()))["a"]
    assert "tried again in 600 s" in outcome.error and "--again a" in outcome.hint


@pytest.mark.parametrize("again", ["*", "a"])
def test_who_asks_again_tries_what_an_open_breaker_guards(tmp_path, again):
    notes, breakers = tmp_path / "notes", opened()
    task = replace(dag_task(notes, "a", guard="claude"), action=asking(lambda inputs: Output()).action)
    outcomes = Place().run([task], Ways(breakers=breakers, again=frozenset({again})))
    assert statuses(outcomes) == {"a": "done"} and breakers.states()["claude"].phase == "closed"


def test_who_asks_all_again_tries_it_once_and_not_once_for_each(tmp_path):
    tried = []

    def fail(inputs):
        tried.append(inputs.args["name"])
        raise TaskError("still broken", heals=True)

    tasks = [asking(fail, name, guard="claude") for name in "abc"]
    Place().run(tasks, Ways(breakers=opened(), again=frozenset("*")))
    assert tried == ["a"]


# --- what was used last ---------------------------------------------------------------------------------------------------


def test_who_is_asked_again_goes_on_from_what_it_made_last():
    def count(inputs):
        return Output(facts={"n": (inputs.turn.last.facts["n"] if inputs.turn.last else 0) + 1})

    place, task = Place(), asking(count)
    assert place.run([task])["a"].output.facts == {"n": 1}
    assert place.run([task], Ways(again=frozenset("a")))["a"].output.facts == {"n": 2}


def test_documents_do_not_take_each_others_work_for_their_own():
    def last(inputs):
        return Output(facts={"last": None if inputs.turn.last is None else inputs.turn.last.facts["name"], **inputs.args})

    blobs = Blobs(None)
    for name in ("one", "two"):
        task = replace(asking(last), args={"name": name})
        history = DiskHistory(blobs, of=name)
        outcome = Place(blobs, DiskCache(blobs, of=name)).run([task], Ways(history=history))["a"]
        assert outcome.because == ("it never ran here",) and outcome.output.facts["last"] is None
        assert len(DiskHistory(blobs, of=name).of("a")) == 1


def test_why_compares_with_what_was_used_last_and_not_with_what_ran_last():
    shop = Shop()

    def asked(word, **more):
        return shop.run(replace(asking(lambda inputs: Output()), args={"word": word}), **more)["a"]

    for word in ("one", "two", "one"):
        asked(word)
    assert asked("two", hold=True).status.value == "cached", "to look is not to use"
    assert asked("three").because == ("argument word changed: one -> three",)


def test_who_changes_what_it_reads_settles_until_somebody_else_changes_it():
    shop = Shop(files={"f": b"one"})

    def more(inputs):
        return Output({"f": inputs.keep(inputs.read("f") + b"+")})

    def run(**args):
        outcome = shop.run(replace(asking(more), args=args, reads=("f",)))["a"]
        shop.files["f"] = shop.blobs.get(outcome.output.files["f"].digest)
        return outcome.status.value, shop.files["f"]

    assert run() == ("done", b"one+") and run() == run() == ("cached", b"one+")
    shop.files["f"] = b"two"
    assert run() == ("done", b"two+") and run() == ("cached", b"two+")
    assert run(asked="more") == ("done", b"two++") and run(asked="more") == ("cached", b"two++")
