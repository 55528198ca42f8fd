"""Clues: what was looked at is read as what it is, and what only looks like a cause is not accused."""

from __future__ import annotations

import gzip
import random
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from bmad_provisioner.kinds.performance.asking import Answer
from bmad_provisioner.kinds.performance.causes import Cause, found, ranked, told_once
from bmad_provisioner.kinds.performance.clue import place
from bmad_provisioner.kinds.performance.clues import BYTES, CAPACITY, START, TIME, clues
from bmad_provisioner.kinds.performance.estimate import exactly
from bmad_provisioner.kinds.performance.growing import sure
from bmad_provisioner.kinds.performance.looked import Crowd, Doubled, Growth, Looked
from bmad_provisioner.kinds.performance.order import Ask
from bmad_provisioner.kinds.performance.scaling import is_steep, is_varied, numbers, size, times
from bmad_provisioner.kinds.performance.sources import Sources
from bmad_provisioner.kinds.performance.tables import scans
from bmad_provisioner.kinds.performance.testimony import Heard, Line, Seen
from bmad_provisioner.kinds.performance.testimony import Testimony as Told

_HANDLER, _LOOP, _HELPER = Line("shop.py", 10, "orders"), Line("shop.py", 12, "orders"), Line("store.py", 3, "rows")
_JSON = {"content-type": "application/json"}


_PLAIN = (("Content-Type", "text/plain"),)


def _answer(seconds: float = 0.01, body: bytes = b"{}", began: float = 0.0, **headers: str) -> Answer:
    return Answer(
        began, began + seconds, 200, {**_JSON, **{name.replace("_", "-"): value for name, value in headers.items()}}, body
    )


def _looked(seconds: float = 0.01, cpu: float | None = 0.005, **more: object) -> Looked:
    answers = tuple(_answer(seconds) for _ in range(5))
    return replace(Looked(Ask("/orders?limit=9"), answers[0], answers, cpu, asked=answers[:1], witnessed=True), **more)  # type: ignore[arg-type]


def _kinds(looked: Looked) -> list[str]:
    return [one.kind for one in clues(looked)]


def _statements(text: str, count: int, *lines: Line) -> Told:
    return Told(heard=tuple(Heard(0.001, "sql", text.format(n), lines) for n in range(count)))


@pytest.mark.parametrize(
    ("text", "count", "kinds"),
    [
        ("SELECT name FROM customers WHERE id = {}", 40, ["n-plus-one"]),
        ("SELECT name FROM customers WHERE id = {}", 5, []),
        ("SELECT c{} FROM customers", 40, []),
        ("INSERT INTO log VALUES ({})", 40, []),
    ],
    ids=["many alike", "a few", "all different", "what is written"],
)
def test_many_statements_of_one_shape_are_n_plus_one(text: str, count: int, kinds: list[str]) -> None:
    assert _kinds(_looked(inside=_statements(text, count, _LOOP))) == kinds


def test_the_loop_is_blamed_and_not_the_helper_that_all_ask_by() -> None:
    (clue,) = clues(_looked(inside=_statements("SELECT {}", 40, _LOOP, _HELPER), repeated=frozenset({_LOOP})))
    assert clue.line == _LOOP
    assert "store.py:3" in clue.evidence


@pytest.mark.parametrize(
    ("chains", "repeated", "shared", "at"),
    [
        ({(_HANDLER, _LOOP): 3}, set(), set(), _LOOP),
        ({(_HANDLER, _HELPER): 3}, set(), {_HELPER}, _HANDLER),
        ({(_HANDLER, _HELPER): 3, (_LOOP, _HELPER): 2}, set(), set(), _HANDLER),
        ({(_LOOP, _HELPER): 3}, {_LOOP, _HELPER}, {_HELPER}, _LOOP),
        ({(_HELPER,): 3}, set(), {_HELPER}, _HELPER),
        ({(_HANDLER, _HELPER): 1, (_HANDLER, _LOOP, _HELPER): 1, (_HANDLER, _LOOP, _LOOP, _HELPER): 1}, set(), set(), _LOOP),
        ({}, set(), set(), None),
    ],
)  # fmt: skip
def test_a_place_is_the_loop_or_who_asks(
    chains: dict[tuple[Line, ...], float], repeated: set[Line], shared: set[Line], at: Line | None
) -> None:
    assert place(chains, repeated, shared) == at


