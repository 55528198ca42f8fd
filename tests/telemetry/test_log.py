"""The log says what took how long, one line of JSON each, and does not grow for ever."""

from __future__ import annotations

import json

from bmad_provisioner.event import ChangeCommitted, FellBack, StepFinished, TaskFinished, TaskRetried, silent
from bmad_provisioner.telemetry.log import logging

EVENTS = [
    StepFinished("parse", 0.25),
    TaskFinished("writer", "turn", "done", 1.5, "io"),
    TaskRetried("writer", 2, 0.5, "busy"),
    FellBack("no cluster"),
]


def test_each_event_that_takes_time_is_a_line(tmp_path):
    heard = []
    hear = logging(tmp_path / "log.jsonl", heard.append)
    for event in [*EVENTS, ChangeCommitted("a", "missing")]:
        hear(event)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [(line["event"], line["name"]) for line in lines] == [
        ("step", "parse"), ("task", "writer"), ("retry", "writer"), ("warning", "no cluster"),
    ]  # fmt: skip
    assert lines[1]["seconds"] == 1.5 and lines[1]["status"] == "done" and all(line["at"] > 0 for line in lines)
    assert len(heard) == 5


def test_a_file_that_has_grown_makes_room(tmp_path):
    hear = logging(tmp_path / "log.jsonl", silent, most=300)
    for _ in range(20):
        hear(EVENTS[0])
    assert (tmp_path / "log.jsonl").stat().st_size < 500 and (tmp_path / "log.jsonl.1").stat().st_size < 500


def test_a_file_that_cannot_be_written_stops_nobody(tmp_path):
    logging(tmp_path / "missing" / "log.jsonl", silent)(EVENTS[0])
    assert not (tmp_path / "missing").exists()
