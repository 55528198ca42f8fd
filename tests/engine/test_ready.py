"""Who is ready goes by priority, path and turn, as far as there is room; who is overtaken is so only for a while."""

from __future__ import annotations

import pytest

from bmad_provisioner.digest import fingerprint
from bmad_provisioner.engine.attempt import Attempt
from bmad_provisioner.engine.ready import Capacity, Ready, Room
from bmad_provisioner.engine.task import Action, Lane, Output, Priority, Resources, Task

WORK = {lane: Action("work", "1", lambda inputs: Output(), lane) for lane in Lane}


def attempt(room: Room, name: str, memory: int = 0, *, lane: Lane = Lane.IO, ahead: float = 1.0, **more) -> Attempt:
    task = Task(name, WORK[lane], resources=Resources(memory), **more)
    return Attempt(task, fingerprint(name), {}, ahead=ahead, wanted=room.of(task))


def popped(ready: Ready, room: Room, now: float = 0.0) -> list[str]:
    """Return who starts now, each of them taking its room."""
    names = []
    while (one := ready.pop(room, now)) is not None:
        room.take(one)
        names.append(one.task.name)
    return names


def test_priority_goes_before_path_and_path_before_turn():
    ready, room = Ready(), Room(Capacity(9))
    ready.push(attempt(room, "first"))
    ready.push(attempt(room, "second"))
    ready.push(attempt(room, "long", ahead=2.0))
    ready.push(attempt(room, "urgent", priority=Priority.HIGH, ahead=0.0))
    assert popped(ready, room) == ["urgent", "long", "first", "second"] and not ready


@pytest.mark.parametrize("large", [{"memory": 6}, {"floor": Resources(6)}, {"lane": Lane.CPU}], ids=["memory", "floor", "process"])
def test_a_task_without_room_lets_smaller_ones_pass(large):
    ready, room = Ready(), Room(Capacity(9, memory=8, processes=0))
    ready.push(attempt(room, "runs", 4))
    assert popped(ready, room) == ["runs"]
    ready.push(attempt(room, "large", **large))
    ready.push(attempt(room, "small", 4))
    assert popped(ready, room) == ["small"]


def test_a_task_is_overtaken_sixteen_times_and_then_waited_for():
    ready, room = Ready(), Room(Capacity(99, memory=8))
    ready.push(attempt(room, "runs", 4))
    assert popped(ready, room) == ["runs"]
    ready.push(attempt(room, "large", 6))
    for number in range(20):
        ready.push(attempt(room, f"small {number}"))
    assert len(popped(ready, room)) == 16
    room.give(attempt(room, "runs", 4))
    assert popped(ready, room)[0] == "large"


def test_what_runs_alone_is_neither_overtaken_nor_joined():
    ready, room = Ready(), Room(Capacity(9))
    ready.push(attempt(room, "runs"))
    assert popped(ready, room) == ["runs"]
    ready.push(attempt(room, "alone", lane=Lane.ALONE, ahead=2.0))
    ready.push(attempt(room, "other"))
    assert popped(ready, room) == []
    room.give(attempt(room, "runs"))
    assert popped(ready, room) == ["alone"]
    room.give(attempt(room, "alone", lane=Lane.ALONE))
    assert popped(ready, room) == ["other"]


def test_what_is_larger_than_everything_runs_while_nothing_else_does():
    ready, room = Ready(), Room(Capacity(9, memory=8))
    ready.push(attempt(room, "huge", 99))
    ready.push(attempt(room, "small"))
    ready.push(attempt(room, "not so small", 1))
    assert popped(ready, room) == ["huge"]


def test_a_delayed_task_comes_back_when_its_time_has_come():
    ready, room = Ready(), Room(Capacity(9))
    ready.delay(attempt(room, "later"), 5.0)
    ready.delay(attempt(room, "soon"), 2.0)
    assert ready.wakes == 2.0 and popped(ready, room, 1.9) == [] and ready
    assert popped(ready, room, 2.0) == ["soon"] and popped(ready, room, 5.0) == ["later"]
    assert ready.wakes is None and not ready


def test_a_task_occupies_what_it_says_or_what_each_does_and_never_less_than_its_floor():
    room = Room(Capacity(each=Resources(4, 1.0)))
    cases = {
        "nothing said": (Task("a", WORK[Lane.IO]), Resources(4, 1.0)),
        "said": (Task("a", WORK[Lane.IO], resources=Resources(2, 0.5)), Resources(2, 0.5)),
        "below its floor": (Task("a", WORK[Lane.IO], floor=Resources(6)), Resources(6, 1.0)),
    }
    assert {name: room.of(task) for name, (task, _wanted) in cases.items()} == {name: one for name, (_task, one) in cases.items()}