def test_a_loop_is_known_by_the_text_of_the_project(tmp_path: Path) -> None:
    text = "def f(xs):\n    for x in a(xs):\n        b(x)\n    return [\n        c(x)\n        for x in d(xs)\n    ]\n"
    (tmp_path / "a.py").write_text(text, "utf-8")
    sources = Sources(tmp_path)
    assert [n for n in range(1, 8) if sources.is_repeated(sources.line("a.py", n))] == [3, 4, 5, 7]
    assert sources.line("a.py", 3) == Line("a.py", 3, "f")
    assert not sources.is_repeated(Line("no.py", 1, ""))


def _database(path: Path) -> Path:
    with closing(sqlite3.connect(path)) as one, one:
        one.execute("CREATE TABLE events (id INTEGER PRIMARY KEY, who INTEGER, sort TEXT, amount REAL)")
        one.executemany(
            "INSERT INTO events VALUES (?, ?, ?, ?)", [(n, n % 997, "new" if n % 20 else "old", n % 13) for n in range(20_000)]
        )
        one.execute("CREATE TABLE small AS SELECT * FROM events LIMIT 500")
    return path


@pytest.mark.parametrize(
    ("statement", "columns"),
    [
        ("SELECT * FROM events WHERE who = 5", ("who",)),
        ("SELECT e.id FROM events AS e WHERE e.who = 5 ORDER BY e.amount", ("who", "amount")),
        ("SELECT * FROM events ORDER BY amount DESC LIMIT 5", ("amount",)),
        ("SELECT sort, sum(amount) FROM events GROUP BY sort ORDER BY sort", None),
        ("SELECT count(*) FROM events WHERE sort = 'new'", None),
        ("SELECT * FROM events WHERE sort LIKE '%w%'", None),
        ("SELECT * FROM events WHERE id = 5", None),
        ("SELECT * FROM small WHERE who = 5", None),
        ("SELECT nothing FROM nowhere", None),
    ],
)
def test_an_index_is_missing_where_it_would_save_work(tmp_path: Path, statement: str, columns: tuple[str, ...] | None) -> None:
    one = list(scans(_database(tmp_path / "shop.db"), [statement]))
    assert [scan.columns for scan in one] == ([columns] if columns else [])


@pytest.mark.parametrize(
    ("body", "headers", "kinds"),
    [
        (b'{"name": "article"},' * 5000, {}, ["no-compression"]),
        (gzip.compress(b'{"name": "article"},' * 90000), {"content_encoding": "gzip"}, []),
        (b'{"name": "article"},' * 200, {}, []),
        (b'{"name": "article"},' * 5000, {"content_type": "image/png"}, []),
        (random.Random(1).randbytes(90_000).hex().encode()[:60_000], {"content_type": "application/gzip"}, []),
    ],
    ids=["text", "packed", "small", "no text", "what is packed in itself"],
)
def test_text_that_travels_as_it_is_could_be_packed(body: bytes, headers: dict[str, str], kinds: list[str]) -> None:
    assert _kinds(_looked(plain=(_answer(body=body, **headers),))) == kinds


@pytest.mark.parametrize(
    ("costs", "steep"),
    [
        ((0.01, 0.04, 0.16), True),
        ((0.006, 0.016, 0.056), True),
        ((0.01, 0.02, 0.04), False),
        ((0.02, 0.03, 0.05), False),
        ((0.011, 0.017, 0.046), False),
        ((0.02, 0.02, 0.02), False),
        ((0.0, 0.02, 0.2), False),
    ],
)
def test_work_that_grows_faster_than_what_is_asked_for(costs: tuple[float, ...], steep: bool) -> None:
    assert is_steep((100, 200, 400), costs) == steep
    told = Told((Seen(0.001, 1, 0.004, (_LOOP,), ("x", 1, "x")),), looks=(0.0005,))
    looked = _looked(doubled=(Doubled("limit", (100.0, 200.0, 400.0), costs, told),), inside=told)
    assert _kinds(looked) == (["superlinear"] if steep else [])


