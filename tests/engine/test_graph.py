"""A graph is checked once, and each task comes after all that it needs."""

from __future__ import annotations

import pytest
from hypothesis import given

from bmad_provisioner.engine.graph import Graph
from bmad_provisioner.errors import PlanError
from engine.work import dags, task

WRONG = {
    "two of one name": ([task("a"), task("a")], "two tasks are named `a`"),
    "a need that is not there": ([task("a", needs=("b",))], "task `a` needs `b`, which does not exist"),
    "a task that needs itself": ([task("a", needs=("a",))], "in a circle: `a`"),
    "two in a circle": ([task("a", needs=("b",)), task("b", needs=("a",))], "in a circle: `a`, `b`"),
    "a circle behind a start": (
        [task("s"), task("a", needs=("s", "c")), task("b", needs=("a",)), task("c", needs=("b",))],
        "in a circle: `a`, `b`, `c`",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_graph_is_an_error_that_names_the_tasks(case):
    tasks, message = WRONG[case]
    with pytest.raises(PlanError) as caught:
        Graph(tasks)
    assert message in caught.value.message


def test_free_tasks_keep_the_order_in_which_they_were_given():
    assert [one.name for one in Graph([task("c"), task("a"), task("b")])] == ["c", "a", "b"]


def test_a_need_comes_first_wherever_it_was_given():
    assert [one.name for one in Graph([task("a", needs=("b",)), task("b")])] == ["b", "a"]


def test_a_need_named_twice_counts_as_often():
    assert [one.name for one in Graph([task("a", needs=("b", "b")), task("b")])] == ["b", "a"]


def test_a_graph_knows_its_tasks():
    graph = Graph([task("a"), task("b", needs=("a",))])
    assert len(graph) == 2 and "a" in graph and "x" not in graph and graph["b"].needs == ("a",)
    assert list(Graph([])) == []


@given(dags())
def test_any_graph_without_a_circle_is_ordered(tasks):
    order = [one.name for one in Graph(tasks)]
    assert sorted(order) == sorted(one.name for one in tasks)
    for one in tasks:
        assert all(order.index(need) < order.index(one.name) for need in one.needs)
