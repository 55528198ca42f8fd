"""A run skips what the cache knows, wakes only whom something new concerns, and says why."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bmad_provisioner.engine.cache import MemoryCache, Trace
from bmad_provisioner.engine.means import Ways
from bmad_provisioner.engine.run import Status, changed
from bmad_provisioner.engine.task import Action, Output, Task
from bmad_provisioner.errors import PlanError
from engine.work import ASK, LOUDER, SAY, Shop, dags, statuses, task


def parts(outcome):
    """Why it ran, without from what to what."""
    return tuple(reason.partition(":")[0] for reason in outcome.because)


@pytest.fixture(params=["memory", "disk"])
def shop(request):
    return Shop(cache=MemoryCache()) if request.param == "memory" else Shop()


def test_the_second_run_runs_nothing_and_says_the_same(shop):
    tasks = [task("a"), task("b", needs=("a",))]
    first, second = shop.run(*tasks), shop.run(*tasks)
    assert statuses(first) == {"a": "done", "b": "done"} and statuses(second) == {"a": "cached", "b": "cached"}
    assert shop.started == []
    assert [first[name].output.plain() for name in first] == [second[name].output.plain() for name in second]


def test_outcomes_come_in_order_of_need(shop):
    assert list(shop.run(task("z", needs=("a",)), task("a"))) == ["a", "z"]


def test_a_changed_task_wakes_those_who_hear_something_new(shop):
    chain = [task("b", needs=("a",)), task("c", needs=("b",)), task("other")]
    shop.run(task("a"), *chain)
    shop.run(task("a", word="new"), *chain)
    assert shop.started == ["a", "b", "c"]


def test_a_step_that_runs_again_and_says_the_same_wakes_nobody(shop):
    """Early cut-off: `b` hears `a`, but does not pass on what it heard."""
    chain = [task("b", needs=("a",), deaf=True), task("c", needs=("b",))]
    shop.run(task("a"), *chain)
    outcomes = shop.run(task("a", word="new"), *chain)
    assert shop.started == ["a", "b"] and outcomes["c"].status is Status.CACHED


def test_a_file_that_changed_wakes_its_readers_only(shop):
    tasks = [task("a", reads=("f",)), task("b", reads=("g",))]
    shop.files |= {"f": b"1", "g": b"1"}
    shop.run(*tasks)
    shop.files["f"] = b"2"
    outcomes = shop.run(*tasks)
    assert shop.started == ["a"] and parts(outcomes["a"]) == ("file f changed",)


@pytest.mark.parametrize(
    ("then", "because"),
    [
        (task("a", word="x"), ("argument word changed",)),
        (task("a", extra=1), ("argument extra is new",)),
        (task("a", action=LOUDER), ("action changed",)),
        (task("a", reads=("f",)), ("file f is new",)),
        (task("a", needs=("n",)), ("task n is new",)),
        (Task("a", SAY, {"name": "a"}), ("argument word is gone",)),
    ],
)
def test_why_says_which_part_is_not_as_the_last_time(shop, then, because):
    assert shop.run(task("n"), task("a"))["a"].because == ("it never ran here",)
    assert parts(shop.run(task("n"), then)["a"]) == because


def test_why_names_the_upstream_task_that_said_something_new(shop):
    shop.run(task("a"), task("b", needs=("a",)))
    assert parts(shop.run(task("a", word="x"), task("b", needs=("a",)))["b"]) == ("task a changed",)


def test_why_says_from_what_to_what(shop):
    shop.run(task("a"))
    assert shop.run(task("a", word="x"))["a"].because == ("argument word changed: a -> x",)


def test_why_says_when_only_the_output_was_lost():
    assert changed(Trace({"action": "1"}), {"action": "1"}, {}) == ("its output is no longer cached",)


def test_external_tasks_and_whoever_needs_them_are_held_back(shop):
    tasks = [task("a"), task("ask", needs=("a",), action=ASK), task("b", needs=("ask",)), task("c")]
    assert statuses(shop.run(*tasks, hold=True)) == {"a": "done", "c": "done", "ask": "held", "b": "held"}
    assert "ask" not in shop.started
    assert statuses(shop.run(*tasks)) == {"a": "cached", "c": "cached", "ask": "done", "b": "done"}
    assert set(statuses(shop.run(*tasks, hold=True)).values()) == {"cached"}


def test_what_is_released_runs_though_everything_else_is_held_back(shop):
    tell = Action("tell", "1", ASK.function, external=True)
    tasks = [task("ask", action=ASK), task("tell", action=tell), task("b", needs=("tell",))]
    outcomes = shop.run(*tasks, hold=True, ways=Ways(released=frozenset(("tell",))))
    assert statuses(outcomes) == {"ask": "held", "tell": "done", "b": "done"}


@pytest.mark.parametrize(("exact", "then"), [(False, "cached"), (True, "done")])
def test_what_measures_runs_again_when_what_followed_from_it_changed_its_files(shop, exact, then):
    """Who makes files goes on from what it made; a measurement of a file holds for no other."""
    asking = Action("ask", "1", ASK.function, external=True, exact=exact)
    shop.files["a.txt"] = b"old"
    work = task("a", reads=("a.txt",), action=asking)
    made = shop.run(work)["a"].output.files["a.txt"]
    shop.files["a.txt"] = shop.blobs.get(made.digest)
    assert statuses(shop.run(work)) == {"a": then}


def test_a_failure_skips_only_what_needs_it_and_is_tried_again(shop):
    tasks = [task("bad", fail=True), task("b", needs=("bad",)), task("c", needs=("b",)), task("free")]
    outcomes = shop.run(*tasks)
    assert statuses(outcomes) == {"bad": "failed", "free": "done", "b": "skipped", "c": "skipped"}
    assert outcomes["bad"].error == "it fails as asked" and outcomes["b"].output is None
    shop.run(*tasks)
    assert shop.started == ["bad"]


def test_what_needs_a_failed_and_a_held_task_is_skipped(shop):
    tasks = [task("bad", fail=True), task("ask", action=ASK), task("b", needs=("bad", "ask"))]
    assert statuses(shop.run(*tasks, hold=True))["b"] == "skipped"


def test_a_task_may_read_only_what_it_declares(shop):
    shop.files["secret"] = b"x"
    peek = Action("peek", "1", lambda inputs: Output(facts={"x": inputs.read("secret").decode()}))
    outcome = shop.run(Task("a", peek))["a"]
    assert outcome.status is Status.FAILED and "does not declare" in outcome.error


def test_our_own_bugs_are_not_taken_for_failures(shop):
    broken = Action("broken", "1", lambda inputs: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        shop.run(Task("a", broken))


def test_a_file_that_is_not_there_is_part_of_the_key(shop):
    shop.run(task("a", reads=("f",)))
    shop.files["f"] = b"now"
    assert parts(shop.run(task("a", reads=("f",)))["a"]) == ("file f changed",)


quiet = settings(max_examples=60, deadline=None)


@quiet
@given(dags(), st.binary(max_size=3).map(lambda data: data.hex().encode()))
def test_any_graph_says_the_same_cached_and_uncached(tasks, data):
    shop = Shop(files={"f": data})
    fresh, again = shop.run(*tasks), shop.run(*tasks)
    assert [o.output for o in fresh.values()] == [o.output for o in again.values()]
    assert set(statuses(again).values()) <= {"cached"}


@quiet
@given(dags(), dags())
def test_whatever_ran_before_the_outputs_are_those_of_a_first_run(before, tasks):
    used, new = Shop(files={"f": b"1"}), Shop(files={"f": b"1"})
    used.run(*before)
    used.files["f"] = new.files["f"] = b"2"
    one, other = used.run(*tasks), new.run(*tasks)
    assert {n: o.output for n, o in one.items()} == {n: o.output for n, o in other.items()}
    assert set(used.started) <= set(new.started)


@quiet
@given(dags(), st.data())
def test_a_failure_anywhere_skips_exactly_what_is_below_it(tasks, data):
    if not tasks:
        return
    name = data.draw(st.sampled_from([one.name for one in tasks]))
    broken = [task(one.name, needs=one.needs, reads=one.reads, fail=one.name == name) for one in tasks]
    below: set[str] = set()
    while found := {one.name for one in broken if one.name not in below and {name, *below} & set(one.needs)}:
        below |= found
    outcomes = Shop().run(*broken)
    assert {n for n, status in statuses(outcomes).items() if status == "skipped"} == below
    assert statuses(outcomes)[name] == "failed"


def test_a_failed_read_is_a_failure_of_the_task(shop):
    def stop(inputs):
        raise PlanError("no")

    assert shop.run(Task("a", Action("stop", "1", stop)))["a"].error == "no"


# --- one fact of another task -------------------------------------------------------------------------------------------

SPELL = Action("spell", "1", lambda inputs: Output(facts={str(name): value for name, value in inputs.args.items()}))
HEAR = Action("hear", "1", lambda inputs: Output(facts={name: dict(each.facts) for name, each in inputs.needs.items()}))


def hearing(**hears: str) -> Task:
    return Task("ear", HEAR, hears=hears)


def test_of_a_task_it_hears_one_fact_is_known_and_no_other_wakes_it(shop):
    said = shop.run(Task("mouth", SPELL, {"a": 1, "b": 2}), hearing(mouth="a"))
    assert said["ear"].output.facts == {"mouth": {"a": 1}}
    shop.run(Task("mouth", SPELL, {"a": 1, "b": 3}), hearing(mouth="a"))
    assert shop.started == ["mouth"]
    said = shop.run(Task("mouth", SPELL, {"a": 9, "b": 3}), hearing(mouth="a"))
    assert shop.started == ["mouth", "ear"] and parts(said["ear"]) == ("fact a of mouth changed",)


def test_who_hears_of_a_task_that_fails_goes_on_without(shop):
    said = shop.run(task("mouth", fail=True), hearing(mouth="word"), Task("last", HEAR, needs=("mouth",)))
    assert statuses(said) == {"mouth": "failed", "ear": "done", "last": "skipped"}
    assert said["ear"].output.facts == {"mouth": {}}


def test_who_hears_of_a_task_that_is_held_is_held_too(shop):
    said = shop.run(task("mouth", action=ASK), hearing(mouth="word"), hold=True)
    assert statuses(said) == {"mouth": "held", "ear": "held"}


def test_what_is_fleeting_is_said_and_made_again(shop):
    brief = Task("brief", Action("brief", "1", lambda inputs: Output(facts={"word": "now"}, fleeting=True)))
    for _ in range(2):
        said = shop.run(brief, hearing(brief="word"))
        assert shop.started[0] == "brief" and said["ear"].output.facts == {"brief": {"word": "now"}}
    assert shop.started == ["brief"]