@pytest.mark.parametrize(
    ("ask", "name", "amount", "twice"),
    [
        (Ask("/a?limit=9&page=3"), "limit", 9, Ask("/a?limit=18&page=3")),
        (Ask("/reports/40/rows"), "path 2", 40, Ask("/reports/80/rows")),
        (Ask("/q", "POST", body='{"parts": 30, "id": 4}'), "body parts", 30, Ask("/q", "POST", body='{"parts": 60, "id": 4}')),
        (Ask("/q", "POST", body='{"ids": [1, 2]}'), "body ids", 2, Ask("/q", "POST", body='{"ids": [1, 2, 1, 2]}')),
        (Ask("/q", "POST", body='{"a": {"ids": [1, 2]}}'), "body a.ids", 2, Ask("/q", "POST", body='{"a": {"ids": [1, 2, 1, 2]}}')),
        (Ask("/q", "POST", body="[3, 4]"), "body ", 2, Ask("/q", "POST", body="[3, 4, 3, 4]")),
        (Ask("/q", "POST", _PLAIN, "word " * 50), "body ", 250, Ask("/q", "POST", _PLAIN, "word " * 100)),
        (Ask("/q", "POST", body='{"title": "a short one"}'), None, 0, None),
        (Ask("/q", "DELETE", body='{"parts": 30}'), None, 0, None),
    ],
)
def test_numbers_of_a_request_can_be_doubled(ask: Ask, name: str | None, amount: float, twice: Ask | None) -> None:
    assert list(numbers(ask)) == ([name] if name else [])
    if name:
        assert size(ask, name) == amount
        assert times(ask, name, 2.0) == twice


def _waiting(*who: int, turns: int = 1, leaf: str = "socket.py", ran: float | None = None, loop: bool = False) -> Told:
    """Return looks, 5 ms apart, that found each of these waiting in the loop's line, in so many turns."""
    looks = [n * 0.005 for n in range(1, 37)]
    seen = [
        Seen(at + 0.0001, one, ran, (_LOOP,), (leaf, 1, "x"), place * turns // len(looks), loop)
        for place, at in enumerate(looks)
        for one in who
    ]
    return Told(tuple(seen), looks=tuple(looks))


@pytest.mark.parametrize(
    ("inside", "kinds"),
    [
        (_waiting(1, turns=4), ["sequential-io"]),
        (_waiting(1), ["slow-wait"]),
        (_waiting(1, 2, 3, 4), []),
        (Told(), []),
    ],
    ids=["one after the other", "one", "together", "nothing seen"],
)
def test_waits(inside: Told, kinds: list[str]) -> None:
    assert _kinds(_looked(0.185, 0.002, inside=inside)) == kinds


@pytest.mark.parametrize(
    ("body", "twice"),
    [
        ("[3, 5]", "[3, 5, 6, 8]"),
        ('["a", "b"]', '["a", "b", "a1", "b1"]'),
        ('[{"id": 3, "n": 1}, {"id": 4, "n": 1}]', '[{"id": 3, "n": 1}, {"id": 4, "n": 1}, {"id": 5, "n": 1}, {"id": 6, "n": 1}]'),
    ],
)
def test_a_longer_list_of_values_that_differ_has_more_that_differ(body: str, twice: str) -> None:
    ask = Ask("/q", "POST", body=body)
    assert is_varied(ask, "body ")
    assert not is_varied(times(ask, "body ", 2.0), "body ")
    assert times(ask, "body ", 2.0, varied=True).body == twice


def test_little_that_several_requests_leave_behind_in_one_line_is_told() -> None:
    much, little, once = _HANDLER, _LOOP, _HELPER
    found = [Growth(0, 0, {much: 300.0, once: 200.0}, 50), Growth(0, 0, {little: 150.0}, 50), Growth(0, 0, {little: 150.0}, 50)]
    often = Counter(line for growth in found for line in growth.lines)
    assert [dict(one.lines) if one else None for one in (sure(each, often) for each in [*found, None])] == [
        {much: 300.0}, {little: 150.0}, {little: 150.0}, None,
    ]  # fmt: skip


def _both(one: Told, other: Told) -> Told:
    return Told(tuple(sorted(one.seen + other.seen, key=lambda each: each.time)), looks=one.looks)


def test_a_task_and_the_thread_that_it_waits_for_wait_once() -> None:
    thread = _waiting(2, ran=0.0)
    thread = replace(thread, seen=tuple(replace(one, lines=(_HELPER,)) for one in thread.seen))
    assert _kinds(_looked(0.185, 0.002, inside=_both(_waiting(1), thread))) == ["slow-wait"]


def test_what_waits_when_nobody_asks_is_not_blamed_for_what_a_request_waits_for() -> None:
    resident = _waiting(2, turns=5)
    resident = replace(resident, seen=tuple(replace(one, lines=(_HELPER,), stays=True) for one in resident.seen))
    (clue,) = clues(_looked(0.185, 0.002, inside=_both(_waiting(1, turns=4), resident)))
    assert (clue.kind, clue.line) == ("sequential-io", _LOOP)


@pytest.mark.parametrize(
    ("many", "crowded", "kinds"),
    [
        (Crowd(16, 22.0, 0.02), _waiting(*range(16), leaf="threading.py"), ["lock"]),
        (Crowd(16, 22.0, 0.02), _waiting(*range(16), leaf="locks.py"), ["lock"]),
        (Crowd(16, 22.0, 0.02), _waiting(1, ran=0.0, loop=True), ["blocking"]),
        (Crowd(16, 22.0, 0.02), _waiting(*range(16)), []),
        (Crowd(16, 300.0, 0.02), _waiting(*range(16), leaf="threading.py"), []),
        (Crowd(16, 22.0, 0.95), _waiting(*range(16), leaf="threading.py"), []),
    ],
    ids=["threads", "tasks", "the event loop", "no gate", "it scales", "the processor is the limit"],
)  # fmt: skip
def test_what_a_crowd_waits_for(many: Crowd, crowded: Told, kinds: list[str]) -> None:
    assert _kinds(_looked(0.05, 0.002, crowds=(Crowd(1, 20.0, 0.01), many), crowded=crowded)) == kinds


def test_what_is_left_behind_is_a_leak_of_a_line() -> None:
    (clue,) = clues(_looked(growth=Growth(9000, 9000, {_LOOP: 8000.0, _HELPER: 900.0}, 500)))
    assert (clue.kind, clue.line) == ("leak", _LOOP)
    posted = _looked(ask=Ask("/orders", "POST", body="x" * 300), growth=Growth(900, 900, {_LOOP: 900.0}, 500))
    assert not _kinds(posted)


def test_nothing_is_concluded_from_inside_where_the_witness_changed_an_answer() -> None:
    assert not _kinds(_looked(inside=_statements("SELECT {}", 40, _LOOP), same=False))


def test_without_a_witness_the_evidence_says_what_could_not_be_looked_into() -> None:
    slow = _looked(0.2, 0.19, witnessed=False)
    (clue,) = clues(slow)
    assert (clue.kind, clue.line) == ("slow-handler", None)
    assert "no witness" in clue.evidence
    assert not _kinds(_looked(0.2, None, witnessed=False))


def _cause(kind: str, lane: str = TIME, share: float = 0.5, line: int = 3, reach: float = 0.5) -> Cause:
    return Cause(kind, "web", "GET /a", lane, exactly(share), "", path="a.py", line=line, reach=reach)


@pytest.mark.parametrize(
    ("weak", "strong", "left"),
    [
        (_cause("slow-handler"), _cause("superlinear"), 1),
        (_cause("slow-handler", line=9), _cause("n-plus-one"), 1),
        (_cause("slow-handler", line=9), _cause("n-plus-one", share=0.1), 2),
        (_cause("slow-wait"), _cause("lock", CAPACITY, 0.9, 2), 1),
        (_cause("no-compression", BYTES), _cause("superlinear"), 2),
    ],
)
def test_what_only_says_again_is_left_out(weak: Cause, strong: Cause, left: int) -> None:
    assert len(told_once([weak, strong])) == left


def test_lanes_are_ranked_by_what_matters_to_whoever_asks() -> None:
    some = [
        _cause("cold-cache", START, 0.9),
        _cause("slow-handler", share=0.4),
        _cause("leak", CAPACITY, 1.0),
        _cause("n-plus-one", share=0.96),
    ]
    assert [one.kind for one in ranked(some)] == ["leak", "n-plus-one", "cold-cache", "slow-handler"]


def test_what_is_rarely_asked_matters_less() -> None:
    often = _looked(0.05, 0.002, ask=Ask("/a", weight=10.0), inside=_statements("SELECT {}", 40, _LOOP))
    rare = replace(often, ask=Ask("/b", weight=0.1), inside=_statements("SELECT a{}", 40, _HANDLER))
    assert [one.request for one in found([rare, often], "web")][:1] == ["GET /a"]
